"""One way to write, to read and to hash files; and one rule whether a path may be used."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from babelift import store
from babelift.corpus.rows import SCHEMA, originals
from babelift.errors import ConfigError, RunError
from babelift.store import (
    FORMS,
    check_form,
    claim_file,
    claim_folder,
    excel_safe_rows,
    full_disk_explained,
    is_partial,
    partial_of,
    read_record,
    read_table,
    replace_file,
    replace_folder,
    rows_file,
    write_json,
    write_record,
    write_rows,
    write_text,
)

ODD_NAMES = [
    "exp[1]", "exp[!a]", "a*b", "what?", "{a,b}", "~", "~root", "$HOME", "%41", "line\nend", " ",
    "-x", "日本", os.fsdecode(b"caf\xe9"),
]  # fmt: skip
"""Names that are patterns, commands or damaged to somebody, and to us are names."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
    assert names(tmp_path) == ["rows.jsonl"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_literal_and_a_neighbour_stays_as_it_is(
    rows: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("exp1", "expa", "axxb", "whats", "a", "A"):
        write_rows(rows[:1], Path(folder) / "rows.parquet")
    folder = Path(name)
    write_rows(rows, folder / "rows.parquet")
    assert read_table(folder / "rows.parquet").equals(rows)
    assert read_table(folder / "rows.parquet", ["id"]).columns == ["id"]
    assert read_table(Path("exp1/rows.parquet")).height == 1
    with claim_folder(folder, own={"rows.parquet"}):
        write_json({"file": name}, folder / "facts.json")
    assert json.loads((folder / "facts.json").read_bytes()) == {"file": name}
    with claim_file(Path(f"{name}.jsonl"), ["in.csv"]) as output:
        write_text("", output.path)
    assert names(folder) == ["facts.json", "rows.parquet"]
    assert name in names(tmp_path)


def test_what_is_written_has_the_mode_of_the_umask(rows: pl.DataFrame, tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "deep").mkdir(parents=True)
        (folder / "private").touch(mode=0o600)
        (folder / "deep" / "private").touch(mode=0o600)

    before = os.umask(0o027)
    try:
        write_rows(rows, tmp_path / "rows.parquet")
        write_text("", tmp_path / "text")
        replace_folder(tmp_path / "model", fill)
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o640}
    assert len(files) == 4


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    replace_folder(folder, lambda partial: write_text("first", partial / "a"))
    replace_folder(folder, lambda partial: write_text("second", partial / "b"))
    assert names(folder) == ["b"]

    def fail(partial: Path) -> None:
        write_text("third", partial / "c")
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match=r"model' cannot be written: No space left"):
        replace_folder(folder, fail)
    assert names(folder) == ["b"]
    assert names(tmp_path) == ["model"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    replace_folder(folder, lambda partial: write_text("first", partial / "a"))
    rename, calls = Path.rename, []

    def failing(path: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:  # the old one is out of the way
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(folder, lambda partial: write_text("second", partial / "b"))
    assert names(folder) == ["a"]
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("write", [write_text, write_json])
def test_a_file_goes_where_no_folder_is_yet(write: Callable[..., Any], tmp_path: Path) -> None:
    write("text", tmp_path / "new" / "er" / "file")
    assert names(tmp_path / "new" / "er") == ["file"]


class Record(BaseModel):
    """A record of which one field is needed."""

    model_config = ConfigDict(frozen=True)

    version: int = 2
    stages: dict[str, float]
    path: str | None = None


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = Record(stages={"data": 0.5}, path=os.fsdecode(b"caf\xe9"))
    write_record(record, tmp_path / "record.json")
    assert read_record(tmp_path / "record.json", Record) == record
    (tmp_path / "record.json").write_text('{"stages": {}, "version": 1}')
    assert read_record(tmp_path / "record.json", Record).version == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"[]", "is damaged"),
        (b"{}", "stages: Field required"),
        (b"null", "is damaged"),
        (b"7", "is damaged"),
        (b'{"stages": 5}', "stages: Input should be a valid dictionary"),
        (b'{"stages": {"data": "long"}}', "stages.data"),
        (b'{"stages": {"da', "not JSON"),
        (b'{"stages": {"d\xe9": 1}}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"version": 3, "stages": []}', "newer Babelift"),
        (b'{"version": "x", "stages": {}}', "version: "),
    ],
)
def test_a_damaged_record_is_named_with_what_to_do(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=why) as caught:
        read_record(path, Record)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_record_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "record.json", tmp_path):
        with pytest.raises(RunError, match="cannot be read"):
            read_record(path, Record)


# Whether a path may be used


def test_a_table_is_known_again_by_its_job(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with claim_file(path) as output:
        write_json({"job": "job 1"}, output.report)
        write_text("id\n1\n", path)
    with claim_file(path) as output:
        output.check_job("job 1")
        with pytest.raises(RunError, match="other settings or from another input"):
            output.check_job("job 2")
    assert names(tmp_path) == ["rows.csv", "rows.csv.report.json"]


@pytest.mark.parametrize("report", [None, "[]", "{}", "null", '{"job": 5}', '{"jo', "\xff"])
def test_what_somebody_else_wrote_is_refused(tmp_path: Path, report: str | None) -> None:
    path = tmp_path / "mine.csv"
    if report is not None:
        path.with_name("mine.csv.report.json").write_text(report, encoding="latin-1")
        with pytest.raises(RunError, match="is no report"), claim_file(path):
            pass
    path.write_text("mine")
    with pytest.raises(RunError, match="exists and"), claim_file(path):
        pass
    assert path.read_text() == "mine"


def test_a_folder_is_no_table_and_a_file_no_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RunError, match="is a folder"), claim_file(tmp_path / "folder.csv"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"), claim_folder(tmp_path / "file"):
        pass


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_text("", folder / "ours")
    partial_of(folder / "ours").touch()
    with claim_folder(folder, {"ours"}):
        assert names(folder) == ["ours"]  # what a kill left is gone
    write_text("", folder / "thesis.tex")
    with (
        pytest.raises(RunError, match=r"holds something else: thesis\.tex"),
        claim_folder(folder, {"ours"}),
    ):
        pass
    assert names(folder) == ["ours", "thesis.tex"]
    with claim_folder(folder, (), marker="ours"):
        pass


@pytest.mark.parametrize("beside", ["", ".report.json", ".rejects.jsonl"])
@pytest.mark.parametrize("how", ["itself", "symbolic link", "hard link", "other spelling"])
def test_nothing_that_is_written_is_an_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str, how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written, given = Path("rows.csv" + beside), Path("in.csv")
    given.write_text("mine")
    if how == "symbolic link":
        written.symlink_to(given)
    elif how == "hard link":
        written.hardlink_to(given)
    else:
        given = given.rename(written)
        given = Path("..") / tmp_path.name / given if how == "other spelling" else given
    for inputs in ([str(given)], [f"lexicon:{given}"], ["hub:x", given]):
        with pytest.raises(RunError, match="is an input"), claim_file(Path("rows.csv"), inputs):
            pass
    assert written.read_text() == "mine"


def test_no_input_lies_in_a_folder_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "run" / "data").mkdir(parents=True)
    table = tmp_path / "run" / "data" / "train.parquet"
    table.touch()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for out in (tmp_path / "run", tmp_path / "link"):
        with pytest.raises(RunError, match="holds an input"), claim_folder(out, inputs=[table]):
            pass


@pytest.mark.parametrize("claim", [claim_file, claim_folder])
def test_one_job_at_a_time_has_an_output(
    tmp_path: Path, claim: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    out = tmp_path / "out.csv"
    with claim(out):
        for name in (out, Path("out.csv"), Path("link/out.csv"), Path("link/../out.csv")):
            if name == Path("link/../out.csv"):
                continue
            for _ in range(3):
                with (
                    pytest.raises(RunError, match=rf"another job \(process {os.getpid()} on"),
                    claim(name),
                ):
                    pass
        with claim(tmp_path / "other.csv"):
            pass
    assert names(tmp_path) == ["link"]
    with claim(out):
        pass


def test_a_killed_job_holds_nothing_and_leaves_nothing_that_disturbs(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from babelift.store import *;\n"
        "with claim_file(Path('out.csv')) as output:\n"
        "    partial_of(output.path).touch(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"held\n"
        with (
            pytest.raises(RunError, match=f"process {job.pid} "),
            claim_file(tmp_path / "out.csv"),
        ):
            pass
        job.send_signal(signal.SIGKILL)
        job.wait()
    with claim_file(tmp_path / "out.csv"):
        assert names(tmp_path) == [".out.csv.lock"]
    assert names(tmp_path) == []


def test_a_lock_that_was_removed_meanwhile_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filelock

    acquire, opened = filelock.FileLock.acquire, []

    def slowly(lock: Any, *given: Any, **more: Any) -> Any:
        held = acquire(lock, *given, **more)
        if not opened:  # the one who held it before removes it, and a third takes the new one
            opened.append(lock)
            Path(lock.lock_file).unlink()
            Path(lock.lock_file).touch()
        return held

    monkeypatch.setattr(filelock.FileLock, "acquire", slowly)
    with (
        claim_file(tmp_path / "out.csv"),
        pytest.raises(RunError, match="another job"),
        claim_file(tmp_path / "out.csv"),
    ):
        pass


def test_a_place_that_cannot_be_written_is_named_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "rows.csv", Path("/proc/x/rows.csv"), tmp_path / ("x" * 300)):
        with pytest.raises(RunError, match="cannot be written"), claim_folder(out):
            pass


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
    assert names(tmp_path) == ["rows.parquet"]


def test_whatever_polars_raises_while_it_writes_is_an_error_that_names_the_file(
    tmp_path: Path,
) -> None:
    def write(partial: Path) -> None:
        partial.write_bytes(b"PAR1")
        raise pl.exceptions.ComputeError("parquet: Invalid thrift: transport error")

    with pytest.raises(RunError, match=r"rows\.parquet' cannot be written: parquet: Invalid"):
        replace_file(tmp_path / "rows.parquet", write)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl", "rows.csv"])
def test_a_disk_that_fills_up_in_mid_table_leaves_nothing(
    rows: pl.DataFrame, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_flush", full)
    with pytest.raises(RunError, match=f"{name}' cannot be written: No space"):
        write_rows(rows.drop("raw"), tmp_path / name)
    with (
        pytest.raises(RunError, match=f"{name}' cannot be written: No space"),
        rows_file(tmp_path / name) as append,
    ):
        append(rows.drop("raw"))
    assert names(tmp_path) == []
    assert is_partial(partial_of(tmp_path / name))


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"id\n1\n"])
def test_a_damaged_table_is_named_with_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "rows.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError, match=r"rows\.parquet' cannot be read") as caught:
        read_table(path)
    assert caught.value.hint


@pytest.mark.parametrize("write", [replace_file, replace_folder])
def test_a_writer_of_another_library_that_meets_a_full_disk_is_named(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    def full(_: Path) -> None:
        raise Exception("I/O error: No space left on device (os error 28)")

    with pytest.raises(RunError, match=r"model' cannot be written: No space left on device"):
        write(tmp_path / "model", full)
    assert names(tmp_path) == []


BYTES = [b"ab", b"\xff\x00", None]
ODD = {
    "bytes": pl.Series(BYTES),
    "lists of bytes": pl.Series([[b"ab"], [], None]),
    "arrays of bytes": pl.Series([[b"ab"], [b"c"], None], dtype=pl.Array(pl.Binary, 1)),
    "objects of bytes": pl.Series([{"a": b"ab", "b": 1}, {"a": None, "b": 2}, None]),
    "lists of objects of bytes": pl.Series([[{"a": b"ab", "t": timedelta(1)}], [], None]),
    "durations": pl.Series([timedelta(days=1, seconds=3), timedelta(microseconds=-5), None]),
    "lists of durations": pl.Series([[timedelta(1)], [], None]),
    "decimals": pl.Series([Decimal("1.10"), None, Decimal(-3)]),
    "times": pl.Series([time(3, 4, 5, 6), None, None]),
    "dates": pl.Series([[date(2020, 1, 1)], [], None]),
    "moments": pl.Series([datetime(2020, 1, 1, tzinfo=UTC), None, None]),
    "categories": pl.Series(["a", "b", None], dtype=pl.Categorical),
    "lists of categories": pl.Series([["a"], ["b"], None], dtype=pl.List(pl.Categorical)),
    "few values": pl.Series(["a", "b", None], dtype=pl.Enum(["a", "b"])),
    "nothing": pl.Series([None, None, None]),
    "lists of nothing": pl.Series([[None], [], None]),
    "objects without fields": pl.Series([{}, {}, None], dtype=pl.Struct([])),
    "lists of such": pl.Series([[{}], [], None], dtype=pl.List(pl.Struct([]))),
    "wide numbers": pl.Series([2**100, 1, None], dtype=pl.Int128),
    "no numbers": pl.Series([float("nan"), float("inf"), None]),
    "lists of no numbers": pl.Series([[float("nan")], [], None]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ODD)
def test_a_column_of_any_type_can_be_written_in_any_form(
    tmp_path: Path, form: str, kind: str
) -> None:
    rows = pl.DataFrame({"id": ["1", "2", "3"], kind: ODD[kind]})
    path = tmp_path / f"rows{form}"
    with rows_file(path) as append:
        append(rows.clear())
        append(rows)
    if form == ".parquet":
        back = pl.read_parquet(path)[kind]
        as_text = kind in ("objects without fields", "lists of such", "wide numbers")
        assert back.dtype == (pl.String if as_text else ODD[kind].dtype)
        assert as_text or back.to_list() == ODD[kind].to_list() or "numbers" in kind
        return
    read = pl.read_ndjson(path) if form == ".jsonl" else pl.read_csv(path)
    assert read["id"].cast(pl.String).to_list() == ["1", "2", "3"]


def test_bytes_are_base64_and_durations_iso_8601_in_text(tmp_path: Path) -> None:
    rows = pl.DataFrame({name: ODD[name] for name in ("bytes", "objects of bytes", "durations")})
    write_rows(rows, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text().splitlines()[1:] == [
        'YWI=,"{""a"": ""YWI="", ""b"": 1}",PT86403S',
        '/wA=,"{""a"": null, ""b"": 2}",-PT0.000005S',
        ",,",
    ]
    write_rows(rows, tmp_path / "rows.jsonl")
    assert json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0]) == {
        "bytes": "YWI=",
        "objects of bytes": {"a": "YWI=", "b": 1},
        "durations": "PT86403S",
    }


def test_a_panic_while_writing_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panic(*_: object, **__: object) -> None:
        raise pl.exceptions.PanicException("not yet implemented")

    monkeypatch.setattr(pl.DataFrame, "write_ndjson", panic)
    with pytest.raises(RunError, match=r"rows\.jsonl' cannot be written: not yet implemented"):
        write_rows(pl.DataFrame({"id": ["1"]}), tmp_path / "rows.jsonl")
    assert not list(tmp_path.iterdir())


START = st.sampled_from([*"=+-@＝＋－＠", "\t", "\r", "\n", " =", "\u200b@", ""])


@given(st.lists(st.tuples(START, st.text(alphabet="ab1.,'\"=-\n\t ")), min_size=1, max_size=8))
def test_a_spreadsheet_finds_no_formula_and_nothing_else_is_changed(
    parts: list[tuple[str, str]],
) -> None:
    texts = ["".join(part) for part in parts]
    rows = pl.DataFrame({"text": texts, "-n": [-1] * len(texts), "@x": texts, "'@x": texts})
    safe = excel_safe_rows(rows)
    assert safe.columns == ["text", "'-n", "''@x", "'@x"]
    assert safe["'-n"].to_list() == [-1] * len(texts)
    for text, shown in zip(texts, safe["text"].to_list(), strict=True):
        assert shown in (text, f"'{text}")
        bare = shown.strip(" \u200b\ufeff")
        if bare[:1] in tuple("=@＝＠") or shown[:1] in tuple("\t\r\n"):
            pytest.fail(repr(shown))
        if bare[:1] in tuple("+-＋－") and bare:
            float(bare.replace(",", "").replace("..", ".") or "x")  # a number


@pytest.mark.parametrize("text", ["-1", "+1.5", "-1,000.5", "+3%", "-.5", "1e-5", "a=b", "'=x", ""])
def test_numbers_and_other_texts_stay(text: str) -> None:
    assert excel_safe_rows(pl.DataFrame({"text": [text]}))["text"].to_list() == [text]


def test_a_category_and_an_absent_text_are_safe_too() -> None:
    rows = pl.DataFrame({"a": ["=1", None], "b": ["=1", "=1"]})
    kinds = {"a": pl.Categorical, "b": pl.Enum(["=1"])}
    assert excel_safe_rows(rows.cast(kinds)).rows() == [("'=1", "'=1"), (None, "'=1")]
