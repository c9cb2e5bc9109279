"""The variance of a crossed mean: hand-worked tables, and draws whose variances are known."""

import numpy as np
import pytest

from babelift.study.statistics.crossed import Comparison, crossed, language_means, make_comparison


def of_items(means, langs=None, items=None):
    """A comparison of differences as they are given."""
    difference = np.atleast_2d(np.asarray(means, dtype=np.float64))
    rows = difference.shape[1]
    langs = np.zeros(rows, dtype=np.int64) if langs is None else np.asarray(langs)
    items = np.arange(rows) if items is None else np.asarray(items)
    return Comparison(difference, langs, items, tuple(map(str, sorted(set(langs.tolist())))))


def test_with_one_seed_it_is_the_variance_of_a_mean():
    found = crossed(of_items([1, 0, 0, -1, 1, 0]))
    assert found.items == pytest.approx(np.var([1, 0, 0, -1, 1, 0], ddof=1) / 6)
    assert (found.seeds, found.residual) == (0, 0)


def test_a_table_worked_by_hand():
    # Seeds' means 1/2 and 0: variance 1/8, over two seeds 1/16.
    # Items' means 1/2 and 0: variance 1/8, over two items 1/16.
    # What is left of [[1, 0], [0, 0]] is +-1/4: squares 4/16, over (2-1)(2-1) 1/4, over 4 1/16.
    found = crossed(of_items([[1, 0], [0, 0]]))
    assert (found.seeds, found.items, found.residual) == pytest.approx((1 / 16, 1 / 16, 1 / 16))


def test_a_balanced_table_gives_the_mean_squares_of_an_analysis_of_variance():
    table = np.random.default_rng(0).normal(size=(4, 9))
    found = crossed(of_items(table))
    rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    assert found.seeds == pytest.approx(table.mean(axis=1).var(ddof=1) / 4)
    assert found.items == pytest.approx(table.mean(axis=0).var(ddof=1) / 9)
    assert found.residual == pytest.approx((rest**2).sum() / (3 * 8) / (4 * 9))


def test_languages_apart_add_up_and_parallel_ones_move_together():
    half = [1, 0, 0, -1, 1, 0]
    one = crossed(of_items(half)).items
    langs = [0] * 6 + [1] * 6
    apart = crossed(of_items(half * 2, langs)).items
    together = crossed(of_items(half * 2, langs, [*range(6)] * 2)).items
    opposed = crossed(of_items(half + [-x for x in half], langs, [*range(6)] * 2)).items
    assert apart == pytest.approx(one / 2)
    assert together == pytest.approx(one)
    assert opposed == pytest.approx(0)


def test_a_language_s_own_mean_is_no_variance():
    assert crossed(of_items([1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1])).items == 0


def test_rows_of_one_item_are_one_draw():
    once = crossed(of_items([1, 0, 0, -1])).items
    twice = crossed(of_items(np.repeat([1, 0, 0, -1], 2), items=np.repeat(range(4), 2))).items
    assert twice == pytest.approx(once)


def test_each_language_counts_once_however_many_rows_it_has():
    made = make_comparison([[1] * 8 + [0, 0]], [[0] * 10], ["de"] * 8 + ["ja"] * 2, range(10))
    assert language_means(made).tolist() == [[1.0, 0.0]]


def test_the_parts_are_right_on_average():
    generator = np.random.default_rng(1)
    seed, item, rest = 0.3, 1.0, 2.0
    found = []
    for _ in range(400):
        table = (
            seed * generator.normal(size=(5, 1))
            + item * generator.normal(size=(1, 40))
            + rest * generator.normal(size=(5, 40))
        )
        parts = crossed(of_items(table))
        found.append((parts.seeds, parts.items, parts.residual))
    residual = rest**2 / 200
    expected = (seed**2 / 5 + residual, item**2 / 40 + residual, residual)
    assert np.mean(found, axis=0) == pytest.approx(expected, rel=0.12)
