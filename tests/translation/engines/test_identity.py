"""A model's identity follows its contents, and large files are hashed once."""

import hashlib
import os
from pathlib import Path

import pytest

from babelift.translation.engines import model_files as module
from babelift.translation.engines.model_files import file_hash, identity


def test_the_identity_is_of_names_and_contents_only(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "README.md").write_text(folder.name)
    patterns = ["*.json"]
    assert identity(one, patterns) == identity(two, patterns)
    (two / "config.json").write_text("{ }")
    assert identity(one, patterns) != identity(two, patterns)
    (two / "config.json").rename(two / "other.json")
    assert identity(one, patterns) != identity(two, patterns)


def test_a_large_file_is_hashed_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REMEMBER_FROM", 4)
    path = tmp_path / "weights"
    path.write_bytes(b"abcdef")
    right = hashlib.sha256(b"abcdef").hexdigest()
    assert file_hash(path) == right
    state = path.stat()
    # The same size and time: the remembered hash is given without reading.
    path.write_bytes(b"ABCDEF")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file_hash(path) == right
    path.write_bytes(b"ABCDEF")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert file_hash(path) == hashlib.sha256(b"ABCDEF").hexdigest()


def test_a_damaged_note_is_not_believed(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REMEMBER_FROM", 1)
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    right = file_hash(path)
    [note] = (cache_folder / "models" / "hashes").iterdir()
    for damage in ("", "[]", "{", '{"path": 1}'):
        note.write_text(damage)
        assert file_hash(path) == right
