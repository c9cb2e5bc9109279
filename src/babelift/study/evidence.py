"""What a study's runs show of translations, vectors and seeds, in the form the diagnosis takes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from babelift.study.contrasts import Answer
from babelift.study.diagnosis import (
    Alignment,
    ArmEvidence,
    ControlEvidence,
    Estimate,
    Evidence,
    OTCEvidence,
    SeedEvidence,
)
from babelift.study.scores import Cell
from babelift.study.spec import OFF, StudySpec
from babelift.study.statistics.differences import Difference
from babelift.study.verdicts import cell_name


@dataclass(frozen=True)
class Lie:
    """How a condition's pairs lie in one language, the mean over its runs.

    Attributes:
        cosine: Mean cosine of an original and its translation.
        retrieval: Share of translations whose nearest original is their own.
        uniformity: How evenly the translations spread; lower is more even.
        cka: Whether the two languages lie alike, 0 to 1.
        pairs: Pairs that were looked at.
    """

    cosine: float
    retrieval: float
    uniformity: float
    cka: float
    pairs: int


Lies = Mapping[tuple[Cell, str, str], Lie]
"""By condition, language and stage (`before` or `after`)."""


def lies(places: Iterable[Mapping[str, Any]], runs: Mapping[str, Mapping[str, Any]]) -> Lies:
    """How the pairs lie, for every condition, language and stage.

    Args:
        places: Conditions as plain values, each with its `run`.
        runs: Records by run.
    """
    found: dict[tuple[Cell, str, str], list[Mapping[str, Any]]] = {}
    for place in places:
        record = runs.get(place["run"])
        cell = Cell(*(place[name] for name in Cell._fields))
        for one in record["alignment"] if record else ():
            if one["lang"] in place["langs"] and one["source"] in place["source"].split("+"):
                found.setdefault((cell, one["lang"], one["stage"]), []).append(one)
    return {key: _mean_lie(several) for key, several in found.items()}


def _mean_lie(several: Sequence[Mapping[str, Any]]) -> Lie:
    cosine, retrieval, uniformity, cka = (
        float(np.mean([one[name] for one in several]))
        for name in ("cosine", "retrieval", "uniformity", "cka")
    )
    return Lie(cosine, retrieval, uniformity, cka, several[0]["pairs"])


def gather_evidence(
    spec: StudySpec,
    answers: Sequence[Answer],
    results: pl.DataFrame,
    lying: Lies,
    qualities: pl.DataFrame,
) -> Evidence:
    """Everything the diagnosis can judge by.

    Args:
        spec: The study.
        answers: Its answers.
        results: Its tidy table.
        lying: How the pairs lie.
        qualities: Columns `translator, lang, chrf, flagged`; a row per translator and language.
    """
    cells = [side for one in answers for side in (one.question.arm, one.question.base)]
    return Evidence(
        arms=tuple(_arms(answers, qualities, cells)),
        otc=tuple(_otc(answers, lying, cells)),
        seeds=tuple(_seeds(results, answers)),
        controls=tuple(_controls(spec, answers)),
    )


def _estimate(found: Difference) -> Estimate:
    return Estimate(found.delta, found.interval)


def _by_language(answer: Answer) -> Mapping[str, Difference]:
    """Each language's difference; none where several sources share a language."""
    langs = answer.differences.languages
    return {} if any(">" in name for name in langs) else langs


def _arms(
    answers: Sequence[Answer], qualities: pl.DataFrame, cells: Sequence[Cell]
) -> Iterable[ArmEvidence]:
    known = {(row["translator"], row["lang"]): row for row in qualities.iter_rows(named=True)}
    for answer in answers:
        question = answer.question
        if question.base.arm != "zero-shot" or question.kind != "arm":
            continue
        for lang, found in _by_language(answer).items():
            quality = known.get((question.arm.translator, lang), {})
            yield ArmEvidence(
                cell_name(question.arm, cells),
                lang,
                _estimate(found),
                chrf=quality.get("chrf"),
                flagged=quality.get("flagged"),
            )


def _otc(answers: Sequence[Answer], lying: Lies, cells: Sequence[Cell]) -> Iterable[OTCEvidence]:
    for answer in answers:
        question = answer.question
        if question.kind != "otc":
            continue
        variant = question.arm.otc
        for lang, found in _by_language(answer).items():
            after = lying.get((question.arm, lang, "after"))
            yield OTCEvidence(
                cell_name(question.base, cells) + ("" if variant == "on" else f" ({variant})"),
                lang,
                _estimate(found),
                before=_alignment(lying.get((question.arm, lang, "before"))),
                without=_alignment(lying.get((question.base, lang, "after"))),
                with_otc=_alignment(after),
                chance=1 / after.pairs if after else None,
            )


def _alignment(lie: Lie | None) -> Alignment | None:
    return Alignment(lie.retrieval, lie.cosine) if lie else None


def _seeds(results: pl.DataFrame, answers: Sequence[Answer]) -> Iterable[SeedEvidence]:
    """Scores by seed, for arms of the primary contrast: they are what the study is about."""
    main = next((one for one in answers if one.primary), None)
    if main is None:
        return
    for side in dict.fromkeys((main.question.arm, main.question.base)):
        rows = results.filter(
            (pl.col("metric") == "f1_micro") & (pl.col("study_arm") == side.arm)
            & (pl.col("otc") == side.otc)
            & pl.col("translator").eq_missing(pl.lit(side.translator))
            & pl.col("ratio").eq_missing(pl.lit(side.ratio))
            & (pl.col("encoder") == side.encoder)
        )  # fmt: skip
        for (source, lang), part in rows.group_by("source", "lang", maintain_order=True):
            items = main.differences.languages
            known = items.get(str(lang)) or items.get(f"{source}>{lang}")
            scores = dict(zip(part["seed"].to_list(), part["value"].to_list(), strict=True))
            if known is not None:
                yield SeedEvidence(cell_name(side), str(lang), scores, known.items)


def _controls(spec: StudySpec, answers: Sequence[Answer]) -> Iterable[ControlEvidence]:
    """True pairs against shuffled ones, where a variant of the study shuffles."""
    shuffled = [
        name for name, changes in spec.variants.items() if changes.get("otc_pairs") == "shuffled"
    ]
    against = {(one.question.arm, one.question.base): one.differences.mean for one in answers}
    for name in shuffled:
        for arm, base in against:
            if arm.otc != name:
                continue
            true = arm._replace(otc="on")
            off = arm._replace(otc=OFF)
            direct, own = against.get((true, arm)), against.get((arm, off))
            effect = against.get((true, off))
            if base == off:
                yield ControlEvidence(
                    cell_name(arm),
                    None,
                    _estimate(direct) if direct else None,
                    _estimate(own) if own else None,
                    _estimate(effect) if effect else None,
                )
