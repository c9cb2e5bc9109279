"""What of a batch is computed at a time: all of it, less padding, or what fits into memory."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

_WORDS: Final = ("out of memory", "not enough memory", "allocate memory", "alloc_failed")
"""What errors of torch and its libraries say that have no type of their own."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    >>> out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    False
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _WORDS)


def split_rows(rows: NDArray[np.int64], parts: int) -> list[NDArray[np.int64]]:
    """Rows in so many parts of like size, none of them empty, in their order.

    >>> [part.tolist() for part in split_rows(np.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    >>> len(split_rows(np.arange(3), 8))
    3
    """
    return np.array_split(rows, min(parts, max(len(rows), 1)))


def split_by_width(widths: NDArray[np.int64], worth: float) -> list[NDArray[np.int64]]:
    """Places of a batch's rows: all at once, or the longer ones apart, which pads the others less.

    Args:
        widths: `(rows,)` to what each row alone would be padded.
        worth: Tokens of padding that must be spared for a second pass.

    >>> [part.tolist() for part in split_by_width(np.array([8, 32, 8, 24]), worth=16)]
    [[1, 3], [0, 2]]
    >>> [part.tolist() for part in split_by_width(np.array([8, 32, 8, 24]), worth=64)]
    [[0, 1, 2, 3]]
    """
    rows = len(widths)
    if rows < 2:
        return [np.arange(rows)]
    order = np.argsort(-widths, kind="stable")
    longest, longer = widths[order[0]], np.arange(1, rows)
    spared = (rows - longer) * (longest - widths[order[1:]])
    best = int(spared.argmax())
    return np.split(order, [best + 1]) if spared[best] >= worth else [np.arange(rows)]
