"""How a score grows with the number of labels, and how well that is known from a few trainings."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import fdtrc

from babelift.evaluation.crossed import Crossed, critical, spread
from babelift.evaluation.metrics import Floats

EXPONENTS: Final = np.geomspace(0.05, 1.25, 40)
"""Exponents tried: below them a curve is a logarithm over any likely range. Learning curves have
.05 to .5 (Hestness et al. 2017); the largest stands for a step, which could lie anywhere between
two sizes.
"""

POWER_LAW_SIZES: Final = 4
"""Fewest sizes for a power law: with three its three parameters would go through any points."""

_NOTHING: Final = 1e-24  # of a variance: what rounding leaves


@dataclass(frozen=True, slots=True)
class Cells:
    """Mean scores of several cells on shared test rows, and what other draws would make of them.

    A cell holds trainings that differ in nothing but the seed. A weighted sum of cells is a
    weighted sum of right and wrong in each row and seed, so that its variance is found as for a
    paired difference (`evaluation.crossed`); here as matrices, for any weights.

    Attributes:
        means: `(cells,)` mean scores.
        seeds: `(cells, cells)` covariance of the means that the seeds' spread shows.
        items: `(cells, cells)` the same of the test items.
        residual: `(cells, cells)` what is in both, seed by item.
        trainings: Seeds of each cell.
        item_freedom: Degrees of freedom of `items`.
    """

    means: Floats
    seeds: Floats
    items: Floats
    residual: Floats
    trainings: int
    item_freedom: int

    def reach(self, weights: Floats, level: float = 0.95) -> Floats:
        """How far the interval of a weighted sum of cells reaches to either side, `(sums,)`.

        Args:
            weights: `(sums, cells)`.
            level: Of the interval.
        """
        parts = (  # rounding leaves some just below 0
            np.maximum(np.einsum("ij,jk,ik->i", weights, part, weights), 0).tolist()
            for part in (self.seeds, self.items, self.residual)
        )
        lucks = [
            spread(Crossed(*three), self.trainings, self.item_freedom)
            for three in zip(*parts, strict=True)
        ]
        shares = np.array([luck.seed_share for luck in lucks])
        errors = np.sqrt([luck.variance for luck in lucks])
        return errors * critical(1 - level, shares, self.trainings, self.item_freedom)


def cells(right: Floats, items: Sequence[Hashable] | npt.NDArray[Any]) -> Cells:
    """Mean scores of cells, with their covariance over seeds and items by two-way clustering.

    See `evaluation.crossed.crossed` for the formulas and their source. Trainings of one seed may
    share their luck or not.

    Args:
        right: `(cells, seeds, rows)`, from 0 (wrong) to 1 (right); two seeds at the least.
        items: `(rows,)` the test item of each row, two different ones at the least.

    >>> right = np.array([[[1, 1, 0, 0], [1, 0, 1, 0]]], dtype=float)
    >>> cell = cells(right, range(4))  # item means 1, .5, .5, 0; seeds agree on the mean of .5
    >>> cell.means.tolist(), cell.seeds.tolist()
    ([0.5], [[0.0]])
    >>> cell.items.round(6).tolist(), cell.residual.round(6).tolist()
    ([[0.041667]], [[0.041667]])
    """
    number, trainings, rows = right.shape
    by_seed = right.mean(axis=2)
    means = by_seed.mean(axis=1)
    left = right - by_seed[..., None]
    of_items = left.mean(axis=1)
    _, numbers, counts = np.unique(np.asarray(items), return_inverse=True, return_counts=True)
    order = np.argsort(numbers, kind="stable")
    starts = np.cumsum(counts) - counts
    # Widened for the item that the mean takes up.
    weight = np.sqrt(len(counts) / (len(counts) - 1)) / rows

    def summed(values: Floats) -> Floats:
        by_item = np.add.reduceat(values[..., order] * weight, starts, axis=-1)
        return np.asarray(by_item.reshape(number, -1))

    of_seeds, of_items_sum = by_seed - means[:, None], summed(of_items)
    both = summed(left - of_items[:, None])
    again = trainings * (trainings - 1)
    return Cells(
        means,
        of_seeds @ of_seeds.T / again,
        of_items_sum @ of_items_sum.T,
        both @ both.T / again,
        trainings,
        len(counts) - 1,
    )


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """score = ceiling - drop * (n / smallest n) ** -exponent (Hestness et al. 2017).

    Attributes:
        sizes: `(sizes,)` numbers of labels that it was fitted at, rising.
        ceiling: Score with endless labels.
        drop: How far below it the smallest size is.
        exponent: One of `EXPONENTS`.
    """

    sizes: Floats
    ceiling: float
    drop: float
    exponent: float

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name."""
        return {"ceiling": self.ceiling, "drop": self.drop, "exponent": self.exponent}

    def at(self, numbers: Floats) -> Floats:
        """Scores at some numbers of labels, `(numbers,)`."""
        return np.asarray(self.ceiling - self.drop * (numbers / self.sizes[0]) ** -self.exponent)

    def weights(self, numbers: Floats) -> Floats:
        """How much each measured score moves the curve at some numbers, `(numbers, sizes)`.

        That of the three parameters' linear model around the fit (Gauss-Newton).
        """
        moves = self._moves(numbers) @ np.linalg.pinv(self._moves(self.sizes))
        return np.asarray(moves)

    def _moves(self, numbers: Floats) -> Floats:
        logs = np.log(numbers / self.sizes[0])
        shrunk = np.exp(-self.exponent * logs)
        return np.stack([np.ones_like(logs), shrunk, shrunk * logs], axis=1)

    def misfit(self, measured: Cells) -> float:
        """Chance that seeds and items alone take scores as far from a power law (F-test).

        The luck of the trainings is taken to be of one size and each training's own here, since
        few seeds do not show more; it is that of an interval (`Cells.reach`) all the same.

        Args:
            measured: Their first cells are those of the sizes, four at the least.
        """
        many = len(self.sizes)
        across = np.linalg.svd(self._moves(self.sizes))[0][:, 3:]  # what no power law explains
        own = slice(0, many)
        seeds, items = measured.seeds[own, own], measured.items[own, own]
        luck = np.eye(many) * np.trace(seeds) / many + items - measured.residual[own, own]
        sizes, directions = np.linalg.eigh(across.T @ luck @ across)
        directions = across @ directions
        least = np.einsum("ij,ik,kj->j", directions, items, directions) / 2  # as in `spread`
        missed = directions.T @ (measured.means[own] - self.at(self.sizes))
        ratio = float((missed**2 / np.maximum(np.maximum(sizes, least), _NOTHING)).mean())
        return float(fdtrc(many - 3, many * (measured.trainings - 1), ratio))


def power_law(sizes: Floats, scores: Floats) -> PowerLaw:
    """The power law nearest to some scores, by least squares; it never falls.

    Args:
        sizes: `(sizes,)` numbers of labels, rising.
        scores: `(sizes,)`.

    >>> sizes = np.array([50.0, 100, 200, 400])
    >>> curve = power_law(sizes, 0.8 - 0.3 * (50 / sizes) ** EXPONENTS[20])
    >>> round(curve.ceiling, 6), round(curve.drop, 6), bool(curve.exponent == EXPONENTS[20])
    (0.8, 0.3, True)
    """
    shrunk = (sizes / sizes[0]) ** -EXPONENTS[:, None]
    middle = shrunk.mean(axis=1)
    centred = shrunk - middle[:, None]
    drop = np.maximum(-(centred @ scores) / (centred**2).sum(axis=1), 0)
    ceiling = scores.mean() + drop * middle
    missed = ((scores - ceiling[:, None] + drop[:, None] * shrunk) ** 2).sum(axis=1)
    best = int(missed.argmin())
    return PowerLaw(sizes, float(ceiling[best]), float(drop[best]), float(EXPONENTS[best]))
