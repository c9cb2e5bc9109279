"""What every translator looks like."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from babelift.errors import LanguageError


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

    Attributes:
        name: Short name for tables and reports, e.g. `m2m100`.
        fingerprint: Identifies everything that changes the output (weights, engine and version,
            arithmetic, decoding); part of the memory's key.
        unit: Whether it takes one `sentence` at a time or a whole `text`.
        license: SPDX id of the weights or data, None where not known.
    """

    name: str
    fingerprint: str
    unit: Literal["sentence", "text"]
    license: str | None

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
