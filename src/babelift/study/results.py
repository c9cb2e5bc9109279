"""What came out of a study: a tidy table of every run, language and metric, means over it, and
which test rows each condition got right."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.errors import DataError
from babelift.evaluation.metrics import evaluate_predictions
from babelift.study.condition import AVERAGED, AXES, OWN, OWN_TEXT, Condition, Place
from babelift.study.spec import BOTH_VIEWS, VIEWED
from babelift.study.task import TrainingRecord

_AXES: Final = {axis: pl.Int64() if axis == "rows" else pl.String() for axis in AXES}

RESULTS: Final[dict[str, pl.DataType]] = {
    "run": pl.String(),
    **_AXES,
    "size": pl.Int64(),
    "seed": pl.Int64(),
    "lang": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
}
"""Columns of the table of results. `rows` says how many labelled originals were asked for, null for
all, and `size` how many there were in the end: it differs between languages that are meant to be
alike, and is no part of the condition."""

METRICS: Final = ("f1_micro", "f1_macro", "mae", "qwk", "calibration_error")

_RESAMPLES: Final = 2
"""The intervals of single runs are not used: a study has its own."""


def run_results(
    place: Place,
    key: str,
    size: int,
    predictions: pl.DataFrame,
    labels: Sequence[str],
    *,
    ordinal: bool,
) -> pl.DataFrame:
    """The rows of one condition and seed: every metric in the languages it counts in.

    Where all test rows of a language have one label there is no F1-macro and no QWK.

    Args:
        place: The training's part in the study.
        key: The run's.
        size: Labelled originals it was trained on.
        predictions: All predictions of the run.
        labels: All labels, in order.
        ordinal: Whether they are ordered numbers.
    """
    own = own_predictions(place, predictions)
    if own.is_empty():  # no test row has a translation to predict
        return pl.DataFrame(schema=RESULTS)
    scores = evaluate_predictions(own, labels, ordinal=ordinal, resamples=_RESAMPLES)
    about = {"run": key, **place.condition.to_dict(), "size": size, "seed": place.seed}
    rows = [
        {**about, "lang": lang, "metric": metric, "value": value}
        for lang, lang_scores in scores.languages.items()
        for metric in METRICS
        if (value := getattr(lang_scores, metric)) is not None
        and not (metric == "f1_macro" and lang_scores.one_class)
    ]
    return pl.DataFrame(rows, schema=RESULTS)


def own_predictions(place: Place, predictions: pl.DataFrame) -> pl.DataFrame:
    """The predictions that count for a condition, of all that its run made.

    A translated test row counts for the language it was written in.
    """
    arm, by = place.condition.arm, OWN_TEXT
    if arm in VIEWED:
        translator = place.condition.translator or ""
        by = AVERAGED + translator if arm in BOTH_VIEWS else translator
    lang = pl.coalesce("source_lang", "lang") if arm == "translate-test" else pl.col("lang")
    return predictions.filter(pl.col("text_by") == by).with_columns(lang.alias("lang")).filter(
        pl.col("lang").is_in(list(place.langs))
    )  # fmt: skip


def added_results(
    name: str, table: pl.DataFrame, labels: Sequence[str], *, ordinal: bool
) -> pl.DataFrame:
    """The rows of predictions made elsewhere, as an arm of their own that goes with every source.

    Args:
        name: What the arm is called.
        table: As `rows.read_added` gives it.
        labels: All labels, in order.
        ordinal: Whether they are ordered numbers.
    """
    parts = [
        run_results(
            Place(Condition(name, source=OWN), seed, tuple(rows["lang"].unique())),
            run, 0, rows, labels, ordinal=ordinal,
        )
        for (run, seed), rows in table.group_by("run", "seed", maintain_order=True)
    ]  # fmt: skip
    return pl.concat(parts)


def check_shared(records: Iterable[TrainingRecord]) -> list[str]:
    """See that the arms shared what they must have shared, and say what was seen.

    All trainings took the same number of updates; those of one encoder and seed started from the
    same weights; those of the same originals, ratio and seed saw them in the same order.

    Args:
        records: Those of every training that is done.

    Returns:
        Sentences for the report.

    Raises:
        DataError: Two arms did not share it; no comparison of them would be sound.
    """
    groups: dict[str, dict[Any, set[Any]]] = {"updates": {}, "initial weights": {}, "order": {}}
    records = list(records)
    for record in records:
        training, identity = record.training, record.identity
        settings = identity["settings"]
        start = (identity["encoder"], settings["seed"])
        learnt = (*identity["originals"], *identity.get("unlabelled", ()))
        rows = (learnt, settings["ratio"], settings["seed"])
        groups["updates"].setdefault((), set()).add(training.steps)
        if training.encoder != "scratch":
            groups["initial weights"].setdefault(start, set()).add(training.initial_weights)
        groups["order"].setdefault(rows, set()).add(training.order)
    for what, values_by_key in groups.items():
        odd = next((key for key, values in values_by_key.items() if len(values) > 1), None)
        if odd is not None:
            raise DataError(
                f"trainings that are compared do not share their {what}: {odd} has "
                f"{len(values_by_key[odd])} different ones.",
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


def of_condition(table: pl.DataFrame, condition: Condition) -> pl.DataFrame:
    """The rows of one condition, of all its sources where it names none.

    Args:
        table: Has a column for each of the axes.
        condition: Which one.
    """
    return table.filter(
        pl.col(axis).eq_missing(pl.lit(value))
        for axis, value in condition.to_dict().items()
        if (axis, value) != ("source", None)
    )


def mean_scores(results: pl.DataFrame) -> list[dict[str, Any]]:
    """Mean and spread over seeds, for every condition, source, language and metric.

    Args:
        results: The study's tidy table.
    """
    return _over_seeds(results, [*AXES, "lang", "metric"]).to_dicts()


_POOLED: Final = tuple(axis for axis in AXES if axis != "source")


def over_sources(results: pl.DataFrame) -> list[dict[str, Any]]:
    """Mean over sources, then mean and spread over seeds; likewise over all languages.

    A seed that lacks a source or a language, because a run failed, is left out of the mean it would
    distort.

    Args:
        results: The study's tidy table.

    Returns:
        A row for each condition, metric and language, and one whose `lang` is None for the mean
        over the condition's languages; `langs` counts them.
    """
    per_lang = _complete(
        results, [*_POOLED, "seed", "lang", "metric"], "source", [*_POOLED, "lang"]
    )
    per_seed = _complete(per_lang, [*_POOLED, "seed", "metric"], "lang", _POOLED)
    each = _over_seeds(per_lang, [*_POOLED, "lang", "metric"]).with_columns(
        langs=pl.lit(1, pl.UInt32)
    )
    every = _over_seeds(per_seed, [*_POOLED, "metric", "parts"]).select(
        *_POOLED, pl.lit(None, pl.String).alias("lang"), "metric", "mean", "spread", "seeds",
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


@dataclass(frozen=True)
class Scores:
    """Every prediction of a study, as right or wrong.

    Attributes:
        table: The axes, `seed, lang, id, group_id, right`.
    """

    table: pl.DataFrame

    @classmethod
    def of(cls, places: Iterable[Mapping[str, Any]], predictions: pl.DataFrame) -> "Scores":
        """Take the predictions that count for each condition.

        Args:
            places: Conditions as plain values, each with its `run`.
            predictions: All predictions of the study, with the columns `run` and `text_by`.
        """
        by_run = predictions.partition_by("run", as_dict=True)
        parts = []
        for values in places:
            if (rows := by_run.get((values["run"],))) is None:
                continue
            place = Place.of(values)
            parts.append(own_predictions(place, rows).select(
                *(pl.lit(values[axis], kind).alias(axis) for axis, kind in _AXES.items()),
                pl.lit(place.seed, pl.Int64).alias("seed"),
                "lang", "id", "group_id", right=pl.col("label") == pl.col("prediction"),
            ))  # fmt: skip
        return cls(pl.concat(parts) if parts else pl.DataFrame())

    def conditions(self) -> list[Condition]:
        """The conditions over all their sources, in the order of the study."""
        rows = self.table.select(AXES).unique(maintain_order=True).iter_rows(named=True)
        return list(dict.fromkeys(Condition.of(row).over_sources() for row in rows))

    def of_condition(self, condition: Condition) -> pl.DataFrame:
        """The rows of one condition, of all its sources where it names none."""
        return of_condition(self.table, condition)

    def paired(self, arm: Condition, base: Condition) -> "Pairing | None":
        """Two conditions on the seeds, sources, languages and test rows that both have.

        A condition that learns from the test language's own rows goes with every source.
        """
        sides = [self.of_condition(condition) for condition in (arm, base)]
        sources = [
            [source for source in side["source"].unique() if source != OWN] for side in sides
        ]
        shared = sorted({*sources[0], *sources[1]}) or [OWN]
        sides = [_with_sources(side, shared) for side in sides]
        on = ["source", "seed", "lang", "id"]
        both = sides[0].join(sides[1].select(*on, base="right"), on=on, maintain_order="left")
        if both.is_empty():
            return None
        both = both.sort(*on)
        seeds = sorted(both["seed"].unique())
        rows = both.group_by("source", "lang", "id", maintain_order=True).agg(
            "group_id", "right", "base", number=pl.len()
        )
        rows = rows.filter(pl.col("number") == len(seeds))
        if rows.is_empty():
            return None
        several_sources = len(set(rows["source"])) > 1
        strata = rows.select(
            pl.format("{}>{}", "source", "lang") if several_sources else pl.col("lang")
        ).to_series()
        return Pairing(
            np.array(rows["right"].to_list(), dtype=np.bool_).T,
            np.array(rows["base"].to_list(), dtype=np.bool_).T,
            strata.to_list(),
            rows["group_id"].list.first().to_list(),
            rows["lang"].to_list(),
            len(seeds),
        )


def _with_sources(side: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """Rows of the source `own`, repeated for each of the sources."""
    own = side.filter(pl.col("source") == OWN)
    if own.is_empty() or list(sources) == [OWN]:
        return side
    copies = [own.with_columns(source=pl.lit(source)) for source in sources]
    return pl.concat([side.filter(pl.col("source") != OWN), *copies])


@dataclass(frozen=True)
class Pairing:
    """Two conditions on shared seeds and test rows.

    Attributes:
        right_arm: `(seeds, rows) bool`.
        right_base: `(seeds, rows) bool`.
        strata: `(rows,)` the language of each row, or `source>lang` with several sources.
        groups: `(rows,)` the test item of each row.
        langs: `(rows,)` the test language of each row.
        seeds: Number of seeds.
    """

    right_arm: npt.NDArray[np.bool_]
    right_base: npt.NDArray[np.bool_]
    strata: list[str]
    groups: list[str]
    langs: list[str]
    seeds: int

    def within(self, langs: Collection[str]) -> "Pairing":
        """The rows of some languages, each a stratum of its own over all sources."""
        kept = np.flatnonzero(np.isin(self.langs, list(langs)))
        own = [self.langs[row] for row in kept]
        return Pairing(
            self.right_arm[:, kept],
            self.right_base[:, kept],
            own,
            [self.groups[row] for row in kept],
            own,
            self.seeds,
        )
