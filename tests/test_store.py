"""Rows are written whole or not at all, the same rows as the same bytes, in three forms."""

import json
from pathlib import Path

import polars as pl
import pytest

from babelift.corpus.rows import SCHEMA, originals
from babelift.errors import ConfigError, RunError
from babelift.store import (
    check_form,
    check_place,
    full_disk_explained,
    partial_of,
    replace_file,
    write_rows,
)
from babelift.translation.job import JobOutput


@pytest.fixture
def rows() -> pl.DataFrame:
    frame = originals(
        ids=["1", "2"], texts=['a "b", c\nd', "好 😀"], labels=["1", None], langs=["en", "zh"]
    )
    return frame.with_columns(
        pl.Series("flags", [["copy", "length"], []]),
        pl.Series("own", [{"a": [1]}, None]),
        pl.Series("raw", [b"\x00\xff", None]),
    )


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl", "rows.csv", "ROWS.CSV"])
def test_the_same_rows_give_the_same_bytes(rows: pl.DataFrame, tmp_path: Path, name: str) -> None:
    rows = rows.drop("raw") if name.endswith("jsonl") else rows
    one, two = tmp_path / "one" / name, tmp_path / "two" / name
    for path in (one, two):
        check_place(path)
        write_rows(rows, path)
    assert one.read_bytes() == two.read_bytes()
    assert [path.name for path in one.parent.iterdir()] == [name]


def test_parquet_and_json_lines_keep_everything(rows: pl.DataFrame, tmp_path: Path) -> None:
    write_rows(rows, tmp_path / "rows.parquet")
    assert pl.read_parquet(tmp_path / "rows.parquet").equals(rows)
    write_rows(rows.drop("raw"), tmp_path / "rows.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").open(encoding="utf-8")]
    assert list(lines[0]) == [*SCHEMA, "own"]
    assert lines == rows.drop("raw").to_dicts()


def test_csv_joins_flags_and_writes_other_lists_as_json(rows: pl.DataFrame, tmp_path: Path) -> None:
    write_rows(rows, tmp_path / "rows.csv")
    back = pl.read_csv(tmp_path / "rows.csv", infer_schema=False)
    assert back.columns == rows.columns
    assert back["text"].to_list() == rows["text"].to_list()
    assert back["flags"].to_list() == ["copy|length", ""]
    assert back["own"].to_list() == ['{"a": [1]}', None]
    assert back["raw"].to_list() == ["AP8=", None]


@pytest.mark.parametrize(
    ("name", "near"), [("a.parqet", ".parquet"), ("a.json", ".jsonl"), ("a", "a")]
)
def test_an_unknown_ending_is_named(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=r"not known") as caught:
        check_form(Path(name))
    assert near in str(caught.value)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("before")

    def fail(partial: Path) -> None:
        partial.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="No space left"):
        replace_file(path, fail)
    assert path.read_text() == "before"
    assert not partial_of(path).exists()


def test_what_a_kill_left_is_written_over(rows: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    partial_of(path).write_text("half a file")
    write_rows(rows, path)
    assert pl.read_parquet(path).equals(rows)
    assert not partial_of(path).exists()


def test_a_place_that_cannot_be_written_is_named_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        check_place(tmp_path / "file" / "rows.parquet")
    with pytest.raises(RunError, match="cannot be written"):
        check_place(Path("/proc/nowhere/rows.parquet"))


def test_an_output_is_known_again_and_never_replaced(rows: pl.DataFrame, tmp_path: Path) -> None:
    output = JobOutput(tmp_path / "rows.jsonl", "job 1")
    output.check()
    rows = rows.drop("raw")
    assert output.write([rows[:1], rows[1:]], lambda: {"seconds": 1.0})
    content = output.path.read_bytes()
    output.check()
    assert not output.write([rows[:1], rows[1:]], lambda: {"seconds": 2.0})
    with pytest.raises(RunError, match="other settings"):
        JobOutput(output.path, "job 2").check()
    with pytest.raises(RunError, match="has changed"):
        output.write([rows[:1]], dict)
    assert output.path.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rows.jsonl", "rows.jsonl.report.json",
    ]  # fmt: skip


def test_a_file_of_the_users_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    with pytest.raises(RunError, match="not written by 'babelift translate'"):
        JobOutput(path, "job").check()
    path.with_name("mine.csv.report.json").write_text("[]")
    with pytest.raises(RunError, match="not written by 'babelift translate'"):
        JobOutput(path, "job").check()
    with pytest.raises(RunError, match="is a folder"):
        JobOutput(tmp_path / "folder.csv", "job").check() if (
            tmp_path / "folder.csv"
        ).mkdir() is None else None


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device"),
        Exception("No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_named_whatever_library_ran_into_it(
    tmp_path: Path, error: Exception
) -> None:
    with (
        pytest.raises(RunError, match=r"run' cannot be written: No space left on device"),
        full_disk_explained(tmp_path / "run"),
    ):
        raise error
    with pytest.raises(ZeroDivisionError), full_disk_explained(tmp_path):
        _ = 1 / 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    rows: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(rows, path)
    before = path.read_bytes()

    def fill(partial: Path) -> None:
        partial.write_bytes(b"x")
        rows.write_parquet("/dev/full")

    with pytest.raises(RunError, match="No space left"):
        replace_file(path, fill)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


def test_whatever_polars_raises_while_it_writes_is_an_error_that_names_the_file(
    tmp_path: Path,
) -> None:
    def write(partial: Path) -> None:
        partial.write_bytes(b"PAR1")
        raise pl.exceptions.ComputeError("parquet: Invalid thrift: transport error")

    with pytest.raises(RunError, match=r"rows\.parquet' cannot be written: parquet: Invalid"):
        replace_file(tmp_path / "rows.parquet", write)
    assert not list(tmp_path.iterdir())
