"""The regression table: balanced designs known in closed form, fallbacks, hostile tables."""

import json
import warnings
from dataclasses import asdict
from itertools import product

import numpy as np
import polars as pl
import pytest

from babelift.errors import ConfigError, DataError
from babelift.study.regression import regress

CELLS = list(product("abcdef", "uvwxyz", (1, 2, 3), (0, 1)))


def table(scores):
    """A table of the paper's design from scores `(6, 6, 3, 2)`."""
    made = pl.DataFrame(CELLS, schema=["language", "source", "seed", "otc"], orient="row")
    return made.with_columns(f1=pl.Series(np.asarray(scores).ravel()))


def scores(seed=0, effect=0.036, residual=0.03):
    """Crossed effects of language, source and seed, and what OTC adds."""
    generator = np.random.default_rng(seed)
    drawn = 0.5 + residual * generator.standard_normal((6, 6, 3, 2))
    drawn += 0.08 * generator.standard_normal((6, 1, 1, 1))
    drawn += 0.05 * generator.standard_normal((1, 6, 1, 1))
    drawn += 0.02 * generator.standard_normal((1, 1, 3, 1))
    drawn[..., 1] += effect
    return drawn


def mean_square(values):
    """Residual mean square of the additive table, and its degrees of freedom."""
    left, freedom = values - values.mean(), values.size - 1
    for axis in range(values.ndim):
        others = tuple(set(range(values.ndim)) - {axis})
        left = left - left.mean(axis=others, keepdims=True)
        freedom -= values.shape[axis] - 1
    return float((left**2).sum() / freedom), freedom


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_in_the_paper_s_balanced_design_it_is_the_analysis_of_variance(seed):
    values = scores(seed)
    found = regress(table(values))
    assert found.notes == ()
    assert found.mixed.formula == "f1 ~ otc + (1|language) + (1|source) + (1|seed)"
    residual, freedom = mean_square(values)
    assert found.mixed.coefficient == pytest.approx(values[..., 1].mean() - values[..., 0].mean())
    assert found.mixed.standard_error == pytest.approx((4 * residual / 216) ** 0.5, rel=1e-3)
    assert found.mixed.freedom == freedom == 202
    # Expected mean squares: a language has 36 scores.
    language = 36 * values.mean(axis=(1, 2, 3)).var(ddof=1)
    assert found.variances["language"] == pytest.approx((language - residual) / 36, rel=0.03)
    assert found.variances["residual"] == pytest.approx(residual, rel=1e-3)


def test_plain_ols_is_the_two_sample_t_test():
    from scipy.stats import ttest_ind

    values = scores()
    found = regress(table(values)).plain
    expected = ttest_ind(values[..., 1].ravel(), values[..., 0].ravel())
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert found.formula == "f1 ~ otc"


def test_plain_ols_agrees_with_statsmodels():
    from statsmodels.api import OLS, add_constant

    values = table(scores())
    theirs = OLS(values["f1"].to_numpy(), add_constant(values["otc"].to_numpy())).fit()
    ours = regress(values).plain
    assert ours.coefficient == pytest.approx(theirs.params[1])
    assert ours.standard_error == pytest.approx(theirs.bse[1])
    assert ours.p == pytest.approx(theirs.pvalues[1])


def test_an_effect_without_variance_is_left_out_and_named():
    values = scores()
    values -= values.mean(axis=(0, 1, 3), keepdims=True)  # all seeds alike on average
    found = regress(table(values))
    assert found.mixed.formula == "f1 ~ otc + (1|language) + (1|source)"
    assert len(found.notes) == 1
    assert "variance between levels of seed comes out as zero" in found.notes[0]
    assert set(found.variances) == {"language", "source", "residual"}
    assert found.mixed.freedom == 204


def test_where_nothing_is_left_it_is_ols_with_a_fixed_effect_for_each_language():
    values = scores()
    for axes in ((1, 2, 3), (0, 2, 3), (0, 1, 3)):
        values = values - values.mean(axis=axes, keepdims=True) + values.mean()
    values[..., 1] += 0.05
    found = regress(table(values))
    assert found.mixed.formula == "f1 ~ otc + C(language)"
    assert found.notes[-1] == "The table shows OLS with a fixed effect for each language."
    assert len(found.notes) == 4
    assert found.variances == {}
    assert found.mixed.freedom == 216 - 7
    gain = scores()[..., 1].mean() - scores()[..., 0].mean()
    assert found.mixed.coefficient == pytest.approx(gain + 0.05)


def test_scores_that_are_explained_to_the_last_digit_fall_back_too():
    values = np.zeros((6, 6, 3, 2)) + np.arange(6).reshape(6, 1, 1, 1) / 10
    found = regress(table(values))
    assert (found.mixed.coefficient, found.mixed.p) == (pytest.approx(0, abs=1e-12), 1)
    values[..., 1] += 0.1
    found = regress(table(values))
    assert found.mixed.coefficient == pytest.approx(0.1)
    assert (found.mixed.standard_error, found.mixed.p) == (0, 0)
    assert "no residual variance" in found.notes[0]


def test_scores_that_are_all_the_same_have_no_effect():
    found = regress(table(np.full((6, 6, 3, 2), 0.5)))
    assert (found.mixed.p, found.plain.p) == (1, 1)
    assert found.mixed.interval == pytest.approx((0, 0), abs=1e-12)


def test_effects_that_cannot_be_told_apart_are_named():
    values = table(scores()).with_columns(source=pl.lit("en"), seed=pl.col("language"))
    found = regress(values)
    assert found.notes == (
        "There is one source only, so it has no effect of its own.",
        "Each seed goes with one language, so the two are one effect.",
    )
    assert found.mixed.formula == "f1 ~ otc + (1|language)"
    each = table(scores()).with_columns(seed=pl.int_range(216))
    assert regress(each).notes[0].startswith("Every score has its own seed")


def test_one_language_one_source_and_one_seed_leave_plain_ols():
    values = pl.DataFrame(
        {"f1": [0.1, 0.2, 0.3, 0.5], "otc": [False, False, True, True]}
    ).with_columns(language=pl.lit("de"), source=pl.lit("en"), seed=pl.lit(1))
    found = regress(values)
    assert found.mixed == found.plain
    assert found.mixed.coefficient == pytest.approx(0.25)
    assert len(found.notes) == 3


def test_rows_that_are_missing_do_no_harm():
    values = table(scores()).sample(150, seed=1)
    found = regress(values)
    assert found.mixed.rows == 150
    assert found.mixed.coefficient == pytest.approx(0.036, abs=4 * found.mixed.standard_error)


def test_other_columns_can_be_asked_for():
    values = table(scores()).rename({"otc": "translated", "f1": "kappa"})
    found = regress(values, contrast="translated", score="kappa", random=["seed", "language"])
    assert found.mixed.formula.startswith("kappa ~ translated + (1|seed)")
    assert regress(values, contrast="translated", score="kappa", random=[]).variances == {}


def test_the_user_sees_no_warnings_and_can_write_it_as_json():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = regress(table(scores(4)))
    assert json.loads(json.dumps(asdict(found)))["mixed"]["rows"] == 216


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda t: t.drop("source"), ConfigError, "no column 'source'"),
        (lambda t: t.with_columns(otc=pl.lit(1)), DataError, "must hold 0 and 1, both"),
        (lambda t: t.with_columns(otc=pl.col("otc") * 2), DataError, "must hold 0 and 1, both"),
        (lambda t: t.with_columns(otc=pl.lit("on")), DataError, "must hold numbers"),
        (lambda t: t.with_columns(f1=pl.lit(float("nan"))), DataError, "no finite number"),
        (lambda t: t.with_columns(f1=pl.lit(None, dtype=pl.Float64)), DataError, "lacks values"),
        (lambda t: t.with_columns(seed=pl.lit(None)), DataError, "'seed' lacks values"),
        (lambda t: t.head(2), DataError, "three scores or more"),
        (lambda t: t.head(0), DataError, "must hold 0 and 1"),
    ],
)
def test_tables_that_cannot_be_fitted_are_refused(change, error, said):
    with pytest.raises(error) as caught:
        regress(change(table(scores())))
    assert said in str(caught.value)


def trainings(generator, seeds, languages, luck, effect=0.0):
    """Scores of trainings that are each scored in several languages."""
    rows = []
    for seed in range(seeds):
        shared = 0.02 * generator.standard_normal()
        for otc in (0, 1):
            own = luck * generator.standard_normal()
            rows += [
                (lang, "en", seed, otc, f"{seed} {otc}",
                 0.6 + effect * otc + shared + own + 0.01 * generator.standard_normal())
                for lang in "abcdefgh"[:languages]
            ]  # fmt: skip
    columns = ["language", "source", "seed", "otc", "training", "f1"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_with_a_term_for_the_training_it_is_the_paired_t_test_of_the_trainings():
    from scipy.stats import ttest_rel

    table = trainings(np.random.default_rng(3), 5, 6, 0.03, effect=0.02)
    found = regress(table, training="training").mixed
    means = table.group_by("seed", "otc").agg(pl.col("f1").mean()).sort("otc", "seed")["f1"]
    off, on = means.to_numpy().reshape(2, -1)
    assert found.formula.endswith("(1|training)")
    assert found.coefficient == pytest.approx((on - off).mean())
    assert found.freedom == 4
    assert found.p == pytest.approx(ttest_rel(on, off).pvalue, rel=1e-3)


@pytest.mark.parametrize(("seeds", "luck"), [(2, 0.01), (2, 0.04), (5, 0.0), (5, 0.02)])
def test_luck_of_the_training_is_rarely_taken_for_an_effect(seeds, luck):
    generator = np.random.default_rng(11)
    tables = [trainings(generator, seeds, 6, luck) for _ in range(60)]
    claimed = sum(regress(table, training="training").mixed.p <= 0.05 for table in tables)
    assert claimed <= 0.05 * 60 + 2.5 * (0.05 * 0.95 * 60) ** 0.5
    if luck > 0.01:  # what the paper's form makes of the same tables
        assert sum(regress(table).plain.p <= 0.05 for table in tables) > claimed


def test_one_training_each_leaves_nothing_to_judge_by():
    found = regress(trainings(np.random.default_rng(0), 1, 6, 0.03), training="training")
    assert (found.mixed.freedom, found.mixed.p) == (0, 1.0)
    assert found.mixed.interval == (-1.0, 1.0)


def test_a_training_for_each_score_is_the_residual():
    values = table(scores()).with_columns(training=pl.int_range(216))
    found = regress(values, training="training")
    assert found.mixed.formula == "f1 ~ otc + (1|language) + (1|source) + (1|seed)"
    assert found.mixed.freedom == 202
