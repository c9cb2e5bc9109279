"""Two conditions measured with the same seeds on the same test rows, checked and numbered."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from babelift.errors import DataError
from babelift.evaluate.scores import Counts, Floats


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the statistics of a paired difference need to know.

    Attributes:
        difference: `(seeds, rows) float64`: 1 where only the arm is right, -1 where only the base
            is, else 0.
        langs: `(rows,) int64` language numbers.
        items: `(rows,) int64` item numbers; rows of several languages can be one item.
        names: The languages' names, in order of their numbers.
    """

    difference: Floats
    langs: Counts
    items: Counts
    names: tuple[str, ...]

    @property
    def seeds(self) -> int:
        """How many seeds both conditions were trained with."""
        return len(self.difference)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which items occur in which language: `(languages, items) bool`."""
        found = np.zeros((len(self.names), int(self.items.max()) + 1), dtype=np.bool_)
        found[self.langs, self.items] = True
        return found

    def of(self, lang: int) -> "Comparison":
        """The rows of one language, by its number."""
        rows = np.flatnonzero(self.langs == lang)
        items = np.unique(self.items[rows], return_inverse=True)[1]
        return Comparison(
            self.difference[:, rows],
            np.zeros(len(rows), dtype=np.int64),
            items.astype(np.int64),
            (self.names[lang],),
        )


def make_comparison(
    right_arm: npt.ArrayLike,
    right_base: npt.ArrayLike,
    langs: Sequence[str] | npt.NDArray[Any],
    groups: Sequence[Hashable] | npt.NDArray[Any],
) -> Comparison:
    """Check the arrays of a comparison and number its languages and items.

    Args:
        right_arm: `(seeds, rows) bool`: was the arm right; 0 and 1 will do.
        right_base: The same for the base, with the same seeds and rows.
        langs: `(rows,)` the language of each row.
        groups: `(rows,)` the test item of each row; parallel sets share items between languages.

    Raises:
        DataError: Shapes that do not fit, values other than 0 and 1, or a language with fewer
            than two items, whose luck cannot be told from one item.

    >>> made = make_comparison([[1, 1, 0]], [[0, 1, 1]], ["de", "de", "de"], [7, 8, 9])
    >>> made.difference.tolist(), made.names
    ([[1.0, 0.0, -1.0]], ('de',))
    """
    arm, base = _right(right_arm, "right_arm"), _right(right_base, "right_base")
    if arm.shape != base.shape:
        raise DataError(
            f"right_arm is {arm.shape} and right_base {base.shape}; both must be (seeds, rows), "
            "with the same seeds and rows."
        )
    for name, given in (("langs", langs), ("groups", groups)):
        if len(given) != arm.shape[1]:
            raise DataError(f"{name} has {len(given)} entries for {arm.shape[1]} rows.")
    spoken = np.asarray(langs)
    if spoken.dtype == object:
        spoken = spoken.astype(str)
    names, numbers = np.unique(spoken, return_inverse=True)
    made = Comparison(
        arm - base, numbers.astype(np.int64), _numbers(groups), tuple(map(str, names))
    )
    for name, items in zip(made.names, made.present.sum(axis=1), strict=True):
        if items < 2:
            raise DataError(f"language '{name}' has fewer than two test items.")
    return made


def _right(values: npt.ArrayLike, name: str) -> Floats:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be an array (seeds, rows) of 0 and 1.") from None
    if found.ndim != 2 or not found.size:
        raise DataError(f"{name} must be (seeds, rows), neither of them none; got {found.shape}.")
    if not ((found == 0) | (found == 1)).all():
        raise DataError(f"{name} holds values other than 0 and 1 (or False and True).")
    return found


def _numbers(groups: Sequence[Hashable] | npt.NDArray[Any]) -> Counts:
    """The number of each row's item; sorting arrays of one kind is faster than a dictionary."""
    if isinstance(groups, np.ndarray) and groups.dtype != object:
        return np.unique(groups, return_inverse=True)[1].astype(np.int64)
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(group, len(known)) for group in groups], dtype=np.int64)
