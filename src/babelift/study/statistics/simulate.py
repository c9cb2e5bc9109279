"""Coverage, false claims and power on simulated studies.

Run as `python -m babelift.study.statistics.simulate [STUDIES]`.
"""

import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final

import numpy as np
from scipy.special import stdtr

from babelift.evaluation.crossed import (
    Components,
    Crossed,
    components,
    crossed,
    paired_rows,
)
from babelift.evaluation.differences import paired_differences
from babelift.evaluation.power import design_power
from babelift.study.statistics.bootstrap import hierarchical_bootstrap
from babelift.study.statistics.power import regression_power
from babelift.study.statistics.simulated import Design, simulated_scores, simulated_study

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
class Measured:
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


def measure(design: Design, studies: int = 1000, *, seed: int = 0, resamples: int = 0) -> Measured:
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
    return Measured(
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


def main(arguments: Sequence[str]) -> None:
    """Print the tables; the argument is the number of studies per design, 300 if none is given."""
    studies = int(arguments[0]) if arguments else 300
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
    main(sys.argv[1:])
