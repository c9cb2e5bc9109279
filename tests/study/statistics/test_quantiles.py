"""How many standard errors: limits known from Student's t, and coverage by integration."""

import numpy as np
import pytest
from scipy.special import chdtri, ndtr, stdtrit

from babelift.study.statistics.crossed import (
    SMALLEST_P,
    Crossed,
    Spread,
    critical,
    spread,
    two_sided_p,
)

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


def test_p_has_limits():
    assert two_sided_p(0.0, Spread(0.0, 0.0, 3, 10)) == 1
    assert two_sided_p(0.1, Spread(0.0, 0.0, 3, 10)) == SMALLEST_P
    assert two_sided_p(1e9, Spread(1.0, 0.5, 3, 10)) == pytest.approx(0, abs=1e-8)
    assert two_sided_p(1e30, Spread(1.0, 0.5, 3, 1e6)) == SMALLEST_P
