"""Measuring a model on rows, or anybody's predictions as they are."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.config import EvaluateConfig, Table
from babelift.corpus import label_set, label_strings, odd_labels, read_corpus, report_rejects
from babelift.corpus.rows import conform
from babelift.corpus.table import ROW, ending
from babelift.errors import (
    BabeliftWarning,
    ConfigError,
    DataError,
    LanguageError,
    RunError,
    did_you_mean,
)
from babelift.evaluation.metrics import Metrics, evaluate_predictions
from babelift.languages import reductions
from babelift.prediction.predictor import Predictor
from babelift.prediction.rows import ENCODER, check_predictions, make_predictions
from babelift.prediction.views import Views, find_view, opened_views, seen_texts
from babelift.progress import Progress, quiet
from babelift.store import check_no_input, claim_folder, write_record, write_rows
from babelift.training.cuts import Cut

_TABLES: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_METRICS: Final = "metrics.json"
_PREDICTIONS: Final = "predictions.parquet"
_REJECTS: Final = "rejects.jsonl"


def evaluate(
    model: str | Path | Predictor,
    data: pl.DataFrame | str | Path | Sequence[str | Path] = (),
    *,
    ordinal: bool | None = None,
    batch_size: int = 32,
    progress: Progress | None = None,
    **table: Any,
) -> Metrics:
    """Measure a classifier, or anybody's predictions, per language.

    Args:
        model: Run folder, model folder, hub id or open `Predictor`; or a file of predictions
            (.parquet, .jsonl or .csv with the columns label, prediction and lang), with no `data`.
        data: Labelled rows: a frame with the columns text, label and lang, or one or more files.
        ordinal: Whether labels are ordered numbers; found out from the labels if absent.
        batch_size: Texts that are computed together.
        progress: Where progress is shown; None for nowhere.
        **table: What the columns are called, as in `config.Table`: `text="body", lang="de"`; and
            `view`, `translator`, `into` as in `babelift.predict`.

    Returns:
        The metrics.

    Raises:
        ConfigError: Settings that do not go together.
        DataError: Rows or predictions that cannot be used.
        ModelError: The model cannot be opened.
    """
    progress = progress or quiet()
    if isinstance(data, pl.DataFrame):
        given = EvaluateConfig.from_mapping(table, where="evaluate")
        rows = _complete(named_columns(data, given, "the rows"))
        for note in reductions(rows["lang"].drop_nulls().unique()):
            warnings.warn(note, BabeliftWarning, stacklevel=2)
        judged = find_view(given, None if isinstance(model, Predictor) else model)
        predictor = model if isinstance(model, Predictor) else Predictor.load(model)
        with opened_views(judged, progress) as views:
            return _measure_rows(predictor, views, rows, ordinal, batch_size, progress)[0]
    values = {"ordinal": ordinal, "batch_size": batch_size, **table}
    values["input"] = tuple(map(str, (data,) if isinstance(data, str | Path) else data))
    opened = model if isinstance(model, Predictor) else None
    if opened is None:
        values["model"] = str(model)
    config = EvaluateConfig.from_mapping(values, where="evaluate")
    return measure(config, progress, opened)[0]


def run_evaluate(config: EvaluateConfig, progress: Progress | None = None) -> Metrics:
    """Measure a model, or anybody's predictions, on labelled rows.

    Writes `metrics.json`, `predictions.parquet` and, of rows that cannot be used, `rejects.jsonl`
    into `config.out`; nothing without one.

    Args:
        config: Settings of `babelift evaluate`; `model` may also be a table of predictions with
            the columns label, prediction and lang, and then there is no input.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The metrics.

    Raises:
        ConfigError: Settings that do not go together.
        DataError: Rows or predictions that cannot be used.
        ModelError: The model cannot be opened.
        RunError: The folder holds an evaluation already.
    """
    folder = config.out
    if folder is None:
        return measure(config, progress or quiet())[0]
    with claim_folder(folder):
        check_no_input([folder / _REJECTS], config.input)
        for name in (_METRICS, _PREDICTIONS):
            if (folder / name).exists():
                raise RunError(f"'{folder}' holds a {name} already.", "Choose another --out.")
        metrics, predictions = measure(config, progress or quiet())
        write_rows(predictions, folder / _PREDICTIONS)
        write_record(metrics, folder / _METRICS)
    return metrics


def measure(
    config: EvaluateConfig, progress: Progress, opened: Predictor | None = None
) -> tuple[Metrics, pl.DataFrame]:
    """The metrics of a model or a file of predictions, and the predictions they are made from.

    Args:
        config: Settings of `babelift evaluate`.
        progress: Where progress is shown.
        opened: A model that is open already, in place of the one the settings name.

    Raises:
        ConfigError, DataError, ModelError: As `evaluate`.
    """
    if opened is None and not config.model:
        raise ConfigError("no model was given.", "Name a run folder, a model folder or a hub id.")
    if opened is None and is_predictions_file(config.model):
        if config.input:
            raise ConfigError(
                f"'{config.model}' is a table of predictions, so there is nothing to predict in "
                f"'{config.input[0]}'.",
                "Give the table alone, with the columns label, prediction and lang; or a model.",
            )
        labels, predictions = _read_predictions(config, progress)
        for note in odd_labels(labels):
            progress.say(note)
        return _scored(predictions, labels, config.ordinal), predictions
    if not config.input:
        raise ConfigError("no input table was given.", "Name one or more, e.g. reviews.csv")
    read = read_corpus(config.input, config)
    rejects = config.out / _REJECTS if config.out else None
    report_rejects(read, rejects, config.max_rejects, progress)
    judged = find_view(config, None if opened else config.model)
    predictor = opened or Predictor.load(config.model, precision=config.precision)
    with opened_views(judged, progress) as views:
        metrics, predictions = _measure_rows(
            predictor, views, read.rows, config.ordinal, config.batch_size, progress
        )
    return metrics.model_copy(update={"rejected": read.rejects.height}), predictions


def is_predictions_file(model: str) -> bool:
    """Whether what was given as a model is a table of predictions.

    >>> is_predictions_file("other/tool.csv.gz"), is_predictions_file("runs/reviews")
    (True, False)
    """
    return ending(Path(model)) in _TABLES and not Path(model).is_dir()


def _measure_rows(
    predictor: Predictor,
    views: Views | None,
    rows: pl.DataFrame,
    ordinal: bool | None,
    batch_size: int,
    progress: Progress,
) -> tuple[Metrics, pl.DataFrame]:
    """The metrics of a model on labelled rows, and its predictions for them.

    Raises:
        DataError: A row has a label that the model does not know.
    """
    # The rule that rows are read by: a model made elsewhere may spell its labels otherwise.
    labels = label_strings(pl.Series(predictor.labels)).to_list()
    if len(set(labels)) < len(labels) or None in labels:
        labels = predictor.labels
    strange = rows.filter(~pl.col("label").is_in(list(labels)).fill_null(False))
    if strange.height:
        first = strange.row(0, named=True)
        raise DataError(
            f"row '{first['id']}' has the label '{first['label']}', which the model does not know"
            f"{did_you_mean(str(first['label']), labels)}",
            f"The model's labels: {', '.join(labels)}. Rows with other labels: {strange.height}.",
        )
    texts = rows["text"].to_list()
    if views is not None:
        views.require(rows["lang"].unique().to_list())
    seen = seen_texts(views, rows)
    for sentence in views.sentences() if views else ():
        progress.say(sentence)
    proba = predictor.predict_proba(seen.texts, batch_size=batch_size, progress=progress)
    predictions = make_predictions(rows, ENCODER, labels, seen.average(proba))
    cuts = predictor.cuts(texts, rows, "test")
    return _scored(predictions, labels, ordinal, cuts), predictions


def _scored(
    predictions: pl.DataFrame,
    labels: Sequence[str],
    ordinal: bool | None,
    cuts: tuple[Cut, ...] = (),
) -> Metrics:
    if ordinal is None:
        ordinal = label_set(labels)[1]
    metrics = evaluate_predictions(predictions, labels, ordinal=ordinal)
    return metrics.model_copy(update={"cuts": cuts})


def read_predictions(path: str, columns: Table) -> pl.DataFrame:
    """A file of predictions as it stands, with its columns under our names.

    Raises:
        ConfigError: A column that was named is not there.
        DataError: The file cannot be read, or a row of it.
    """
    from babelift.corpus.slices import read_raw

    raw = read_raw(path)
    if raw.rejects:
        first = raw.rejects[0]
        raise DataError(f"row {first.row} of {first.file}: {first.reason}.")
    filled = raw.frame.drop(ROW).with_columns(pl.col(pl.String).replace("", None))
    return named_columns(filled, columns, path)


def _read_predictions(config: EvaluateConfig, progress: Progress) -> tuple[list[str], pl.DataFrame]:
    table = read_predictions(config.model, config)
    if "lang" in table.columns:
        for note in reductions(table["lang"].drop_nulls().cast(pl.String).unique().sort()):
            progress.say(note)
    values: set[str | None] = set()
    for column in {"label", "prediction"} & set(table.columns):
        table = table.with_columns(label_strings(table[column]))
        values |= set(table[column])
    labels = list(label_set(values)[0])
    return labels, check_predictions(table, labels, config.model)


def named_columns(frame: pl.DataFrame, table: Table, where: str) -> pl.DataFrame:
    """The frame with the user's columns under our names, and one language for all where so said."""
    wanted = {"text": table.text, "label": table.label, "id": table.id, "group_id": table.group}
    if table.lang is not None:
        from babelift.corpus.columns import language_of_frame

        try:
            frame, notes = language_of_frame(frame, table.lang, where)
        except LanguageError as error:
            raise LanguageError(
                f"{where}: '{table.lang}' is neither a column nor a language: {error.message}",
                error.hint,
            ) from error
        for note in notes:
            warnings.warn(f"{where}: {note}", BabeliftWarning, stacklevel=3)
    for ours, theirs in wanted.items():
        if theirs is None or theirs == ours:
            continue
        if theirs not in frame.columns:
            raise ConfigError(
                f"{where}: column '{theirs}' is missing{did_you_mean(theirs, frame.columns)}"
            )
        frame = frame.drop(ours, strict=False).rename({theirs: ours})
    return frame


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in the schema, from a frame that has at least text, label and lang."""
    for column in ("text", "label", "lang"):
        if column not in frame.columns:
            raise DataError(
                f"the rows: column '{column}' is missing{did_you_mean(column, frame.columns)}",
                "Rows need the columns text, label and lang.",
            )
    frame = conform(frame.with_columns(label_strings(frame["label"])))
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).cast(pl.String)
    ids = pl.coalesce("id", number)
    return frame.with_columns(
        ids.alias("id"),
        pl.coalesce("group_id", ids).alias("group_id"),
        pl.col("origin").fill_null("original"),
    )
