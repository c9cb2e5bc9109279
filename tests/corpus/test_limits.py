"""What a file may cost is bounded before it is paid, and the error says what was allowed."""

import gzip
import json
import os
import secrets
import socket
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from babelift.config import Table
from babelift.corpus import Corpus, arrow, read_corpus, table
from babelift.corpus.table import MAX_COLUMNS, MAX_DEPTH, MAX_NAME, blocks
from babelift.errors import DataError, UnreadableError

Read = Callable[..., Corpus]

ROWS = "text,label,lang\n" + "".join(f"good {n},pos,en\n" for n in range(500))


def refused(path: Path, error: type[DataError] = UnreadableError) -> str:
    with pytest.raises(error) as caught:
        read_corpus([path], Table(lang="en"))
    assert path.name in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json", "parquet", "csv.gz", "pq"])
def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path: Path, ending: str) -> None:
    pipe, device = tmp_path / f"pipe.{ending}", tmp_path / f"device.{ending}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    assert "is a pipe; only files can be read" in refused(pipe)
    assert "is a device" in refused(device)
    place = Path(f"/tmp/{os.getpid()}.{ending}")  # a socket's path may have 107 bytes
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(place))
        try:
            assert "is a socket" in refused(place)
        finally:
            place.unlink()


def bomb(path: Path, head: bytes, chunk: bytes, size: int) -> Path:
    with gzip.open(path, "wb") as file:
        file.write(head)
        for _ in range(size // len(chunk)):
            file.write(chunk)
    return path


@pytest.mark.parametrize(
    ("name", "head", "chunk"),
    [
        ("zeros.csv.gz", b"", b"\0" * 9999),
        ("one.csv.gz", b"text,label\n", b"a" * 9999),
        ("blank.csv.gz", b"text,label\n", b"\n" * 9999),
        ("rows.tsv.gz", b"text\tlabel\n", b"good\tpos\n" * 999),
        ("one.jsonl.gz", b'{"text": "', b"a" * 9999),
        ("rows.jsonl.gz", b"", b'{"text": "good", "label": "pos"}\n' * 999),
        ("open.json.gz", b"", b"[" * 9999),
        ("a_text.txt.gz", b"", b"good\n" * 999),
    ],
)
def test_a_gzip_file_that_expands_beyond_measure_is_not_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, head: bytes, chunk: bytes
) -> None:
    monkeypatch.setattr(table, "MAY_EXPAND", 1 << 19)
    path = bomb(tmp_path / name, head, chunk, 20 << 20)
    (tmp_path / "a_labels.txt.gz").write_bytes(gzip.compress(b"pos\n"))
    assert "expands to more than 100 times its size, as no table does" in refused(path)
    with pytest.raises(UnreadableError):
        next(blocks(path, 1 << 16))


def test_a_bomb_behind_sound_rows_stops_where_it_has_used_its_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAY_EXPAND", 1 << 19)
    sound = "".join(f"{secrets.token_hex(40)},pos\n" for _ in range(30_000))
    path = bomb(tmp_path / "a.csv.gz", f"text,label\n{sound}".encode(), bytes(1 << 20), 600 << 20)
    seen: list[int] = []
    with pytest.raises(UnreadableError, match="expands to more than 100 times"):
        seen.extend(map(len, blocks(path, 1 << 20)))
    assert len(sound) < sum(seen) < 400 << 20


def test_no_more_than_a_block_is_expanded_at_a_time(tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.csv.gz", b"", b"\0" * 9999, 1 << 20)
    assert max(len(block) for block in blocks(path, 1000)) == 1000


def test_a_table_that_must_be_read_whole_may_not_be_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "WHOLE", 1 << 20)
    path = tmp_path / "a.csv"
    path.write_text(ROWS * 200 + 'a "quote" out of place,pos,en\n')
    assert "must be read whole, and has more than 1 MiB" in refused(path, DataError)


PACKED = gzip.compress(ROWS.encode(), mtime=0)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_a_flipped_byte_of_a_gzip_file_gives_the_same_rows_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "a.csv.gz"
    path.write_bytes(PACKED[:place] + bytes([PACKED[place] ^ change]) + PACKED[place + 1 :])
    try:
        rows = read_corpus([path], Table()).rows
    except UnreadableError as error:
        message = str(error)
    else:
        assert rows["text"].to_list() == [f"good {n}" for n in range(500)]
        return
    assert "a.csv.gz: is not a whole gzip file" in message


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, len(PACKED) - 1))
def test_a_gzip_file_that_was_cut_gives_an_error(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.csv.gz"
    path.write_bytes(PACKED[:length])
    assert "is not a whole gzip file" in refused(path)


@pytest.mark.parametrize(
    "content",
    [PACKED + b"more", ROWS.encode(), PACKED[:-8] + bytes(8), PACKED + PACKED[:40]],
)
def test_what_is_behind_or_in_place_of_a_gzip_file_is_an_error(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(content)
    assert "is not a whole gzip file" in refused(path)


def test_a_gzip_file_of_several_members_and_padding_is_read(tmp_path: Path) -> None:
    path, half = tmp_path / "a.csv.gz", ROWS.index("\n", 3000) + 1
    parts = gzip.compress(ROWS[:half].encode()) + gzip.compress(ROWS[half:].encode())
    path.write_bytes(parts + bytes(512))
    assert read_corpus([path], Table()).height == 500


def test_a_damaged_stream_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> bytes:
        raise zlib.error("Error -3 while decompressing data: invalid block type")

    path = tmp_path / "a.csv.gz"
    path.write_bytes(PACKED)
    monkeypatch.setattr(gzip.GzipFile, "read", damaged)
    assert "invalid block type" in refused(path)


def nested(levels: int, kind: str) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if kind == "list" else {"a": value}
    return value


@pytest.mark.parametrize("kind", ["list", "object"])
@pytest.mark.parametrize("levels", [MAX_DEPTH, MAX_DEPTH + 1, 300, 900])
def test_a_row_that_is_nested_too_deeply_is_rejected(read: Read, levels: int, kind: str) -> None:
    row = {"text": "good", "label": 1, "x": nested(levels, kind)}
    corpus = read("a.jsonl", '{"text":"fine","label":2}\n' + json.dumps(row), lang="en")
    allowed = levels <= MAX_DEPTH
    assert corpus.height == 1 + allowed
    if not allowed:
        reject = corpus.rejects.row(0, named=True)
        assert (reject["row"], reject["field"]) == (2, "x")
        assert reject["reason"] == "nested more than 32 levels deep"
    array = read("a.json", json.dumps([{"text": "fine", "label": 2}, row]), lang="en")
    assert array.height == corpus.height


def test_a_parquet_column_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    values = pa.array([nested(MAX_DEPTH + 1, "list")])
    parquet.write_table(pa.table({"text": ["good"], "label": ["pos"], "x": values}), path)
    assert "column 'x' is nested more than 32 levels deep" in refused(path, DataError)


@pytest.mark.parametrize("number", [MAX_COLUMNS + 1, 100_000])
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_columns_without_number_are_refused_at_once(
    tmp_path: Path, ending: str, number: int
) -> None:
    names = ["text", "label", *(f"c{n}" for n in range(number - 2))]
    path = tmp_path / f"a.{ending}"
    if ending == "jsonl":
        path.write_text(json.dumps(dict.fromkeys(names, "1")))
        assert "more than 2,000 keys" in refused(path, DataError)
        return
    sign = "," if ending == "csv" else "\t"
    path.write_text(f"{sign.join(names)}\n{sign.join('1' * number)}\n")
    assert f"has {number:,} columns; at most 2,000" in refused(path, DataError)


def test_columns_of_parquet_are_counted_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    names = [f"c{n}" for n in range(MAX_COLUMNS + 1)]
    parquet.write_table(pa.table({"text": ["a"], "x": [dict.fromkeys(names, 1)]}), path)
    assert "has 2,002 columns" in refused(path, DataError)


def test_objects_with_ever_other_keys_become_text_and_not_a_column_of_all_keys(
    read: Read,
) -> None:
    rows = [
        {"text": f"good {n}", "label": 1, "x": {f"k{n * 40 + k}": 1 for k in range(40)}}
        for n in range(300)
    ]
    corpus = read("a.jsonl", "\n".join(map(json.dumps, rows)), lang="en")
    assert corpus.rows["x"].dtype == pl.String
    assert [json.loads(value) for value in corpus.rows["x"]] == [row["x"] for row in rows]


@pytest.mark.parametrize("length", [MAX_NAME, MAX_NAME + 1, 140_000])
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_column_name_may_not_be_a_novel(tmp_path: Path, ending: str, length: int) -> None:
    name = "n" * length
    path = tmp_path / f"a.{ending}"
    row = {"text": "good", "label": "pos", name: "1"}
    if ending == "parquet":
        pl.DataFrame([row]).write_parquet(path)
    elif ending == "jsonl":
        path.write_text(json.dumps(row))
    else:
        sign = "," if ending == "csv" else "\t"
        path.write_text("\n".join(map(sign.join, (row.keys(), row.values()))))
    if length <= MAX_NAME:
        assert read_corpus([path], Table(lang="en")).rows[name].to_list() == ["1"]
        return
    assert "1,000" in refused(path, DataError)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_text_of_ten_million_characters_is_one_reject(tmp_path: Path, ending: str) -> None:
    rows = {"text": ["good", "x y" * 3_400_000, "bad"], "label": ["1", "2", "1"]}
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif ending == "jsonl":
        pl.DataFrame(rows).write_ndjson(path)
    else:
        pl.DataFrame(rows).write_csv(path, separator="," if ending == "csv" else "\t")
    corpus = read_corpus([path], Table(lang="en"))
    assert corpus.rows["text"].to_list() == ["good", "bad"]
    assert corpus.rejects["reason"].to_list() == ["text longer than 100,000 characters"]


def test_a_key_that_stands_twice_in_an_object_is_a_reject(read: Read) -> None:
    content = (
        '{"text":"a","label":1}\n{"text":"b","label":1,"text":"c"}\n{"text":"d","label":1,'
        '"x":{"y":1,"y":2}}\n'
    )
    corpus = read("a.jsonl", content, lang="en")
    assert corpus.rows["text"].to_list() == ["a"]
    assert corpus.rejects.select("row", "reason").rows() == [
        (2, "not JSON: key 'text' occurs twice"),
        (3, "not JSON: key 'y' occurs twice"),
    ]


@pytest.fixture
def heights(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the Arrow tables that were made."""
    seen: list[int] = []
    original = arrow.from_arrow

    def counted(read: Any, file: str) -> pl.DataFrame:
        seen.append(read.num_rows)
        return original(read, file)

    monkeypatch.setattr(arrow, "from_arrow", counted)
    return seen


def test_large_rows_of_parquet_come_in_small_slices(
    tmp_path: Path, heights: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow, "_SLICE", 1 << 20)
    path, text = tmp_path / "a.parquet", "x" * 200_000
    same = pa.DictionaryArray.from_arrays(pa.array([0] * 40, pa.int32()), pa.array([text]))
    columns = {"text": [f"good {n}" for n in range(40)], "label": ["pos"] * 40, "x": same}
    parquet.write_table(pa.table(columns), path, store_schema=False)
    assert path.stat().st_size < 100_000
    corpus = read_corpus([path], Table(lang="en", text="text"))
    assert corpus.height == 40
    assert max(heights) < 8


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("id", "id longer than 1,000 characters"),
        ("group_id", "group longer than 1,000 characters"),
        ("label", "label longer than 1,000 characters"),
        ("lang", "language is not known"),
    ],
)
def test_a_text_in_the_place_of_a_name_is_a_reject(read: Read, field: str, reason: str) -> None:
    good = {"id": "1", "group_id": "1", "text": "good", "label": "pos", "lang": "en"}
    rows = [good, {**good, "id": "2", field: "x y" * 400_000}]
    corpus = read("a.jsonl", "\n".join(map(json.dumps, rows)))
    assert corpus.rows["id"].to_list() == ["1"]
    assert corpus.rejects.select("row", "field", "reason").rows() == [(2, field, reason)]
    assert len(corpus.rejects["value"][0]) <= 500


def test_a_field_of_any_size_is_read_where_another_holds_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f't,label,m\n"a,b,c\nfoo","{"x" * 140_000}","bar\nq,r,s"\n')
    corpus = read_corpus([file], Table(text="t", label="m", lang="en"))
    assert corpus.height + corpus.rejects.height == 1


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_wrong_column_is_told_of_a_table_too_large_to_be_read_whole(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"a.{ending}"
    frame = pl.DataFrame({"text": ["good"] * 99, "label": ["x"] * 99})
    getattr(frame, f"write_{ending}")(file)
    monkeypatch.setattr(table, "WHOLE", 100)
    with pytest.raises(DataError, match="no column 'txet'"):
        read_corpus([file], Table(text="txet", lang="en"))
