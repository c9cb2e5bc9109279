"""A manifest says what made the run; a damaged one, and damaged metrics, are clear errors."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from babelift.config import FitConfig
from babelift.errors import RunError
from babelift.evaluation.metrics import Metrics
from babelift.report.folder import read_run
from babelift.run.folder import STAGES, Run
from babelift.run.manifest import Manifest, Translation
from babelift.store import read_record, write_record
from babelift.translation.segments import Tally
from tests.report.conftest import (
    LABELS,
    TRAINING,
    TRANSLATION,
    manifest_of,
    metrics_of,
    predictions_frame,
    scores,
)

DAMAGED = {
    "empty": b"",
    "a list": b"[]",
    "no field": b"{}",
    "null": b"null",
    "a word": b'"run"',
    "a number": b"5",
    "of the wrong kind": b'{"stages": 5}',
    "cut off": b'{"created": "2026-01-01", "invocations": [',
    "not UTF-8": b"\xff\xfe{\x00}\x00",
    "not JSON": b"created: 2026\n",
    "nested without end": b"[" * 200_000,
}


@pytest.fixture(params=DAMAGED.values(), ids=list(DAMAGED))
def damage(request: pytest.FixtureRequest) -> bytes:
    content: bytes = request.param
    return content


def finished(folder: Path) -> Path:
    """A run folder as far as its records and predictions go."""
    folder.mkdir()
    predictions_frame().write_parquet(folder / "predictions.parquet")
    stages = dict.fromkeys(STAGES, 1.0)
    write_record(manifest_of(stages=stages), folder / "manifest.json")
    german = scores(labels=LABELS, confusion=[[1] * 5] * 5)
    write_record(metrics_of({"de": german}, labels=LABELS), folder / "metrics.json")
    (folder / "config.yaml").write_text(FitConfig(train=("a.csv",), to=("de",)).to_yaml())
    return folder


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json"])
@pytest.mark.parametrize("command", ["report", "compare", "read"])
def test_a_damaged_record_is_named_with_what_to_do(
    tmp_path: Path, babelift: Callable[..., Any], damage: bytes, name: str, command: str
) -> None:
    run = finished(tmp_path / "run")
    (run / name).write_bytes(damage)
    if command == "read":
        with pytest.raises(RunError, match=name):
            read_run(run)
    else:
        rival = [finished(tmp_path / "rival")] if command == "compare" else []
        result = babelift(command, *rival, run)
        assert (result.code, name in result.err) == (1, True)
        assert "damaged" in result.err
        assert "Traceback" not in result.err


def test_fit_does_not_go_on_from_a_damaged_manifest(
    tmp_path: Path, babelift: Callable[..., Any], damage: bytes
) -> None:
    run = finished(tmp_path / "run")
    (run / "manifest.json").write_bytes(damage)
    result = babelift("fit", "a.csv", "--to", "de", "--out", run)
    assert result.code == 1
    assert "manifest.json" in result.err
    assert (run / "manifest.json").read_bytes() == damage


@pytest.mark.parametrize(("name", "kind"), [("manifest", Manifest), ("metrics", Metrics)])
def test_a_record_of_a_newer_form_says_to_upgrade(tmp_path: Path, name: str, kind: Any) -> None:
    file = finished(tmp_path / "run") / f"{name}.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"version": 99, "stages": "in a new way"}))
    with pytest.raises(RunError, match=r"newer Babelift: its form has version 99"):
        read_record(file, kind)


@pytest.mark.parametrize("kind", [Manifest, Metrics])
def test_a_record_that_was_written_is_read_as_it_was(tmp_path: Path, kind: Any) -> None:
    files = {Manifest: "manifest.json", Metrics: "metrics.json"}
    file = finished(tmp_path / "run") / files[kind]
    record = read_record(file, kind)
    write_record(record, file)
    assert read_record(file, kind) == record


def test_the_counts_of_segments_are_read_as_they_were_written() -> None:
    counts = dataclasses.asdict(Tally(9, 1, 2, 6, 0, 3, 4))
    report = TypeAdapter(Translation).validate_python(TRANSLATION | counts)
    assert dataclasses.asdict(report.tally) == counts


def test_a_manifest_from_before_there_was_a_version_is_read(tmp_path: Path) -> None:
    old = {
        "command": ["babelift", "fit", "x"],
        "created": "2026-01-01T00:00:00+00:00",
        "finished": None,
        "stages": {"data": 0.5, "training": 2.0},
        "notes": [],
        "training": TRAINING,
        "translation": TRANSLATION | {"segments": 3, "from_memory": 2, "truncated": 0},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(old))
    record = Run.open(tmp_path).manifest
    assert record.command == ("babelift", "fit", "x")
    assert record.invocations[0].stages == ("data", "training")
    assert record.translation is not None
    assert record.translation.tally.from_memory == 2


def test_a_confusion_matrix_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="'confusion' of 'de' must be 2 x 2"):
        metrics_of({"de": scores(confusion=[[1]])})
