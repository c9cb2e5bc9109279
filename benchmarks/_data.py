"""Texts to measure on: real data where they are, else the sample that ships with Babelift."""

import gzip
import json
import os
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from babelift.embedded import sample_folder

_BESIDE = Path(__file__).parents[2] / "shared" / "data"


class Texts(NamedTuple):
    """Texts with their labels.

    Attributes:
        texts: All different.
        labels: One per text.
        source: Where they are from.
    """

    texts: list[str]
    labels: list[str]
    source: str

    def take(self, number: int) -> "Texts":
        """The first `number` of them."""
        return Texts(self.texts[:number], self.labels[:number], self.source)


def tweets() -> Texts:
    """Short texts in several languages, in turn: UMSAB's tweets, else the sample's reviews."""
    folder, languages = _data() / "umsab", ("en", "de", "es", "fr", "it", "pt")
    if not folder.is_dir():
        return _sample(("en", "de", "es", "fr", "ja", "zh"))
    files = [_read(folder / f"{lang}.test.jsonl.gz") for lang in languages]
    rows = [row for turn in zip(*files, strict=False) for row in turn]
    return _unique([(row["text"], row["label"]) for row in rows], "UMSAB tweets, six languages")


def sentences(lang: str = "en") -> Texts:
    """Sentences of one language: SIB-200's, else the sample's reviews.

    Those of one call are the translations of another's, in the same order.
    """
    file = _data() / "sib200" / f"{lang}.train.jsonl.gz"
    if not file.is_file():
        return _sample((lang,))
    rows = sorted(_read(file), key=lambda row: str(row["parallel_id"]))
    return Texts([row["text"] for row in rows], [row["label"] for row in rows], "SIB-200 sentences")


def _data() -> Path:
    return Path(os.environ.get("BABELIFT_DATA", _BESIDE))


def _read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _sample(languages: tuple[str, ...]) -> Texts:
    """2,000 texts from the sample's English reviews and their translations, made different."""
    english = _lines(sample_folder() / "en.jsonl")
    translations = {
        (row["parallel_id"], row["target_lang"]): row["target_text"]
        for row in _lines(sample_folder() / "translations.jsonl")
    }

    def endless() -> Iterator[tuple[str, str]]:
        for number in count(1):
            for row in english:
                for lang in languages:
                    text = row["text"] if lang == "en" else translations[row["id"], lang]
                    yield f"{number} {text}", str(row["stars"])

    return _unique(list(islice(endless(), 2000)), "the built-in sample, repeated with numbers")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _unique(pairs: list[tuple[str, str]], source: str) -> Texts:
    labels = dict(reversed(pairs))
    texts = list(dict.fromkeys(text for text, _ in pairs))
    return Texts(texts, [labels[text] for text in texts], source)
