"""The diagnosis: every signature is found, absent, or not judged with the reason."""

import json
from dataclasses import asdict, replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.study.answers import answers
from babelift.study.diagnosis import (
    Diagnosis,
    Evidence,
    PairAlignment,
    diagnose,
    gather_evidence,
)
from babelift.study.family import one_family
from babelift.study.quality import Quality
from babelift.study.signatures import (
    Alignment,
    ArmEvidence,
    ControlEvidence,
    Estimate,
    OTCEvidence,
    SeedEvidence,
)
from tests.study.test_contrasts import LANGS, PLAIN, WITH, ZERO, spec_of, study

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
                ArmEvidence("translated", "ja", Estimate(-0.05, (-0.09, -0.01), 0.001), chrf=15),
                ArmEvidence("translated", "de", Estimate(0.05, (0.01, 0.09), 0.001), chrf=60),
            ),
            otc=(
                OTCEvidence(
                    "translated",
                    None,
                    Estimate(0.0, (-0.01, 0.01), 0.5),
                    before=Alignment(0.95, 0.7),
                    with_otc=Alignment(0.97, 0.9),
                    chance=1 / 16,
                ),
            ),
            seeds=(SeedEvidence("translated", "fr", {0: 0.6, 1: 0.61, 2: 0.1, 3: 0.6}, 204, 0.03),),
            controls=(
                ControlEvidence(
                    "translated",
                    None,
                    Estimate(0.0, (-0.01, 0.01), 0.5),
                    Estimate(0.02, (0.01, 0.03), 0.001),
                ),
            ),
        )
    )
    assert [finding.name for finding in found.findings] == NAMES
    assert [finding.where.lang for finding in found.findings] == ["ja", None, "fr", None]
    assert [absent.where.lang for absent in found.absent] == ["de"]
    assert found.not_judged == ()
    assert all(finding.evidence and finding.advice for finding in found.findings)


def test_one_training_each_is_no_evidence_of_anything() -> None:
    spec, scores = spec_of(), study({ZERO: 0.9, PLAIN: 0.3, WITH: 0.6}, seeds=1)
    answered = one_family(answers(spec, scores), {}, None, scores.conditions()).answers
    found = diagnose(gather_evidence(spec, answered, scores, [], []))
    assert (found.findings, found.absent) == ((), ())
    assert {skipped.reason for skipped in found.not_judged} == {
        "each condition was trained once, and another training gives other scores"
    }


def test_more_arms_and_languages_take_a_wider_spread_over_seeds() -> None:
    spread = SeedEvidence("translated", "fr", {0: 0.4, 1: 0.5, 2: 0.6}, 120, 0.055)  # p = .037
    steady = SeedEvidence("translated", "de", {0: 0.5, 1: 0.5, 2: 0.5}, 120, 0.055)
    assert len(diagnose(Evidence(seeds=(spread,))).findings) == 1
    assert diagnose(Evidence(seeds=(spread, steady))).findings == ()


def test_it_can_be_written_as_json() -> None:
    arm = ArmEvidence("translated", "ja", Estimate(-0.05, (-0.09, -0.01), 0.001), chrf=15)
    written = json.loads(json.dumps(asdict(diagnose(Evidence(arms=(arm,)))), allow_nan=False))
    assert written["findings"][0]["where"] == {
        "arm": "translated", "lang": "ja", "condition": None,
    }  # fmt: skip


anything = st.floats(allow_nan=True, allow_infinity=True)
share = st.one_of(st.floats(0, 1), st.just(float("nan")))
estimate = st.none() | st.builds(Estimate, anything, st.tuples(anything, anything), st.floats(0, 1))
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
            anything,
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


TWO = {
    "rows": {"rows": [None, 600]},
    "encoder": {"encoders": ["mini", "small"]},
    "translator": {"translators": ["mini", "other"]},
    "source": {"sources": ["en", "fr"]},
}
"""What the study says where it has two values of an axis; the first is that of `PLAIN`."""

OTHER = {"rows": 600, "encoder": "small", "translator": "other", "source": "fr"}


@pytest.mark.parametrize("axis", TWO)
def test_every_verdict_rests_on_results_of_its_own_condition_alone(axis) -> None:
    spec = spec_of(otc=["off", "on", "shuffled"], **TWO[axis],
                   variants={"shuffled": {"otc_pairs": "shuffled"}})  # fmt: skip
    asked = [ZERO, PLAIN, WITH, replace(PLAIN, otc="shuffled")]
    others = [
        replace(condition, **{axis: OTHER[axis]})
        for condition in asked
        if getattr(condition, axis) is not None or axis != "translator"
    ]
    conditions = [*asked, *others]
    levels = {condition: 0.5 + 0.02 * n for n, condition in enumerate(conditions)}
    scores = study(levels)
    judged = one_family(answers(spec, scores), {}, None, scores.conditions()).answers
    alignments = [
        PairAlignment(**condition.over_sources().to_dict(), lang=lang, stage=stage, cosine=0.5,
                      retrieval=n / 100, uniformity=0.0, cka=0.5, pairs=60)
        for n, condition in enumerate(conditions) if condition.ratio
        for lang in LANGS for stage in ("before", "after") if condition.source != "fr"
    ]  # fmt: skip
    qualities = [
        Quality(translator=name, source="en", lang=lang, rows=9, chrf=10.0 * (n + 1))
        for n, name in enumerate(spec.translators) for lang in LANGS
    ]  # fmt: skip
    evidence = gather_evidence(spec, judged, scores, alignments, qualities)
    differences = {(one.question.arm, one.question.base): one for one in judged}

    def gain(arm, base):
        return differences[arm, base].differences.mean.delta

    near = {(row.condition, row.lang): row.retrieval for row in alignments if row.stage == "after"}
    assert all((evidence.arms, evidence.otc, evidence.seeds, evidence.controls))

    for case in evidence.arms:
        zero = replace(case.condition, arm="zero-shot", ratio=None, translator=None)
        own = differences[case.condition, zero]
        assert case.over_zero_shot.delta == own.by_language[case.lang]
        assert case.over_zero_shot.p == own.adjusted_p_by_language[case.lang]
        assert case.chrf == (10 if case.condition.translator == "mini" else 20)
    for case in evidence.otc:
        off = replace(case.condition, otc="off")
        assert case.effect.delta == differences[case.condition, off].by_language[case.lang]
        assert case.with_otc.retrieval == near[case.condition, case.lang]
        assert case.without.retrieval == near[off, case.lang]
    for case in evidence.seeds:
        assert replace(case.condition, source=None) in (PLAIN, ZERO)
        own = scores.of_condition(case.condition).filter(lang=case.lang)
        means = own.group_by("seed").agg(pl.col("right").mean())
        assert case.scores == pytest.approx(dict(means.iter_rows()))
        assert len(case.scores) == 3
    for case in evidence.controls:
        off, true = replace(case.condition, otc="off"), replace(case.condition, otc="on")
        assert case.shuffled_over_off.delta == gain(case.condition, off)
        assert case.true_over_shuffled.delta == gain(true, case.condition)
    for cases in (evidence.arms, evidence.otc, evidence.seeds, evidence.controls):
        assert len({(case.arm, case.lang) for case in cases}) == len(cases), "two of one name"
