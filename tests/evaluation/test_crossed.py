"""Paired rows, the variance of a crossed mean, and how many standard errors an interval takes."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.special import chdtri, ndtr, stdtr, stdtrit

from babelift.errors import DataError
from babelift.evaluation.crossed import (
    SMALLEST_P,
    Crossed,
    PairedRows,
    Spread,
    critical,
    crossed,
    language_means,
    paired_rows,
    spread,
    two_sided_p,
)
from babelift.evaluation.differences import Difference, at_large, differences_of

ROWS = [[1, 0, 1, 1]]
LANGS = ["de", "de", "ja", "ja"]
GROUPS = [1, 2, 1, 2]


def test_languages_and_items_are_numbered():
    made = paired_rows(ROWS, [[0, 1, 1, 0]], LANGS, GROUPS)
    assert made.names == ("de", "ja")
    assert made.difference.tolist() == [[1, -1, 0, 1]]
    assert made.items.tolist() == [0, 1, 0, 1]
    assert made.present.tolist() == [[True, True], [True, True]]
    assert made.of(1).difference.tolist() == [[0, 1]]


def test_groups_may_be_anything_that_can_be_told_apart():
    for groups in (["a", "b", "a", "b"], [("x", 1), None, ("x", 1), None], np.array([7, 3, 7, 3])):
        items = paired_rows(ROWS, ROWS, LANGS, groups).items
        assert items[0] == items[2] != items[1] == items[3]


def test_columns_of_a_table_will_do():
    table = pl.DataFrame({"lang": LANGS, "group": ["a", "b", "a", "b"]})
    made = paired_rows(np.array(ROWS, dtype=bool), ROWS, table["lang"], table["group"])
    assert made.names == ("de", "ja")
    assert made.difference.sum() == 0


@pytest.mark.parametrize(
    ("arm", "base", "langs", "groups", "said"),
    [
        ([[1, 0]], [[1, 0, 1]], ["de"] * 2, [1, 2], "right_arm is (1, 2) and right_base (1, 3)"),
        ([[1, 0]] * 2, [[1, 0]], ["de"] * 2, [1, 2], "(2, 2)"),
        ([1, 0], [1, 0], ["de"] * 2, [1, 2], "must be (seeds, rows)"),
        ([[]], [[]], [], [], "neither of them none"),
        (np.zeros((0, 2)), np.zeros((0, 2)), ["de"] * 2, [1, 2], "neither of them none"),
        ([[1, 0]], [[1, 0]], ["de"], [1, 2], "langs has 1 entries for 2 rows"),
        ([[1, 0]], [[1, 0]], ["de"] * 2, [1, 2, 3], "groups has 3 entries for 2 rows"),
        ([[1, np.nan]], [[1, 0]], ["de"] * 2, [1, 2], "other than 0 and 1"),
        ([[1, 0]], [[1, 0.5]], ["de"] * 2, [1, 2], "right_base holds values"),
        ([["yes", "no"]], [[1, 0]], ["de"] * 2, [1, 2], "must be an array"),
        ([[1], [1, 0]], [[1, 0]], ["de"] * 2, [1, 2], "must be an array"),
        ([[1, 0]], [[1, 0]], ["de"] * 2, [1, 1], "'de' has fewer than two test items"),
        ([[1, 0, 1]], [[1, 0, 1]], ["de", "de", "ja"], [1, 2, 3], "'ja' has fewer than two"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arm, base, langs, groups, said):
    with pytest.raises(DataError) as error:
        paired_rows(arm, base, langs, groups)
    assert said in str(error.value)


def of_items(means, langs=None, items=None):
    """A comparison of differences as they are given."""
    difference = np.atleast_2d(np.asarray(means, dtype=np.float64))
    rows = difference.shape[1]
    langs = np.zeros(rows, dtype=np.int64) if langs is None else np.asarray(langs)
    items = np.arange(rows) if items is None else np.asarray(items)
    return PairedRows(difference, langs, items, tuple(map(str, sorted(set(langs.tolist())))))


def test_with_one_seed_it_is_the_variance_of_a_mean():
    found = crossed(of_items([1, 0, 0, -1, 1, 0]))
    assert found.items == pytest.approx(np.var([1, 0, 0, -1, 1, 0], ddof=1) / 6)
    assert (found.seeds, found.residual) == (0, 0)


def test_a_table_worked_by_hand():
    # Seeds' means 1/2 and 0: variance 1/8, over two seeds 1/16.
    # Items' means 1/2 and 0: variance 1/8, over two items 1/16.
    # What is left of [[1, 0], [0, 0]] is +-1/4: squares 4/16, over (2-1)(2-1) 1/4, over 4 1/16.
    found = crossed(of_items([[1, 0], [0, 0]]))
    assert (found.seeds, found.items, found.residual) == pytest.approx((1 / 16, 1 / 16, 1 / 16))


def test_a_balanced_table_gives_the_mean_squares_of_an_analysis_of_variance():
    table = np.random.default_rng(0).normal(size=(4, 9))
    found = crossed(of_items(table))
    rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    assert found.seeds == pytest.approx(table.mean(axis=1).var(ddof=1) / 4)
    assert found.items == pytest.approx(table.mean(axis=0).var(ddof=1) / 9)
    assert found.residual == pytest.approx((rest**2).sum() / (3 * 8) / (4 * 9))


def test_languages_apart_add_up_and_parallel_ones_move_together():
    half = [1, 0, 0, -1, 1, 0]
    one = crossed(of_items(half)).items
    langs = [0] * 6 + [1] * 6
    apart = crossed(of_items(half * 2, langs)).items
    together = crossed(of_items(half * 2, langs, [*range(6)] * 2)).items
    opposed = crossed(of_items(half + [-x for x in half], langs, [*range(6)] * 2)).items
    assert apart == pytest.approx(one / 2)
    assert together == pytest.approx(one)
    assert opposed == pytest.approx(0)


def test_a_language_s_own_mean_is_no_variance():
    assert crossed(of_items([1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1])).items == 0


def test_rows_of_one_item_are_one_draw():
    once = crossed(of_items([1, 0, 0, -1])).items
    twice = crossed(of_items(np.repeat([1, 0, 0, -1], 2), items=np.repeat(range(4), 2))).items
    assert twice == pytest.approx(once)


def test_each_language_counts_once_however_many_rows_it_has():
    made = paired_rows([[1] * 8 + [0, 0]], [[0] * 10], ["de"] * 8 + ["ja"] * 2, range(10))
    assert language_means(made).tolist() == [[1.0, 0.0]]


def test_the_parts_are_right_on_average():
    generator = np.random.default_rng(1)
    seed, item, rest = 0.3, 1.0, 2.0
    found = []
    for _ in range(400):
        table = (
            seed * generator.normal(size=(5, 1))
            + item * generator.normal(size=(1, 40))
            + rest * generator.normal(size=(5, 40))
        )
        parts = crossed(of_items(table))
        found.append((parts.seeds, parts.items, parts.residual))
    residual = rest**2 / 200
    expected = (seed**2 / 5 + residual, item**2 / 40 + residual, residual)
    assert np.mean(found, axis=0) == pytest.approx(expected, rel=0.12)


MANY = 1e6


def coverage(seeds, residual_share, seed_variance):
    """Probability that an interval holds the truth, over the luck of the seeds.

    Items and residual together have the variance 1, known; the seeds' own comes on top.
    """
    luck = chdtri(seeds - 1, 1 - (np.arange(2000) + 0.5) / 2000) / (seeds - 1)
    truth = residual_share + seed_variance
    found = [
        spread(Crossed(truth * one, 1.0, residual_share), seeds, MANY) for one in luck.tolist()
    ]
    reach = np.array([one.variance**0.5 for one in found]) * critical(
        0.05, np.array([one.seed_share for one in found]), seeds, MANY
    )
    return float((2 * ndtr(reach / (truth + 1 - residual_share) ** 0.5) - 1).mean())


def test_the_limits_are_normal_for_items_and_student_s_t_for_seeds():
    assert critical(0.05, 0.0, 5, MANY) == pytest.approx(1.960, abs=1e-3)
    assert critical(0.05, 1.0, 5, MANY) == pytest.approx(2.776, abs=1e-3)
    assert critical(0.05, 1.0, 2, MANY) == pytest.approx(12.706, abs=1e-3)
    assert critical(0.05, 0.0, 1, 10) == pytest.approx(2.228, abs=1e-3)


@pytest.mark.parametrize("seeds", [2, 3, 4, 5, 7, 10])
def test_intervals_hold_the_truth_in_93_to_97_percent_wherever_luck_comes_from(seeds):
    covered = [
        coverage(seeds, residual_share, seed_variance)
        for residual_share in (0, 0.25, 0.5, 0.75)
        for seed_variance in (0, 0.1, 0.3, 1, 3, 10, 100)
    ]
    # Two seeds overshoot by .2 % where the seeds' variance is a tenth of the items'.
    assert min(covered) >= 0.93
    assert max(covered) <= (0.973 if seeds == 2 else 0.97)


def test_with_nothing_but_residual_intervals_are_somewhat_wide_never_narrow():
    for seeds in (2, 3, 5, 10):
        assert 0.93 <= coverage(seeds, 1.0, 0.0) <= 0.98


def test_satterthwaite_s_degrees_of_freedom_would_not_do_with_two_or_three_seeds():
    for seeds, at_most in ((2, 0.88), (3, 0.93)):
        luck = chdtri(seeds - 1, 1 - (np.arange(2000) + 0.5) / 2000) / (seeds - 1)
        covered = []
        for truth in (1.0, 4.0, 16.0):
            variance = truth * luck + 1
            freedom = variance**2 / ((truth * luck) ** 2 / (seeds - 1))
            reach = stdtrit(np.minimum(freedom, MANY), 0.975) * variance**0.5
            covered.append((2 * ndtr(reach / (truth + 1) ** 0.5) - 1).mean())
        assert min(covered) < at_most


def test_seeds_that_agree_by_chance_do_not_make_the_variance_vanish():
    assert spread(Crossed(0.0, 1.0, 1.0), 2, 100).variance == 0.5
    assert spread(Crossed(0.0, 1.0, 3.0), 2, 100).variance == 0.5


def test_with_one_seed_only_items_count():
    assert spread(Crossed(0.0, 0.3, 0.0), 1, 99) == Spread(0.3, 0.0, 1, 99)


def test_rounding_is_no_variance():
    assert spread(Crossed(1e-34, 1e-33, 0.0), 3, 99).variance == 0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("outside", [0.5, 0.05, 1e-3, 1e-9])
def test_p_and_interval_agree_at_every_level(share, outside):
    found = Spread(4.0, share, 4, 300)
    reach = 2.0 * float(critical(outside, share, 4, 300))
    assert two_sided_p(reach, found) == pytest.approx(outside, rel=1e-6)
    assert two_sided_p(-reach, found) == pytest.approx(outside, rel=1e-6)


def test_few_seeds_that_agree_do_not_make_a_tiny_p():
    # Ten times the reach of .05, all of it from items: Student's t of one degree at 127.
    far = 10 * float(critical(0.05, 0.0, 2, 1e6))
    expected = 2 * float(stdtr(1, -10 * -stdtrit(1, 0.025)))
    assert two_sided_p(far, Spread(1.0, 0.0, 2, 1e6)) == pytest.approx(expected)
    assert two_sided_p(far, Spread(1.0, 0.0, 50, 1e6)) < 1e-9


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("seeds", [2, 5])
def test_smaller_levels_reach_further(share, seeds):
    reaches = [float(critical(10.0**-n, share, seeds, 200)) for n in range(1, 9)]
    assert reaches == sorted(reaches)


def test_p_has_limits():
    assert two_sided_p(0.0, Spread(0.0, 0.0, 3, 10)) == 1
    assert two_sided_p(0.1, Spread(0.0, 0.0, 3, 10)) == SMALLEST_P
    assert two_sided_p(1e9, Spread(1.0, 0.5, 3, 10)) == pytest.approx(0, abs=1e-8)
    assert two_sided_p(1e30, Spread(1.0, 0.5, 3, 1e6)) == SMALLEST_P


def _at_large(languages: int, seeds: int, generator, *, apart=0.0, shared=0.0) -> Difference:
    items = 50
    drawn = generator.normal(0, 0.3, (seeds, languages, items))
    drawn += apart * generator.normal(size=(languages, 1))
    drawn += shared * generator.normal(size=(seeds, 1, 1))
    rows = PairedRows(
        drawn.reshape(seeds, -1),
        np.repeat(np.arange(languages), items),
        np.tile(np.arange(items), languages),
        tuple(map(str, range(languages))),
    )
    return at_large(rows)


@pytest.mark.parametrize("languages", [2, 3, 8])
@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize(("apart", "shared"), [(0, 0), (0, 0.05), (0.05, 0), (0.05, 0.05)])
def test_other_languages_are_rarely_claimed_where_there_is_nothing(languages, seeds, apart, shared):
    generator = np.random.default_rng(7)
    claimed = sum(
        _at_large(languages, seeds, generator, apart=apart, shared=shared).p <= 0.05
        for _ in range(120)
    )
    assert claimed <= 0.05 * 120 + 3 * (0.05 * 0.95 * 120) ** 0.5


def test_where_languages_alone_differ_it_is_the_t_test_over_languages():
    # No luck of seeds or items: languages' differences .02, .04, .09; mean .05, t of two degrees.
    values = np.repeat([0.02, 0.04, 0.09], 10)
    rows = PairedRows(
        np.stack([values, values]), np.repeat(np.arange(3), 10), np.arange(30), ("a", "b", "c")
    )
    found = at_large(rows)
    error = float(np.std([0.02, 0.04, 0.09], ddof=1)) / 3**0.5
    assert found.delta == pytest.approx(0.05)
    assert found.standard_error == pytest.approx(error)
    assert found.interval[1] == pytest.approx(0.05 + 4.302653 * error)
    assert found.p == pytest.approx(float(stats.ttest_1samp([0.02, 0.04, 0.09], 0).pvalue))


def test_other_languages_are_never_surer_than_these():
    generator = np.random.default_rng(3)
    for _ in range(20):
        right = generator.random((2, 3, 120)) < 0.7
        rows = paired_rows(*right, np.repeat(["a", "b", "c"], 40), np.tile(np.arange(40), 3))
        here, there = differences_of(rows).mean, at_large(rows)
        assert there.interval[0] <= here.interval[0]
        assert there.interval[1] >= here.interval[1]
        assert there.p >= here.p
