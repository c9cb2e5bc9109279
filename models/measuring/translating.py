"""Translators on sentences with a human translation: how near they come, and how fast."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import polars as pl

from models.data import LANGUAGES, rows_of

if TYPE_CHECKING:
    from babelift.translation.protocol import Translator

Pair = tuple[str, str]

WITH_ENGLISH: Final[tuple[Pair, ...]] = tuple(
    pair for lang in LANGUAGES for pair in (("en", lang), (lang, "en"))
)
WITHOUT_ENGLISH: Final[tuple[Pair, ...]] = (
    ("de", "fr"), ("es", "de"), ("es", "fr"), ("fr", "es"), ("fr", "ja"), ("ja", "zh"),
    ("zh", "ja"),
)  # fmt: skip


@dataclass(frozen=True)
class Items:
    """Sentences of one pair, with one human translation each."""

    ids: list[str]
    texts: list[str]
    references: list[str]


@dataclass(frozen=True)
class Output:
    """What a translator made of some texts.

    Attributes:
        texts: Translations; an empty one where it had none.
        missing: Texts it had none for.
        truncated: Texts that were cut.
        seconds: Median time it took, without loading.
    """

    texts: list[str]
    missing: int
    truncated: int
    seconds: float


def named(pair: Pair) -> str:
    """How a pair is written.

    >>> named(("en", "de"))
    'en>de'
    """
    return ">".join(pair)


def sib200(data: Path, pair: Pair) -> Items:
    """SIB-200's 204 test sentences, which people wrote in all languages."""
    source, target = (
        {
            row["parallel_id"]: row["text"]
            for row in rows_of(data / "sib200" / f"{lang}.test.jsonl.gz")
        }
        for lang in pair
    )
    ids = [name for name in source if name in target]
    return Items(ids, [source[name] for name in ids], [target[name] for name in ids])


def tatoeba(data: Path, pair: Pair) -> Items:
    """The 1,000 sentences of `tatoeba_test`; English must be on one side."""
    [lang] = [lang for lang in pair if lang != "en"]
    rows = list(rows_of(data / "tatoeba_test" / f"{lang}-en.test.jsonl.gz"))
    sides = {lang: [row["text"] for row in rows], "en": [row["text_en"] for row in rows]}
    return Items([row["id"] for row in rows], sides[pair[0]], sides[pair[1]])


def shared(held: pl.DataFrame, pair: Pair) -> Items:
    """Pairs kept back from training; of two languages without English those that share it."""
    sides = []
    for lang in pair:
        own = held.filter(pl.col("lang") == lang) if lang != "en" else held
        text = pl.col("text_en" if lang == "en" else "text").alias("side")
        sides.append(
            own.select("text_en", text).unique("text_en", keep="first", maintain_order=True)
        )
    both = sides[0].join(sides[1], on="text_en", maintain_order="left")
    return Items(both["text_en"].to_list(), both["side"].to_list(), both["side_right"].to_list())


def stored(data: Path) -> dict[str, dict[Pair, dict[str, str]]]:
    """Stored machine translations of SIB-200: by system and pair, from a sentence's id."""
    found: dict[str, dict[Pair, dict[str, str]]] = {}
    for row in rows_of(data / "sib200" / "translations.jsonl.gz"):
        pairs = found.setdefault(row["system"], {})
        texts = pairs.setdefault((row["source_lang"], row["target_lang"]), {})
        texts[row["parallel_id"]] = row["target_text"]
    return found


def translated(translator: "Translator", texts: Sequence[str], pair: Pair) -> Output:
    """Translate whole texts, and time it once the translator is warm; up to five times if fast."""
    list(translator.translate(texts[:1], *pair))
    seconds: list[float] = []
    while sum(seconds) < 1 and len(seconds) < 5:
        started = time.perf_counter()
        made = list(translator.translate(texts, *pair))
        seconds.append(time.perf_counter() - started)
    return Output(
        [one.text or "" for one in made],
        sum(one.text is None for one in made),
        sum(one.truncated for one in made),
        median(seconds),
    )
