"""The named multilingual models: M2M100 and NLLB, from the hub or from a folder."""

from babelift.config import Translating
from babelift.hub import fetch
from babelift.translate.ct2 import CT2Translator, load_published
from babelift.translate.registry import TRANSLATORS, license_of, suggestions


def m2m100(argument: str, config: Translating) -> CT2Translator:
    """The translator of `m2m100` or `m2m100:FOLDER_OR_HUB_ID`."""
    return _load("m2m100", argument, config)


def m2m100_large(argument: str, config: Translating) -> CT2Translator:
    """The translator of `m2m100-1.2b` or `m2m100-1.2b:FOLDER_OR_HUB_ID`."""
    return _load("m2m100-1.2b", argument, config)


def nllb(argument: str, config: Translating) -> CT2Translator:
    """The translator of `nllb-600m` or `nllb-600m:FOLDER_OR_HUB_ID`."""
    return _load("nllb-600m", argument, config)


def _load(name: str, argument: str, config: Translating) -> CT2Translator:
    entry = TRANSLATORS[name]
    folder = fetch(argument or str(entry.hub_id), kind="translator", known=suggestions())
    return load_published(folder, config, name=name, license=license_of(entry, argument))
