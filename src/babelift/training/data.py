"""Rows as arrays, tokens of all rows made once, and what a training started from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift.errors import DataError
from babelift.training.cuts import tokens_within

if TYPE_CHECKING:  # batches are also made where torch is not needed
    import torch
    from torch import Tensor

CHUNK = 4096
"""Texts that are tokenised at a time."""

WIDTHS = 8
"""Batches are padded to a multiple of this: libraries keep a compiled kernel for every shape."""

_IDENTIFYING = ("id", "original_id", "group_id", "lang", "label", "text")


class TokenCache:
    """The token ids of many texts in one flat array.

    Args:
        tokenizer: A transformers tokenizer.
        texts: The texts, in the order of the rows.
        max_length: Longest text in tokens, special tokens included; the rest is cut.

    Attributes:
        lengths: `(texts,) int64` tokens of each text after cutting.
        lost: `(texts,) int64` tokens of each text that were cut off.
    """

    def __init__(self, tokenizer: Any, texts: Sequence[str], max_length: int) -> None:
        ids: list[NDArray[np.int32]] = []
        lost = [np.empty(0, dtype=np.int64)]
        for start in range(0, len(texts), CHUNK):
            rows, cut_off = tokens_within(tokenizer, texts[start : start + CHUNK], max_length)
            ids += [np.asarray(row, dtype=np.int32) for row in rows]
            lost.append(cut_off)
        self.lengths: NDArray[np.int64] = np.array([len(row) for row in ids], dtype=np.int64)
        self.lost = np.concatenate(lost)
        self._ids = np.concatenate(ids) if ids else np.empty(0, dtype=np.int32)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])[:-1]
        self._pad = int(tokenizer.pad_token_id)
        self._max_length = max_length

    @property
    def truncated(self) -> int:
        """Number of texts that were cut."""
        return int(np.count_nonzero(self.lost))

    @property
    def used(self) -> NDArray[np.int64]:
        """`(tokens,) int64` ids that occur in batches, sorted: those of the texts, and padding."""
        return np.flatnonzero(np.bincount(np.append(self._ids, self._pad)))

    def batch(self, rows: NDArray[np.int64]) -> "tuple[Tensor, Tensor]":
        """Token ids and attention mask of some rows, padded to the longest of them or a bit more.

        Args:
            rows: `(rows,) int64` row numbers.

        Returns:
            Two `(rows, width) int64` tensors.
        """
        import torch

        lengths = self.lengths[rows]
        columns = np.arange(padded_width(int(lengths.max(initial=0)), self._max_length))
        mask = columns < lengths[:, None]
        ids = np.full(mask.shape, self._pad, dtype=np.int64)
        ids[mask] = self._ids[(self._starts[rows][:, None] + columns)[mask]]
        return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))


def padded_width(longest: int, limit: int | None) -> int:
    """How wide a batch is: a multiple of `WIDTHS` where the model's limit allows it.

    >>> padded_width(33, 128), padded_width(125, 126), padded_width(40, None)
    (40, 126, 40)
    """
    width = -(-longest // WIDTHS) * WIDTHS
    return width if limit is None else max(longest, min(width, limit))


def by_length(lengths: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """All row numbers in batches of like length, longest first.

    >>> [rows.tolist() for rows in by_length(np.array([3, 9, 5]), 2)]
    [[1, 2], [0]]
    """
    order = np.argsort(-lengths, kind="stable")
    return np.split(order, range(batch_size, len(order), batch_size)) if len(order) else []


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
    labels: "Tensor"
    groups: "Tensor"
    langs: "Tensor"
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
    known: dict[object, int] = {}
    return [known.setdefault(value, len(known)) for value in values]


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
    import torch

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


def weights_digest(model: "torch.nn.Module") -> str:
    """SHA-256 of a model's weights and their names.

    >>> import torch
    >>> ones, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    >>> _ = other.load_state_dict(ones.state_dict())
    >>> weights_digest(ones) == weights_digest(other)
    True
    """
    result = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        result.update(f"{name} {tuple(weight.shape)}".encode())
        result.update(weight.detach().float().cpu().contiguous().numpy().data)
    return result.hexdigest()


def ids_digest(ids: Sequence[str]) -> str:
    """SHA-256 of row ids in their order.

    >>> ids_digest(["a", "bc"]) == ids_digest(["ab", "c"])
    False
    """
    return hashlib.sha256("".join(f"{len(name)}:{name}" for name in ids).encode()).hexdigest()
