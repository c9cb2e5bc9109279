"""A run's unlabelled rows: cleaned, believed where a first model is sure, and told of."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from babelift.cluster.launched import is_first
from babelift.config import FitConfig
from babelift.corpus.rows import conform
from babelift.errors import DataError
from babelift.progress import Progress
from babelift.run.folder import Run
from babelift.run.manifest import Believed, SelfTraining, count_rows
from babelift.store import read_table, replace_folder, write_rows
from babelift.training.log import TrainResult
from babelift.training.self_training import Label, usable
from babelift.training.self_training import self_train as rounds_of

TABLE: Final = "data/unlabelled.parquet"
ROUNDS: Final = "rounds"
"""Folder of the models on the way, removed once the last is in its place."""


def clean_unlabelled(
    run: Run,
    config: FitConfig,
    rows: pl.DataFrame,
    used: pl.DataFrame,
    sources: Sequence[str],
    progress: Progress,
) -> None:
    """Leave out the unlabelled rows that must not be learnt from.

    Writes `data/unlabelled.parquet`, and into the manifest how many rows were left out and why.

    Args:
        run: The run.
        config: Its settings.
        rows: The unlabelled rows as they were read.
        used: Its labelled rows, with `split`.
        sources: Languages of its training rows.
        progress: Where notes are shown.

    Raises:
        DataError: No row is left.
    """
    if rows["label"].is_not_null().any():
        run.note("the labels in the unlabelled tables are not read", progress)
    # An item in several languages stays one.
    items = pl.col(config.group) if config.group in rows.columns else pl.col("group_id")
    langs = [lang for lang in config.to or rows["lang"].unique() if lang not in sources]
    rows, left_out = usable(
        rows.with_columns(group_id=items.cast(pl.String)), used, langs, sources[0],
        near_duplicates=config.near_duplicates, seed=config.seed,
    )  # fmt: skip
    if rows.is_empty():
        raise DataError(
            f"no unlabelled row is left to learn from: {_listed(left_out)}.",
            f"Bring rows in {', '.join(config.to) or 'other languages than those with labels'}, "
            "or use --arm zero-shot.",
        )
    if left_out:
        run.note(f"unlabelled rows that were left out: {_listed(left_out)}", progress)
    write_rows(rows, run.folder / TABLE)
    counts = dict(rows.group_by("lang", maintain_order=True).len().iter_rows())
    run.update(self_training=SelfTraining(rows=counts, left_out=left_out))


def _listed(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{reason}: {number:,}" for reason, number in left_out.items())


def self_train(
    run: Run,
    config: FitConfig,
    labelled: pl.DataFrame,
    fit: Callable[[pl.DataFrame, Path], TrainResult],
    validation: pl.DataFrame,
    progress: Progress,
    label: Label | None = None,
) -> TrainResult:
    """Self-train, and put the model that is kept where a run's model stands.

    Every process of several does the same; the first writes.

    Args:
        run: The run, whose `model` the best round becomes.
        config: Its settings.
        labelled: Its training rows.
        fit: Trains on rows, into a folder.
        validation: Its validation rows.
        progress: Where progress is shown.
        label: See `training.self_training.self_train`.

    Raises:
        BabeliftError: Whatever stops a training.
    """
    folders = [run.folder / ROUNDS / str(number) for number in range(config.rounds + 1)]
    unlabelled, labels = read_table(run.folder / TABLE), run.manifest.labels
    outcome = rounds_of(labelled, unlabelled, validation, labels, folders, fit, progress, label)
    if is_first():
        _take(outcome.folder, run)
        both = conform(pl.concat([labelled, outcome.believed], how="diagonal_relaxed"))
        write_rows(both, run.folder / "data" / "train.parquet")
        told = run.manifest.self_training or SelfTraining(rows={}, left_out={})
        told = told.model_copy(
            update={
                "validation": outcome.scores,
                "kept": outcome.kept,
                "believed": _counted(outcome.believed),
                "refused": outcome.refused,
            }
        )
        run.update(self_training=told, data={**run.manifest.data, "train": count_rows(both)})
        run.note(told.sentence, progress)
    return outcome.result


def _counted(believed: pl.DataFrame) -> tuple[Believed, ...]:
    groups = believed.group_by("lang", "label").agg(
        rows=pl.len(), probability=pl.col("score").mean().round(4)
    )
    return tuple(Believed(**row) for row in groups.sort("lang", "label").iter_rows(named=True))


def _take(folder: Path, run: Run) -> None:
    """Put a round's model and log where those of a run stand."""
    replace_folder(run.model, lambda partial: shutil.copytree(folder / "model", partial))
    shutil.copyfile(folder / "log.jsonl", run.folder / "log.jsonl")
