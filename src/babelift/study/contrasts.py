"""The questions a study can answer, and the answer to each with its statistics."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import polars as pl

from babelift.errors import DataError
from babelift.study.grid import REFERENCE
from babelift.study.scores import Cell, Pairing, Scores
from babelift.study.spec import ARMS, OFF, PAIRED, TRANSLATING, StudySpec
from babelift.study.statistics.differences import Difference, Differences, paired_differences
from babelift.study.statistics.power import could_have_seen
from babelift.study.statistics.regression import FEWEST_SCORES, Regression, regress
from babelift.study.statistics.several import Replicability, holm, replicability
from babelift.study.statistics.signflip import SignFlip, sign_flip

_BASES: Final = {
    "translated": ("zero-shot", "original"),
    "original": ("zero-shot",),
    "original+translated": ("original",),
    "translate-test": ("zero-shot", "translated"),
    "reference": ("zero-shot", "original"),
}
"""What each arm is measured against, without OTC on either side."""


@dataclass(frozen=True)
class Question:
    """What one condition gains over another.

    Attributes:
        arm: The condition that has something more.
        base: The condition it is measured against.
        kind: What differs: `arm`, `otc`, `variant` (OTC as it is against another OTC), `ratio`,
            `reference` (trusted translations against a translator's) or `added`.
    """

    arm: Cell
    base: Cell
    kind: str


@dataclass(frozen=True)
class Answer:
    """What came out of a question.

    Attributes:
        question: What was asked.
        primary: Whether it was stated in advance as the study's main one.
        differences: Mean and per language (or per source and language), with intervals.
        by_language: Difference in each test language, over all sources.
        languages: The same with intervals.
        flips: Whether it would stand in languages at large.
        holds: In how many of the languages it holds.
        could_have_seen: The smallest effect that would have been seen four times in five.
        adjusted_p: Holm's, over all questions but the primary; the primary's own p.
    """

    question: Question
    primary: bool
    differences: Differences
    by_language: dict[str, float]
    languages: dict[str, Difference]
    flips: SignFlip
    holds: Replicability
    could_have_seen: float
    adjusted_p: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self) | {
            "question": {
                "arm": self.question.arm._asdict(),
                "base": self.question.base._asdict(),
                "kind": self.question.kind,
            }
        }


def questions(spec: StudySpec, cells: Sequence[Cell]) -> Iterator[Question]:
    """Every question that a study's conditions can answer, each once.

    Args:
        spec: The study.
        cells: The conditions that have results.
    """
    known = set(cells)
    first = spec.ratios[0]
    for cell in cells:
        if cell.arm not in ARMS:
            added = [one for one in cells if one.arm in ARMS and _plain(one, first)]
            yield from (Question(cell, one, "added") for one in added)
        elif cell.otc != OFF:
            base, true = cell._replace(otc=OFF), cell._replace(otc="on")
            if base in known:
                yield Question(cell, base, "otc")
            if cell != true and true in known:
                yield Question(true, cell, "variant")
        elif cell.ratio not in (None, first):
            base = cell._replace(ratio=first)
            if base in known:
                yield Question(cell, base, "ratio")
        else:
            yield from _arm_questions(cell, cells)


def _plain(cell: Cell, ratio: str) -> bool:
    return cell.otc == OFF and cell.ratio in (None, ratio)


def _arm_questions(cell: Cell, cells: Sequence[Cell]) -> Iterator[Question]:
    for base in _BASES.get(cell.arm, ()):
        for other in cells:
            same_translator = base != "translated" or other.translator == cell.translator
            if (
                (other.arm, other.otc) == (base, OFF)
                and (other.encoder, other.rows) == (cell.encoder, cell.rows)
                and other.ratio in (None, cell.ratio)
                and same_translator
            ):
                yield Question(cell, other, "arm")
    if cell.arm == "reference":
        yield from (
            Question(cell, other, "reference")
            for other in cells
            if other == cell._replace(arm="translated", translator=other.translator)
        )


def primary_question(spec: StudySpec, cells: Sequence[Cell]) -> Question:
    """The contrast that the study states in advance.

    Raises:
        DataError: One of its sides has no results.
    """
    stated, encoder = spec.primary, next(iter(spec.encoders))
    arm = stated_cell(spec, stated.arm, stated.otc, encoder)
    base = stated_cell(spec, stated.over or stated.arm, OFF, encoder)
    for side in (arm, base):
        if side not in cells:
            raise DataError(
                f"the primary contrast cannot be judged: no run of {side.arm} (otc {side.otc}, "
                f"translator {side.translator}) could be done.",
                "See the errors of the failed runs, and run the study again.",
            )
    return Question(arm, base, "otc" if stated.over is None else "arm")


def stated_cell(spec: StudySpec, arm: str, otc: str, encoder: str) -> Cell:
    """A condition at the study's main settings: its first ratio and number of rows.

    Args:
        spec: The study.
        arm: One of `spec.ARMS`.
        otc: `off`, `on` or a variant.
        encoder: Name of the encoder.
    """
    translator = spec.primary.translator or next(iter(spec.translators))
    return Cell(
        arm,
        otc,
        spec.ratios[0] if arm in PAIRED else None,
        translator if arm in TRANSLATING else REFERENCE if arm == "reference" else None,
        encoder,
        spec.rows[0],
    )


def answers(spec: StudySpec, scores: Scores) -> list[Answer]:
    """All answers, the primary one first; without it where it has no results.

    Args:
        spec: The study.
        scores: Its test results.
    """
    cells = scores.cells()
    try:
        main = primary_question(spec, cells)
    except DataError:
        main = None
    asked = dict.fromkeys(one for one in (main, *questions(spec, cells)) if one is not None)
    found = [
        _answer(one, pairing, one == main)
        for one in asked
        if (pairing := scores.paired(one.arm, one.base)) is not None
    ]
    others = [number for number, one in enumerate(found) if not one.primary]
    adjusted = holm([found[number].differences.mean.p for number in others])
    for number, p in zip(others, adjusted, strict=True):
        found[number] = replace(found[number], adjusted_p=float(p))
    return found


def _answer(question: Question, pairing: Pairing, primary: bool) -> Answer:
    differences = paired_differences(
        pairing.right_arm, pairing.right_base, pairing.strata, pairing.groups
    )
    over_sources = (
        differences
        if pairing.strata == pairing.langs
        else paired_differences(
            pairing.right_arm, pairing.right_base, pairing.langs, pairing.groups
        )
    )
    by_language = {lang: one.delta for lang, one in over_sources.languages.items()}
    p_values = [one.p for one in over_sources.languages.values()]
    return Answer(
        question,
        primary,
        differences,
        by_language,
        over_sources.languages,
        sign_flip(list(by_language.values())),
        replicability(list(by_language.values()), p_values),
        could_have_seen(differences),
        differences.mean.p,
    )


def otc_regressions(results: pl.DataFrame, variants: Sequence[str]) -> dict[str, Regression]:
    """The paper's table for every OTC: its coefficient over all arms that have pairs.

    `f1 ~ otc + (1|language) + (1|source) + (1|seed)`, on the scores of the runs with and without.

    Args:
        results: The study's tidy table.
        variants: Names of the OTCs, without `off`.

    Returns:
        By variant and arm, `on, translated`; those that have no two sides, or too few scores, are
        left out.
    """
    found = {}
    table = results.filter(pl.col("metric") == "f1_micro").rename({"value": "f1"})
    for variant in variants:
        both = table.filter(pl.col("otc").is_in([OFF, variant]) & pl.col("ratio").is_not_null())
        for (arm,), part in both.group_by("study_arm", maintain_order=True):
            if part["otc"].n_unique() < 2 or part.height < FEWEST_SCORES:
                continue
            found[f"{variant}, {arm}"] = regress(
                part.select(
                    "f1",
                    (pl.col("otc") == variant).alias("otc"),
                    pl.col("lang").alias("language"),
                    "source",
                    pl.col("seed").cast(pl.String),
                )
            )
    return found
