"""What came out of a study: a tidy table of every run, language and metric; means over it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from babelift.errors import DataError, did_you_mean
from babelift.evaluation.metrics import evaluate_predictions
from babelift.prediction.rows import check_predictions
from babelift.study.condition import Condition
from babelift.study.task import OWN_TEXT

RESULTS: Final[dict[str, pl.DataType]] = {
    "run": pl.String(),
    "study_arm": pl.String(),
    "otc": pl.String(),
    "ratio": pl.String(),
    "translator": pl.String(),
    "encoder": pl.String(),
    "size": pl.Int64(),
    "seed": pl.Int64(),
    "source": pl.String(),
    "lang": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
}
"""Columns of the table of results."""

CONDITION: Final = ("study_arm", "otc", "ratio", "translator", "encoder", "size", "source")
"""Columns that say which condition a row belongs to; `seed` tells its runs apart."""

METRICS: Final = ("f1_micro", "f1_macro", "mae", "qwk", "calibration_error")

_RESAMPLES: Final = 2
"""The intervals of single runs are not used: a study has its own."""


def run_results(
    place: Condition,
    key: str,
    size: int,
    predictions: pl.DataFrame,
    labels: Sequence[str],
    *,
    ordinal: bool,
) -> pl.DataFrame:
    """The rows of one condition and seed: every metric in the languages it counts in.

    Args:
        place: The condition.
        key: The run's.
        size: Labelled originals it was trained on.
        predictions: All predictions of the run.
        labels: All labels, in order.
        ordinal: Whether they are ordered numbers.
    """
    own = own_predictions(place, predictions)
    scores = evaluate_predictions(own, labels, ordinal=ordinal, resamples=_RESAMPLES)
    about = {
        "run": key,
        "study_arm": place.arm,
        "otc": place.otc,
        "ratio": place.ratio,
        "translator": place.translator,
        "encoder": place.encoder,
        "size": size,
        "seed": place.seed,
        "source": place.source,
    }
    rows = [
        {**about, "lang": lang, "metric": metric, "value": found[metric]}
        for lang, found in scores["languages"].items()
        for metric in METRICS
        if found.get(metric) is not None
    ]
    return pl.DataFrame(rows, schema=RESULTS)


def own_predictions(place: Condition, predictions: pl.DataFrame) -> pl.DataFrame:
    """The predictions that count for a condition, of all that its run made.

    A translated test row counts for the language it was written in.
    """
    by = place.translator if place.arm == "translate-test" else OWN_TEXT
    lang = pl.coalesce("source_lang", "lang") if by != OWN_TEXT else pl.col("lang")
    return predictions.filter(pl.col("text_by") == by).with_columns(lang.alias("lang")).filter(
        pl.col("lang").is_in(list(place.langs))
    )  # fmt: skip


def added_results(
    name: str, table: pl.DataFrame, labels: Sequence[str], *, ordinal: bool, where: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results and predictions of another tool, as an arm of its own.

    Args:
        name: What the arm is called.
        table: Needs `label`, `prediction`, `lang` and `id`; `seed` where there is more than one
            training, `group_id` where items are shared between languages.
        labels: All labels, in order.
        ordinal: Whether they are ordered numbers.
        where: What to call the table in an error.

    Raises:
        DataError: A column is missing or a row cannot be used.
    """
    if "id" not in table.columns:
        raise DataError(
            f"{where}: column 'id' is missing{did_you_mean('id', table.columns)}",
            "It says which test row of the study a prediction is for.",
        )
    seeds = table["seed"] if "seed" in table.columns else pl.repeat(0, table.height, eager=True)
    found, kept = [], []
    for (seed,), part in table.with_columns(seed=seeds).group_by("seed", maintain_order=True):
        rows = check_predictions(part, labels, where)
        place = Condition(
            name, "off", None, None, name, None, int(str(seed)), name,
            tuple(rows["lang"].unique(maintain_order=True)),
        )  # fmt: skip
        key = f"{name}-{seed}"
        rows = rows.with_columns(text_by=pl.lit(OWN_TEXT), source_lang=pl.lit(None, pl.String))
        found.append(run_results(place, key, 0, rows, labels, ordinal=ordinal))
        kept.append(rows.with_columns(run=pl.lit(key)))
    return pl.concat(found), pl.concat(kept)


def check_shared(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """See that the arms shared what they must have shared, and say what was seen.

    All trainings took the same number of updates; those of one encoder and seed started from the
    same weights; those of the same originals, ratio and seed saw them in the same order.

    Args:
        records: Every run's record, by its key.

    Returns:
        Sentences for the report.

    Raises:
        DataError: Two arms did not share it; no comparison of them would be sound.
    """
    groups: dict[str, dict[Any, set[Any]]] = {"updates": {}, "initial weights": {}, "order": {}}
    for record in records.values():
        training, identity = record["training"], record["identity"]
        settings = identity["settings"]
        start = (identity["encoder"], settings["seed"])
        rows = (tuple(identity["originals"]), settings["ratio"], settings["seed"])
        groups["updates"].setdefault((), set()).add(training["steps"])
        if training["encoder"] != "scratch":
            groups["initial weights"].setdefault(start, set()).add(training["initial_weights"])
        groups["order"].setdefault(rows, set()).add(training["order"])
    for what, found in groups.items():
        odd = next((key for key, values in found.items() if len(values) > 1), None)
        if odd is not None:
            raise DataError(
                f"trainings that are compared do not share their {what}: {odd} has "
                f"{len(found[odd])} different ones.",
                "Remove the study's runs from the store and run it again.",
            )
    updates = next(iter(groups["updates"].get((), {0})))
    return [
        f"all {len(records)} trainings took {updates:,} updates",
        f"trainings of one seed started from the same weights ({len(groups['initial weights'])} "
        "seeds and encoders checked)",
        f"trainings on the same originals saw them in the same order ({len(groups['order'])} "
        "orders checked)",
    ]


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
