"""A study's figures: ratios, learning curves, what OTC does to the vectors, and quality."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from babelift.report.figures import (
    SERIES,
    Frame,
    Level,
    Line,
    Mark,
    axis,
    dot,
    level,
    plot,
    score_ticks,
    svg,
    upright,
)
from babelift.report.numbers import compact, language_name, share, with_interval
from babelift.report.pages.study_tables import MAIN, columns, in_order, otc_name
from babelift.study.budget import LabelBudget, Worth, labels
from babelift.study.condition import Condition
from babelift.study.diagnosis import PairAlignment
from babelift.study.spec import OFF
from babelift.study.summary import Mean, StudyResult

_APART: Final = 0.05
"""How far apart, in steps of the axis, the points of two lines stand so that both are seen."""

_MARGIN: Final = 0.05
"""Room to the left and right of a learning curve, as a part of its width."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its heading."""

    heading: str
    figure: Markup


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour stands for."""

    name: str
    colour: int
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Ratios:
    """The ratio curves of a study: one figure for the mean and one for each language."""

    figures: list[Figure]
    legend: list[Legend]


def seed_interval(mean: float, spread: float | None, seeds: int) -> tuple[float, float] | None:
    """Student's 95 % interval of a mean over seeds, within 0 and 1; None for one seed.

    >>> [round(end, 3) for end in seed_interval(0.5, 0.02, 5)]
    [0.475, 0.525]
    """
    if spread is None or seeds < 2:
        return None
    from scipy.special import stdtrit

    reach = float(stdtrit(seeds - 1, 0.975)) * spread / math.sqrt(seeds)
    return max(0.0, mean - reach), min(1.0, mean + reach)


def ratio_curves(study: StudyResult) -> Ratios | None:
    """F1-micro over the ratio of originals to translations; None for a single ratio."""
    rows = [row for row in study.means if row.metric == MAIN and row.ratio and row.mean is not None]
    lines: dict[Condition, list[Mean]] = {}
    for row in rows:
        lines.setdefault(replace(row.condition, ratio=None), []).append(row)
    lines = {
        condition: own for condition, own in lines.items() if len({row.ratio for row in own}) > 1
    }
    if not lines:
        return None
    ratios = sorted({str(row.ratio) for own in lines.values() for row in own}, key=per_original)
    kept = [row for own in lines.values() for row in own]
    ticks = score_ticks(_around(kept))
    names = {column.condition: column.name for column in columns(lines)}
    order: list[str | None] = [None, *in_order(study, [row.lang for row in kept if row.lang])]
    frame = Frame(
        -0.3, len(ratios) - 0.7,
        tuple((float(place), ratio) for place, ratio in enumerate(ratios)), ticks,
    )  # fmt: skip
    figures = []
    for lang in order if len(order) > 2 else order[1:]:
        shown = {
            condition: [row for row in own if row.lang == lang] for condition, own in lines.items()
        }
        heading = language_name(lang) if lang else "Mean over the languages"
        figures.append(Figure(heading, _ratio_plot(heading, frame, shown, ratios, names)))
    legend = [
        Legend(names[condition], number % SERIES, number >= SERIES)
        for number, condition in enumerate(lines)
    ]
    return Ratios(figures, legend)


def _ratio_plot(
    heading: str,
    frame: Frame,
    lines: Mapping[Condition, Sequence[Mean]],
    ratios: Sequence[str],
    names: Mapping[Condition, str],
) -> Markup:
    marks, paths = [], []
    for number, (condition, own) in enumerate(lines.items()):
        shift = _APART * (number - (len(lines) - 1) / 2)
        ordered = sorted(own, key=lambda row: ratios.index(str(row.ratio)))
        points = [
            Mark(
                ratios.index(str(row.ratio)) + shift, row.mean or 0.0, number % SERIES,
                interval=seed_interval(row.mean or 0.0, row.spread, row.seeds),
                said=f"{names[condition]} at {row.ratio} {share(row.mean or 0.0)}",
            )
            for row in ordered
        ]  # fmt: skip
        marks += points
        places = tuple((mark.x, mark.y) for mark in points)
        if len(places) > 1:
            paths.append(Line(places, number % SERIES, number >= SERIES))
    return plot(f"F1-micro by ratio, {heading}", frame, marks=marks, lines=paths)


def per_original(ratio: str) -> float:
    """Translations for each original.

    >>> [per_original(ratio) for ratio in ("1:1", "1:3", "2:1", "odd")]
    [1.0, 3.0, 0.5, inf]
    """
    originals, _, translations = ratio.partition(":")
    try:
        return float(translations) / float(originals)
    except (ValueError, ZeroDivisionError):
        return math.inf


def _around(rows: Sequence[Mean]) -> list[float]:
    """Means, and a spread to either side."""
    return [
        (row.mean or 0.0) + side * (row.spread or 0.0) for row in rows for side in (-1.0, 0.0, 1.0)
    ]


@dataclass(frozen=True, slots=True)
class Learning:
    """The learning curve of one language's native rows, and what its translations are worth."""

    name: str
    sentence: str
    notes: tuple[str, ...]
    figure: Markup


def learning(budgets: Sequence[LabelBudget]) -> list[Learning]:
    """A figure for each language that has a label budget."""
    shown = [budget for budget in budgets if budget.native.sizes and budget.worth]
    ticks = score_ticks([score for budget in shown for score in _budget_scores(budget)] or [0.0])
    return [
        Learning(
            language_name(budget.lang), budget.sentence, budget.notes, _learning_plot(budget, ticks)
        )
        for budget in shown
    ]


def _budget_scores(budget: LabelBudget) -> list[float]:
    native = budget.native
    ends = [end for within in native.intervals for end in within]
    return [*native.scores, *native.fitted, *ends, budget.worth[-1].score]


def _learning_plot(budget: LabelBudget, ticks: tuple[float, ...]) -> Markup:
    native, worth = budget.native, budget.worth[-1]
    places = [math.log(size) for size in native.sizes]
    intervals = [*native.intervals, *[None] * (len(places) - len(native.intervals))]
    marks = [
        Mark(
            x,
            score,
            0,
            interval=within,
            said=f"{size:,} native labels {with_interval(score, within)}",
        )
        for x, size, score, within in zip(
            places, native.sizes, native.scores, intervals, strict=False
        )
    ]
    if worth.labels and worth.interval and worth.labels.bound == "exact":
        low, high = (labels(end) for end in worth.interval)
        marks.append(
            Mark(math.log(worth.labels.value), worth.score, 1, "diamond",
                 said=f"worth {worth.labels.value:,.0f} native labels [{low}, {high}]")
        )  # fmt: skip
    fitted = tuple(zip(places, native.fitted, strict=False))
    words = f"translations {with_interval(worth.score, worth.score_interval)}"
    across = Level(worth.score, 1, worth.score_interval, words)
    margin = (places[-1] - places[0]) * _MARGIN or 1.0
    ends = places[0] - margin, places[-1] + margin
    frame = Frame(*ends, _sizes(native.sizes, places), ticks)
    return plot(
        f"F1-micro by number of native labels, {language_name(budget.lang)}", frame, marks=marks,
        lines=[*([Line(fitted, 0)] if len(fitted) > 1 else []), *_worth_interval(worth)],
        levels=[across],
    )  # fmt: skip


def _worth_interval(worth: Worth) -> list[Line]:
    """What the interval of a worth spans along the axis, where both ends are numbers."""
    ends = worth.interval or ()
    if not ends or any(end.bound != "exact" for end in ends):
        return []
    return [Line(tuple((math.log(end.value), worth.score) for end in ends), 1)]


def _sizes(sizes: Sequence[int], places: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Sizes along the axis, those left out that would stand too near to the one before."""
    least = (places[-1] - places[0]) / 6
    ticks: list[tuple[float, str]] = []
    for place, size in zip(places, sizes, strict=True):
        last = place == places[-1]
        while last and ticks and place - ticks[-1][0] < least:
            ticks.pop()
        if last or not ticks or place - ticks[-1][0] >= least:
            ticks.append((place, f"{size:,}"))
    return tuple(ticks)


MEASURES: Final = {
    "retrieval": ("Retrieval@1", "share of translations whose nearest original is their own"),
    "cosine": ("Paired cosine", "of an original and its translation"),
    "cka": ("CKA", "whether the two languages lie alike; 1 is the same shape"),
    "uniformity": ("Uniformity", "how evenly translations spread; lower is more even"),
}

_HEIGHT: Final = 24


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: a strip for each language, and the ends of their axis."""

    name: str
    meaning: str
    strips: list[tuple[str, Markup]]
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A language: before, after training without OTC, and with, of every measure."""

    name: str
    pairs: str
    values: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one OTC does to one arm's vectors."""

    name: str
    figures: list[Measure]
    rows: list[Row]


Three = tuple[PairAlignment | None, PairAlignment | None, PairAlignment | None]


def otc_effects(study: StudyResult) -> list[Effect]:
    """For every arm with pairs and every OTC what it did; those of the primary contrast first."""
    known = {(row.condition, row.lang, row.stage): row for row in study.alignment}
    conditions = list(dict.fromkeys(condition for condition, _, _ in known))
    langs = in_order(study, [row.lang for row in study.alignment])
    primary = study.settings.get("primary") or {}
    arm, otc = primary.get("arm"), primary.get("otc", OFF)
    wanted = "on" if otc == OFF else otc
    effects = []
    with_otc = [condition for condition in conditions if condition.otc != OFF]
    for condition in sorted(with_otc, key=lambda own: (own.arm != arm, own.otc != wanted)):
        plain = replace(condition, otc=OFF)
        three = {lang: _three(known, plain, condition, lang) for lang in langs}
        three = {lang: stages for lang, stages in three.items() if any(stages)}
        if plain in conditions and any(stages[2] for stages in three.values()):
            effects.append(_effect(condition, conditions, three))
    return effects


def _three(
    known: Mapping[tuple[Condition, str, str], PairAlignment],
    plain: Condition,
    condition: Condition,
    lang: str,
) -> Three:
    before = known.get((plain, lang, "before")) or known.get((condition, lang, "before"))
    return before, known.get((plain, lang, "after")), known.get((condition, lang, "after"))


def _effect(
    condition: Condition, conditions: Sequence[Condition], three: Mapping[str, Three]
) -> Effect:
    others = [other for other in conditions if other.otc != OFF]
    name = next(column.name for column in columns(others) if column.condition == condition)
    if all(other.otc == condition.otc for other in others if other.arm == condition.arm):
        name = f"{name}, {otc_name(condition.otc)}"
    return Effect(
        name,
        [_measure(measure, three) for measure in MEASURES],
        [_row(lang, stages) for lang, stages in three.items()],
    )


def _row(lang: str, three: Three) -> Row:
    pairs = next(alignment.pairs for alignment in three if alignment is not None)
    values = [tuple(share(value) for value in _values(measure, three)) for measure in MEASURES]
    return Row(language_name(lang), f"{pairs:,}", [(a, b, c) for a, b, c in values])


def _measure(measure: str, three: Mapping[str, Three]) -> Measure:
    values = [
        value
        for stages in three.values()
        for value in _values(measure, stages)
        if value is not None
    ]
    ticks = axis(min(values), max(values)) if values else [0.0, 1.0]
    low, high = (ticks[0], ticks[-1]) if measure == "uniformity" else (min(0.0, ticks[0]), 1.0)
    strips = [
        (language_name(lang), _strip(language_name(lang), measure, stages, low, high))
        for lang, stages in three.items()
    ]
    return Measure(*MEASURES[measure], strips, (_end(low), _end(high)))


def _end(value: float) -> str:
    return compact(value).replace("-", "−")


def _values(measure: str, three: Iterable[PairAlignment | None]) -> list[float | None]:
    return [getattr(alignment, measure) if alignment else None for alignment in three]


def _strip(name: str, measure: str, three: Three, low: float, high: float) -> Markup:
    y = _HEIGHT // 2
    parts = [upright("grid", x) for x in (0, 50, 100)]
    places = [
        None if value is None else f"{100 * min(max((value - low) / (high - low), 0), 1):.2f}"
        for value in _values(measure, three)
    ]
    _, without, with_otc = places
    if without and with_otc:
        parts.append(level("change", (without, with_otc), y))
    for place, css in zip(places, ("before", "without", "with"), strict=True):
        if place is not None:
            parts.append(dot(f"lie {css}", place, y, 4.5))
    words = ", ".join(
        f"{share(value)} {when}"
        for value, when in zip(
            _values(measure, three),
            ("before training", "after without OTC", "after with OTC"),
            strict=True,
        )
        if value is not None
    )
    return svg(f"{name}: {words}", Markup().join(parts), height=_HEIGHT, css="strip")
