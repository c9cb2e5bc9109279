"""Holm's adjustment, counts of languages, the sign-flip test: worked examples and properties."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.errors import DataError
from babelift.evaluation.multiple_tests import (
    holm,
    partial_conjunction,
    replicability,
    sign_flip,
)

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_s_worked_example():
    # Sorted .005, .01, .03, .04 times 4, 3, 2, 1, made non-decreasing: .02, .03, .06, .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_test_is_not_adjusted_and_none_is_nothing():
    assert holm([0.04]).tolist() == [0.04]
    assert holm([]).tolist() == []


@given(probabilities)
def test_holm_lies_between_the_raw_values_and_bonferroni(values):
    adjusted = holm(values)
    assert (adjusted >= np.array(values)).all()
    assert (adjusted <= np.minimum(np.array(values) * len(values), 1)).all()


def test_weighted_holm_by_hand():
    # p over weight .01, .02, .5: .01 * 4, then .02 * 2 which is no less, then .5 * 1.
    assert holm([0.02, 0.02, 0.5], [2, 1, 1]) == pytest.approx([0.04, 0.04, 0.5])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 10)), min_size=1, max_size=8))
def test_weighted_holm_is_the_closed_test_of_weighted_bonferroni(pairs):
    values, weights = map(np.array, zip(*pairs, strict=True))
    adjusted = holm(values, weights)
    for number in range(len(values)):
        # The largest weighted Bonferroni p among all intersections that the hypothesis is in.
        others = [other for other in range(len(values)) if other != number]
        largest = 0.0
        for picks in product([False, True], repeat=len(others)):
            members = [number, *(other for other, pick in zip(others, picks, strict=True) if pick)]
            total = weights[members].sum()
            largest = max(largest, min(1, (values[members] / weights[members]).min() * total))
        assert adjusted[number] == pytest.approx(largest)


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, np.inf]])
def test_weights_that_cannot_be_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        holm([0.1, 0.2], weights)


def test_partial_conjunctions_by_hand():
    # 3 * .01, 2 * .02, 1 * .3.
    assert partial_conjunction([0.3, 0.01, 0.02]) == pytest.approx([0.03, 0.04, 0.3])
    # All of them at once: the largest p (the intersection-union test).
    assert partial_conjunction([0.2, 0.1])[-1] == 0.2


def test_languages_are_counted_with_a_guarantee_and_without():
    found = replicability([0.05, 0.04, 0.03, -0.01], [0.001, 0.004, 0.2, 0.6])
    assert (found.positive, found.negative) == (3, 1)
    # One-sided .0005 * 4 and .002 * 3 are below .025; .1 * 2 is not.
    assert (found.gains, found.losses) == (2, 0)


def test_losses_are_counted_like_gains():
    found = replicability([-0.05, -0.04, 0.03], [0.001, 0.004, 0.2])
    assert (found.gains, found.losses, found.positive, found.negative) == (0, 2, 1, 2)


def test_languages_without_any_difference_count_for_neither():
    found = replicability([0.0, 0.0], [1.0, 1.0])
    assert (found.positive, found.negative, found.gains, found.losses) == (0, 0, 0, 0)


def test_in_how_many_languages_is_overstated_at_most_at_the_level():
    # Two languages of five truly gain, hugely; more than two are claimed in at most 2.5 %.
    generator = np.random.default_rng(4)
    z = generator.normal(size=(2000, 5)) + np.array([9, 9, 0, 0, 0])
    from scipy.special import ndtr

    claimed = [replicability(one, 2 * ndtr(-abs(one))).gains > 2 for one in z]
    assert np.mean(claimed) <= 0.025 + 3 * (0.025 * 0.975 / 2000) ** 0.5


@pytest.mark.parametrize("values", [[0.1, 1.2], [-0.1], [float("nan")], [[0.1]]])
def test_what_is_no_probability_is_refused(values):
    with pytest.raises(DataError, match="p-values"):
        holm(values)


def test_lengths_that_differ_are_refused():
    with pytest.raises(DataError, match="2 differences have 1 p-values"):
        replicability([0.1, 0.2], [0.5])
    with pytest.raises(DataError, match="finite"):
        replicability([float("nan")], [0.5])


def test_six_languages_that_all_gain_give_2_in_64():
    found = sign_flip([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
    assert found.p == found.smallest == 2 / 64


def test_with_five_languages_the_5_percent_level_cannot_be_reached():
    assert sign_flip([0.1] * 5).p == 2 / 32 > 0.05


def test_three_languages_by_hand():
    # Sums of +-1, +-2, +-4: seen 1 + 2 - 4 = -1; all eight are at least as far from zero.
    assert sign_flip([1, 2, -4]).p == 1
    # Seen 5: +-7 and +-5.
    assert sign_flip([-1, 2, 4]).p == 4 / 8


def test_fisher_s_analysis_of_darwin_s_maize():
    # Fisher 1935, The Design of Experiments, section 21: of 2**15 sign patterns, 863 give as large
    # a total in one direction (835 larger and 28 equal); two-sided 1726 / 32768 = .0527.
    eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip(eighths).p == 1726 / 32768


def test_no_difference_at_all_has_p_1():
    assert sign_flip([0.0] * 6).p == 1
    assert sign_flip([0.0]).p == 1
    assert sign_flip([0.3]).p == 1


def test_ties_by_rounding_count():
    # .1 + .2 - .3 is not 0 in floating point, but the sum it stands for is.
    assert sign_flip([0.1, 0.2, -0.3]).p == 1
    assert sign_flip([0.1, 0.1, 0.1]).p == 0.25


def test_forty_languages_are_still_counted_one_by_one():
    assert sign_flip([1.0] * 40).p == 2.0**-39
    assert sign_flip([1.0] * 39 + [-1.0]).p == 2 * 41 / 2**40


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_it_is_what_brute_force_says(deltas):
    seen = abs(sum(deltas))
    sums = [
        abs(sum(sign * delta for sign, delta in zip(signs, deltas, strict=True)))
        for signs in product((1, -1), repeat=len(deltas))
    ]
    assert sign_flip(deltas).p == np.mean([one >= seen for one in sums])
    assert sign_flip(deltas).p >= 2.0 ** (1 - len(deltas))


@pytest.mark.parametrize("deltas", [[], [1.0] * 41, [[1.0, 2.0]], [0.1, float("nan")], [np.inf]])
def test_what_is_no_list_of_differences_is_refused(deltas):
    with pytest.raises(DataError):
        sign_flip(deltas)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_agrees_with_statsmodels(values):
    from statsmodels.stats.multitest import multipletests

    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])
