"""Paired differences: hand-worked cases, properties, and what happens at the edges."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.errors import ConfigError
from babelift.evaluation.crossed import Crossed
from babelift.evaluation.differences import paired_differences


def mix(plus, minus, ties):
    """Rows on which only the arm is right, only the base, or both: `(2, rows)`."""
    return np.array([[1] * plus + [0] * minus + [1] * ties, [0] * plus + [1] * minus + [1] * ties])


def test_one_seed_is_the_paired_difference_of_proportions():
    # 30 wins and 10 losses in 100: mean .2, variance (.4 - .04) / 99, t of 99 degrees 1.984.
    arm, base = mix(30, 10, 60)
    found = paired_differences([arm], [base], ["de"] * 100, range(100)).mean
    assert found.delta == pytest.approx(0.2)
    assert found.standard_error == pytest.approx((0.36 / 99) ** 0.5)
    assert found.interval == pytest.approx((0.2 - 1.984 * 0.0603, 0.2 + 1.984 * 0.0603), abs=1e-4)
    assert found.p == pytest.approx(0.00128, rel=0.02)
    assert (found.seeds, found.items, found.seeds_seen) == (1, 100, False)


def test_seeds_that_all_say_the_same_add_nothing():
    arm, base = mix(30, 10, 60)
    one = paired_differences([arm], [base], ["de"] * 100, range(100)).mean
    five = paired_differences([arm] * 5, [base] * 5, ["de"] * 100, range(100)).mean
    assert five.standard_error == pytest.approx(one.standard_error)
    assert five.interval == pytest.approx(one.interval)
    # Five seeds are too few for a p as small as the rows alone would give.
    assert one.p < five.p < 0.05
    assert five.seeds_seen
    assert five.seed_share == 0


def test_where_items_agree_it_is_the_t_test_of_the_seeds():
    # Each seed gains on all items or on none: 1, 1, 0, 1, so t = .75 / .25 = 3 with 3 degrees.
    gains = np.repeat([[1], [1], [0], [1]], 10, axis=1)
    found = paired_differences(gains, np.zeros((4, 10)), ["de"] * 10, range(10)).mean
    assert found.delta == 0.75
    assert found.standard_error == pytest.approx(0.25)
    assert found.p == pytest.approx(0.0577, abs=1e-4)
    assert found.seed_share == pytest.approx(1)


def test_each_language_is_measured_and_counts_once():
    arm, base = mix(4, 0, 4), mix(0, 0, 2)
    found = paired_differences(
        [np.concatenate([arm[0], base[0]])],
        [np.concatenate([arm[1], base[1]])],
        ["de"] * 8 + ["ja"] * 2,
        range(10),
    )
    assert {lang: one.delta for lang, one in found.languages.items()} == {"de": 0.5, "ja": 0.0}
    assert found.mean.delta == 0.25
    assert found.mean.standard_error == pytest.approx(found.languages["de"].standard_error / 2)


def test_no_difference_anywhere_has_p_1_and_an_interval_of_no_width():
    right = np.random.default_rng(0).random((3, 40)) < 0.5
    for seeds in (1, 2, 3):
        found = paired_differences(right[:seeds], right[:seeds], ["de", "ja"] * 20, range(40))
        for one in (found.mean, *found.languages.values()):
            assert (one.delta, one.interval, one.p, one.standard_error) == (0, (0, 0), 1, 0)


def test_a_few_items_that_all_gain_claim_no_more_than_their_signs_allow():
    found = paired_differences(np.ones((3, 4)), np.zeros((3, 4)), ["de"] * 4, range(4)).mean
    assert found.delta == 1
    assert found.p == 2 / 2**4
    assert found.interval == (0, 1)
    many = paired_differences(np.ones((3, 9)), np.zeros((3, 9)), ["de"] * 9, range(9)).mean
    assert many.p == 2 / 2**9
    assert many.interval == (1, 1)


def test_components_give_back_the_study_s_own_variances():
    generator = np.random.default_rng(2)
    right = generator.random((2, 6, 300)) < 0.3 + 0.5 * generator.random((1, 6, 1))
    langs, groups = np.repeat(["de", "fr", "ja"], 100), np.tile(np.arange(100), 3)
    found = paired_differences(right[0], right[1], langs, groups)
    parts = found.components.of(languages=3, seeds=6, items=100)
    assert isinstance(parts, Crossed)
    variance = max(parts.seeds + parts.pure_items, parts.items / 2)
    assert variance**0.5 == pytest.approx(found.mean.standard_error, rel=0.02)


def test_one_seed_has_no_components_and_everything_is_ready_for_json():
    arm, base = mix(3, 1, 6)
    found = paired_differences([arm], [base], ["de"] * 10, range(10))
    assert found.components is None
    assert json.loads(json.dumps(found.to_dict()))["mean"]["seeds_seen"] is False
    two = paired_differences([arm] * 2, [base] * 2, ["de"] * 10, range(10))
    assert json.loads(json.dumps(two.to_dict()))["components"]["seed"] == 0


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, float("nan")])
def test_a_level_must_be_a_probability(level):
    with pytest.raises(ConfigError, match="level must be between 0 and 1"):
        paired_differences([[1, 0]], [[0, 0]], ["de"] * 2, range(2), level=level)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.integers(2, 12))
def test_swapping_arm_and_base_turns_the_sign_and_order_does_not_matter(
    number, seeds, languages, items
):
    generator = np.random.default_rng(number)
    rows = languages * items
    arm, base = generator.integers(0, 2, (2, seeds, rows))
    langs, groups = np.repeat(np.arange(languages), items), np.tile(np.arange(items), languages)
    found = paired_differences(arm, base, langs, groups).mean
    low, high = found.interval
    assert -1 <= low <= found.delta <= high <= 1
    assert 0 < found.p <= 1
    assert abs(found.p - 0.05) < 1e-6 or (found.p <= 0.05) == (not low <= 0 <= high)
    turned = paired_differences(base, arm, langs, groups).mean
    assert turned.delta == pytest.approx(-found.delta, abs=1e-12)
    assert turned.p == pytest.approx(found.p, rel=1e-6)
    order, people = generator.permutation(rows), generator.permutation(seeds)
    mixed = paired_differences(
        arm[people][:, order], base[people][:, order], langs[order], groups[order]
    ).mean
    assert mixed.interval == pytest.approx(found.interval, abs=1e-9)
