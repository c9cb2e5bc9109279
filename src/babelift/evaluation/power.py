"""What a design can see: power, and smallest effect."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, ndtr

from babelift.errors import ConfigError
from babelift.evaluation.crossed import Components, Crossed, critical, spread
from babelift.evaluation.differences import Differences
from babelift.evaluation.metrics import Floats

_SEED_TAIL: Final = 0.1
_TAILS: Final = (np.arange(512) + 0.5) / 512


def design_power(
    effect: float,
    components: Components,
    *,
    languages: int,
    seeds: int,
    items: float,
    level: float = 0.05,
) -> float:
    """Probability that a true effect is claimed by `paired_differences`, two-sided.

    The estimate is normal about the effect; the variance between seeds that will be seen is the
    true one times chi-square over its degrees of freedom, so the test statistic is a noncentral t
    where seeds are all the luck there is. In between, the probability is averaged over the
    chi-square, with the very number of standard errors that the test takes there. Items are taken
    to be many. One seed counts as knowing nothing of seeds: their luck makes claims too frequent,
    which the power of an effect of 0 shows.

    Args:
        effect: True mean difference over the languages.
        components: Variances, from `paired_differences` on a smaller study or assumed.
        languages: Number of test languages.
        seeds: Seeds per condition.
        items: Test items per language.
        level: Two-sided level of the test.

    Raises:
        ConfigError: A number that no design can have.

    >>> parts = Components(seed=1e-4, item=0.03, residual=0.3)
    >>> round(design_power(0.02, parts, languages=5, seeds=5, items=2000), 2)
    0.81
    >>> round(design_power(0.0, parts, languages=5, seeds=5, items=2000), 2)
    0.05
    """
    if not np.isfinite(effect):
        raise ConfigError(f"an effect must be a finite number; got {effect}.")
    return _power(effect, *_spreads(components, languages, seeds, items, level))


def smallest_effect(
    components: Components,
    *,
    languages: int,
    seeds: int,
    items: float,
    power: float = 0.8,
    level: float = 0.05,
) -> float:
    """The smallest true effect that a design claims with the given power: what it could have seen.

    Args:
        components: Variances.
        languages: Number of test languages.
        seeds: Seeds per condition.
        items: Test items per language.
        power: Probability of claiming it, above `level` and below 1.
        level: Two-sided level of the test.

    Raises:
        ConfigError: A number that no design can have.

    >>> parts = Components(seed=0.0, item=0.25, residual=0.0)
    >>> effect = smallest_effect(parts, languages=1, seeds=100, items=10_000)
    >>> round(effect, 4)  # (1.96 + 0.84) * sqrt(.25 / 10,000)
    0.014
    """
    if not level < power < 1:
        raise ConfigError(f"power must be above the level, {level}, and below 1; got {power}.")
    error, reach = _spreads(components, languages, seeds, items, level)
    if error == 0 or _power(0.0, error, reach) >= power:
        return 0.0
    furthest = float(reach.max()) + 10 * error
    return float(brentq(lambda effect: _power(effect, error, reach) - power, 0.0, furthest))


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest true effect that a design claims, and how well that is known.

    Attributes:
        effect: With the variances that were estimated.
        interval: With the variance between seeds at the ends of its own 80 % interval: a few seeds
            say little of how much seeds differ. Both ends are `effect` with one seed.
    """

    effect: float
    interval: tuple[float, float]


def could_have_seen(
    differences: Differences, *, power: float = 0.8, level: float | None = None
) -> Detectable:
    """The smallest effect that a study's own design claims with the given power.

    From the variances the study itself has shown. With one seed it is what could be seen of these
    two trained models. The interval of the variance between seeds is that of chi-square over its
    degrees of freedom.

    Args:
        differences: What `paired_differences` measured.
        power: Probability of claiming the effect.
        level: Two-sided level of the claim; by default that of the intervals.

    >>> from babelift.evaluation.differences import paired_differences
    >>> right = np.random.default_rng(0).random((2, 3, 100)) < 0.7
    >>> langs = np.repeat(["de", "ja"], 50)
    >>> differences = paired_differences(right[0], right[1], langs, np.arange(100))
    >>> seen = could_have_seen(differences)
    >>> 0.05 < seen.interval[0] <= seen.effect < seen.interval[1] <= 1
    True
    """
    number, parts = len(differences.languages), differences.components
    seeds = differences.mean.seeds
    items = sum(difference.items for difference in differences.languages.values()) / number
    level = 1 - differences.level if level is None else level

    def smallest(parts: Components, languages: int) -> float:
        # No two conditions differ by more than 1.
        found = smallest_effect(
            parts, languages=languages, seeds=seeds, items=items, power=power, level=level
        )
        return min(1.0, found)

    if parts is None:
        rows_alone = Components(0.0, items * differences.mean.standard_error**2, 0.0)
        effect = smallest(rows_alone, 1)
        return Detectable(effect, (effect, effect))
    effect = smallest(parts, number)
    known = parts.of(number, seeds, items)
    ends = [effect]
    for tail in (_SEED_TAIL, 1 - _SEED_TAIL):
        seen = known.seeds * (seeds - 1) / float(chdtri(seeds - 1, tail))
        scale = number * seeds / (1 + (number - 1) * parts.seed_shared)
        ends.append(smallest(replace(parts, seed=max(0.0, seen - known.residual) * scale), number))
    return Detectable(effect, (min(ends), max(ends)))


def _spreads(
    components: Components, languages: int, seeds: int, items: float, level: float
) -> tuple[float, Floats]:
    """True standard error of the estimate, and half widths of intervals by luck of the seeds."""
    for name, number, least in (
        ("languages", languages, 1),
        ("seeds", seeds, 1),
        ("items", items, 2),
    ):
        if number < least:
            raise ConfigError(f"a design has {least} or more {name}; got {number}.")
    if not 0 < level < 1:
        raise ConfigError(f"level must be between 0 and 1; got {level}.")
    parts = components.of(languages, seeds, items)
    error = (parts.seeds + parts.pure_items) ** 0.5
    if seeds == 1:
        seen = spread(parts, 1, items - 1)
        reach = seen.variance**0.5 * critical(level, 0.0, 1, items - 1)
        return error, np.asarray([reach])
    luck = chdtri(seeds - 1, 1 - _TAILS) / (seeds - 1)
    spreads = [
        spread(Crossed(parts.seeds * factor, parts.items, parts.residual), seeds, items - 1)
        for factor in luck
    ]
    variance = np.array([part.variance for part in spreads])
    share = np.array([part.seed_share for part in spreads])
    return error, variance**0.5 * critical(level, share, seeds, items - 1)


def _power(effect: float, error: float, reach: Floats) -> float:
    if error == 0:
        return float(effect != 0)
    above, below = ndtr((effect - reach) / error), ndtr((-effect - reach) / error)
    return float((above + below).mean())
