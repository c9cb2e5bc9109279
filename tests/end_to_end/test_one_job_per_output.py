"""Several jobs with one output: one does the work and ends whole, the others are refused at once.

The first job is stopped as soon as it holds its output, and goes on when the others are through.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support import tiny_classifier, tiny_distilbert

pytestmark = pytest.mark.slow

PROGRAM = "from babelift.cli import main; main()"
LEXICON = (
    "source_lang,target_lang,source,target\nen,de,good,gut\nen,de,cold,kalt\nen,de,cup,Tasse\n"
)
ROWS = "".join(
    f'{{"id": "{n}", "text": "The {word} cup {n} was cold.", "label": "{label}", "lang": "en"}}\n'
    for n in range(24)
    for word, label in [(("good", "1"), ("bad", "0"))[n % 2]]
)

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    (tmp_path / "words.csv").write_text(LEXICON)
    tiny_classifier(tmp_path / "model", ["0", "1"])
    tiny_distilbert(tmp_path / "encoder")
    for lang, split in (("en", "train"), ("en", "test"), ("de", "test")):
        rows = ROWS.replace('"lang": "en"', f'"lang": "{lang}"')
        if split == "test":
            rows = rows.replace('"id": "', '"id": "t').replace("was cold", "and mug are new ones")
        (tmp_path / f"{lang}.{split}.jsonl").write_text(rows)
    study = {
        "train": "{lang}.train.jsonl", "test": "{lang}.test.jsonl", "text": "text",
        "label": "label", "id": "id", "sources": "en", "targets": ["de"],
        "arms": ["zero-shot", "translated"], "encoders": {"tiny": str(tmp_path / "encoder")},
        "translators": {"words": f"lexicon:{tmp_path / 'words.csv'}"},
        "quality": "keep", "seeds": 1, "settings": {"steps": 1, "batch_size": 4, "max_length": 16},
        "primary": {"arm": "translated", "over": "zero-shot"},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))

    def run(command: list[str], folder: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *command],
            cwd=tmp_path / folder,
            env={**os.environ, "BABELIFT_CACHE": str(tmp_path / f"cache of {folder}")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


COMMANDS = {
    "translate": (
        ["translate", "in.jsonl", "--to", "de", "--translator", "lexicon:../words.csv",
         "--out", "out.csv"],
        "out.csv",
    ),
    "predict": (["predict", "../model", "in.jsonl", "--out", "out.csv"], "out.csv"),
    "fit": (
        ["fit", "in.jsonl", "--arm", "zero-shot", "--no-otc", "--encoder", "../encoder",
         "--steps", "1", "--batch-size", "4", "--out", "out"],
        "out/predictions.parquet",
    ),
    "study": (
        ["study", "../study.yaml", "--data", "..", "--workers", "1", "--out", "out"],
        "out/predictions.parquet",
    ),
}  # fmt: skip


def stop_when_it_holds(out: Path, job: "subprocess.Popen[str]") -> None:
    """Stop a job once it holds the lock of its output."""
    lock = out.with_name(f".{out.name}.lock")
    while not lock.exists() or f"process {job.pid} on" not in lock.read_text():
        assert job.poll() is None, job.communicate()
        time.sleep(0.005)
    job.send_signal(signal.SIGSTOP)


@pytest.mark.parametrize("jobs", [2, 4])
@pytest.mark.parametrize("command", COMMANDS)
def test_one_job_ends_whole_and_the_others_are_refused_at_once(
    tmp_path: Path, start: Start, command: str, jobs: int
) -> None:
    arguments, result = COMMANDS[command]
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    for folder in (together, alone):
        (folder / "in.jsonl").write_text(ROWS)
    first = start(arguments, "together")
    stop_when_it_holds(together / arguments[-1], first)
    others = [start(arguments, "together") for _ in range(jobs - 1)]
    for other in others:
        out, err = other.communicate()
        assert other.returncode == 1, out + err
        assert f"is being written by another job (process {first.pid} on" in err
        assert "Traceback" not in err
    first.send_signal(signal.SIGCONT)
    out, err = first.communicate()
    assert first.returncode == 0, out + err
    out, err = start(arguments, "alone").communicate()
    assert (together / result).read_bytes() == (alone / result).read_bytes(), err
    hidden = [path.name for path in together.rglob(".*")]
    assert hidden == [], hidden
