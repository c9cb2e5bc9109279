"""The report's figures as small inline SVG.

Text keeps the page's font and size on every screen: coordinates along the page are percentages,
and only the drawn lines are stretched. Colours are classes, so that light, dark and print agree.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from markupsafe import Markup, escape

from babelift.evaluation.alignment import Pairs, Vectors
from babelift.evaluation.metrics import LanguageMetrics, Metrics
from babelift.report.numbers import compact, language_name, share, with_interval

SERIES: Final = 6
"""Number of colours that lines may have."""

Point = tuple[float, float]


def svg(
    title: str, body: Markup, *, css: str, height: int | None = None, view_box: str | None = None
) -> Markup:
    """A figure as wide as its place, with its title for those who hear it."""
    size = Markup(' height="{}"').format(height) if height else Markup("")
    box = Markup(' viewBox="{}"').format(view_box) if view_box else Markup("")
    return Markup('<svg class="{}" role="img" width="100%"{}{}><title>{}</title>{}</svg>').format(
        css, size, box, escape(title), body
    )


def short(value: float) -> str:
    """A place in a figure, with two digits where it needs them."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Strip:
    """One language's row of the forest plot: its scores in words, and drawn."""

    name: str
    encoder: str
    linear: str
    figure: Markup


def forest(metrics: Metrics, tags: Sequence[str]) -> list[Strip]:
    """F1-micro with intervals per language, encoder above baseline, on one axis from 0 to 1."""
    return [
        _strip(language_name(tag), metrics.languages[tag], metrics.linear.get(tag)) for tag in tags
    ]


def _strip(name: str, encoder: LanguageMetrics, linear: LanguageMetrics | None) -> Strip:
    own, other = (
        with_interval(scores.f1_micro, scores.f1_micro_interval) if scores else ""
        for scores in (encoder, linear)
    )
    title = f"{name}: classifier {own}"
    title += f", linear baseline {other}" if linear else ""
    title += f", most frequent label {share(encoder.majority())}"
    y = 15 if linear else 22
    marks = [upright("grid", x) for x in (0, 25, 50, 75, 100)]
    marks.append(upright("chance", _percent(encoder.majority())))
    marks.append(level("whisker encoder", map(_percent, encoder.f1_micro_interval), y))
    marks.append(dot("encoder", _percent(encoder.f1_micro), y))
    if linear:
        marks.append(level("whisker linear", map(_percent, linear.f1_micro_interval), 30))
        marks.append(_diamond("linear", _percent(linear.f1_micro), 30))
    return Strip(name, own, other, svg(title, Markup().join(marks), height=44, css="strip"))


def upright(css: str, x: str | float) -> Markup:
    """A line from top to bottom, at so many percent of the width."""
    line = '<line class="{0}" x1="{1}%" x2="{1}%" y1="0" y2="100%"/>'
    return Markup(line).format(css, x)


def level(css: str, ends: Iterable[str], y: float) -> Markup:
    """A line across, from and to so many percent of the width."""
    line = '<line class="{0}" x1="{1}%" x2="{2}%" y1="{3}" y2="{3}"/>'
    return Markup(line).format(css, *ends, y)


def dot(css: str, x: str, y: float, radius: float = 5) -> Markup:
    """A round point, at so many percent of the width."""
    return Markup('<circle class="{}" cx="{}%" cy="{}" r="{}"/>').format(css, x, y, radius)


def _diamond(css: str, x: str, y: float) -> Markup:
    """A square on its tip, in a figure of its own so that its place may be a percentage."""
    return Markup(
        '<svg x="{0}%" y="{1}" class="diamond" overflow="visible"><rect class="{2}" x="-4.2" '
        'y="-4.2" width="8.4" height="8.4" transform="rotate(45)"/></svg>'
    ).format(x, y, css)


def _percent(value: float) -> str:
    return short(100 * min(max(value, 0.0), 1.0))


_TOP: Final = 16
LOW: Final = 144
HIGH: Final = 230
"""Heights of a figure's inside, in pixels."""

_NAME: Final = 11
"""Size of a mark's name in pixels."""

_WIDTH: Final = 330
"""About the width of a figure in pixels, to see which names would collide."""

_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)

MOST_POINTS: Final = 240
"""Points drawn of one curve; longer curves are averaged."""

Shape = Literal["dot", "hollow", "small", "diamond", "none"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A point; `colour` is 0 to 5, `label` stands beside it, `said` is read to those who hear it.

    `interval` is of `y`.
    """

    x: float
    y: float
    colour: int = 0
    shape: Shape = "dot"
    interval: tuple[float, float] | None = None
    label: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; one point alone is a dot. `colour` is 0 to 5."""

    points: tuple[Point, ...]
    colour: int = 0
    dashed: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A score that does not depend on x: a line across, with a band where it has an interval."""

    y: float
    colour: int = 0
    interval: tuple[float, float] | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values lie in a figure.

    Attributes:
        left: Value at the left end.
        right: Value at the right end.
        x_ticks: Values of the horizontal axis with their words.
        y_ticks: Values of the vertical axis; the first and the last are its ends.
        height: Of its inside, in pixels.
    """

    left: float
    right: float
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[float, ...]
    height: int = LOW

    def across(self, x: float) -> float:
        """Percent of the width."""
        width = self.right - self.left
        return 100 * (x - self.left) / width if width else 50.0

    def down(self, y: float) -> float:
        """Percent of the height, kept within the figure."""
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return min(max(100 * (high - y) / ((high - low) or 1.0), 0.0), 100.0)

    def pixels(self, y: float) -> float:
        """Height in pixels from the top."""
        return round(_TOP + self.height * self.down(y) / 100, 1)


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


def score_ticks(values: Sequence[float]) -> tuple[float, ...]:
    """The vertical axis of scores: values of two digits, 0 and 1 their limits.

    >>> score_ticks([0.52, 0.71])
    (0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
    >>> score_ticks([1.0, 1.0])
    (0.9, 0.92, 0.94, 0.96, 0.98, 1.0)
    """
    low, high = max(0.0, min(values)), min(1.0, max(values))
    if high - low < 0.05:
        low, high = max(0.0, low - 0.1), min(1.0, high + 0.1)
    step = next(size for size in _STEPS if (high - low) / size < 5.001)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(number * step, 2) for number in range(first, last + 1))


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


def curve(
    title: str,
    lines: Sequence[Line],
    *,
    bounds: tuple[float, float] | None = None,
    unit: str = "step",
) -> Markup:
    """Lines over training steps or epochs; empty where no line has a point.

    Args:
        title: What the figure shows, for those who hear it.
        lines: The lines.
        bounds: The vertical axis' ends; by default round numbers around the values.
        unit: What is counted along the horizontal axis.
    """
    drawn = [line for line in lines if line.points]
    if not drawn:
        return Markup("")
    xs, ys = zip(*(point for line in drawn for point in line.points), strict=True)
    left, right = min(xs), max(xs)
    ends = [(left, f"{unit} {compact(left)}"), (right, compact(right))]
    frame = Frame(
        left,
        right,
        x_ticks=tuple(ends if right > left else ends[:1]),
        y_ticks=tuple(axis(*(bounds or (min(ys), max(ys))))),
    )
    ends_of_lines = "; ".join(
        f"{line.name + ' ' if len(drawn) > 1 else ''}{compact(line.points[0][1])} to "
        f"{compact(line.points[-1][1])}"
        for line in drawn
    )
    return plot(f"{title}: {ends_of_lines}", frame, lines=drawn, tick=compact)


def plot(
    title: str,
    frame: Frame,
    *,
    marks: Sequence[Mark] = (),
    lines: Sequence[Line] = (),
    levels: Sequence[Level] = (),
    tick: Callable[[float], str] = share,
) -> Markup:
    """Points and lines between two axes.

    Args:
        title: What it shows, for those who hear it; what the marks say is added.
        frame: The axes.
        marks: Points.
        lines: Lines, below the points.
        levels: Lines across, below all else.
        tick: A value of the vertical axis in words.
    """
    body = [_y_tick(frame, value, tick(value)) for value in frame.y_ticks]
    body += [_level(frame, shown) for shown in levels]
    body.append(
        Markup(
            '<svg class="plot" x="0" y="{}" width="100%" height="{}" viewBox="0 0 1000 100" '
            'preserveAspectRatio="none">{}</svg>'
        ).format(_TOP, frame.height, Markup().join(_line(frame, line) for line in lines))
    )
    names = name_heights(frame, marks)
    body += [_mark(frame, mark, height) for mark, height in zip(marks, names, strict=True)]
    body += [_x_tick(frame, value, text) for value, text in frame.x_ticks]
    spoken = [*(shown.said for shown in levels), *(mark.said for mark in marks)]
    words = "; ".join(filter(None, spoken))
    height = frame.height + 40
    return svg(f"{title}: {words}" if words else title, Markup().join(body), height=height,
               css="curve")  # fmt: skip


def _y_tick(frame: Frame, value: float, text: str) -> Markup:
    y = frame.pixels(value)
    return Markup(
        '<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
        '<text class="tick" x="-8" y="{1}" text-anchor="end">{2}</text>'
    ).format(y, round(y + 4, 1), text)


def _x_tick(frame: Frame, value: float, text: str) -> Markup:
    place = frame.across(value)
    anchor = "start" if place < 1 else "end" if place > 99 else "middle"
    return Markup('<text class="tick" x="{0}%" y="{1}" text-anchor="{2}">{3}</text>').format(
        short(place), frame.height + 34, anchor, text
    )


def _level(frame: Frame, shown: Level) -> Markup:
    band = Markup("")
    if shown.interval:
        bottom, top = map(frame.pixels, shown.interval)
        band = Markup('<rect class="band b{0}" x="0" width="100%" y="{1}" height="{2}"/>').format(
            shown.colour, top, round(bottom - top, 1)
        )
    y = frame.pixels(shown.y)
    return band + Markup('<line class="level s{0}" x1="0" x2="100%" y1="{1}" y2="{1}"/>').format(
        shown.colour, y
    )


def _line(frame: Frame, line: Line) -> Markup:
    places = [f"{10 * frame.across(x):.1f} {frame.down(y):.1f}" for x, y in line.points]
    if len(places) == 1:
        # One point has no line; a zero-length one with round ends shows as a dot.
        return Markup('<path class="line dot s{0}" d="M{1}h0"/>').format(line.colour, places[0])
    dashed = " dashed" if line.dashed else ""
    path = '<path class="line s{0}{1}" d="M{2}"/>'
    return Markup(path).format(line.colour, dashed, "L".join(places))


def name_heights(frame: Frame, marks: Sequence[Mark]) -> list[float]:
    """Where each mark's name stands, in pixels from the top: beside it, or above others there.

    >>> frame = Frame(0, 100, (), (0.0, 1.0), height=100)
    >>> name_heights(frame, [Mark(50, 0.5, label="a"), Mark(51, 0.5, label="b"), Mark(90, 0.5)])
    [60.0, 49.0, 60.0]
    """
    heights = [round(frame.pixels(mark.y) - 6, 1) for mark in marks]
    placed: list[tuple[float, float]] = []
    for number in sorted(range(len(marks)), key=lambda number: -heights[number]):
        across = frame.across(marks[number].x) / 100 * _WIDTH
        near = [y for x, y in placed if abs(x - across) < _NAME]
        while any(abs(y - heights[number]) < _NAME for y in near):
            heights[number] -= _NAME
        if marks[number].label:
            placed.append((across, heights[number]))
    return heights


def _mark(frame: Frame, mark: Mark, name_height: float) -> Markup:
    x, y = short(frame.across(mark.x)), frame.pixels(mark.y)
    parts = [Markup("<title>{}</title>").format(mark.said)] if mark.said else []
    if mark.interval:
        parts.append(
            Markup('<line class="whisker s{0}" x1="{1}%" x2="{1}%" y1="{2}" y2="{3}"/>').format(
                mark.colour, x, frame.pixels(mark.interval[1]), frame.pixels(mark.interval[0])
            )
        )
    if mark.shape == "diamond":
        parts.append(_diamond(f"mark f{mark.colour} s{mark.colour}", x, y))
    elif mark.shape != "none":
        css = "mark open" if mark.shape == "hollow" else f"mark f{mark.colour}"
        radius = 3 if mark.shape == "small" else 4.5
        parts.append(dot(f"{css} s{mark.colour}", x, y, radius))
    if mark.label:
        parts.append(
            Markup('<text class="name" x="{0}%" y="{1}" dx="7">{2}</text>').format(
                x, round(name_height, 1), mark.label
            )
        )
    return Markup("<g>{}</g>").format(Markup().join(parts))


MOST_PAIRS: Final = 16
"""Pairs drawn per language; more hide each other."""


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
    flat = _into_box(first_components(stacked))
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


def first_components(vectors: Vectors) -> Vectors:
    """The first two principal components of vectors `(n, dim)`, as `(n, 2)`.

    The sign of a component is fixed by its largest entry, so that the picture does not depend on
    the linear-algebra library.

    >>> points = np.array([[0.0, 0, 2], [0, 0, -2], [0, 1, 0], [0, -1, 0]])
    >>> first_components(points).round(6).tolist()
    [[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    """
    centred = vectors - vectors.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    axes = np.zeros((2, vectors.shape[1]))
    axes[: min(2, len(components))] = components[:2]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[[0, 1], largest])
    flat: Vectors = centred @ (axes * np.where(signs == 0, 1, signs)[:, None]).T
    return flat
