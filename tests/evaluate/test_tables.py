"""Prediction files: written whole or not at all, read with clear errors."""

from pathlib import Path

import polars as pl
import pytest

from babelift.errors import ConfigError, DataError
from babelift.evaluate.tables import read_table, write_table, written

TABLE = pl.DataFrame(
    {
        "id": ["1", "2"],
        "text": ['a "quoted", text\nof two lines', "\u202eعربي\x00"],
        "p_1": [0.5, 1.0],
    }
)


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_table_comes_back_as_it_was(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "deep" / f"table.{ending}"
    write_table(TABLE, path)
    assert read_table(path).equals(TABLE)


def test_csv_comes_back_as_strings(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "table.CSV")
    assert read_table(tmp_path / "table.CSV").equals(TABLE.cast(pl.String))


def test_lists_and_structs_become_json_in_csv(tmp_path: Path) -> None:
    nested = pl.DataFrame({"tags": [["a", "b"], None], "who": [{"name": "Zoë"}, {"name": None}]})
    write_table(nested, tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv").rows() == [
        ('["a", "b"]', '{"name": "Zoë"}'),
        (None, '{"name": null}'),
    ]


def test_an_unknown_ending_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'.parqet' is not one of .* did you mean '.parquet'"):
        write_table(TABLE, tmp_path / "table.parqet")


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def interrupted() -> None:
        with written(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"'.*table.csv' cannot be written: '.*file' is no folder"):
        write_table(TABLE, tmp_path / "file" / "table.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"id": "1"', "cannot be read as jsonl"),
        ("a.csv", b"", "cannot be read as csv|holds no rows"),
        ("a.csv", b"id,label\n", "holds no rows"),
        ("a.csv", b"id\n\xff\xfe", "cannot be read as csv"),
        ("a.parquet", b"PAR1 not really", "cannot be read as parquet"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "no.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path / "folder.csv")
