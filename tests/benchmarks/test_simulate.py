"""The statistics on simulated studies: false claims, coverage, power. Seeds are fixed."""

import doctest
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import simulate
from babelift.evaluation.differences import paired_differences
from babelift.evaluation.power import design_power
from babelift.study.regression import regress
from simulate import (
    PAPER,
    Design,
    claimed_by_regression,
    hierarchical_bootstrap,
    main,
    measure,
    pilot,
    regression_power,
    simulated_scores,
    simulated_study,
)


def chance(share, studies):
    """Three binomial standard errors."""
    return 3 * (share * (1 - share) / studies) ** 0.5


def test_simulated_studies_have_the_effect_they_were_asked_for():
    generator = np.random.default_rng(0)
    design = Design(seeds=10, languages=3, items=500, effect=0.036, base=0.7)
    found = [simulated_study(design, generator) for _ in range(60)]
    arm, base = (np.mean([study[number] for study in found]) for number in (0, 1))
    assert base == pytest.approx(0.7, abs=0.01)
    assert arm - base == pytest.approx(0.036, abs=0.006)


def test_with_no_effect_few_studies_claim_one():
    found = measure(Design(seeds=5, languages=5), studies=200, seed=20)
    assert found.claimed <= 0.06 + chance(0.05, 200)


@pytest.mark.parametrize(
    ("design", "studies"),
    [
        (Design(seeds=2, languages=1, seed=0, seed_language=0), 60),
        (Design(seeds=2, languages=6, seed=0.1), 60),
        (Design(seeds=3, languages=3, language_correlation=1.0, effect=0.05), 60),
        (Design(seeds=5, languages=6, seed=0, seed_language=0), 60),
        (Design(seeds=5, languages=2, parallel=False, base=0.85, effect=0.03), 60),
        (Design(seeds=3, languages=1, items=5000), 60),
        (Design(seeds=10, languages=6, effect=0.1, seed=0.1), 60),
    ],
)
def test_intervals_hold_the_truth_in_93_to_97_percent(design, studies):
    found = measure(design, studies, seed=3)
    for covered in (found.covered, found.covered_languages):
        assert 0.93 - chance(0.93, studies) <= covered <= 0.97 + chance(0.97, studies)


def test_the_bootstrap_is_too_wide_where_decisions_flip_by_chance():
    noisy = Design(seeds=5, languages=1, items=200, seed=0, seed_language=0)
    found = measure(noisy, 40, seed=2, resamples=200)
    assert found.bootstrapped is not None
    assert found.bootstrapped >= found.covered
    assert found.bootstrapped >= 0.97


def test_the_bootstrap_is_too_narrow_where_few_seeds_differ():
    lucky = Design(seeds=2, languages=1, items=200, seed=0.5, seed_language=0)
    found = measure(lucky, 40, seed=2, resamples=200)
    assert found.bootstrapped is not None
    assert found.bootstrapped <= 0.85 < found.covered


@pytest.mark.parametrize("luck", [0.02, 0.06])
def test_the_planner_s_power_for_the_paper_s_effect_is_that_of_simulation(luck):
    design = replace(PAPER, seed=luck, items=1000)
    printed = design_power(design.effect, pilot(design), languages=6, seeds=3, items=1000)
    simulated = measure(design, 100, seed=7).claimed
    assert simulated == pytest.approx(printed, abs=0.05 + chance(printed, 100) / 2)
    assert 0.2 < printed < 0.9


@pytest.mark.parametrize("residual", [0.05, 0.1, 0.15])
def test_the_regression_s_power_in_the_paper_s_design_is_that_of_simulation(residual):
    printed = regression_power(0.036, residual, effects=12)
    simulated = claimed_by_regression(0.036, residual, studies=2000, seed=1)
    assert simulated == pytest.approx(printed, abs=chance(printed, 2000) + 0.005)


def test_the_regression_claims_no_effect_more_often_than_the_level():
    assert claimed_by_regression(0.0, 0.1, studies=2000, seed=2) <= 0.05 + chance(0.05, 2000)


def test_the_mixed_model_itself_claims_what_the_quick_formula_claims():
    generator = np.random.default_rng(5)
    scores = simulated_scores(0.03, 0.1, 3, generator)
    cells = pl.DataFrame(
        list(np.ndindex(6, 6, 3, 2)),
        schema=["language", "source", "seed", "otc"],
        orient="row",
    )
    for one in scores:
        found = regress(cells.with_columns(f1=pl.Series(one.ravel()))).mixed
        left, freedom = one - one.mean(), one.size - 1
        for axis in range(4):
            others = tuple({0, 1, 2, 3} - {axis})
            left = left - left.mean(axis=others, keepdims=True)
            freedom -= one.shape[axis] - 1
        error = (4 * (left**2).sum() / freedom / 216) ** 0.5
        assert found.standard_error == pytest.approx(error, rel=0.01)


def test_the_tables_are_printed(monkeypatch, capsys):
    monkeypatch.setattr(simulate, "TABLE", (Design(languages=2, items=50),))
    monkeypatch.setattr(simulate, "PAPER", replace(PAPER, items=50))
    main(3)
    printed = capsys.readouterr().out
    assert printed.count("paired difference") == 3
    assert printed.count("regression, residual") == 3
    assert "3 studies each" in printed


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


def test_it_is_the_textbook_s_two_sample_t_test():
    # Cohen 1988, table 2.3: d = .5 with 64 in each group has power .80; d = .5 with 30 has .47.
    assert regression_power(0.5, 1.0, rows=128) == pytest.approx(0.80, abs=0.005)
    assert regression_power(0.5, 1.0, rows=60) == pytest.approx(0.47, abs=0.01)


def test_without_an_effect_it_is_the_level():
    assert regression_power(0.0, 0.1, level=0.01) == pytest.approx(0.01)


def test_effects_without_measure_are_seen_for_sure():
    for coefficient in (6.0, 58.5, 1e6):
        assert regression_power(coefficient, 1.0, rows=6) == pytest.approx(1, abs=0.05)
        assert regression_power(coefficient, 1e-3) == 1


def test_examples_in_docstrings_hold():
    assert doctest.testmod(simulate).failed == 0
