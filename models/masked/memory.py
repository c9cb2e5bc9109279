"""Keeps the processor's freed memory at hand: what a training frees it asks for again at once."""

import ctypes
import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
"""Parameters of mallopt(3)."""

_ALL: Final = 2**31 - 1
_MORE: Final = 2**28


def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, for the rest of the process.

    By itself it hands large blocks back to the system and asks for them again, empty, at every
    update; filling in their pages anew can take as long as the arithmetic. In a process that
    does nothing but train, memory that was used once may as well stay.

    Returns:
        Whether it was done; False where the C library is not glibc.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_MMAP_THRESHOLD, _ALL), (_TRIM_THRESHOLD, _ALL), (_TOP_PAD, _MORE))
    done = [mallopt(name, value) == 1 for name, value in settings]
    return all(done)
