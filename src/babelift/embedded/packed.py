"""Weights in four bits, as the embedded encoder ships, and the plain folder made of them.

A matrix is kept as blocks of 32 weights of a row: whole numbers from -8 to 7 and what they are
multiplied by. Plain transformers opens no such file, so the folder is unpacked into the cache.
"""

import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from babelift.errors import ModelError
from babelift.store import cache_dir, cached_folder, explained

FILE: Final = "model.q4.safetensors"
BLOCK: Final = 32
"""Weights that share a scale."""

SCALE: Final = ".scale"
"""What stands after a matrix's name in the name of its scales."""


def unpack(codes: NDArray[np.uint8], scales: NDArray[np.float16]) -> NDArray[np.float16]:
    """The weights of a matrix.

    Args:
        codes: `(rows, blocks, 16) uint8`: weight j of a block in the low half of byte j, weight
            j + 16 in its high half, each plus 8.
        scales: `(rows, blocks) float16`.

    Returns:
        `(rows, 32 * blocks) float16`.

    >>> unpack(np.full((1, 1, 16), 0x7A, np.uint8), np.array([[0.5]], np.float16))[0, [0, 31]]
    array([ 1. , -0.5], dtype=float16)
    """
    halves = np.concatenate([codes & 15, codes >> 4], axis=2).astype(np.float16)
    weights: NDArray[np.float16] = (halves - np.float16(8)) * scales[:, :, None]
    return weights.reshape(len(codes), -1)


def read_packed(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a packed file, its matrices as float16.

    Raises:
        ModelError: It is no such file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        return {
            name: unpack(tensor, tensors[name + SCALE]) if name + SCALE in tensors else tensor
            for name, tensor in tensors.items()
            if not name.endswith(SCALE)
        }
    except (OSError, SafetensorError, ValueError, IndexError) as error:
        raise ModelError(
            f"'{path}' cannot be unpacked: {error}.", "Install Babelift again."
        ) from error


def unpacked(folder: Path, identity: str) -> Path:
    """The plain folder of a packed one, made in the cache at first use.

    Args:
        folder: With `model.q4.safetensors` and the files that stay as they are.
        identity: What tells its content from that of other versions.

    Raises:
        ModelError: The weights cannot be unpacked.
        RunError: The cache cannot be written.
    """
    from babelift.model_folder import missing

    plain = cache_dir() / "embedded" / f"{folder.name}-{identity[:16]}"
    with explained(plain):
        return cached_folder(
            plain, lambda place: _write(folder, place), is_whole=lambda path: not missing(path)
        )


def _write(folder: Path, place: Path) -> None:
    from safetensors.numpy import save

    # What was measured of a model is no part of it: a study would take it for another encoder.
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns(FILE, "measurements.json"))
    weights = save(read_packed(folder / FILE), {"format": "pt"})
    (place / "model.safetensors").write_bytes(weights)
