"""Learning curves: exact on known parameters, never falling, silent beyond their ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from babelift.study.learning_curve import EXPONENTS, choose, fit, isotonic

SIZES = np.array([50.0, 100, 200, 400, 800])


def one(score: float) -> np.ndarray:
    return np.array([score])


def test_a_power_law_is_found_again() -> None:
    exponent = float(EXPONENTS[20])
    curve = fit("power-law", SIZES, 0.8 - 0.3 * (SIZES[None] / 50) ** -exponent, np.ones(5))
    assert curve.fitted[0] == pytest.approx(0.8 - 0.3 * (SIZES / 50) ** -exponent)
    # the curve at 283 labels, and its derivative at 800
    score = 0.8 - 0.3 * (283 / 50) ** -exponent
    assert curve.reach(one(score))[0] == pytest.approx(283)
    assert curve.slope()[0] == pytest.approx(0.3 * exponent * 16**-exponent / 800)


def test_a_weight_counts_like_that_many_points() -> None:
    scores = np.array([[0.5, 0.6, 0.62, 0.7]])
    sizes = np.array([10.0, 20, 40, 80])
    lone = fit("power-law", sizes, scores, np.ones(4))
    doubled = fit("power-law", sizes, scores, np.full(4, 2.0))
    heavy = fit("power-law", sizes, scores, np.array([1.0, 1, 100, 1]))
    assert doubled.fitted == pytest.approx(lone.fitted)
    assert abs(heavy.fitted[0, 2] - 0.62) < abs(lone.fitted[0, 2] - 0.62)


def test_no_power_law_promises_more_than_a_perfect_score() -> None:
    curve = fit("power-law", SIZES, np.array([[0.5, 0.65, 0.8, 0.95, 1.0]]), np.ones(5))
    assert curve.fitted.max() <= 1


def test_falling_scores_make_a_level_power_law_at_their_mean() -> None:
    curve = fit("power-law", SIZES, np.array([[0.7, 0.65, 0.6, 0.55, 0.5]]), np.ones(5))
    assert curve.fitted[0] == pytest.approx(np.full(5, 0.6))
    assert curve.reach(one(0.59))[0] == -np.inf
    assert curve.reach(one(0.61))[0] == np.inf
    assert curve.reach(curve.fitted[:, 0])[0] == 50
    assert curve.slope()[0] == 0


def test_lines_in_the_logarithm_reach_the_geometric_mean_half_way_up() -> None:
    curve = fit("log-linear", np.array([100.0, 400, 900]), np.array([[0.5, 0.7, 0.8]]), np.ones(3))
    assert curve.reach(one(0.6))[0] == pytest.approx(200)
    assert curve.reach(one(0.75))[0] == pytest.approx(600)
    assert curve.slope()[0] == pytest.approx(0.1 / np.log(9 / 4) / 900)


def test_a_measured_score_is_reached_at_its_size() -> None:
    curve = fit("log-linear", np.array([100.0, 400, 900]), np.array([[0.5, 0.7, 0.8]]), np.ones(3))
    assert [curve.reach(one(score))[0] for score in (0.5, 0.7, 0.8)] == pytest.approx(
        [100, 400, 900]
    )


def test_a_level_stretch_is_reached_where_it_begins() -> None:
    curve = fit("log-linear", np.array([100.0, 400, 900]), np.array([[0.5, 0.7, 0.7]]), np.ones(3))
    assert curve.reach(one(0.7))[0] == pytest.approx(400)


@pytest.mark.parametrize("kind", ["power-law", "log-linear"])
def test_nothing_is_said_beyond_what_was_measured(kind) -> None:
    curve = fit(kind, SIZES, np.array([[0.4, 0.5, 0.58, 0.64, 0.69]]), np.ones(5))
    assert curve.reach(one(0.3))[0] == -np.inf
    assert curve.reach(one(0.75))[0] == np.inf


def test_one_size_only_tells_above_from_below() -> None:
    curve = fit("log-linear", np.array([100.0]), np.array([[0.5]]), np.ones(1))
    reached = [curve.reach(one(score))[0] for score in (0.4, 0.5, 0.6)]
    assert reached == [-np.inf, 100, np.inf]


def test_three_sizes_are_too_few_for_a_power_law() -> None:
    kind, why = choose(SIZES[:3], np.array([0.5, 0.6, 0.65]), np.ones(3), 0.0, 0)
    assert kind == "log-linear"
    assert why[0].startswith("3 numbers of labels are too few for a power law")


def test_a_power_law_is_refused_where_noise_does_not_explain_what_it_misses() -> None:
    late = np.array([0.2, 0.2, 0.2, 0.7, 0.72])
    assert choose(SIZES, late, np.full(5, 5.0), 0.01**2, 20)[0] == "log-linear"
    assert choose(SIZES, late, np.full(5, 5.0), 0.5**2, 20)[0] == "power-law"
    assert choose(SIZES, late, np.ones(5), 0.0, 0)[0] == "power-law"


scores = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=7)


@settings(deadline=None)
@given(scores, st.data())
def test_joined_scores_are_those_of_isotonic_regression(row, data) -> None:
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(row), max_size=len(row)))
    ours = isotonic(np.array([row]), np.array(weights, dtype=float))[0]
    theirs = IsotonicRegression().fit_transform(np.arange(len(row)), row, sample_weight=weights)
    assert ours == pytest.approx(theirs, abs=1e-9)


@settings(deadline=None)
@given(scores, st.sampled_from(["power-law", "log-linear"]), st.floats(-1, 1))
def test_a_curve_never_falls_and_a_higher_score_never_takes_fewer_labels(row, kind, score) -> None:
    sizes = 50.0 * 2 ** np.arange(len(row))
    if len(row) < 4:
        kind = "log-linear"
    curve = fit(kind, sizes, np.array([row]), np.ones(len(row)))
    assert (np.diff(curve.fitted[0]) >= -1e-9).all()
    few, more = curve.reach(one(score))[0], curve.reach(one(min(score + 0.1, 1.1)))[0]
    assert few <= more + 1e-6
    assert few in (-np.inf, np.inf) or sizes[0] <= few <= sizes[-1]
