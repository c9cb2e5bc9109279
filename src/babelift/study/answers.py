"""The questions a study can answer, and the answer to each with its statistics and in sentences."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import polars as pl

from babelift.errors import DataError
from babelift.evaluation.crossed import PairedRows, paired_rows
from babelift.evaluation.differences import Difference, Differences, at_large, differences_of
from babelift.evaluation.multiple_tests import LEVEL
from babelift.evaluation.power import Detectable
from babelift.report.numbers import (
    brackets,
    digits_for,
    language_name,
    listed,
    names,
    share,
    signed,
    with_p,
)
from babelift.study.condition import REFERENCE, Condition
from babelift.study.regression import FEWEST_SCORES, Regression, regress
from babelift.study.results import Pairing, Scores, of_condition
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
    "round-trip": ("zero-shot", "translated"),
    "both-views": ("zero-shot", "translated", "translate-test"),
    "translated+both-views": ("translated", "both-views"),
    "self-trained": ("zero-shot", "translated"),
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
        at_large: The mean as an estimate for languages like these; None with one language, or with
            one seed.
        adjusted_p: After the correction over all that the page claims; the primary's own p.
        adjusted_p_by_language: p of each language after the same correction.
        could_have_seen: The smallest mean effect that would have been claimed four times in five;
            None with one seed, which claims nothing.
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
    at_large: Difference | None = None
    adjusted_p: float = 1.0
    adjusted_p_by_language: dict[str, float] = field(default_factory=dict)
    could_have_seen: Detectable | None = None
    sentence: str = ""
    by_language_sentence: str = ""
    arm: str = ""
    base: str = ""

    @property
    def sure(self) -> int:
        """1 or -1 where the mean is sure to lie above or below zero, else 0."""
        mean = self.differences.mean
        if not mean.seeds_seen or self.adjusted_p > LEVEL:
            return 0
        return 1 if mean.delta > 0 else -1

    def sure_languages(self, side: int) -> list[str]:
        """Languages whose difference is sure to lie above zero, or with -1 below it."""
        return [
            lang
            for lang, gain in self.languages.items()
            if gain.seeds_seen
            and gain.delta * side > 0
            and self.adjusted_p_by_language.get(lang, 1.0) <= LEVEL
        ]


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

    They are neither corrected nor put in words yet: see `family.one_family`.

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
    return [
        _answer(question, pairing, question == main)
        for question in asked
        if (pairing := scores.paired(question.arm, question.base)) is not None
    ]


def _answer(question: Question, pairing: Pairing, primary: bool) -> Answer:
    def rows(strata: Sequence[str]) -> PairedRows:
        return paired_rows(pairing.right_arm, pairing.right_base, strata, pairing.groups)

    whole = rows(pairing.strata)
    over_sources = whole if pairing.strata == pairing.langs else rows(pairing.langs)
    differences = differences_of(whole)
    languages = differences if over_sources is whole else differences_of(over_sources)
    each = languages.languages
    elsewhere = primary and len(each) > 1 and pairing.seeds > 1
    return Answer(
        question,
        primary,
        differences,
        {lang: gain.delta for lang, gain in each.items()},
        each,
        at_large(over_sources) if elsewhere else None,
        differences.mean.p,
    )


def otc_regressions(results: pl.DataFrame, answered: Iterable[Answer]) -> dict[str, Regression]:
    """The paper's table for every OTC: its coefficient over the scores of an arm that has pairs.

    `f1 ~ otc + (1|language) + (1|source) + (1|seed) + (1|training)`, on scores with and without it.

    Args:
        results: The study's tidy table.
        answered: Its answers; each about an OTC has a table.

    Returns:
        By variant and arm, `on, translated`, with what else varies; those that have too few scores
        are left out. `adjusted_p` is not corrected yet.
    """
    f1 = results.filter(pl.col("metric") == "f1_micro").rename({"value": "f1"})
    answered = [answer for answer in answered if answer.question.kind == "otc"]
    arms = [answer.question.arm for answer in answered]
    counterpart = ["source", "seed", "lang"]
    regressions = {}
    for answer, arm in zip(answered, arms, strict=True):
        sides = [of_condition(f1, cell) for cell in (arm, answer.question.base)]
        # A score counts where its counterpart is there: a failed run would tilt the comparison.
        both = pl.concat(
            side.join(other, on=counterpart, how="semi") for side, other in (sides, reversed(sides))
        )
        if both.height < FEWEST_SCORES:
            continue
        table = regress(
            both.select(
                "f1",
                (pl.col("otc") != OFF).alias("otc"),
                pl.col("lang").alias("language"),
                "source",
                pl.col("seed").cast(pl.String),
                pl.col("run").alias("training"),
            ),
            training="training",
        )
        alike = [other for other in arms if (other.arm, other.otc) == (arm.arm, arm.otc)]
        name = f"{arm.otc}, {arm.arm}{_varied(arm, alike)}"
        # Scores know nothing of test rows, which all trainings share.
        p = max(table.mixed.p, answer.differences.mean.p)
        regressions[name] = replace(table, adjusted_p=p)
    return regressions


_NAMES: Final = {
    "zero-shot": "zero-shot",
    "translated": "training on translations",
    "original": "training on native rows",
    "original+translated": "native rows with translations",
    "translate-test": "translating the test text",
    "round-trip": "training on round trips",
    "both-views": "judging the test text and its translation",
    "translated+both-views": "training on translations and judging both views",
    "self-trained": "self-training on unlabelled rows",
    "reference": "training on trusted translations",
}

_METRIC: Final = "F1-micro"


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
        answer: The answer, corrected.
        others: All conditions of the study: where they vary, the condition is named more fully.
    """
    question, mean = answer.question, answer.differences.mean
    subject = _subject(question, others)
    digits = digits_for((mean.delta, *mean.interval))
    by = _by(mean.delta, mean.interval, len(answer.by_language), digits)
    rival = question.kind != "otc"
    base = cell_name(question.base, [question.arm, *others])
    if not mean.seeds_seen:
        arm = _capital(cell_name(question.arm, [question.base, *others]))
        than = {1: "more right labels than", -1: "fewer right labels than"}
        gave = than.get(int(np.sign(mean.delta)), "as many right labels as")
        return (
            f"{arm} gave {gave} {base}, each trained once: {by}, over another choice of test "
            "rows; that is no claim about another training."
        )
    if not mean.delta and not mean.standard_error:
        both = cell_name(question.arm, [question.base, *others])
        return f"{_capital(both)} and {base} are right and wrong on the very same rows."
    if not answer.sure:
        seen, none = seen_words(answer.could_have_seen, mean.seeds), "no effect seen"
        if mean.p <= LEVEL:
            none = "no effect that is sure"
            seen = (
                f"by itself that would be sure, beside all else that this page asks it is not "
                f"({with_p(answer.adjusted_p)} after Holm)"
            )
        if rival:
            return f"{subject} and {base} cannot be told apart{_ahead(answer)}: {by}; {seen}."
        return f"{subject} adds {by}{_ahead(answer)}: {none}; {seen}."
    where = _where(answer)
    if rival:
        did = "beats" if answer.sure > 0 else "does worse than"
        return f"{subject} {did} {base}{where}: {by}."
    if answer.sure > 0:
        return f"{subject} adds {by}{where}."
    low, high = mean.interval
    cost = _by(-mean.delta, (-high, -low), len(answer.by_language), digits).removeprefix("+")
    return f"{subject} costs {cost}{where}."


FEW_SEEDS: Final = 4
"""With fewer seeds, how far trainings differ is hardly known, and this is said."""


def seen_words(seen: Detectable | None, seeds: int) -> str:
    """What a study could have seen, and how well that is known.

    Args:
        seen: None where nothing was claimed.
        seeds: Of both sides.

    >>> seen_words(Detectable(0.05, (0.04, 0.08)), 5)
    'this study could have seen .05 (.04 to .08, as 5 seeds tell)'
    >>> seen_words(Detectable(1.0, (0.6, 1.0)), 2)
    'with 2 seeds this study could have seen no difference, however large'
    """
    if seen is None:
        return "nothing was claimed"
    if seen.effect >= 1:  # no difference is larger
        return f"with {seeds} seeds this study could have seen no difference, however large"
    low, high = seen.interval
    digits = digits_for((seen.effect, low, high))
    text = f"this study could have seen {share(seen.effect, digits)}"
    if seeds < FEW_SEEDS:
        return (
            f"{text}, or anything from {share(low, digits)} to {share(high, digits)}: {seeds} "
            "seeds do not tell how far trainings differ"
        )
    return f"{text} ({share(low, digits)} to {share(high, digits)}, as {seeds} seeds tell)"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


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
    return _capital(name)


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


def opening(answer: Answer | None) -> list[str]:
    """The sentences a report opens with: the primary contrast, and how far it reaches.

    Args:
        answer: The primary one, in words; None where runs that it needs have failed.
    """
    if answer is None:
        return [
            "The contrast that the study states in advance cannot be judged, for runs that it "
            "needs have failed."
        ]
    mean, elsewhere = answer.differences.mean, answer.at_large
    if not mean.seeds_seen:
        return [
            "Each condition was trained once, and another training gives other scores: take five "
            "seeds (seeds: 5) before you conclude which way of training is better.",
            answer.sentence,
        ]
    sentences = [
        answer.sentence,
        f"The interval covers another choice of seeds and of test rows, in these "
        f"{len(answer.by_language)} languages; {with_p(mean.p)}."
        if len(answer.by_language) > 1
        else f"The interval covers another choice of seeds and of test rows; {with_p(mean.p)}.",
    ]
    if elsewhere is not None:
        digits = digits_for((elsewhere.delta, *elsewhere.interval))
        by = f"{signed(elsewhere.delta, digits)} {brackets(elsewhere.interval, digits)}"
        held = answer.sure and elsewhere.p <= LEVEL
        verdict = "It would" if held else f"That cannot be told from {len(answer.by_language)}"
        sentences.append(
            f"Would it stand in other languages like these too? {verdict}: {by} with languages "
            f"drawn as well; {with_p(elsewhere.p)}."
        )
    return sentences


def regression_sentence(name: str, found: Regression) -> str:
    """The paper's table in a sentence.

    Args:
        name: What was regressed on: `on, translated`.
        found: Its table, corrected.
    """
    row, plain = found.mixed, found.plain
    start = f"Regression, OTC {name}: coefficient {signed(row.coefficient, 3)}"
    paper = (
        f"the paper's form, which takes the scores of one training for independent and so claims "
        f"too often: standard error {share(plain.standard_error, 3)}, {with_p(plain.p)}"
    )
    if row.freedom < 1:
        return f"{start}; with one training each nothing can be said of it ({paper})."
    sure = "an effect" if found.adjusted_p <= LEVEL else "no effect seen"
    return (
        f"{start} (standard error {share(row.standard_error, 3)} with a term for the training, "
        f"{with_p(found.adjusted_p)} after Holm): {sure}; {paper}."
    )


def best_and_worst(answer: Answer) -> str:
    """The languages that gain least and most, and those of which it is sure."""
    langs = answer.by_language
    if len(langs) < 2:
        return ""
    ranked = sorted(langs, key=langs.__getitem__)
    digits = digits_for(langs.values())
    least, most = (
        f"{signed(langs[lang], digits)} in {language_name(lang)}"
        for lang in ranked[:: len(langs) - 1]
    )
    sure = [
        f"{names(own)} truly {did if len(own) > 1 else did + 's'}"
        for side, did in ((1, "gain"), (-1, "lose"))
        if (own := answer.sure_languages(side))
    ]
    return f"From {least} to {most}{f'; {listed(sure)}' if sure else ''}."


def failures(failed: Mapping[str, str]) -> list[str]:
    """What could not be run, grouped by reason."""
    return [
        f"{number} {'run' if number == 1 else 'runs'} failed: {reason}"
        for reason, number in Counter(failed.values()).items()
    ]
