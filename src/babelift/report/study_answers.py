"""A study's answers for its page: sentences in groups, plots of the differences, one table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from babelift.report.compared import Effect
from babelift.report.deltas import Strip, reach_of, strip, ticks
from babelift.report.numbers import (
    UNKNOWN,
    digits_for,
    p_value,
    pair_name,
    share,
    with_p,
)
from babelift.report.studied import Answer, Difference, Summary
from babelift.report.verdicts import signed

_GROUPS: Final[tuple[tuple[str, Callable[[Answer], bool]], ...]] = (
    ("Arms", lambda one: one.question.kind == "arm"),
    ("OTC", lambda one: one.question.kind == "otc" and one.question.arm.otc == "on"),
    ("Variants of OTC, against no OTC", lambda one: one.question.kind == "otc"),
    ("OTC as it is, against its variants", lambda one: one.question.kind == "variant"),
    ("Ratio of originals to translations", lambda one: one.question.kind == "ratio"),
    ("Trusted translations against a translator's", lambda one: one.question.kind == "reference"),
    ("Predictions made elsewhere", lambda one: True),
)
"""Headings of the answers; an answer goes to the first that fits."""

OPEN: Final = 6
"""Answers of a group that are shown at once; the others are folded away."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer in words."""

    sentence: str
    more: str
    holm: str


@dataclass(frozen=True, slots=True)
class Group:
    """Answers to questions of one kind; `folded` are those beyond the first few."""

    name: str
    shown: list[Told]
    folded: list[Told]


def answer_groups(answers: Iterable[Answer]) -> list[Group]:
    """All answers but the primary one, in groups; empty groups are left out."""
    others = _by_group(one for one in answers if not one.primary)
    told = {name: [_told(one) for one in own] for name, own in others.items()}
    return [Group(name, own[:OPEN], own[OPEN:]) for name, own in told.items()]


def _told(answer: Answer) -> Told:
    holm = "" if answer.adjusted_p is None else f"{with_p(answer.adjusted_p)} after Holm"
    return Told(answer.sentence, answer.by_language_sentence, holm)


@dataclass(frozen=True, slots=True)
class Plot:
    """Differences on one axis.

    Attributes:
        title: What is measured against what.
        strips: A row for each difference.
        ticks: Places (percent) and words of the axis.
        primary: Whether it was stated in advance.
    """

    title: str
    strips: list[Strip]
    ticks: list[tuple[float, str]]
    primary: bool = False


def by_language(answers: Iterable[Answer]) -> list[Plot]:
    """A plot for each answer: its languages and their mean; the primary one first."""
    found = sorted(answers, key=lambda one: not one.primary)
    reach = reach_of(
        _effect(shown)
        for one in found
        for shown in (one.differences.mean, *(one.languages or one.differences.languages).values())
    )
    return [_plot(one, one.languages or one.differences.languages, reach) for one in found]


def by_pair(answers: Iterable[Answer]) -> list[Plot]:
    """A plot of the primary answer's pairs of source and test language, where there are several."""
    found = [
        one for one in answers if one.primary and any(">" in name for name in
                                                      one.differences.languages)
    ]  # fmt: skip
    reach = reach_of(
        _effect(shown) for one in found for shown in one.differences.languages.values()
    )
    return [_plot(one, one.differences.languages, reach) for one in found]


def _plot(answer: Answer, langs: Mapping[str, Difference], reach: float) -> Plot:
    strips = [_strip(pair_name(name), shown, "target", reach) for name, shown in langs.items()]
    if len(langs) > 1:
        strips.append(_strip("Mean", answer.differences.mean, "mean", reach))
    return Plot(f"{_capital(answer.arm)} − {answer.base}", strips, ticks(reach), answer.primary)


def _strip(name: str, found: Difference, kind: str, reach: float) -> Strip:
    digits = digits_for((found.delta, *found.interval))
    return strip(name, _effect(found), kind, reach, digits)


def _effect(found: Difference) -> Effect:
    return Effect(delta=found.delta, interval=found.interval)


def at_a_glance(answers: Iterable[Answer]) -> list[Plot]:
    """The mean differences of all answers but the primary one, all on one axis.

    Those of a kind that share a side stand together, so that it is named once.
    """
    found = [one for one in answers if not one.primary]
    reach = reach_of(_effect(one.differences.mean) for one in found)
    plots: dict[str, list[Strip]] = {}
    for name, own in _by_group(found).items():
        for one in own:
            title, shown = _shared_side(name, one, own)
            drawn = _strip(_capital(shown), one.differences.mean, "target", reach)
            plots.setdefault(title, []).append(drawn)
    return [Plot(title, strips, ticks(reach)) for title, strips in plots.items()]


def _shared_side(name: str, answer: Answer, own: Sequence[Answer]) -> tuple[str, str]:
    """What stands over an answer and those it shares a side with, and what tells it apart."""
    bases, arms = {one.base for one in own}, {one.arm for one in own}
    if len(bases) == len(own) and all(one.question.kind == "otc" for one in own):
        return f"{name}: added to", answer.base
    if len(bases) <= len(arms):
        return f"{name}: over {answer.base}", answer.arm
    return f"{name}: {answer.arm} over", answer.base


def _by_group(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Answers by the heading they go under, in the order of the headings."""
    found: dict[str, list[Answer]] = {name: [] for name, _ in _GROUPS}
    for one in answers:
        found[next(name for name, fits in _GROUPS if fits(one))].append(one)
    return {name: own for name, own in found.items() if own}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Row:
    """An answer as a row of numbers."""

    arm: str
    base: str
    primary: bool
    delta: str
    interval: str
    p: str
    adjusted: str
    seen: str
    ahead: str
    size: str


def contrast_rows(summary: Summary) -> list[Row]:
    """Every answer in numbers, three digits each."""
    return [_row(one) for one in summary.answers]


def _row(one: Answer) -> Row:
    mean = one.differences.mean
    ahead = sum(delta > 0 for delta in one.by_language.values())
    return Row(
        one.arm, one.base, one.primary,
        fine(mean.delta, sign=True),
        f"[{fine(mean.interval[0])}, {fine(mean.interval[1])}]",
        UNKNOWN if mean.p is None else p_value(mean.p),
        UNKNOWN if one.primary or one.adjusted_p is None else p_value(one.adjusted_p),
        UNKNOWN if one.could_have_seen is None else fine(one.could_have_seen),
        f"{ahead} of {len(one.by_language)}",
        f"{mean.seeds} × {mean.items:,}",
    )  # fmt: skip


def fine(value: float | None, *, sign: bool = False) -> str:
    """A difference of scores with three digits.

    >>> fine(0.0361), fine(0.0361, sign=True), fine(-0.0004), fine(-1.0), fine(None)
    ('.036', '+.036', '.000', '−1.000', '–')
    """
    return signed(value, 3) if sign and value is not None else share(value, 3)
