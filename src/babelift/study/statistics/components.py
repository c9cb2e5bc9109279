"""Where the variance of a paired difference comes from, so that other designs can be planned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from babelift.errors import ConfigError
from babelift.study.statistics.comparison import Comparison
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

    def of(self, languages: int, seeds: int, items: int) -> Crossed:
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


def components(
    languages: Sequence[Comparison], each: Sequence[Crossed], mean: Crossed
) -> Components:
    """Estimate the components from a study of two seeds or more.

    Variances are means over languages; a share is what makes the variance of the mean over
    languages the one that was found. With few seeds `seed` is rough: its own standard error is
    about as large as itself with 3 seeds, 0.7 of it with 5.

    Args:
        languages: Each language's rows.
        each: Variances of each language's difference.
        mean: Variances of the mean over languages.
    """
    seeds = languages[0].seeds
    items = [int(part.items.max()) + 1 for part in languages]
    seed = [part.pure_seeds for part in each]
    item = [part.pure_items for part in each]
    residual = [part.residual for part in each]
    return Components(
        seed=seeds * float(np.mean(seed)),
        item=float(np.mean(np.multiply(item, items))),
        residual=seeds * float(np.mean(np.multiply(residual, items))),
        seed_shared=_shared(mean.pure_seeds, seed, otherwise=1.0),
        item_shared=_shared(mean.pure_items, item, otherwise=0.0),
        residual_shared=_shared(mean.residual, residual, otherwise=0.0),
    )


def _shared(of_mean: float, each: Sequence[float], *, otherwise: float) -> float:
    """The correlation with which variances `each` give that of their mean, within 0 to 1.

    >>> _shared(0.5, [1.0, 1.0], otherwise=0.0), _shared(1.0, [1.0, 1.0], otherwise=0.0)
    (0.0, 1.0)
    """
    if len(each) == 1:
        return otherwise
    apart = float(np.sum(each)) / len(each) ** 2
    together = (float(np.sum(np.sqrt(each))) / len(each)) ** 2
    if together <= apart:
        return otherwise
    return min(1.0, max(0.0, (of_mean - apart) / (together - apart)))
