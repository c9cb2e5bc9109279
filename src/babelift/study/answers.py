"""The questions a study can answer, and the answer to each with its statistics and in sentences."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from babelift.errors import DataError
from babelift.evaluation.differences import Difference, Differences, paired_differences
from babelift.evaluation.multiple_tests import (
    Replicability,
    SignFlip,
    holm,
    replicability,
    sign_flip,
)
from babelift.evaluation.power import could_have_seen
from babelift.report.numbers import (
    brackets,
    digits_for,
    direction,
    language_name,
    p_value,
    share,
    signed,
    with_p,
)
from babelift.study.condition import AXES, REFERENCE, Condition
from babelift.study.regression import FEWEST_SCORES, Regression, regress
from babelift.study.results import Pairing, Scores
from babelift.study.spec import ARMS, OFF, PAIRED, TRANSLATING, StudySpec


def money(value: float) -> str:
    """A price, with cents where they matter.

    >>> money(77.5), money(0.25), money(12000), money(9.0)
    ('78', '0.25', '12,000', '9')
    """
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.2f}".removesuffix(".00") if abs(value) >= 0.1 else f"{value:.2g}"


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

    arm: Condition
    base: Condition
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
        sentence: The answer in words.
        by_language_sentence: The languages that gain least and most.
        arm: The condition that has something more, in words.
        base: What it is measured against, in words.
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
    sentence: str = ""
    by_language_sentence: str = ""
    arm: str = ""
    base: str = ""


def questions(spec: StudySpec, cells: Sequence[Condition]) -> Iterator[Question]:
    """Every question that a study's conditions can answer, each once.

    Args:
        spec: The study.
        cells: The conditions that have results.
    """
    known = set(cells)
    first = spec.ratios[0]
    for cell in cells:
        if cell.arm not in ARMS:
            plain = [other for other in cells if other.arm in ARMS and _plain(other, first)]
            yield from (Question(cell, other, "added") for other in plain)
        elif cell.otc != OFF:
            base, true = replace(cell, otc=OFF), replace(cell, otc="on")
            if base in known:
                yield Question(cell, base, "otc")
            if cell != true and true in known:
                yield Question(true, cell, "variant")
        elif cell.ratio not in (None, first):
            base = replace(cell, ratio=first)
            if base in known:
                yield Question(cell, base, "ratio")
        else:
            yield from _arm_questions(cell, cells)


def _plain(cell: Condition, ratio: str) -> bool:
    return cell.otc == OFF and cell.ratio in (None, ratio)


def _arm_questions(cell: Condition, cells: Sequence[Condition]) -> Iterator[Question]:
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
            if other == replace(cell, arm="translated", translator=other.translator)
        )


def primary_question(spec: StudySpec, cells: Sequence[Condition]) -> Question:
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


def stated_cell(spec: StudySpec, arm: str, otc: str, encoder: str) -> Condition:
    """A condition at the study's main settings: its first ratio and number of rows.

    Args:
        spec: The study.
        arm: One of `spec.ARMS`.
        otc: `off`, `on` or a variant.
        encoder: Name of the encoder.
    """
    translator = spec.primary.translator or next(iter(spec.translators))
    return Condition(
        arm,
        otc,
        spec.ratios[0] if arm in PAIRED else None,
        translator if arm in TRANSLATING else REFERENCE if arm == "reference" else None,
        encoder,
        rows=spec.rows[0],
    )


def answers(spec: StudySpec, scores: Scores) -> list[Answer]:
    """All answers, the primary one first; without it where it has no results.

    Args:
        spec: The study.
        scores: Its test results.
    """
    cells = scores.conditions()
    try:
        main = primary_question(spec, cells)
    except DataError:
        main = None
    asked = dict.fromkeys(
        question for question in (main, *questions(spec, cells)) if question is not None
    )
    answered = [
        _answer(question, pairing, question == main)
        for question in asked
        if (pairing := scores.paired(question.arm, question.base)) is not None
    ]
    others = [number for number, answer in enumerate(answered) if not answer.primary]
    adjusted = holm([answered[number].differences.mean.p for number in others])
    for number, p in zip(others, adjusted, strict=True):
        answered[number] = replace(answered[number], adjusted_p=float(p))
    return [
        replace(
            answer,
            sentence=verdict(answer, cells),
            by_language_sentence=best_and_worst(answer),
            arm=cell_name(answer.question.arm, cells),
            base=cell_name(answer.question.base, cells),
        )
        for answer in answered
    ]


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
    by_language = {lang: gain.delta for lang, gain in over_sources.languages.items()}
    p_values = [gain.p for gain in over_sources.languages.values()]
    return Answer(
        question,
        primary,
        differences,
        by_language,
        over_sources.languages,
        sign_flip(list(by_language.values())),
        replicability(list(by_language.values()), p_values),
        could_have_seen(differences).effect,
        differences.mean.p,
    )


_COUNTERPART: Final = [*(axis for axis in AXES if axis != "otc"), "seed", "lang"]


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
    regressions = {}
    table = results.filter(pl.col("metric") == "f1_micro").rename({"value": "f1"})
    for variant in variants:
        both = table.filter(pl.col("otc").is_in([OFF, variant]) & pl.col("ratio").is_not_null())
        # A score counts where its counterpart is there: a failed run would tilt the comparison.
        both = both.filter(pl.col("otc").n_unique().over(*_COUNTERPART) == 2)
        for (arm,), part in both.group_by("arm", maintain_order=True):
            if part["otc"].n_unique() < 2 or part.height < FEWEST_SCORES:
                continue
            name = f"{variant}, {arm}"
            table_of_arm = regress(
                part.select(
                    "f1",
                    (pl.col("otc") == variant).alias("otc"),
                    pl.col("lang").alias("language"),
                    "source",
                    pl.col("seed").cast(pl.String),
                )
            )
            sentence = regression_sentence(name, table_of_arm)
            regressions[name] = replace(table_of_arm, sentence=sentence)
    return regressions


_NAMES: Final = {
    "zero-shot": "zero-shot",
    "translated": "training on translations",
    "original": "training on native rows",
    "original+translated": "native rows with translations",
    "translate-test": "translating the test text",
    "reference": "training on trusted translations",
}

_METRIC: Final = "F1-micro"

LEVEL: Final = 0.05
"""Holm's p above which a difference is not held to be one, beside all others looked at."""


def arm_name(arm: str) -> str:
    """An arm in words; an added one by its own name.

    >>> arm_name("translated"), arm_name("their tool")
    ('training on translations', 'their tool')
    """
    return _NAMES.get(arm, arm)


def cell_name(cell: Condition, others: Sequence[Condition] = ()) -> str:
    """A condition in words: its arm, and in what it differs from others.

    >>> plain = Condition("translated", ratio="1:1", translator="mini", encoder="mini")
    >>> cell_name(replace(plain, otc="on"), [plain])
    'training on translations with OTC'
    >>> cell_name(plain, [replace(plain, translator="apertium")])
    'training on translations (mini)'
    """
    with_otc = {OFF: "", "on": " with OTC"}.get(cell.otc, f" with OTC ({cell.otc})")
    return arm_name(cell.arm) + with_otc + _varied(cell, others)


def _varied(cell: Condition, others: Sequence[Condition]) -> str:
    """What a condition has of what varies among others, in brackets; empty where nothing does."""
    parts = [
        str(value)
        for axis in ("ratio", "translator", "encoder")
        if (value := getattr(cell, axis)) is not None
        and any(getattr(other, axis) not in (value, None) for other in others)
    ]
    # Of rows, None is a value too: all of them. Predictions made elsewhere have no encoder.
    trained = [other for other in others if other.encoder is not None]
    if cell.encoder is not None and any(other.rows != cell.rows for other in trained):
        parts.append("all rows" if cell.rows is None else f"{cell.rows:,} rows")
    return f" ({', '.join(parts)})" if parts else ""


def verdict(answer: Answer, others: Sequence[Condition] = ()) -> str:
    """One question's answer in a sentence.

    Args:
        answer: The answer.
        others: All conditions of the study: where they vary, the condition is named more fully.
    """
    question, mean = answer.question, answer.differences.mean
    subject = _subject(question, others)
    digits = digits_for((mean.delta, *mean.interval))
    by = _by(mean.delta, mean.interval, len(answer.by_language), digits)
    side = direction(mean.interval)
    rival = question.kind != "otc"
    base = cell_name(question.base, [question.arm, *others])
    if not side:
        seen = f"this study could have seen {share(answer.could_have_seen, digits)}"
        if rival:
            return f"{subject} and {base} cannot be told apart{_ahead(answer)}: {by}; {seen}."
        return f"{subject} adds {by}{_ahead(answer)}: no effect seen; {seen}."
    where = _where(answer)
    chance = not answer.primary and answer.adjusted_p > LEVEL
    but = "; among so many questions that may be chance" if chance else ""
    if rival:
        did = "beats" if side > 0 else "does worse than"
        return f"{subject} {did} {base}{where}: {by}{but}."
    if side > 0:
        return f"{subject} adds {by}{where}{but}."
    low, high = mean.interval
    cost = _by(-mean.delta, (-high, -low), len(answer.by_language), digits).removeprefix("+")
    return f"{subject} costs {cost}{where}{but}."


def _subject(question: Question, others: Sequence[Condition]) -> str:
    if question.kind == "otc":
        variant = question.arm.otc
        name = "OTC" if variant == "on" else f"OTC ({variant})"
        varied = _varied(question.arm, [other for other in others if other.otc == variant])
        if any(other.arm != question.arm.arm and other.otc == variant for other in others):
            name += f", beside {arm_name(question.arm.arm)}{varied},"
        else:
            name += varied
    elif question.kind == "ratio":
        name = f"a ratio of {question.arm.ratio}"
    else:
        name = cell_name(question.arm, [question.base, *others])
    return name[:1].upper() + name[1:]


def _by(delta: float, interval: tuple[float, float], languages: int, digits: int) -> str:
    average = " on average" if languages > 1 else ""
    return f"{signed(delta, digits)} {_METRIC}{average} {brackets(interval, digits)}"


def _ahead(answer: Answer) -> str:
    """In how many languages the first side is ahead, sure or not; in which, if there is but one."""
    langs = answer.by_language
    if len(langs) == 1:
        return f" in {language_name(next(iter(langs)))}"
    return f", ahead in {sum(delta > 0 for delta in langs.values())} of {len(langs)} languages"


def _where(answer: Answer) -> str:
    """In how many languages the difference goes the way of the mean."""
    mean, langs = answer.differences.mean.delta, answer.by_language
    if len(langs) == 1:
        return f" in {language_name(next(iter(langs)))}"
    ahead = sum(delta * mean > 0 for delta in langs.values())
    return f" in {ahead} of {len(langs)} languages"


def opening(answer: Answer | None, others: Sequence[Condition] = ()) -> list[str]:
    """The sentences a report opens with: the primary contrast, and how far it reaches.

    Args:
        answer: The primary one; None where runs that it needs have failed.
        others: As in `verdict`.
    """
    if answer is None:
        return [
            "The contrast that the study states in advance cannot be judged, for runs that it "
            "needs have failed."
        ]
    mean, flips = answer.differences.mean, answer.flips
    sentences = [verdict(answer, others)]
    if mean.seeds_seen:
        sentences.append(
            f"The interval covers another choice of seeds and of test rows, in these "
            f"{len(answer.by_language)} languages; {with_p(mean.p)}."
        )
    else:
        sentences.append(
            "Each condition was trained once: the interval covers another choice of test rows, "
            "but not another training."
        )
    if flips.languages > 1:
        reach = (
            f"no result over {flips.languages} languages could be significant at .05 there"
            if flips.smallest > 0.05
            else f"the smallest possible is {p_value(flips.smallest)}"
        )
        sentences.append(
            f"Would it stand in other languages too? The exact sign-flip test over languages gives "
            f"{with_p(flips.p)}; {reach}."
        )
    return sentences


def regression_sentence(name: str, found: Regression) -> str:
    """The paper's table in a sentence.

    Args:
        name: What was regressed on: `on, translated`.
        found: Its table.
    """
    row, plain = found.mixed, found.plain
    return (
        f"Regression, OTC {name}: coefficient {row.coefficient:+.3f} (standard error "
        f"{row.standard_error:.3f}, {with_p(row.p)}); plain OLS, which is probably the "
        f"paper's: {plain.coefficient:+.3f} ({plain.standard_error:.3f}, {with_p(plain.p)})."
    )


def best_and_worst(answer: Answer) -> str:
    """The languages that gain least and most; empty for one language."""
    langs = answer.by_language
    if len(langs) < 2:
        return ""
    ranked = sorted(langs, key=langs.__getitem__)
    digits = digits_for(langs.values())
    least, most = (
        f"{signed(langs[lang], digits)} in {language_name(lang)}"
        for lang in ranked[:: len(langs) - 1]
    )
    holds = answer.holds
    count, did = (holds.gains, "gain") if holds.gains else (holds.losses, "lose")
    every = "all" if count == holds.languages else f"at least {count} of"
    sure = f"; {every} {holds.languages} truly {did}" if count else ""
    return f"From {least} to {most}{sure}."


def failures(failed: Mapping[str, str]) -> list[str]:
    """What could not be run, grouped by reason."""
    return [
        f"{number} {'run' if number == 1 else 'runs'} failed: {reason}"
        for reason, number in Counter(failed.values()).items()
    ]
