import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from babelift.training.trainer import train_classifier

STEPS = 60


@pytest.fixture(scope="module")
def processes():
    """Fresh processes that have the libraries in memory already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "babelift.training.trainer",
            "accelerate",
            "transformers.models.auto.modeling_auto",
            "transformers.models.distilbert.modeling_distilbert",
            "transformers.models.auto.tokenization_auto",
            "torch._dynamo",
        ]
    )
    return context


@pytest.fixture
def start(processes, rows_of, labels, quick) -> Callable[[Path], BaseProcess]:
    def begin(folder: Path, **changes) -> BaseProcess:
        settings = quick(**{"epochs": STEPS // 6, "checkpoint_every": 7, **changes})
        process = processes.Process(
            target=train_classifier,
            args=(rows_of(24), rows_of(6, first=30), settings),
            kwargs={"labels": labels, "run_dir": folder},
        )
        process.start()
        return process

    return begin


def logged(folder: Path) -> int:
    try:
        return (folder / "log.jsonl").read_bytes().count(b'"kind": "step"')
    except OSError:
        return 0


def wait_for(process: BaseProcess, folder: Path, lines: int) -> None:
    while process.is_alive() and logged(folder) < lines:
        time.sleep(0.001)


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def lines(folder: Path) -> list[dict]:
    varying = ("rows_per_second",)
    found = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if key not in varying} for line in found]


@pytest.fixture
def uninterrupted(start, tmp_path) -> Path:
    folder = tmp_path / "uninterrupted"
    process = start(folder)
    process.join()
    assert process.exitcode == 0
    return folder


def test_a_training_killed_again_and_again_ends_with_the_same_bits(start, uninterrupted, tmp_path):
    folder = tmp_path / "killed"
    choose = random.Random(1)
    for lost_after in (1, 11, 23, 38, 50):
        process = start(folder)
        wait_for(process, folder, lost_after)
        time.sleep(choose.uniform(0, 0.02))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert not (folder / "model").exists()
    last = start(folder)
    last.join()
    assert last.exitcode == 0
    assert weights(folder) == weights(uninterrupted)
    assert lines(folder) == lines(uninterrupted)
    result = json.loads((folder / "checkpoints" / "training.json").read_text())["result"]
    assert result["resumed_from"] >= 49 // 7 * 7
    assert result["steps"] == STEPS


def test_ctrl_c_keeps_everything_and_ends_with_the_same_bits(start, uninterrupted, tmp_path):
    folder = tmp_path / "interrupted"
    process = start(folder)
    wait_for(process, folder, 10)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode != 0
    done = logged(folder)
    assert 10 <= done < STEPS
    checkpoints = sorted((folder / "checkpoints").glob("step-*"))
    assert checkpoints[-1].name == f"step-{done:09d}"
    again = start(folder)
    again.join()
    assert weights(folder) == weights(uninterrupted)
    assert lines(folder) == lines(uninterrupted)
    result = json.loads((folder / "checkpoints" / "training.json").read_text())["result"]
    assert result["resumed_from"] == done
