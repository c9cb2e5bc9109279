"""A study's tables: its conditions as columns, heat tables of scores, and matrices of sources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from babelift.report.numbers import (
    UNKNOWN,
    language_name,
    share,
)
from babelift.study.condition import Condition
from babelift.study.spec import OFF
from babelift.study.summary import Mean, StudyResult

MEANINGS: Final = {
    "zero-shot": "trained on the rows of the source language alone",
    "translated": "trained on the source's rows and their translations into the test language",
    "original": "trained on labelled rows of the test language itself",
    "original+translated": "trained on the test language's own rows and on translations",
    "translate-test": "trained on the source's rows; the test text is translated into the source",
    "round-trip": "trained on the source's rows and on these, translated into the test languages "
    "and back",
    "both-views": "trained on the source's rows; the probabilities of the test text and of its "
    "translation into the source are averaged",
    "translated+both-views": "trained as translated, tested as both-views",
    "self-trained": "trained on the source's rows, then also on unlabelled rows of the test "
    "languages with labels that the model gave them",
    "reference": "as translated, with the data set's own trusted translations",
}
"""What the arms stand for."""

EAST_ASIAN: Final = frozenset({"ja", "zh", "ko", "yue"})
_EUROPEAN: Final = (
    "en de es fr it pt nl sv da no is fi et lv lt pl cs sk sl hr sr bs mk bg ro hu el sq uk ru be "
    "ga gd cy br eu ca gl ast oc lb mt fy yi eo"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A condition as a column of a table.

    Attributes:
        condition: The condition.
        details: In what it differs from the other columns of its arm.
    """

    condition: Condition
    details: tuple[str, ...]

    @property
    def name(self) -> str:
        """Arm and details in one line."""
        more = ", ".join(self.details)
        return f"{self.condition.arm} ({more})" if more else self.condition.arm


def columns(conditions: Iterable[Condition]) -> list[Column]:
    """Conditions as columns, those of an arm beside each other.

    >>> from dataclasses import replace
    >>> plain = Condition(arm="translated", ratio="1:1", translator="mini")
    >>> both = [plain, Condition(arm="zero-shot"), replace(plain, otc="on")]
    >>> [column.name for column in columns(both)]
    ['translated (no OTC)', 'translated (OTC)', 'zero-shot']
    """
    known = list(dict.fromkeys(conditions))
    arms = list(dict.fromkeys(condition.arm for condition in known))
    ordered = sorted(known, key=lambda condition: arms.index(condition.arm))
    return [Column(condition, details(condition, ordered)) for condition in ordered]


def details(condition: Condition, others: Sequence[Condition]) -> tuple[str, ...]:
    """In what a condition differs from others of its arm."""
    own = [other for other in others if other.arm == condition.arm]
    parts = []
    for name, unit in (("encoder", ""), ("translator", ""), ("rows", " rows"), ("ratio", "")):
        value = getattr(condition, name)
        if any(getattr(other, name) != value for other in own):
            parts.append("all rows" if value is None and unit else f"{value}{unit}")
    if any(other.otc != condition.otc for other in own):
        parts.append(otc_name(condition.otc))
    return tuple(parts)


def otc_name(otc: str) -> str:
    """What an OTC is called in a table.

    >>> otc_name("off"), otc_name("on"), otc_name("shuffled")
    ('no OTC', 'OTC', 'OTC: shuffled')
    """
    return {OFF: "no OTC", "on": "OTC"}.get(otc, f"OTC: {otc}")


@dataclass(frozen=True, slots=True)
class Group:
    """Languages that are shown together."""

    name: str
    langs: tuple[str, ...]


def groups(langs: Sequence[str]) -> list[Group]:
    """European and East Asian languages apart, then all others; empty groups are left out.

    >>> [(group.name, group.langs) for group in groups(["ja", "en", "zh", "de"])]
    [('European', ('en', 'de')), ('East Asian', ('ja', 'zh'))]
    """
    of = {
        lang: "East Asian"
        if lang in EAST_ASIAN
        else "European"
        if lang in _EUROPEAN.split()
        else "Other"
        for lang in langs
    }
    families = (
        Group(name, tuple(lang for lang in langs if of[lang] == name))
        for name in ("European", "East Asian", "Other")
    )
    return [group for group in families if group.langs]


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
        ends: Smallest and largest mean of the table: the ends of the colours.
    """

    name: str
    meaning: str
    arms: list[tuple[str, int]]
    columns: list[Column]
    detailed: bool
    rows: list[tuple[str, bool, list[Heat]]]
    ends: tuple[str, str]


def heat_tables(study: StudyResult) -> list[HeatTable]:
    """A table for each metric that the study measured, F1-micro first."""
    known = {row.metric for row in study.means}
    names = [name for name in METRICS if name in known]
    return [_heat_table(study, name) for name in names]


def _heat_table(study: StudyResult, metric: str) -> HeatTable:
    rows = [row for row in study.means if row.metric == metric]
    shown = columns(row.condition for row in rows)
    langs = in_order(study, [row.lang for row in rows if row.lang is not None])
    known = {(row.condition, row.lang): row for row in rows}
    means = [row.mean for row in rows if row.mean is not None]
    low, high = (min(means), max(means)) if means else (0.0, 0.0)
    seeds = max((row.seeds for row in rows), default=1)

    def cells(lang: str | None) -> list[Heat]:
        means_across = [known.get((column.condition, lang)) for column in shown]
        return [
            EMPTY if mean is None or (lang is None and mean.langs < len(langs))
            else heat(mean, low, high, seeds)
            for mean in means_across
        ]  # fmt: skip

    table = [(language_name(lang), False, cells(lang)) for lang in langs]
    if len(langs) > 1:
        table.append(("Mean", True, cells(None)))
    arms = [
        (arm, len(list(own))) for arm, own in groupby(shown, lambda column: column.condition.arm)
    ]
    name, meaning = METRICS[metric]
    return HeatTable(
        name, meaning, arms, shown, any(column.details for column in shown), table,
        (share(low), share(high)),
    )  # fmt: skip


def heat(row: Mean, low: float, high: float, seeds: int) -> Heat:
    """A mean with its spread over seeds, coloured by where it lies between two ends.

    >>> row = Mean(arm="x", lang="de", metric="f1_micro", mean=0.5, spread=0.021, seeds=3)
    >>> heat(row, 0.4, 0.6, 5)
    Heat(value='.50', spread='±.02', note='3 of 5 seeds', level=0.5)
    """
    if row.mean is None:
        return EMPTY
    level = (row.mean - low) / (high - low) if high > low else 0.0
    spread = f"±{share(row.spread)}" if row.spread is not None and row.seeds > 1 else ""
    fewer = f"{row.seeds} of {seeds} seeds" if row.seeds < seeds else ""
    return Heat(share(row.mean), spread, fewer, round(min(max(level, 0.0), 1.0), 3))


def in_order(study: StudyResult, langs: Sequence[str]) -> list[str]:
    """Languages in the order of the study's targets, others after them."""
    targets = [str(lang) for lang in study.settings.get("targets", [])]
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


def matrices(study: StudyResult) -> list[Matrix]:
    """A matrix for every condition that was tried from several sources; empty where none was."""
    rows = [row for row in study.table if row.metric == MAIN and row.mean is not None]
    by_condition: dict[Condition, dict[tuple[str, str], Mean]] = {}
    for row in rows:
        if row.arm != "original" and row.source and row.lang:
            by_condition.setdefault(row.condition, {})[row.source, row.lang] = row
    compared = {
        condition: known
        for condition, known in by_condition.items()
        if len({source for source, _ in known}) > 1
    }
    means = [row.mean or 0.0 for known in compared.values() for row in known.values()]
    ends = (min(means), max(means)) if means else (0.0, 0.0)
    sources = [str(source) for source in study.settings.get("sources", [])]
    names = {column.condition: column.name for column in columns(compared)}
    return [
        _matrix(names[condition], known, sources, ends) for condition, known in compared.items()
    ]


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
    own = [lang for lang in single if lang in tested]
    across = groups([*own, *(lang for lang in tested if lang not in single)])
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
    blocks = []
    for sources in down:
        for langs in across:
            means = [
                known[source, lang].mean or 0.0
                for source in sources.langs
                for lang in langs.langs
                if (source, lang) in known
            ]
            if means:
                blocks.append(f"{sources.name} → {langs.name} {share(sum(means) / len(means))}")
    return blocks
