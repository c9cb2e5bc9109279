"""Where the variance of a paired difference comes from, so that other designs can be planned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from babelift.errors import ConfigError
from babelift.study.statistics.crossed import Crossed


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
    >>> found = components(5, 100, each, Crossed(seeds=0.025, items=0.01, residual=0.005))
    >>> found.seed_shared, found.item_shared, found.residual_shared
    (1.0, 0.0, 0.0)
    >>> [round(part, 9) for part in (found.seed, found.item, found.residual)]
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
