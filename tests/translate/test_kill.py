"""A kill at any moment loses at most one batch, and the resumed run writes the same bytes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from babelift.translate.batches import cut_batches, estimate_tokens

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
    )  # fmt: skip


def finish(process: subprocess.Popen[bytes]) -> None:
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error.decode()


def seen(folder: Path, name: str) -> list[str]:
    log = folder / f"{name}.log"
    return log.read_text().splitlines() if log.exists() else []


def test_ten_kills_lose_at_most_a_batch_each_and_change_no_byte(tmp_path: Path) -> None:
    chance = random.Random(7)
    texts = [f"text {n} " + "word " * chance.randint(0, 9) for n in range(TEXTS)]
    rows = [
        {"id": str(n), "text": text, "lang": "en", "label": "1"} for n, text in enumerate(texts)
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    finish(start(tmp_path, "whole"))
    assert len(seen(tmp_path, "whole")) == TEXTS * len(TARGETS)

    kills = 0
    for number in range(KILLS):
        process = start(tmp_path, "killed")
        enough = len(seen(tmp_path, "killed")) + chance.randint(0, 20) * (number > 0)
        end = time.monotonic() + (chance.random() if number == 0 else 60)
        while process.poll() is None and time.monotonic() < end:
            if number and len(seen(tmp_path, "killed")) > enough:
                break
            time.sleep(0.002)
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
    finish(start(tmp_path, "killed"))
    assert seen(tmp_path, "killed") == again
