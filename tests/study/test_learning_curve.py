"""Power laws and mean scores with their luck: exact on known parameters, as comparisons have it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from babelift.evaluation.crossed import PairedRows, critical, crossed, spread
from babelift.study.learning_curve import EXPONENTS, cells, power_law

SIZES = np.array([50.0, 100, 200, 400, 800])


def drawn(scores, seeds=5, rows=400, seed=0):
    """Right and wrong with these chances, items of their own difficulty."""
    generator = np.random.default_rng(seed)
    hard = generator.normal(0, 1, rows)
    noise = generator.normal(0, 1, (len(scores), seeds, rows))
    limits = stats.norm.ppf(scores) * 2**0.5
    return (hard + noise < limits[:, None, None]).astype(float)


def test_a_power_law_is_found_again():
    exponent = float(EXPONENTS[20])
    scores = 0.8 - 0.3 * (SIZES / 50) ** -exponent
    curve = power_law(SIZES, scores)
    assert curve.at(SIZES) == pytest.approx(scores)
    assert curve.parameters == pytest.approx({"ceiling": 0.8, "drop": 0.3, "exponent": exponent})
    assert curve.at(np.array([283.0])) == pytest.approx(0.8 - 0.3 * (283 / 50) ** -exponent)


def test_falling_scores_make_a_level_power_law_at_their_mean():
    curve = power_law(SIZES, np.array([0.7, 0.65, 0.6, 0.55, 0.5]))
    assert curve.at(SIZES) == pytest.approx(np.full(5, 0.6))
    assert curve.drop == 0


def test_a_step_takes_the_largest_exponent():
    assert power_law(SIZES, np.array([0.5, 0.75, 0.75, 0.75, 0.75])).exponent == EXPONENTS[-1]


@given(st.integers(0, len(EXPONENTS) - 1), st.floats(0, 1), st.floats(50, 800))
def test_weights_give_back_every_curve_near_the_fit(place, drop, number):
    exponent = EXPONENTS[place]
    curve = power_law(SIZES, 0.9 - drop * (SIZES / 50) ** -exponent)
    if drop < 0.01:
        return

    def moved(n):  # the curve, and what a change of its exponent adds
        shrunk = (n / 50) ** -exponent
        return 0.7 - 0.2 * shrunk + 0.1 * shrunk * np.log(n / 50)

    at = np.array([number])
    assert curve.weights(at) @ moved(SIZES) == pytest.approx(moved(at), abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 6), st.integers(0, 1000), st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_the_luck_of_a_difference_of_cells_is_that_of_a_comparison(seeds, seed, weights):
    right = drawn([0.5, 0.6, 0.7], seeds, 40, seed)
    items = np.arange(40) // 2 % 13  # several rows of an item
    weights = np.array(weights)
    difference = np.einsum("c,csr->sr", weights, right)
    rows = PairedRows(difference, np.zeros(40, dtype=np.int64), items, ("ja",))
    parts, measured = crossed(rows), cells(right, items)
    ours = [weights @ part @ weights for part in
            (measured.seeds, measured.items, measured.residual)]  # fmt: skip
    assert ours == pytest.approx([parts.seeds, parts.items, parts.residual], abs=1e-12)
    luck = spread(parts, seeds, 12)
    errors = float(critical(0.05, luck.seed_share, seeds, 12))
    assert measured.reach(weights[None])[0] == pytest.approx(errors * luck.variance**0.5, abs=1e-9)


def test_where_seeds_alone_differ_it_is_a_t_test():
    # every item is right .2, .4 and .9 of the time
    right = np.repeat([[0.2], [0.4], [0.9]], 200, axis=1)[None]
    low, high = stats.ttest_1samp([0.2, 0.4, 0.9], 0).confidence_interval(0.95)
    measured = cells(right, range(200))
    assert measured.means[0] == pytest.approx(0.5)
    assert measured.reach(np.eye(1))[0] == pytest.approx((high - low) / 2)


def test_a_power_law_is_missed_as_often_as_is_said():
    scores = 0.85 - 0.35 * (SIZES / 50) ** -0.35
    chances = []
    for seed in range(300):
        measured = cells(drawn(scores, seeds=4, rows=150, seed=seed), range(150))
        chances.append(power_law(SIZES, measured.means).misfit(measured))
    assert 0.06 <= np.mean(np.array(chances) < 0.1) <= 0.15


def test_a_late_jump_is_no_power_law():
    measured = cells(drawn([0.3, 0.3, 0.3, 0.7, 0.72]), range(400))
    assert power_law(SIZES, measured.means).misfit(measured) < 1e-6


def test_scores_without_any_luck_are_missed_for_sure_or_not_at_all():
    for scores, missed in ((0.8 - 0.3 * 50 / SIZES, False), ([0.3, 0.3, 0.3, 0.7, 0.7], True)):
        right = np.repeat(np.asarray(scores)[:, None, None], 20, axis=2).repeat(2, axis=1)
        measured = cells(right, range(20))
        curve = power_law(SIZES, measured.means)
        exact = curve.misfit(measured)
        assert (exact < 1e-6) == missed or curve.exponent != 1
