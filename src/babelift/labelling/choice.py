"""Which rows to label next: arrays in, row numbers out."""

from collections.abc import Hashable, Mapping
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
L = TypeVar("L", bound=Hashable)

SHORTLIST: Final = 10
"""Candidates, the least sure ones, whose vectors are looked at for each row that is chosen."""


def uncertainty(proba: Floats) -> Floats:
    """How unsure a classifier is of each row: 1 where two labels are level, 0 where one is sure.

    Args:
        proba: `(rows, labels)` probabilities, two labels at the least.

    Returns:
        `(rows,)`: 1 less the difference of the two highest probabilities.

    >>> uncertainty(np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])).tolist()
    [1.0, 0.5]
    """
    best = np.partition(proba, -2, axis=1)
    return np.asarray(1 - best[:, -1] + best[:, -2])


def farthest_first(vectors: npt.NDArray[np.float32], start: int, number: int) -> tuple[Ints, Ints]:
    """Rows that are unlike each other: each is the farthest from all that were chosen before it.

    The greedy k-centre (Gonzalez 1985), as in Sener and Savarese 2018, "Active Learning for
    Convolutional Neural Networks: A Core-Set Approach" (https://arxiv.org/abs/1708.00489). Of
    near-copies one is chosen, and the first few rows are a choice of their own.

    Args:
        vectors: `(rows, dim)`; their directions from the mean of all are compared.
        start: The first row.
        number: Rows to choose, at most all.

    Returns:
        `(number,)` row numbers, and `(number,)` for how many rows, itself included, each stands: to
        which it is the nearest.

    >>> vectors = np.array([[0, 1], [0.1, 1], [0, -1], [1, 0]], dtype=np.float32)
    >>> rows, stands_for = farthest_first(vectors, 0, 3)
    >>> rows.tolist(), stands_for.tolist()
    ([0, 2, 3], [2, 1, 1])
    """
    number = min(number, len(vectors))
    directions = vectors - vectors.mean(axis=0)
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    chosen = np.zeros(number, dtype=np.int64)
    nearest = np.zeros(len(vectors), dtype=np.int64)
    distance = np.full(len(vectors), np.inf)
    for place in range(number):
        row = start if place == 0 else int(distance.argmax())
        chosen[place] = row
        to_row = np.square(directions - directions[row]).sum(axis=1)
        nearest[to_row < distance] = place
        distance = np.minimum(distance, to_row)
        nearest[row], distance[row] = place, -1.0  # never again, though others are as near
    return chosen, np.bincount(nearest, minlength=number)


def shares(number: int, rows: Mapping[L, int], weights: Mapping[L, float]) -> dict[L, int]:
    """How many rows each language gets: in proportion to its weight, and no more than it has.

    Args:
        number: Rows in all; all that there are where these are fewer.
        rows: Candidates of each language.
        weights: Above 0.

    >>> shares(10, {"de": 100, "ja": 100}, {"de": 1, "ja": 1})
    {'de': 5, 'ja': 5}
    >>> shares(10, {"de": 100, "ja": 2, "zh": 50}, {"de": 1, "ja": 1, "zh": 3})
    {'de': 2, 'ja': 2, 'zh': 6}
    """
    given = dict.fromkeys(rows, 0)
    for _ in range(min(number, sum(rows.values()))):
        open_ = [lang for lang in rows if given[lang] < rows[lang]]
        given[min(open_, key=lambda lang: (given[lang] + 1) / weights[lang])] += 1
    return given
