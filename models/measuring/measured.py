"""Figures per language of one encoder or arm: how they are printed and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from models.measuring import before
from models.measuring.results import Result, cells, number, print_table
from models.measuring.seeds import Summary, scores, summarise


@dataclass(frozen=True)
class Measured:
    """One figure per language.

    Attributes:
        what: What was measured.
        unit: In which unit.
        values: By language, in the order of the table's columns.
        over: Languages that the mean is taken over.
        shown: Cells of the table, where they say more than the values.
        halves: Half-widths of intervals over seeds, by language.
        linear: The linear baseline's values.
        note: A sentence below the table.
    """

    what: str
    unit: str
    values: dict[str, float]
    over: tuple[str, ...]
    shown: list[str] = field(default_factory=list)
    halves: dict[str, float] = field(default_factory=dict)
    linear: dict[str, float] = field(default_factory=dict)
    note: str = ""


def measured_over_seeds(
    what: str,
    tables: Sequence[pl.DataFrame],
    langs: tuple[str, ...],
    over: tuple[str, ...],
) -> Measured:
    """Mean accuracies over seeds.

    Args:
        what: What was measured.
        tables: Predictions of each seed.
        langs: Languages, in the order of the table's columns.
        over: Languages that the mean is taken over.
    """
    found = scores({what: tables}, langs)[what]
    linear = scores({what: tables[:1]}, langs, model="linear", resamples=1)[what]
    each = summarise(found)
    [mean] = summarise(found.mean_of([langs.index(lang) for lang in over]))
    return Measured(
        what,
        f"accuracy, {of_seeds(len(tables))}",
        {lang: one.mean for lang, one in zip(langs, each, strict=True)},
        over,
        shown=[shown(one) for one in (*each, mean)],
        halves={lang: one.half for lang, one in zip(langs, each, strict=True)},
        linear=dict(zip(langs, linear.observed[0], strict=True)),
        note="± half the 95 % interval over seeds (Student's t); [95 % bootstrap over seeds and "
        "test rows]",
    )


def of_seeds(number: int) -> str:
    """How many trainings a figure comes from.

    >>> of_seeds(1), of_seeds(5)
    ('one seed', 'mean of 5 seeds')
    """
    return "one seed" if number == 1 else f"mean of {number} seeds"


def shown(one: Summary, sign: str = "") -> str:
    """A mean with both intervals; `sign="+"` for differences.

    >>> shown(Summary(0.75, 0.01, 0.7, 0.8)), shown(Summary(0.1, float("nan"), 0, 0.2), "+")
    ('.750 ± .010 [.700, .800]', '+.100 [.000, +.200]')
    """
    half = f" ± {number(one.half)}" if one.half == one.half else ""
    mean, low, high = (
        (sign if value > 0 else "") + number(value) for value in (one.mean, one.low, one.high)
    )
    return f"{mean}{half} [{low}, {high}]"


def print_measured(measured: Mapping[str, Sequence[Measured]]) -> None:
    """Print what was measured of each encoder, beside the one before and the linear baseline."""
    for place, first in enumerate(next(iter(measured.values()))):
        langs = list(first.values)
        rows = {}
        if first.what in before.BEFORE:
            rows["before"] = cells(before.BEFORE[first.what], langs, first.over)
        if first.linear:
            rows["linear baseline"] = cells(first.linear, langs, first.over)
        for spec, parts in measured.items():
            one = parts[place]
            rows[spec] = one.shown or cells(one.values, langs, one.over)
        mean = "mean" if first.over == tuple(langs) else f"mean of {' '.join(first.over)}"
        print_table(f"{first.what}: {first.unit}", [*langs, mean], rows)
        for note in dict.fromkeys(parts[place].note for parts in measured.values()):
            if note:
                print(f"\n{note}")


def results_of(one: Measured, command: str) -> list[Result]:
    """What is kept of it: the values and, of several seeds, half the interval of each."""
    results = [Result(one.what, one.unit, command, one.values)]
    if all(half == half for half in one.halves.values()) and one.halves:
        what = f"{one.what}: half the 95 % interval over seeds"
        results.append(Result(what, one.unit.partition(",")[0], command, one.halves))
    return results
