"""Scores of trainings that differ in their seed, and how far they could have come out otherwise."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from benchmarks._bootstrap import paired_bootstrap


class Scores(NamedTuple):
    """Accuracies of one arm.

    Attributes:
        observed: (seeds, languages) float64.
        resampled: (resamples, seeds, languages) float64: on test items drawn anew, the same ones
            for all arms and seeds.
    """

    observed: np.ndarray
    resampled: np.ndarray

    def __sub__(self, other: "Scores") -> "Scores":
        """What this arm gained over another, seed by seed and item by item."""
        return Scores(self.observed - other.observed, self.resampled - other.resampled)

    def mean_of(self, places: Sequence[int]) -> "Scores":
        """The mean over some of the languages, as one."""
        return Scores(
            self.observed[:, places].mean(1, keepdims=True),
            self.resampled[:, :, places].mean(2, keepdims=True),
        )


class Summary(NamedTuple):
    """A mean over seeds.

    Attributes:
        mean: The mean.
        half: Half the width of its 95 % interval over seeds, by Student's t; NaN with one seed.
        low: Lower end of the 95 % percentile interval over seeds and test items, both drawn anew.
        high: Its upper end.
    """

    mean: float
    half: float
    low: float
    high: float


def scores(
    tables: Mapping[str, Sequence[pl.DataFrame]],
    langs: Sequence[str],
    *,
    model: str = "encoder",
    resamples: int = 2000,
) -> dict[str, Scores]:
    """Accuracies of every arm, seed and language.

    Args:
        tables: For each arm the predictions of each seed, all on the same test rows.
        langs: Languages, in the order wanted.
        model: `encoder`, or `linear` for the baseline trained on the arm's rows.
        resamples: How many times test items are drawn.
    """
    chosen = [
        table.filter((pl.col("model") == model) & pl.col("lang").is_in(list(langs))).sort(
            "lang", "id"
        )
        for part in tables.values()
        for table in part
    ]
    first = chosen[0]
    same = first.select("lang", "id", "label")
    if any(not table.select("lang", "id", "label").equals(same) for table in chosen):
        raise ValueError("trainings can only be compared on the same test rows")
    drawn = paired_bootstrap(
        np.stack([(table["prediction"] == table["label"]).to_numpy() for table in chosen]),
        _numbers(first["lang"], langs),
        first["group_id"].to_list(),
        resamples=resamples,
    )
    found, start = {}, 0
    for arm, part in tables.items():
        seeds = slice(start, start + len(part))
        found[arm] = Scores(drawn.observed[seeds], drawn.resampled[:, seeds])
        start += len(part)
    return found


def summarise(found: Scores) -> list[Summary]:
    """The mean over seeds of each language, with its intervals."""
    from scipy.stats import t

    seeds = len(found.observed)
    mean = found.observed.mean(0)
    half = np.full(len(mean), np.nan)
    if seeds > 1:
        half = t.ppf(0.975, seeds - 1) * found.observed.std(0, ddof=1) / np.sqrt(seeds)
    drawn = np.random.default_rng(0).integers(0, seeds, (len(found.resampled), seeds))
    means = np.take_along_axis(found.resampled, drawn[:, :, None], axis=1).mean(1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return [Summary(*map(float, row)) for row in zip(mean, half, low, high, strict=True)]


def _numbers(column: pl.Series, names: Sequence[str]) -> np.ndarray:
    return column.replace_strict(list(names), range(len(names)), return_dtype=pl.Int64).to_numpy()
