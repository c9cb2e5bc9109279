"""Does better translation give better classification: the slope of scores over chrF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from babelift.evaluation.crossed import SMALLEST_P
from babelift.evaluation.multiple_tests import LEVEL
from babelift.report.numbers import brackets, digits_for, pair_name, signed, with_p
from babelift.study.answers import stated_cell
from babelift.study.quality import Quality
from babelift.study.results import Scores
from babelift.study.spec import OFF, StudySpec

PER: Final = 10.0
"""Points of chrF that the slope is told for."""

FEWEST: Final = 4
"""Translators of a pair from which there is a slope."""

Point = tuple[str, float, float]
"""A translator's name, the chrF of its translations, and the score of training on them."""


@dataclass(frozen=True)
class Trend:
    """How F1-micro changes with ten points of chrF, among the translators of a study.

    Attributes:
        delta: The slope, the mean over language pairs.
        interval: Of the slope, over other translators like these.
        p: Two-sided, that there is no slope.
        pairs: The slope of each pair.
        translators: By pair, how many it rests on.
        spoilt: Whether some of them are spoilt on purpose.
        seeds: Trainings behind each score; with one nothing is claimed.
        adjusted_p: `p` after the page's correction.
        sentence: What it says.
    """

    delta: float
    interval: tuple[float, float]
    p: float
    pairs: dict[str, float]
    translators: dict[str, int]
    spoilt: bool
    seeds: int
    adjusted_p: float = 1.0
    sentence: str = ""


def slope_over_translators(
    pairs: Mapping[str, Sequence[Point]], *, level: float = 0.95
) -> tuple[float, tuple[float, float], float]:
    """The mean slope of scores over chrF, with translators as what is drawn.

    Translators differ in more than chrF, so that each counts once, in all its pairs together. The
    variance is the jackknife's over translators (Efron & Stein 1981, "The jackknife estimate of
    variance"), which errs to the safe side; Student's t has two degrees less than translators.

    Args:
        pairs: The points of each language pair; no pair has fewer than `FEWEST`.
        level: Probability that the interval is made for.

    Returns:
        The slope per `PER` points, its interval, and its two-sided p.

    >>> points = [("a", 20, 0.50), ("b", 30, 0.54), ("c", 40, 0.56), ("d", 50, 0.60)]
    >>> slope, interval, p = slope_over_translators({"de": points})
    >>> round(slope, 3), interval[0] > 0, p < 0.05
    (0.032, True, True)
    """
    translators = list(dict.fromkeys(name for points in pairs.values() for name, *_ in points))
    slope = _mean_slope(pairs)
    without = np.array([_mean_slope(pairs, name) for name in translators])
    count = len(translators)
    error = float(((count - 1) * without.var()) ** 0.5)
    if error < 1e-12:
        return slope, (slope, slope), SMALLEST_P if slope else 1.0
    reach = error * float(stdtrit(count - 2, (1 + level) / 2))
    p = float(2 * stdtr(count - 2, -abs(slope) / error))
    return slope, (slope - reach, slope + reach), max(SMALLEST_P, p)


def _mean_slope(pairs: Mapping[str, Sequence[Point]], without: str | None = None) -> float:
    slopes = []
    for points in pairs.values():
        kept = np.array([(x, y) for name, x, y in points if name != without])
        xs, ys = kept[:, 0] - kept[:, 0].mean(), kept[:, 1]
        # Without that translator all others of the pair may have one chrF: it says nothing then.
        if spread := float(xs @ xs):
            slopes.append(PER * float(xs @ ys) / spread)
    return float(np.mean(slopes)) if slopes else 0.0


def quality_trend(spec: StudySpec, scores: Scores, qualities: Sequence[Quality]) -> Trend | None:
    """The slope of F1-micro over chrF, at the study's main settings.

    Args:
        spec: The study.
        scores: Its test results.
        qualities: How good its translations are.

    Returns:
        None where no pair has `FEWEST` translators of known quality.
    """
    condition = stated_cell(spec, "translated", OFF, next(iter(spec.encoders)))
    tables = {
        name: scores.of_condition(replace(condition, translator=name)) for name in spec.translators
    }
    seeds = _shared_seeds(list(tables.values()))
    means = {
        (name, source, lang): score
        for name, table in tables.items()
        for source, lang, score in table.filter(pl.col("seed").is_in(seeds))
        .group_by("source", "lang", maintain_order=True)
        .agg(pl.col("right").mean())
        .iter_rows()
    }
    points: dict[str, list[Point]] = {}
    for quality in qualities:
        score = means.get((quality.translator, quality.source, quality.lang))
        if score is not None and quality.chrf is not None:
            pair = quality.lang if len(spec.sources) == 1 else f"{quality.source}>{quality.lang}"
            points.setdefault(pair, []).append((quality.translator, quality.chrf, score))
    pairs = {
        pair: own
        for pair, own in points.items()
        if len(own) >= FEWEST and len({chrf for _, chrf, _ in own}) > 1
    }
    if not pairs:
        return None
    delta, interval, p = slope_over_translators(pairs)
    return Trend(
        delta,
        interval,
        p,
        {pair: _mean_slope({pair: own}) for pair, own in pairs.items()},
        {pair: len(own) for pair, own in pairs.items()},
        any(text.startswith("degraded:") for text in spec.translators.values()),
        len(seeds),
    )


def trend_sentence(trend: Trend) -> str:
    """What the slope says, of translators like these alone."""
    digits = digits_for((trend.delta, *trend.interval))
    effect = (
        f"ten points of chrF go with {signed(trend.delta, digits)} F1-micro "
        f"{brackets(trend.interval, digits)}"
    )
    where = f" in {pair_name(next(iter(trend.pairs)))}"
    if len(trend.pairs) > 1:
        ahead = sum(slope * trend.delta > 0 for slope in trend.pairs.values())
        what = "pairs" if any(">" in name for name in trend.pairs) else "languages"
        where = f" on average, the same way in {ahead} of {len(trend.pairs)} {what}"
    among = f"among {max(trend.translators.values())} translators"
    spoilt = ", those spoilt on purpose included" if trend.spoilt else ""
    if trend.seeds < 2:
        return f"With one training each, {effect}{where}, {among}{spoilt}: no claim."
    start = "No effect of the translations' quality seen"
    if trend.adjusted_p <= LEVEL:
        better = "better" if trend.delta > 0 else "worse"
        start = f"Better translations gave {better} classifiers"
    return f"{start}: {effect}{where}, {among}{spoilt}; {with_p(trend.adjusted_p)} after Holm."


def _shared_seeds(tables: Sequence[pl.DataFrame]) -> list[int]:
    """Seeds that every translator was tried with in every pair it has."""
    seed_sets = [
        set(part["seed"]) for table in tables for part in table.partition_by("source", "lang")
    ]
    return sorted(set.intersection(*seed_sets)) if seed_sets else []
