"""Intervals of scores: hand-worked, at their limits, and how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint, samplesize_proportions_2indep_onetail

from babelift.evaluation.intervals import effective_rows, smallest_difference, wilson
from babelift.evaluation.metrics import macro_interval

NARROW = (1.0, 1.0)
"""An F1-micro interval that widens no F1-macro interval where the accuracy is 1."""


@pytest.mark.parametrize(("hits", "rows"), [(0, 3), (3, 3), (9, 10), (300, 400)])
def test_wilson_is_that_of_statsmodels(hits: int, rows: int) -> None:
    expected = proportion_confint(hits, rows, method="wilson")
    assert wilson(hits / rows, rows, stats.norm.ppf(0.975)) == pytest.approx(expected)


def test_rows_of_their_own_are_as_many_as_they_are() -> None:
    right = np.arange(40) < 31
    assert effective_rows(right) == effective_rows(right, list(range(40))) == 40


def test_effective_rows_by_hand() -> None:
    # Three items of two rows, of which 2, 1 and 0 are right: sums of 1, 0 and -1 about the half.
    # Variance of the share: (1 + 0 + 1) / 6² x 3/2 = 1/12, so .25 / (1/12) + 1 = 4 rows, times
    # the squared ratio of Student's t for 5 and 2 degrees of freedom, (2.571 / 4.303)² = .357:
    # 1.43, which is fewer than three items can be worth.
    right = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    assert effective_rows(right, list("aabbcc")) == 3
    # A hundred times as many: 200 / 600² x 300/299, so that 600 rows are worth 447.
    many = effective_rows(np.tile(right, 100), [f"{n // 2}" for n in range(600)])
    ratio = (stats.t.ppf(0.975, 599) / stats.t.ppf(0.975, 299)) ** 2
    assert many == pytest.approx(ratio * (0.25 / (200 / 600**2 * 300 / 299) + 1))
    assert 440 < many < 450


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_right_or_all_wrong_rows_are_worth_as_many_as_items(share: float) -> None:
    right = np.full(12, bool(share))
    assert effective_rows(right, [n // 3 for n in range(12)]) == 4
    assert effective_rows(right, ["one"] * 12) == 1
    # One item of eight rows and four of one: (8 + 4)² / (8² + 4).
    assert effective_rows(right, [max(n - 7, 0) for n in range(12)]) == pytest.approx(144 / 68)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1))
def test_effective_rows_lie_between_one_and_all_and_the_interval_holds_the_share(
    rows: list[tuple[bool, int]],
) -> None:
    right, groups = np.array([hit for hit, _ in rows]), [group for _, group in rows]
    known = effective_rows(right, groups)
    assert 1 <= known <= len(rows)
    low, high = wilson(float(right.mean()), known, 1.96)
    assert 0 <= low <= right.mean() + 1e-12
    assert right.mean() - 1e-12 <= high <= 1
    assert high - low > 0


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("rows", [9, 30, 300])
def test_intervals_of_few_and_clustered_rows_hold_the_truth(
    rows: int, share: float, size: int
) -> None:
    # Half of the items are all right or all wrong, so that their rows correlate by a half.
    random = np.random.default_rng(rows)
    groups = [number // size for number in range(rows)]
    covered = 0
    for _ in range(400):
        alike = np.repeat(random.random(rows // size) < 0.5, size)
        item = np.repeat(random.random(rows // size) < share, size)
        right = np.where(alike, item, random.random(rows) < share)
        low, high = wilson(float(right.mean()), effective_rows(right, groups), 1.96)
        covered += low <= share <= high
    assert covered / 400 > 0.9


@pytest.mark.parametrize(("one", "rows"), [(0.5, 100), (0.9, 50), (0.3, 400)])
def test_the_smallest_difference_takes_as_many_rows_as_statsmodels_says(
    one: float, rows: int
) -> None:
    difference = smallest_difference(one, rows)
    assert difference is not None
    side = -1 if one >= 0.5 else 1
    # Its one-tailed form at half the level, with the pooled variance under no difference.
    needed = samplesize_proportions_2indep_onetail(
        side * difference, one, power=0.8, ratio=1, alpha=0.05, value=0, alternative="two-sided"
    )
    assert needed == pytest.approx(rows, rel=0.01)


def test_the_smallest_difference_is_seen_four_times_in_five() -> None:
    random, rows = np.random.default_rng(0), 200
    difference = smallest_difference(0.9, rows)
    assert difference is not None
    one, two = (random.binomial(rows, p, 20_000) / rows for p in (0.9, 0.9 - difference))
    mean = (one + two) / 2
    errors = np.abs(one - two) / np.sqrt(2 * mean * (1 - mean) / rows)
    assert np.mean(errors > 1.96) == pytest.approx(0.8, abs=0.02)


def test_few_rows_show_no_difference_and_perfect_ones_show_some() -> None:
    assert smallest_difference(0.5, 3) is None
    perfect = [smallest_difference(1.0, rows) for rows in (3, 30, 300)]
    assert perfect == [smallest_difference(0.0, rows) for rows in (3, 30, 300)]
    assert all(value is not None and 0 < value < 1 for value in perfect)


def test_it_agrees_with_drawing_rows_one_by_one() -> None:
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 120)
    predicted = np.where(rng.random(120) < 0.6, true, rng.integers(0, 3, 120))
    from sklearn.metrics import f1_score

    drawn = [
        f1_score(true[rows], predicted[rows], average="macro")
        for rows in rng.integers(0, 120, (500, 120))
    ]
    ours = macro_interval(true, predicted, 3, micro=(0.9, 0.1), resamples=5000)
    assert ours == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_rows_of_one_item_are_drawn_together() -> None:
    true = np.tile([0, 1], 200)
    predicted = np.where(np.arange(400) % 40 < 20, true, 1 - true)
    groups = [f"item-{number // 10}" for number in range(400)]
    apart = macro_interval(true, predicted, 2, micro=(0.5, 0.5))
    together = macro_interval(true, predicted, 2, groups, micro=(0.5, 0.5))
    # forty items of ten equal rows know as much as forty rows: an interval sqrt(10) times as wide
    ratio = (together[1] - together[0]) / (apart[1] - apart[0])
    assert ratio == pytest.approx(10**0.5, rel=0.15)


def test_groups_of_one_row_change_nothing() -> None:
    true, predicted = np.array([0, 1, 1, 0] * 9), np.array([0, 1, 0, 0] * 9)
    with_groups = macro_interval(true, predicted, 2, list(range(36)), micro=(0.6, 0.9))
    assert with_groups == macro_interval(true, predicted, 2, micro=(0.6, 0.9))


def test_f1_macro_is_not_known_better_than_f1_micro() -> None:
    both = np.array([0, 1])
    assert macro_interval(both, both, 2, micro=NARROW) == (1.0, 1.0)
    low, high = macro_interval(both, both, 2, micro=(0.34, 1.0))
    assert (low, high) == (pytest.approx(0.34), 1.0)
    # One label alone is right: F1 of 2/3 and 0, mean 1/3; half of the rows are.
    low, high = macro_interval(both, np.array([0, 0]), 2, micro=(0.1, 0.9), resamples=1)
    assert low <= 1 / 3 - 0.4 + 1e-9 or low == 0
    assert high >= 1 / 3 + 0.4 - 1e-9


def test_many_labels_and_many_groups_do_not_need_their_product_in_memory() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 700, (2, 3000))
    groups = list(rng.integers(0, 1000, 3000))
    low, high = macro_interval(true, predicted, 700, groups, micro=(0.0, 0.01), resamples=50)
    assert 0 <= low <= high <= 1


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 5)), min_size=1),
    st.randoms(use_true_random=False),
)
def test_the_seed_decides_and_the_order_of_rows_does_not(
    rows: list[tuple[int, int, int]], random: object
) -> None:
    mixed = rows.copy()
    random.shuffle(mixed)  # type: ignore[attr-defined]
    results = []
    for table in (rows, mixed, rows):
        true, predicted, groups = (list(column) for column in zip(*table, strict=True))
        true, predicted = np.array(true), np.array(predicted)
        known = effective_rows(true == predicted, groups)
        micro = wilson(float(np.mean(true == predicted)), known, 1.96)
        macro = macro_interval(true, predicted, 3, groups, micro=micro, resamples=40)
        results.append([*micro, *macro])
        for low, high in (micro, macro):
            assert 0 <= low <= high <= 1
    assert results[0] == results[1] == results[2]
