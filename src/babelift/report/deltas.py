"""The forest plot of differences: what one arm gained over another, language by language."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from babelift.report.compared import Comparison, Contrasted, Effect
from babelift.report.figures import svg
from babelift.report.numbers import language_name
from babelift.report.verdicts import effect, signed

REACHES: Final = (0.04, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""How far an axis may reach to either side of zero; halves of them have two digits at most."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One row of the plot; `kind` is `target`, `other` or `mean`."""

    name: str
    said: str
    kind: str
    figure: Markup


@dataclass(frozen=True, slots=True)
class Forest:
    """The plot of one contrast.

    Attributes:
        contrast: What is shown.
        strips: A row for each language, and one for the mean.
        ticks: Places (percent) and words of the axis.
    """

    contrast: Contrasted
    strips: list[Strip]
    ticks: list[tuple[float, str]]


def forests(comparison: Comparison) -> list[Forest]:
    """The plot of every contrast, all on one axis so that they compare by eye."""
    reach = reach_of(
        shown
        for contrast in comparison.contrasts
        for shown in (*contrast.languages.values(), contrast.mean)
        if shown is not None
    )
    found = []
    for contrast in comparison.contrasts:
        strips = [
            strip(language_name(lang), contrast.languages[lang], "target", reach)
            for lang in comparison.over
        ]
        if contrast.mean is not None and len(comparison.over) > 1:
            strips.append(strip("Mean", contrast.mean, "mean", reach))
        strips += [
            strip(language_name(lang), shown, "other", reach)
            for lang, shown in contrast.languages.items()
            if lang not in comparison.over
        ]
        found.append(Forest(contrast, strips, ticks(reach)))
    return found


def reach_of(effects: Iterable[Effect]) -> float:
    """The shortest axis that holds every interval.

    >>> reach_of([Effect(delta=0.0, interval=(-0.12, 0.1))]), reach_of([])
    (0.2, 0.04)
    """
    bounds = [abs(bound) for shown in effects for bound in (*shown.interval, shown.delta)]
    return next(reach for reach in REACHES if reach >= min(max(bounds, default=0.0), 1.0))


def ticks(reach: float) -> list[tuple[float, str]]:
    """Places (percent) and words of an axis.

    >>> ticks(0.1)[0], ticks(0.1)[2]
    ((0.0, '−.10'), (50.0, '0'))
    """
    return [
        (50 + 50 * place, signed(place * reach) if place else "0")
        for place in (-1.0, -0.5, 0.0, 0.5, 1.0)
    ]


def strip(name: str, shown: Effect, kind: str, reach: float, digits: int = 2) -> Strip:
    """One difference on an axis that reaches as far to both sides of zero."""
    y = 16

    def place(value: float) -> str:
        return f"{50 + 50 * value / reach:.2f}".rstrip("0").rstrip(".")

    low, high = shown.interval
    marks = [
        Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>').format(x)
        for x in (0, 25, 75, 100)
    ]
    marks.append(Markup('<line class="zero" x1="50%" x2="50%" y1="0" y2="100%"/>'))
    marks.append(
        Markup('<line class="whisker encoder" x1="{0}%" x2="{1}%" y1="{2}" y2="{2}"/>').format(
            place(low), place(high), y
        )
    )
    clear = "encoder" if shown.direction() else "encoder unsure"
    marks.append(
        Markup('<circle class="{0}" cx="{1}%" cy="{2}" r="5"/>').format(
            clear, place(shown.delta), y
        )
    )
    said = effect(shown, digits)
    figure = svg(f"{name}: {said}", Markup().join(marks), height=2 * y, css="strip")
    return Strip(name, said, kind, figure)
