"""What scripts/fuzz.py does, on a few of its cases; `python scripts/fuzz.py` runs a thousand."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.fuzz import Case, Outcome, in_a_process, make_case, verdicts

ROOT = Path(__file__).parents[2]
CASE = Case(Path("a.csv"), "predict", 3, "cells", ".csv")


@pytest.mark.slow
def test_a_few_odd_tables_lose_nothing_and_end_in_time() -> None:
    command = [sys.executable, "scripts/fuzz.py", "--cases", "60"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert "0 tracebacks, 0 slow, 0 large, 0 unbalanced" in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("outcome", "wrong"),
    [
        (Outcome("written", out=2, rejects=1), []),
        (Outcome("written", out=3, rejects=1), ["unbalanced"]),
        (Outcome("refused", "DataError"), []),
        (Outcome("refused", seconds=61), ["slow"]),
        (Outcome("written", out=3, peak=3 << 30), ["large"]),
        (Outcome("traceback"), ["traceback"]),
    ],
)
def test_each_kind_of_failure_is_told(outcome: Outcome, wrong: list[str]) -> None:
    assert verdicts(CASE, outcome) == wrong


def test_a_case_follows_from_its_number(tmp_path: Path) -> None:
    for number in (1, 2, 3, 7):
        places = [tmp_path / f"{number}-{copy}" for copy in "ab"]
        for place in places:
            place.mkdir()
        one, two = (make_case(number, place) for place in places)
        assert (one.what, one.rows, one.out) == (two.what, two.rows, two.out)
        if one.path.is_file():
            assert one.path.read_bytes() == two.path.read_bytes()


def test_what_dies_or_never_ends_is_no_success() -> None:
    assert in_a_process(lambda: Outcome("written", out=5)).out == 5
    broken = in_a_process(lambda: 1 // 0)  # type: ignore[arg-type,return-value]
    assert broken.status == "traceback"
    assert "ZeroDivisionError" in broken.message
    ended = in_a_process(lambda: time.sleep(60) or Outcome("written"), seconds=0.2)
    assert ended.status == "traceback"
    assert ended.seconds < 10


def test_memory_is_limited_and_measured() -> None:
    assert in_a_process(lambda: Outcome("written", out=len(bytes(8 << 30)))).status == "traceback"
    assert in_a_process(lambda: Outcome("written", out=len(b"x" * (300 << 20)))).peak > 300 << 20
