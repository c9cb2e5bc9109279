"""Parquet and what may stand in it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from babelift.config import Table
from babelift.corpus import read_corpus
from babelift.corpus.rows import SCHEMA, originals, translation_id
from babelift.errors import DataError


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {
            "text": pl.Series(["a", "b"], dtype=pl.Categorical),
            "label": [5.0, 4.0],
            "lang": ["en", "de"],
            "seen": [date(2024, 1, 1), None],
            "tags": [["x"], []],
        }
    ).write_parquet(path)
    rows = read_corpus([path], Table()).rows
    assert rows["label"].to_list() == ["5", "4"]
    assert rows["seen"].to_list() == [date(2024, 1, 1), None]
    assert rows["tags"].to_list() == [["x"], []]
    assert rows["id"].to_list() == ["a-1", "a-2"]


def test_a_label_column_of_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": ["a"], "labels": [["x", "y"]]}).write_parquet(path)
    with pytest.raises(DataError, match="column 'labels' holds lists or objects"):
        read_corpus([path], Table(lang="en"))


def test_a_column_of_bytes_is_text_where_it_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": ["é".encode(), b"tea"], "label": [1, 2]}).write_parquet(path)
    assert read_corpus([path], Table(lang="en")).rows["text"].to_list() == ["é", "tea"]
    pl.DataFrame({"text": [b"caf\xe9", b"tea"], "label": [1, 2]}).write_parquet(path)
    with pytest.raises(DataError, match="column 'text' holds bytes that are not UTF-8"):
        read_corpus([path], Table(lang="en"))


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_rows_that_babelift_wrote_are_read_back_faithfully(tmp_path: Path, ending: str) -> None:
    originals_ = originals(ids=["7"], texts=["Good."], labels=["5"], langs=["en"], split="train")
    made = originals_.with_columns(
        id=pl.lit(translation_id("7", "de")),
        text=pl.lit("Gut."),
        lang=pl.lit("de"),
        source_lang=pl.lit("en"),
        origin=pl.lit("machine"),
        translator=pl.lit("m2m100"),
        score=pl.lit(0.5),
        flags=pl.lit(["copy", "length"]),
    )
    rows = pl.concat([originals_, made]).with_columns(domain=pl.lit("food"))
    path = tmp_path / f"translated.{ending}"
    if ending == "parquet":
        rows.write_parquet(path)
    elif ending == "jsonl":
        rows.write_ndjson(path)
    else:
        rows.with_columns(pl.col("flags").list.join(",")).write_csv(path)
    back = read_corpus([path], Table())
    assert back.rows.to_dicts() == rows.to_dicts()
    assert list(back.rows.columns) == [*SCHEMA, "domain"]
    assert read_corpus([path], Table(), split="test").rows["split"].to_list() == ["test", "test"]


def test_an_origin_that_is_none_is_rejected(tmp_path: Path) -> None:
    rows = originals(ids=["1", "2"], texts=["a", "b"], labels=["x", "y"], langs=["en", "en"])
    origin = pl.Series("origin", ["original", "guessed"])
    rows.with_columns(origin).write_parquet(tmp_path / "a.parquet")
    corpus = read_corpus([tmp_path / "a.parquet"], Table())
    assert corpus.rows["id"].to_list() == ["1"]
    assert corpus.rejects.select("field", "reason", "value").rows() == [
        ("origin", "unknown origin", "guessed")
    ]


def test_translations_stay_translations_whatever_the_other_files_columns_are_called(
    tmp_path: Path,
) -> None:
    rows = originals(ids=["1"], texts=["Gut."], labels=["x"], langs=["de"])
    made = rows.with_columns(origin=pl.lit("machine"), source_lang=pl.lit("en"))
    made.write_parquet(tmp_path / "a.parquet")
    table = Table(text="review_body", label="stars", lang="en")
    back = read_corpus([tmp_path / "a.parquet"], table).rows
    assert back.select("text", "label", "lang", "origin").rows() == [("Gut.", "x", "de", "machine")]
