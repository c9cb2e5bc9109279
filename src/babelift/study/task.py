"""One training of a study and its test, done in any process that sees the study's files."""

import json
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.config import Training
from babelift.evaluation.alignment import alignment, linear_cka, paired, uniformity
from babelift.store import write_json, write_rows

RECORD: Final = "record.json"
"""The file that is written last: where it is, the job is done."""

PREDICTIONS: Final = "predictions.parquet"
OWN_TEXT: Final = "own"
"""What the column `text_by` says of test rows in their authors' words."""

_WORK: Final = "work"


@dataclass(frozen=True)
class Task:
    """A job with everything it needs, fit to be sent to another process or machine.

    Attributes:
        key: What identifies the outcome.
        folder: Where the outcome goes.
        settings: How to train.
        labels: All labels, in order.
        originals: Tables of training originals.
        translations: Tables of translations; those of originals that are not there are left out.
        tests: Tables of test rows: `own`, or the translator that made their text.
        pairs: Table of originals and translations to look at vectors of; None for none.
        about: What is told of the job in its record.
    """

    key: str
    folder: Path
    settings: Training
    labels: tuple[str, ...]
    originals: tuple[Path, ...]
    translations: tuple[Path, ...]
    tests: Mapping[str, tuple[Path, ...]]
    pairs: Path | None
    about: Mapping[str, Any]

    @property
    def record(self) -> dict[str, Any] | None:
        """The job's record, or None while it is not done."""
        try:
            text = (self.folder / RECORD).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        record: dict[str, Any] = json.loads(text)
        return record if (self.folder / PREDICTIONS).is_file() else None


def run_task(task: Task) -> None:
    """Train, test, write predictions and record; the weights are not kept.

    A job that was stopped goes on from its last checkpoint.

    Raises:
        BabeliftError: Whatever stops it.
    """
    from babelift.training.trainer import train_classifier

    started = time.perf_counter()
    work = task.folder / _WORK
    result = train_classifier(
        training_rows(task),
        None,
        task.settings,
        labels=task.labels,
        run_dir=work,
        pairs=pl.read_parquet(task.pairs) if task.pairs else None,
    )
    trained = time.perf_counter()
    write_rows(_predictions(task, work / "model"), task.folder / PREDICTIONS)
    record = {
        "key": task.key,
        **task.about,
        "training": result.to_dict(),
        "otc": otc_course(_steps(work / "log.jsonl")),
        "alignment": alignments(work / "data" / "vectors.parquet"),
        "seconds": {
            "training": round(trained - started, 2),
            "testing": round(time.perf_counter() - trained, 2),
        },
    }
    write_json(record, task.folder / RECORD)
    shutil.rmtree(work)


def training_rows(task: Task) -> pl.DataFrame:
    """The originals and those of the translations that were made from them."""
    originals = pl.concat([pl.read_parquet(path) for path in task.originals])
    translations = [pl.read_parquet(path) for path in task.translations]
    known = pl.col("original_id").is_in(originals["id"].to_list())
    return pl.concat([originals, *(rows.filter(known) for rows in translations)])


def _predictions(task: Task, model: Path) -> pl.DataFrame:
    from babelift.prediction.rows import ENCODER, make_predictions
    from babelift.prediction.stream import predict_proba

    tables = {
        text_by: pl.concat([pl.read_parquet(path) for path in paths])
        for text_by, paths in task.tests.items()
    }
    texts = [text for rows in tables.values() for text in rows["text"]]
    labels, probabilities = predict_proba(model, texts, precision=task.settings.precision)
    found, start = [], 0
    for text_by, rows in tables.items():
        part = probabilities[start : start + rows.height]
        # A translated test row stands for the row it was made from.
        rows = rows.with_columns(id="original_id")
        table = make_predictions(rows, ENCODER, labels, part)
        found.append(table.with_columns(text_by=pl.lit(text_by)))
        start += rows.height
    return pl.concat(found)


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


def alignments(path: Path) -> list[dict[str, Any]]:
    """How the sampled pairs lie, per language pair, before and after training.

    Args:
        path: `vectors.parquet` of a training; may be missing.
    """
    if not path.is_file():
        return []
    found = []
    for pairs in paired(pl.read_parquet(path)):
        match = alignment(pairs.originals, pairs.translations)
        found.append(
            {
                "source": pairs.source_lang,
                "lang": pairs.lang,
                "stage": pairs.stage,
                "pairs": match.pairs,
                "cosine": match.cosine,
                "retrieval": match.retrieval,
                "uniformity": uniformity(pairs.translations),
                "cka": linear_cka(pairs.originals, pairs.translations),
            }
        )
    return found
