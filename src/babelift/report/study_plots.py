"""Points, lines and bands over two axes, as small inline SVG like the other figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from babelift.report.figures import svg
from babelift.report.numbers import share

_TOP: Final = 16
LOW: Final = 144
HIGH: Final = 230
"""Heights of a figure's inside, in pixels."""

_NAME: Final = 11
"""Size of a mark's name in pixels."""

_WIDTH: Final = 330
"""About the width of a figure in pixels, to see which names would collide."""

_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)

Point = tuple[float, float]
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
    """A line through points."""

    points: tuple[Point, ...]
    colour: int = 0
    dashed: bool = False


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


def plot(
    title: str,
    frame: Frame,
    *,
    marks: Sequence[Mark] = (),
    lines: Sequence[Line] = (),
    levels: Sequence[Level] = (),
) -> Markup:
    """A figure of scores.

    Args:
        title: What it shows, for those who hear it; what the marks say is added.
        frame: The axes.
        marks: Points.
        lines: Lines, below the points.
        levels: Lines across, below all else.
    """
    body = [_tick(frame, value) for value in frame.y_ticks]
    body += [_level(frame, level) for level in levels]
    body.append(
        Markup(
            '<svg class="plot" x="0" y="{}" width="100%" height="{}" viewBox="0 0 1000 100" '
            'preserveAspectRatio="none">{}</svg>'
        ).format(_TOP, frame.height, Markup().join(_line(frame, line) for line in lines))
    )
    names = name_heights(frame, marks)
    body += [_mark(frame, mark, height) for mark, height in zip(marks, names, strict=True)]
    body += [_x_tick(frame, value, text) for value, text in frame.x_ticks]
    said = [level.said for level in levels] + [mark.said for mark in marks]
    words = "; ".join(filter(None, said))
    height = frame.height + 40
    return svg(f"{title}: {words}" if words else title, Markup().join(body), height=height,
               css="curve")  # fmt: skip


def _tick(frame: Frame, value: float) -> Markup:
    y = frame.pixels(value)
    return Markup(
        '<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
        '<text class="tick" x="-8" y="{1}" text-anchor="end">{2}</text>'
    ).format(y, round(y + 4, 1), share(value))


def _x_tick(frame: Frame, value: float, text: str) -> Markup:
    place = frame.across(value)
    anchor = "start" if place < 1 else "end" if place > 99 else "middle"
    return Markup('<text class="tick" x="{0}%" y="{1}" text-anchor="{2}">{3}</text>').format(
        _short(place), frame.height + 34, anchor, text
    )


def _level(frame: Frame, level: Level) -> Markup:
    band = Markup("")
    if level.interval:
        top, bottom = frame.pixels(level.interval[1]), frame.pixels(level.interval[0])
        band = Markup('<rect class="band b{0}" x="0" width="100%" y="{1}" height="{2}"/>').format(
            level.colour, top, round(bottom - top, 1)
        )
    y = frame.pixels(level.y)
    return band + Markup('<line class="level s{0}" x1="0" x2="100%" y1="{1}" y2="{1}"/>').format(
        level.colour, y
    )


def _line(frame: Frame, line: Line) -> Markup:
    path = "M" + "L".join(f"{10 * frame.across(x):.1f} {frame.down(y):.1f}" for x, y in line.points)
    dashed = " dashed" if line.dashed else ""
    return Markup('<path class="line s{0}{1}" d="{2}"/>').format(line.colour, dashed, path)


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
    x, y = _short(frame.across(mark.x)), frame.pixels(mark.y)
    parts = [Markup("<title>{}</title>").format(mark.said)] if mark.said else []
    if mark.interval:
        parts.append(
            Markup('<line class="whisker s{0}" x1="{1}%" x2="{1}%" y1="{2}" y2="{3}"/>').format(
                mark.colour, x, frame.pixels(mark.interval[1]), frame.pixels(mark.interval[0])
            )
        )
    if mark.shape == "diamond":
        shape = (
            '<svg x="{1}%" y="{2}" overflow="visible"><rect class="mark f{0} s{0}" x="-4.2" '
            'y="-4.2" width="8.4" height="8.4" transform="rotate(45)"/></svg>'
        )
        parts.append(Markup(shape).format(mark.colour, x, y))
    elif mark.shape != "none":
        css = "mark open" if mark.shape == "hollow" else f"mark f{mark.colour}"
        radius = 3 if mark.shape == "small" else 4.5
        parts.append(
            Markup('<circle class="{0} s{1}" cx="{2}%" cy="{3}" r="{4}"/>').format(
                css, mark.colour, x, y, radius
            )
        )
    if mark.label:
        parts.append(
            Markup('<text class="name" x="{0}%" y="{1}" dx="7">{2}</text>').format(
                x, round(name_height, 1), mark.label
            )
        )
    return Markup("<g>{}</g>").format(Markup().join(parts))


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
