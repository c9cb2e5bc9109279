"""OTC without effect: told apart by retrieval@1, at the edges of the thresholds."""

import pytest

from babelift.errors import DataError
from babelift.study.signatures import (
    Absent,
    Alignment,
    Estimate,
    Finding,
    NotJudged,
    OTCEvidence,
    otc_without_effect,
)

NONE = Estimate(0.0, (-0.02, 0.02), 0.5)


def judged(before=None, without=None, after=None, effect=NONE, lang="ja", chance=0.02):
    def at(retrieval: float | None) -> Alignment | None:
        return None if retrieval is None else Alignment(retrieval, retrieval / 2)

    return otc_without_effect(
        OTCEvidence("translated", lang, effect, at(before), at(without), at(after), chance)
    )


def test_pairs_that_were_aligned_already_are_named() -> None:
    found = judged(before=0.93, without=0.95, after=0.97)
    assert (found.name, found.kind) == ("otc-without-effect", "already-aligned")
    assert found.sentence == (
        "In Japanese, OTC adds .00 [−.02, .02] to translated: no effect seen, and the pairs were "
        "aligned already (retrieval@1 .93 before training, .95 without OTC, .97 with OTC)."
    )
    assert found.evidence["retrieval_before"] == 0.93
    assert found.evidence["cosine_with"] == 0.485
    assert found.advice[0].startswith("Leave OTC out here")


def test_pairs_that_never_align_are_named() -> None:
    found = judged(before=0.1, without=0.1, after=0.12)
    assert found.kind == "never-aligned"
    assert "the pairs never aligned" in found.sentence
    assert found.advice[0].startswith("Read some pairs")


def test_over_all_languages_no_language_is_named() -> None:
    assert judged(0.9, None, 0.95, lang=None).sentence.startswith("Over all languages, OTC adds")


@pytest.mark.parametrize(
    ("before", "without", "after", "kind"),
    [
        (0.9, None, 0.99, "already-aligned"),  # at the bar
        (0.89, None, 0.99, None),
        (None, 0.9, 0.99, "already-aligned"),
        (0.3, 0.95, 0.99, "already-aligned"),  # aligned without OTC's doing
        (0.7, None, 0.75, "already-aligned"),  # OTC took it no further: a rise of .05
        (0.7, None, 0.76, None),
        (0.95, None, 0.9, "already-aligned"),
        (0.95, None, 0.89, None),  # OTC drew the pairs apart
        (0.45, None, 0.5, "already-aligned"),  # the bar between low and not
        (0.45, None, 0.49, "never-aligned"),
        (0.2, None, 0.25, "never-aligned"),
        (0.2, None, 0.26, None),
        (0.2, 0.24, 0.22, "never-aligned"),
        (0.1, 0.45, 0.46, None),  # low, but not flat
        (0.35, None, 0.1, None),
        (0.2, 0.3, 0.8, None),  # it aligned, for nothing
    ],
)
def test_the_reason_turns_at_the_thresholds(before, without, after, kind) -> None:
    found = judged(before, without, after)
    assert (found.kind if isinstance(found, Finding) else None) == kind
    if kind is None:
        assert isinstance(found, Absent)
        assert "the vectors do not say why: retrieval@1" in found.reason


@pytest.mark.parametrize("interval", [(0.001, 0.05), (-0.05, -0.001)])
def test_an_effect_either_way_is_no_finding(interval) -> None:
    found = judged(0.95, None, 0.96, effect=Estimate(sum(interval) / 2, interval, 0.01))
    assert isinstance(found, Absent)
    assert found.reason.startswith("OTC has an effect: ")


def test_an_effect_that_the_correction_leaves_unsure_is_not_judged() -> None:
    found = judged(0.95, None, 0.96, effect=Estimate(-0.04, (-0.06, -0.02), 0.2))
    assert isinstance(found, NotJudged)
    assert found.reason == (
        "OTC adds −.04 [−.06, −.02], which is not sure beside all else that the page asks"
    )


@pytest.mark.parametrize("interval", [(0.0, 0.05), (-0.05, 0.0), (0.0, 0.0)])
def test_an_interval_that_touches_zero_shows_no_effect(interval) -> None:
    assert isinstance(judged(0.95, None, 0.96, effect=Estimate(0.0, interval, 0.05)), Finding)


def test_without_evidence_nothing_is_judged() -> None:
    assert "difference that OTC makes" in judged(0.9, 0.9, 0.9, effect=None).reason
    assert "before training or without OTC is not known" in judged(after=0.9).reason
    assert "with OTC is not known" in judged(before=0.9, without=0.9).reason
    assert "is not known" in judged(before=float("nan"), after=0.9).reason
    assert isinstance(judged(after=0.9), NotJudged)


@pytest.mark.parametrize(("chance", "judges"), [(0.25, False), (0.2, True), (None, True)])
def test_retrieval_among_four_pairs_says_nothing(chance, judges) -> None:
    found = judged(0.95, None, 0.96, chance=chance)
    assert isinstance(found, Finding) is judges
    if not judges:
        assert found.reason == "retrieval among 4 pairs says nothing of alignment"


def test_percentages_for_shares_are_refused() -> None:
    with pytest.raises(DataError, match="'retrieval' must be a share between 0 and 1, got 95"):
        Alignment(95)
