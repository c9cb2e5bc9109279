"""Coverage, false claims and power on simulated studies, beside what the formulas say.

    python benchmarks/simulate.py [STUDIES]

prints the tables that docs/decisions quotes. A row of a simulated study is right where a normal
number is above 0, so that the truth is known.
"""

import math
import sys
from collections.abc import Hashable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import nctdtr, ndtri, stdtr, stdtrit

from _bootstrap import paired_bootstrap
from babelift.evaluation.crossed import (
    Components,
    Crossed,
    components,
    crossed,
    paired_rows,
)
from babelift.evaluation.differences import paired_differences
from babelift.evaluation.metrics import Floats
from babelift.evaluation.power import design_power

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Design:
    """A design, the true effect in it, and the sizes of luck.

    A row is right where a normal number is above 0 (a probit model). Its parts have the standard
    deviations below, in units of the number's own residual, which is 1: a decision that flips by
    chance when training is repeated.

    Attributes:
        seeds: Seeds per condition.
        languages: Test languages.
        items: Test items per language.
        effect: True F1-micro of the arm minus that of the base.
        base: True F1-micro of the base.
        parallel: Whether languages share their items.
        seed: Luck of a trained model, the same in all languages.
        seed_language: Luck of a trained model in one language.
        difficulty: How hard an item is for arm and base alike.
        item: How well an item suits one of them.
        language_correlation: Correlation of an item's two numbers between languages, if parallel.
    """

    seeds: int = 5
    languages: int = 5
    items: int = 200
    effect: float = 0.0
    base: float = 0.6
    parallel: bool = True
    seed: float = 0.05
    seed_language: float = 0.05
    difficulty: float = 1.0
    item: float = 0.4
    language_correlation: float = 0.5


class SimulatedStudy(NamedTuple):
    """What a simulated study measured, as `paired_differences` takes it."""

    right_arm: Bools
    right_base: Bools
    langs: npt.NDArray[Any]
    groups: npt.NDArray[Any]


def simulated_study(design: Design, generator: np.random.Generator) -> SimulatedStudy:
    """Draw one study.

    Args:
        design: What to draw.
        generator: Source of the draws.

    >>> study = simulated_study(Design(seeds=3, languages=2, items=50), np.random.default_rng(0))
    >>> study.right_arm.shape, study.langs.shape, len(set(study.groups.tolist()))
    ((3, 100), (100,), 50)
    """
    conditions = (2, design.seeds, design.languages, design.items)
    score = generator.standard_normal(conditions, dtype=np.float32)
    score += design.seed * _normal(generator, 2, design.seeds, 1, 1)
    score += design.seed_language * _normal(generator, 2, design.seeds, design.languages, 1)
    score += design.difficulty * _items(design, generator, 1)
    score += design.item * _items(design, generator, 2)
    total = (1 + _luck(design)) ** 0.5
    for condition, right in enumerate((design.base + design.effect, design.base)):
        score[condition] += np.float32(total * ndtri(right))
    right_arm, right_base = (score > 0).reshape(2, design.seeds, -1)
    langs = np.repeat(np.arange(design.languages), design.items)
    number = np.tile(np.arange(design.items), design.languages)
    groups = number if design.parallel else langs * design.items + number
    return SimulatedStudy(right_arm, right_base, langs, groups)


def simulated_scores(
    effect: float, residual: float, studies: int, generator: np.random.Generator
) -> Floats:
    """Draw scores in the paper's design, with crossed effects of language, source and seed.

    Args:
        effect: True coefficient of OTC.
        residual: Standard deviation of a score's residual.
        studies: How many studies to draw.
        generator: Source of the draws.

    Returns:
        `(studies, 6 languages, 6 sources, 3 seeds, OTC off and on) float64`.

    >>> simulated_scores(0.036, 0.05, 2, np.random.default_rng(0)).shape
    (2, 6, 6, 3, 2)
    """
    scores = 0.5 + residual * generator.standard_normal((studies, 6, 6, 3, 2))
    scores += 0.08 * generator.standard_normal((studies, 6, 1, 1, 1))
    scores += 0.05 * generator.standard_normal((studies, 1, 6, 1, 1))
    scores += 0.02 * generator.standard_normal((studies, 1, 1, 3, 1))
    scores[..., 1] += effect
    return np.asarray(scores, dtype=np.float64)


def _luck(design: Design) -> float:
    parts = (design.seed, design.seed_language, design.difficulty, design.item)
    return float(sum(part**2 for part in parts))


def _items(design: Design, generator: np.random.Generator, conditions: int) -> npt.NDArray[Any]:
    """An item's standard normal number in each language: `(conditions, 1, languages, items)`."""
    own = _normal(generator, conditions, 1, design.languages, design.items)
    if not design.parallel:
        return own
    shared = _normal(generator, conditions, 1, 1, design.items)
    correlation = design.language_correlation
    return np.asarray(correlation**0.5 * shared + (1 - correlation) ** 0.5 * own)


def _normal(generator: np.random.Generator, *shape: int) -> npt.NDArray[np.float32]:
    return generator.standard_normal(shape, dtype=np.float32)


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
    therefore give the interval of `paired_differences`; `measure` counts both.

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
    models = np.concatenate([np.asarray(right_arm), np.asarray(right_base)])
    drawn = paired_bootstrap(
        models,
        made.langs,
        made.items.tolist(),
        resamples=resamples,
        seed=seed,
    )
    gains = drawn.resampled[:, : made.seeds] - drawn.resampled[:, made.seeds :]
    gained = np.einsum("rs,rsl->rl", _seed_weights(made.seeds, resamples, seed), gains)
    mean = gained.mean(axis=1)
    below, above = (mean <= 0).sum(), (mean >= 0).sum()
    return Bootstrapped(
        delta=float((drawn.observed[: made.seeds] - drawn.observed[made.seeds :]).mean()),
        interval=_percentiles(mean, level),
        p=min(1.0, 2 * float(min(below, above) + 1) / (resamples + 1)),
        languages={
            name: _percentiles(gained[:, number], level) for number, name in enumerate(made.names)
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


def _percentiles(draws: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


PAPER_ROWS: Final = 6 * 6 * 2 * 3
"""Scores in the paper's likely design: sources, test languages, OTC off and on, seeds."""


def regression_power(
    coefficient: float,
    residual: float,
    *,
    rows: int = PAPER_ROWS,
    effects: int = 0,
    level: float = 0.05,
) -> float:
    """Probability that a true coefficient of a 0/1 contrast is claimed, two-sided noncentral t.

    In a balanced design languages, sources and seeds cancel out of the coefficient, which then has
    the standard error `2 * residual / sqrt(rows)`, whatever their variances.

    Args:
        coefficient: True effect of the contrast.
        residual: Standard deviation of a score that language, source and seed leave unexplained.
            For plain OLS it includes them: the standard deviation within a condition.
        rows: Scores, half of them with the contrast on.
        effects: Degrees of freedom that the kept random effects take: levels less one of each.
        level: Two-sided level of the test.

    >>> round(regression_power(0.036, 0.094, effects=12), 2)
    0.8
    >>> round(regression_power(0.0, 0.094), 3)
    0.05
    """
    freedom = rows - 2 - effects
    shift = abs(coefficient) * math.sqrt(rows) / (2 * residual)
    edge = -float(stdtrit(freedom, level / 2))
    # SciPy gives NaN for some tails that are too small to tell from 0.
    below, above = np.nan_to_num([nctdtr(freedom, shift, -edge), nctdtr(freedom, shift, edge)])
    return float(below + 1 - above)


PAPER: Final = Design(
    seeds=3, languages=6, items=5000, effect=0.036, parallel=False, seed=0.06, seed_language=0.03
)
"""The paper's test sets, seeds and effect; the sizes of luck are ours."""
TABLE: Final = (
    Design(seeds=2, languages=1, seed=0, seed_language=0),
    Design(seeds=2, languages=6, seed=0, seed_language=0),
    Design(seeds=2, languages=6),
    Design(seeds=2, languages=6, seed=0.2, seed_language=0.2),
    Design(seeds=3, languages=6, seed=0, seed_language=0),
    Design(seeds=3, languages=6, language_correlation=1.0),
    Design(seeds=3, languages=1, items=5000),
    Design(seeds=5, languages=6, seed=0, seed_language=0),
    Design(seeds=5, languages=6),
    Design(seeds=5, languages=6, parallel=False),
    Design(seeds=5, languages=1, base=0.9),
    Design(seeds=5, languages=2, items=5000, effect=0.036),
    Design(seeds=10, languages=6, item=0.0, seed=0, seed_language=0),
    Design(seeds=10, languages=6, effect=0.1),
)
"""Designs from the smallest to the largest, with seeds and languages that share luck or do not."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of simulated studies.

    Attributes:
        covered: Intervals of the mean over languages that held the true effect.
        covered_languages: The same for the intervals of single languages.
        claimed: Studies with p at or below .05.
        bootstrapped: Intervals of the hierarchical bootstrap that held the effect, if drawn.
    """

    covered: float
    covered_languages: float
    claimed: float
    bootstrapped: float | None = None


def measure(design: Design, studies: int = 1000, *, seed: int = 0, resamples: int = 0) -> Shares:
    """Simulate studies and count.

    Args:
        design: What to draw.
        studies: How many.
        seed: Seed of the draws.
        resamples: Of the bootstrap in each study; 0 leaves it out.

    >>> found = measure(Design(languages=2), studies=20)
    >>> 0 <= found.claimed <= 1
    True
    """
    generator = np.random.default_rng(seed)
    covered, languages, claimed, bootstrapped = [], [], [], []
    for number in range(studies):
        study = simulated_study(design, generator)
        found = paired_differences(*study)
        covered.append(_holds(found.mean.interval, design.effect))
        languages += [_holds(one.interval, design.effect) for one in found.languages.values()]
        claimed.append(found.mean.p <= 0.05)
        if resamples:
            drawn = hierarchical_bootstrap(*study, resamples=resamples, seed=number)
            bootstrapped.append(_holds(drawn.interval, design.effect))
    return Shares(
        covered=float(np.mean(covered)),
        covered_languages=float(np.mean(languages)),
        claimed=float(np.mean(claimed)),
        bootstrapped=float(np.mean(bootstrapped)) if resamples else None,
    )


def pilot(design: Design, *, seeds: int = 60, studies: int = 10, seed: int = 1) -> Components:
    """Components of a design's luck, from simulated studies with many seeds.

    Args:
        design: Whose luck to measure; its number of seeds does not matter.
        seeds: Seeds of each study.
        studies: How many studies to average over.
        seed: Seed of the draws.

    >>> pilot(Design(languages=2, item=0.0), seeds=5, studies=2).residual > 0.1
    True
    """
    generator = np.random.default_rng(seed)
    many = replace(design, seeds=seeds)
    found = [paired_rows(*simulated_study(many, generator)) for _ in range(studies)]
    each = [_mean([crossed(one.of(lang)) for one in found]) for lang in range(design.languages)]
    return components(seeds, design.items, each, _mean([crossed(one) for one in found]))


def _mean(parts: Sequence[Crossed]) -> Crossed:
    return Crossed(*np.mean([astuple(part) for part in parts], axis=0).tolist())


def claimed_by_regression(
    effect: float, residual: float, studies: int = 2000, *, seed: int = 0
) -> float:
    """Share of simulated studies in the paper's design whose coefficient has p at or below .05.

    Uses the additive table's residual, with which the mixed model agrees to the last digit where
    the design is balanced and no variance comes out as zero (the tests hold it against `regress`).

    Args:
        effect: True coefficient.
        residual: Standard deviation of a score's residual.
        studies: How many.
        seed: Seed of the draws.

    >>> claimed_by_regression(0.5, 0.05, studies=10)
    1.0
    """
    scores = simulated_scores(effect, residual, studies, np.random.default_rng(seed))
    coefficient = scores[..., 1].mean(axis=(1, 2, 3)) - scores[..., 0].mean(axis=(1, 2, 3))
    left, freedom = scores - scores.mean(axis=(1, 2, 3, 4), keepdims=True), scores[0].size - 1
    for axis in (1, 2, 3, 4):
        others = tuple({1, 2, 3, 4} - {axis})
        left = left - left.mean(axis=others, keepdims=True)
        freedom -= scores.shape[axis] - 1
    variance = (left**2).sum(axis=(1, 2, 3, 4)) / freedom
    t = coefficient / np.sqrt(4 * variance / scores[0].size)
    return float((2 * stdtr(freedom, -np.abs(t)) <= 0.05).mean())


def main(studies: int) -> None:
    """Print the tables, from so many studies per design."""
    say = sys.stdout.write
    say(f"{studies} studies each; parts of luck in units of a decision's own noise\n")
    say("seeds langs items effect seed  item  corr   covered  each language  claimed  bootstrap\n")
    for design in TABLE:
        found = measure(design, studies, resamples=400 if design.items < 1000 else 0)
        correlation = design.language_correlation if design.parallel else 0.0
        drawn = "" if found.bootstrapped is None else f"{found.bootstrapped:11.3f}"
        say(
            f"{design.seeds:5}{design.languages:6}{design.items:6}{design.effect:7.3f}"
            f"{design.seed:6.2f}{design.item:6.2f}{correlation:6.2f}{found.covered:10.3f}"
            f"{found.covered_languages:15.3f}{found.claimed:9.3f}{drawn}\n"
        )
    say("\nPower for +.036 in the paper's design: printed by the planner, and simulated\n")
    for luck in (0.03, 0.06, 0.12):
        design = replace(PAPER, seed=luck)
        printed = design_power(
            design.effect,
            pilot(design),
            languages=design.languages,
            seeds=design.seeds,
            items=design.items,
        )
        simulated = measure(design, studies).claimed
        say(f"paired difference, seed {luck:4.2f}:  {printed:.3f}  {simulated:.3f}\n")
    for residual in (0.05, 0.1, 0.15):
        printed = regression_power(0.036, residual, effects=12)
        simulated = claimed_by_regression(0.036, residual)
        say(f"regression, residual {residual:4.2f}:     {printed:.3f}  {simulated:.3f}\n")


def _holds(interval: tuple[float, float], effect: float) -> bool:
    return interval[0] <= effect <= interval[1]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
