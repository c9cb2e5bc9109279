"""Random effects that a table can tell apart, and those it cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from babelift.evaluate.scores import Counts, Floats


@dataclass(frozen=True, slots=True)
class Terms:
    """The levels of one random effect.

    Attributes:
        name: Of the column.
        numbers: `(rows,) int64` the level of each row.
    """

    name: str
    numbers: Counts

    @property
    def dummies(self) -> Floats:
        """A column of 0 and 1 for each level: `(rows, levels)`."""
        return np.eye(int(self.numbers.max()) + 1)[self.numbers]


def usable_terms(columns: Mapping[str, Sequence[str]]) -> tuple[list[Terms], list[str]]:
    """The effects that can be estimated, and a sentence for each that cannot.

    Args:
        columns: Levels by name of the column.

    >>> terms, notes = usable_terms({"language": ["de", "de", "ja"], "seed": ["1", "1", "1"]})
    >>> [term.name for term in terms], notes
    (['language'], ['There is one seed only, so it has no effect of its own.'])
    """
    kept: list[Terms] = []
    notes: list[str] = []
    for name, values in columns.items():
        numbers = np.unique(np.asarray(values, dtype=str), return_inverse=True)[1]
        levels = int(numbers.max()) + 1
        twin = next((term.name for term in kept if _same(term.numbers, numbers)), None)
        if levels == 1:
            notes.append(f"There is one {name} only, so it has no effect of its own.")
        elif levels == len(numbers):
            notes.append(f"Every score has its own {name}, so it is the same as the residual.")
        elif twin is not None:
            notes.append(f"Each {name} goes with one {twin}, so the two are one effect.")
        else:
            kept.append(Terms(name, numbers.astype(np.int64)))
    return kept, notes


def _same(one: Counts, other: Counts) -> bool:
    """Whether two columns divide the rows alike."""
    pairs = len(np.unique(one * (int(other.max()) + 1) + other))
    return pairs == int(one.max()) + 1 == int(other.max()) + 1
