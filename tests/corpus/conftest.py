"""Fixtures of the corpus tests: small tables on disk, read back."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from babelift.config import Table
from babelift.corpus import Corpus, read_corpus

Writer = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Write text or bytes under a name, gzip'd where the name says so; give the path."""

    def writer(name: str, content: str | bytes) -> Path:
        data = content.encode("utf-8") if isinstance(content, str) else content
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return writer


@pytest.fixture
def read(write: Writer) -> Callable[..., Corpus]:
    """Write one table and read it."""

    def reader(
        name: str, content: str | bytes, *, split: str | None = None, **table: Any
    ) -> Corpus:
        return read_corpus([write(name, content)], Table(**table), split=split)

    return reader
