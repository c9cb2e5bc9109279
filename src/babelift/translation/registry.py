"""The translators by name, each loaded by one string; nothing is imported before it is used.

Those of other packages join through the entry point group `babelift.translators`, see
`babelift.translation.protocol`.
"""

import tomllib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

from babelift.config import Translating
from babelift.errors import (
    BabeliftError,
    BabeliftWarning,
    ConfigError,
    MissingDependencyError,
    ModelError,
    did_you_mean,
)
from babelift.hub import non_commercial
from babelift.redaction import LEFT_OUT
from babelift.redaction import TRANSLATORS as GROUP
from babelift.translation.protocol import Translator, complete


class NonCommercialWarning(BabeliftWarning):
    """Weights that may not be used commercially are about to be used."""


class TerritoryWarning(BabeliftWarning):
    """Weights that may not be used everywhere are about to be used."""


@dataclass(frozen=True)
class Entry:
    """One way to translate.

    Attributes:
        name: What stands before the colon of a translator's string.
        target: `module:function` that loads it from the argument and the settings.
        description: One line for a table.
        languages: Which languages, in a few words.
        license: SPDX id of the weights or data, None where it depends on what is given.
        territory: Where its licence does not hold, in a few words; None for everywhere.
        family: How hub ids of its kin begin, in small letters: all of them have its licence, as
            has every copy of its weights.
        hub_id: Where its weights are fetched from, None where they are not.
        size: What is fetched, in words.
        argument: What may or must stand after the colon, e.g. `FILE`; empty for nothing.
        required: The argument must be given.
        embedded: Which of the package's own folders holds it, None for none.
        poor: What all its translations are, where that is a fault: `made word by word`.
        service: It is asked over HTTP, which may cost money.
        package: The package of others that offers it, with its version; None for our own.
    """

    name: str
    target: str
    description: str
    languages: str
    license: str | None = None
    territory: str | None = None
    family: Sequence[str] = ()
    hub_id: str | None = None
    size: str | None = None
    argument: str = ""
    required: bool = False
    embedded: str | None = None
    poor: str = ""
    service: bool = False
    package: str | None = None

    @property
    def usage(self) -> str:
        """How it is written: `m2m100`, `lexicon:FILE`."""
        return f"{self.name}:{self.argument}" if self.required else self.name


_TABLE: Final = Path(__file__).with_name("translators.toml")

TRANSLATORS: Final = {
    name: Entry(name, **entry) for name, entry in tomllib.loads(_TABLE.read_text("utf-8")).items()
}
"""Every translator of our own by its name."""


def translators() -> dict[str, Entry]:
    """Every translator by its name: our own, and those of the packages that are installed.

    Where two share a name, ours is taken, else the first; a warning says so.
    """
    known = dict(TRANSLATORS)
    for point in entry_points(group=GROUP):
        entry = _entry_of(point)
        other = known.setdefault(entry.name, entry)
        if (other.target, other.package) != (entry.target, entry.package):
            warnings.warn(
                f"package {entry.package} has a translator '{entry.name}' too; that of "
                f"{other.package or 'Babelift'} is used.",
                BabeliftWarning,
                stacklevel=2,
            )
    return known


def _entry_of(point: EntryPoint) -> Entry:
    package = point.dist
    summary = package.metadata["Summary"] if package else None
    return Entry(
        name=point.name,
        target=point.value,
        description=summary or "a translator of another package",
        languages="the translator's languages",
        argument="ARGUMENT",
        package=f"{package.name} {package.version}" if package else "of unknown name",
    )


def load_translator(spec: str, *, config: Translating | None = None) -> Translator:
    """The translator that a string names.

    Args:
        spec: `m2m100`, `opus-mt:FOLDER`, `ct2:FOLDER`, `lexicon:FILE`, ...
        config: Beam width, arithmetic and what else the back end reads; defaults if absent.

    Raises:
        ConfigError: The name is not known, or its argument is missing or too much.
        ModelError: The model cannot be found, fetched, converted or opened.
        MissingDependencyError: A library or program it needs is not installed.

    >>> load_translator("m2m10")
    Traceback (most recent call last):
    babelift.errors.ConfigError: translator 'm2m10' is not known; did you mean 'm2m100'?
    Known: m2m100, m2m100-1.2b, nllb-600m, nllb-1.3b, madlad-3b, opus-mt, hy-mt, \
firefox:FOLDER_OR_HUB_ID, ct2:FOLDER, hf:FOLDER_OR_HUB_ID, mini, mini-lexicon, lexicon:FILE, \
table:FILE#SYSTEM, command:CMD, openai:MODEL@URL, libretranslate:URL, deepl, \
degraded:KIND=SHARE:TRANSLATOR.
    """
    entry, argument = parse(spec)
    if entry.name in TRANSLATORS:
        translators()  # for its warning where another package has one of that name
    published = _published(entry, argument)
    if published:
        _warn_of_terms(spec, published.license, published.territory)
    config = config or Translating()
    if entry.package is None:
        return _load_own(entry, argument, config)
    translator = _load_of_others(entry, entry.package, argument, config)
    _warn_of_terms(spec, translator.license)
    return translator


def _warn_of_terms(spec: str, terms: str | None, territory: str | None = None) -> None:
    if territory:
        warnings.warn(
            f"{spec}: its licence ({terms}) says that it is {territory}, nor is what is made with "
            "it. m2m100 (MIT), madlad-3b (Apache-2.0) and opus-mt have no such limit.",
            TerritoryWarning,
            stacklevel=3,
        )
    if non_commercial(terms):
        warnings.warn(
            f"{spec}: its weights are {terms}, for non-commercial use only; what is translated "
            "with them, and a model trained on it, may not be used commercially. m2m100 (MIT) and "
            "opus-mt have no such limit.",
            NonCommercialWarning,
            stacklevel=3,
        )


def _load_own(entry: Entry, argument: str, config: Translating) -> Translator:
    module, function = entry.target.split(":")
    try:
        translator: Translator = getattr(import_module(module), function)(argument, config)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"translator '{entry.name}' needs '{error.name}', which is not installed.",
            f"Install it: pip install {error.name}",
        ) from error
    return translator


def _load_of_others(entry: Entry, package: str, argument: str, config: Translating) -> Translator:
    who = f"translator '{entry.name}' of package {package}"
    update = f"pip install --upgrade {package.split()[0]}"
    hint = f"Update the package ({update}), or ask those who make it."
    # It is the code of others, in which anything may go wrong.
    try:
        translator = EntryPoint(entry.name, entry.target, GROUP).load()(argument, config)
    except BabeliftError:
        raise
    except Exception as error:
        absent = error.name if isinstance(error, ModuleNotFoundError) else None
        if absent and absent.split(".")[0] != entry.target.split(":")[0].split(".")[0]:
            raise MissingDependencyError(
                f"{who} needs '{absent}', which is not installed.",
                f"Install what it needs: {update}",
            ) from error
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{who} ({entry.target}) cannot be loaded: {reason}.", hint) from error
    try:
        return complete(translator)
    except ConfigError as error:
        raise ModelError(f"{who} ({entry.target}): {error.message}", error.hint) from error


def runs_code_of_the_user(spec: str) -> bool:
    """Whether translating runs a program or a package that the user named.

    Raises:
        ConfigError: As `parse`.

    >>> runs_code_of_the_user("mini"), runs_code_of_the_user("degraded:drop=0.3:command:cat")
    (False, True)
    """
    entry = innermost(spec)
    return entry.name == "command" or entry.package is not None


def loads_code_of_the_user(spec: str) -> bool:
    """Whether opening a translator, before any text is sent, runs a package that the user named.

    Raises:
        ConfigError: As `parse`.
    """
    return innermost(spec).package is not None


def asks_a_service(spec: str) -> bool:
    """Whether translating sends requests that may cost money.

    Raises:
        ConfigError: As `parse`.

    >>> asks_a_service("degraded:drop=0.3:deepl"), asks_a_service("mini")
    (True, False)
    """
    return innermost(spec).service


def innermost(spec: str) -> Entry:
    """The entry of a translator, or of the one that it spoils."""
    entry, argument = parse(spec)
    if entry.name != "degraded":
        return entry
    from babelift.translation.engines.degraded import Damage

    return innermost(Damage.parse(argument)[1])


def license_of(entry: Entry, argument: str) -> str | None:
    """The licence of the weights or data that an entry and its argument name, None if not known.

    What is published under a known hub id has its licence there; a family's holds for every copy.

    >>> license_of(TRANSLATORS["hf"], "facebook/m2m100_418M")
    'MIT'
    >>> license_of(TRANSLATORS["nllb-600m"], "folder"), license_of(TRANSLATORS["m2m100"], "folder")
    ('CC-BY-NC-4.0', None)
    """
    published = _published(entry, argument)
    return published.license if published else None


def _published(entry: Entry, argument: str) -> Entry | None:
    """The entry whose licence the weights have that an entry and its argument name."""
    if not argument or entry.family:
        return entry
    return next(
        (
            item
            for item in TRANSLATORS.values()
            if item.hub_id == argument or argument.lower().startswith(tuple(item.family))
        ),
        None,
    )


def parse(spec: str) -> tuple[Entry, str]:
    """The entry and the argument that a translator's string names; loads nothing.

    Raises:
        ConfigError: The name is not known, or its argument is missing or too much.

    >>> parse("lexicon:en-de.tsv")[1]
    'en-de.tsv'
    """
    name, colon, argument = spec.strip().partition(":")
    entry = TRANSLATORS.get(name) or translators().get(name)
    if entry is None:
        known = f"Known: {', '.join(item.usage for item in translators().values())}."
        near = did_you_mean(spec, suggestions())
        if Path(spec).is_dir():
            kind = "ct2" if (Path(spec) / "model.bin").is_file() else "hf"
            near = f"; did you mean '{kind}:{spec}'?"
        elif by_id := [item.name for item in TRANSLATORS.values() if item.hub_id == spec]:
            near = f"; did you mean '{by_id[0]}'?"
        raise ConfigError(f"translator '{spec}' is not known{near}", known)
    if entry.required and not argument:
        raise ConfigError(f"translator '{name}' needs an argument: {entry.usage}.")
    if colon and not entry.argument:
        raise ConfigError(f"translator '{name}' takes no argument. Got '{argument}'.")
    if argument.startswith(LEFT_OUT) or argument.endswith(f" {LEFT_OUT}"):
        raise ConfigError(
            f"translator '{spec}' is only what is shown of one: its argument was left out.",
            f"Name it in full, with what '{LEFT_OUT}' stands for.",
        )
    if name == "degraded":
        from babelift.translation.engines.degraded import Damage

        Damage.parse(argument)
    return entry, argument


def suggestions() -> list[str]:
    """Names and hub ids to offer where one is not found."""
    return [*translators(), *(entry.hub_id for entry in TRANSLATORS.values() if entry.hub_id)]


def describe() -> list[dict[str, Any]]:
    """The translators for a table: name, kind, license, size, where, languages, description.

    Those that ship with Babelift also have their `measurements`; see `babelift.embedded`.
    """
    return [_description(entry) for entry in translators().values()]


def _description(entry: Entry) -> dict[str, Any]:
    description: dict[str, Any] = {
        "name": entry.usage,
        "kind": "translator",
        "license": entry.license,
        "territory": entry.territory,
        "size": entry.size,
        "where": _where(entry),
        "languages": entry.languages,
        "description": entry.description,
    }
    if entry.embedded:
        from babelift.embedded import describe_part

        description |= describe_part(entry.embedded)
    return description


def _where(entry: Entry) -> str:
    if entry.package:
        return f"package {entry.package}"
    if entry.service:
        return "a service, asked over HTTP"
    if entry.hub_id is None:
        return "given by you"
    if "{" in entry.hub_id:
        return f"fetched from {entry.hub_id} on first use"
    from babelift.hub import on_disk

    folder = on_disk(entry.hub_id)
    return str(folder) if folder else f"fetched from {entry.hub_id} on first use"
