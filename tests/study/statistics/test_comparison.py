"""Checked comparisons: what is refused, and how languages and items are numbered."""

import numpy as np
import polars as pl
import pytest

from babelift.errors import DataError
from babelift.study.statistics.crossed import make_comparison

ROWS = [[1, 0, 1, 1]]
LANGS = ["de", "de", "ja", "ja"]
GROUPS = [1, 2, 1, 2]


def test_languages_and_items_are_numbered():
    made = make_comparison(ROWS, [[0, 1, 1, 0]], LANGS, GROUPS)
    assert made.names == ("de", "ja")
    assert made.difference.tolist() == [[1, -1, 0, 1]]
    assert made.items.tolist() == [0, 1, 0, 1]
    assert made.present.tolist() == [[True, True], [True, True]]
    assert made.of(1).difference.tolist() == [[0, 1]]


def test_groups_may_be_anything_that_can_be_told_apart():
    for groups in (["a", "b", "a", "b"], [("x", 1), None, ("x", 1), None], np.array([7, 3, 7, 3])):
        items = make_comparison(ROWS, ROWS, LANGS, groups).items
        assert items[0] == items[2] != items[1] == items[3]


def test_columns_of_a_table_will_do():
    table = pl.DataFrame({"lang": LANGS, "group": ["a", "b", "a", "b"]})
    made = make_comparison(np.array(ROWS, dtype=bool), ROWS, table["lang"], table["group"])
    assert made.names == ("de", "ja")
    assert made.difference.sum() == 0


@pytest.mark.parametrize(
    ("arm", "base", "langs", "groups", "said"),
    [
        ([[1, 0]], [[1, 0, 1]], ["de"] * 2, [1, 2], "right_arm is (1, 2) and right_base (1, 3)"),
        ([[1, 0]] * 2, [[1, 0]], ["de"] * 2, [1, 2], "(2, 2)"),
        ([1, 0], [1, 0], ["de"] * 2, [1, 2], "must be (seeds, rows)"),
        ([[]], [[]], [], [], "neither of them none"),
        (np.zeros((0, 2)), np.zeros((0, 2)), ["de"] * 2, [1, 2], "neither of them none"),
        ([[1, 0]], [[1, 0]], ["de"], [1, 2], "langs has 1 entries for 2 rows"),
        ([[1, 0]], [[1, 0]], ["de"] * 2, [1, 2, 3], "groups has 3 entries for 2 rows"),
        ([[1, np.nan]], [[1, 0]], ["de"] * 2, [1, 2], "other than 0 and 1"),
        ([[1, 0]], [[1, 0.5]], ["de"] * 2, [1, 2], "right_base holds values"),
        ([["yes", "no"]], [[1, 0]], ["de"] * 2, [1, 2], "must be an array"),
        ([[1], [1, 0]], [[1, 0]], ["de"] * 2, [1, 2], "must be an array"),
        ([[1, 0]], [[1, 0]], ["de"] * 2, [1, 1], "'de' has fewer than two test items"),
        ([[1, 0, 1]], [[1, 0, 1]], ["de", "de", "ja"], [1, 2, 3], "'ja' has fewer than two"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arm, base, langs, groups, said):
    with pytest.raises(DataError) as error:
        make_comparison(arm, base, langs, groups)
    assert said in str(error.value)
