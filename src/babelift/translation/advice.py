"""Says before the work where a translator is too poor for the encoder that is to learn from it."""

from collections.abc import Iterable, Mapping
from typing import Final

from babelift.errors import BabeliftWarning
from babelift.translation.protocol import Translator
from babelift.translation.registry import TRANSLATORS, parse

EVIDENCE: Final = "a pretrained encoder gains little from such translations and may lose by them"


class PoorTranslationsWarning(BabeliftWarning):
    """A pretrained encoder is about to learn from translations that may do it more harm than good.

    Only what a translator's kind tells counts: of a program, a table or another package's
    translator nothing is said.
    """


def fault_of(translator: str | Translator) -> str:
    """What all translations of a translator are, where that is a fault; else empty.

    Raises:
        ConfigError: There is no translator of that name.

    >>> fault_of("mini"), fault_of("degraded:drop=0:lexicon:words.tsv"), fault_of("m2m100")
    ('made word by word', 'made word by word', '')
    """
    if not isinstance(translator, str):
        return str(getattr(translator, "poor", ""))
    entry, argument = parse(translator)
    if entry.name != "degraded":
        return entry.poor
    from babelift.translation.engines.degraded import Damage

    damage, base = Damage.parse(argument)
    return fault_of(base) or (entry.poor if damage.strength else "")


def fault_of_name(name: str) -> str:
    """The same of a translator of which rows know the name alone, see `corpus.rows`.

    >>> fault_of_name("mini+drop=0.3"), fault_of_name("my-service")
    ('made word by word', '')
    """
    entry = TRANSLATORS.get(name.partition("+")[0])
    return entry.poor if entry else ""


def poor_translations(faults: Mapping[str, str], encoders: Iterable[str], instead: str) -> str:
    """What is to be known before encoders learn from translators; empty where there is nothing.

    Args:
        faults: By translator's name, see `fault_of`.
        encoders: Which learn from their translations.
        instead: How to do without translations.

    >>> poor_translations({"mini": "made word by word"}, ["scratch"], "--arm zero-shot")
    ''
    >>> poor_translations({"mini": "made word by word"}, ["e5-small"], "--arm zero-shot")
    "translations by 'mini' are made word by word: a pretrained encoder gains little from such \
translations and may lose by them. Take m2m100, opus-mt or a table of good translations \
(table:FILE#SYSTEM), or none: --arm zero-shot."
    """
    names: dict[str, list[str]] = {}
    for name, fault in faults.items():
        names.setdefault(fault, []).append(f"'{name}'")
    names.pop("", None)
    if not names or set(encoders) <= {"scratch"}:
        return ""
    poor = ", ".join(f"by {', '.join(by)} are {fault}" for fault, by in names.items())
    return (
        f"translations {poor}: {EVIDENCE}. Take m2m100, opus-mt or a table of good translations "
        f"(table:FILE#SYSTEM), or none: {instead}."
    )
