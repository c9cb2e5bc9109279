"""How much of a paired difference is luck of the seeds, and how much luck of the test items."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import stdtrit

from babelift.errors import ConfigError, DataError
from babelift.evaluation.metrics import Counts, Floats

SMALLEST_P: Final = 1e-15
"""Tail probabilities below this are beyond what the approximations are good for."""
_USUAL: Final = 0.05
_POWER: Final = 1.2
_FLOOR: Final = 0.5
_NOTHING: Final = 1e-24  # no row differs from the next; what is left is rounding


@dataclass(frozen=True, slots=True)
class PairedRows:
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
        present = np.zeros((len(self.names), int(self.items.max()) + 1), dtype=np.bool_)
        present[self.langs, self.items] = True
        return present

    def of(self, lang: int) -> "PairedRows":
        """The rows of one language, by its number."""
        rows = np.flatnonzero(self.langs == lang)
        items = np.unique(self.items[rows], return_inverse=True)[1]
        return PairedRows(
            self.difference[:, rows],
            np.zeros(len(rows), dtype=np.int64),
            items.astype(np.int64),
            (self.names[lang],),
        )


def paired_rows(
    right_arm: npt.ArrayLike,
    right_base: npt.ArrayLike,
    langs: Sequence[str] | npt.NDArray[Any],
    groups: Sequence[Hashable] | npt.NDArray[Any],
) -> PairedRows:
    """Check the arrays of a comparison and number its languages and items.

    Args:
        right_arm: `(seeds, rows) bool`: was the arm right; 0 and 1 will do.
        right_base: The same for the base, with the same seeds and rows.
        langs: `(rows,)` the language of each row.
        groups: `(rows,)` the test item of each row; parallel sets share items between languages.

    Raises:
        DataError: Shapes that do not fit, values other than 0 and 1, or a language with fewer
            than two items, whose luck cannot be told from one item.

    >>> rows = paired_rows([[1, 1, 0]], [[0, 1, 1]], ["de", "de", "de"], [7, 8, 9])
    >>> rows.difference.tolist(), rows.names
    ([[1.0, 0.0, -1.0]], ('de',))
    """
    arm, base = _right(right_arm, "right_arm"), _right(right_base, "right_base")
    if arm.shape != base.shape:
        raise DataError(
            f"right_arm is {arm.shape} and right_base {base.shape}; both must be (seeds, rows), "
            "with the same seeds and rows."
        )
    for name, values in (("langs", langs), ("groups", groups)):
        if len(values) != arm.shape[1]:
            raise DataError(f"{name} has {len(values)} entries for {arm.shape[1]} rows.")
    spoken = np.asarray(langs)
    if spoken.dtype == object:
        spoken = spoken.astype(str)
    names, numbers = np.unique(spoken, return_inverse=True)
    rows = PairedRows(
        arm - base, numbers.astype(np.int64), _numbers(groups), tuple(map(str, names))
    )
    for name, items in zip(rows.names, rows.present.sum(axis=1), strict=True):
        if items < 2:
            raise DataError(f"language '{name}' has fewer than two test items.")
    return rows


def _right(values: npt.ArrayLike, name: str) -> Floats:
    try:
        right = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be an array (seeds, rows) of 0 and 1.") from None
    if right.ndim != 2 or not right.size:
        raise DataError(f"{name} must be (seeds, rows), neither of them none; got {right.shape}.")
    if not ((right == 0) | (right == 1)).all():
        raise DataError(f"{name} holds values other than 0 and 1 (or False and True).")
    return right


def _numbers(groups: Sequence[Hashable] | npt.NDArray[Any]) -> Counts:
    """The number of each row's item; sorting arrays of one kind is faster than a dictionary."""
    if isinstance(groups, np.ndarray) and groups.dtype != object:
        return np.unique(groups, return_inverse=True)[1].astype(np.int64)
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(group, len(known)) for group in groups], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Crossed:
    """Variances of a mean over crossed seeds and items, as two-way clustering finds them.

    Attributes:
        seeds: From the spread of the seeds' means: luck of the seeds plus the residual.
        items: From the spread of the items' means: luck of the items plus the residual.
        residual: What is neither: seed by item. It is in both, so it is taken off once.
    """

    seeds: float
    items: float
    residual: float

    @property
    def pure_items(self) -> float:
        """Luck of the items alone."""
        return max(0.0, self.items - self.residual)

    @property
    def pure_seeds(self) -> float:
        """Luck of the seeds alone."""
        return max(0.0, self.seeds - self.residual)


def language_means(comparison: PairedRows) -> Floats:
    """The difference by seed and language: `(seeds, languages) float64`.

    >>> rows = paired_rows([[1, 1, 1, 0]], [[0, 1, 1, 0]], ["de", "de", "ja", "ja"], range(4))
    >>> language_means(rows).tolist()
    [[0.5, 0.0]]
    """
    rows = np.bincount(comparison.langs)
    return _sums(comparison.difference, comparison.langs, len(rows)) / rows


def crossed(comparison: PairedRows) -> Crossed:
    """Variance of the mean over languages, each counted once, by seeds, items and residual.

    With `d` the difference of a row and a seed, `n` rows per language, `L` languages and `S`
    seeds, rows weigh `1 / (L n)`. Deviations from the language's mean are added up within an item,
    over all its rows and languages, so items that languages share are one draw. Variances are sums
    of their squares: two-way clustering (Cameron, Gelbach & Miller 2011, "Robust inference with
    multiway clustering"), which for a balanced table is the decomposition
    `var(seeds)/S + var(items)/N + var(residual)/(S N)` of Owen 2007, "The pigeonhole bootstrap".
    With one seed nothing is known of seeds: `seeds` and `residual` are 0.

    Args:
        comparison: Of at least one seed.

    >>> right = [[1, 1, 0, 0], [1, 0, 1, 0]]
    >>> rows = paired_rows(right, [[0] * 4] * 2, ["de"] * 4, range(4))
    >>> luck = crossed(rows)  # item means 1, .5, .5, 0; seeds agree on the mean of .5
    >>> round(luck.seeds, 6), round(luck.items, 6), round(luck.residual, 6)
    (0.0, 0.041667, 0.041667)
    """
    seeds = comparison.seeds
    by_seed = language_means(comparison)
    spread = comparison.difference - by_seed[:, comparison.langs]
    mean = spread.mean(axis=0)
    weights = _weights(comparison)
    count = int(comparison.items.max()) + 1
    items = float((_sums((mean * weights)[None], comparison.items, count) ** 2).sum())
    if seeds == 1:
        return Crossed(0.0, items, 0.0)
    residual = _sums((spread - mean) * weights, comparison.items, count)
    return Crossed(
        float(by_seed.mean(axis=1).var(ddof=1)) / seeds,
        items,
        float((residual**2).sum()) / (seeds * (seeds - 1)),
    )


def _weights(comparison: PairedRows) -> Floats:
    """What a row adds to the mean, widened for the item that each language's mean takes up."""
    rows = np.bincount(comparison.langs)
    items = comparison.present.sum(axis=1)
    weights = np.sqrt(items / (items - 1)) / (len(rows) * rows)
    return np.asarray(weights[comparison.langs], dtype=np.float64)


def _sums(values: Floats, numbers: Counts, count: int) -> Floats:
    """Sums of `(k, rows)` values by number: `(k, count)`."""
    cells = np.arange(len(values))[:, None] * count + numbers
    sums = np.bincount(cells.ravel(), values.ravel(), minlength=len(values) * count)
    return np.asarray(sums.reshape(len(values), count), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of one language's paired difference, and how far languages share their luck.

    The difference of one row and one seed is the effect + luck of the seed + luck of the item +
    what is neither. Shares are correlations between languages, 0 (each its own luck) to 1 (all the
    same); parallel test sets share items, one trained model serves all languages.

    Attributes:
        seed: Variance of a language's difference between seeds, on endless test rows.
        item: Variance between items of what a row gains on average over seeds.
        residual: Variance that seed and item do not explain: decisions that flip by chance.
        seed_shared: Correlation of the seeds' luck between languages.
        item_shared: Correlation of the items' luck between languages.
        residual_shared: Correlation of the rest.

    Raises:
        ConfigError: A variance below 0, or a share outside 0 to 1.
    """

    seed: float
    item: float
    residual: float
    seed_shared: float = 1.0
    item_shared: float = 0.0
    residual_shared: float = 0.0

    def __post_init__(self) -> None:
        for name in ("seed", "item", "residual"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ConfigError(f"the variance '{name}' must be 0 or more.")
            if not 0 <= getattr(self, f"{name}_shared") <= 1:
                raise ConfigError(f"'{name}_shared' must be between 0 and 1.")

    def of(self, languages: int, seeds: int, items: float) -> Crossed:
        """The variances of the mean over languages in a design.

        Args:
            languages: Number of languages.
            seeds: Seeds per condition.
            items: Test items per language.

        >>> Components(seed=0.02, item=0.1, residual=0.2).of(languages=2, seeds=5, items=100)
        Crossed(seeds=0.0042, items=0.0007, residual=0.0002)
        """
        seed, item, residual = (
            getattr(self, name) * (1 + (languages - 1) * getattr(self, f"{name}_shared"))
            for name in ("seed", "item", "residual")
        )
        rest = residual / (languages * seeds * items)
        return Crossed(seed / (languages * seeds) + rest, item / (languages * items) + rest, rest)


def components(seeds: int, items: float, each: Sequence[Crossed], mean: Crossed) -> Components:
    """Estimate the components from a study of two seeds or more.

    They are such that `Components.of` gives back the variances of the mean over languages for the
    study's own design. With few seeds `seed` is rough: its own standard error is about as large as
    itself with 3 seeds, 0.7 of it with 5.

    Args:
        seeds: Number of seeds.
        items: Test items per language; their mean where languages have different numbers.
        each: Variances of each language's difference.
        mean: Variances of the mean over languages.

    >>> each = [Crossed(seeds=0.03, items=0.02, residual=0.01)] * 2
    >>> shares = components(5, 100, each, Crossed(seeds=0.025, items=0.01, residual=0.005))
    >>> shares.seed_shared, shares.item_shared, shares.residual_shared
    (1.0, 0.0, 0.0)
    >>> [round(part, 9) for part in (shares.seed, shares.item, shares.residual)]
    [0.1, 1.0, 5.0]
    """
    seed, seed_shared = _shared(mean.pure_seeds, [part.pure_seeds for part in each], otherwise=1.0)
    item, item_shared = _shared(mean.pure_items, [part.pure_items for part in each], otherwise=0.0)
    residual, residual_shared = _shared(
        mean.residual, [part.residual for part in each], otherwise=0.0
    )
    return Components(
        seed=seeds * seed,
        item=items * item,
        residual=seeds * items * residual,
        seed_shared=seed_shared,
        item_shared=item_shared,
        residual_shared=residual_shared,
    )


def _shared(of_mean: float, each: Sequence[float], *, otherwise: float) -> tuple[float, float]:
    """One variance for all languages, and their correlation, that give the variance of the mean.

    Languages of the mean variance of `each` would do so with some correlation; where that lies
    outside 0 to 1, the variance gives way.

    >>> _shared(0.5, [1.0, 1.0], otherwise=0.0), _shared(1.0, [1.0, 1.0], otherwise=0.0)
    ((1.0, 0.0), (1.0, 1.0))
    >>> _shared(0.25, [1.0, 1.0], otherwise=0.0), _shared(0.5, [0.0, 0.0], otherwise=1.0)
    ((0.5, 0.0), (0.5, 1.0))
    """
    count, own = len(each), float(np.mean(each))
    shared = otherwise
    if count > 1 and own > 0:
        shared = min(1.0, max(0.0, (count * of_mean / own - 1) / (count - 1)))
    return count * of_mean / (1 + (count - 1) * shared), shared


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


def critical(
    outside: float,
    share: float | Floats,
    seeds: int,
    item_freedom: float,
    languages: tuple[float, int] = (0.0, 1),
) -> Floats:
    """How many standard errors to either side leave out the given probability.

    Student's t of the seeds and that of the items, weighted by the share of the variance that each
    gave: Cochran 1964, "Approximate significance levels of the Behrens-Fisher test". His weight
    `share` errs to the safe side; `share ** 1.2` comes nearest to 95 % over 2 to 10 seeds (93.2 to
    97.2 % in the worst cases of 2 seeds, 94.8 to 97.1 % with 3 or more, found by integration over
    all shares of seed, item and residual variance; 97.6 % where items have no variance of their
    own). Satterthwaite's degrees of freedom fall to 87 % with 2 seeds and 92 % with 3: when the
    few seeds happen to agree they call the variance small and well known at once.

    Below .05 it grows no slower than Student's t of the seeds does. Where few seeds happen to
    agree, their share looks small; a p of .005 or less then came up to nine times too often in
    simulated studies without an effect, which no correction for many tests would survive.

    Args:
        outside: Probability outside, such as .05.
        share: Share of the variance judged from the seeds.
        seeds: Number of seeds; with one, items alone count.
        item_freedom: Degrees of freedom of the items' share.
        languages: Where languages are drawn too, the share of the variance judged from them and
            its degrees of freedom.

    >>> round(float(critical(0.05, 0.0, 5, 1e6)), 2), round(float(critical(0.05, 1.0, 5, 1e6)), 2)
    (1.96, 2.78)
    """
    if seeds == 1:
        of_items = -stdtrit(item_freedom, outside / 2)
        return np.asarray(of_items + 0.0 * np.asarray(share), dtype=np.float64)

    def weighted(outside: float) -> Floats:
        of_items = -stdtrit(item_freedom, outside / 2)
        errors = np.asarray(of_items, dtype=np.float64)
        for part, freedom in ((share, seeds - 1), languages):
            weight = np.asarray(part, dtype=np.float64) ** _POWER
            errors = errors + (-stdtrit(freedom, outside / 2) - of_items) * weight
        return np.asarray(errors, dtype=np.float64)

    if outside >= _USUAL:
        return weighted(outside)
    longer = stdtrit(seeds - 1, outside / 2) / stdtrit(seeds - 1, _USUAL / 2)
    return np.asarray(np.maximum(weighted(outside), weighted(_USUAL) * longer), dtype=np.float64)


def two_sided_p(estimate: float, luck: Spread, languages: tuple[float, int] = (0.0, 1)) -> float:
    """The p at which the interval of level `1 - p` just reaches zero; `SMALLEST_P` at the least.

    Args:
        estimate: The difference from what is tested.
        luck: Its variance.
        languages: As in `critical`.

    >>> round(two_sided_p(1.96, Spread(1.0, 0.0, 3, 1e6)), 3)
    0.05
    >>> round(two_sided_p(2.776, Spread(1.0, 1.0, 5, 1e6)), 3)
    0.05
    """
    if estimate == 0:
        return 1.0
    if luck.variance == 0:
        return SMALLEST_P
    distance = abs(estimate) / float(np.sqrt(luck.variance))

    def beyond(log_p: float) -> float:
        outside = float(np.exp(log_p))
        errors = critical(outside, luck.seed_share, luck.seeds, luck.item_freedom, languages)
        return float(errors - distance)

    lowest = float(np.log(SMALLEST_P))
    if beyond(lowest) <= 0:
        return SMALLEST_P
    return float(np.exp(brentq(beyond, lowest, 0.0, xtol=1e-12)))
