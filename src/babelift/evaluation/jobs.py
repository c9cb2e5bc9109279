"""The job behind `babelift evaluate`, and the tables it writes."""

from pathlib import Path

import polars as pl

from babelift.config import EvaluateConfig
from babelift.errors import RunError
from babelift.evaluation.evaluate import measure
from babelift.evaluation.metrics import Metrics
from babelift.progress import Progress, quiet
from babelift.store import check_form, check_no_input, claim_folder, write_record, write_rows

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
