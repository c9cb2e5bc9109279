"""Shuffled pairs: every translation with another original, and nothing else changed."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from babelift.training.sampler import shuffled_pairs


def rows_of(counts):
    """Ten originals, and translations of the first so many of them into each language."""
    table = [(str(n), str(n), f"g{n}", "en", "xy"[n % 2]) for n in range(10)]
    for lang, count in counts.items():
        table += [(f"{n}@{lang}", str(n), f"g{n}", lang, "xy"[n % 2]) for n in range(count)]
    return pl.DataFrame(
        table, schema=["id", "original_id", "group_id", "lang", "label"], orient="row"
    )


@given(st.dictionaries(st.sampled_from(["de", "ja"]), st.integers(2, 10)), st.integers(0, 9))
def test_no_translation_keeps_its_original_and_each_original_as_many(counts, seed):
    rows = rows_of(counts)
    found = shuffled_pairs(rows, seed=seed)
    assert found.drop("original_id", "group_id").equals(rows.drop("original_id", "group_id"))
    assert found.head(10).equals(rows.head(10))
    assert (found["original_id"].tail(-10) != rows["original_id"].tail(-10)).all()
    per = found.group_by("lang", "original_id").len().sort("lang", "original_id")
    assert per.equals(rows.group_by("lang", "original_id").len().sort("lang", "original_id"))
    assert (found["group_id"] == "g" + found["original_id"]).all()


def test_the_dealing_depends_on_the_seed_alone():
    rows = rows_of({"de": 10})
    assert shuffled_pairs(rows, seed=1).equals(shuffled_pairs(rows, seed=1))
    assert not shuffled_pairs(rows, seed=1).equals(shuffled_pairs(rows, seed=2))


def test_a_translation_that_is_alone_in_its_language_stays():
    rows = rows_of({"de": 1})
    assert shuffled_pairs(rows, seed=0).equals(rows)
