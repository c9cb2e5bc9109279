"""Does better translation give better classification: the slope of scores over chrF."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from babelift.evaluation.crossed import PairedRows
from babelift.evaluation.differences import Differences, differences_of
from babelift.evaluation.metrics import Floats
from babelift.report.numbers import brackets, digits_for, direction, pair_name, signed, with_p
from babelift.study.answers import stated_cell
from babelift.study.quality import Quality
from babelift.study.results import Scores
from babelift.study.spec import OFF, StudySpec

PER: Final = 10.0
"""Points of chrF that the slope is told for."""

FEWEST: Final = 4
"""Translators of a pair from which there is a slope."""


@dataclass(frozen=True)
class Trend:
    """How F1-micro changes with ten points of chrF, among the translators of a study.

    Attributes:
        slopes: Mean over language pairs and each pair's own, with intervals over seeds and test
            rows; the translators are taken as they are.
        translators: By pair, how many it rests on.
        spoilt: Whether some of them are spoilt on purpose.
        sentence: What it says.
    """

    slopes: Differences
    translators: dict[str, int]
    spoilt: bool
    sentence: str


def quality_trend(spec: StudySpec, scores: Scores, qualities: Sequence[Quality]) -> Trend | None:
    """The slope of F1-micro over chrF, at the study's main settings.

    In every language pair the slope of a least-squares line through its translators is a weighted
    sum of their scores, so that each test row and seed has a slope of its own: their mean is the
    slope, and its interval that of a difference, over new seeds and test rows.

    Args:
        spec: The study.
        scores: Its test results.
        qualities: How good its translations are.

    Returns:
        None where no pair has `FEWEST` translators of known quality.
    """
    chrf = {
        (quality.source, quality.lang, quality.translator): quality.chrf
        for quality in qualities
        if quality.chrf is not None
    }
    condition = stated_cell(spec, "translated", OFF, next(iter(spec.encoders)))
    tables = {
        name: scores.of_condition(replace(condition, translator=name)) for name in spec.translators
    }
    parts: list[tuple[str, Floats, list[str]]] = []
    translators = {}
    pairs = dict.fromkeys((source, lang) for source, lang, _ in chrf)
    seeds = _shared_seeds(tables.values())
    for source, lang in pairs:
        known = {
            name: rows
            for name, table in tables.items()
            if (source, lang, name) in chrf
            and (rows := _of_pair(table, source, lang, seeds)).height
        }
        xs = np.array([chrf[source, lang, name] for name in known], dtype=np.float64)
        if len(known) < FEWEST or xs.std() == 0:
            continue
        weights = PER * (xs - xs.mean()) / ((xs - xs.mean()) ** 2).sum()
        right = np.stack([rows["right"].to_numpy().astype(np.float64) for rows in known.values()])
        stratum = lang if len(spec.sources) == 1 else f"{source}>{lang}"
        slopes = (weights @ right).reshape(len(seeds), -1)
        groups = next(iter(known.values()))["group_id"].to_list()[: slopes.shape[1]]
        parts.append((stratum, slopes, groups))
        translators[stratum] = len(known)
    if not parts:
        return None
    numbers: dict[str, int] = {}
    items = [numbers.setdefault(group, len(numbers)) for *_, own in parts for group in own]
    langs = np.repeat(np.arange(len(parts)), [len(own) for *_, own in parts])
    comparison = PairedRows(
        np.concatenate([slopes for _, slopes, _ in parts], axis=1),
        langs.astype(np.int64),
        np.array(items, dtype=np.int64),
        tuple(stratum for stratum, *_ in parts),
    )
    spoilt = any(text.startswith("degraded:") for text in spec.translators.values())
    slopes_by_pair = differences_of(comparison)
    sentence = _sentence(slopes_by_pair, translators, spoilt)
    return Trend(slopes_by_pair, translators, spoilt, sentence)


def _sentence(slopes: Differences, translators: Mapping[str, int], degraded: bool) -> str:
    mean, pairs = slopes.mean, slopes.languages
    digits = digits_for((mean.delta, *mean.interval))
    effect = (
        f"ten points of chrF go with {signed(mean.delta, digits)} F1-micro "
        f"{brackets(mean.interval, digits)}"
    )
    start = {
        1: "Better translations gave better classifiers",
        0: "No effect of the translations' quality seen",
        -1: "Better translations gave worse classifiers",
    }[direction(mean.interval)]
    where = f" in {pair_name(next(iter(pairs)))}"
    if len(pairs) > 1:
        ahead = sum(slope.delta * mean.delta > 0 for slope in pairs.values())
        what = "pairs" if any(">" in name for name in pairs) else "languages"
        where = f" on average, the same way in {ahead} of {len(pairs)} {what}"
    among = max(translators.values())
    spoilt = ", those spoilt on purpose included" if degraded else ""
    return f"{start}: {effect}{where}, among {among} translators{spoilt}; {with_p(mean.p)}."


def _shared_seeds(tables: Iterable[pl.DataFrame]) -> list[int]:
    """Seeds that every translator was tried with in every pair it has."""
    seed_sets = [
        set(part["seed"]) for table in tables for part in table.partition_by("source", "lang")
    ]
    return sorted(set.intersection(*seed_sets)) if seed_sets else []


def _of_pair(table: pl.DataFrame, source: str, lang: str, seeds: Sequence[int]) -> pl.DataFrame:
    rows = table.filter(
        (pl.col("source") == source) & (pl.col("lang") == lang) & pl.col("seed").is_in(list(seeds))
    )
    return rows.sort("seed", "id")
