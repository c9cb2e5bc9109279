"""The report's figures as small inline SVG.

Text keeps the page's font and size on every screen: coordinates along the page are percentages,
and only the drawn lines are stretched. Colours are classes, so that light, dark and print agree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup, escape

from babelift.evaluate.alignment import Pairs, Vectors
from babelift.report.numbers import brackets, compact, language_name, share
from babelift.report.plane import plane
from babelift.report.records import LanguageMetrics, Metrics

SERIES: Final = 6
"""Number of colours that lines may have."""

MOST_POINTS: Final = 240
"""Points drawn of one curve; longer curves are averaged."""

MOST_PAIRS: Final = 16
"""Pairs drawn per language; more hide each other."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Strip:
    """One language's row of the forest plot."""

    name: str
    encoder: str
    linear: str
    figure: Markup


@dataclass(frozen=True, slots=True)
class Series:
    """One curve; `colour` is 0 to 5."""

    name: str
    points: tuple[Point, ...]
    colour: int = 0


def forest(metrics: Metrics, tags: Sequence[str]) -> list[Strip]:
    """F1-micro with intervals per language, encoder above baseline, on one axis from 0 to 1."""
    strips = []
    for tag in tags:
        encoder, linear = metrics.languages[tag], metrics.linear.get(tag)
        strips.append(
            Strip(
                name=language_name(tag),
                encoder=_said(encoder),
                linear=_said(linear) if linear else "",
                figure=_strip(language_name(tag), encoder, linear),
            )
        )
    return strips


def _said(scores: LanguageMetrics) -> str:
    return f"{share(scores.f1_micro)} {brackets(scores.f1_micro_interval)}".rstrip()


def _strip(name: str, encoder: LanguageMetrics, linear: LanguageMetrics | None) -> Markup:
    majority = encoder.majority()
    title = f"{name}: classifier {_said(encoder)}"
    title += f", linear baseline {_said(linear)}" if linear else ""
    title += f", most frequent label {share(majority[1])}" if majority else ""
    marks = [Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>').format(x)
             for x in (0, 25, 50, 75, 100)]  # fmt: skip
    if majority:
        marks.append(
            Markup('<line class="chance" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>').format(
                _percent(majority[1])
            )
        )
    marks += _mark(encoder, 15 if linear else 22, "encoder")
    marks += _mark(linear, 30, "linear") if linear else []
    return svg(title, Markup().join(marks), height=44, css="strip")


def _mark(scores: LanguageMetrics, y: int, css: str) -> list[Markup]:
    if scores.f1_micro is None or not math.isfinite(scores.f1_micro):
        return []
    marks = []
    if scores.f1_micro_interval:
        low, high = (_percent(bound) for bound in scores.f1_micro_interval)
        marks.append(
            Markup('<line class="whisker {2}" x1="{0}%" x2="{1}%" y1="{3}" y2="{3}"/>').format(
                low, high, css, y
            )
        )
    shape = '<circle class="{1}" cx="{0}%" cy="{2}" r="5"/>'
    if css == "linear":
        shape = (
            '<svg class="diamond" x="{0}%" y="{2}" overflow="visible">'
            '<rect class="{1}" x="-4.2" y="-4.2" width="8.4" height="8.4" '
            'transform="rotate(45)"/></svg>'
        )
    marks.append(Markup(shape).format(_percent(scores.f1_micro), css, y))
    return marks


def _percent(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.2f}".rstrip("0").rstrip(".")


def curve(
    title: str,
    series: Sequence[Series],
    *,
    bounds: tuple[float, float] | None = None,
    unit: str = "step",
) -> Markup:
    """Lines over training steps or epochs; empty where no series has a point.

    Args:
        title: What the figure shows, for those who hear it.
        series: The lines.
        bounds: The vertical axis' ends; by default round numbers around the values.
        unit: What is counted along the horizontal axis.
    """
    drawn = [line for line in series if line.points]
    if not drawn:
        return Markup("")
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    left, right = min(xs), max(xs)
    ticks = axis(*(bounds or (min(ys), max(ys))))
    low, high = min(ticks[0], *ys), max(ticks[-1], *ys)
    body = [_tick(value, 100 * (high - value) / (high - low)) for value in ticks]
    body.append(
        Markup(
            '<svg class="plot" x="0" y="16" width="100%" height="144" viewBox="0 0 1000 100" '
            'preserveAspectRatio="none">{}</svg>'
        ).format(Markup().join(_line(line, left, right, low, high) for line in drawn))
    )
    body.append(
        Markup(
            '<text class="tick" x="0" y="178">{0} {1}</text>'
            '<text class="tick" x="100%" y="178" text-anchor="end">{2}</text>'
        ).format(unit, compact(left), compact(right) if right > left else "")
    )
    last = "; ".join(
        f"{line.name + ' ' if len(drawn) > 1 else ''}{compact(line.points[0][1])} to "
        f"{compact(line.points[-1][1])}"
        for line in drawn
    )
    return svg(f"{title}: {last}", Markup().join(body), height=184, css="curve")


def _tick(value: float, percent: float) -> Markup:
    y = round(16 + 1.44 * percent, 1)
    return Markup(
        '<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
        '<text class="tick" x="-8" y="{1}" text-anchor="end">{2}</text>'
    ).format(y, round(y + 4, 1), compact(value))


def _line(line: Series, left: float, right: float, low: float, high: float) -> Markup:
    width, height = (right - left) or 1.0, (high - low) or 1.0
    places = [
        (1000 * (x - left) / width if right > left else 500, 100 * (high - y) / height)
        for x, y in line.points
    ]
    if len(places) == 1:
        # One point has no line; a zero-length one with round ends shows as a dot.
        path = f"M{places[0][0]:.1f} {places[0][1]:.1f}h0"
        return Markup('<path class="line dot s{0}" d="{1}"/>').format(line.colour % SERIES, path)
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dashed = " dashed" if line.colour >= SERIES else ""
    return Markup('<path class="line s{0}{1}" d="{2}"/>').format(line.colour % SERIES, dashed, path)


def axis(low: float, high: float) -> list[float]:
    """Three to five round numbers that span a range.

    >>> axis(0.0, 1.0), axis(0.13, 1.94)
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0, 1.5, 2.0])
    >>> axis(0.0, 2e-05)
    [0.0, 5e-06, 1e-05, 1.5e-05, 2e-05]
    >>> axis(3.0, 3.0)
    [2.0, 2.5, 3.0, 3.5, 4.0]
    """
    if not high > low:
        low, high = low - 1, high + 1
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.6g}") for number in range(first, last + 1)]


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> tuple[Point, ...]:
    """A long curve as means over equal stretches of it; its ends stay where they are.

    >>> thinned([(1, 1.0), (2, 3.0), (3, 5.0), (4, 7.0), (5, 7.0), (6, 7.0)], most=3)
    ((1.0, 2.0), (3.5, 6.0), (6.0, 7.0))
    """
    if len(points) <= most:
        return tuple(points)
    chunks = np.array_split(np.array(points, dtype=np.float64), most)
    means = [(float(x), float(y)) for x, y in (chunk.mean(axis=0) for chunk in chunks)]
    (_, first), *middle, (_, last) = means
    return ((float(points[0][0]), first), *middle, (float(points[-1][0]), last))


def pair_picture(groups: Sequence[Pairs], stage: str, colours: Sequence[str]) -> Markup:
    """Pairs of one stage on their first two principal components, each joined by a line.

    Args:
        groups: All sampled pairs; those of other stages are passed over.
        stage: `before` or `after`.
        colours: Target languages in the order of their colours.
    """
    chosen = [group for group in groups if group.stage == stage]
    if not chosen:
        return Markup("")
    stacked = np.concatenate([np.concatenate([g.originals, g.translations]) for g in chosen])
    flat = _into_box(plane(stacked))
    body, start = [], 0
    for group in chosen:
        count = len(group.originals)
        first, second = flat[start : start + count], flat[start + count : start + 2 * count]
        start += 2 * count
        colour = colours.index(group.lang) % SERIES if group.lang in colours else 0
        body.append(_pairs(first, second, colour))
    words = f"Sampled originals and their translations {stage} training, in two dimensions"
    return svg(words, Markup().join(body), css="pairs", view_box="0 0 400 400")


def _pairs(first: Vectors, second: Vectors, colour: int) -> Markup:
    spread = np.unique(np.linspace(0, len(first) - 1, min(MOST_PAIRS, len(first))).astype(int))
    a, b = first[spread], second[spread]
    lines = "".join(
        f"M{x0:.0f} {y0:.0f}L{x1:.0f} {y1:.0f}"
        for (x0, y0), (x1, y1) in zip(a.tolist(), b.tolist(), strict=True)
    )
    # Zero-length lines: round ends draw originals as dots, square ends translations as squares.
    dots = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in a.tolist())
    squares = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in b.tolist())
    return Markup(
        '<path class="join s{0}" d="{1}"/><path class="original s{0}" d="{2}"/>'
        '<path class="translation s{0}" d="{3}"/>'
    ).format(colour, lines, dots, squares)


def _into_box(flat: Vectors, size: float = 400, margin: float = 12) -> Vectors:
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = (size - 2 * margin) / (float((high - low).max()) or 1.0)
    centred: Vectors = (flat - (low + high) / 2) * scale + size / 2
    return centred


def svg(
    title: str, body: Markup, *, css: str, height: int | None = None, view_box: str | None = None
) -> Markup:
    """A figure as wide as its place, with its title for those who hear it."""
    size = Markup(' height="{}"').format(height) if height else Markup("")
    box = Markup(' viewBox="{}"').format(view_box) if view_box else Markup("")
    return Markup('<svg class="{}" role="img" width="100%"{}{}><title>{}</title>{}</svg>').format(
        css, size, box, escape(title), body
    )
