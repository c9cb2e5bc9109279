"""Files of translations by pair: every form reads alike, and faults are named."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from babelift.errors import DataError, LanguageError
from babelift.translation.engines.table import read_pair_file

ROWS = pl.DataFrame(
    {
        "source_lang": ["eng_Latn", "pt-BR", "zh"],
        "target_lang": ["de", "en", "ja"],
        "source": ['say "hi"', "a,b\tc", "1"],
        "target": ["sag „hallo“", "line\nbreak", "2"],
    }
)


def write(path: Path, form: str) -> Path:
    path = path / f"words.{form}"
    if form == "parquet":
        ROWS.write_parquet(path)
        return path
    if form.startswith("csv"):
        content = ROWS.write_csv()
    elif form.startswith("tsv"):
        content = ROWS.write_csv(separator="\t")
    else:
        content = ROWS.write_ndjson()
    data = content.encode()
    path.write_bytes(gzip.compress(data) if form.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "tsv.gz", "jsonl.gz"])
def test_every_form_reads_alike(tmp_path: Path, form: str) -> None:
    found = read_pair_file(write(tmp_path, form), ("source", "target"), optional=("weight",))
    assert found.frame.select("source_lang", "target_lang").rows() == [
        ("en", "de"), ("pt", "en"), ("zh", "ja"),
    ]  # fmt: skip
    assert found.frame.select("source", "target").equals(ROWS.select("source", "target"))
    assert "weight" not in found.frame.columns
    assert found.pairs() == {("en", "de"), ("pt", "en"), ("zh", "ja")}
    assert found.notes == ()


def test_a_jsonl_file_with_other_columns_and_numbers_reads(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    path.write_text(
        '{"id": 1, "source_lang": "en", "target_lang": "de", "source": 1, "target": "eins"}\n'
        '{"id": 2, "source_lang": "en", "target_lang": "de", "source": "two", "target": "zwei"}\n'
    )
    found = read_pair_file(path, ("source", "target"))
    assert found.frame.select("source", "target").rows() == [("1", "eins"), ("two", "zwei")]


def test_rows_that_cannot_be_used_are_counted_not_fatal(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    path.write_text(
        '{"source_lang": "en", "target_lang": "de", "source": "one", "target": "eins"}\n'
        "{not json\n"
        '{"source_lang": "en", "target_lang": "de", "source": "two", "target": null}\n'
        '{"source_lang": "en", "target_lang": "de", "source": "three"}\n'
    )
    found = read_pair_file(path, ("source", "target"))
    assert found.frame["source"].to_list() == ["one"]
    unread, incomplete = found.notes
    assert unread.startswith(f"{path}: 1 rows cannot be read; the first is row 2: not JSON")
    assert incomplete == f"{path}: 2 rows are not complete."


def test_half_a_surrogate_pair_is_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    row = '{"source_lang": "en", "target_lang": "de", "source": "%s", "target": "x"}\n'
    path.write_text(row % r"a \ud83d b" + row % r"\ud83d\ude00")
    found = read_pair_file(path, ("source", "target"))
    assert found.frame["source"].to_list() == ["😀"]
    assert found.notes == (f"{path}: 1 rows cannot be read; the first is row 1: lone surrogate.",)


def test_an_empty_value_in_csv_is_missing_unless_it_is_the_last(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,target\nen,de,a,\nen,de,,b\n,de,c,d\n")
    found = read_pair_file(path, ("source", "target"))
    assert found.frame.select("source", "target").rows() == [("a", "")]
    assert found.notes == (f"{path}: 2 rows are not complete.",)


def test_a_missing_column_is_named_with_its_nearest_match(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,targt\nen,de,one,eins\n")
    with pytest.raises(DataError, match="lacks the column 'target'; did you mean 'targt'"):
        read_pair_file(path, ("source", "target"))


def test_an_unknown_language_is_named_with_its_column(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,target\nen,jp,one,ichi\n")
    with pytest.raises(
        LanguageError, match=r"words\.csv: column 'target_lang': language 'jp' .* mean 'ja'"
    ):
        read_pair_file(path, ("source", "target"))


def test_a_file_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,target\n")
    with pytest.raises(DataError, match=r"words\.csv"):
        read_pair_file(path, ("source", "target"))


@pytest.mark.parametrize("name", ["nothing.jsonl", "nothing.csv", "nothing.xlsx", "."])
def test_a_file_that_is_not_there_or_no_table_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError):
        read_pair_file(tmp_path / name, ("source", "target"))
