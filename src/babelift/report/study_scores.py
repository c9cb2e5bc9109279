"""A study's scores as heat tables: languages by conditions, and sources by test languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from babelift.report.numbers import UNKNOWN, language_name, share
from babelift.report.studied import Cell, Mean, Summary
from babelift.report.study_cells import Column, Group, columns, groups

MAIN: Final = "f1_micro"
METRICS: Final = {
    "f1_micro": ("F1-micro", "share of test rows given the right label"),
    "f1_macro": ("F1-macro", "mean of the labels' F1"),
    "mae": ("Mean absolute error", "distance from the true label; lower is better"),
    "qwk": ("Quadratic weighted kappa", "1 is perfect, 0 is chance"),
    "calibration_error": (
        "Calibration error",
        "how far stated probabilities are from the share of right labels; lower is better",
    ),
}
"""What a metric is called, and what it means."""


@dataclass(frozen=True, slots=True)
class Heat:
    """A coloured cell of a table; `level` is 0 to 1, None where nothing is known."""

    value: str
    spread: str = ""
    note: str = ""
    level: float | None = None


EMPTY: Final = Heat(UNKNOWN)


@dataclass(frozen=True, slots=True)
class HeatTable:
    """Languages by conditions, one metric.

    Attributes:
        name: The metric.
        meaning: What it means.
        arms: Arms with the number of their columns.
        columns: The conditions.
        detailed: Whether any column needs a second heading.
        rows: Name, whether it is the mean, and a cell for each column.
        least: Smallest and largest mean of the table: the ends of the colours.
    """

    name: str
    meaning: str
    arms: list[tuple[str, int]]
    columns: list[Column]
    detailed: bool
    rows: list[tuple[str, bool, list[Heat]]]
    ends: tuple[str, str]


def heat_tables(summary: Summary) -> list[HeatTable]:
    """A table for each metric that the study measured, F1-micro first."""
    measured = {row.metric for row in summary.means}
    names = [name for name in METRICS if name in measured]
    return [_heat_table(summary, name) for name in names]


def _heat_table(summary: Summary, metric: str) -> HeatTable:
    rows = [row for row in summary.means if row.metric == metric]
    shown = columns(row.cell for row in rows)
    langs = in_order(summary, [row.lang for row in rows if row.lang is not None])
    known = {(row.cell, row.lang): row for row in rows}
    means = [row.mean for row in rows if row.mean is not None]
    low, high = (min(means), max(means)) if means else (0.0, 0.0)
    seeds = max((row.seeds for row in rows), default=1)

    def cells(lang: str | None) -> list[Heat]:
        found = [known.get((column.cell, lang)) for column in shown]
        return [
            EMPTY if one is None or (lang is None and one.langs < len(langs))
            else heat(one, low, high, seeds)
            for one in found
        ]  # fmt: skip

    table = [(language_name(lang), False, cells(lang)) for lang in langs]
    if len(langs) > 1:
        table.append(("Mean", True, cells(None)))
    arms = [(arm, len(list(own))) for arm, own in groupby(shown, lambda column: column.cell.arm)]
    name, meaning = METRICS[metric]
    return HeatTable(
        name, meaning, arms, shown, any(one.details for one in shown), table,
        (share(low), share(high)),
    )  # fmt: skip


def heat(row: Mean, low: float, high: float, seeds: int) -> Heat:
    """A mean with its spread over seeds, coloured by where it lies between two ends.

    >>> heat(Mean(arm="x", metric="f1_micro", mean=0.5, spread=0.021, seeds=3), 0.4, 0.6, 5)
    Heat(value='.50', spread='±.02', note='3 of 5 seeds', level=0.5)
    """
    if row.mean is None:
        return EMPTY
    level = (row.mean - low) / (high - low) if high > low else 0.0
    spread = f"±{share(row.spread)}" if row.spread is not None and row.seeds > 1 else ""
    fewer = f"{row.seeds} of {seeds} seeds" if row.seeds < seeds else ""
    return Heat(share(row.mean), spread, fewer, round(min(max(level, 0.0), 1.0), 3))


def in_order(summary: Summary, langs: Sequence[str]) -> list[str]:
    """Languages in the order of the study's targets, others after them."""
    targets = [str(lang) for lang in summary.settings.get("targets", [])]
    wanted = [lang for lang in targets if lang in langs]
    return [*wanted, *(lang for lang in dict.fromkeys(langs) if lang not in wanted)]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Sources by test languages, one condition.

    Attributes:
        name: The condition.
        groups: Groups of test languages, for the headings.
        rows: Name of the source, whether a group of sources begins, a cell per test language.
        blocks: Means from group to group, in words.
    """

    name: str
    groups: list[Group]
    rows: list[tuple[str, bool, list[Heat]]]
    blocks: list[str]


def matrices(summary: Summary) -> list[Matrix]:
    """A matrix for every condition that was tried from several sources; empty where none was."""
    rows = [row for row in summary.table if row.metric == MAIN and row.mean is not None]
    found: dict[Cell, dict[tuple[str, str], Mean]] = {}
    for row in rows:
        if row.arm != "original" and row.source and row.lang:
            found.setdefault(row.cell, {})[row.source, row.lang] = row
    several = {
        cell: known for cell, known in found.items() if len({source for source, _ in known}) > 1
    }
    means = [row.mean or 0.0 for known in several.values() for row in known.values()]
    ends = (min(means), max(means)) if means else (0.0, 0.0)
    sources = [str(source) for source in summary.settings.get("sources", [])]
    names = {column.cell: column.name for column in columns(several)}
    return [_matrix(names[cell], known, sources, ends) for cell, known in several.items()]


def _matrix(
    name: str,
    known: Mapping[tuple[str, str], Mean],
    order: Sequence[str],
    ends: tuple[float, float],
) -> Matrix:
    there = {source for source, _ in known}
    sources = [source for source in order if source in there]
    sources += sorted(there - set(sources))
    single = [source for source in sources if "+" not in source]
    together = [source for source in sources if "+" in source]
    tested = list(dict.fromkeys(lang for _, lang in known))
    across = groups([*(one for one in single if one in tested),
                     *(one for one in tested if one not in single)])  # fmt: skip
    down = [*groups(single), *([Group("Together", tuple(together))] if together else [])]
    seeds = max(row.seeds for row in known.values())
    langs = [lang for group in across for lang in group.langs]

    def cell(source: str, lang: str) -> Heat:
        row = known.get((source, lang))
        return heat(row, *ends, seeds) if row else EMPTY

    rows = [
        (source_name(source), number == 0, [cell(source, lang) for lang in langs])
        for group in down
        for number, source in enumerate(group.langs)
    ]
    return Matrix(name, across, rows, _blocks(known, down, across))


def source_name(source: str) -> str:
    """A source in words.

    >>> source_name("en+de")
    'English + German'
    """
    return " + ".join(language_name(tag) for tag in source.split("+"))


def _blocks(
    known: Mapping[tuple[str, str], Mean], down: Sequence[Group], across: Sequence[Group]
) -> list[str]:
    """Means from one group of languages into another; nothing where there is one group only."""
    if len(down) < 2 and len(across) < 2:
        return []
    found = []
    for sources in down:
        for langs in across:
            means = [
                known[source, lang].mean or 0.0
                for source in sources.langs
                for lang in langs.langs
                if (source, lang) in known
            ]
            if means:
                found.append(f"{sources.name} → {langs.name} {share(sum(means) / len(means))}")
    return found
