"""How well few rows, or perfect ones, tell a share of right answers, and two shares apart."""

from collections.abc import Hashable, Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]


def effective_rows(
    right: npt.NDArray[np.bool_], groups: Sequence[Hashable] | None = None, *, level: float = 0.95
) -> float:
    """How many independent rows would know the share of right answers as well as these rows.

    The variance of the share is that of the items' sums about their part of it; a share `p` of `n`
    independent rows has the variance `p (1 - p) / (n - 1)`, as it is estimated from them, which is
    solved for `n`. Few items say little of how alike their rows are, so that `n` shrinks by the
    ratio of Student's t for the rows to that for the items, squared (Korn & Graubard 1998,
    "Confidence intervals for proportions with small expected number of positive counts"). `n` lies
    between what is left where the rows of an item are all alike, `(Σ m)² / Σ m²` for items of `m`
    rows (Kish 1965, "Survey Sampling"; as many as items where all have one size), and the number
    of rows. Where there is nothing to estimate from (all right, all wrong, items all alike or
    only one), it is the former.

    Args:
        right: `(rows,) bool`: was the answer right.
        groups: The item of each row; None where each row is its own.
        level: Probability that the interval is made for.

    >>> effective_rows(np.array([1, 1, 0, 0], dtype=bool))
    4.0
    >>> effective_rows(np.ones(6, dtype=bool), ["a", "a", "b", "b", "c", "c"])
    3.0
    """
    from scipy.special import stdtrit

    rows, value = len(right), float(right.mean())
    if groups is None:
        return float(rows)
    number: dict[Hashable, int] = {}
    item = np.array([number.setdefault(group, len(number)) for group in groups])
    sizes, hits = np.bincount(item), np.bincount(item, weights=right)
    items, least = len(sizes), float(rows**2 / (sizes**2).sum())
    # Sorted, so that the order of the rows does not matter to the last digit.
    variance = float(np.sort((hits - value * sizes) ** 2).sum()) / rows**2
    if items < 2 or items == rows or not variance:
        return least
    count = value * (1 - value) / (variance * items / (items - 1)) + 1
    outside = (1 - level) / 2
    known = float(stdtrit(rows - 1, outside) / stdtrit(items - 1, outside)) ** 2
    return min(max(known * count, least), float(rows))


def wilson(value: float, rows: float, errors: float) -> Interval:
    """Wilson's interval of a share (Wilson 1927): it holds at 0 and 1, and for few rows.

    Args:
        value: The share, 0 to 1.
        rows: Independent rows it comes from; a fraction where it is `effective_rows`.
        errors: How many standard errors to either side, 1.96 for 95 %.

    >>> [round(end, 3) for end in wilson(1.0, 3, 1.96)]  # 3 / (3 + 1.96²)
    [0.438, 1.0]
    """
    squared = errors**2 / rows
    centre = (value + squared / 2) / (1 + squared)
    reach = (squared * (value * (1 - value) + squared / 4)) ** 0.5 / (1 + squared)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def smallest_difference(
    value: float, rows: float, *, power: float = 0.8, level: float = 0.05
) -> float | None:
    """From which difference on two shares, each of its own rows, are told apart, two-sided.

    The `d` for which `d² rows = (z_a √(2 m (1 - m)) + z_b √(p (1 - p) + q (1 - q)))²`, with
    `q = p ± d`, `m` the mean of both and the normal quantiles of level and power (Fleiss, Levin &
    Paik 2003, "Statistical Methods for Rates and Proportions", chapter 4). `q` is on the side of
    one half, where it takes more. Two models on the same rows share the luck of the rows: there
    it is an upper bound, as long as they find the same rows hard.

    Args:
        value: One of the shares, 0 to 1.
        rows: Independent rows that each comes from.
        power: Probability of telling them apart.
        level: Two-sided level of the test.

    Returns:
        The difference; None where so few rows tell no shares from this one.

    >>> round(smallest_difference(0.5, 387), 3), smallest_difference(0.5, 3)
    (0.1, None)
    """
    sure, seen = (NormalDist().inv_cdf(part) for part in (1 - level / 2, power))
    side = -1 if value >= 0.5 else 1

    def missing(difference: float) -> float:
        other, mean = value + side * difference, value + side * difference / 2
        both = value * (1 - value) + other * (1 - other)
        needed = sure * sqrt(2 * mean * (1 - mean)) + seen * sqrt(max(both, 0.0))
        return needed / sqrt(rows) - difference

    low, high = 0.0, max(value, 1 - value)
    if missing(high) > 0:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if missing(middle) > 0 else (low, middle)
    return high
