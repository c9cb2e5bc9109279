"""The hierarchical bootstrap: known standard errors, stretched seeds, and edges."""

import numpy as np
import pytest

from babelift.evaluation.differences import paired_differences
from babelift.study.statistics.bootstrap import hierarchical_bootstrap


def spread(found):
    """Standard error, from the width of a 95 % interval."""
    return (found.interval[1] - found.interval[0]) / (2 * 1.96)


def test_with_one_seed_it_is_the_paired_bootstrap_over_items():
    # 30 wins and 10 losses in 100: a standard error of .06.
    arm, base = [1] * 30 + [0] * 10 + [1] * 60, [0] * 30 + [1] * 10 + [1] * 60
    found = hierarchical_bootstrap([arm], [base], ["de"] * 100, range(100))
    assert found.delta == pytest.approx(0.2)
    assert spread(found) == pytest.approx(0.06, rel=0.06)
    assert found.p < 0.01


def test_few_seeds_are_stretched_to_their_true_spread():
    # Five seeds that gain on 0, 25, 50, 75 and 100 % of endless items: .395 / sqrt(5) = .177.
    share = np.array([0, 0.25, 0.5, 0.75, 1])
    rows = np.arange(2000) % 4
    gains = (rows[None, :] < 4 * share[:, None]).astype(int)
    found = hierarchical_bootstrap(gains, np.zeros_like(gains), ["de"] * 2000, range(2000))
    assert found.delta == pytest.approx(0.5)
    assert spread(found) == pytest.approx(np.std(share, ddof=1) / 5**0.5, rel=0.08)


def test_parallel_languages_are_drawn_together():
    generator = np.random.default_rng(0)
    arm, base = generator.integers(0, 2, (2, 2, 200))
    langs, both = np.repeat(["de", "ja"], 200), np.tile(np.arange(200), 2)
    arms, bases = np.tile(arm, 2), np.tile(base, 2)
    together = hierarchical_bootstrap(arms, bases, langs, both)
    apart = hierarchical_bootstrap(arms, bases, langs, np.arange(400))
    assert together.languages["de"] == together.languages["ja"] == together.interval
    assert spread(apart) < 0.9 * spread(together)


def test_no_difference_has_p_1_and_no_width():
    right = [[1, 0, 1, 1]] * 3
    found = hierarchical_bootstrap(right, right, ["de", "de", "ja", "ja"], range(4))
    assert (found.delta, found.interval, found.p) == (0, (0, 0), 1)


def test_it_agrees_with_the_formula_where_both_are_at_home():
    generator = np.random.default_rng(1)
    base = generator.random((10, 500)) < 0.5
    arm = np.where(generator.random(500) < 0.2, True, base)
    arm[:, :20] = False
    langs, groups = np.repeat(["de", "ja"], 250), np.arange(500)
    drawn = hierarchical_bootstrap(arm, base, langs, groups)
    formula = paired_differences(arm, base, langs, groups).mean
    assert drawn.delta == pytest.approx(formula.delta)
    assert spread(drawn) == pytest.approx(formula.standard_error, rel=0.2)


def test_the_same_seed_draws_the_same():
    arm, base = np.random.default_rng(3).integers(0, 2, (2, 3, 30))
    calls = [
        hierarchical_bootstrap(arm, base, ["de"] * 30, range(30), seed=seed, resamples=50)
        for seed in (0, 0, 1)
    ]
    assert calls[0] == calls[1] != calls[2]
