"""A kill at any moment loses at most one batch, and the resumed run writes the same bytes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from babelift.translation.segments import cut_batches, estimate_tokens

pytestmark = pytest.mark.slow

KILLS = 10
TEXTS = 70
TARGETS = ("de", "ja")
BATCH_TOKENS = 60

PROGRAM = """
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    with open(os.environ["SEEN"], "a") as log:
        log.write(job["target_lang"] + " " + job["text"] + "\\n")
    time.sleep(0.004)
    print(json.dumps({"id": job["id"], "translation": job["text"][::-1]}), flush=True)
"""


def start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    """Begin `babelift translate` with a slow program that logs every text it is given."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = f"command:'{sys.executable}' '{program}'"
    return subprocess.Popen(
        [
            sys.executable, "-c", "from babelift.cli import main; main()", "translate",
            str(folder / "in.jsonl"), "--to", *TARGETS, "--translator", command,
            "--out", str(folder / f"{name}.jsonl"), "--batch-tokens", str(BATCH_TOKENS),
        ],
        env={
            **os.environ,
            "BABELIFT_CACHE": str(folder / f"{name}-cache"),
            "SEEN": str(folder / f"{name}.log"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def finish(process: subprocess.Popen[bytes]) -> None:
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error.decode()


def seen(folder: Path, name: str) -> list[str]:
    log = folder / f"{name}.log"
    return log.read_text().splitlines() if log.exists() else []


def write_input(folder: Path, chance: random.Random) -> list[str]:
    texts = [f"text {n} " + "word " * chance.randint(0, 9) for n in range(TEXTS)]
    rows = [{"id": str(n), "text": text, "lang": "en"} for n, text in enumerate(texts)]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return texts


def wait_for(process: subprocess.Popen[bytes], folder: Path, name: str, count: int) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and len(seen(folder, name)) < count:
        assert time.monotonic() < end
        time.sleep(0.002)


def test_ten_kills_lose_at_most_a_batch_each_and_change_no_byte(tmp_path: Path) -> None:
    chance = random.Random(7)
    texts = write_input(tmp_path, chance)
    finish(start(tmp_path, "whole"))
    assert len(seen(tmp_path, "whole")) == TEXTS * len(TARGETS)

    kills = 0
    for number in range(KILLS):
        process = start(tmp_path, "killed")
        if number == 0:
            time.sleep(chance.random())  # while it starts
        else:
            already = len(seen(tmp_path, "killed"))
            wait_for(process, tmp_path, "killed", already + chance.randint(1, 20))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills == KILLS
    assert not (tmp_path / "killed.jsonl").exists()

    finish(start(tmp_path, "killed"))
    assert (tmp_path / "killed.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    sizes = [estimate_tokens(text) for text in texts]
    largest = max(map(len, cut_batches(texts, sizes, BATCH_TOKENS)))
    again = seen(tmp_path, "killed")
    assert set(again) == set(seen(tmp_path, "whole"))
    assert len(again) <= TEXTS * len(TARGETS) + KILLS * largest


def test_ctrl_c_says_how_to_go_on_and_loses_no_finished_batch(tmp_path: Path) -> None:
    texts = write_input(tmp_path, random.Random(8))
    process = start(tmp_path, "stopped")
    wait_for(process, tmp_path, "stopped", 50)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the translator too
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in error
    assert b"run the same command again" in b" ".join(error.split())
    assert not (tmp_path / "stopped.jsonl").exists()
    sizes = [estimate_tokens(text) for text in texts]
    largest = max(map(len, cut_batches(texts, sizes, BATCH_TOKENS)))
    finish(start(tmp_path, "stopped"))
    assert len(seen(tmp_path, "stopped")) <= TEXTS * len(TARGETS) + largest
    assert len((tmp_path / "stopped.jsonl").read_text().splitlines()) == TEXTS * len(TARGETS)
