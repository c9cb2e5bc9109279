"""How a score grows with the number of labels: monotone curves through a few measured sizes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

import numpy as np

from babelift.errors import DataError
from babelift.evaluation.metrics import Floats

Kind = Literal["power-law", "log-linear"]

EXPONENTS: Final = np.geomspace(0.05, 3, 40)
"""Exponents tried: below them a curve is a logarithm, above them a step, over any likely range."""

POWER_LAW_SIZES: Final = 4
"""Fewest sizes for a power law: with three its three parameters would go through any points."""

MISFIT: Final = 0.01
"""Chance of a misfit at which a power law is refused: rare, since it smooths what lines do not."""

_SAME: Final = 1e-12
"""Scores nearer than this are one score: what is left of a mean's rounding."""


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """score = ceiling - drop * (n / smallest n) ** -exponent (Hestness et al. 2017).

    Attributes:
        sizes: `(sizes,)`.
        ceiling: `(curves,)`, at most 1.
        drop: `(curves,)`, at least 0.
        exponent: `(curves,)`, one of `EXPONENTS`.
    """

    sizes: Floats
    ceiling: Floats
    drop: Floats
    exponent: Floats

    @property
    def fitted(self) -> Floats:
        """Scores at the sizes, `(curves, sizes)`."""
        shrunk = (self.sizes / self.sizes[0]) ** -self.exponent[:, None]
        return np.asarray(self.ceiling[:, None] - self.drop[:, None] * shrunk)

    def parameters(self) -> dict[str, float]:
        """The first curve's parameters by name."""
        return {
            "ceiling": float(self.ceiling[0]),
            "drop": float(self.drop[0]),
            "exponent": float(self.exponent[0]),
        }

    def reach(self, scores: Floats) -> Floats:
        """The number of labels at which each curve reaches its score, `(curves,)`.

        -inf where the curve is above the score at the smallest size, inf where it is below it at
        the largest: nothing is said beyond what was measured.

        Args:
            scores: `(curves,)`.
        """
        smallest, largest = self.sizes[0], self.sizes[-1]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            at = smallest * (self.drop / (self.ceiling - scores)) ** (1 / self.exponent)
        inside = np.clip(np.where(self.drop > 0, at, smallest), smallest, largest)
        return _outside(self.fitted, scores, inside)

    def slope(self) -> Floats:
        """Score per further label at the largest size, `(curves,)`."""
        shrunk = (self.sizes[-1] / self.sizes[0]) ** -self.exponent
        return np.asarray(self.drop * self.exponent * shrunk / self.sizes[-1])


@dataclass(frozen=True, slots=True)
class LogLinear:
    """Straight lines in log n between measured sizes, falling scores joined (isotonic).

    Attributes:
        sizes: `(sizes,)`.
        fitted: `(curves, sizes)`.
    """

    sizes: Floats
    fitted: Floats

    def reach(self, scores: Floats) -> Floats:
        """See `PowerLaw.reach`."""
        reached = self.fitted >= scores[:, None] - _SAME
        right = np.where(reached.any(axis=1), reached.argmax(axis=1), len(self.sizes) - 1)
        left = np.maximum(right - 1, 0)
        curve = np.arange(len(scores))
        low, high = self.fitted[curve, left], self.fitted[curve, right]
        rise = np.where(high > low, high - low, 1.0)
        part = np.where(high > low, np.clip((scores - low) / rise, 0, 1), 1.0)
        logs = np.log(self.sizes)
        inside = np.exp(logs[left] + part * (logs[right] - logs[left]))
        inside = np.clip(inside, self.sizes[0], self.sizes[-1])
        return _outside(self.fitted, scores, inside)

    def slope(self) -> Floats:
        """See `PowerLaw.slope`; at least two sizes."""
        rise = self.fitted[:, -1] - self.fitted[:, -2]
        return np.asarray(rise / np.log(self.sizes[-1] / self.sizes[-2]) / self.sizes[-1])


Curves = PowerLaw | LogLinear


def _outside(fitted: Floats, scores: Floats, inside: Floats) -> Floats:
    above, below = fitted[:, 0] > scores + _SAME, fitted[:, -1] < scores - _SAME
    return np.where(above, -np.inf, np.where(below, np.inf, inside))


def choose(
    sizes: Floats, scores: Floats, counts: Floats, variance: float, freedom: int
) -> tuple[Kind, tuple[str, ...]]:
    """The kind of curve for some mean scores, and why it is not a power law where it is not.

    A power law is refused where it misses the means by more than their runs' variance explains
    (F-test of lack of fit). Without a known variance it is kept, since noise and misfit then
    cannot be told apart.

    Args:
        sizes: `(sizes,)` numbers of labels, rising.
        scores: `(sizes,)` means.
        counts: `(sizes,)` runs behind each mean.
        variance: Of one run.
        freedom: Degrees of freedom of that variance.

    >>> choose(np.array([100.0, 400]), np.array([0.5, 0.7]), np.ones(2), 0.0, 0)[0]
    'log-linear'
    """
    from scipy import stats

    lines = "straight lines in the logarithm of the number join them"
    many = len(sizes)
    if many == 1:
        return "log-linear", ()
    if many < POWER_LAW_SIZES:
        return "log-linear", (f"{many} numbers of labels are too few for a power law: {lines}.",)
    if variance > 0:
        missed = (fit("power-law", sizes, scores[None], counts).fitted[0] - scores) ** 2
        ratio = float(counts @ missed) / (many - 3) / variance
        if stats.f.sf(ratio, many - 3, freedom) < MISFIT:
            return "log-linear", (f"The scores do not follow a power law: {lines}.",)
    return "power-law", ()


def fit(kind: Kind, sizes: Floats, scores: Floats, weights: Floats) -> Curves:
    """Curves through scores by least squares, never falling with the number of labels.

    Args:
        kind: Form of the curves.
        sizes: `(sizes,)` numbers of labels, rising.
        scores: `(curves, sizes)`.
        weights: `(sizes,)` weight of each size, positive.

    >>> curves = fit("log-linear", np.array([100.0, 400]), np.array([[0.5, 0.7]]), np.ones(2))
    >>> curves.reach(np.array([0.6])).round(6).tolist()
    [200.0]
    """
    if kind == "log-linear":
        return LogLinear(sizes, isotonic(scores, weights))
    return _power_law(sizes, scores, weights / weights.sum())


def _power_law(sizes: Floats, scores: Floats, weights: Floats) -> PowerLaw:
    """For each exponent the other two parameters are a straight line's; the best one is kept."""
    shrunk = (sizes / sizes[0]) ** -EXPONENTS[:, None]
    middle = shrunk @ weights
    centred = (shrunk - middle[:, None]) * weights
    spread = (centred * shrunk).sum(axis=1)
    drop = np.maximum(-(centred @ scores.T) / spread[:, None], 0)
    ceiling = scores @ weights + drop * middle[:, None]
    capped = (shrunk * weights) @ (1 - scores.T) / ((shrunk**2) @ weights)[:, None]
    drop = np.where(ceiling > 1, np.maximum(capped, 0), drop)
    ceiling = np.minimum(ceiling, 1)
    left = scores - ceiling[..., None] + drop[..., None] * shrunk[:, None, :]
    best = (left**2 @ weights).argmin(axis=0)
    curve = np.arange(len(scores))
    return PowerLaw(sizes, ceiling[best, curve], drop[best, curve], EXPONENTS[best])


def isotonic(scores: Floats, weights: Floats) -> Floats:
    """The never-falling sequences nearest to each row, by the min-max formula (Ayer et al. 1955).

    Args:
        scores: `(rows, columns)`.
        weights: `(columns,)`, positive.

    >>> isotonic(np.array([[1.0, 3, 2, 5], [2, 1, 0, 0]]), np.ones(4)).tolist()
    [[1.0, 2.5, 2.5, 5.0], [0.75, 0.75, 0.75, 0.75]]
    """
    columns = len(weights)
    sums = np.cumsum(np.pad(scores * weights, ((0, 0), (1, 0))), axis=1)
    totals = np.cumsum(np.pad(weights, (1, 0)))
    fitted = np.full(scores.shape, -np.inf)
    for first in range(columns):
        spans = totals[first + 1 :] - totals[first]
        span_means = (sums[:, first + 1 :] - sums[:, first : first + 1]) / spans
        least = np.minimum.accumulate(span_means[:, ::-1], axis=1)[:, ::-1]
        np.maximum(fitted[:, first:], least, out=fitted[:, first:])
    return fitted


@dataclass(frozen=True, slots=True)
class Run:
    """A training's score in one language, at one number of labels.

    Attributes:
        size: Labelled rows that it was trained on.
        seed: Its seed. Runs of one seed are taken to share their luck, at all sizes and in both
            arms.
        score: Its score; the greater, the better, and at most 1.
    """

    size: int
    seed: int
    score: float


@dataclass(frozen=True, slots=True)
class Means:
    """Mean scores of several cells (a cell: runs that differ in nothing but the seed).

    Attributes:
        observed: `(cells,)`.
        drawn: `(draws, cells)` means as other seeds could have given them; None where they were not
            seen to vary.
        counts: `(cells,)` runs in each.
        variance: Of one run's score over seeds, pooled over the cells.
        freedom: Degrees of freedom of that variance.
    """

    observed: Floats
    drawn: Floats | None
    counts: Floats
    variance: float
    freedom: int


def by_size(runs: Sequence[Run], where: str, what: str) -> dict[int, list[Run]]:
    """Runs by their size, rising; those whose score is no number are left out.

    Raises:
        DataError: No score is left, a score is above 1, a size is below 1, or a seed occurs twice
            at a size.

    >>> list(by_size([Run(200, 0, 0.7), Run(100, 0, 0.6)], "Japanese", "native"))
    [100, 200]
    """
    runs_by_size: dict[int, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.size, run.seed)):
        if not math.isfinite(run.score):
            continue
        at = f"{where}, {what}, size {run.size}, seed {run.seed}"
        if run.size < 1:
            raise DataError(f"{at}: a size must be at least 1.")
        if run.score > 1:
            raise DataError(f"{at}: a score must be at most 1, got {run.score}.")
        known = runs_by_size.setdefault(run.size, [])
        if known and known[-1].seed == run.seed:
            raise DataError(f"{at}: the seed occurs twice.", "Give one score for each seed.")
        known.append(run)
    if not runs_by_size:
        raise DataError(f"{where}: there is no score of the {what} arm.")
    return runs_by_size


def means(cells: Sequence[Sequence[Run]], *, draws: int, seed: int) -> Means:
    """Mean scores of cells, and draws of what they could have been with other seeds.

    Each draw moves the means by a random mix of the runs' deviations, the same mix of seeds in all
    cells, divided by a chi so that a mean over few seeds has Student's t and not a normal for its
    law (the bootstrap over five seeds would come out a third too narrow).

    Args:
        cells: Runs of each cell, one per seed, at least one.
        draws: How many times to draw.
        seed: Seed of the draws.

    >>> runs = [Run(100, seed, 0.5 + 0.01 * seed) for seed in range(5)]
    >>> mean_scores = means([runs], draws=20_000, seed=0)
    >>> ends = np.quantile(mean_scores.drawn, [0.025, 0.975])  # .52 -+ 2.776 * .0158 / sqrt(5)
    >>> ends.round(3).tolist()
    [0.5, 0.54]
    """
    counts = np.array([len(runs) for runs in cells], dtype=np.float64)
    observed = np.array([np.mean([run.score for run in runs]) for runs in cells])
    squares = sum(
        (run.score - mean) ** 2 for runs, mean in zip(cells, observed, strict=True) for run in runs
    )
    freedom = int((counts - 1).sum())
    variance = float(squares / freedom) if freedom else 0.0
    drawn = observed + _seed_draws(cells, observed, variance, draws, seed) if freedom else None
    return Means(observed, drawn, counts, variance, freedom)


def _seed_draws(
    cells: Sequence[Sequence[Run]],
    observed: Floats,
    variance: float,
    draws: int,
    seed: int,
) -> Floats:
    """`(draws, cells)`; a cell of one run has the others' pooled variance, to itself."""
    generator = np.random.default_rng(seed)
    seeds = sorted({run.seed for run in chain.from_iterable(cells)})
    mixes = dict(zip(seeds, generator.standard_normal((len(seeds), draws)), strict=True))
    freedom = sum(len(runs) - 1 for runs in cells)
    chis: dict[frozenset[int], Floats] = {}
    moved = np.zeros((draws, len(cells)))
    for cell, runs in enumerate(cells):
        if len(runs) == 1:
            moved[:, cell] = np.sqrt(variance) * generator.standard_t(freedom, draws)
            continue
        known = frozenset(run.seed for run in runs)
        if known not in chis:
            chis[known] = np.sqrt(generator.chisquare(len(runs) - 1, draws) / (len(runs) - 1))
        for run in runs:
            moved[:, cell] += (run.score - observed[cell]) * mixes[run.seed]
        moved[:, cell] /= np.sqrt(len(runs) * (len(runs) - 1)) * chis[known]
    return moved
