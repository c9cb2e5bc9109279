"""Rows read slice by slice are those of the same tables read whole."""

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from babelift.config import Table
from babelift.corpus import arrow, reader, slices
from babelift.corpus.parts import Spool
from babelift.corpus.reader import read_corpus, read_parts
from babelift.errors import BabeliftError, DataError, RunError


@contextmanager
def slices_of(block: int, rows: int) -> Iterator[None]:
    """Slices of so many bytes and rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "BLOCK", block)
        patch.setattr(arrow, "ROWS", rows)
        patch.setattr(reader, "MOST", rows)
        yield


@pytest.fixture
def whole_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read whole."""
    files: list[str] = []
    original = reader.read_raw
    monkeypatch.setattr(reader, "read_raw", lambda file: files.append(file) or original(file))
    return files


def result(read: Callable[[], Any]) -> Any:
    """What was read, or the error."""
    try:
        return read()
    except BabeliftError as error:
        return error


def check_alike(paths: list[Path], folder: Path, **table: Any) -> None:
    """Slices and the whole must agree in rows, rejects and notes, or in the error."""
    columns = Table.from_mapping(table)
    whole = result(lambda: read_corpus(paths, columns, labelled=False))
    with slices_of(200, 7):
        read = result(lambda: read_parts(paths, columns, folder, labelled=False))
    if isinstance(whole, BabeliftError) or isinstance(read, BabeliftError):
        assert (type(whole), str(whole)) == (type(read), str(read))
        return
    frames = list(read)
    rows = pl.concat([whole.rows.clear(), *frames])
    assert rows.equals(whole.rows)
    assert all(0 < frame.height <= 7 for frame in frames)
    assert all(frame.schema == whole.rows.schema for frame in frames)
    assert sorted(read.rejects.rows(), key=repr) == sorted(whole.rejects.rows(), key=repr)
    assert read.notes == whole.notes
    assert read.height == whole.height
    assert read.langs == whole.rows["lang"].unique(maintain_order=True).to_list()
    again = list(read)
    assert all(one.equals(other) for one, other in zip(again, frames, strict=True))


def table_of(number: int, **changes: Any) -> list[dict[str, Any]]:
    rows = [
        {"id": f"r{i}", "text": f"Text, \"{i}\"\nof a 'row'", "label": i % 3, "lang": "en", "x": i}
        for i in range(number)
    ]
    for name, values in changes.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    name = path.name.removesuffix(".gz")
    opened = gzip.open if path.name.endswith(".gz") else open
    if name.endswith(".parquet"):
        pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
        return path
    with opened(path, "wt", encoding="utf-8", newline="") as file:  # type: ignore[operator]
        if name.endswith((".jsonl", ".ndjson")):
            file.writelines(json.dumps(row) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(
                file, list(rows[0]), delimiter="\t" if name.endswith(".tsv") else ","
            )
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    "name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.jsonl.gz", "a.parquet"]
)
def test_a_sound_table_is_never_read_whole(name, tmp_path, whole_reads):
    check_alike([write(tmp_path / name, table_of(40))], tmp_path / "parts")
    assert not whole_reads
    assert len(list((tmp_path / "parts" / "rows").iterdir())) > 4


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_rejected_rows_are_named_by_their_place_in_the_table(name, tmp_path, whole_reads):
    texts = [None if i % 9 == 5 else f"fine {i}" for i in range(40)]
    rows = table_of(40, text=texts, lang=["xx-nonsense" if i == 31 else "de" for i in range(40)])
    check_alike([write(tmp_path / name, rows)], tmp_path / "parts")
    assert not whole_reads


def test_ids_are_settled_over_all_slices_and_files(tmp_path, whole_reads):
    twice = [f"r{i % 25}" for i in range(40)]
    once = write(tmp_path / "a.csv", table_of(40, id=twice))
    check_alike([once], tmp_path / "1")
    german = write(tmp_path / "de.jsonl", table_of(40, lang=["de"] * 40))
    english = write(tmp_path / "en.jsonl", table_of(40))
    check_alike([german, english], tmp_path / "2")
    other = write(tmp_path / "b.csv", table_of(40, text=[f"other {i}" for i in range(40)]))
    check_alike([once, other], tmp_path / "3")
    counted = write(tmp_path / "c.csv", table_of(40, id=[str(i) for i in range(40)]))
    check_alike([counted, other], tmp_path / "4")
    assert not whole_reads


def test_a_table_that_babelift_wrote_is_read_back(tmp_path, whole_reads):
    made = read_corpus([write(tmp_path / "a.csv", table_of(40))], Table()).rows
    made.write_parquet(tmp_path / "own.parquet")
    check_alike([tmp_path / "own.parquet"], tmp_path / "parts")
    assert not whole_reads


def test_columns_that_are_empty_at_first_or_come_late_have_their_type(tmp_path, whole_reads):
    late = table_of(40, x=[None] * 20 + list(range(20)))
    check_alike([write(tmp_path / "a.jsonl", late)], tmp_path / "1")
    for row in late[:20]:
        del row["x"]
    check_alike([write(tmp_path / "b.jsonl", late)], tmp_path / "2")
    assert not whole_reads


@pytest.mark.parametrize(
    "changes",
    [
        {"x": [*range(39), "many"]},
        {"x": [*range(39), 0.5]},
        {"label": [True] * 39 + ["true"]},
        {"x": [{"a": i} if i % 2 else {"b": [i]} for i in range(40)]},
    ],
)
def test_slices_unlike_the_first_are_read_with_the_whole(changes, tmp_path, whole_reads):
    file = write(tmp_path / "a.jsonl", table_of(40, **changes))
    check_alike([file], tmp_path / "parts")
    assert str(file) in whole_reads


def test_a_language_column_that_comes_late_is_found(tmp_path):
    rows = table_of(40)
    for row in rows[:20]:
        del row["lang"]
    check_alike([write(tmp_path / "a.jsonl", rows)], tmp_path / "parts")
    check_alike([write(tmp_path / "b.jsonl", rows)], tmp_path / "more", lang="en")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.csv", b'text,lang\n"never closed,en\n' + b"fine,en\n" * 80),
        ("quotes.tsv", b"text\tlang\n" + b'an inch 1" wide\ten\n' * 80),
        ("ragged.csv", b"text,lang\n" + b"fine,en\n" * 60 + b"one,two,three\n" + b"fine,en\n" * 9),
        ("latin.csv", b"text,lang\n" + b"caf\xe9,fr\n" * 80),
        (
            "damaged.jsonl",
            b'{"text": "a", "lang": "en"}\n' * 60 + b'{"text": "caf\xe9"}\nno json\n',
        ),
        ("array.jsonl", json.dumps([{"text": "a", "lang": "en"}] * 30).encode()),
        ("line.jsonl", b'{"text": "a", "lang": "en"}\n' * 60 + b"[1, 2]\n" * 40),
        ("empty.csv", b""),
        ("header.csv", b"text,lang\n"),
        ("blank.jsonl", b'{"text": "a", "lang": "en"}\n' * 9 + b"\n" * 900 + b'{"text": "b"}\n'),
        ("windows.csv", b"text,lang\r\n" + b'"a\r\nb",en\r\n' * 60),
        ("semicolons.csv", b"text;lang\n" + b"a, b;en\n" * 60),
        ("bom.csv", b"\xef\xbb\xbftext,lang\n" + b"a,en\n" * 60),
        ("cut.csv.gz", gzip.compress(b"text,lang\n" + b"a,en\n" * 999, mtime=0)[:-9]),
        ("long.csv", b'text,lang\n"' + b"a\n" * 5000 + b'",en\n' + b"b,en\n" * 60),
        ("wrong.parquet", b"PAR1 but nothing else"),
        ("joined.csv", b"text,lang\n" + (b"fine,en\n" * 60 + b"text,lang\n") * 3),
        ("turned.csv", b"text,lang\n" + b"fine,en\n" * 60 + b"lang,text\nen,fine\n"),
        ("stray.tsv", b"text\tlang\n" + b'a\ten\n"b\ten\nc\ten\nd"\ten\n' * 30),
        ("stray.csv", b"text,lang\n" + b'a,en\n"b,en\nc,en\nd",en\n' * 30),
        ("break.csv", b"text,lang\n" + b"a,en\n" * 50 + b'"b "c\nd,fr\ne",en\n' + b"f,en\n" * 50),
    ],
)
def test_faults_are_told_as_of_the_whole_table(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    check_alike([tmp_path / name], tmp_path / "parts")


def test_a_folder_or_a_missing_file_is_an_error(tmp_path):
    check_alike([tmp_path], tmp_path / "parts")
    check_alike([tmp_path / "no.csv"], tmp_path / "parts")
    with pytest.raises(DataError, match="no table"):
        read_parts([], Table(), tmp_path / "parts")


cells = st.text(alphabet=['"', "\n", "\r", ",", " ", "a", "é", "日"], max_size=12)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=60), st.booleans())
def test_any_csv_reads_alike(tmp_path_factory, rows, sound):
    folder = tmp_path_factory.mktemp("any")
    path = folder / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        if sound:
            writer = csv.writer(file)
            writer.writerow(["text", "note"])
            writer.writerows(rows)
        else:
            file.write("text,note\n" + "\n".join(f"{one},{other}" for one, other in rows))
    check_alike([path], folder / "parts", lang="en")


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        pl.exceptions.ComputeError("No space left on device (os error 28)"),
    ],
)
def test_a_disk_that_is_full_of_slices_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    spool = Spool(tmp_path / "slices")
    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(RunError, match=r"000000\.parquet' cannot be written: No space left"):
        spool.append(pl.DataFrame({"id": ["1"]}))


FAULTS: dict[str, dict[str, Any]] = {
    "no text": {"text": None},
    "empty text": {"text": " \u200b"},
    "NUL": {"text": "a\0b"},
    "control": {"text": "a\x08b"},
    "long": {"text": "x" * 100_001},
    "language": {"lang": "xx-nonsense"},
    "no language": {"lang": None},
    "id": {"id": "r0"},
    "quotes": {"text": 'a "word" in, "quotes"'},
    "lines": {"text": "a\n\nb"},
    "returns": {"text": "a\rb"},
    "none": {},
}
FORMS = ("csv", "tsv", "jsonl", "ndjson", "csv.gz", "tsv.gz", "jsonl.gz", "parquet")


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    form=st.sampled_from(FORMS),
    number=st.integers(2, 60),
    faults=st.lists(st.tuples(st.integers(0, 59), st.sampled_from(sorted(FAULTS))), max_size=6),
    block=st.integers(40, 5000),
    rows=st.integers(1, 30),
)
def test_every_row_is_taken_or_rejected_whatever_the_slices(
    tmp_path_factory: pytest.TempPathFactory,
    form: str,
    number: int,
    faults: list[tuple[int, str]],
    block: int,
    rows: int,
) -> None:
    folder = tmp_path_factory.mktemp("law")
    table = table_of(number)
    for place, fault in faults:
        table[place % (number - 1)].update(FAULTS[fault])  # the last row stays sound
    path = write(folder / f"a.{form}", table)
    whole = read_corpus([path], Table(), labelled=False)
    with slices_of(block, rows):
        parts = read_parts([path], Table(), folder / "parts", labelled=False)
    assert whole.height + whole.rejects.height == number
    assert parts.height + parts.rejects.height == number
    assert pl.concat([parts.form, *parts]).equals(whole.rows)
    assert sorted(parts.rejects.rows(), key=repr) == sorted(whole.rejects.rows(), key=repr)
    assert parts.notes == whole.notes
    assert whole.files == parts.files == {str(path): whole.height}
