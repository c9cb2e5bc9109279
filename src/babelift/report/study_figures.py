"""A study's curves: scores over the ratio, over the number of native labels, and by language."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from babelift.report.figures import SERIES
from babelift.report.numbers import brackets, language_name, share
from babelift.report.studied import Budget, Cell, Mean, Summary
from babelift.report.study_cells import columns
from babelift.report.study_plots import Frame, Level, Line, Mark, plot, score_ticks
from babelift.report.study_scores import MAIN, in_order

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


def said(name: str, mean: float, interval: tuple[float, float] | None) -> str:
    """A score in words.

    >>> said("mini", 0.61, (0.55, 0.67))
    'mini .61 [.55, .67]'
    """
    return f"{name} {share(mean)} {brackets(interval)}".rstrip()


def ratio_curves(summary: Summary) -> Ratios | None:
    """F1-micro over the ratio of originals to translations; None for a single ratio."""
    rows = [
        row for row in summary.means if row.metric == MAIN and row.ratio and row.mean is not None
    ]
    lines: dict[Cell, list[Mean]] = {}
    for row in rows:
        lines.setdefault(row.cell.model_copy(update={"ratio": None}), []).append(row)
    lines = {cell: own for cell, own in lines.items() if len({row.ratio for row in own}) > 1}
    if not lines:
        return None
    ratios = sorted({str(row.ratio) for own in lines.values() for row in own}, key=per_original)
    kept = [row for own in lines.values() for row in own]
    ticks = score_ticks(_around(kept))
    names = {column.cell: column.name for column in columns(lines)}
    order: list[str | None] = [None, *in_order(summary, [row.lang for row in kept if row.lang])]
    frame = Frame(
        -0.3, len(ratios) - 0.7,
        tuple((float(place), ratio) for place, ratio in enumerate(ratios)), ticks,
    )  # fmt: skip
    figures = []
    for lang in order if len(order) > 2 else order[1:]:
        shown = {cell: [row for row in own if row.lang == lang] for cell, own in lines.items()}
        heading = language_name(lang) if lang else "Mean over the languages"
        figures.append(Figure(heading, _ratio_plot(heading, frame, shown, ratios, names)))
    legend = [
        Legend(names[cell], number % SERIES, number >= SERIES) for number, cell in enumerate(lines)
    ]
    return Ratios(figures, legend)


def _ratio_plot(
    heading: str,
    frame: Frame,
    lines: Mapping[Cell, Sequence[Mean]],
    ratios: Sequence[str],
    names: Mapping[Cell, str],
) -> Markup:
    marks, paths = [], []
    for number, (cell, own) in enumerate(lines.items()):
        shift = _APART * (number - (len(lines) - 1) / 2)
        ordered = sorted(own, key=lambda row: ratios.index(str(row.ratio)))
        points = [
            Mark(
                ratios.index(str(row.ratio)) + shift, row.mean or 0.0, number % SERIES,
                interval=seed_interval(row.mean or 0.0, row.spread, row.seeds),
                said=said(f"{names[cell]} at {row.ratio}", row.mean or 0.0, None),
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
    notes: list[str]
    figure: Markup


def learning(budgets: Sequence[Budget]) -> list[Learning]:
    """A figure for each language that has a label budget."""
    shown = [one for one in budgets if one.native.sizes and one.worth]
    ticks = score_ticks([score for one in shown for score in _budget_scores(one)] or [0.0])
    return [
        Learning(language_name(one.lang), one.sentence, one.notes, _learning_plot(one, ticks))
        for one in shown
    ]


def _budget_scores(budget: Budget) -> list[float]:
    native = budget.native
    ends = [end for within in native.intervals for end in within]
    return [*native.scores, *native.fitted, *ends, budget.worth[-1].score]


def _learning_plot(budget: Budget, ticks: tuple[float, ...]) -> Markup:
    native, worth = budget.native, budget.worth[-1]
    places = [math.log(size) for size in native.sizes]
    intervals = [*native.intervals, *[None] * (len(places) - len(native.intervals))]
    marks = [
        Mark(x, score, 0, interval=within, said=said(f"{size:,} native labels", score, within))
        for x, size, score, within in zip(
            places, native.sizes, native.scores, intervals, strict=False
        )
    ]
    if worth.labels.bound == "exact" and worth.labels.value >= 1:
        marks.append(
            Mark(math.log(worth.labels.value), worth.score, 1, "diamond",
                 said=f"worth {worth.labels.value:,.0f} native labels")
        )  # fmt: skip
    fitted = tuple(zip(places, native.fitted, strict=False))
    level = Level(
        worth.score, 1, worth.score_interval,
        said("translations", worth.score, worth.score_interval),
    )  # fmt: skip
    margin = (places[-1] - places[0]) * _MARGIN or 1.0
    ends = places[0] - margin, places[-1] + margin
    frame = Frame(*ends, _sizes(native.sizes, places), ticks)
    return plot(
        f"F1-micro by number of native labels, {language_name(budget.lang)}", frame, marks=marks,
        lines=[Line(fitted, 0)] if len(fitted) > 1 else [], levels=[level],
    )  # fmt: skip


def _sizes(sizes: Sequence[int], places: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Sizes along the axis, those left out that would stand too near to the one before."""
    least = (places[-1] - places[0]) / 6
    found: list[tuple[float, str]] = []
    for place, size in zip(places, sizes, strict=True):
        last = place == places[-1]
        while last and found and place - found[-1][0] < least:
            found.pop()
        if last or not found or place - found[-1][0] >= least:
            found.append((place, f"{size:,}"))
    return tuple(found)
