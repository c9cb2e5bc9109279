"""Every embedded file has a checksum, and a file that differs from it is named."""

import subprocess
from pathlib import Path

import pytest

from models.checksums import checksums, faults, read, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with two embedded files and some code."""
    for name, content in (
        ("encoder/model.safetensors", b"weights"),
        ("lexicon/en-de words.tsv", b"Hut\that\n"),
        ("__init__.py", b"code"),
        ("__pycache__/__init__.cpython-311.pyc", b"code"),
    ):
        path = tmp_path / "src/babelift/embedded" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "models").mkdir()
    write(tmp_path)
    return tmp_path


def test_data_is_summed_and_code_is_not(root: Path) -> None:
    assert list(read(root)) == [
        "src/babelift/embedded/encoder/model.safetensors",
        "src/babelift/embedded/lexicon/en-de words.tsv",
    ]
    assert read(root) == checksums(root)
    assert faults(root) == []


def test_sha256sum_reads_the_file(root: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "models/SHA256SUMS"], cwd=root, capture_output=True
    )
    assert done.returncode == 0


def test_what_was_changed_lost_or_added_is_named(root: Path) -> None:
    folder = root / "src/babelift/embedded"
    (folder / "encoder/model.safetensors").write_bytes(b"others")
    (folder / "lexicon/en-de words.tsv").rename(folder / "lexicon/new.tsv")
    assert faults(root) == [
        "src/babelift/embedded/lexicon/en-de words.tsv: missing",
        "src/babelift/embedded/lexicon/new.tsv: not in SHA256SUMS",
        "src/babelift/embedded/encoder/model.safetensors: changed",
    ]
