"""Fixtures that several test folders share."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from babelift import embedded
from babelift.cli import main

ROOT = Path(__file__).parents[1]
NODES = 3
"""Of the Ray cluster."""

# How long an example takes depends on what else the machine does; no test is about that.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("BABELIFT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data is not at {folder}; set BABELIFT_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def unpacked_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where embedded models are unpacked to."""
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture(autouse=True)
def cache_folder(
    tmp_path_factory: pytest.TempPathFactory,
    unpacked_models: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A fresh cache for every test, so that no test sees another's translations.

    Embedded models are unpacked once for all tests.
    """
    folder = tmp_path_factory.mktemp("cache")
    (folder / "embedded").symlink_to(unpacked_models)
    monkeypatch.setenv("BABELIFT_CACHE", str(folder))
    return folder


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def babelift(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Result]:
    """Runs `babelift ARGS...` in a fresh folder; an exception other than an exit fails the test."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["babelift", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's folder of models with a random encoder in it, beside the real sample."""
    from tests.support import tiny_mini

    root = tmp_path / "embedded"
    tiny_mini(root / "encoder")
    (root / "reviews").symlink_to(embedded.sample_folder())
    monkeypatch.setattr(embedded, "ROOT", root)
    return root


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster of three nodes with one core each, on this machine."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        for _ in range(NODES - 1):
            cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        cluster.wait_for_nodes()
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def unchanged() -> Callable[[Path], AbstractContextManager[None]]:
    """Checks that no file below a folder is made, changed or removed within a `with` block."""

    @contextmanager
    def check(folder: Path) -> Iterator[None]:
        def times() -> dict[Path, int]:
            files = (path for path in folder.rglob("*") if path.is_file())
            return {path: path.stat().st_mtime_ns for path in files}

        before = times()
        yield
        assert times() == before

    return check
