"""The program as a user runs it, inside the test's own process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from babelift.cli import main


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
