"""What OTC does to the vectors of a study's pairs, language by language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from babelift.report.figures import axis, svg
from babelift.report.numbers import compact, language_name, share
from babelift.report.studied import Alignment, Cell, Summary
from babelift.report.study_cells import OFF, columns, otc_name
from babelift.report.study_scores import in_order

MEASURES: Final = {
    "retrieval": ("Retrieval@1", "share of translations whose nearest original is their own"),
    "cosine": ("Paired cosine", "of an original and its translation"),
    "cka": ("CKA", "whether the two languages lie alike; 1 is the same shape"),
    "uniformity": ("Uniformity", "how evenly translations spread; lower is more even"),
}

_HEIGHT: Final = 24


@dataclass(frozen=True, slots=True)
class Measured:
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
    figures: list[Measured]
    rows: list[Row]


Three = tuple[Alignment | None, Alignment | None, Alignment | None]


def otc_effects(summary: Summary) -> list[Effect]:
    """For every arm with pairs and every OTC what it did; those of the primary contrast first."""
    known = {(one.cell, one.lang, one.stage): one for one in summary.alignment}
    cells = list(dict.fromkeys(cell for cell, _, _ in known))
    langs = in_order(summary, [one.lang for one in summary.alignment])
    primary = summary.settings.get("primary") or {}
    arm, otc = primary.get("arm"), primary.get("otc", OFF)
    wanted = "on" if otc == OFF else otc
    found = []
    ordered = sorted(cells, key=lambda one: (one.arm != arm, one.otc != wanted))
    for cell in (one for one in ordered if one.otc != OFF):
        plain = cell.model_copy(update={"otc": OFF})
        three = {lang: _three(known, plain, cell, lang) for lang in langs}
        three = {lang: one for lang, one in three.items() if any(one)}
        if plain in cells and any(one[2] for one in three.values()):
            found.append(_effect(cell, cells, three))
    return found


def _three(
    known: Mapping[tuple[Cell, str, str], Alignment], plain: Cell, cell: Cell, lang: str
) -> Three:
    before = known.get((plain, lang, "before")) or known.get((cell, lang, "before"))
    return before, known.get((plain, lang, "after")), known.get((cell, lang, "after"))


def _effect(cell: Cell, cells: Sequence[Cell], three: Mapping[str, Three]) -> Effect:
    others = [one for one in cells if one.otc != OFF]
    name = next(column.name for column in columns(others) if column.cell == cell)
    if all(one.otc == cell.otc for one in others if one.arm == cell.arm):
        name = f"{name}, {otc_name(cell.otc)}"
    return Effect(
        name,
        [_measured(measure, three) for measure in MEASURES],
        [_row(lang, several) for lang, several in three.items()],
    )


def _row(lang: str, three: Three) -> Row:
    pairs = next(one.pairs for one in three if one is not None)
    values = [
        tuple(share(getattr(one, measure) if one else None) for one in three)
        for measure in MEASURES
    ]
    return Row(language_name(lang), f"{pairs:,}", [(a, b, c) for a, b, c in values])


def _measured(measure: str, three: Mapping[str, Three]) -> Measured:
    values = [
        value for one in three.values() for value in _values(measure, one) if value is not None
    ]
    ticks = axis(min(values), max(values)) if values else [0.0, 1.0]
    low, high = (ticks[0], ticks[-1]) if measure == "uniformity" else (min(0.0, ticks[0]), 1.0)
    strips = [
        (language_name(lang), _strip(language_name(lang), measure, one, low, high))
        for lang, one in three.items()
    ]
    return Measured(*MEASURES[measure], strips, (_end(low), _end(high)))


def _end(value: float) -> str:
    return compact(value).replace("-", "−")


def _values(measure: str, three: Iterable[Alignment | None]) -> list[float | None]:
    return [getattr(one, measure) if one else None for one in three]


def _strip(name: str, measure: str, three: Three, low: float, high: float) -> Markup:
    y = _HEIGHT // 2
    parts = [
        Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>').format(x)
        for x in (0, 50, 100)
    ]
    places = [
        None if value is None else f"{100 * min(max((value - low) / (high - low), 0), 1):.2f}"
        for value in _values(measure, three)
    ]
    _, without, with_otc = places
    if without and with_otc:
        line = '<line class="change" x1="{0}%" x2="{1}%" y1="{2}" y2="{2}"/>'
        parts.append(Markup(line).format(without, with_otc, y))
    for place, css in zip(places, ("before", "without", "with"), strict=True):
        if place is not None:
            circle = '<circle class="lie {0}" cx="{1}%" cy="{2}" r="4.5"/>'
            parts.append(Markup(circle).format(css, place, y))
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
