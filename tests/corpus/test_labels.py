"""Labels in order, and faults of the label column."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.config import Table
from babelift.corpus import check_labels, label_set, odd_labels, read_corpus, require_classes
from babelift.errors import DataError


def rows(*labels: str) -> pl.DataFrame:
    return pl.DataFrame({"label": list(labels)}, schema={"label": pl.String})


@given(st.lists(st.integers(-50, 50).map(str), min_size=1))
def test_whole_numbers_are_ordered_by_size_and_ordinal_from_three(labels: list[str]) -> None:
    names, ordinal = label_set(labels)
    assert [int(name) for name in names] == sorted({int(label) for label in labels})
    assert ordinal == (len(set(labels)) >= 3)


def test_other_labels_are_ordered_by_the_alphabet() -> None:
    assert label_set(["b", "10", "9"]) == (("10", "9", "b"), False)
    assert label_set([]) == ((), False)
    assert label_set(["²", "3", "1"])[1] is False


def test_one_class_is_not_enough() -> None:
    with pytest.raises(DataError, match="all 2 training rows have the label 'x'"):
        require_classes(rows("x", "x"))
    with pytest.raises(DataError, match="no labelled rows"):
        require_classes(rows())
    require_classes(rows("x", "y"))


def test_a_label_of_its_own_for_every_row_is_no_class() -> None:
    with pytest.raises(DataError, match="60 training rows have 60 different labels"):
        require_classes(rows(*(f"text {number}" for number in range(60))))


def test_labels_that_were_never_trained_on_are_named_with_the_nearest() -> None:
    train = rows("positive", "negative", "neutral")
    check_labels(train, rows("neutral"), "test")
    with pytest.raises(DataError) as caught:
        check_labels(train, rows("Positive", "Positive", "mixed", "neutral"), "test")
    assert caught.value.message == (
        "test rows have labels that no training row has: 'Positive' (2 rows); did you mean "
        "'positive'; 'mixed' (1 row)."
    )


def test_labels_that_differ_in_case_or_look_missing_are_told() -> None:
    assert odd_labels(["1", "2", "good"]) == []
    said = odd_labels(["positive", "Positive", "null"])
    assert said[0].startswith("labels 'Positive' and 'positive' differ only in case")
    assert "'null'" in said[1]


def test_a_boolean_has_one_name_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,label\na,good,True\nb,bad,False\n")
    (tmp_path / "b.jsonl").write_text('{"id": "c", "text": "fine", "label": true}\n')
    frame = pl.DataFrame({"id": ["d"], "text": ["poor"], "label": [False]})
    frame.write_parquet(tmp_path / "c.parquet")
    files = [tmp_path / name for name in ("a.csv", "b.jsonl", "c.parquet")]
    rows = read_corpus(files, Table(lang="en")).rows
    assert rows["label"].to_list() == ["True", "False", "True", "False"]
