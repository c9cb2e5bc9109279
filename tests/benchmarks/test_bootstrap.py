"""The paired bootstrap: hand-worked cases, known standard errors, and its coverage."""

import numpy as np
import pytest

from _bootstrap import paired_bootstrap

ONE, OTHER = 0, 1


def deltas(right, *, langs=None, groups=None, **options):
    """Differences between two models, given which rows (columns) each (row) is right on."""
    right = np.asarray(right, dtype=np.bool_)
    rows = right.shape[1]
    drawn = paired_bootstrap(
        right,
        np.zeros(rows, dtype=np.int64) if langs is None else np.asarray(langs),
        range(rows) if groups is None else groups,
        **options,
    )
    return drawn.resampled[:, ONE] - drawn.resampled[:, OTHER]


def mix(plus, minus, ties):
    """Rows on which only the first is right, only the other, or both."""
    return [[1] * plus + [0] * minus + [1] * ties, [0] * plus + [1] * minus + [1] * ties]


def test_two_items_are_drawn_in_all_four_ways():
    values, counts = np.unique(deltas([[1, 1], [0, 1]], resamples=20_000), return_counts=True)
    assert values.tolist() == [0.0, 0.5, 1.0]
    assert counts / 20_000 == pytest.approx([0.25, 0.5, 0.25], abs=0.015)


def test_the_spread_is_the_standard_error_of_a_mean_of_paired_differences():
    # 30 wins and 10 losses in 100: mean .2, variance .4 - .04, so a standard error of .06.
    found = deltas(mix(30, 10, 60))
    assert found.mean() == pytest.approx(0.2, abs=0.005)
    assert found.std() == pytest.approx(0.06, abs=0.003)


def test_rows_of_one_item_stay_together():
    one = deltas(mix(30, 10, 60)).std()
    twice = np.repeat(mix(30, 10, 60), 2, axis=1)
    found = deltas(twice, groups=np.repeat(np.arange(100), 2).tolist())
    assert found.std() == pytest.approx(one, rel=0.05)
    assert deltas(twice).std() == pytest.approx(one / 2**0.5, rel=0.05)


def test_languages_of_their_own_items_are_drawn_apart_and_parallel_ones_together():
    both, langs = np.hstack([mix(30, 10, 60)] * 2), np.repeat([0, 1], 100)
    apart = deltas(both, langs=langs)
    together = deltas(both, langs=langs, groups=[*range(100), *range(100)])
    assert apart[..., 0].std() == pytest.approx(0.06, abs=0.003)
    assert apart.mean(axis=1).std() == pytest.approx(0.06 / 2**0.5, abs=0.003)
    assert together.mean(axis=1).std() == pytest.approx(0.06, abs=0.003)
    assert (together[..., 0] == together[..., 1]).all()


def test_a_language_keeps_its_number_of_items_also_where_some_are_parallel():
    # Item 0 is in both languages, item 1 in the first and 2 in the second only.
    right = [[1, 1, 0, 0], [0, 0, 0, 0]]
    found = deltas(right, langs=np.array([0, 1, 0, 1]), groups=["a", "a", "b", "c"])
    assert (found == 0.5).all()


def test_the_same_seed_draws_the_same_items_however_much_memory_there_is(monkeypatch):
    whole = deltas(mix(3, 1, 6), resamples=50)
    assert np.array_equal(whole, deltas(mix(3, 1, 6), resamples=50))
    assert not np.array_equal(whole, deltas(mix(3, 1, 6), resamples=50, seed=1))
    monkeypatch.setattr("_bootstrap._CELLS_AT_A_TIME", 70)
    assert np.array_equal(whole, deltas(mix(3, 1, 6), resamples=50))


def test_ninety_five_percent_intervals_hold_the_truth_about_that_often():
    generator = np.random.default_rng(0)
    held = 0
    for number in range(300):
        drawn = generator.choice(3, size=100, p=[0.2, 0.1, 0.7])
        low, high = np.quantile(
            deltas([drawn != 1, drawn != 0], resamples=400, seed=number), [0.025, 0.975]
        )
        held += low <= 0.1 <= high
    assert 0.91 <= held / 300 <= 0.98
