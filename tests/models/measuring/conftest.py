"""The data sets that measuring reads, each a few made-up rows in its real form."""

import gzip
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from models.measuring.frozen import FIFTEEN
from tests.support import SENTENCES

SPLITS = {"train": (1, 2, 3), "validation": (4,), "test": (5, 6)}
"""Each row of a split is a sentence and the one so many places on."""


def write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def labelled(lang: str, split: str, name: str) -> list[dict[str, Any]]:
    """Two sentences a row; the first decides the label."""
    sentences, rows = SENTENCES[lang], []
    for step in SPLITS[split]:
        for number, sentence in enumerate(sentences):
            item = f"{name}-{split}-{step}{number}"
            text = f"{sentence} {sentences[(number + step) % len(sentences)]}"
            label = "good" if number % 2 else "bad"
            rows.append({"id": f"{item}-{lang}", "text": text, "label": label, "lang": lang,
                         "parallel_id": item})  # fmt: skip
    return rows


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets in six languages."""
    data = tmp_path_factory.mktemp("data")
    for lang, sentences in SENTENCES.items():
        for split in SPLITS:
            write(data / "sib200" / f"{lang}.{split}.jsonl.gz", labelled(lang, split, "sib"))
            rows = labelled(lang, split, "umsab")
            for row in rows:
                row["id"] = row.pop("parallel_id")
            write(data / "umsab" / f"{lang}.{split}.jsonl.gz", rows)
        rows = [
            {"text": sentences[(pair + shift) % 8], "lang": lang, "pair": pair,
             "side": side, "score": float(8 - pair), "label": None}
            for pair in range(8)
            for side, shift in ((1, 0), (2, pair))
        ]  # fmt: skip
        write(data / "stsb" / f"{lang}.test.jsonl.gz", rows)
        if lang != "en":
            pairs = zip(sentences, SENTENCES["en"], strict=True)
            rows = [
                {"id": f"t-{number}", "text": text, "text_en": english, "lang": lang}
                for number, (text, english) in enumerate(pairs)
            ]
            write(data / "tatoeba_test" / f"{lang}-en.test.jsonl.gz", rows)
    for lang in FIFTEEN:
        write(data / "sib200_more" / f"{lang}.test.jsonl.gz", labelled("de", "test", "sib"))
    write(data / "sib200" / "translations.jsonl.gz", stored_translations())
    return data


def stored_translations() -> list[dict[str, Any]]:
    """What people wrote, called a system's; another system has one pair, and leaves it as it is."""
    rows = []
    for split in ("train", "test"):
        english = labelled("en", split, "sib")
        for lang in ("de", "es", "fr", "ja", "zh"):
            for one, other in zip(english, labelled(lang, split, "sib"), strict=True):
                row = {
                    "parallel_id": one["parallel_id"], "source_lang": "en", "target_lang": lang,
                    "system": "bergamot-base-memory", "source_text": one["text"],
                    "target_text": other["text"],
                }  # fmt: skip
                rows.append(row)
                if lang == "de":
                    rows.append(row | {"system": "argos", "target_text": one["text"]})
    return rows


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small encoder with random weights."""
    from tests.support import tiny_mini

    return tiny_mini(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def embedded_root(tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's embedded models replaced by a small encoder and an empty folder of lists."""
    from babelift import embedded

    root = tmp_path / "embedded"
    (root / "lexicon").mkdir(parents=True)
    shutil.copytree(tiny_encoder, root / "encoder")
    monkeypatch.setattr(embedded, "ROOT", root)
    return root
