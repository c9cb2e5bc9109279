"""Faults of a whole file are one clear error that names it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from babelift.config import Table
from babelift.corpus import Corpus, read_corpus
from babelift.errors import DataError

Read = Callable[..., Corpus]
Write = Callable[..., Path]

GERMAN = "text,label\nschön,1\nüber,0\nplain,1\n"


def refused(path: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        read_corpus([path], Table(lang="de"))
    return str(caught.value)


def test_a_missing_file_is_named_with_the_nearest_one(write: Write) -> None:
    path = write("reviews.csv", GERMAN)
    message = refused(path.with_name("review.csv"))
    assert "review.csv: no such file; did you mean 'reviews.csv'?" in message


def test_a_missing_folder_is_a_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nowhere" / "reviews.csv")


def test_a_name_with_a_nul_character_is_refused() -> None:
    assert "no such file" in refused("re\0views.csv") or "cannot be read" in refused(
        "re\0views.csv"
    )


def test_a_folder_is_not_a_file_but_may_be_a_hub_folder(tmp_path: Path) -> None:
    for name in ("folder.csv", "folder", "folder.parquet"):
        (tmp_path / name).mkdir()
        message = refused(tmp_path / name)
        assert "is a folder, not a file" in message
        assert f"hub:{tmp_path / name}" in message


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_an_empty_file_is_called_empty(write: Write, name: str) -> None:
    assert "is empty" in refused(write(name, b""))


def test_a_header_without_rows_is_said_to_have_none(write: Write) -> None:
    assert "has no rows" in refused(write("a.csv", "text,label\n"))


def test_no_permission_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("secret.csv", GERMAN)

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "secret.csv: cannot be read: Permission denied" in refused(path)


def test_an_unknown_ending_names_the_allowed_ones(write: Write) -> None:
    message = refused(write("reviews.xlsx", b"PK\x03\x04"))
    assert "end in '.xlsx'" in message
    assert ".csv" in message
    assert ".parquet" in message


def test_other_formats_under_a_text_ending_are_recognised(write: Write) -> None:
    assert "an Excel workbook" in refused(write("a.csv", b"PK\x03\x04" + b"\0" * 50))
    assert "gzip-compressed" in refused(write("a.jsonl", b"\x1f\x8b\x08" + b"\0" * 50))
    assert "a Parquet file" in refused(write("a.tsv", b"PAR1" + b"\0" * 50))


def test_a_text_file_under_a_parquet_ending_is_not_parquet(write: Write) -> None:
    assert "is not a readable Parquet file" in refused(write("a.parquet", GERMAN))


@pytest.mark.parametrize(
    "content", [b"text,label\n", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc"]
)
def test_a_broken_gzip_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(content)
    assert "is not a whole gzip file" in refused(path)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_recognised_with_and_without_its_mark(write: Write, codec: str) -> None:
    message = refused(write("a.csv", (GERMAN * 20).encode(codec)))
    assert "is not UTF-8; it looks like UTF-" in message
    assert "iconv" in message


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_latin_1_is_recognised_with_the_first_bad_byte(write: Write, ending: str) -> None:
    message = refused(write(f"a.{ending}", GERMAN.encode("latin-1")))
    assert f"a.{ending}: is not UTF-8 (byte 0xf6 in line 2)" in message
    assert "Latin-1 or Windows-1252" in message


def test_shift_jis_is_not_taken_for_latin_1(write: Write) -> None:
    text = "text,label\n" + "とても良い商品でした。おすすめします,5\n" * 3
    assert "Shift-JIS" in refused(write("a.csv", text.encode("shift_jis")))


def test_a_byte_order_mark_is_no_part_of_the_first_column(read: Read) -> None:
    for name, content in [
        ("a.csv", "text,label\nschön,1\n"),
        ("a.jsonl", '{"text":"a","label":1}\n'),
    ]:
        corpus = read(name, b"\xef\xbb\xbf" + content.encode(), lang="de")
        assert corpus.rows.height == 1


def test_a_few_damaged_rows_are_rejected_one_by_one(read: Read) -> None:
    lines = [f"größe {number},1".encode() for number in range(300)]
    lines[7] = b"caf\xe9,1"
    corpus = read("a.csv", b"text,label\n" + b"\n".join(lines), lang="de")
    assert corpus.rows.height == 299
    assert corpus.rejects.to_dicts() == [
        {"file": corpus.rejects["file"][0], "row": 9, "field": "text", "reason": "not UTF-8",
         "value": None, "text": "caf\ufffd"}
    ]  # fmt: skip


def test_the_same_file_named_twice_is_read_once(write: Write) -> None:
    path = write("a.csv", GERMAN)
    assert read_corpus([path, str(path)], Table(lang="de")).rows.height == 3


def test_no_file_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="no table was given"):
        read_corpus([], Table())


def test_a_table_without_a_readable_row_says_what_is_wrong_with_the_first(write: Write) -> None:
    path = write("a.jsonl", "text,label\ngood,1\n")
    assert "none of its 2 rows can be read. Row 1: not JSON" in refused(path)
    assert "has no rows" in refused(write("b.json", "[]"))
