"""Prediction that was stopped goes on where it was, with the same output."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from babelift.config import PredictConfig
from babelift.corpus import parts
from babelift.evaluation.jobs import run_predict
from babelift.prediction.predictor import Predictor
from tests.support import tiny_classifier

LABELS = ["bad", "good", "so-so"]
PART = 4
ROWS = 22


def write_table(file: Path, rows: int) -> Path:
    texts = (f"The coffee {number} was good, the cup {number % 7} cold." for number in range(rows))
    file.write_text("".join(json.dumps({"id": n, "text": t}) + "\n" for n, t in enumerate(texts)))
    return file


class Stopped:
    """A predictor that can be stopped, and says how many texts it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stop_after: int | None = None
        self.seen = 0
        whole = Predictor.stream_proba

        def stream(
            predictor: Predictor, given: Iterable[Sequence[str]], *options: Any, **more: Any
        ) -> Iterator[Any]:
            for number, proba in enumerate(whole(predictor, given, *options, **more)):
                if number == self.stop_after:
                    raise KeyboardInterrupt
                self.seen += len(proba)
                yield proba

        monkeypatch.setattr(Predictor, "stream_proba", stream)

    def run(
        self, model: Path, table: Path, out: Path, stop_after: int | None = None, **more: Any
    ) -> int:
        """Predict; how many texts were given to the model."""
        self.stop_after, self.seen = stop_after, 0
        settings = {"model": str(model), "input": str(table), "out": out, **more}
        config = PredictConfig.from_mapping(settings)
        if stop_after is None:
            run_predict(config)
        else:
            with pytest.raises(KeyboardInterrupt):
                run_predict(config)
        return self.seen


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    monkeypatch.setattr(parts, "MOST", PART)
    return Stopped(monkeypatch)


def test_finished_parts_are_not_computed_again(predictor: Stopped, tmp_path: Path) -> None:
    model = tiny_classifier(tmp_path / "model", LABELS)
    table = write_table(tmp_path / "in.jsonl", ROWS)
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert predictor.run(model, table, whole) == ROWS
    assert predictor.run(model, table, out, stop_after=2) == 2 * PART
    assert not out.exists()
    assert predictor.run(model, table, out, stop_after=1) == PART
    assert predictor.run(model, table, out) == ROWS - 3 * PART
    assert out.read_bytes() == whole.read_bytes()
    tables = {"out.csv", "whole.csv"}
    names = {"in.jsonl", "model", *tables, *(f"{table}.report.json" for table in tables)}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize("changed", ["model", "table", "setting"])
def test_what_belongs_to_another_job_is_begun_anew(
    changed: str, predictor: Stopped, tmp_path: Path
) -> None:
    model = tiny_classifier(tmp_path / "model", LABELS)
    table = write_table(tmp_path / "in.jsonl", ROWS)
    predictor.run(model, table, tmp_path / "out.csv", stop_after=2)
    more: dict[str, Any] = {}
    if changed == "model":
        tiny_classifier(model, LABELS, seed=1)
    elif changed == "table":
        table.write_text(table.read_text().replace("cold", "warm"))
    else:
        more = {"batch_size": 2}
    assert predictor.run(model, table, tmp_path / "out.csv", **more) == ROWS


def test_a_kill_costs_the_part_under_way(tmp_path: Path) -> None:
    model = tiny_classifier(tmp_path / "model", LABELS)
    table = write_table(tmp_path / "in.jsonl", 20_000)

    def start(out: str) -> subprocess.Popen[str]:
        program = "from babelift.cli import main; main()"
        command = [sys.executable, "-c", program, "predict", str(model), str(table), "--out", out]
        environment = {**os.environ, "BABELIFT_CACHE": str(tmp_path / "cache")}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
        )

    begun = start("out.csv")
    while len(list(tmp_path.glob(".out.csv.finished/*.npy"))) < 2:
        assert begun.poll() is None, begun.communicate()
        time.sleep(0.01)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    assert not (tmp_path / "out.csv").exists()
    runs = {out: start(out) for out in ("out.csv", "whole.csv")}
    said = {out: "".join(run.communicate()) for out, run in runs.items()}
    assert [run.returncode for run in runs.values()] == [0, 0], said
    assert "rows are finished already" in said["out.csv"]
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
