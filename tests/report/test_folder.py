"""A damaged run folder gives an error that names the file."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from babelift.errors import RunError
from babelift.report.card import write_model_card
from babelift.report.folder import parse_log, read_run
from babelift.report.pages.run import write_report

MakeRun = Callable[..., Path]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere: there is no such run folder"):
        write_report(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json"])
def test_a_missing_file_is_named(make_run: MakeRun, name: str) -> None:
    run = make_run()
    (run / name).unlink()
    for write in (write_report, write_model_card):
        with pytest.raises(RunError, match=f"{name}' cannot be read: No such file"):
            write(run)


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "metrics.json", "config.yaml", "log.jsonl", "data/vectors.parquet",
     "data/test.parquet", "predictions.parquet"],
)  # fmt: skip
@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00garbage", b"[1, 2\n3]\n"], ids=["bytes", "broken"]
)
def test_a_damaged_file_is_named(make_run: MakeRun, name: str, content: bytes) -> None:
    run = make_run()
    (run / name).write_bytes(content)
    with pytest.raises(RunError, match=name):
        write_report(run)


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "config.yaml", "log.jsonl"])
def test_a_file_with_the_wrong_shape_is_named(make_run: MakeRun, name: str) -> None:
    run = make_run()
    (run / name).write_text("[1]\n")
    with pytest.raises(RunError, match=name):
        write_report(run)


@pytest.mark.parametrize("name", ["data/test.parquet", "predictions.parquet"])
def test_a_table_without_its_columns_is_named(make_run: MakeRun, name: str) -> None:
    run = make_run()
    pl.DataFrame({"other": [1]}).write_parquet(run / name)
    with pytest.raises(RunError, match=f"{name}: column 'id' is missing"):
        write_report(run)


def test_a_log_cut_in_its_last_line_is_read() -> None:
    assert parse_log('{"step": 1}\n{"st', "log.jsonl") == [{"step": 1}]
    with pytest.raises(RunError, match=r"log\.jsonl: line 1 is not JSON"):
        parse_log('{"st\n{"step": 1}\n', "log.jsonl")


def test_steps_that_a_resumed_run_did_again_count_once() -> None:
    log = '{"kind": "step", "step": 1, "ce": 9}\n{"kind": "step", "step": 2, "ce": 8}\n'
    again = '{"kind": "step", "step": 2, "ce": 7}\n{"kind": "validation", "step": 2}\n'
    assert [entry.get("ce") for entry in parse_log(log + again, "log.jsonl")] == [9, 7, None]


def test_an_empty_log_is_no_error(make_run: MakeRun) -> None:
    run = make_run()
    (run / "log.jsonl").write_text("")
    assert read_run(run).log == []


def test_vectors_without_rows_are_no_error(make_run: MakeRun) -> None:
    run = make_run()
    path = run / "data" / "vectors.parquet"
    pl.read_parquet(path).clear().write_parquet(path)
    assert "no pairs of originals" in write_report(run).read_text(encoding="utf-8")
