"""Reads a run folder for the report: every fault of a file becomes an error that names it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babelift.config import parse_yaml
from babelift.errors import ConfigError, RunError
from babelift.evaluation.metrics import Metrics
from babelift.redaction import shown
from babelift.run.folder import LABEL_ERRORS
from babelift.run.manifest import Manifest
from babelift.store import read_record, read_table

if TYPE_CHECKING:
    import polars as pl

_AGAIN = "Run the same 'babelift fit' command again: it finishes what is missing."


@dataclass(frozen=True)
class RunFiles:
    """What the report needs of a run folder.

    Attributes:
        name: The folder's name.
        manifest: What was done.
        metrics: How well it went.
        settings: `config.yaml` as plain values, without what older files show and may not;
            empty where the file is absent.
        log: Lines of `log.jsonl`, in order.
        vectors: `data/vectors.parquet`, None where absent.
        predictions: `predictions.parquet`, None where absent.
        test: `data/test.parquet`, None where absent.
        label_errors: `label_errors.csv`, None where absent.
    """

    name: str
    manifest: Manifest
    metrics: Metrics
    settings: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]
    vectors: "pl.DataFrame | None" = None
    predictions: "pl.DataFrame | None" = None
    test: "pl.DataFrame | None" = None
    label_errors: "pl.DataFrame | None" = None


def read_run(run_dir: str | Path) -> RunFiles:
    """Read a run folder.

    Raises:
        RunError: The folder is not a run, lacks a file that it must have, or a file is damaged.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise RunError(
            f"{folder}: there is no such run folder.",
            "Give the folder that 'babelift fit --out' wrote.",
        )
    return RunFiles(
        name=folder.resolve().name,
        manifest=read_record(folder / "manifest.json", Manifest),
        metrics=read_record(folder / "metrics.json", Metrics),
        settings=shown(_settings(folder / "config.yaml", _text(folder / "config.yaml"))),
        log=parse_log(_text(folder / "log.jsonl"), str(folder / "log.jsonl")),
        vectors=_frame(folder / "data" / "vectors.parquet"),
        predictions=_frame(folder / "predictions.parquet"),
        test=_frame(folder / "data" / "test.parquet"),
        label_errors=_label_errors(folder / LABEL_ERRORS),
    )


def parse_log(text: str, where: str) -> list[dict[str, Any]]:
    """The lines of a training log; where a resumed run wrote a step twice, the later one stands.

    A half-written last line, as a kill leaves it, is passed over.

    Raises:
        RunError: Any other line is not a JSON object.

    >>> parse_log('{"kind": "step", "step": 1, "ce": 2}\\n{"kind": "st', "log.jsonl")
    [{'kind': 'step', 'step': 1, 'ce': 2}]
    """
    lines = text.split("\n")
    entries: dict[tuple[Any, Any], dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise RunError(f"{where}: line {number} is not JSON: {error}", _AGAIN) from error
        if not isinstance(entry, dict):
            raise RunError(f"{where}: line {number} must be a JSON object.", _AGAIN)
        key = (str(entry.get("kind")), str(entry.get("step")))
        entries.pop(key, None)
        entries[key] = entry
    return list(entries.values())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read: {error}", _AGAIN) from error


def _settings(path: Path, text: str) -> dict[str, Any]:
    try:
        return parse_yaml(text, str(path)) if text else {}
    except ConfigError as error:
        raise RunError(error.message, _AGAIN) from error


def _frame(path: Path) -> "pl.DataFrame | None":
    return read_table(path) if path.exists() else None


def _label_errors(path: Path) -> "pl.DataFrame | None":
    import polars as pl

    try:
        with path.open("rb") as file:
            return pl.read_csv(file, infer_schema=False).with_columns(
                pl.col("probability", "likely_probability").cast(pl.Float64)
            )
    except FileNotFoundError:
        return None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RunError(f"{path}: cannot be read: {error}", _AGAIN) from error
