"""The sign-flip test: the published smallest p, small cases by hand, and brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.errors import DataError
from babelift.study.statistics.several import languages_needed, sign_flip, smallest_p


def test_six_languages_that_all_gain_give_2_in_64():
    found = sign_flip([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
    assert found.p == found.smallest == 2 / 64


def test_with_five_languages_the_5_percent_level_cannot_be_reached():
    assert sign_flip([0.1] * 5).p == 2 / 32 > 0.05
    assert (languages_needed(0.05), languages_needed(0.01), languages_needed(1.0)) == (6, 8, 1)


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
    assert sign_flip(deltas).p >= smallest_p(len(deltas))


@pytest.mark.parametrize("deltas", [[], [1.0] * 41, [[1.0, 2.0]], [0.1, float("nan")], [np.inf]])
def test_what_is_no_list_of_differences_is_refused(deltas):
    with pytest.raises(DataError):
        sign_flip(deltas)


def test_a_level_of_zero_needs_endless_languages():
    with pytest.raises(DataError, match="above 0"):
        languages_needed(0)
