"""A study killed ten times ends as one that never was."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import yaml

pytestmark = pytest.mark.slow

KILLS = 10


def start(file: Path, toy: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "from babelift.cli import main; main()", "study", file,
         "--data", toy, "--out", folder / "out", "--store", folder / "store", "--workers", "2"],
        env={**os.environ, "BABELIFT_CACHE": str(folder / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(file: Path, toy: Path, folder: Path) -> pl.DataFrame:
    process = start(file, toy, folder)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()
    return pl.read_parquet(folder / "out" / "results.parquet")


def test_a_study_that_is_killed_ten_times_gives_what_an_uninterrupted_one_gives(
    settings, toy, tmp_path
):
    file = tmp_path / "toy.yaml"
    settings["settings"] |= {"epochs": 4, "checkpoint_every": 3}
    file.write_text(yaml.safe_dump(settings))
    chance = random.Random(0)
    for number in range(KILLS):
        process = start(file, toy, tmp_path / "killed")
        # Somewhere between the start of the program and the end of its work.
        time.sleep(chance.uniform(0.5, 3 + number))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    killed = finish(file, toy, tmp_path / "killed")
    whole = finish(file, toy, tmp_path / "whole")
    assert killed.equals(whole)
    assert not list((tmp_path / "killed" / "store").rglob("work"))
