"""Which pieces of the vocabulary are kept: those in use, then the likeliest."""

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import regex
from tokenizers import Tokenizer

from models.data import training_pairs
from models.encoder.source import Source

SCRIPTS: Final = ("Arabic", "Cyrillic", "Devanagari", "Greek", "Hangul", "Hebrew", "Thai")
"""Scripts of the other languages that the encoder is measured in."""

SHARE: Final = 0.9
"""How much of each script's use its pieces that are kept make up.

The likeliest pieces of all are those of the scripts with most text, Latin before all: by likelihood
alone Thai keeps .78 of its use and Latin .99.
"""

ALWAYS: Final = regex.compile(r"\p{Extended_Pictographic}|\p{Han}")

OFTEN: Final = 10
"""A piece that stands so many times in the training pairs is kept whatever its share elsewhere."""

SPECIAL: Final = 4
"""Special pieces at the start; the mask is the last piece."""


def choose(source: Source, uses: np.ndarray, count: int) -> list[int]:
    """Numbers of the pieces that are kept, in order.

    Special pieces and those in use in the six languages of the training pairs come first, with
    all emoji, of which the pairs have none, and all Chinese characters, also the traditional ones;
    then the same share of each of `SCRIPTS`, then the likeliest in Latin letters and in none.

    Args:
        source: With the whole vocabulary.
        uses: `(pieces,) int64`, how often each stands in the training pairs.
        count: How many are kept.

    Raises:
        ValueError: Those that must be kept are more.
    """
    keep = np.asarray(uses) >= OFTEN
    keep[:SPECIAL] = keep[-1] = True
    keep |= [bool(ALWAYS.fullmatch(piece)) for piece in source.pieces]
    likeliest = np.argsort(-source.scores, kind="stable")
    for script in SCRIPTS:
        own = [number for number in likeliest if _in(script).fullmatch(source.pieces[number])]
        use = np.exp(source.scores[own].astype(float))
        before = np.cumsum(use) - use
        keep[own] |= before < SHARE * use.sum()
    if keep.sum() > count:
        raise ValueError(f"{keep.sum()} pieces are in use, more than {count}")
    latin = _in("Latin|Common|Inherited")
    others = [i for i in likeliest if not keep[i] and latin.fullmatch(source.pieces[i])]
    keep[others[: count - keep.sum()]] = True
    return [int(number) for number in np.flatnonzero(keep)]


@cache
def _in(scripts: str) -> regex.Pattern[str]:
    """Matches a piece in one of some scripts, also at the start of a word."""
    letters = "".join(rf"\p{{Script={script}}}" for script in scripts.split("|"))
    return regex.compile(f"▁?[{letters}]+")


def uses(tokenizer: Tokenizer, data: Path, work: Path, *, at_once: int = 20_000) -> np.ndarray:
    """How often each piece stands in the training pairs, `(pieces,) int64`; kept in `work`."""
    path = work / "uses.npy"
    if path.is_file():
        return np.load(path)
    pairs = training_pairs(data)
    texts = pl.concat([pairs["text"], pairs["text_en"].unique(maintain_order=True)]).to_list()
    counts = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for start in range(0, len(texts), at_once):
        part = texts[start : start + at_once]
        for encoding in tokenizer.encode_batch_fast(part, add_special_tokens=False):
            np.add.at(counts, encoding.ids, 1)
    work.mkdir(parents=True, exist_ok=True)
    np.save(path, counts)
    return counts
