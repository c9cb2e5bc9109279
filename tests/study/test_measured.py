"""Draws of mean scores: as wide as Student's t over seeds."""

import numpy as np
import pytest
from scipy import stats

from babelift.errors import DataError
from babelift.study.learning_curve import Run, by_size, means


def runs(scores, size=100, first=0) -> list[Run]:
    return [Run(size, first + seed, score) for seed, score in enumerate(scores)]


def quantiles(values) -> np.ndarray:
    return np.quantile(values, [0.025, 0.975])


def test_a_mean_over_seeds_has_the_interval_of_a_t_test() -> None:
    scores = [0.5, 0.54, 0.55]
    found = means([runs(scores)], draws=100_000, seed=1)
    ours = quantiles(found.drawn[:, 0])
    theirs = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert ours == pytest.approx(list(theirs), abs=0.003)
    assert found.variance == pytest.approx(np.var(scores, ddof=1))
    assert found.freedom == 2


def test_luck_that_two_cells_share_leaves_their_difference_alone() -> None:
    low, high = runs([0.5, 0.54, 0.55]), runs([0.6, 0.64, 0.65], size=200)
    found = means([low, high], draws=50, seed=0)
    assert found.drawn[:, 1] - found.drawn[:, 0] == pytest.approx(np.full(50, 0.1))


def test_the_difference_of_two_cells_has_the_interval_of_a_paired_t_test() -> None:
    one, other = [0.5, 0.54, 0.55, 0.52], [0.6, 0.61, 0.68, 0.6]
    found = means([runs(one), runs(other)], draws=100_000, seed=1)
    theirs = stats.ttest_rel(other, one).confidence_interval(0.95)
    ours = quantiles(found.drawn[:, 1] - found.drawn[:, 0])
    assert ours == pytest.approx(list(theirs), abs=0.003)


def test_cells_of_other_seeds_are_drawn_apart() -> None:
    found = means([runs([0.5, 0.6, 0.7]), runs([0.5, 0.6, 0.7], first=9)], draws=20_000, seed=0)
    assert abs(stats.spearmanr(*found.drawn.T).statistic) < 0.03


def test_a_lone_run_borrows_the_spread_of_the_others() -> None:
    found = means([runs([0.5, 0.52, 0.54]), runs([0.6], size=200)], draws=100_000, seed=0)
    assert quantiles(found.drawn[:, 1]) == pytest.approx(
        0.6 + 0.02 * stats.t.ppf([0.025, 0.975], 2), abs=0.003
    )


def test_one_seed_gives_no_draws() -> None:
    found = means([runs([0.5]), runs([0.6])], draws=10, seed=0)
    assert found.drawn is None


def test_the_seed_of_the_draws_decides_them() -> None:
    cells = [runs([0.5, 0.6])]
    drawn = [means(cells, draws=5, seed=seed).drawn.tolist() for seed in (3, 3, 4)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_scores_that_are_no_number_are_left_out() -> None:
    assert by_size([Run(100, 0, float("nan")), Run(100, 1, 0.5)], "x", "y") == {
        100: [Run(100, 1, 0.5)]
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "Japanese: there is no score of the native arm"),
        ([Run(100, 0, float("nan"))], "there is no score"),
        ([Run(0, 3, 0.5)], "Japanese, native, size 0, seed 3: a size must be at least 1"),
        ([Run(100, 3, 61.0)], "a score must be at most 1, got 61.0"),
        ([Run(100, 3, 0.5), Run(100, 3, 0.6)], "the seed occurs twice"),
    ],
)
def test_hostile_input_is_refused_with_its_place(given, said) -> None:
    with pytest.raises(DataError, match=said):
        by_size(given, "Japanese", "native")
