"""The audit finds items that two splits share, and drops them only from the earlier one."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.corpus import audit_leakage
from babelift.corpus.rows import originals, translation_id
from babelift.errors import LeakageError

LONG = "The quick brown fox jumps over the lazy dog while the cat sleeps in the warm afternoon sun"


def table(
    *rows: tuple[str, str, str], lang: str = "en", groups: list[str] | None = None
) -> pl.DataFrame:
    """Rows from (id, text, split)."""
    ids, texts, splits = (list(column) for column in zip(*rows, strict=True))
    frame = originals(
        ids=ids, texts=texts, labels=["x"] * len(ids), langs=[lang] * len(ids), groups=groups
    )
    return frame.with_columns(split=pl.Series(splits, dtype=pl.String))


def translated(rows: pl.DataFrame, target: str) -> pl.DataFrame:
    return rows.with_columns(
        id=pl.Series([translation_id(name, target) for name in rows["id"]], dtype=pl.String),
        text=pl.lit(f"{target} ") + pl.col("text"),
        lang=pl.lit(target),
        source_lang=pl.col("lang"),
        origin=pl.lit("machine"),
        original_id=pl.col("id"),
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (LONG, "exact"),
        (LONG.upper() + " !!", "normalised"),
        (LONG.replace(" ", "\u3000"), "normalised"),
        (LONG + "s", "near"),
    ],
)
def test_each_kind_of_repetition_is_found_and_called_by_its_name(text: str, kind: str) -> None:
    rows = table(("1", text, "train"), ("2", "something else", "train"), ("3", LONG, "test"))
    kept, report = audit_leakage(rows, policy="drop", near_duplicates=0.9)
    assert {name for name, number in report.found.items() if number} == {kind}
    assert kept["id"].to_list() == ["2", "3"]
    assert report.dropped == {"train": 1, "validation": 0}
    assert report.repeated == {"validation": 0, "test": 1}
    assert report.examples[0]["id"] == "1"
    assert report.examples[0]["other_id"] == "3"


def test_the_same_group_in_another_language_is_leakage_across_splits_only() -> None:
    rows = [("1", "hello", "train"), ("2", "bye", "test"), ("0", "see you", "train")]
    english = table(*rows, groups=["g1", "g2", "g3"])
    german = table(("3", "hallo", "test"), ("4", "tschüss", "test"), lang="de", groups=["g1", "g2"])
    kept, report = audit_leakage(pl.concat([english, german]), policy="drop", near_duplicates=0)
    assert report.found == {"group": 1, "exact": 0, "normalised": 0, "near": 0}
    assert kept["id"].to_list() == ["2", "0", "3", "4"]


def test_error_says_how_many_of_which_kind_and_what_to_do() -> None:
    rows = table(
        ("1", "Great!", "train"), ("2", "great", "train"), ("3", "fine", "train"),
        ("4", "Great!", "test"), ("5", "FINE", "validation"),
    )  # fmt: skip
    with pytest.raises(LeakageError) as caught:
        audit_leakage(rows, policy="error", near_duplicates=0.9)
    message = caught.value.message
    assert "train repeats test in 2 rows: 1 with the same text, 1 with the same text but" in message
    assert "train repeats validation in 1 row: 1 with the same text but for case" in message
    assert "train row '1' and test row '4' (exact): Great!" in message
    assert "--leakage drop" in str(caught.value.hint)


def test_warn_reports_and_keeps_everything() -> None:
    rows = table(("1", "a b", "train"), ("2", "a b", "test"))
    kept, report = audit_leakage(rows, policy="warn", near_duplicates=0.9)
    assert kept.equals(rows)
    assert report.total == 1
    assert report.dropped == {"train": 0, "validation": 0}


def test_validation_gives_way_to_test_and_train_to_both() -> None:
    rows = table(
        ("1", "a", "train"), ("2", "a", "validation"), ("3", "a", "test"),
        ("4", "b", "validation"), ("5", "b", "train"), ("6", "c", "train"),
        ("7", "d", "validation"),
    )  # fmt: skip
    kept, report = audit_leakage(rows, policy="drop", near_duplicates=0)
    assert kept["id"].to_list() == ["3", "4", "6", "7"]
    assert report.found["exact"] == 3
    assert report.dropped == {"train": 2, "validation": 1}
    assert set(report.pairs) == {"train/test", "validation/test", "train/validation"}


def test_translations_of_a_dropped_original_go_with_it() -> None:
    train = table(("1", "one", "train"), ("2", "two", "train"))
    rows = pl.concat([train, translated(train, "de"), table(("3", "one", "test"))])
    kept, report = audit_leakage(rows, policy="drop", near_duplicates=0)
    assert kept["id"].to_list() == ["2", "2@de", "3"]
    assert report.total == 1
    assert report.dropped["train"] == 2


def test_repetition_within_one_split_and_parallel_test_sets_are_fine() -> None:
    rows = pl.concat(
        [
            table(("1", "same", "train"), ("2", "same", "train")),
            table(("3", "hello", "test"), groups=["g"]),
            table(("4", "hallo", "test"), lang="de", groups=["g"]),
            table(("5", "same", None)),  # type: ignore[arg-type]
        ]
    )
    kept, report = audit_leakage(rows, policy="error", near_duplicates=0.9)
    assert kept.equals(rows)
    assert report.summary() == "No row of an evaluation set occurs in an earlier split."


def test_near_duplicates_can_be_turned_off() -> None:
    rows = table(("1", LONG + "s", "train"), ("2", LONG, "test"))
    audit_leakage(rows, policy="error", near_duplicates=0)


def test_texts_of_punctuation_alone_are_compared_as_they_are() -> None:
    rows = table(
        ("1", "!!!", "train"), ("2", "...", "test"), ("3", "😀", "train"), ("4", "😡", "test")
    )
    audit_leakage(rows, policy="error", near_duplicates=0.9)


def test_dropping_everything_is_an_error() -> None:
    rows = table(("1", "a", "train"), ("2", "a", "test"))
    with pytest.raises(LeakageError, match="every training row also occurs"):
        audit_leakage(rows, policy="drop", near_duplicates=0)


def test_a_report_counts_rows_and_shows_some() -> None:
    rows = table(("1", "a", "train"), ("2", "a", "test"), ("3", "b", "train"))
    report = audit_leakage(rows, policy="drop", near_duplicates=0.9)[1]
    assert report.policy == "drop"
    assert report.found == {"group": 0, "exact": 1, "normalised": 0, "near": 0}
    assert report.dropped == {"train": 1, "validation": 0}
    assert report.examples == (
        {"kind": "exact", "similarity": 1.0, "split": "train", "id": "1", "text": "a",
         "other_split": "test", "other_id": "2", "other_text": "a"},
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "A!", "b", "c c", "cc"]),
            st.sampled_from(["train", "validation", "test"]),
            st.integers(0, 9),
        ),
        min_size=1,
    )
)
def test_after_dropping_the_audit_finds_nothing_and_test_is_whole(
    found: list[tuple[str, str, int]],
) -> None:
    rows = table(
        *((str(place), text, split) for place, (text, split, _) in enumerate(found)),
        ("kept", "only in train", "train"),
        groups=[f"g{group}" for *_, group in found] + ["own"],
    )
    kept, report = audit_leakage(rows, policy="drop", near_duplicates=0.9)
    assert audit_leakage(kept, policy="error", near_duplicates=0.9)[1].total == 0
    tests = pl.col("split") == "test"
    assert kept.filter(tests).equals(rows.filter(tests))
    assert rows.height - kept.height == sum(report.dropped.values()) >= report.total
