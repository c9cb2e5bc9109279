"""Worse than zero-shot: found by the interval, explained by the translations' measured quality."""

import pytest

from babelift.errors import DataError
from babelift.study.signatures import (
    LENGTHS,
    Absent,
    ArmEvidence,
    Estimate,
    Finding,
    NotJudged,
    worse_than_zero_shot,
)

BELOW = Estimate(-0.05, (-0.09, -0.01), 0.001)


def judged(lang: str = "de", effect: Estimate | None = BELOW, **quality: float):
    return worse_than_zero_shot(ArmEvidence("translated", lang, effect, **quality))


def test_poor_translations_are_named_with_their_numbers() -> None:
    found = judged("ja", chrf=15, flagged=0.3, length_ratio=1.1)
    assert isinstance(found, Finding)
    assert found.sentence == (
        "In Japanese, translated does worse than zero-shot: −.05 [−.09, −.01]. The translations "
        "are poor: their chrF is 15 and 30 % of them have a fault."
    )
    assert found.evidence == {
        "delta": -0.05, "low": -0.09, "high": -0.01,
        "chrf": 15, "flagged": 0.3, "length_ratio": 1.1,
    }  # fmt: skip
    assert "better translator" in found.advice[0]
    assert "retry or drop" in found.advice[1]
    assert found.advice[-1] == "Until then, keep zero-shot in Japanese."


def test_good_translations_are_not_blamed() -> None:
    found = judged(chrf=65, flagged=0.01, length_ratio=1.0)
    assert found.sentence.endswith(
        "What was measured of the translations does not explain it: their chrF is 65, 1 % of them "
        "have a fault and they are 1.00 times as long as expected."
    )
    assert "does the label still hold" in found.advice[0]
    assert not any("better translator" in advice for advice in found.advice)


def test_without_a_measure_of_the_translations_measuring_comes_first() -> None:
    found = judged()
    assert found.sentence.endswith("How good the translations are was not measured.")
    assert found.advice[0].startswith("Measure the translations")
    assert set(found.evidence) == {"delta", "low", "high"}


@pytest.mark.parametrize(
    ("lang", "chrf", "poor"),
    [
        ("de", 49.9, True),
        ("de", 50, False),
        ("zh", 21.9, True),
        ("zh", 22, False),
        ("xx", 49.9, True),  # a tag that no table knows
    ],
)
def test_chinese_and_japanese_have_a_lower_bar_of_chrf(lang, chrf, poor) -> None:
    assert ("are poor" in judged(lang, chrf=chrf).sentence) is poor


@pytest.mark.parametrize(("flagged", "poor"), [(0.1, True), (0.099, False)])
def test_one_faulty_translation_in_ten_is_too_many(flagged, poor) -> None:
    assert ("are poor" in judged(flagged=flagged).sentence) is poor


@pytest.mark.parametrize(
    ("ratio", "poor"), [(LENGTHS[0], False), (0.74, True), (LENGTHS[1], False), (1.34, True)]
)
def test_lengths_far_from_those_expected_are_poor(ratio, poor) -> None:
    found = judged(length_ratio=ratio)
    assert ("are poor" in found.sentence) is poor
    assert any("cut, left out or repeated" in advice for advice in found.advice) is poor


def test_what_the_correction_leaves_unsure_is_no_finding() -> None:
    assert isinstance(judged(effect=Estimate(-0.05, (-0.09, -0.01), 0.051)), Absent)
    assert isinstance(judged(effect=Estimate(-0.05, (-0.09, -0.01), 0.05)), Finding)


@pytest.mark.parametrize("interval", [(-0.1, 0.0), (-0.1, 0.02), (0.01, 0.1)])
def test_an_interval_that_reaches_zero_is_no_finding(interval) -> None:
    found = judged(effect=Estimate(-0.02, interval, 0.01))
    assert isinstance(found, Absent)
    assert "not clearly below zero" in found.reason


@pytest.mark.parametrize(
    "effect",
    [
        None,
        Estimate(float("nan"), (-0.1, -0.01), 0.001),
        Estimate(-0.05, (float("nan"), -0.01), 0.5),
        Estimate(-0.05, (-0.01, -0.09), 0.001),
    ],
)
def test_an_unknown_difference_is_not_judged(effect) -> None:
    assert isinstance(judged(effect=effect), NotJudged)


def test_an_unknown_measure_is_as_if_it_were_absent() -> None:
    assert judged(chrf=float("nan")) == judged()


def test_percentages_for_shares_are_refused() -> None:
    with pytest.raises(DataError, match="'flagged' must be a share between 0 and 1, got 30"):
        judged(flagged=30)
