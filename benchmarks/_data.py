"""Texts to measure on: real data where they are, else the sample that ships with Babelift."""

import gzip
import json
import os
import random
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from babelift.embedded import sample_folder

_BESIDE = Path(__file__).parents[2] / "shared" / "data"
LANGUAGES = ("en", "de", "es", "fr", "ja", "zh")


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


def data_folder() -> Path:
    """Where real data are looked for: BABELIFT_DATA, by default `../shared/data` beside."""
    return Path(os.environ.get("BABELIFT_DATA", _BESIDE))


def sentences(lang: str = "en", split: str = "train") -> Texts:
    """Sentences of one language: SIB-200's, else the sample's reviews.

    Those of one call are the translations of another's, in the same order.
    """
    file = data_folder() / "sib200" / f"{lang}.{split}.jsonl.gz"
    if not file.is_file():
        return _sample(lang, split)
    rows = sorted(_read(file), key=lambda row: str(row["parallel_id"]))
    return Texts([row["text"] for row in rows], [row["label"] for row in rows], "SIB-200")


def reviews(number: int, languages: tuple[str, ...] = ("en",), seed: int = 0) -> list[str]:
    """Texts as long as reviews are, made of the words of `sentences`, all different.

    Their lengths in words are log-normal, 32 on average, from 4 to 70. Each is one sentence:
    Babelift translates sentence by sentence, so only then do two rivals translate the same strings.

    Args:
        number: How many.
        languages: Of the words, in turn; such as are written with spaces.
        seed: Of lengths and words.
    """
    draw = random.Random(seed)
    words = {lang: _words(sentences(lang).texts, draw) for lang in languages}
    found: dict[str, None] = {}
    while len(found) < number:
        lang = languages[len(found) % len(languages)]
        length = max(4, min(70, round(draw.lognormvariate(3.26, 0.6))))
        text = " ".join(islice(words[lang], length))
        found[f"{text[0].upper()}{text[1:]}."] = None
    return list(found)


def _words(texts: list[str], draw: random.Random) -> Iterator[str]:
    """The texts' words without end, the texts in a new order each time."""
    marks = str.maketrans("", "", '.!?…:;"“”()[]')
    order = list(texts)
    while True:
        draw.shuffle(order)
        for text in order:
            yield from (word for word in text.translate(marks).split() if word.isalpha())


def _read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _sample(lang: str, split: str) -> Texts:
    """700 texts from the sample's English reviews or their translations, made different.

    The sample's test rows are other reviews, in each language's own table.
    """
    folder = sample_folder()
    if split == "test":
        rows = [row for row in _lines(folder / f"{lang}.jsonl") if row.get("split") == "test"]
        return Texts([row["text"] for row in rows], [str(row["stars"]) for row in rows],
                     "the built-in sample")  # fmt: skip
    translated = {
        row["parallel_id"]: row["target_text"]
        for row in _lines(folder / "translations.jsonl")
        if row["target_lang"] == lang
    }
    translated_ids = {row["parallel_id"] for row in _lines(folder / "translations.jsonl")}
    english = [row for row in _lines(folder / "en.jsonl") if row["id"] in translated_ids]

    def endless() -> Iterator[tuple[str, str]]:
        for number in count(1):
            for row in english:
                text = row["text"] if lang == "en" else translated[row["id"]]
                yield f"{number} {text}", str(row["stars"])

    pairs = list(islice(endless(), 700))
    return Texts([text for text, _ in pairs], [label for _, label in pairs],
                 "the built-in sample, repeated with numbers")  # fmt: skip


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
