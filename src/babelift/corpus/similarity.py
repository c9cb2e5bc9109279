"""Texts that are the same but for what does not matter, or nearly the same.

The search is exact prefix filtering (Bayardo, Ma and Srikant 2007): when two sets have a Jaccard
similarity of t or more, they share one of the rarest few members of either. So each text is looked
up by its rarest shingles only, and compared with the few others that have one of them.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

_UNHEARD: Final = r"[\p{P}\p{Z}\p{C}\s]+"

SHINGLE: Final = 5
"""Characters in a shingle."""

MIN_SHINGLES: Final = 20
"""Distinct shingles that a text needs; shorter ones resemble each other by chance."""

# So many lookalikes only happen among texts made from one template. A text is compared with a few
# first and only if none of them matches with more, but never with all.
_COMPARED: Final = (20, 500)
_CHARACTERS: Final = 2_000_000
_PAIRS: Final = 50_000


def normalise(texts: pl.Series) -> pl.Series:
    """Texts in NFKC, case-folded, without punctuation, white space and invisible characters.

    Letters, digits, marks and symbols stay, so emoji still tell texts apart. A text of
    punctuation alone becomes empty.

    >>> normalise(pl.Series(["Great!", "ＧＲＥＡＴ…", "great 👍"])).to_list()
    ['great', 'great', 'great👍']
    """
    folded = [
        None if text is None else unicodedata.normalize("NFKC", text).casefold() for text in texts
    ]
    return pl.Series(texts.name, folded, dtype=pl.String).str.replace_all(_UNHEARD, "")


class Match(NamedTuple):
    """Two texts that are nearly the same.

    Attributes:
        place: Place in the first list.
        other: Place in the second list.
        similarity: Jaccard similarity of their shingles, 0 to 1.
    """

    place: int
    other: int
    similarity: float


class _Sets(NamedTuple):
    """Shingle sets in one array: set i is `members[bounds[i]:bounds[i + 1]]`, sorted."""

    members: Any
    bounds: Any

    @property
    def sizes(self) -> Any:
        return np.diff(self.bounds)

    @property
    def owners(self) -> Any:
        """The number of the set that each member is in."""
        return np.repeat(np.arange(len(self.bounds) - 1), self.sizes)

    def in_order(self) -> "_Sets":
        """The sets with their members in ascending order."""
        return _Sets(self.members[np.lexsort((self.members, self.owners))], self.bounds)

    def matrix(self, width: int) -> Any:
        """The sets as rows of a sparse matrix of zeros and ones, `(sets, width) int32`."""
        from scipy.sparse import csr_matrix

        ones = np.ones(len(self.members), dtype=np.int32)
        return csr_matrix((ones, self.members, self.bounds), shape=(len(self.bounds) - 1, width))


def near_duplicates(texts: Sequence[str], others: Sequence[str], threshold: float) -> list[Match]:
    """For each text the most similar of the others, where that is similar enough.

    Args:
        texts: Normalised texts.
        others: Normalised texts to compare with.
        threshold: Least Jaccard similarity, above 0 and at most 1.

    Returns:
        One match per text that has one, in the order of the texts. Texts with fewer than
        `MIN_SHINGLES` shingles have none.

    >>> near_duplicates(["abcdefghijklmnopqrstuvwxyz1"], ["abcdefghijklmnopqrstuvwxyz2"], 0.9)
    [Match(place=0, other=0, similarity=0.9166666666666666)]
    """
    reference = _shingle_sets(others)
    if not len(reference.members) or not texts:
        return []
    index = _Index(reference, threshold)
    matches: list[Match] = []
    for start, part in _parts(texts):
        matches += [
            Match(start + match.place, match.other, match.similarity)
            for match in index.search(_shingle_sets(part))
        ]
    return matches


class _Index:
    """Looks shingle sets up by their rarest members."""

    def __init__(self, reference: _Sets, threshold: float) -> None:
        self.threshold = threshold
        self.sizes = reference.sizes
        self.vocabulary, ids = np.unique(reference.members, return_inverse=True)
        frequency = np.bincount(ids)
        rank = np.empty(len(frequency), dtype=np.int64)
        rank[np.argsort(frequency, kind="stable")] = np.arange(len(frequency))
        self.rank = rank
        sets = _Sets(rank[ids], reference.bounds).in_order()
        self.matrix = sets.matrix(len(rank))
        owner = sets.owners
        place = np.arange(len(ids)) - sets.bounds[owner]
        kept = (place < self._prefix(self.sizes)[owner]) & (self.sizes >= MIN_SHINGLES)[owner]
        order = np.argsort(sets.members[kept], kind="stable")
        self.keys, self.owners = sets.members[kept][order], owner[kept][order]

    def search(self, sets: _Sets) -> list[Match]:
        """The best match of each set that has one."""
        sizes, owner = sets.sizes, sets.owners
        place = np.minimum(np.searchsorted(self.vocabulary, sets.members), len(self.vocabulary) - 1)
        known = self.vocabulary[place] == sets.members
        count = np.bincount(owner[known], minlength=len(sizes))
        # Shingles that no other text has are the rarest of all, and use up the prefix unmatched.
        prefix = self._prefix(sizes) - (sizes - count)
        prefix[sizes < MIN_SHINGLES] = 0
        bounds = np.concatenate([[0], np.cumsum(count)])
        ranked = _Sets(self.rank[place[known]], bounds).in_order()
        matrix = ranked.matrix(len(self.rank))
        owner = owner[known]
        asked = np.arange(len(owner)) - bounds[owner] < prefix[owner]
        best: dict[int, Match] = {}
        done = np.zeros(len(sizes), dtype=bool)
        for most in _COMPARED:
            asked &= ~done[owner]
            left, right = self._candidates(ranked.members[asked], owner[asked], sizes, most)
            best |= self._best(matrix, sizes, left, right)
            done[list(best)] = True
        return [best[place] for place in sorted(best)]

    def _prefix(self, sizes: Any) -> Any:
        return sizes - np.ceil(self.threshold * sizes - 1e-9).astype(np.int64) + 1

    def _candidates(self, keys: Any, owner: Any, sizes: Any, most: int) -> tuple[Any, Any]:
        """Sets and others that share a rare shingle and are of similar size, at most so many."""
        low = np.searchsorted(self.keys, keys, side="left")
        number = np.searchsorted(self.keys, keys, side="right") - low
        running = np.cumsum(number)
        before = running - number
        first = np.searchsorted(owner, owner, side="left")
        number = np.clip(most - (before - before[first]), 0, number)
        left = np.repeat(owner, number)
        offset = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        right = self.owners[np.repeat(low, number) + offset]
        smaller = np.minimum(sizes[left], self.sizes[right])
        larger = np.maximum(sizes[left], self.sizes[right])
        fit = smaller >= self.threshold * larger - 1e-9
        pairs = np.unique(left[fit] * len(self.sizes) + right[fit])
        return pairs // len(self.sizes), pairs % len(self.sizes)

    def _best(self, matrix: Any, sizes: Any, lefts: Any, rights: Any) -> dict[int, Match]:
        best: dict[int, Match] = {}
        for start in range(0, len(lefts), _PAIRS):
            left, right = lefts[start : start + _PAIRS], rights[start : start + _PAIRS]
            product = matrix[left].multiply(self.matrix[right])
            shared = np.asarray(product.sum(axis=1)).ravel()
            similarity = shared / (sizes[left] + self.sizes[right] - shared)
            for place in np.flatnonzero(similarity >= self.threshold - 1e-9):
                match = Match(int(left[place]), int(right[place]), float(similarity[place]))
                if match.place not in best or best[match.place].similarity < match.similarity:
                    best[match.place] = match
        return best


def _shingle_sets(texts: Sequence[str]) -> _Sets:
    """The distinct shingles of each text as 64-bit hashes."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    owner = np.repeat(np.arange(len(texts)), lengths)
    windows = max(len(codes) - SHINGLE + 1, 0)
    hashes = np.zeros(windows, dtype=np.uint64)
    for offset in range(SHINGLE):
        hashes = (hashes + codes[offset : offset + windows]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    last = owner[SHINGLE - 1 : SHINGLE - 1 + windows]
    whole = owner[:windows] == last
    hashes, owner = hashes[whole], owner[:windows][whole]
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    new = np.ones(len(hashes), dtype=bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])
    counts = np.bincount(owner[new], minlength=len(texts))
    return _Sets(hashes[new], np.concatenate([[0], np.cumsum(counts)]))


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Runs of texts of bounded total length, each with the place of its first."""
    start, size = 0, 0
    for place, text in enumerate(texts):
        if size and size + len(text) > _CHARACTERS:
            yield start, texts[start:place]
            start, size = place, 0
        size += len(text)
    yield start, texts[start:]
