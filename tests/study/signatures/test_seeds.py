"""Unstable across seeds: Cochran's Q worked by hand, one collapsed run or all of them."""

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
    chance_spread,
    unstable_across_seeds,
)


def judged(
    *scores: float, items: int = 204, looked_at: int = 1, chance: float | None = None
) -> Finding | Absent | NotJudged:
    """By default every decision turns by chance."""
    if chance is None:
        mean = float(np.clip(np.nanmean(scores), 0, 1)) if scores else 0.5
        chance = (mean * (1 - mean) / max(items, 1)) ** 0.5
    evidence = SeedEvidence("translated", "de", dict(enumerate(scores)), items, chance)
    return unstable_across_seeds(evidence, looked_at)


def test_one_collapsed_run_is_named_with_its_seed() -> None:
    found = judged(0.6, 0.61, 0.59, 0.15, 0.6)
    assert found.kind == "one-collapsed-run"
    assert found.sentence == (
        "In German, translated spreads by .20 over seeds (standard deviation), where "
        "decisions that turn by chance on these 204 test items explain .03; one run collapsed: "
        "seed 3 scores .15, the others .60 on average."
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
    # chi-square of .05 and of .8 on four degrees: 9.49 / 1.65 - 1 = 4.75, times .035 squared.
    assert found.reason == (
        "seeds spread by .03 (standard deviation), decisions that turn by chance explain .03; "
        "trainings that differ by .08 would be seen four times in five"
    )


def test_the_chance_is_that_of_chi_square() -> None:
    # mean .5, variance .01 over three seeds; 100 items explain .25 / 100 = .0025: 2 * .01 / .0025
    found = judged(0.4, 0.5, 0.6, items=60)
    assert isinstance(found, Absent)  # chi-square 4.8 on 2 degrees: exp(-2.4) = .09
    found = judged(0.4, 0.5, 0.6, items=120)  # 9.6 on 2 degrees: exp(-4.8) = .0082
    assert found.evidence["p"] == pytest.approx(np.exp(-4.8))
    assert found.evidence["chance"] == pytest.approx((0.25 / 120) ** 0.5)
    assert found.evidence["luck"] == pytest.approx((0.01 - 0.25 / 120) ** 0.5)
    assert found.evidence["deviation"] == pytest.approx(0.1)


def test_looking_at_more_takes_stronger_evidence() -> None:
    assert isinstance(judged(0.4, 0.5, 0.6, items=120, looked_at=7), Absent)


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


def test_chance_is_what_turns_within_an_item_over_the_rows() -> None:
    # Items a and b turn in one seed of three: variance 1/3 each, over 4 rows squared.
    right = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]], dtype=bool)
    assert chance_spread(right, list("wxyz")) ** 2 == pytest.approx(2 / 3 / 16)
    # As one item they turn together: sums 1, 1, 0, variance 1/3.
    assert chance_spread(right, list("wxxz")) ** 2 == pytest.approx(1 / 3 / 16)


def test_it_is_cochran_s_q() -> None:
    from statsmodels.stats.contingency_tables import cochrans_q

    right = np.random.default_rng(2).random((4, 80)) < 0.6
    scores = right.mean(axis=1)
    found = judged(*scores.tolist(), items=80, chance=chance_spread(right, range(80)))
    q = 3 * scores.var(ddof=1) / chance_spread(right, range(80)) ** 2
    assert q == pytest.approx(cochrans_q(right.T).statistic)
    assert isinstance(found, Absent)


@pytest.mark.parametrize("spread", [0.5, 3.0])
def test_items_that_all_seeds_share_are_no_luck_of_the_seeds(spread: float) -> None:
    # Hard items are hard for every seed, so that scores differ by less than .6 * .4 / 204 says.
    rng = np.random.default_rng(0)
    studies, found = 1000, 0
    for _ in range(studies):
        right = rng.standard_normal((5, 204)) + spread * rng.standard_normal(204) > 0
        scores = right.mean(axis=1).tolist()
        verdict = judged(*scores, chance=chance_spread(right, range(204)))
        found += isinstance(verdict, Finding)
    low, high = stats.binom.ppf([0.001, 0.999], studies, SEED_LEVEL)
    # The smallest spread worth a word lies above what chance gives where items decide nearly all.
    assert found <= high
    assert spread > 1 or low <= found


def test_trainings_that_differ_are_seen_as_often_as_is_said() -> None:
    rng = np.random.default_rng(1)
    seen, studies = 0, 300
    for _ in range(studies):
        base = rng.random(1000)
        right = np.stack([base < 0.7 + 0.02 * rng.standard_normal() for _ in range(5)])
        right ^= rng.random((5, 1000)) < 0.05
        chance = chance_spread(right, range(1000))
        seen += isinstance(judged(*right.mean(axis=1).tolist(), chance=chance), Finding)
    assert seen > 0.5 * studies
