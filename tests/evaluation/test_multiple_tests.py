"""Holm's adjustment, with weights and without: worked examples and properties."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.errors import DataError
from babelift.evaluation.multiple_tests import holm

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


@pytest.mark.parametrize("values", [[0.1, 1.2], [-0.1], [float("nan")], [[0.1]]])
def test_what_is_no_probability_is_refused(values):
    with pytest.raises(DataError, match="p-values"):
        holm(values)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_agrees_with_statsmodels(values):
    from statsmodels.stats.multitest import multipletests

    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])
