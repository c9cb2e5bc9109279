"""A study's answers in sentences: effect and interval first, and what could have been seen."""

from collections.abc import Mapping, Sequence
from typing import Final

from babelift.report.numbers import brackets, digits_for, language_name, p_value, share, with_p
from babelift.report.verdicts import signed
from babelift.study.contrasts import Answer, Question
from babelift.study.scores import Cell
from babelift.study.spec import OFF
from babelift.study.statistics.regression import Regression

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


def cell_name(cell: Cell, others: Sequence[Cell] = ()) -> str:
    """A condition in words: its arm, and in what it differs from others.

    >>> plain = Cell("translated", ratio="1:1", translator="mini", encoder="mini")
    >>> cell_name(plain._replace(otc="on"), [plain])
    'training on translations with OTC'
    >>> cell_name(plain, [plain._replace(translator="apertium")])
    'training on translations (mini)'
    """
    with_otc = {OFF: "", "on": " with OTC"}.get(cell.otc, f" with OTC ({cell.otc})")
    return arm_name(cell.arm) + with_otc + _varied(cell, others)


def _varied(cell: Cell, others: Sequence[Cell]) -> str:
    """What a condition has of what varies among others, in brackets; empty where nothing does."""
    parts = [
        str(value)
        for name, value in cell._asdict().items()
        if name in ("ratio", "translator", "encoder", "rows")
        and value is not None
        and any(getattr(other, name) not in (value, None) for other in others)
    ]
    return f" ({', '.join(parts)})" if parts else ""


def verdict(answer: Answer, others: Sequence[Cell] = ()) -> str:
    """One question's answer in a sentence.

    Args:
        answer: The answer.
        others: All conditions of the study: where they vary, the condition is named more fully.
    """
    question, mean = answer.question, answer.differences.mean
    subject = _subject(question, others)
    digits = digits_for((mean.delta, *mean.interval))
    by = _by(mean.delta, mean.interval, len(answer.by_language), digits)
    direction = (mean.interval[0] > 0) - (mean.interval[1] < 0)
    rival = question.kind != "otc"
    base = cell_name(question.base, [question.arm, *others])
    if not direction:
        seen = f"this study could have seen {share(answer.could_have_seen, digits)}"
        if rival:
            return f"{subject} and {base} cannot be told apart{_ahead(answer)}: {by}; {seen}."
        return f"{subject} adds {by}{_ahead(answer)}: no effect seen; {seen}."
    where = _where(answer)
    chance = not answer.primary and answer.adjusted_p > LEVEL
    but = "; among so many questions that may be chance" if chance else ""
    if rival:
        did = "beats" if direction > 0 else "does worse than"
        return f"{subject} {did} {base}{where}: {by}{but}."
    if direction > 0:
        return f"{subject} adds {by}{where}{but}."
    low, high = mean.interval
    cost = _by(-mean.delta, (-high, -low), len(answer.by_language), digits).removeprefix("+")
    return f"{subject} costs {cost}{where}{but}."


def _subject(question: Question, others: Sequence[Cell]) -> str:
    if question.kind == "otc":
        variant = question.arm.otc
        name = "OTC" if variant == "on" else f"OTC ({variant})"
        varied = _varied(question.arm, [one for one in others if one.otc == variant])
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


def opening(answer: Answer | None, others: Sequence[Cell] = ()) -> list[str]:
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
    said = [verdict(answer, others)]
    if mean.seeds_seen:
        said.append(
            f"The interval covers another choice of seeds and of test rows, in these "
            f"{len(answer.by_language)} languages; {with_p(mean.p)}."
        )
    else:
        said.append(
            "Each condition was trained once: the interval covers another choice of test rows, "
            "but not another training."
        )
    if flips.languages > 1:
        reach = (
            f"no result over {flips.languages} languages could be significant at .05 there"
            if flips.smallest > 0.05
            else f"the smallest possible is {p_value(flips.smallest)}"
        )
        said.append(
            f"Would it stand in other languages too? The exact sign-flip test over languages gives "
            f"{with_p(flips.p)}; {reach}."
        )
    return said


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
    langs: Mapping[str, float] = answer.by_language
    if len(langs) < 2:
        return ""
    ranked = sorted(langs, key=langs.__getitem__)
    digits = digits_for(langs.values())
    least, most = (
        f"{signed(langs[one], digits)} in {language_name(one)}" for one in ranked[:: len(langs) - 1]
    )
    holds = answer.holds
    count, did = (holds.gains, "gain") if holds.gains else (holds.losses, "lose")
    every = "all" if count == holds.languages else f"at least {count} of"
    sure = f"; {every} {holds.languages} truly {did}" if count else ""
    return f"From {least} to {most}{sure}."


def failures(failed: Mapping[str, str]) -> list[str]:
    """What could not be run, grouped by reason."""
    reasons: dict[str, int] = {}
    for said in failed.values():
        reasons[said] = reasons.get(said, 0) + 1
    return [
        f"{number} {'run' if number == 1 else 'runs'} failed: {said}"
        for said, number in reasons.items()
    ]
