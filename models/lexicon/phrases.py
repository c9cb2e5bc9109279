"""Phrases of a few words that stand for each other, counted."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.alignment import Units

_NONE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Phrases:
    """The phrases of up to a few words in sentences.

    Attributes:
        words: By length, (phrases, length) int32, the words of each.
        counts: (all phrases,) int64, how often each occurs, shorter ones first.
        at: By length, (places,) int64, number of the phrase that begins there, -1 where none does.
    """

    words: list[np.ndarray]
    counts: np.ndarray
    at: list[np.ndarray]

    @cached_property
    def offsets(self) -> np.ndarray:
        """(1 + lengths,) number of the first phrase of each length, and how many there are."""
        return np.cumsum([0, *map(len, self.words)])

    def words_of(self, number: int) -> tuple[int, ...]:
        """The words of a phrase."""
        length = int(np.searchsorted(self.offsets, number, side="right")) - 1
        return tuple(self.words[length][number - self.offsets[length]].tolist())

    def number_of(self, words: tuple[int, ...]) -> int:
        """The number of a phrase; -1 where it does not occur."""
        return self._numbers.get(words, -1)

    @cached_property
    def _numbers(self) -> dict[tuple[int, ...], int]:
        every = (tuple(row) for rows in self.words for row in rows.tolist())
        return {words: number for number, words in enumerate(every)}


def phrases(units: Units, longest: int) -> Phrases:
    """All phrases of up to `longest` words."""
    words = [np.arange(units.size, dtype=np.int32)[:, None]]
    at = [units.ids.astype(np.int64)]
    counts = [np.bincount(units.ids, minlength=units.size)]
    for length in range(2, longest + 1):
        inside = _inside(units, length)
        begin = np.flatnonzero(inside)
        key = at[-1][begin] * units.size + units.ids[begin + length - 1]
        key, number, count = np.unique(key, return_inverse=True, return_counts=True)
        words.append(
            np.column_stack((words[-1][key // units.size], (key % units.size).astype(np.int32)))
        )
        here = np.full(len(units.ids), -1)
        here[begin] = number
        at.append(here)
        counts.append(count)
    starts = np.cumsum([0, *map(len, words)])[:-1]
    at = [np.where(here < 0, -1, here + start) for here, start in zip(at, starts, strict=True)]
    return Phrases(words, np.concatenate(counts), at)


def _inside(units: Units, length: int) -> np.ndarray:
    """(places,) bool, where a phrase of this length begins that ends in the same sentence."""
    last = np.repeat(units.starts[1:], np.diff(units.starts))
    inside: np.ndarray = np.arange(len(units.ids)) + length <= last
    return inside


@dataclass(frozen=True)
class Counterparts:
    """Which phrases stand for each other.

    Attributes:
        left: (entries,) int64, numbers of left phrases.
        right: (entries,) int64, numbers of right phrases.
        counts: (entries,) int64, how often the two stand for each other.
        alone_left: (left words,) int64, how often a word has no counterpart.
        alone_right: (right words,) int64, the same on the right.
    """

    left: np.ndarray
    right: np.ndarray
    counts: np.ndarray
    alone_left: np.ndarray
    alone_right: np.ndarray


def counterparts(
    left: Units,
    right: Units,
    links: tuple[np.ndarray, np.ndarray],
    sides: tuple[Phrases, Phrases],
) -> Counterparts:
    """Count the phrases of which all links lead into the other, and begin and end with a link.

    Koehn et al. 2003, "Statistical Phrase-Based Translation".

    Args:
        left: Sentences.
        right: Their counterparts.
        links: Places of linked words, see `models.lexicon.links.link`.
        sides: The phrases of both.
    """
    least_left, most_left = _reach(links[0], links[1], len(left.ids))
    least_right, most_right = _reach(links[1], links[0], len(right.ids))
    longest = len(sides[1].at)
    spans = [_span(right, least_right, most_right, length) for length in range(1, longest + 1)]
    found_left, found_right = [], []
    for length, numbers in enumerate(sides[0].at, start=1):
        least, most = _span(left, least_left, most_left, length)
        last = np.minimum(np.arange(len(least)) + length - 1, len(least) - 1)
        begin = np.flatnonzero((numbers >= 0) & (most_left >= 0) & (most_left[last] >= 0))
        width = most[begin] - least[begin] + 1
        for size in range(1, longest + 1):
            place = begin[width == size]
            to = least[place]
            back_least, back_most = spans[size - 1]
            fits = (back_least[to] >= place) & (back_most[to] < place + length)
            found_left.append(numbers[place[fits]])
            found_right.append(sides[1].at[size - 1][to[fits]])
    total = len(sides[1].counts)
    keys = np.concatenate(found_left) * total + np.concatenate(found_right)
    keys, counts = np.unique(keys, return_counts=True)
    return Counterparts(
        keys // total,
        keys % total,
        counts,
        np.bincount(left.ids[most_left < 0], minlength=left.size),
        np.bincount(right.ids[most_right < 0], minlength=right.size),
    )


def _reach(places: np.ndarray, others: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last place each word is linked to; `_NONE` and -1 where there is none."""
    least, most = np.full(count, _NONE), np.full(count, -1)
    np.minimum.at(least, places, others)
    np.maximum.at(most, places, others)
    return least, most


def _span(
    units: Units, least: np.ndarray, most: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """First and last place the phrases of one length are linked to, by where they begin."""
    first, last = least.copy(), most.copy()
    for shift in range(1, min(length, len(least))):
        first[:-shift] = np.minimum(first[:-shift], least[shift:])
        last[:-shift] = np.maximum(last[:-shift], most[shift:])
    return first, last
