"""How many standard errors an interval takes where seeds are few and items many."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtrit

from babelift.evaluate.scores import Floats
from babelift.study.statistics.crossed import Crossed

SMALLEST_P: Final = 1e-15
"""Tail probabilities below this are beyond what the approximations are good for."""
_POWER: Final = 1.2
_FLOOR: Final = 0.5
_NOTHING: Final = 1e-24  # no row differs from the next; what is left is rounding


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of an estimate, and how well it is known.

    Attributes:
        variance: Of the estimate.
        seed_share: Share of it that was judged from the spread of the seeds, 0 to 1.
        seeds: Number of seeds.
        item_freedom: Degrees of freedom of what was judged from items.
    """

    variance: float
    seed_share: float
    seeds: int
    item_freedom: float


def spread(parts: Crossed, seeds: int, item_freedom: float) -> Spread:
    """Add up the variances that `crossed` found.

    The sum is seeds + items - residual, with the last two taken together never below zero, and as
    a whole never below half of what the items alone say: two seeds that agree by chance would
    otherwise make an interval of no width. (With the whole of it as the floor, intervals that owe
    most to the residual would cover 98-99 %.)

    >>> spread(Crossed(seeds=0.5, items=0.75, residual=0.25), 3, 500)
    Spread(variance=1.0, seed_share=0.5, seeds=3, item_freedom=500)
    """
    variance = max(parts.seeds + parts.pure_items, _FLOOR * parts.items)
    if seeds == 1:
        variance = parts.items
    if variance < _NOTHING:
        return Spread(0.0, 0.0, seeds, item_freedom)
    share = min(1.0, parts.seeds / variance)
    return Spread(variance, share, seeds, item_freedom)


def critical(outside: float, share: float | Floats, seeds: int, item_freedom: float) -> Floats:
    """How many standard errors to either side leave out the given probability.

    Student's t of the seeds and that of the items, weighted by the share of the variance that each
    gave: Cochran 1964, "Approximate significance levels of the Behrens-Fisher test". His weight
    `share` errs to the safe side; `share ** 1.2` comes nearest to 95 % over 2 to 10 seeds (93.2 to
    97.2 % in the worst cases of 2 seeds, 94.8 to 97.1 % with 3 or more, found by integration over
    all shares of seed, item and residual variance; 97.6 % where items have no variance of their
    own). Satterthwaite's degrees of freedom fall to 87 % with 2 seeds and 92 % with 3: when the
    few seeds happen to agree they call the variance small and well known at once.

    Args:
        outside: Probability outside, such as .05.
        share: Share of the variance judged from the seeds.
        seeds: Number of seeds; with one, items alone count.
        item_freedom: Degrees of freedom of the items' share.

    >>> round(float(critical(0.05, 0.0, 5, 1e6)), 2), round(float(critical(0.05, 1.0, 5, 1e6)), 2)
    (1.96, 2.78)
    """
    of_items = -stdtrit(item_freedom, outside / 2)
    if seeds == 1:
        return np.asarray(of_items + 0.0 * np.asarray(share), dtype=np.float64)
    of_seeds = -stdtrit(seeds - 1, outside / 2)
    weight = np.asarray(share, dtype=np.float64) ** _POWER
    return np.asarray(of_items + (of_seeds - of_items) * weight, dtype=np.float64)


def two_sided_p(estimate: float, found: Spread) -> float:
    """The p at which the interval of level `1 - p` just reaches zero; `SMALLEST_P` at the least.

    >>> round(two_sided_p(1.96, Spread(1.0, 0.0, 3, 1e6)), 3)
    0.05
    >>> round(two_sided_p(2.776, Spread(1.0, 1.0, 5, 1e6)), 3)
    0.05
    """
    if estimate == 0:
        return 1.0
    if found.variance == 0:
        return SMALLEST_P
    distance = abs(estimate) / float(np.sqrt(found.variance))

    def beyond(log_p: float) -> float:
        outside = float(np.exp(log_p))
        errors = critical(outside, found.seed_share, found.seeds, found.item_freedom)
        return float(errors - distance)

    lowest = float(np.log(SMALLEST_P))
    if beyond(lowest) <= 0:
        return SMALLEST_P
    return float(np.exp(brentq(beyond, lowest, 0.0, xtol=1e-12)))
