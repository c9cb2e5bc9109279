"""IBM model 1: how probable a word is as the translation of another, learnt from sentence pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class Units:
    """Sentences as numbers of words, one after the other.

    Attributes:
        ids: (words,) int32, numbers of the words.
        starts: (sentences + 1,) int64, where each sentence begins.
        size: How many different words there are.
    """

    ids: np.ndarray
    starts: np.ndarray
    size: int

    @classmethod
    def of(cls, sentences: Sequence[Sequence[int]], size: int) -> "Units":
        """Sentences of word numbers below `size`."""
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        starts = np.concatenate(([0], np.cumsum(lengths)))
        ids = np.fromiter((i for sentence in sentences for i in sentence), np.int32, starts[-1])
        return cls(ids, starts, size)


def translation_probabilities(
    source: Units, target: Units, *, rounds: int = 5, smallest: float = 1e-3
) -> sp.csr_matrix:
    """Probabilities t(target word | source word) by expectation maximisation.

    IBM model 1 of Brown et al. 1993, "The Mathematics of Statistical Machine Translation", with the
    empty word as row 0.

    Args:
        source: Sentences whose words are conditioned on.
        target: Their counterparts, in the same order.
        rounds: Rounds of expectation and maximisation.
        smallest: Probabilities below this are left out of the result.

    Returns:
        (1 + source.size, target.size) float32; row 1 + s holds t(. | s).

    >>> source = Units.of([[0, 1], [0]], size=2)
    >>> target = Units.of([[0, 1], [0]], size=2)
    >>> table = translation_probabilities(source, target, rounds=20).toarray()
    >>> bool(table[1, 0] > 0.9 and table[2, 1] > 0.9)
    True
    """
    rows, columns, groups = _cells(source, target)
    keys, cells = np.unique(rows.astype(np.int64) * target.size + columns, return_inverse=True)
    cells = cells.astype(np.int32)
    key_rows = (keys // target.size).astype(np.int32)
    del rows, columns
    probability = np.full(len(keys), 1.0, np.float32)
    for _ in range(rounds):
        weight = probability[cells]
        total = np.add.reduceat(weight, groups[:-1])
        weight /= np.repeat(total, np.diff(groups))
        count = np.bincount(cells, weight, len(keys))
        mass = np.bincount(key_rows, count, source.size + 1)
        probability = (count / mass[key_rows]).astype(np.float32)
    kept = probability >= smallest
    place = (key_rows[kept], (keys[kept] % target.size).astype(np.int32))
    return sp.csr_matrix((probability[kept], place), (source.size + 1, target.size))


def _cells(source: Units, target: Units) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every target word beside every source word of its pair and the empty word.

    Returns:
        Rows (0 the empty word, 1 + s a source word), columns, and where each target word's cells
        begin, with the end of the last.
    """
    source_lengths = np.diff(source.starts)
    sentence = np.repeat(np.arange(len(target.starts) - 1), np.diff(target.starts))
    width = source_lengths[sentence] + 1
    groups = np.concatenate(([0], np.cumsum(width)))
    inside = np.arange(groups[-1]) - np.repeat(groups[:-1], width)
    at = np.repeat(source.starts[sentence], width) + inside - 1
    rows = np.where(inside == 0, 0, source.ids[np.maximum(at, 0)] + 1).astype(np.int32)
    return rows, np.repeat(target.ids, width), groups
