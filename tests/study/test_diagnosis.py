"""The diagnosis: every signature is found, absent, or not judged with the reason."""

import json
from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.study.diagnosis import (
    Alignment,
    ArmEvidence,
    ControlEvidence,
    Diagnosis,
    Estimate,
    Evidence,
    OTCEvidence,
    SeedEvidence,
    diagnose,
)

NAMES = [
    "worse-than-zero-shot",
    "otc-without-effect",
    "unstable-across-seeds",
    "regularising-not-aligning",
]


def test_without_evidence_nothing_is_judged() -> None:
    found = diagnose(Evidence())
    assert (found.findings, found.absent) == ((), ())
    assert [skipped.name for skipped in found.not_judged] == NAMES
    assert all(skipped.where is None and skipped.reason for skipped in found.not_judged)


def test_a_study_with_every_signature_shows_them_in_order() -> None:
    found = diagnose(
        Evidence(
            arms=(
                ArmEvidence("translated", "ja", Estimate(-0.05, (-0.09, -0.01)), chrf=15),
                ArmEvidence("translated", "de", Estimate(0.05, (0.01, 0.09)), chrf=60),
            ),
            otc=(
                OTCEvidence(
                    "translated",
                    None,
                    Estimate(0.0, (-0.01, 0.01)),
                    before=Alignment(0.95, 0.7),
                    with_otc=Alignment(0.97, 0.9),
                    chance=1 / 16,
                ),
            ),
            seeds=(SeedEvidence("translated", "fr", {0: 0.6, 1: 0.61, 2: 0.1, 3: 0.6}, 204),),
            controls=(
                ControlEvidence(
                    "translated", None, Estimate(0.0, (-0.01, 0.01)), Estimate(0.02, (0.01, 0.03))
                ),
            ),
        )
    )
    assert [finding.name for finding in found.findings] == NAMES
    assert [finding.where.lang for finding in found.findings] == ["ja", None, "fr", None]
    assert [absent.where.lang for absent in found.absent] == ["de"]
    assert found.not_judged == ()
    assert all(finding.evidence and finding.advice for finding in found.findings)


def test_more_arms_and_languages_take_a_wider_spread_over_seeds() -> None:
    spread = SeedEvidence("translated", "fr", {0: 0.4, 1: 0.5, 2: 0.6}, 120)  # p = .0082
    steady = SeedEvidence("translated", "de", {0: 0.5, 1: 0.5, 2: 0.5}, 120)
    assert len(diagnose(Evidence(seeds=(spread,))).findings) == 1
    assert diagnose(Evidence(seeds=(spread, steady))).findings == ()


def test_it_can_be_written_as_json() -> None:
    arm = ArmEvidence("translated", "ja", Estimate(-0.05, (-0.09, -0.01)), chrf=15)
    written = json.loads(json.dumps(asdict(diagnose(Evidence(arms=(arm,)))), allow_nan=False))
    assert written["findings"][0]["where"] == {"arm": "translated", "lang": "ja"}


anything = st.floats(allow_nan=True, allow_infinity=True)
share = st.one_of(st.floats(0, 1), st.just(float("nan")))
estimate = st.none() | st.builds(Estimate, anything, st.tuples(anything, anything))
near = st.none() | st.builds(Alignment, share, st.none() | anything)
maybe = st.none() | anything
lang = st.sampled_from(["de", "zh", "tlh", ""])

evidence = st.builds(
    Evidence,
    arms=st.tuples(
        st.builds(ArmEvidence, st.just("a"), lang, estimate, maybe, st.none() | share, maybe)
    ),
    otc=st.tuples(
        st.builds(
            OTCEvidence,
            st.just("a"),
            st.none() | lang,
            estimate,
            near,
            near,
            near,
            st.none() | share,
        )
    ),
    seeds=st.tuples(
        st.builds(
            SeedEvidence,
            st.just("a"),
            lang,
            st.dictionaries(st.integers(), share | anything, max_size=6),
            st.integers(-1, 10**6),
        )
    ),
    controls=st.tuples(
        st.builds(ControlEvidence, st.just("a"), st.none() | lang, estimate, estimate, estimate)
    ),
)


@settings(deadline=None)
@given(evidence)
def test_whatever_the_numbers_each_signature_gets_one_verdict_that_can_be_written(given) -> None:
    found: Diagnosis = diagnose(given)
    verdicts = [*found.findings, *found.absent, *found.not_judged]
    assert sorted(verdict.name for verdict in verdicts) == sorted(NAMES)
    json.dumps(asdict(found), allow_nan=False)
