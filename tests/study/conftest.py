"""A small parallel data set in three languages, a translator for it, and a small encoder."""

import json
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from babelift.prediction.rows import ENCODER, make_predictions
from babelift.study.runner import run_locked
from babelift.study.spec import StudySpec
from babelift.study.task import Task, training_rows, write_training
from babelift.training.data import digest
from babelift.training.log import TrainResult
from tests.support import tiny_distilbert

WORDS = {
    "en": {"food": ["bread", "soup", "rice"], "sport": ["ball", "goal", "race"], "the": ["the"]},
    "de": {"food": ["Brot", "Suppe", "Reis"], "sport": ["Ball", "Tor", "Rennen"], "the": ["das"]},
    "ja": {"food": ["パン", "スープ", "米"], "sport": ["球", "得点", "競走"], "the": ["その"]},
    "fr": {"food": ["pain", "soupe", "riz"], "sport": ["balle", "but", "course"], "the": ["le"]},
}
LANGS = ("en", "de", "ja")


def sentences(lang: str, numbers: Sequence[int]) -> list[dict[str, str]]:
    """Items of two classes; item n says the same in every language."""
    rows = []
    for number in numbers:
        label = ("food", "sport")[number % 2]
        words = WORDS[lang][label]
        pair = list(product(words, words))[number // 2 % 9]
        text = " ".join([*WORDS[lang]["the"], *pair, str(number)])
        rows.append({"id": f"i{number}", "text": text, "label": label, "item": f"i{number}"})
    return rows


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables of training, test and unlabelled rows (`{lang}.new.jsonl`) of each
    language, `table.jsonl` and `encoder/`."""
    folder = tmp_path_factory.mktemp("toy")
    tables = {
        (lang, split): sentences(lang, numbers)
        for lang in LANGS
        for split, numbers in (("train", range(24)), ("test", range(100, 112)))
    }
    for (lang, split), rows in tables.items():
        write_jsonl(folder / f"{lang}.{split}.jsonl", rows)
    for lang in LANGS:
        new = [{name: row[name] for name in ("id", "text", "item")}
               for row in sentences(lang, range(20, 60))]  # fmt: skip
        write_jsonl(folder / f"{lang}.new.jsonl", new)
    pairs = [
        {"source_lang": a, "target_lang": b, "system": system, "source_text": one["text"],
         "target_text": other["text"]}
        for a, b in product(LANGS, LANGS)
        if a != b
        for system in ("good", "german")
        if system == "good" or b == "de"
        for split in ("train", "test")
        for one, other in zip(tables[a, split], tables[b, split], strict=True)
    ]  # fmt: skip
    write_jsonl(folder / "table.jsonl", pairs)
    for seed, name in enumerate(("encoder", "encoder2")):
        tiny_distilbert(folder / name, seed=seed)
    return folder


@pytest.fixture
def settings(toy: Path) -> dict[str, Any]:
    """Settings of a small study of the toy data."""
    return {
        "train": "{lang}.train.jsonl",
        "test": "{lang}.test.jsonl",
        "text": "text",
        "label": "label",
        "id": "id",
        "group": "item",
        "parallel": True,
        "sources": "en",
        "targets": ["de", "ja"],
        "arms": ["zero-shot", "translated"],
        "translators": {"good": "table:{data}/table.jsonl#good"},
        "encoders": {"tiny": str(toy / "encoder")},
        "seeds": 2,
        "settings": {"epochs": 1, "batch_size": 8, "max_length": 16},
        "primary": {"arm": "translated", "over": "zero-shot"},
    }


@pytest.fixture
def spec(settings: dict[str, Any]) -> StudySpec:
    return StudySpec.from_mapping(settings)


def inline(tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
    """Runs tasks one after the other in this process."""
    for task in tasks:
        yield task, run_locked(task)


def drawn(tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
    """Stands in for trainings: predictions are drawn, right more often than not."""
    for task in tasks:
        draw_task(task)
        yield task, None


def draw_task(task: Task) -> None:
    task.folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(int(task.key[:12], 16))
    labels = list(task.labels)
    parts = []
    for text_by, paths in task.tests.items():
        rows = pl.concat([pl.read_parquet(path) for path in paths]).with_columns(id="original_id")
        truth = [labels.index(label) for label in rows["label"]]
        odds = chance.dirichlet(np.ones(len(labels)), rows.height)
        odds[range(rows.height), truth] += 0.3
        odds /= odds.sum(axis=1, keepdims=True)
        table = make_predictions(rows, ENCODER, labels, odds)
        parts.append(table.with_columns(text_by=pl.lit(text_by)))
    rows = training_rows(task)
    originals = rows.filter(pl.col("id") == pl.col("original_id"))
    job = task.job
    training = TrainResult(
        encoder=job.settings.encoder, license=None, parameters=1, vocabulary=1,
        steps=job.settings.steps or 0, epochs=1.0, best_step=1, originals=originals.height,
        translations=rows.height - originals.height, unpaired=0, recycled=0, precision="fp32",
        seconds=1.0, resumed_from=None, batch_originals=4, batch_translations=4,
        learning_rate=1e-4, stopped_early=False, tokens=100, truncated=0,
        initial_weights=f"{task.identity['encoder']} {job.settings.seed}",
        order=digest(originals), validation=None, parts=1,
    )  # fmt: skip
    alignment = [
        {"source": source, "lang": lang, "stage": stage, "pairs": 12, "cosine": 0.5,
         "retrieval": 0.5, "uniformity": -1.0, "cka": 0.5}
        for source, lang in product(job.translate_from, job.translate_to)
        for stage in ("before", "after")
    ]  # fmt: skip
    seconds = {"training": 1.0, "testing": 1.0}
    write_training(task, pl.concat(parts), training, otc=None, alignment=alignment, seconds=seconds)
