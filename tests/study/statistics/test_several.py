"""Holm's adjustment and counts of languages: worked examples, properties, guarantees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.errors import DataError
from babelift.study.statistics.several import holm, partial_conjunction, replicability

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_s_worked_example():
    # Sorted .005, .01, .03, .04 times 4, 3, 2, 1, made non-decreasing: .02, .03, .06, .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_agrees_with_statsmodels():
    from statsmodels.stats.multitest import multipletests

    values = np.random.default_rng(0).random(20) ** 3
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])


def test_one_test_is_not_adjusted_and_none_is_nothing():
    assert holm([0.04]).tolist() == [0.04]
    assert holm([]).tolist() == []


@given(probabilities)
def test_holm_lies_between_the_raw_values_and_bonferroni(values):
    adjusted = holm(values)
    assert (adjusted >= np.array(values)).all()
    assert (adjusted <= np.minimum(np.array(values) * len(values), 1)).all()


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
