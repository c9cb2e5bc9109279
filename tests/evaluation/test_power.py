"""Power of paired differences: textbook values and monotony."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import nctdtr, stdtrit

from babelift.errors import ConfigError
from babelift.evaluation.crossed import Components
from babelift.evaluation.differences import paired_differences
from babelift.evaluation.power import (
    could_have_seen,
    design_power,
    smallest_effect,
)

PARTS = Components(seed=1e-4, item=0.03, residual=0.3)


def test_with_items_only_it_is_the_power_of_a_z_test():
    # An effect of 2.8 standard errors is seen with 80 %.
    parts = Components(seed=0, item=0.25, residual=0)
    found = design_power(2.8016 / 400, parts, languages=1, seeds=50, items=40_000)
    assert found == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_with_seeds_only_it_is_the_power_of_a_t_test(seeds):
    parts = Components(seed=0.01, item=0, residual=0)
    for effect in (0.05, 0.1, 0.2):
        shift = effect / (0.1 / math.sqrt(seeds))
        edge = -stdtrit(seeds - 1, 0.025)
        expected = 1 - nctdtr(seeds - 1, shift, edge) + nctdtr(seeds - 1, shift, -edge)
        found = design_power(effect, parts, languages=1, seeds=seeds, items=1000)
        assert found == pytest.approx(expected, abs=2e-3)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 0.01), st.floats(0.001, 0.2), st.floats(0.001, 0.4), st.integers(2, 10))
def test_nothing_is_claimed_at_the_level_and_more_of_anything_shows_more(
    seed, item, residual, seeds
):
    parts = Components(seed, item, residual, seed_shared=0.5, item_shared=0.3)
    null = design_power(0, parts, languages=3, seeds=seeds, items=500)
    assert 0.01 <= null <= 0.072
    power = design_power(0.03, parts, languages=3, seeds=seeds, items=500)
    assert design_power(-0.03, parts, languages=3, seeds=seeds, items=500) == pytest.approx(power)
    assert design_power(0.05, parts, languages=3, seeds=seeds, items=500) >= power
    # With more items the two seeds' luck is all there is, and t of one degree of freedom is wide.
    slack = 0.06 if seeds == 2 else 0.02
    assert design_power(0.03, parts, languages=3, seeds=seeds, items=5000) >= power - slack
    assert design_power(0.03, parts, languages=3, seeds=seeds + 5, items=500) >= power - 0.02


def test_one_seed_claims_too_often_where_seeds_matter():
    assert design_power(0, PARTS, languages=5, seeds=1, items=5000) > 0.5
    alone = Components(seed=0, item=0.03, residual=0.3)
    assert design_power(0, alone, languages=5, seeds=1, items=5000) == pytest.approx(0.05, abs=0.01)


def test_the_smallest_effect_has_just_the_power_asked_for():
    for seeds in (1, 2, 5):
        effect = smallest_effect(
            Components(1e-6, 0.03, 0.3), languages=4, seeds=seeds, items=800, power=0.9
        )
        found = design_power(
            effect, Components(1e-6, 0.03, 0.3), languages=4, seeds=seeds, items=800
        )
        assert found == pytest.approx(0.9, abs=1e-6)


def test_languages_that_share_their_luck_help_less():
    effects = [
        smallest_effect(
            Components(1e-4, 0.03, 0.3, seed_shared=shared, item_shared=shared),
            languages=6,
            seeds=5,
            items=500,
        )
        for shared in (0.0, 0.5, 1.0)
    ]
    assert effects == sorted(effects)
    assert effects[0] < 0.75 * effects[2]


def test_a_design_without_any_luck_sees_everything():
    nothing = Components(0, 0, 0)
    assert design_power(1e-9, nothing, languages=1, seeds=2, items=10) == 1
    assert design_power(0, nothing, languages=1, seeds=2, items=10) == 0
    assert smallest_effect(nothing, languages=1, seeds=2, items=10) == 0


def test_what_a_study_could_have_seen_is_about_three_standard_errors():
    # Rows flip by chance: a difference has the variance 2 * .7 * .3 = .42 for each row and seed.
    right = np.random.default_rng(0).random((2, 10, 1200)) < 0.7
    langs, groups = np.repeat(["de", "fr", "ja"], 400), np.arange(1200)
    for seeds in (1, 10):
        found = paired_differences(right[0, :seeds], right[1, :seeds], langs, groups)
        error = (0.42 / 1200 / seeds) ** 0.5
        assert 2.6 < could_have_seen(found).effect / error < 3.6


def test_a_study_without_any_difference_could_have_seen_everything():
    right = [[1, 0, 1]] * 2
    found = paired_differences(right, right, ["de"] * 3, range(3))
    assert could_have_seen(found).effect == 0


@pytest.mark.parametrize(
    "change", [{"languages": 0}, {"seeds": 0}, {"items": 1}, {"level": 0}, {"level": 1}]
)
def test_designs_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError):
        design_power(0.1, PARTS, **{"languages": 1, "seeds": 2, "items": 10, **change})


def test_numbers_that_cannot_be_are_refused():
    for bad in ({"seed": -1}, {"item": float("nan")}, {"seed_shared": 1.1}):
        with pytest.raises(ConfigError):
            Components(**{"seed": 0, "item": 0, "residual": 0, **bad})
    with pytest.raises(ConfigError, match="finite"):
        design_power(float("nan"), PARTS, languages=1, seeds=2, items=10)
    for power in (0.05, 1.0):
        with pytest.raises(ConfigError, match="power must be"):
            smallest_effect(PARTS, languages=1, seeds=2, items=10, power=power)


def test_how_well_it_is_known_follows_from_the_number_of_seeds():
    # Luck of the seeds alone, shared by all rows: X is 80 % certain to lie between its ends.
    generator = np.random.default_rng(1)
    held, spans = {3: [], 10: []}, {}
    for seeds in held:
        parts = Components(seed=0.02, item=0, residual=0.2)
        truth = smallest_effect(parts, languages=1, seeds=seeds, items=2000)
        for _ in range(100):
            shift = 0.7 + generator.normal(0, 0.1, (2, seeds, 1))
            right = generator.random((2, seeds, 2000)) < shift
            seen = could_have_seen(paired_differences(*right, ["de"] * 2000, range(2000)))
            held[seeds].append(seen.interval[0] <= truth <= seen.interval[1])
            spans.setdefault(seeds, seen.interval[1] / seen.interval[0])
    assert all(0.68 <= np.mean(each) <= 0.92 for each in held.values())
    assert spans[3] > 2 > spans[10]


def test_a_stricter_level_sees_less():
    right = np.random.default_rng(0).random((2, 5, 300)) < 0.7
    found = paired_differences(right[0], right[1], ["de"] * 300, range(300))
    strict, usual = could_have_seen(found, level=0.005), could_have_seen(found)
    assert strict.effect > usual.effect > could_have_seen(found, power=0.5).effect
    one = could_have_seen(paired_differences(right[0, :1], right[1, :1], ["de"] * 300, range(300)))
    assert one.interval == (one.effect, one.effect)
