"""Splitting keeps items whole, shares fair, and depends on the seed alone."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.corpus import audit_leakage, split_by_group
from babelift.corpus.rows import originals
from babelift.errors import ConfigError, DataError

MANY = settings(max_examples=60, deadline=None)

LANGS = st.sampled_from(["en", "de"])
ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from("xyz"), LANGS, st.integers(0, 60)),
    min_size=1,
    max_size=80,
)


def table(found: list[tuple[int, str, str, int]]) -> pl.DataFrame:
    return originals(
        ids=[str(place) for place in range(len(found))],
        texts=[f"text {text}" for *_, text in found],
        labels=[label for _, label, _, _ in found],
        langs=[lang for _, _, lang, _ in found],
        groups=[f"g{group}" for group, *_ in found],
    )


def distinct(number: int, labels: str = "ab") -> pl.DataFrame:
    return table([(n, labels[n % len(labels)], "en", n) for n in range(number)])


@MANY
@given(ROWS, st.integers(0, 9))
def test_a_split_passes_the_leakage_audit_and_trains_on_every_label(
    found: list[tuple[int, str, str, int]], seed: int
) -> None:
    rows = table(found)
    try:
        split = split_by_group(rows, seed=seed)
    except DataError as error:
        assert "different items cannot be split" in error.message  # noqa: PT017
        return
    assert split.drop("split").equals(rows.drop("split"))
    assert split.group_by("group_id").agg(pl.col("split").n_unique())["split"].max() == 1
    audit_leakage(split, policy="error", near_duplicates=0)
    train = split.filter(pl.col("split") == "train")
    assert set(train["label"]) == set(rows["label"])
    assert set(split["split"]) == {"train", "validation", "test"}


@MANY
@given(st.integers(0, 9), st.randoms())
def test_a_split_depends_on_the_seed_and_not_on_the_order_of_rows(
    seed: int, chance: object
) -> None:
    rows = distinct(50)
    order = list(range(50))
    chance.shuffle(order)  # type: ignore[attr-defined]
    split = split_by_group(rows, seed=seed)
    shuffled = split_by_group(rows[order], seed=seed)
    assert shuffled.sort("id").equals(split.sort("id"))


def test_different_seeds_give_different_splits() -> None:
    rows = distinct(200)
    assert not split_by_group(rows, seed=0).equals(split_by_group(rows, seed=1))


@pytest.mark.parametrize("number", [30, 100, 999])
def test_shares_are_exact_and_fair_to_every_label_and_language(number: int) -> None:
    rows = table([(n, "abc"[n % 3], ["en", "de"][n % 2], n) for n in range(number)])
    split = split_by_group(rows, seed=3, validation=0.2, test=0.1)
    counts = Counter(split["split"])
    assert counts["test"] == round(0.1 * number)
    assert counts["validation"] == round(0.2 * number)
    for _, part in split.group_by("label", "lang"):
        tested = (part["split"] == "test").sum()
        assert abs(tested - 0.1 * part.height) <= 1.5


def test_a_share_of_nothing_gives_no_such_split() -> None:
    split = split_by_group(distinct(20), seed=0, validation=0, test=0.25)
    assert Counter(split["split"]) == {"train": 15, "test": 5}


def test_groups_with_a_common_text_stay_together() -> None:
    rows = table([(n, "ab"[n % 2], "en", n) for n in range(30)])
    rows = rows.with_columns(
        text=pl.when(pl.col("id").cast(int) < 15).then(pl.lit("Great!")).otherwise("text")
    )
    split = split_by_group(rows, seed=0)
    assert split.filter(pl.col("text") == "Great!")["split"].n_unique() == 1


def test_what_split_held_before_is_replaced() -> None:
    rows = distinct(40).with_columns(split=pl.lit("test"))
    assert Counter(split_by_group(rows, seed=0)["split"]) == {
        "train": 32,
        "test": 4,
        "validation": 4,
    }


def test_too_few_items_are_an_error_and_just_enough_are_not() -> None:
    with pytest.raises(DataError, match="3 different items cannot be split into train, test and"):
        split_by_group(distinct(3), seed=0)
    assert Counter(split_by_group(distinct(4), seed=0)["split"]) == {
        "train": 2, "test": 1, "validation": 1,
    }  # fmt: skip
    with pytest.raises(DataError, match="0 different items"):
        split_by_group(distinct(0), seed=0)


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    for shares in ({"test": 1.0}, {"test": 0.5, "validation": 0.5}, {"test": -0.1}):
        with pytest.raises(ConfigError, match="shares of validation and test"):
            split_by_group(distinct(9), seed=0, **shares)
