"""One training of a study and its test, done in any process that sees the study's files."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from babelift.evaluation.alignment import alignment, linear_cka, paired, uniformity
from babelift.progress import quiet
from babelift.store import read_table, write_record, write_rows
from babelift.study.cache import TranslatedTable, read_cached
from babelift.study.condition import AVERAGED, OWN_TEXT, Job
from babelift.training.cuts import Cut
from babelift.training.log import TrainResult

RECORD: Final = "record.json"
"""The file that is written last: where it is, the training is done."""

PREDICTIONS: Final = "predictions.parquet"
_WORK: Final = "work"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class PairAlignment(_Record):
    """How the sampled pairs of two languages lie, before or after training; see `alignment`."""

    source: str
    lang: str
    stage: str
    pairs: int
    cosine: float
    retrieval: float
    uniformity: float
    cka: float


class SelfTrainingRecord(_Record):
    """What became of the unlabelled rows.

    Attributes:
        kept: Number of the round whose model was kept; 0 for the first model.
        validation: F1-micro on validation rows of the first model, then of each round.
        believed: Rows by language that the kept model was trained on.
        refused: Sentences about languages of which none was believed.
    """

    kept: int
    validation: tuple[float, ...]
    believed: dict[str, int]
    refused: tuple[str, ...]


class TrainingRecord(_Record):
    """What is known of a finished training of a study.

    Attributes:
        key: What identifies the outcome.
        identity: What the key is made of.
        originals: Languages whose labelled rows were trained on.
        translate_from: Languages whose rows were also trained on in translation.
        translate_to: Languages they were translated into.
        translator: Who translated them.
        rows: Labelled originals of each language; None for all.
        training: What the trainer says.
        cuts: The test texts that were longer than the model reads.
        otc: See `otc_course`.
        alignment: See `alignments`.
        seconds: Of `training` and `testing`.
        self_training: What became of unlabelled rows; None where there were none.
    """

    version: int = 1
    key: str
    identity: dict[str, Any]
    originals: tuple[str, ...]
    translate_from: tuple[str, ...]
    translate_to: tuple[str, ...]
    translator: str | None
    rows: int | None
    training: TrainResult
    cuts: tuple[Cut, ...] = ()
    otc: dict[str, dict[str, float]] | None
    alignment: tuple[PairAlignment, ...]
    seconds: dict[str, float]
    self_training: SelfTrainingRecord | None = None


@dataclass(frozen=True)
class Task:
    """A job with everything it needs, fit to be sent to another process or machine.

    Attributes:
        key: What identifies the outcome.
        identity: What the key is made of.
        folder: Where the outcome goes.
        job: What is trained and tested.
        labels: All labels, in order.
        originals: Tables of training originals.
        needs: Translations of training and test rows. Of the former, those of originals that are
            not trained on are left out.
        tests: Tables of test rows: `own`, or the translator that made their text.
        pairs: Table of originals and translations to look at vectors of; None for none.
        unlabelled: Tables of unlabelled rows that are learnt from too.
        rounds: How often these are labelled.
    """

    key: str
    identity: Mapping[str, Any]
    folder: Path
    job: Job
    labels: tuple[str, ...]
    originals: tuple[Path, ...]
    needs: tuple[TranslatedTable, ...]
    tests: Mapping[str, tuple[Path, ...]]
    pairs: Path | None
    unlabelled: tuple[Path, ...] = ()
    rounds: int = 0

    @property
    def translations(self) -> tuple[TranslatedTable, ...]:
        """The translations that are trained on."""
        return tuple(
            table for table in self.needs if table.split == "train" and table.back == self.job.back
        )

    @property
    def record(self) -> TrainingRecord | None:
        """The training's record, or None while it is not done."""
        if not (self.folder / PREDICTIONS).is_file():
            return None
        return read_cached(self.folder / RECORD, TrainingRecord)


def write_training(
    task: Task, predictions: pl.DataFrame, training: TrainResult, **more: Any
) -> None:
    """Write a finished training's predictions, and then its record.

    Args:
        task: What was done.
        predictions: Of all its test rows, as `make_predictions` gives them, with `text_by`.
        training: What the trainer says.
        **more: `cuts`, `otc`, `alignment` and `seconds` of the record.
    """
    job = task.job
    record = TrainingRecord(
        key=task.key,
        identity=dict(task.identity),
        originals=job.originals,
        translate_from=job.translate_from,
        translate_to=job.translate_to,
        translator=job.translator,
        rows=job.rows,
        training=training,
        **more,
    )
    write_rows(predictions, task.folder / PREDICTIONS)
    write_record(record, task.folder / RECORD)


def run_task(task: Task) -> None:
    """Train, test, write predictions and record; the weights are not kept.

    A job that was stopped goes on from its last checkpoint.

    Raises:
        BabeliftError: Whatever stops it.
    """
    from babelift.training.trainer import train_classifier

    started = time.perf_counter()
    work = task.folder / _WORK

    def fit(rows: pl.DataFrame, folder: Path) -> TrainResult:
        return train_classifier(
            rows,
            None,
            task.job.settings,
            labels=task.labels,
            run_dir=folder,
            pairs=read_table(task.pairs) if task.pairs else None,
            shared_batches=True,
        )

    learnt: SelfTrainingRecord | None = None
    if task.unlabelled:
        result, work, learnt = _self_train(task, work, fit)
    else:
        result = fit(training_rows(task), work)
    trained = time.perf_counter()
    predictions, cuts = _predictions(task, work / "model")
    write_training(
        task,
        predictions,
        result,
        cuts=cuts,
        otc=otc_course(_steps(work / "log.jsonl")),
        alignment=alignments(work / "data" / "vectors.parquet"),
        self_training=learnt,
        seconds={
            "training": round(trained - started, 2),
            "testing": round(time.perf_counter() - trained, 2),
        },
    )
    shutil.rmtree(task.folder / _WORK)


def _self_train(
    task: Task, work: Path, fit: Callable[[pl.DataFrame, Path], TrainResult]
) -> tuple[TrainResult, Path, SelfTrainingRecord]:
    """Train with unlabelled rows; a tenth of the labelled groups is kept to judge that by.

    Returns:
        What the kept training did, its folder, and what was believed.
    """
    from babelift import corpus
    from babelift.training.self_training import self_train

    split = corpus.split_by_group(training_rows(task), seed=task.job.settings.seed, test=0.0)
    outcome = self_train(
        split.filter(split="train"),
        pl.concat([read_table(path) for path in task.unlabelled]),
        split.filter(split="validation"),
        task.labels,
        [work / str(number) for number in range(task.rounds + 1)],
        fit,
        quiet(),
    )
    believed = dict(outcome.believed.group_by("lang", maintain_order=True).len().iter_rows())
    record = SelfTrainingRecord(
        kept=outcome.kept,
        validation=outcome.scores,
        believed=believed,
        refused=outcome.refused,
    )
    return outcome.result, outcome.folder, record


def training_rows(task: Task) -> pl.DataFrame:
    """The originals and those of the translations that were made from them."""
    originals = pl.concat([read_table(path) for path in task.originals])
    translations = [read_table(table.path) for table in task.translations]
    known = pl.col("original_id").is_in(originals["id"].to_list())
    return pl.concat([originals, *(rows.filter(known) for rows in translations)])


def _predictions(task: Task, model: Path) -> tuple[pl.DataFrame, tuple[Cut, ...]]:
    from babelift.prediction.predictor import Predictor
    from babelift.prediction.rows import ENCODER, make_predictions
    from babelift.prediction.views import Seen

    tables = {
        text_by: pl.concat([read_table(path) for path in paths])
        for text_by, paths in task.tests.items()
    }
    texts = [text for rows in tables.values() for text in rows["text"]]
    predictor = Predictor.load(model, precision=task.job.settings.precision)
    probabilities = predictor.predict_proba(texts)
    parts, start = [], 0
    for text_by, rows in tables.items():
        part = probabilities[start : start + rows.height]
        # A translated test row stands for the row it was made from.
        rows = rows.with_columns(id="original_id")
        table = make_predictions(rows, ENCODER, predictor.labels, part)
        parts.append(table.with_columns(text_by=pl.lit(text_by)))
        start += rows.height
        if text_by == OWN_TEXT:
            own, of_own = rows, part
            continue
        numbered = own.select("id").with_row_index("row")
        places = rows.join(numbered, on="id", how="left", maintain_order="left")["row"]
        seen = Seen([], own.height, places.to_numpy())
        both = seen.average(np.concatenate([of_own, part]))
        table = make_predictions(own, ENCODER, predictor.labels, both)
        parts.append(table.with_columns(text_by=pl.lit(AVERAGED + text_by)))
    return pl.concat(parts), predictor.cuts(texts, pl.concat(tables.values()), "test")


def _steps(log: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line["kind"] == "step"]


def otc_course(steps: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]] | None:
    """How well the batches' pairs matched in the first and the last tenth of the updates.

    Args:
        steps: The lines of a training's log.

    Returns:
        `first` and `last`, each with the means of `otc`, `positive_cosine` and `retrieval_at_1`;
        None where no batch had pairs.

    >>> lines = [{"otc": 2.0, "positive_cosine": 0.5, "retrieval_at_1": 0.0},
    ...          {"otc": 1.0, "positive_cosine": 0.9, "retrieval_at_1": 1.0}]
    >>> otc_course(lines)["last"]
    {'otc': 1.0, 'positive_cosine': 0.9, 'retrieval_at_1': 1.0}
    """
    paired_steps = [line for line in steps if line["otc"] is not None]
    if not paired_steps:
        return None
    tenth = -(-len(paired_steps) // 10)
    parts = {"first": paired_steps[:tenth], "last": paired_steps[-tenth:]}
    return {
        when: {
            name: round(sum(line[name] for line in lines) / len(lines), 6)
            for name in ("otc", "positive_cosine", "retrieval_at_1")
        }
        for when, lines in parts.items()
    }


def alignments(path: Path) -> tuple[PairAlignment, ...]:
    """How the sampled pairs lie, per language pair, before and after training.

    Args:
        path: `vectors.parquet` of a training; may be missing.
    """
    if not path.is_file():
        return ()
    rows = []
    for pairs in paired(read_table(path)):
        match = alignment(pairs.originals, pairs.translations)
        rows.append(
            PairAlignment(
                source=pairs.source_lang,
                lang=pairs.lang,
                stage=pairs.stage,
                pairs=match.pairs,
                cosine=match.cosine,
                retrieval=match.retrieval,
                uniformity=uniformity(pairs.translations),
                cka=linear_cka(pairs.originals, pairs.translations),
            )
        )
    return tuple(rows)
