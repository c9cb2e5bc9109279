"""The sentence pairs that the embedded models learn from, without any by which they are judged."""

import gzip
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

LANGUAGES: Final = ("de", "es", "fr", "ja", "zh")
"""The languages that are paired with English."""

EVALUATION_SETS: Final = ("tatoeba_test", "sib200", "stsb", "umsab", "m_absa", "xsid")
"""Folders whose sentences never reach a training."""

SYSTEMS: Final = frozenset({"bergamot-base", "bergamot-base-memory"})
"""Machine systems whose output may train shipped weights."""

PAIRS: Final = {"lang": pl.String, "text": pl.String, "text_en": pl.String, "corpus": pl.String}
"""Columns of the training pairs: a sentence, its English counterpart and where both come from."""


def training_pairs(data: Path, *, longest: int = 400) -> pl.DataFrame:
    """All pairs of a sentence and its English counterpart, in the order of the files.

    A pair goes where a side is empty, longer than `longest` characters, or found in an evaluation
    set; where the lengths do not fit; and where it has been seen before. Whether two sentences are
    the same is told from their letters and digits alone.

    Args:
        data: Folder of the data sets.
        longest: Most characters on a side.

    Returns:
        Rows with the columns `PAIRS`.
    """
    judged = evaluation_keys(data)
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for lang, text, text_en, corpus in _read(data):
        text, text_en = _clean(text), _clean(text_en)
        if not text or not text_en or max(len(text), len(text_en)) > longest:
            continue
        key, key_en = sentence_key(text), sentence_key(text_en)
        known = (lang, key, key_en)
        if not key or not key_en or key in judged or key_en in judged or known in seen:
            continue
        if (key == key_en and len(key) > 12) or not _lengths_fit(key, key_en, lang):
            continue
        seen.add(known)
        kept.append((lang, text, text_en, corpus))
    return pl.DataFrame(kept, schema=PAIRS, orient="row")


def held_out(
    pairs: pl.DataFrame, per_language: int = 200, seed: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs to learn from, and pairs kept back to judge translators by.

    Sentences with a counterpart in all languages are kept back first, so that what is kept back
    also pairs those languages with each other. An English sentence that is kept back is learnt
    from in no language, nor is one of eight words or more that shares 70 % of its words with it,
    for PAWS-X has most of its sentences twice in other words.

    Args:
        pairs: Rows of `training_pairs`.
        per_language: Pairs kept back of each language, one for each English sentence.
        seed: Seed of the choice.

    Returns:
        The pairs to learn from, in their order, and those kept back, both with the columns `PAIRS`.
    """
    english = (
        pairs.group_by("text_en").agg(pl.col("lang").n_unique().alias("languages")).sort("text_en")
    )
    place = pl.Series("place", np.random.default_rng(seed).permutation(english.height))
    first = english.with_columns(place).sort(["languages", "place"], descending=[True, False])
    chosen = (
        first.select("text_en")
        .join(pairs, on="text_en", how="left", maintain_order="left_right")
        .unique(["lang", "text_en"], keep="first", maintain_order=True)
        .filter(pl.int_range(pl.len()).over("lang") < per_language)
        .select(pairs.columns)
    )
    key = pl.col("text_en").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")
    known = chosen.select(key)["text_en"].unique().to_list()
    alike = _alike(english["text_en"], chosen["text_en"].unique(maintain_order=True))
    learnt = pairs.filter(~key.is_in(known) & ~pl.col("text_en").is_in(alike))
    return learnt, chosen


def evaluation_keys(data: Path) -> set[str]:
    """Keys of every human sentence in the sets by which the models are judged."""
    keys = set()
    for folder in EVALUATION_SETS:
        for path in sorted((data / folder).glob("*.jsonl.gz")):
            if path.name.startswith("translations"):
                continue
            for row in rows_of(path):
                keys.add(sentence_key(row["text"]))
                if "text_en" in row:
                    keys.add(sentence_key(row["text_en"]))
    keys.discard("")
    return keys


def sentence_key(text: str) -> str:
    """Letters and digits of a text, in NFKC and without case.

    >>> sentence_key("Don't  go!") == sentence_key("don ’t go .")
    True
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a gzip'd file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _read(data: Path) -> Iterator[tuple[str, str, str, str]]:
    for lang in LANGUAGES:
        for path in sorted((data / "tatoeba").glob(f"*{lang}*.jsonl.gz")):
            for row in rows_of(path):
                yield lang, row["text"], row["text_en"], "tatoeba"
    yield from _tanaka(data / "tanaka_enja")
    for lang in LANGUAGES:
        for row in rows_of(data / "bergamot_pairs" / f"en-{lang}.jsonl.gz"):
            if row["system"] not in SYSTEMS:
                continue
            sides = {
                row["source_lang"]: row["source_text"],
                row["target_lang"]: row["target_text"],
            }
            yield lang, sides[lang], sides["en"], "bergamot"
    yield from _pawsx(data / "pawsx")


def _tanaka(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """Its train rows, with the spaces of its tokenising taken out."""
    japanese = {row["parallel_id"]: row["text"] for row in rows_of(folder / "ja.train.jsonl.gz")}
    for row in rows_of(folder / "en.train.jsonl.gz"):
        english = re.sub(r" (?=['.,!?;:%])|(?<=') (?=(?:s|t|re|ve|ll|d|m)\b)", "", row["text"])
        english = re.sub(r"\bi\b", "I", english[:1].upper() + english[1:])
        yield "ja", japanese[row["parallel_id"]].replace(" ", ""), english, "tanaka"


def _pawsx(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    for split in ("validation", "test"):
        english = {r["parallel_id"]: r for r in rows_of(folder / f"en.{split}.jsonl.gz")}
        for lang in LANGUAGES:
            for row in rows_of(folder / f"{lang}.{split}.jsonl.gz"):
                if row["parallel_id"] in english:
                    for side in ("text_a", "text_b"):
                        yield lang, row[side], english[row["parallel_id"]][side], "pawsx"


def _clean(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def _alike(
    sentences: pl.Series, chosen: pl.Series, *, words: int = 8, share: float = 0.7
) -> list[str]:
    """Sentences of at least so many words whose set of words is nearly that of a chosen one.

    The measure is Jaccard's: words in common over words in either.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    long = sentences.filter(sentences.str.count_matches(r"\w+") >= words)
    if not len(long) or not len(chosen):
        return []
    vectorizer = CountVectorizer(binary=True, token_pattern=r"\w+", dtype=np.int32)
    ours, theirs = vectorizer.fit_transform(long), vectorizer.transform(chosen)
    size, sizes = np.asarray(ours.sum(axis=1)), np.asarray(theirs.sum(axis=1)).T
    found = []
    for start in range(0, len(long), 10_000):
        part = slice(start, start + 10_000)
        both = (ours[part] @ theirs.T).toarray()
        near = (both >= share * (size[part] + sizes - both)).any(axis=1)
        found += long[part].filter(pl.Series(near)).to_list()
    return found


def _lengths_fit(key: str, key_en: str, lang: str) -> bool:
    """Whether a counterpart's length is believable; Han and kana say more per character."""
    ratio = len(key) * (2.2 if lang in ("ja", "zh") else 1.0) / len(key_en)
    return 0.4 < ratio < 2.5 or abs(len(key) - len(key_en)) < 12
