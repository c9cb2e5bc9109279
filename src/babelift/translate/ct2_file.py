"""How many positions a CTranslate2 model has room for, read from its file without opening it."""

import struct
from pathlib import Path
from typing import BinaryIO

_VERSION = 6
"""Newest layout of model.bin that is understood here."""


def positions(path: Path) -> int | None:
    """The rows of the model's table of positions, or None where it has none or is not readable.

    The layout is that of `ModelSpec.save` in CTranslate2: version, name, revision, and then each
    variable's name, shape, type and values.
    """
    found: list[int] = []
    try:
        with path.open("rb") as stream:
            (version,) = struct.unpack("I", stream.read(4))
            if not 4 <= version <= _VERSION:
                return None
            _name(stream)
            _, variables = struct.unpack("II", stream.read(8))
            for _ in range(variables):
                name = _name(stream)
                (rank,) = struct.unpack("B", stream.read(1))
                shape = struct.unpack(f"{rank}I", stream.read(4 * rank))
                _, size = struct.unpack("=BI", stream.read(5))
                stream.seek(size, 1)
                if name.endswith("position_encodings/encodings"):
                    found.append(shape[0])
    except (OSError, struct.error, UnicodeDecodeError, IndexError):
        return None
    return min(found, default=None)


def _name(stream: BinaryIO) -> str:
    (length,) = struct.unpack("H", stream.read(2))
    return stream.read(length).rstrip(b"\0").decode()
