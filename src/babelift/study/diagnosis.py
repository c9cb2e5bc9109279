"""The diagnosis: failure signatures found by rule, the evidence beside them, and what to try."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from babelift.study.diagnosis_records import (
    Absent,
    Alignment,
    ArmEvidence,
    ControlEvidence,
    Diagnosis,
    Estimate,
    Evidence,
    Finding,
    NotJudged,
    OTCEvidence,
    SeedEvidence,
    Verdict,
    Where,
)
from babelift.study.signatures import control, otc, seeds, worse

__all__ = [
    "Absent",
    "Alignment",
    "ArmEvidence",
    "ControlEvidence",
    "Diagnosis",
    "Estimate",
    "Evidence",
    "Finding",
    "NotJudged",
    "OTCEvidence",
    "SeedEvidence",
    "Where",
    "diagnose",
]


def diagnose(evidence: Evidence) -> Diagnosis:
    """Look for every failure signature wherever there is evidence of it.

    A signature is found, or looked for and absent, or not judged with the reason: nothing is
    concluded from evidence that is not there. The rules and their thresholds stand in
    `babelift.study.signatures`.

    >>> found = diagnose(Evidence(arms=(
    ...     ArmEvidence("translated", "ja", Estimate(-0.05, (-0.09, -0.01)), chrf=15.0),)))
    >>> found.findings[0].sentence
    'In Japanese, translated does worse than zero-shot: −.05 [−.09, −.01]. The translations are poor: their chrF is 15.'
    >>> [skipped.reason for skipped in found.not_judged]
    ['no arm was run with and without OTC', 'no arm was run with several seeds', 'no control with shuffled pairs was run']
    """  # noqa: E501
    steady = partial(seeds.unstable_across_seeds, looked_at=len(evidence.seeds))
    verdicts = [
        *_judge(
            worse.NAME,
            worse.worse_than_zero_shot,
            evidence.arms,
            "no arm was compared with zero-shot",
        ),
        *_judge(
            otc.NAME,
            otc.otc_without_effect,
            evidence.otc,
            "no arm was run with and without OTC",
        ),
        *_judge(seeds.NAME, steady, evidence.seeds, "no arm was run with several seeds"),
        *_judge(
            control.NAME,
            control.regularising_not_aligning,
            evidence.controls,
            "no control with shuffled pairs was run",
        ),
    ]
    return Diagnosis(
        findings=tuple(verdict for verdict in verdicts if isinstance(verdict, Finding)),
        absent=tuple(verdict for verdict in verdicts if isinstance(verdict, Absent)),
        not_judged=tuple(verdict for verdict in verdicts if isinstance(verdict, NotJudged)),
    )


def _judge(
    name: str, rule: Callable[[Any], Verdict], cases: Sequence[Any], nothing: str
) -> list[Verdict]:
    return [rule(case) for case in cases] or [NotJudged(name, None, nothing)]
