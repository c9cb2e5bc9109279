"""For tests of code that uses Babelift: a translator made of a function, which needs no model."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Literal

from babelift.translation.protocol import Translation


class FunctionTranslator:
    """Translates by calling a function; remembers what it was asked.

    Args:
        function: Given text, source and target tags, returns the translation, None where there
            is none.
        name: Also the fingerprint.
        unit: What it wants to be given.
        pairs: The pairs it can do; every pair if absent.

    Attributes:
        seen: Every text it was given, in order.

    >>> shout = FunctionTranslator(lambda text, source, target: text.upper())
    >>> [result.text for result in shout.translate(["good"], "en", "de")], shout.seen
    (['GOOD'], ['good'])
    """

    license = "CC0-1.0"

    def __init__(
        self,
        function: Callable[[str, str, str], str | None],
        *,
        name: str = "function",
        unit: Literal["sentence", "text"] = "sentence",
        pairs: Collection[tuple[str, str]] | None = None,
    ) -> None:
        self.name = name
        self.fingerprint = name
        self.unit: Literal["sentence", "text"] = unit
        self.seen: list[str] = []
        self._function = function
        self._pairs = None if pairs is None else frozenset(pairs)

    def pairs(self) -> frozenset[tuple[str, str]] | None:
        """The pairs it was made for."""
        return self._pairs

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Call the function on each text."""
        for text in texts:
            self.seen.append(text)
            yield Translation(self._function(text, source_lang, target_lang))

    def close(self) -> None:
        """Nothing to release."""
