"""Mean scores and their spread over seeds, for the tables and figures of a study's report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from babelift.study.results import CONDITION

_ON: Final = ("run", "study_arm", "otc", "ratio", "translator", "encoder", "source")
_CELL: Final = ("study_arm", "otc", "ratio", "translator", "encoder", "rows")


def with_rows(results: pl.DataFrame, places: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The tidy table with the number of labelled originals that was asked for, null for all.

    `size` says how many there were in the end: it differs between arms and languages that are
    meant to be alike.

    Args:
        results: The study's tidy table.
        places: Conditions as plain values, each with its `run`.
    """
    kinds = dict.fromkeys(_ON, pl.String()) | {"rows": pl.Int64()}
    asked = pl.DataFrame(
        [{**place, "study_arm": place["arm"]} for place in places], schema=kinds
    ).unique(_ON, keep="first", maintain_order=True)
    return results.unique(maintain_order=True).join(
        asked, on=_ON, how="left", nulls_equal=True, maintain_order="left"
    )


def mean_scores(results: pl.DataFrame) -> list[dict[str, Any]]:
    """Mean and spread over seeds, for every condition, source, language and metric.

    Args:
        results: As `with_rows` gives it.
    """
    by = [*CONDITION, "rows", "lang", "metric"]
    return _over_seeds(results, by).to_dicts()


def over_sources(results: pl.DataFrame) -> list[dict[str, Any]]:
    """Mean over sources, then mean and spread over seeds; likewise over all languages.

    A seed that lacks a source or a language, because a run failed, is left out of the mean it would
    distort.

    Args:
        results: As `with_rows` gives it.

    Returns:
        A row for each condition, metric and language, and one whose `lang` is None for the mean
        over the condition's languages; `langs` counts them.
    """
    per_lang = _complete(results, [*_CELL, "seed", "lang", "metric"], "source", [*_CELL, "lang"])
    per_seed = _complete(per_lang, [*_CELL, "seed", "metric"], "lang", _CELL)
    each = _over_seeds(per_lang, [*_CELL, "lang", "metric"]).with_columns(
        langs=pl.lit(1, pl.UInt32)
    )
    every = _over_seeds(per_seed, [*_CELL, "metric", "parts"]).select(
        *_CELL, pl.lit(None, pl.String).alias("lang"), "metric", "mean", "spread", "seeds",
        langs="parts",
    )  # fmt: skip
    return pl.concat([each, every]).to_dicts()


def _over_seeds(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return table.group_by(by, maintain_order=True).agg(
        pl.col("value").mean().alias("mean"),
        pl.col("value").std().alias("spread"),
        pl.len().alias("seeds"),
    )


def _complete(
    table: pl.DataFrame, by: Sequence[str], over: str, alike: Sequence[str]
) -> pl.DataFrame:
    """Means over a column, for those groups that have as many parts as the others of their kind."""
    means = table.group_by(by, maintain_order=True).agg(
        pl.col("value").mean(), pl.col(over).n_unique().alias("parts")
    )
    return means.filter(pl.col("parts") == pl.col("parts").max().over([*alike, "metric"]))
