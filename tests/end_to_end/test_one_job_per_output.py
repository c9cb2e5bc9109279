"""Several jobs with one output: one does the work and ends whole, the others are refused at once.

The first job is held by a pipe that says nothing until the others are through: it is the input, or
in a study what the translator reads first.
"""

import os
import subprocess
import sys
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

TRANSLATOR = """
import json, os, sys
if os.path.exists("in.jsonl"):
    open("in.jsonl").read()
    os.unlink("in.jsonl")
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"id": asked["id"], "translation": asked["text"].upper()}), flush=True)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    (tmp_path / "words.csv").write_text(LEXICON)
    tiny_classifier(tmp_path / "model", ["0", "1"])
    tiny_distilbert(tmp_path / "encoder")
    (tmp_path / "program.py").write_text(TRANSLATOR)
    for lang, split in (("en", "train"), ("en", "test"), ("de", "test")):
        rows = ROWS.replace('"lang": "en"', f'"lang": "{lang}"')
        if split == "test":
            rows = rows.replace('"id": "', '"id": "t').replace("was cold", "and mug are new ones")
        (tmp_path / f"{lang}.{split}.jsonl").write_text(rows)
    study = {
        "train": "{lang}.train.jsonl", "test": "{lang}.test.jsonl", "text": "text",
        "label": "label", "id": "id", "sources": "en", "targets": ["de"],
        "arms": ["zero-shot", "translated"], "encoders": {"tiny": str(tmp_path / "encoder")},
        "translators": {"program": f"command:{sys.executable} {tmp_path / 'program.py'}"},
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


def write_when_read(pipe: Path, reader: "subprocess.Popen[str]") -> int:
    """The pipe's writing end, once the job has opened the other."""
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            try:
                out, err = reader.communicate(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"ended before it read its input: {out}{err}") from None


@pytest.mark.parametrize("jobs", [2, 4])
@pytest.mark.parametrize("command", COMMANDS)
def test_one_job_ends_whole_and_the_others_are_refused_at_once(
    tmp_path: Path, start: Start, command: str, jobs: int
) -> None:
    arguments, result = COMMANDS[command]
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    (alone / "in.jsonl").write_text(ROWS)
    os.mkfifo(together / "in.jsonl")
    first = start(arguments, "together")
    pipe = write_when_read(together / "in.jsonl", first)
    others = [start(arguments, "together") for _ in range(jobs - 1)]
    for other in others:
        out, err = other.communicate()
        assert other.returncode == 1, out + err
        assert f"is being written by another job (process {first.pid} on" in err
        assert "Traceback" not in err
    assert first.poll() is None
    os.set_blocking(pipe, True)
    os.write(pipe, ROWS.encode())
    os.close(pipe)
    out, err = first.communicate()
    assert first.returncode == 0, out + err
    out, err = start(arguments, "alone").communicate()
    assert (together / result).read_bytes() == (alone / result).read_bytes(), err
    hidden = [path.name for path in together.rglob(".*")]
    assert hidden == [], hidden
