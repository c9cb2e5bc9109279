"""Regularising, not aligning: each outcome of the control with shuffled pairs."""

import pytest

from babelift.study.signatures import (
    Absent,
    ControlEvidence,
    Estimate,
    Finding,
    NotJudged,
    regularising_not_aligning,
)

ABOVE = Estimate(0.02, (0.01, 0.03), 0.001)
ABOUT = Estimate(0.0, (-0.01, 0.01), 0.5)
BELOW = Estimate(-0.02, (-0.03, -0.01), 0.001)
UNKNOWN = Estimate(float("nan"), (0.0, 1.0), 0.5)


def judged(true=None, shuffled=None, off=None, lang=None):
    return regularising_not_aligning(ControlEvidence("translated", lang, true, shuffled, off))


def test_shuffled_pairs_that_do_as_well_show_regularising() -> None:
    found = judged(true=ABOUT, shuffled=ABOVE, off=ABOVE)
    assert found.sentence == (
        "Over all languages, translated does as well as with true pairs where OTC's pairs are "
        "shuffled (true over shuffled .00 [−.01, .01], shuffled over no OTC +.02 [.01, .03]): "
        "OTC is regularising, not aligning."
    )
    assert found.evidence["true_over_off"] == 0.02
    assert found.advice[0].startswith("Do not put OTC's gain down to alignment")


def test_results_that_are_equal_to_the_last_row_show_it_too() -> None:
    equal = Estimate(0.0, (0.0, 0.0), 0.5)
    assert isinstance(judged(true=equal, shuffled=ABOVE), Finding)


def test_shuffled_pairs_that_do_better_show_it_too() -> None:
    found = judged(true=BELOW, shuffled=ABOVE, lang="zh")
    assert found.sentence.startswith("In Chinese, translated does better than with true pairs")


def test_true_pairs_that_do_better_speak_for_aligning() -> None:
    for shuffled in (ABOVE, ABOUT, BELOW):
        found = judged(true=ABOVE, shuffled=shuffled)
        assert isinstance(found, Absent)
        assert found.reason == "true pairs do better than shuffled ones: +.02 [.01, .03]"


@pytest.mark.parametrize("shuffled", [ABOUT, BELOW])
@pytest.mark.parametrize("off", [None, ABOUT, BELOW, UNKNOWN])
def test_where_neither_helps_nothing_can_be_told(shuffled, off) -> None:
    found = judged(true=ABOUT, shuffled=shuffled, off=off)
    assert isinstance(found, NotJudged)
    assert found.reason.startswith(
        "neither true nor shuffled pairs are seen to help, so nothing can be told (true over"
    )


def test_true_pairs_that_help_beside_an_unclear_control_decide_nothing() -> None:
    found = judged(true=ABOUT, shuffled=ABOUT, off=ABOVE)
    assert isinstance(found, NotJudged)
    assert found.reason.startswith(
        "OTC on true pairs helps (+.02 [.01, .03]), but shuffled ones are neither clearly worse"
    )


@pytest.mark.parametrize(
    ("interval", "found"), [((0.0, 0.04), False), ((0.0001, 0.04), True), ((-0.001, 0.04), False)]
)
def test_the_gain_of_shuffled_pairs_must_be_clear_of_zero(interval, found) -> None:
    assert isinstance(judged(true=ABOUT, shuffled=Estimate(0.02, interval, 0.01)), Finding) is found


@pytest.mark.parametrize(
    ("true", "shuffled"), [(None, ABOVE), (ABOUT, None), (UNKNOWN, ABOVE), (ABOUT, UNKNOWN)]
)
def test_an_incomplete_control_is_not_judged(true, shuffled) -> None:
    found = judged(true=true, shuffled=shuffled)
    assert isinstance(found, NotJudged)
    assert found.reason.startswith("the control is incomplete")
