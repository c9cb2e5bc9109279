"""How much of a paired difference is luck of the seeds, and how much luck of the test items."""

from dataclasses import dataclass

import numpy as np

from babelift.evaluate.scores import Counts, Floats
from babelift.study.statistics.comparison import Comparison


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


def language_means(comparison: Comparison) -> Floats:
    """The difference by seed and language: `(seeds, languages) float64`.

    >>> from babelift.study.statistics.comparison import make_comparison
    >>> made = make_comparison([[1, 1, 1, 0]], [[0, 1, 1, 0]], ["de", "de", "ja", "ja"], range(4))
    >>> language_means(made).tolist()
    [[0.5, 0.0]]
    """
    rows = np.bincount(comparison.langs)
    return _sums(comparison.difference, comparison.langs, len(rows)) / rows


def crossed(comparison: Comparison) -> Crossed:
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

    >>> from babelift.study.statistics.comparison import make_comparison
    >>> right = [[1, 1, 0, 0], [1, 0, 1, 0]]
    >>> made = make_comparison(right, [[0] * 4] * 2, ["de"] * 4, range(4))
    >>> found = crossed(made)  # item means 1, .5, .5, 0; seeds agree on the mean of .5
    >>> round(found.seeds, 6), round(found.items, 6), round(found.residual, 6)
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


def _weights(comparison: Comparison) -> Floats:
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
