"""What every translator looks like, and how one of your own joins.

A translator needs `name`, `fingerprint`, `pairs` and `translate`:

>>> class Reversed:
...     name = "reversed"
...     fingerprint = "reversed/1"  # raise it when the output changes: memories are keyed by it
...
...     def pairs(self):
...         return None  # any
...
...     def translate(self, texts, source_lang, target_lang):
...         return (Translation(text[::-1]) for text in texts)
>>> [result.text for result in complete(Reversed()).translate(["Good."], "en", "de")]
['.dooG']

An object like that goes into `babelift.translate(rows, "de", Reversed())`. A package offers one by
its name, as `--translator reversed` or `reversed:ARGUMENT`, with an entry point in pyproject.toml:

    [project.entry-points."babelift.translators"]
    reversed = "my_package:load"

where `load(argument, config)` returns the translator; `argument` is what follows the colon, empty
where nothing does, and `config` the settings (`babelift.config.Translating`: beam width, ...).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, runtime_checkable

from babelift.errors import ConfigError, LanguageError


class Translation(NamedTuple):
    """One translated text.

    Attributes:
        text: The translation; None where the translator has none for this text.
        truncated: The source was cut before, or the output during translation.
    """

    text: str | None
    truncated: bool = False


@runtime_checkable
class Translator(Protocol):
    """Translates texts between pairs of languages.

    The last three members may be left out of a translator of your own, see `complete`. It may
    also have `notes` (sentences for the report), `origin` (`machine` or `reference`),
    `indivisible` (True where it knows whole texts alone, which are never sent in parts),
    `max_input_tokens` and `count_tokens(texts, source_lang, target_lang)` (what it takes whole),
    `poor` (what all its translations are, where that is a fault: `made word by word`),
    `max_batch_texts` (what it takes at a time), `usage` (a `Usage` of what a service counted), and
    `variant()` (the same with other decoding, for what fails a check).

    Attributes:
        name: Short name for tables and reports, e.g. `m2m100`.
        fingerprint: Identifies everything that changes the output (weights, engine and version,
            arithmetic, decoding); part of the memory's key.
        unit: Whether it takes one `sentence` at a time or a whole `text`.
        license: SPDX id of the weights or data, None where not known.
    """

    name: str
    unit: Literal["sentence", "text"]
    license: str | None

    @property
    def fingerprint(self) -> str:
        """An attribute, or a property where it takes work to find out."""
        ...

    def pairs(self) -> frozenset[tuple[str, str]] | None:
        """The (source, target) tags it can translate; None for every pair."""
        ...

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts, one result per text, in order.

        Raises:
            LanguageError: The pair is not possible.
            TranslationError: The engine failed.
        """
        ...

    def close(self) -> None:
        """Release models and processes; safe to call twice."""
        ...


@runtime_checkable
class DerivedTranslator(Translator, Protocol):
    """A translator that makes its output out of another's, cheaply and always alike.

    The memory keeps the other's output alone, so that what it holds is not translated again.

    Attributes:
        base: The other translator; both take the same texts.
    """

    base: Translator

    def derive(self, made: Translation, source_lang: str, target_lang: str) -> Translation:
        """What this translator makes out of a translation by the other."""
        ...


@runtime_checkable
class BatchTranslator(Translator, Protocol):
    """A translator that works on several batches at a time."""

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """Translate batches, one list per batch, in order; some are under way ahead of it.

        Raises:
            LanguageError: The pair is not possible.
            TranslationError: The engine failed.
        """
        ...


class InBatches:
    """`translate` for a translator that has `translate_batches`."""

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts, one result per text, in order.

        Raises:
            LanguageError, ModelError, TranslationError: As `translate_batches`.
        """
        size = getattr(self, "max_batch_texts", None) or _AT_A_TIME
        batches = (texts[start : start + size] for start in range(0, len(texts), size))
        for results in self.translate_batches(batches, source_lang, target_lang):
            yield from results

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """As in `BatchTranslator`."""
        raise NotImplementedError


_AT_A_TIME: Final = 2048
"""Texts in a batch, so that memory does not grow with their number."""

_OPTIONAL: Final[dict[str, Any]] = {"unit": "text", "license": None, "close": lambda: None}


def complete(translator: Any) -> Translator:
    """An object as a translator: what it may leave out is set on it, what it must have is checked.

    A translator that does not say otherwise takes whole texts, has no known licence and nothing
    to close.

    Raises:
        ConfigError: Something is missing or of another type; names it.

    >>> complete(object())
    Traceback (most recent call last):
    babelift.errors.ConfigError: 'object' is no translator: it lacks name, fingerprint, pairs, \
translate.
    See babelift.translation.protocol for an example.
    """
    kind = type(translator).__name__
    hint = "See babelift.translation.protocol for an example."
    required = ("name", "fingerprint", "pairs", "translate")
    if missing := [name for name in required if not hasattr(translator, name)]:
        raise ConfigError(f"'{kind}' is no translator: it lacks {', '.join(missing)}.", hint)
    for name in ("name", "fingerprint"):
        value = getattr(translator, name)
        if not isinstance(value, str) or not value:
            raise ConfigError(f"'{kind}': {name} must be a text. Got {value!r}.", hint)
    for name in ("pairs", "translate"):
        if not callable(getattr(translator, name)):
            raise ConfigError(f"'{kind}': {name} must be a method.", hint)
    for name, value in _OPTIONAL.items():
        if not hasattr(translator, name):
            try:
                setattr(translator, name, value)
            except AttributeError as error:
                raise ConfigError(f"'{kind}' lacks {name}.", hint) from error
    if translator.unit not in ("sentence", "text"):
        raise ConfigError(
            f"'{kind}': unit must be 'sentence' or 'text'. Got {translator.unit!r}.", hint
        )
    completed: Translator = translator
    return completed


_FEW = 12


def check_pair(
    name: str, source_lang: str, target_lang: str, pairs: Collection[tuple[str, str]]
) -> None:
    """Refuse a pair that is not among `pairs`.

    Raises:
        LanguageError: Names what is possible.

    >>> check_pair("opus-mt-en-de", "de", "en", [("en", "de")])
    Traceback (most recent call last):
    babelift.errors.LanguageError: opus-mt-en-de cannot translate from 'de' into 'en'.
    It translates en > de.
    """
    if (source_lang, target_lang) in pairs:
        return
    if len(pairs) <= _FEW:
        possible = f"It translates {', '.join(f'{a} > {b}' for a, b in sorted(pairs))}."
    else:
        possible = f"Its languages: {', '.join(sorted({tag for pair in pairs for tag in pair}))}."
    raise LanguageError(
        f"{name} cannot translate from '{source_lang}' into '{target_lang}'.", possible
    )
