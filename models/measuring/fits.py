"""Trainings by `babelift fit`, many in a row, of which none is done twice."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.config import FitConfig
from babelift.store import file_hash, write_rows
from models.data import LANGUAGES, rows_of

HUMAN: Final = "human"
"""The system whose translations people wrote; the package trusts it."""

COLUMNS: Final = {name: name for name in ("text", "label", "lang", "id")}
"""What the columns of the data sets are called."""


@dataclass(frozen=True)
class Fit:
    """A finished training.

    Attributes:
        predictions: For every test row, by the encoder and by the linear baseline.
        labels: All labels, in order.
        translations: Translations that were trained on.
        seconds: Time it took, all stages.
    """

    predictions: pl.DataFrame
    labels: tuple[str, ...]
    translations: int
    seconds: float


def fit(name: str, settings: Mapping[str, Any], work: Path, *, translator: str = "") -> Fit:
    """Train and test, or read what came out before; says how long it took.

    The folder is named after all that shapes the outcome: settings, tables, the encoder's weights
    and the translator. Once tested, the weights of the classifier are thrown away.

    Args:
        name: What it is called in the folder and on the screen.
        settings: Those of `babelift fit` that are not its defaults.
        work: Folder of the runs.
        translator: What identifies the translator's output, where it is used.
    """
    from babelift.run.fit import run_fit
    from babelift.run.folder import Run

    config = FitConfig.from_mapping({**COLUMNS, **settings})
    folder = work / f"{name}-{_identity(config, translator)}"
    before = Run.open(folder).manifest if (folder / "manifest.json").is_file() else None
    done = before is not None and before.finished is not None
    known = done and (folder / "predictions.parquet").is_file()
    started = time.perf_counter()
    manifest = before if known else run_fit(config.model_copy(update={"out": folder})).manifest
    shutil.rmtree(folder / "model", ignore_errors=True)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    found = Fit(
        pl.read_parquet(folder / "predictions.parquet"),
        tuple(manifest.labels),
        manifest.training.translations,
        sum(manifest.stages.values()),
    )
    took = "done before" if known else f"{time.perf_counter() - started:.0f} s"
    training = manifest.stages["training"]
    print(
        f"{name}: {took} (training {training:.0f} s, {manifest.training.steps} updates, "
        f"{found.translations} translations)",
        flush=True,
    )
    return found


def human_table(data: Path, work: Path) -> Path:
    """Write what people wrote in five languages for SIB-200's English training rows, as a table.

    Args:
        data: Folder of the data sets.
        work: Folder of the runs, so that a run that goes on finds its table where it was.
    """
    sib = data / "sib200"
    english = {row["parallel_id"]: row["text"] for row in rows_of(sib / "en.train.jsonl.gz")}
    rows = [
        {
            "source_lang": "en",
            "target_lang": lang,
            "system": HUMAN,
            "source_text": english[row["parallel_id"]],
            "target_text": row["text"],
        }
        for lang in LANGUAGES
        for row in rows_of(sib / f"{lang}.train.jsonl.gz")
        if row["parallel_id"] in english
    ]
    path = work / f"{HUMAN}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(pl.DataFrame(rows), path)
    return path


def _identity(config: FitConfig, translator: str) -> str:
    tables = (*config.train, *config.validation, *config.test)
    settings = config.model_dump(mode="json", exclude={"out"})
    content = [settings, [file_hash(Path(path)) for path in tables], translator]
    content.append("" if config.encoder == "scratch" else _weights(config.encoder))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def _weights(encoder: str) -> str:
    from babelift.hub import weight_files
    from babelift.training.encoder import find_encoder

    return " ".join(map(file_hash, weight_files(find_encoder(encoder))))
