"""The hierarchical bootstrap: seeds and test items drawn anew, as a check beside `differences`."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from babelift.evaluation.comparison import paired_bootstrap
from babelift.evaluation.crossed import paired_rows
from babelift.evaluation.metrics import Floats


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """Percentile intervals of a difference.

    Attributes:
        delta: Mean over languages, arm minus base.
        interval: Of `delta`.
        p: Two-sided: twice the share of draws on the other side of zero; `2 / (resamples + 1)` at
            the least.
        languages: Interval of each language.
    """

    delta: float
    interval: tuple[float, float]
    p: float
    languages: dict[str, tuple[float, float]]


def hierarchical_bootstrap(
    right_arm: npt.ArrayLike,
    right_base: npt.ArrayLike,
    langs: Sequence[str] | npt.NDArray[Any],
    groups: Sequence[Hashable] | npt.NDArray[Any],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Bootstrapped:
    """Draw seeds and items with replacement, each draw of items shared by all drawn seeds.

    That is the pigeonhole bootstrap (Owen 2007, "The pigeonhole bootstrap"), with the seeds'
    deviations from their mean stretched by `sqrt(S / (S - 1))`, since S draws of S seeds spread
    too little (Rao & Wu 1988, "Resampling inference with complex survey data"). It counts the
    residual variance up to three times, so it is too wide where decisions flip by chance, and
    percentiles know nothing of Student's t, so it is too narrow where few seeds differ. Reports
    therefore give the interval of `differences.paired_differences`; `simulate` measures both.

    Args:
        right_arm: `(seeds, rows) bool`: was the arm right.
        right_base: The same for the base, with the same seeds and rows.
        langs: `(rows,)` the language of each row.
        groups: `(rows,)` the test item of each row.
        level: Probability that intervals are made for.
        resamples: How many times to draw.
        seed: Seed of the draws.

    Raises:
        DataError: The arrays do not fit or hold something else.

    >>> arm, base = [[1, 1, 0, 1]] * 3, [[0, 1, 0, 0]] * 3
    >>> found = hierarchical_bootstrap(arm, base, ["de"] * 4, range(4))
    >>> found.delta, found.interval
    (0.5, (0.0, 1.0))
    """
    made = paired_rows(right_arm, right_base, langs, groups)
    models = np.concatenate([np.asarray(right_arm), np.asarray(right_base)]).astype(np.int64)
    drawn = paired_bootstrap(
        np.ones(models.shape[1], dtype=np.int64),
        models,
        made.langs,
        made.items.tolist(),
        2,
        resamples=resamples,
        seed=seed,
    )
    gains = drawn.resampled[:, : made.seeds] - drawn.resampled[:, made.seeds :]
    gained = np.einsum("rs,rsl->rl", _seed_weights(made.seeds, resamples, seed), gains)
    mean = gained.mean(axis=1)
    below, above = (mean <= 0).sum(), (mean >= 0).sum()
    return Bootstrapped(
        delta=float((drawn.observed[: made.seeds] - drawn.observed[made.seeds :]).mean()),
        interval=_interval(mean, level),
        p=min(1.0, 2 * float(min(below, above) + 1) / (resamples + 1)),
        languages={
            name: _interval(gained[:, number], level) for number, name in enumerate(made.names)
        },
    )


def _seed_weights(seeds: int, resamples: int, seed: int) -> Floats:
    """What each seed weighs in each draw: `(resamples, seeds)`; each draw adds up to 1."""
    if seeds == 1:
        return np.ones((resamples, 1))
    # Another stream than that of the items, which are drawn with `seed` itself.
    generator = np.random.default_rng([seed, 1])
    times = generator.multinomial(seeds, np.full(seeds, 1 / seeds), resamples)
    stretched = 1 / seeds + (seeds / (seeds - 1)) ** 0.5 * (times / seeds - 1 / seeds)
    return np.asarray(stretched, dtype=np.float64)


def _interval(draws: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
