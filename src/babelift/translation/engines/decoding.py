"""How a model searches for its output, and another way to try where the first went wrong."""

from dataclasses import dataclass
from typing import Final

from babelift.translation.segments import MAX_TOKENS

_BEAM: Final = 5
_NO_REPEAT: Final = 3


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the output is searched for, beside the model's own rules.

    Attributes:
        beam_size: Beam width; 1 is greedy.
        no_repeat_ngram_size: No run of this many tokens may occur twice; 0 for no limit.
    """

    beam_size: int = 1
    no_repeat_ngram_size: int = 0

    @property
    def label(self) -> str:
        """What to add to a translator's name: `beam5`, `greedy`."""
        return "greedy" if self.beam_size == 1 else f"beam{self.beam_size}"

    def other(self) -> "Decoding":
        """What to try where this gave a faulty output.

        Greedy search runs into loops that a beam avoids, and a beam prefers outputs that end too
        soon, which greedy search does not. Either way, loops are forbidden the second time; by a
        rule on runs, as a penalty on single tokens would change sound sentences too.

        >>> Decoding(1).other().label, Decoding(4).other().label
        ('beam5', 'greedy')
        """
        return Decoding(_BEAM if self.beam_size == 1 else 1, _NO_REPEAT)

    def ngram(self, own: int | None) -> int:
        """The stricter of this limit and the model's own.

        >>> Decoding().ngram(4), Decoding().other().ngram(None), Decoding().other().ngram(2)
        (4, 3, 2)
        """
        return min((size for size in (self.no_repeat_ngram_size, own) if size), default=0)

    def __str__(self) -> str:
        """For a fingerprint: what is at its default is left out."""
        rule = f" ngram:{self.no_repeat_ngram_size}" if self.no_repeat_ngram_size else ""
        return f"beam:{self.beam_size}{rule}"


def longest_input(source_limit: int, output_limit: int) -> int:
    """The most tokens of a segment that is sent whole, special ones not counted.

    A translation may have half as many tokens again as its source, and must fit too.

    >>> longest_input(1024, 200), longest_input(512, 512)
    (133, 256)
    """
    return max(1, min(MAX_TOKENS, source_limit - 2, output_limit * 2 // 3))
