"""Links between the words of a sentence and those of its counterpart."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.alignment import Units

_AROUND: Final = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]


@dataclass(frozen=True)
class Cells:
    """Every word of a sentence beside every word of its counterpart.

    Attributes:
        left: (cells,) int32, place of the left word among all left words.
        right: (cells,) int32, place of the right word among all right words.
        kind: (cells,) int32, which two words they are.
        nearness: (cells,) float32, near 1 where both are equally far on in their sentences.
        kinds_left: (kinds,) int32, the left word of each kind.
        kinds_right: (kinds,) int32, the right word of each kind.
    """

    left: np.ndarray
    right: np.ndarray
    kind: np.ndarray
    nearness: np.ndarray
    kinds_left: np.ndarray
    kinds_right: np.ndarray


def cells(left: Units, right: Units, diagonal: float) -> Cells:
    """The cells of all pairs; ordered by sentence, left word, right word.

    Args:
        left: Sentences.
        right: Their counterparts, in the same order.
        diagonal: How quickly nearness falls, see `link`.
    """
    lengths_left, lengths_right = np.diff(left.starts), np.diff(right.starts)
    sizes = lengths_left * lengths_right
    ends = np.cumsum(sizes)
    sentence = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    within = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
    width = lengths_right[sentence]
    i, j = within // width, within % width
    far = (i + 0.5) / lengths_left[sentence] - (j + 0.5) / width
    nearness = np.exp(-diagonal * np.abs(far)).astype(np.float32)
    places_left = (left.starts[sentence] + i).astype(np.int32)
    places_right = (right.starts[sentence] + j).astype(np.int32)
    del within, width, i, j, far, sentence
    keys = left.ids[places_left].astype(np.int64) * right.size + right.ids[places_right]
    keys, kind = np.unique(keys, return_inverse=True)
    return Cells(
        places_left, places_right, kind.astype(np.int32), nearness,
        (keys // right.size).astype(np.int32), (keys % right.size).astype(np.int32),
    )  # fmt: skip


def link(
    left: Units, right: Units, *, rounds: int = 4, diagonal: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Which word stands for which.

    IBM model 1 in both directions (Brown et al. 1993), with a preference for equal relative places
    (Dyer et al. 2013, "A Simple, Fast, and Effective Reparameterization of IBM Model 2"). The most
    probable links of the two are put together as in Koehn et al. 2003, "Statistical Phrase-Based
    Translation".

    Args:
        left: Sentences.
        right: Their counterparts, in the same order.
        rounds: Rounds of expectation and maximisation.
        diagonal: How strong the preference is; 0 for none.

    Returns:
        (links,) places among all left words, and among all right words.
    """
    grid = cells(left, right, diagonal)
    forward = _Direction(grid.left, left, grid.kinds_right, right.size, grid)
    backward = _Direction(grid.right, right, grid.kinds_left, left.size, grid)
    for direction in (forward, backward):
        for _ in range(rounds):
            direction.learn(direction.expect())
    return _together(grid, forward.best(), backward.best(), left, right)


class _Direction:
    """How probable each generated word is, given the word that generates it or the empty one."""

    def __init__(
        self, place: np.ndarray, units: Units, given: np.ndarray, givens: int, grid: Cells
    ) -> None:
        self._place, self._units = place, units
        self._given, self._givens, self._grid = given, givens, grid
        self._probability = np.ones(len(given), np.float32)
        self._empty = np.ones(units.size, np.float32)

    def expect(self) -> np.ndarray:
        """(cells,) float32, how probable it is that a cell is a link."""
        weight = self._probability[self._grid.kind] * self._grid.nearness
        total = np.bincount(self._place, weight, len(self._units.ids))
        total += self._empty[self._units.ids]
        weight /= total.astype(np.float32)[self._place]
        return weight

    def learn(self, expected: np.ndarray) -> None:
        """Set the probabilities to the shares of what is expected."""
        count = np.bincount(self._grid.kind, expected, len(self._probability))
        mass = np.bincount(self._given, count, self._givens)
        self._probability = (count / np.maximum(mass, 1e-12)[self._given]).astype(np.float32)
        linked = np.bincount(self._place, expected, len(self._units.ids))
        empty = np.bincount(self._units.ids, np.maximum(1 - linked, 1e-6), self._units.size)
        self._empty = (empty / empty.sum()).astype(np.float32)

    def best(self) -> np.ndarray:
        """(cells,) bool, the most probable link of every generated word that has one."""
        weight = self._probability[self._grid.kind] * self._grid.nearness
        most = self._empty[self._units.ids]
        np.maximum.at(most, self._place, weight)
        found: np.ndarray = (weight >= most[self._place]) & (weight > 0)
        return found


def _together(
    grid: Cells, there: np.ndarray, back: np.ndarray, left: Units, right: Units
) -> tuple[np.ndarray, np.ndarray]:
    """Links both directions have, and those of one that stand beside a link of a new word."""
    either = np.flatnonzero(there | back)
    # The number of the sentence keeps its last word apart from the first of the next.
    sentence = np.searchsorted(left.starts, grid.left[either], side="right")
    width = len(right.ids) + len(right.starts)
    key = (grid.left[either] + sentence) * width + grid.right[either] + sentence
    accepted = (there & back)[either]
    while True:
        open_left, open_right = np.ones(len(left.ids), bool), np.ones(len(right.ids), bool)
        open_left[grid.left[either[accepted]]] = False
        open_right[grid.right[either[accepted]]] = False
        new = ~accepted & (open_left[grid.left[either]] | open_right[grid.right[either]])
        known = key[accepted]
        beside = np.zeros(len(either), bool)
        for i, j in _AROUND:
            beside[new] |= _among(key[new] + i * width + j, known)
        if not beside.any():
            break
        accepted |= beside
    lonely = ~accepted & open_left[grid.left[either]] & open_right[grid.right[either]]
    chosen = either[accepted | lonely]
    return grid.left[chosen], grid.right[chosen]


def _among(keys: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which keys are known; `known` ascends."""
    place = np.searchsorted(known, keys)
    place[place == len(known)] = 0
    found: np.ndarray = known[place] == keys if len(known) else np.zeros(len(keys), bool)
    return found
