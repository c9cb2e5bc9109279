"""Bootstrap intervals: exact on cases with a known answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from babelift.evaluation.metrics import bootstrap_f1


def test_the_interval_of_an_accuracy_is_that_of_a_binomial() -> None:
    true = np.zeros(400, dtype=np.int64)
    predicted = np.repeat([0, 1], [300, 100])
    low, high = bootstrap_f1(true, predicted, 2, resamples=20_000).micro
    assert low == pytest.approx(stats.binom.ppf(0.025, 400, 0.75) / 400, abs=0.003)
    assert high == pytest.approx(stats.binom.ppf(0.975, 400, 0.75) / 400, abs=0.003)


def test_it_agrees_with_drawing_rows_one_by_one() -> None:
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 120)
    predicted = np.where(rng.random(120) < 0.6, true, rng.integers(0, 3, 120))
    from sklearn.metrics import f1_score

    drawn = [
        f1_score(true[rows], predicted[rows], average="macro")
        for rows in rng.integers(0, 120, (500, 120))
    ]
    ours = bootstrap_f1(true, predicted, 3, resamples=5000).macro
    assert ours == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_rows_of_one_item_are_drawn_together() -> None:
    true = np.zeros(400, dtype=np.int64)
    predicted = np.tile(np.repeat([0, 1], 10), 20)
    groups = [f"item-{number // 10}" for number in range(400)]
    apart = bootstrap_f1(true, predicted, 2).micro
    together = bootstrap_f1(true, predicted, 2, groups).micro
    # forty items of ten equal rows know as much as forty rows: an interval sqrt(10) times as wide
    ratio = (together[1] - together[0]) / (apart[1] - apart[0])
    assert ratio == pytest.approx(10**0.5, rel=0.15)


def test_groups_of_one_row_change_nothing() -> None:
    true, predicted = np.array([0, 1, 1, 0] * 9), np.array([0, 1, 0, 0] * 9)
    with_groups = bootstrap_f1(true, predicted, 2, list(range(36)))
    assert with_groups == bootstrap_f1(true, predicted, 2)


def test_right_on_every_row_leaves_no_width() -> None:
    assert bootstrap_f1(np.array([0, 1]), np.array([0, 1]), 2).micro == (1.0, 1.0)


def test_many_labels_and_many_groups_do_not_need_their_product_in_memory() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 700, (2, 3000))
    intervals = bootstrap_f1(true, predicted, 700, list(rng.integers(0, 1000, 3000)), resamples=50)
    assert 0 <= intervals.macro[0] <= intervals.macro[1] <= 1


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
        results.append(bootstrap_f1(np.array(true), np.array(predicted), 3, groups, resamples=40))
    assert results[0] == results[1] == results[2]
    for low, high in (results[0].micro, results[0].macro):
        assert 0 <= low <= high <= 1
