"""Which weights a folder holds: a hash of its contents that is not computed twice."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from babelift.cache import cache_dir

_REMEMBER_FROM: Final = 8 * 2**20
"""Bytes from which a file's hash is kept; below it, hashing costs less than looking it up."""


def identity(folder: Path, patterns: Iterable[str]) -> str:
    """A hash of the names and contents of a folder's files that match one of the patterns.

    Args:
        folder: A model's folder.
        patterns: Shell patterns of file names, e.g. `model.safetensors`.

    Returns:
        64 hexadecimal digits.
    """
    allowed = tuple(patterns)
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and any(fnmatch(path.name, pattern) for pattern in allowed):
            whole.update(f"{path.name} {file_hash(path)}\n".encode())
    return whole.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, remembered for large files until their size or time of change differs."""
    real = path.resolve()
    state = real.stat()
    if state.st_size < _REMEMBER_FROM:
        return hashlib.sha256(real.read_bytes()).hexdigest()
    seen = {"path": str(real), "size": state.st_size, "changed": state.st_mtime_ns}
    folder = cache_dir() / "models" / "hashes"
    note = folder / f"{hashlib.sha256(str(real).encode()).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError, AttributeError):
        kept = json.loads(note.read_text(encoding="utf-8"))
        if {key: kept.get(key) for key in seen} == seen:
            return str(kept["sha256"])
    with real.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        fresh = note.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({**seen, "sha256": digest}), encoding="utf-8")
        fresh.replace(note)
    return digest
