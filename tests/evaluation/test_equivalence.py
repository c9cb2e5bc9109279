"""Two one-sided tests against a margin: numbers of other libraries, laws, and few rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, ttest_1samp
from statsmodels.stats.weightstats import DescrStatsW

from babelift.errors import ConfigError, DataError
from babelift.evaluation.differences import paired_differences
from babelift.evaluation.equivalence import equivalence
from babelift.evaluation.multiple_tests import holm, holm_of_exclusive


def gain(rows, values):
    """Arm and base of one seed whose difference is +1, 0 or -1 in each row."""
    values = np.asarray(values)
    return paired_differences([values > 0], [values < 0], ["de"] * rows, range(rows))


def drawn(rows, up, down, seed=0):
    return np.random.default_rng(seed).choice([1, 0, -1], rows, p=[up, 1 - up - down, down])


@pytest.mark.parametrize(("up", "down"), [(0.1, 0.1), (0.05, 0.08), (0.2, 0.1)])
def test_one_seed_of_single_items_is_the_paired_t_test(up, down):
    values = drawn(4000, up, down)
    found = equivalence(gain(4000, values), 0.03).mean
    # One more item is taken to differ: of 4,000 with hundreds that do, this hides in the digits.
    below = ttest_1samp(values, -0.03, alternative="greater")
    above = ttest_1samp(values, 0.03, alternative="less")
    assert found.p_below == pytest.approx(below.pvalue, rel=0.05, abs=1e-9)
    assert found.p_above == pytest.approx(above.pvalue, rel=0.05, abs=1e-9)
    p, _, _ = DescrStatsW(values).ttost_mean(-0.03, 0.03)
    assert found.p == pytest.approx(p, rel=0.05, abs=1e-9)
    assert found.interval == pytest.approx(tuple(DescrStatsW(values).tconfint_mean(0.1)), abs=1e-4)


@pytest.mark.parametrize(("rows", "same"), [(100, False), (250, False), (300, True)])
def test_rows_that_all_agree_are_three_over_the_margin_at_least(rows, same):
    # With 1 row in 100 lost, 298 rows that all agree come about one time in twenty.
    found = equivalence(gain(rows, np.zeros(rows)), 0.01).mean
    assert (found.p <= 0.05) == same


@given(
    st.integers(1, 4), st.integers(1, 3), st.floats(0.001, 0.6), st.integers(0, 10_000),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_both_tests_pass_where_the_interval_lies_within_the_margin(seeds, langs, margin, seed):
    rng = np.random.default_rng(seed)
    right = rng.random((2, seeds, 20 * langs)) < rng.random((2, 1, 1))
    differences = paired_differences(*right, np.repeat([*"abc"][:langs], 20), range(20 * langs))
    found = equivalence(differences, margin)
    for each in (found.mean, *found.languages.values()):
        low, high = each.interval
        assert 0 <= each.p_below <= 1
        if each.p < 0.0499:
            assert -margin < low <= high < margin
        elif each.p > 0.0501:
            assert not -margin <= low <= high <= margin
        assert (each.p_below < 0.05) == (low > -margin) or abs(each.p_below - 0.05) < 1e-4


def test_the_sides_change_places_with_the_signs():
    values = drawn(300, 0.1, 0.15)
    there, back = (equivalence(gain(300, sign * values), 0.02).mean for sign in (1, -1))
    assert (there.p_below, there.p_above) == pytest.approx((back.p_above, back.p_below))


@pytest.mark.parametrize("margin", [0, -0.1, 1, float("nan"), float("inf")])
def test_what_is_no_margin_is_refused(margin):
    with pytest.raises(ConfigError, match="a margin must be a share"):
        equivalence(gain(4, [1, 0, 0, -1]), margin)


probabilities = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(st.lists(probabilities, min_size=1, max_size=5), st.data())
@settings(max_examples=50, deadline=None)
def test_exclusive_hypotheses_cost_no_more_than_bonferroni_and_keep_their_order(p, data):
    weights = data.draw(
        st.lists(st.floats(0.5, 5), min_size=len(p), max_size=len(p)), label="weights"
    )
    adjusted = holm_of_exclusive(p, weights)
    once = np.minimum(np.array(p) * np.sum(weights) / np.array(weights)[:, None], 1)
    assert (adjusted >= np.array(p) - 1e-12).all()
    assert (adjusted <= once + 1e-9).all()
    scaled = (np.array(p) / np.array(weights)[:, None]).ravel()
    assert (np.diff(adjusted.ravel()[np.argsort(scaled, kind="stable")]) >= -1e-12).all()
    first = [row[:1] for row in p]
    assert holm_of_exclusive(first, weights).ravel() == pytest.approx(
        holm([row[0] for row in p], weights)
    )


def test_what_is_no_probability_or_weight_is_refused():
    for p, weights in (([0.5], None), ([[1.5]], None), ([[0.5]], [0]), ([[0.5]], [1, 2])):
        with pytest.raises(DataError):
            holm_of_exclusive(p, weights)


def test_false_claims_of_one_family_stay_at_the_level():
    # Two differences of nothing and one that lies the margin below: three true hypotheses of nine.
    true, margin, error = np.array([0.0, -2.0, 0.0]), 2.0, 0.6
    seen = np.random.default_rng(3).normal(true, error, (4000, 3))
    false = 0
    for z in seen:
        p = [
            2 * norm.sf(abs(z) / error),
            norm.sf((z + margin) / error),
            norm.sf((margin - z) / error),
        ]
        sure = holm_of_exclusive(np.transpose(p)) <= 0.05
        false += bool(sure[0, 0] or sure[1, 1] or sure[2, 0])
    assert 0.03 < false / 4000 < 0.06
