"""The statistics on simulated studies: false claims, coverage, power. Seeds are fixed."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from babelift.evaluation.power import design_power
from babelift.study.statistics.power import regression_power
from babelift.study.statistics.regression import regress
from babelift.study.statistics.simulate import PAPER, claimed_by_regression, main, measure, pilot
from babelift.study.statistics.simulated import Design, simulated_scores, simulated_study


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


def test_with_no_effect_at_most_6_percent_of_1000_studies_claim_one():
    found = measure(Design(seeds=5, languages=5), studies=1000, seed=20)
    assert 0.02 <= found.claimed <= 0.06


@pytest.mark.parametrize(
    ("design", "studies"),
    [
        (Design(seeds=2, languages=1, seed=0, seed_language=0), 500),
        (Design(seeds=2, languages=6, seed=0.1), 300),
        (Design(seeds=3, languages=3, language_correlation=1.0, effect=0.05), 500),
        (Design(seeds=5, languages=6, seed=0, seed_language=0), 400),
        (Design(seeds=5, languages=2, parallel=False, base=0.85, effect=0.03), 500),
        (Design(seeds=3, languages=1, items=5000), 200),
        (Design(seeds=10, languages=6, effect=0.1, seed=0.1), 300),
    ],
)
def test_intervals_hold_the_truth_in_93_to_97_percent(design, studies):
    found = measure(design, studies, seed=3)
    for covered in (found.covered, found.covered_languages):
        assert 0.93 - chance(0.93, studies) <= covered <= 0.97 + chance(0.97, studies)


def test_the_bootstrap_is_too_wide_where_decisions_flip_by_chance():
    noisy = Design(seeds=5, languages=1, items=200, seed=0, seed_language=0)
    found = measure(noisy, 100, seed=2, resamples=200)
    assert found.bootstrapped is not None
    assert found.bootstrapped >= found.covered
    assert found.bootstrapped >= 0.97


def test_the_bootstrap_is_too_narrow_where_few_seeds_differ():
    lucky = Design(seeds=2, languages=1, items=200, seed=0.5, seed_language=0)
    found = measure(lucky, 100, seed=2, resamples=200)
    assert found.bootstrapped is not None
    assert found.bootstrapped <= 0.85 < found.covered


@pytest.mark.parametrize("luck", [0.02, 0.06])
def test_the_planner_s_power_for_the_paper_s_effect_is_that_of_simulation(luck):
    design = replace(PAPER, seed=luck, items=1000)
    printed = design_power(design.effect, pilot(design), languages=6, seeds=3, items=1000)
    simulated = measure(design, 300, seed=7).claimed
    assert simulated == pytest.approx(printed, abs=0.05 + chance(printed, 300) / 3)
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
    scores = simulated_scores(0.03, 0.1, 12, generator)
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
    monkeypatch.setattr(
        "babelift.study.statistics.simulate.TABLE", (Design(languages=2, items=50),)
    )
    monkeypatch.setattr("babelift.study.statistics.simulate.PAPER", replace(PAPER, items=50))
    main(["3"])
    printed = capsys.readouterr().out
    assert printed.count("paired difference") == 3
    assert printed.count("regression, residual") == 3
    assert "3 studies each" in printed
