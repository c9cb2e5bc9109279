"""Batches that do not fit into memory: how that is noticed, and what is computed at a time."""

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
