"""Unstable across seeds: the chi-square worked by hand, one collapsed run or all of them."""

import numpy as np
import pytest
from scipy import stats

from babelift.study.signatures import (
    SEED_LEVEL,
    SEED_SPREAD,
    Absent,
    Finding,
    NotJudged,
    SeedEvidence,
    unstable_across_seeds,
)


def judged(*scores: float, items: int = 204, looked_at: int = 1):
    evidence = SeedEvidence("translated", "de", dict(enumerate(scores)), items)
    return unstable_across_seeds(evidence, looked_at)


def test_one_collapsed_run_is_named_with_its_seed() -> None:
    found = judged(0.6, 0.61, 0.59, 0.15, 0.6)
    assert found.kind == "one-collapsed-run"
    assert found.sentence == (
        "In German, translated spreads by .20 over seeds (standard deviation), where 204 test "
        "items explain at most .03; one run collapsed: seed 3 scores .15, the others .60 on "
        "average."
    )
    assert found.evidence["lowest_seed"] == 3
    assert found.advice[0].startswith("Look at that run's loss")


def test_a_general_spread_is_told_from_a_collapse() -> None:
    found = judged(0.3, 0.4, 0.5, 0.6, 0.7)
    assert found.kind == "general"
    assert found.sentence.endswith("no single run accounts for it, they reach from .30 to .70.")
    assert found.advice[0].startswith("Add seeds")


def test_one_run_far_above_the_others_is_no_collapse() -> None:
    assert judged(0.3, 0.31, 0.3, 0.29, 0.7).kind == "general"


def test_two_collapsed_runs_are_general() -> None:
    assert judged(0.6, 0.61, 0.59, 0.15, 0.16).kind == "general"


def test_what_the_test_items_explain_is_no_finding() -> None:
    found = judged(0.5, 0.53, 0.56, 0.47, 0.5)
    assert isinstance(found, Absent)
    assert found.reason == "seeds spread by .03 (standard deviation), test items explain .03"


def test_the_chance_is_that_of_chi_square() -> None:
    # mean .5, variance .01 over three seeds; 100 items explain .25 / 100 = .0025: 2 * .01 / .0025
    found = judged(0.4, 0.5, 0.6, items=100)
    assert isinstance(found, Absent)  # chi-square 8 on 2 degrees: exp(-4) = .018
    found = judged(0.4, 0.5, 0.6, items=120)  # 9.6 on 2 degrees: exp(-4.8) = .0082
    assert found.evidence["p"] == pytest.approx(np.exp(-4.8))
    assert found.evidence["explained"] == pytest.approx((0.25 / 120) ** 0.5)
    assert found.evidence["deviation"] == pytest.approx(0.1)


def test_looking_at_more_takes_stronger_evidence() -> None:
    assert isinstance(judged(0.4, 0.5, 0.6, items=120, looked_at=2), Absent)


@pytest.mark.parametrize(("step", "found"), [(SEED_SPREAD * 0.99, False), (0.0101, True)])
def test_a_spread_too_small_to_matter_is_no_finding_however_certain(step, found) -> None:
    assert isinstance(judged(0.5 - step, 0.5, 0.5 + step, items=10**6), Finding) is found


def test_a_collapse_lies_far_below_the_others_by_their_own_spread() -> None:
    # the lowest of a broad field is not called a collapse: 3 of their deviations below
    broad = judged(0.31, 0.55, 0.6, 0.65, 0.5, 0.45, items=500)
    assert broad.kind == "general"


@pytest.mark.parametrize("scores", [(), (0.5,), (0.5, 0.9), (0.5, 0.9, float("nan"))])
def test_fewer_than_three_seeds_are_not_judged(scores) -> None:
    found = judged(*scores)
    assert isinstance(found, NotJudged)
    assert found.reason.endswith("of at least 3 seeds are known")


@pytest.mark.parametrize(("scores", "items"), [((-0.1, 0.2, 0.3), 204), ((0.1, 0.2, 0.3), 0)])
def test_scores_that_are_no_shares_of_items_are_not_judged(scores, items) -> None:
    assert isinstance(judged(*scores, items=items), NotJudged)


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_equal_seeds_are_steady(score) -> None:
    assert isinstance(judged(score, score, score), Absent)


def test_luck_of_the_items_is_rarely_taken_for_the_seeds() -> None:
    rng = np.random.default_rng(0)
    studies = 2000
    scores = rng.binomial(204, 0.6, (studies, 5)) / 204
    found = sum(isinstance(judged(*row), Finding) for row in scores.tolist())
    low, high = stats.binom.ppf([0.001, 0.999], studies, SEED_LEVEL)
    assert low <= found <= high
