"""Tokens of all rows, made once, and padded batches cut from them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 4096
"""Texts that are tokenised at a time."""

WIDTHS = 8
"""Batches are padded to a multiple of this: libraries keep a compiled kernel for every shape."""


class TokenCache:
    """The token ids of many texts in one flat array.

    Args:
        tokenizer: A transformers tokenizer.
        texts: The texts, in the order of the rows.
        max_length: Longest text in tokens, special tokens included; the rest is cut.

    Attributes:
        lengths: `(texts,) int64` tokens of each text after cutting.
        truncated: Number of texts that were cut.
    """

    def __init__(self, tokenizer: Any, texts: Sequence[str], max_length: int) -> None:
        ids: list[NDArray[np.int32]] = []
        lengths: list[int] = []
        self.truncated = 0
        for start in range(0, len(texts), CHUNK):
            for row, cut in _tokenize(tokenizer, texts[start : start + CHUNK], max_length):
                ids.append(np.asarray(row, dtype=np.int32))
                lengths.append(len(row))
                self.truncated += cut
        self.lengths: NDArray[np.int64] = np.array(lengths, dtype=np.int64)
        self._ids = np.concatenate(ids) if ids else np.empty(0, dtype=np.int32)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])[:-1]
        self._pad = int(tokenizer.pad_token_id)
        self._max_length = max_length

    @property
    def used(self) -> NDArray[np.int64]:
        """`(tokens,) int64` ids that occur in batches, sorted: those of the texts, and padding."""
        return np.flatnonzero(np.bincount(np.append(self._ids, self._pad)))

    def batch(self, rows: NDArray[np.int64]) -> tuple["Tensor", "Tensor"]:
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


def _tokenize(
    tokenizer: Any, texts: Sequence[str], max_length: int
) -> Iterable[tuple[Sequence[int], bool]]:
    """Token ids of each text and whether it was cut."""
    # One token more than allowed tells the texts that are cut from those that just fit.
    longer = _ids(tokenizer, texts, max_length + 1)
    cut = [number for number, row in enumerate(longer) if len(row) > max_length]
    shorter = _ids(tokenizer, [texts[number] for number in cut], max_length) if cut else []
    for number, row in zip(cut, shorter, strict=True):
        longer[number] = row
    was_cut = set(cut)
    return [(row, number in was_cut) for number, row in enumerate(longer)]


def _ids(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[Sequence[int]]:
    encoded = tokenizer(
        list(texts),
        truncation=True,
        max_length=max_length,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    return list(encoded["input_ids"])


def by_length(lengths: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """All row numbers in batches of like length, longest first.

    >>> [rows.tolist() for rows in by_length(np.array([3, 9, 5]), 2)]
    [[1, 2], [0]]
    """
    order = np.argsort(-lengths, kind="stable")
    return np.split(order, range(batch_size, len(order), batch_size)) if len(order) else []
