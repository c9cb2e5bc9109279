"""Texts that are longer than a model reads: how many they are, how much is lost, and what to do."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel

from babelift.corpus.checks import MAX_TEXT
from babelift.errors import BabeliftWarning, LanguageError
from babelift.languages import get

_MOST_NAMED: Final = 6
"""Languages that a sentence names; the others are counted."""


class Cut(BaseModel, frozen=True):
    """Texts of one language and origin, of which some were cut.

    Attributes:
        split: `train`, `validation` or `test`; None for rows to be labelled.
        lang: Their language; None where it is not known.
        origin: How they came to be, as in `corpus.rows`; None where it is not known.
        rows: Texts, those that fit included.
        cut: Texts that were longer than `limit`.
        lost: Tokens that were cut off.
        limit: Tokens that are read of a text, special ones included.
        most: Tokens that the encoder could read; None where it has no limit.
    """

    split: str | None = None
    lang: str | None = None
    origin: str | None = None
    rows: int
    cut: int
    lost: int
    limit: int
    most: int | None = None


def tokens_within(
    tokenizer: Any, texts: Sequence[str], limit: int
) -> tuple[list[Sequence[int]], NDArray[np.int64]]:
    """The token ids of texts, cut where they are too long, and what was cut off.

    Args:
        tokenizer: A transformers tokenizer.
        texts: The texts.
        limit: Most tokens of a text, special ones included.

    Returns:
        The ids of each text, and `(texts,) int64` tokens that each lost.
    """
    if not texts:
        return [], np.zeros(0, dtype=np.int64)
    silent = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
    encoded = tokenizer(list(texts), truncation=True, max_length=limit, **silent)
    ids: list[Sequence[int]] = list(encoded["input_ids"])
    special = tokenizer.num_special_tokens_to_add()
    if encoded.encodings is not None:
        lost = [sum(len(rest) - special for rest in kept.overflowing) for kept in encoded.encodings]
    else:  # a tokenizer that is not one of the library `tokenizers`
        whole = tokenizer(list(texts), **silent)["input_ids"]
        lost = [len(full) - len(cut) for full, cut in zip(whole, ids, strict=True)]
    return ids, np.array(lost, dtype=np.int64)


def lost_tokens(tokenizer: Any, texts: Sequence[str], limit: int | None) -> NDArray[np.int64]:
    """How many tokens a model with that limit does not read, of each text.

    Returns:
        `(texts,) int64`.
    """
    lost = np.zeros(len(texts), dtype=np.int64)
    if limit is None:
        return lost
    least = limit - tokenizer.num_special_tokens_to_add() - 1
    long = [n for n, text in enumerate(texts) if _most_tokens(tokenizer, text) > least]
    if long:
        # What lies behind the longest text of a table is not counted: it would take minutes.
        lost[long] = tokens_within(tokenizer, [texts[n][:MAX_TEXT] for n in long], limit)[1]
    return lost


def _most_tokens(tokenizer: Any, text: str) -> float:
    """More tokens a text cannot have: each holds a byte of it at least, once it is normalised."""
    if text.isascii():  # which no normaliser lengthens
        return len(text)
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        return float("inf")
    normalizer = fast.normalizer
    return len((normalizer.normalize_str(text) if normalizer else text).encode())


def count_cuts(
    rows: pl.DataFrame,
    lost: NDArray[np.int64],
    *,
    limit: int | None,
    most: int | None,
    split: str | None = None,
) -> tuple[Cut, ...]:
    """Count the texts that were cut, by language and origin.

    Args:
        rows: The rows of the texts; `lang` and `origin` are read where they are there.
        lost: `(rows,) int64` tokens that each text lost.
        limit: Tokens that are read of a text; None where there is no limit.
        most: Tokens that the encoder could read.
        split: Which rows these are.

    Returns:
        One count for each language and origin; none where no text was cut.

    >>> rows = pl.DataFrame({"lang": ["en", "en", "de"]})
    >>> [(part.lang, part.rows, part.cut, part.lost)
    ...  for part in count_cuts(rows, np.array([0, 7, 0]), limit=128, most=256)]
    [('de', 1, 0, 0), ('en', 2, 1, 7)]
    """
    if limit is None or not lost.any():
        return ()
    table = pl.DataFrame({"lost": lost}).with_columns(
        rows[name] if rows.schema.get(name) == pl.String else pl.lit(None, pl.String).alias(name)
        for name in ("lang", "origin")
    )
    groups = table.group_by("lang", "origin").agg(
        rows=pl.len(), cut=(pl.col("lost") > 0).sum(), lost=pl.col("lost").sum()
    )
    return tuple(
        Cut(split=split, limit=limit, most=most, **group)
        for group in groups.sort("lang", "origin").iter_rows(named=True)
    )


def added_cuts(cuts: Iterable[Cut]) -> tuple[Cut, ...]:
    """Counts of several parts of one table, added up.

    >>> part = Cut(lang="de", rows=3, cut=1, lost=20, limit=128)
    >>> added_cuts([part, part])[0].lost
    40
    """
    totals: dict[tuple[Any, ...], Counter[str]] = {}
    for part in cuts:
        key = (part.split, part.lang, part.origin, part.limit, part.most)
        counts = {"rows": part.rows, "cut": part.cut, "lost": part.lost}
        totals.setdefault(key, Counter()).update(counts)
    return tuple(
        Cut(split=split, lang=lang, origin=origin, limit=limit, most=most, **counts)
        for (split, lang, origin, limit, most), counts in totals.items()
    )


def cut_sentences(cuts: Sequence[Cut]) -> list[str]:
    """What a user must know of the texts that were cut, and what can be done.

    Args:
        cuts: Counts, as `count_cuts` gives them.

    Returns:
        One sentence for training and validation, one for the rest; none where nothing was cut.

    >>> cut_sentences([Cut(lang="de", rows=200, cut=50, lost=3200, limit=128, most=128)])[0]
    '50 of 200 texts (25 %) are longer than the 128 tokens that are read of each and lose 33 % of \
theirs. This model reads no more: split long texts into several rows, or take an encoder that \
reads more.'
    """
    together: dict[tuple[bool, int, int | None], list[Cut]] = {}
    for part in cuts:
        learning = part.split in ("train", "validation")
        together.setdefault((learning, part.limit, part.most), []).append(part)
    return [
        f"{_counts(parts)} {_remedy(learning, limit, most)}"
        for (learning, limit, most), parts in together.items()
        if any(part.cut for part in parts)
    ]


def warn_of_cuts(cuts: Sequence[Cut]) -> None:
    """Warn the caller of a library function of the texts that were cut."""
    for sentence in cut_sentences(cuts):
        warnings.warn(sentence, BabeliftWarning, stacklevel=3)


def _counts(parts: Sequence[Cut]) -> str:
    splits = list(dict.fromkeys(part.split for part in parts))
    what = {"train": "training ", "validation": "validation ", "test": "test ", None: ""}
    counts = [
        _count([part for part in parts if part.split == split], f"{what[split]}texts")
        for split in splits
    ]
    longer = (
        f"longer than the {parts[0].limit:,} tokens that are read of each and lose {_loss(parts)} "
        "of theirs"
    )
    text = f"{' and '.join(counts)} are {longer}"
    hit = sorted((part for part in parts if part.cut), key=lambda part: -part.cut / part.rows)
    if len({(part.lang, part.origin) for part in parts}) == 1:
        return f"{text}."
    named = [f"{_name(part)} {part.cut:,} of {part.rows:,}, {_loss([part])}" for part in hit]
    if len(hit) > _MOST_NAMED:
        named[_MOST_NAMED:] = [f"and {len(hit) - _MOST_NAMED} more"]
    return f"{text}: {'; '.join(named)}."


def _count(parts: Sequence[Cut], what: str) -> str:
    rows, cut = sum(part.rows for part in parts), sum(part.cut for part in parts)
    return f"{cut:,} of {rows:,} {what} ({_percent(cut, rows)})"


def _name(part: Cut) -> str:
    if part.lang is None:
        return "unknown language"
    try:
        name = get(part.lang).name
    except LanguageError:
        name = part.lang
    name += "" if part.origin in (None, "original") else " translations"
    return f"{name} (validation)" if part.split == "validation" else name


def _loss(parts: Sequence[Cut]) -> str:
    lost = sum(part.lost for part in parts)
    return _percent(lost, lost + sum(part.cut * part.limit for part in parts))


def _percent(part: int, whole: int) -> str:
    value = 100 * part / whole
    if 99 < value < 100:
        return "over 99 %"
    return f"{value:.0f} %" if value >= 1 else "under 1 %"


def _remedy(learning: bool, limit: int, most: int | None) -> str:
    if most is not None and limit >= most:
        return (
            "This model reads no more: split long texts into several rows, or take an encoder "
            "that reads more."
        )
    room = "" if most is None else f"; this encoder reads up to {most:,}"
    if not learning:
        return (
            "The model was made for texts of that length: train one with a larger max_length "
            f"(--max-length{room}), or split long texts into several rows."
        )
    return (
        "Nothing is learnt from what is cut: read more with a larger max_length "
        f"(--max-length{room}), or split long texts into several rows."
    )
