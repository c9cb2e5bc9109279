"""The jobs behind `babelift predict` and `babelift evaluate`, and the tables they write."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.config import EvaluateConfig, PredictConfig
from babelift.corpus import report_rejects
from babelift.corpus.parts import Parts, parts_folder, read_parts
from babelift.corpus.rows import SCHEMA
from babelift.errors import ConfigError, RunError
from babelift.evaluation.evaluate import measure
from babelift.evaluation.metrics import Metrics
from babelift.prediction.model import model_identity
from babelift.prediction.rows import make_predictions, prediction_columns
from babelift.prediction.stream import Finished
from babelift.progress import Progress, quiet
from babelift.store import (
    check_form,
    check_no_input,
    claim_file,
    claim_folder,
    job_key,
    rows_file,
    write_json,
    write_record,
    write_rows,
)

if TYPE_CHECKING:
    from babelift.prediction.on_ray import RayPredictor
    from babelift.prediction.predictor import Predictor

__all__ = ["make_predictions", "run_evaluate", "run_predict", "write_predictions"]

_METRICS = "metrics.json"
_PREDICTIONS = "predictions.parquet"
_REJECTS = "rejects.jsonl"


def write_predictions(predictions: pl.DataFrame, path: Path) -> None:
    """Write predictions as Parquet, JSON lines or CSV, as the path's ending says, all or nothing.

    Raises:
        ConfigError: The ending is not known.
        RunError: The file cannot be written.
    """
    check_form(path)
    write_rows(predictions, path)


def run_predict(config: PredictConfig, progress: Progress | None = None) -> Path:
    """Label the rows of the input tables and write them.

    The file has `id`, `prediction`, `probability` and a `p_<label>` column per label, then the
    text, the language and the label where there are any, and the input's own columns; rows in the
    order of the input. Rows that cannot be read go to a file of rejects beside it. Rows go from
    file to file in parts: how many there are does not change how much memory is used. Finished
    parts are kept until the file is written: run again after a kill, it goes on from there.

    Args:
        config: Settings of `babelift predict`.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The file that was written.

    Raises:
        ConfigError: A setting is missing, or the file exists already.
        DataError: The input cannot be used, or too many of its rows were rejected.
        ModelError: The model cannot be opened, or the processes on the Ray cluster died.
        MissingDependencyError: Ray is wanted and not installed.
    """
    if not config.input:
        raise ConfigError("no input table was given.", "Name one or more, e.g. reviews.csv")
    if config.out is None:
        raise ConfigError("no file to write was given.", "Name one: --out labelled.csv")
    progress = progress or quiet()
    out = config.out
    with claim_file(out, [*config.input, config.model]) as output:
        if out.exists():
            output.check_job(_job_key(config))
            progress.say(f"{out} is complete already; nothing was changed.")
            return out
        with parts_folder(out) as folder:
            rows = read_parts(config.input, config, folder, labelled=False, lang_required=False)
            report_rejects(rows, output.rejects, config.max_rejects, progress)
            job = _job_key(config)
            finished = Finished(out, job)
            with _opened(config) as predictor, rows_file(out) as append:
                found = _probabilities(rows, predictor, finished, config.batch_size, progress)
                for part, proba in zip(rows, found, strict=True):
                    columns = prediction_columns(predictor.labels, proba, part.height)
                    append(_with_predictions(part, columns, rows.filled))
                counts = {"rows": rows.height, "rejects": rows.rejects.height}
                write_json({"job": job, **counts}, output.report)
            finished.clear()
    return out


def _job_key(config: PredictConfig) -> str:
    """Of what the probabilities depend on."""
    not_content = {"model", "input", "out", "max_rejects", "on", "workers"}
    settings = config.model_dump(mode="json", exclude=not_content)
    return job_key([settings, model_identity(config.model)], config.input)


def _probabilities(
    rows: Parts,
    predictor: "Predictor | RayPredictor",
    finished: Finished,
    batch_size: int,
    progress: Progress,
) -> Iterator[npt.NDArray[np.float64]]:
    """Of each part: those that are finished, then the others, each kept as soon as it is."""
    done = 0
    for proba in finished:
        done += len(proba)
        yield proba
    if done:
        progress.say(f"{done:,} rows are finished already.")
    left = (part["text"].to_list() for part in islice(rows, len(finished), None))
    for proba in predictor.stream_proba(
        left, rows.height - done, batch_size=batch_size, progress=progress
    ):
        finished.append(proba)
        yield proba


@contextmanager
def _opened(config: PredictConfig) -> "Iterator[Predictor | RayPredictor]":
    """The model, here or on a cluster."""
    if config.on == "ray":
        from babelift.cluster.ray import Pool
        from babelift.prediction.on_ray import PredictingWorker, RayPredictor

        with Pool(PredictingWorker, config.workers) as pool:
            yield RayPredictor(config.model, pool, precision=config.precision)
    else:
        from babelift.prediction.predictor import Predictor

        yield Predictor.load(config.model, precision=config.precision)


def _with_predictions(
    rows: pl.DataFrame, predictions: list[pl.Series], named: Sequence[str]
) -> pl.DataFrame:
    """Ids and predictions, then what the input had; a name that is taken gets `_given`.

    Args:
        rows: Rows as in `corpus.rows.SCHEMA`.
        predictions: Columns for the same rows.
        named: Those of the text, language and label that the input had.
    """
    own = [name for name in rows.columns if name not in SCHEMA]
    taken = {"id", *named, *(column.name for column in predictions)}
    renamed = {name: name for name in (*named, *own)}
    for name in own:
        while renamed[name] in taken:
            renamed[name] += "_given"
        taken.add(renamed[name])
    given = rows.select(pl.col(name).alias(new) for name, new in renamed.items())
    return pl.DataFrame([rows["id"], *predictions, *given])


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
        write_predictions(predictions, folder / _PREDICTIONS)
        write_record(metrics, folder / _METRICS)
    return metrics
