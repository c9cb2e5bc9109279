"""An invented run folder with every file that `babelift fit` leaves behind."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from babelift.corpus.rows import conform
from babelift.evaluation.metrics import Metrics
from babelift.run.manifest import Manifest

LABELS = ["1", "2", "3", "4", "5"]
TARGETS = ["de", "es", "fr", "ja", "zh"]
ACCURACY = {"en": 0.66, "de": 0.6, "es": 0.61, "fr": 0.58, "ja": 0.36, "zh": 0.23}
LINEAR = {"en": 0.55, "de": 0.41, "es": 0.47, "fr": 0.45, "ja": 0.38, "zh": 0.35}

TEXTS = {
    "en": "The handle came loose after two days, but the seller sent a new one at once.",
    "de": "Der Griff war nach zwei Tagen locker, aber der Händler schickte sofort Ersatz.",
    "es": "El mango se aflojó a los dos días, pero el vendedor envió otro enseguida.",
    "fr": "La poignée s'est desserrée après deux jours, mais le vendeur en a renvoyé une.",
    "ja": "二日で取っ手がゆるみましたが、すぐに新しいものを送ってくれました。",
    "zh": "把手用了两天就松了，不过卖家马上寄来了新的。",
}

EXAMPLE_FIELDS = ("flag", "source_lang", "lang", "source_text", "text")
EXAMPLES = [
    ("copy", "en", "ja", TEXTS["en"], TEXTS["en"]),
    (
        "loop",
        "en",
        "zh",
        "Works, works well.",
        "好用，好用，好用，好用，好用，好用，好用，好用，好用。",
    ),
    ("empty", "en", "de", "!!!", None),
    ("script", "en", "ja", "It hums quietly all night.", "يصدر همهمة هادئة طوال الليل."),
    ("length", "en", "fr", "Fine.", "Bien, et je le recommanderais volontiers à tous. " * 12),
]


def language_metrics(accuracy: float, origin: str, seed: int, rows: int = 120) -> dict[str, Any]:
    """Scores that hang together: the confusion matrix gives the F1-micro."""
    generator = np.random.default_rng(seed)
    true = np.arange(rows) % 5
    off = np.clip(true + generator.choice([-2, -1, 1, 2], rows), 0, 4)
    guess = np.where(generator.random(rows) < accuracy, true, off)
    confusion = np.zeros((5, 5), dtype=int)
    np.add.at(confusion, (true, guess), 1)
    micro = float((true == guess).mean())
    reach = 1.96 * (micro * (1 - micro) / rows) ** 0.5
    return {
        "f1_micro": micro,
        "f1_micro_interval": [micro - reach, micro + reach],
        "f1_macro": micro - 0.01,
        "f1_macro_interval": [micro - reach - 0.015, micro + reach - 0.012],
        "rows": rows,
        "origin": origin,
        "calibration_error": 0.04 + 0.2 * (1 - accuracy),
        "confusion": confusion.tolist(),
        "per_label": {
            label: {"precision": micro, "recall": micro, "f1": micro - 0.02, "rows": rows // 5}
            for label in LABELS
        },
        "mae": float(np.abs(true - guess).mean()),
        "qwk": 2 * micro - 0.5,
    }


def scores(
    micro: float = 0.5,
    interval: tuple[float, float] = (0.45, 0.55),
    rows: int = 200,
    labels: Sequence[str] = ("a", "b"),
    **more: Any,
) -> dict[str, Any]:
    """One language's scores, as `metrics.json` holds them."""
    confusion = more.get("confusion", [[rows - rows // 2, 0], [rows // 2, 0]])
    of_label = {"precision": micro, "recall": micro, "f1": micro, "rows": rows // 2}
    return {
        "f1_micro": micro,
        "f1_micro_interval": interval,
        "f1_macro": micro,
        "f1_macro_interval": interval,
        "rows": sum(map(sum, confusion)),
        "origin": "original",
        "calibration_error": None,
        "confusion": confusion,
        "per_label": dict.fromkeys(labels, of_label),
        **more,
    }


def metrics_of(languages: dict[str, dict[str, Any]], **more: Any) -> Metrics:
    """Metrics of a classifier, by default with the labels a and b."""
    mean = {"f1_micro": None, "f1_macro": None, "languages": len(languages)}
    values = {"labels": ["a", "b"], "ordinal": False, "languages": languages, "mean": mean}
    return Metrics.model_validate(values | more)


TRAINING = {
    "encoder": "distilbert/distilbert-base-multilingual-cased", "license": "Apache-2.0",
    "parameters": 134_737_157, "vocabulary": 119_547, "steps": 660, "epochs": 3, "best_step": 440,
    "originals": 701, "translations": 3380, "unpaired": 12, "recycled": 0, "precision": "bf16",
    "seconds": 201.0, "resumed_from": None, "batch_originals": 16, "batch_translations": 16,
    "learning_rate": 2e-5, "stopped_early": False, "tokens": 812_000, "truncated": 0,
    "initial_weights": "0c" * 32, "order": "1d" * 32, "validation": 0.6, "parts": 1,
}  # fmt: skip
TRANSLATION = {"translator": "m2m100", "fingerprint": "x", "license": "MIT"}
LEAKAGE = {"policy": "drop", "found": {}, "dropped": {}}


def manifest_of(**parts: Any) -> Manifest:
    """A manifest that holds little else than the parts; what they leave out is filled in."""
    whole = {"training": TRAINING, "translation": TRANSLATION, "leakage": LEAKAGE}
    parts = {name: whole.get(name, {}) | value if isinstance(value, dict) else value
             for name, value in parts.items()}  # fmt: skip
    empty = {"created": "2025-11-22T14:02:11+00:00", "invocations": [], "stages": {}}
    return Manifest.model_validate(empty | parts)


@pytest.fixture
def metrics() -> dict[str, Any]:
    origins = {"en": "original", "de": "original", "ja": "machine", "zh": "machine"}
    languages = {
        lang: language_metrics(accuracy, origins.get(lang, "original"), number)
        for number, (lang, accuracy) in enumerate(ACCURACY.items())
    }
    linear = {
        lang: language_metrics(accuracy, origins.get(lang, "original"), 50 + number)
        for number, (lang, accuracy) in enumerate(LINEAR.items())
    }
    return {
        "labels": LABELS,
        "ordinal": True,
        "languages": languages,
        "linear": linear,
        "mean": {
            "f1_micro": sum(scores["f1_micro"] for scores in languages.values()) / 6,
            "f1_macro": sum(scores["f1_macro"] for scores in languages.values()) / 6,
            "languages": 6,
        },
    }


@pytest.fixture
def manifest() -> dict[str, Any]:
    machine = {lang: {"machine": 690 - 7 * n} for n, lang in enumerate(TARGETS)}
    return {
        "babelift": "0.1.0",
        "invocations": [
            {"command": ["/opt/venv/bin/babelift", "fit", "my reviews.csv", "--to", *TARGETS,
                         "--translator", "m2m100", "--out", "runs/reviews"],
             "stages": ["data", "translation", "training", "evaluation"]},
        ],
        "created": "2025-11-22T14:02:11+00:00",
        "finished": "2025-11-22T14:09:40+00:00",
        "arm": "translated",
        "from": ["en"],
        "to": TARGETS,
        "seed": 0,
        "labels": LABELS,
        "ordinal": True,
        "files": [
            {"path": "my reviews.csv", "sha256": "9f2c" * 16, "bytes": 9120, "role": "train"},
            {"path": "data/a/rather/long/path/test.jsonl.gz", "sha256": "07ab" * 16,
             "bytes": 8440, "role": "test"},
            {"path": "hub:reviews", "sha256": None, "role": "validation"},
        ],
        "data": {
            "train": {"en": {"original": 701}, **machine},
            "validation": {"en": {"original": 99}, "de": {"machine": 99}},
            "test": {
                lang: {"machine" if lang in ("ja", "zh") else "original": 120} for lang in ACCURACY
            },
        },
        "rejects": {"count": 3, "reasons": {"the text is empty": 2, "label '6' is unknown": 1}},
        "leakage": {
            "policy": "drop",
            "found": {"group": 0, "exact": 2, "normalised": 1, "near": 0},
            "dropped": {"train": 3, "validation": 0},
            "pairs": {"train/test": {"group": 0, "exact": 2, "normalised": 1, "near": 0}},
            "repeated": {"validation": 0, "test": 3},
            "examples": [
                {"kind": "exact", "similarity": 1.0, "split": "train", "id": "r1", "text": "Good.",
                 "other_split": "test", "other_id": "t1", "other_text": "Good."},
            ],
        },
        "translation": {
            "translator": "m2m100",
            "fingerprint": "m2m100_418M:int8:ct2-4.8.5:beam1:" + "5c" * 16,
            "license": "MIT",
            "seconds": 131.4,
            "segments": 4210,
            "from_memory": 812,
            "duplicates": 35,
            "translated": 3363,
            "pairs": {
                f"en>{lang}": {
                    "rows": 701,
                    "kept": 690 - 7 * n,
                    "dropped": 11 + 7 * n,
                    "truncated": 2 if n < 2 else 0,
                    "faulty": 11 + 22 * n,
                    "flags": {"copy": 6 + 22 * n, "loop": 5, "empty": 0},
                }
                for n, lang in enumerate(TARGETS)
            },
            "examples": [
                dict(zip(EXAMPLE_FIELDS, values, strict=True))
                for values in EXAMPLES
            ],
        },
        "training": dict(TRAINING),
        "licenses": [
            {"what": "encoder", "name": "distilbert/distilbert-base-multilingual-cased",
             "license": "Apache-2.0", "note": None},
            {"what": "translator", "name": "m2m100", "license": "MIT", "note": None},
        ],
        "versions": {"babelift": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "machine": {"cpu": "Some Processor", "cores": 2, "memory_gib": 15.6,
                    "python": "3.11.2", "os": "Linux 6.1"},
        "stages": {"data": 0.8, "translation": 131.4, "training": 201.0, "evaluation": 9.7},
        "energy_joules": None,
        "notes": ["The text was taken from column 'review' and the label from column 'stars'."],
    }  # fmt: skip


def log_lines(steps: int = 660, *, otc: bool = True) -> list[dict[str, Any]]:
    """A training log in which the losses fall and retrieval rises."""
    generator = np.random.default_rng(1)
    lines: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        progress = step / steps
        lines.append(
            {
                "kind": "step",
                "step": step,
                "epoch": 3 * progress,
                "loss": 2.0,
                "ce": 1.6 * np.exp(-1.4 * progress) + 0.08 * generator.normal(),
                "otc": 2.7 * np.exp(-3 * progress) + 0.1 * generator.random() if otc else None,
                "positive_cosine": 0.3 + 0.6 * progress if otc else None,
                "retrieval_at_1": min(1, 0.1 + 1.1 * progress) if otc else None,
                "learning_rate": 2e-5 * min(step / 66, (steps - step) / (0.9 * steps)),
                "gradient_norm": 1.0,
                "rows_per_second": 100.0,
            }
        )
        if step % max(1, steps // 3) == 0:
            epoch = step // max(1, steps // 3)
            scores = {"en": 0.4 + 0.08 * epoch, "de": 0.35 + 0.07 * epoch}
            lines.append(
                {"kind": "validation", "step": step, "epoch": epoch, "f1_micro": scores,
                 "mean": sum(scores.values()) / 2, "ce": 1.0, "best": epoch == 2}
            )  # fmt: skip
    return lines


def vectors_frame(per_language: int = 40) -> pl.DataFrame:
    """Pairs that lie apart by language before training and beside each other after it."""
    generator = np.random.default_rng(2)
    rows = []
    for number, lang in enumerate(TARGETS):
        for item in range(per_language):
            label = item % 5
            centre = np.zeros(16)
            centre[label] = 1.0
            own = centre + 0.25 * generator.normal(size=16)
            away = np.zeros(16)
            away[8 + number] = 2.0
            for stage, noise, shift in (("before", 0.3, away), ("after", 0.08, 0 * away)):
                original = own / np.linalg.norm(own)
                translation = own + shift + noise * generator.normal(size=16)
                translation /= np.linalg.norm(translation)
                rows.append((f"r{item}", "en", lang, str(label + 1), stage, original, translation))
    names = ["original_id", "source_lang", "lang", "label", "stage", "original", "translation"]
    columns = list(zip(*rows, strict=True))
    data = {name: list(column) for name, column in zip(names, columns, strict=True)}
    kind = pl.List(pl.Float32)
    return pl.DataFrame(
        {name: [v.tolist() for v in values] if name in names[5:] else values
         for name, values in data.items()},
        schema_overrides={"original": kind, "translation": kind},
    )  # fmt: skip


def tested_frame() -> pl.DataFrame:
    """A few test rows in every language."""
    rows = [
        {"id": f"t{n}@{lang}", "group_id": f"t{n}", "text": text, "label": LABELS[n], "lang": lang,
         "origin": "original", "split": "test", "original_id": f"t{n}"}
        for lang, text in TEXTS.items()
        for n in range(5)
    ]  # fmt: skip
    return conform(pl.DataFrame(rows))


def predictions_frame() -> pl.DataFrame:
    """Predictions for those rows, every one of the encoder's wrong by one star."""
    test = tested_frame().select("id", "group_id", "lang", "source_lang", "origin", "label")
    wrong = pl.col("label").replace_strict(LABELS, [*LABELS[1:], LABELS[3]])
    guessed = test.with_columns(
        wrong.alias("prediction"),
        (0.5 + pl.col("label").cast(pl.Float64) / 11).alias("probability"),
    )
    return pl.concat(
        [guessed.with_columns(pl.lit(m).alias("model")) for m in ("encoder", "linear")]
    )


MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path, manifest: dict[str, Any], metrics: dict[str, Any]) -> MakeRun:
    """Write a run folder; keyword arguments replace parts of it, None leaves a file out."""

    def make(name: str = "reviews", **parts: Any) -> Path:
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True)
        parts = {
            "manifest": manifest,
            "metrics": metrics,
            "config": "arm: translated\nto: [de, es, fr, ja, zh]\notc: true\n",
            "log": log_lines(),
            "vectors": vectors_frame(),
            "predictions": predictions_frame(),
            "test": tested_frame(),
        } | parts
        for key in ("manifest", "metrics"):
            if parts[key] is not None:
                (folder / f"{key}.json").write_text(json.dumps(parts[key]))
        if parts["config"] is not None:
            (folder / "config.yaml").write_text(parts["config"], encoding="utf-8")
        if parts["log"] is not None:
            lines = [json.dumps(line) for line in parts["log"]]
            (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
        for key, path in (("vectors", "data/vectors"), ("test", "data/test"),
                          ("predictions", "predictions")):  # fmt: skip
            if parts[key] is not None:
                parts[key].write_parquet(folder / f"{path}.parquet")
        return folder

    return make
