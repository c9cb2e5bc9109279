"""Rows as arrays, ready for training."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import torch

from babelift.errors import DataError
from babelift.train.tokens import TokenCache

_IDENTIFYING = ("id", "original_id", "group_id", "lang", "label", "text")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one split.

    Attributes:
        ids: Row ids, for messages.
        tokens: Token ids of the texts.
        labels: `(rows,) int64` label ids.
        groups: `(rows,) int64` number of each row's item.
        langs: `(rows,) int64` index into `languages`.
        languages: Language tags, sorted.
    """

    ids: list[str]
    tokens: TokenCache
    labels: torch.Tensor
    groups: torch.Tensor
    langs: torch.Tensor
    languages: list[str]


def require_texts(rows: pl.DataFrame, what: str) -> None:
    """Every row has a text.

    Raises:
        DataError: One has none; names it.
    """
    without = rows["id"].filter(rows["text"].is_null())
    if len(without):
        raise DataError(
            f"row '{without[0]}' of the {what} rows has no text ({len(without)} such rows)."
        )


def label_ids(rows: pl.DataFrame, labels: Sequence[str], what: str) -> list[int]:
    """The id of each row's label.

    Raises:
        DataError: A label is missing or not among `labels`.
    """
    known = {label: number for number, label in enumerate(labels)}
    ids = [known.get(label, -1) for label in rows["label"]]
    if -1 in ids:
        row = ids.index(-1)
        raise DataError(
            f"row '{rows['id'][row]}' of the {what} rows: label {rows['label'][row]!r} is not one "
            f"of {', '.join(repr(label) for label in labels)} ({ids.count(-1)} such rows)."
        )
    return ids


def numbers(values: pl.Series) -> list[int]:
    """Each value's number, in order of first occurrence.

    >>> numbers(pl.Series(["b", "a", "b"]))
    [0, 1, 0]
    """
    found: dict[object, int] = {}
    return [found.setdefault(value, len(found)) for value in values]


def prepare(
    rows: pl.DataFrame, labels: Sequence[str], tokenizer: object, *, max_length: int, what: str
) -> Rows:
    """Tokenise rows and turn their columns into tensors.

    Args:
        rows: Rows with a text and a label each.
        labels: Label names in the order of their ids.
        tokenizer: A transformers tokenizer.
        max_length: Longest text in tokens.
        what: Name of the split, for messages.

    Raises:
        DataError: As `label_ids`.
    """
    languages = sorted(set(rows["lang"]))
    codes = {lang: code for code, lang in enumerate(languages)}
    return Rows(
        ids=rows["id"].to_list(),
        tokens=TokenCache(tokenizer, rows["text"].to_list(), max_length),
        labels=torch.tensor(label_ids(rows, labels, what)),
        groups=torch.tensor(numbers(rows["group_id"])),
        langs=torch.tensor([codes[lang] for lang in rows["lang"]]),
        languages=languages,
    )


def digest(*frames: pl.DataFrame | None) -> str:
    """A hash of what training reads of some rows; the same in every process.

    >>> rows = pl.DataFrame({name: ["x"] for name in _IDENTIFYING})
    >>> digest(rows) == digest(rows.clone()) != digest(rows, rows)
    True
    """
    result = hashlib.sha256()
    for frame in frames:
        result.update(b"\x00frame")
        for part in () if frame is None else frame.select(_IDENTIFYING).iter_slices(20_000):
            for column in part.iter_columns():
                lengths = column.str.len_bytes().cast(pl.Int64).fill_null(-1)
                result.update(lengths.to_numpy().tobytes())
                result.update("".join(column.fill_null("").to_list()).encode(errors="replace"))
    return result.hexdigest()
