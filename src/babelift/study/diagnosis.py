"""The diagnosis: what a study's results hold of each failure signature, judged by its rule.

Every verdict speaks of one condition, with all its axes, over the study's sources (of one of them
where it says so): evidence is taken from results of that condition alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Any, Final

import numpy as np
import polars as pl

from babelift.report.numbers import language_name
from babelift.study.answers import Answer, cell_name
from babelift.study.condition import OWN, Condition
from babelift.study.quality import Quality
from babelift.study.results import Scores
from babelift.study.signatures import (
    REGULARISING,
    UNSTABLE,
    WITHOUT_EFFECT,
    WORSE,
    Absent,
    Alignment,
    ArmEvidence,
    ControlEvidence,
    Estimate,
    Finding,
    NotJudged,
    OTCEvidence,
    SeedEvidence,
    Verdict,
    chance_spread,
    otc_without_effect,
    regularising_not_aligning,
    unstable_across_seeds,
    worse_than_zero_shot,
)
from babelift.study.spec import OFF, StudySpec


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a study's comparisons.

    Attributes:
        one_training: Whether every condition was trained once, so that no difference is evidence.
    """

    arms: tuple[ArmEvidence, ...] = ()
    otc: tuple[OTCEvidence, ...] = ()
    seeds: tuple[SeedEvidence, ...] = ()
    controls: tuple[ControlEvidence, ...] = ()
    one_training: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, what was looked for in vain, and what could not be judged."""

    findings: tuple[Finding, ...] = ()
    absent: tuple[Absent, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()


def diagnose(evidence: Evidence) -> Diagnosis:
    """Look for every failure signature wherever there is evidence of it.

    The rules and their thresholds stand in `babelift.study.signatures`.

    >>> diagnosis = diagnose(Evidence(arms=(
    ...     ArmEvidence("translated", "ja", Estimate(-0.05, (-0.09, -0.01), 0.001), chrf=15.0),)))
    >>> diagnosis.findings[0].sentence
    'In Japanese, translated does worse than zero-shot: −.05 [−.09, −.01]. The translations are poor: their chrF is 15.'
    >>> [skipped.reason for skipped in diagnosis.not_judged]
    ['no arm was run with and without OTC', 'no arm was run with several seeds', 'no control with shuffled pairs was run']
    """  # noqa: E501
    steady = partial(unstable_across_seeds, looked_at=len(evidence.seeds))
    signatures: dict[str, tuple[Callable[[Any], Verdict], Sequence[Any], str]] = {
        WORSE: (worse_than_zero_shot, evidence.arms, "no arm was compared with zero-shot"),
        WITHOUT_EFFECT: (otc_without_effect, evidence.otc, "no arm was run with and without OTC"),
        UNSTABLE: (steady, evidence.seeds, "no arm was run with several seeds"),
        REGULARISING: (
            regularising_not_aligning, evidence.controls, "no control with shuffled pairs was run"
        ),
    }  # fmt: skip
    verdicts = [
        verdict
        for name, (rule, cases, nothing) in signatures.items()
        for verdict in [rule(case) for case in cases]
        or [NotJudged(name, None, _ONE if evidence.one_training else nothing)]
    ]
    return Diagnosis(
        findings=tuple(verdict for verdict in verdicts if isinstance(verdict, Finding)),
        absent=tuple(verdict for verdict in verdicts if isinstance(verdict, Absent)),
        not_judged=tuple(verdict for verdict in verdicts if isinstance(verdict, NotJudged)),
    )


_ONE: Final = "each condition was trained once, and another training gives other scores"


@dataclass(frozen=True, kw_only=True)
class PairAlignment(Condition):
    """How near a condition's pairs are in one language, the mean over its runs and sources.

    Attributes:
        lang: The language.
        stage: `before` or `after` training.
        cosine: Mean cosine of an original and its translation.
        retrieval: Share of translations whose nearest original is their own.
        uniformity: How evenly the translations spread; lower is more even.
        cka: How alike the shapes of the two languages are, 0 to 1.
        pairs: Pairs that were looked at.
    """

    lang: str
    stage: str
    cosine: float
    retrieval: float
    uniformity: float
    cka: float
    pairs: int

    @property
    def condition(self) -> Condition:
        """The condition, fit to look things up by."""
        return Condition.of(self.to_dict())


def pair_alignments(
    places: Iterable[Mapping[str, Any]], runs: Mapping[str, Mapping[str, Any]]
) -> list[PairAlignment]:
    """The alignment of every condition in every language and stage.

    Args:
        places: Conditions as plain values, each with its `run`.
        runs: Records by run.
    """
    rows: dict[tuple[Condition, str, str], list[Mapping[str, Any]]] = {}
    for place in places:
        record = runs.get(place["run"])
        condition = Condition.of(place).over_sources()
        for row in record["alignment"] if record else ():
            if row["lang"] in place["langs"] and row["source"] in place["source"].split("+"):
                rows.setdefault((condition, row["lang"], row["stage"]), []).append(row)
    return [
        PairAlignment(
            **condition.to_dict(),
            lang=lang,
            stage=stage,
            cosine=_mean_of(own, "cosine"),
            retrieval=_mean_of(own, "retrieval"),
            uniformity=_mean_of(own, "uniformity"),
            cka=_mean_of(own, "cka"),
            pairs=own[0]["pairs"],
        )
        for (condition, lang, stage), own in rows.items()
    ]


def _mean_of(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))


def gather_evidence(
    spec: StudySpec,
    answers: Sequence[Answer],
    scores: Scores,
    alignments: Sequence[PairAlignment],
    qualities: Sequence[Quality],
) -> Evidence:
    """Everything the diagnosis can judge by.

    Args:
        spec: The study.
        answers: Its answers, corrected.
        scores: Its test results.
        alignments: How near its pairs are.
        qualities: How good its translations are.
    """
    conditions = [
        side for answer in answers for side in (answer.question.arm, answer.question.base)
    ]
    one_training = not any(answer.differences.mean.seeds_seen for answer in answers)
    if one_training:
        return Evidence(one_training=bool(answers))
    return Evidence(
        arms=tuple(_arms(answers, qualities, conditions)),
        otc=tuple(_otc(answers, alignments, conditions)),
        seeds=tuple(_seeds(scores, answers, conditions)),
        controls=tuple(_controls(spec, answers, conditions)),
    )


def _estimate(answer: Answer, lang: str | None = None) -> Estimate:
    """The difference on average, or in one language."""
    if lang is None:
        mean = answer.differences.mean
        return Estimate(mean.delta, mean.interval, answer.adjusted_p)
    own = answer.languages[lang]
    return Estimate(own.delta, own.interval, answer.adjusted_p_by_language[lang])


def _arms(
    answers: Sequence[Answer], qualities: Sequence[Quality], conditions: Sequence[Condition]
) -> Iterable[ArmEvidence]:
    for answer in answers:
        arm = answer.question.arm
        if answer.question.base.arm != "zero-shot" or answer.question.kind != "arm":
            continue
        for lang in answer.languages:
            own = [row for row in qualities if (row.translator, row.lang) == (arm.translator, lang)]
            yield ArmEvidence(
                cell_name(arm, conditions),
                lang,
                _estimate(answer, lang),
                chrf=_mean(row.chrf for row in own),
                flagged=_mean(row.flagged for row in own),
                condition=arm,
            )


def _mean(values: Iterable[float | None]) -> float | None:
    """Over the sources where it is known."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _otc(
    answers: Sequence[Answer],
    alignments: Sequence[PairAlignment],
    conditions: Sequence[Condition],
) -> Iterable[OTCEvidence]:
    known = {(row.condition, row.lang, row.stage): row for row in alignments}
    for answer in answers:
        arm, base = answer.question.arm, answer.question.base
        if answer.question.kind != "otc":
            continue
        for lang in answer.languages:
            after = known.get((arm, lang, "after"))
            yield OTCEvidence(
                cell_name(base, conditions) + ("" if arm.otc == "on" else f" ({arm.otc})"),
                lang,
                _estimate(answer, lang),
                before=_alignment(known.get((arm, lang, "before"))),
                without=_alignment(known.get((base, lang, "after"))),
                with_otc=_alignment(after),
                chance=1 / after.pairs if after else None,
                condition=arm,
            )


def _alignment(row: PairAlignment | None) -> Alignment | None:
    return Alignment(row.retrieval, row.cosine) if row else None


def _seeds(
    scores: Scores, answers: Sequence[Answer], conditions: Sequence[Condition]
) -> Iterable[SeedEvidence]:
    """Scores by seed, for arms of the primary contrast: they are what the study is about."""
    main = next((answer for answer in answers if answer.primary), None)
    if main is None:
        return
    for side in dict.fromkeys((main.question.arm, main.question.base)):
        rows = scores.of_condition(side)
        for (source, lang), part in rows.group_by("source", "lang", maintain_order=True):
            if lang not in main.languages:
                continue
            name = cell_name(side, conditions)
            if rows["source"].n_unique() > 1:
                name += f" from {_source_name(str(source))}"
            seeds = part.sort("seed", "id").partition_by("seed", as_dict=True)
            answered = part.group_by("id", "group_id").len().filter(pl.col("len") == len(seeds))
            right = np.stack([
                own.join(answered, on="id", how="semi").sort("id")["right"].to_numpy()
                for own in seeds.values()
            ])  # fmt: skip
            items = answered.sort("id")["group_id"].to_list()
            yield SeedEvidence(
                name,
                str(lang),
                {int(seed): float(own.mean()) for (seed,), own in zip(seeds, right, strict=True)},
                len(set(items)),
                chance_spread(right, items) if len(seeds) > 1 else 0.0,
                condition=replace(side, source=str(source)),
            )


def _source_name(source: str) -> str:
    return source if source == OWN else " and ".join(map(language_name, source.split("+")))


def _controls(
    spec: StudySpec, answers: Sequence[Answer], conditions: Sequence[Condition]
) -> Iterable[ControlEvidence]:
    """True pairs against shuffled ones, where a variant of the study shuffles."""
    shuffled = {
        name for name, changes in spec.variants.items() if changes.get("otc_pairs") == "shuffled"
    }
    means = {(answer.question.arm, answer.question.base): _estimate(answer) for answer in answers}
    for arm, base in means:
        true, off = replace(arm, otc="on"), replace(arm, otc=OFF)
        if arm.otc in shuffled and base == off:
            yield ControlEvidence(
                cell_name(arm, conditions),
                None,
                means.get((true, arm)),
                means.get((arm, off)),
                means.get((true, off)),
                condition=arm,
            )
