"""A job through a service: priced, killed in the middle, resumed; what was sent twice.

    python -m scripts.service_job [--characters 1000000] [--folder DIR]

Starts a service of its own on this machine, prices the job with `--dry-run`, kills it (SIGKILL)
when half of its requests have come, and gives the same command again until it is done.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from tests.support.service import Service, wait_until

UNDER_WAY = 4
"""Requests that are under way at a time, by default."""

WORDS = (
    "the lamp kettle arrived late but works well and my sister likes it although blue would have",
    "been nicer than green so four stars for now and more after a winter in the garden",
)


class Figures(NamedTuple):
    """What came of it.

    Attributes:
        characters: In the table.
        priced: What the dry run said of characters and requests.
        asked_by_dry_run: Requests that came while the job was priced.
        before: Requests that came before the kill.
        after: Requests that came after it.
        twice: Texts that were sent twice.
        unstored: Texts of the requests that were under way when it was killed.
        lost: Rows of the table that are not in the output, each once and in its place.
        seconds: Of both runs.
    """

    characters: int
    priced: str
    asked_by_dry_run: int
    before: int
    after: int
    twice: int
    unstored: int
    lost: int
    seconds: float


def write_table(path: Path, characters: int) -> list[str]:
    """A table of reviews with so many characters, no two alike."""
    chance = random.Random(7)
    known = " ".join(WORDS).split()
    texts: list[str] = []
    while characters > 0:
        words = " ".join(chance.choices(known, k=chance.randint(5, 45)))
        texts.append(f"{words} no {len(texts)}."[:characters].ljust(2, "a"))
        characters -= len(texts[-1])
    rows = ({"id": str(n), "text": text, "lang": "en"} for n, text in enumerate(texts))
    path.write_text("\n".join(map(json.dumps, rows)))
    return texts


def run(characters: int, folder: Path) -> Figures:
    """Price, kill and resume a job, in an empty folder."""
    texts = write_table(folder / "in.jsonl", characters)
    with Service() as service:
        job = ["translate", "in.jsonl", "--to", "de", "--translator", service.chat]
        dry = [*job, "--dry-run", "--price-tokens", "0.15", "0.6"]
        priced = subprocess.run(command(dry), **where(folder), check=True).stdout.decode()
        asked = len(service.requests)
        expected = next(line for line in priced.splitlines() if line.startswith("en>de"))
        half = int(expected.split(" requests")[0].split()[-1].replace(",", "")) // 2

        # The service holds back the answers once half of the requests have come.
        translate, lock, answered = service.translate, Lock(), Counter[str]()

        def until_half(text: str) -> str:
            with lock:
                answered[text] += 1
                if len(service.requests) >= half:
                    service.free.clear()
            return translate(text)

        service.translate = until_half
        began = time.monotonic()
        process = subprocess.Popen(command([*job, "--out", "out.jsonl"]), **where(folder))
        wait_until(lambda: not service.free.is_set(), 600)
        stopped_at = -1
        while stopped_at != len(service.requests):  # all that may be under way have come
            stopped_at = len(service.requests)
            time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = list(service.requests)
        service.translate = translate
        service.free.set()
        done = subprocess.run(command([*job, "--out", "out.jsonl"]), **where(folder), check=False)
        if done.returncode:
            raise SystemExit(done.stderr.decode())
        seconds = time.monotonic() - began
        after = service.requests[len(before) :]

    sent = [[text for request in part for text in request.texts] for part in (before, after)]
    twice = Counter(sent[0]) & Counter(sent[1])
    out = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    right = [(row["original_id"], row["text"]) for row in out]
    wanted = [(str(number), text.upper()) for number, text in enumerate(texts)]
    return Figures(
        characters=sum(map(len, texts)),
        priced=priced,
        asked_by_dry_run=asked,
        before=len(before),
        after=len(after),
        twice=twice.total() + sum(count - 1 for part in sent for count in Counter(part).values()),
        unstored=sum(len(request.texts) for request in before[-UNDER_WAY:]),
        lost=sum(one != other for one, other in zip(right, wanted, strict=False))
        + abs(len(right) - len(wanted)),
        seconds=seconds,
    )


def command(arguments: list[str]) -> list[str]:
    """The program."""
    return [sys.executable, "-c", "from babelift.cli import main; main()", *arguments]


def where(folder: Path) -> dict[str, object]:
    """Where and how it runs."""
    return {
        "cwd": folder,
        "env": {**os.environ, "BABELIFT_CACHE": str(folder / "cache")},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--characters", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = run(arguments.characters, Path(folder))
    print(figures.priced)
    for name, value in figures._asdict().items():
        if name != "priced":
            print(f"{name.replace('_', ' ')}: {value:,}" if value == int(value) else
                  f"{name}: {value:.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
