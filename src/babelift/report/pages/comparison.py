"""The page of a comparison, beside its record `comparison.json`."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markupsafe import Markup

from babelift import __version__
from babelift.evaluation.comparison import Comparison, Contrast
from babelift.redaction import shown
from babelift.report import comparison as sentences
from babelift.report.cautions import licences, test_origins
from babelift.report.comparison import Effect, Wording, effect
from babelift.report.figures import dot, level, short, svg, upright
from babelift.report.folder import RunFiles, read_run
from babelift.report.numbers import (
    direction,
    language_name,
    listed,
    p_value,
    setting_text,
    share,
    signed,
)
from babelift.report.render import environment
from babelift.report.words import Finding, trained_on
from babelift.store import write_record, write_text

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
        what: What the arm has more than its base.
        strips: A row for each language, and one for the mean.
        p: Their p after Holm, in the same order.
        margins: Where they stand against the margin, in the same order; empty without one.
        ticks: Places (percent) and words of the axis.
    """

    contrast: Contrast
    what: str
    strips: list[Strip]
    p: list[str]
    margins: list[tuple[str, str]]
    ticks: list[tuple[float, str]]


def forests(page: "ComparisonPage") -> list[Forest]:
    """The plot of every contrast, all on one axis so that they compare by eye."""
    comparison, plots = page.comparison, []
    reach = reach_of(
        difference
        for contrast in comparison.contrasts
        for difference in (*contrast.languages.values(), contrast.mean)
    )
    others = [lang for lang in comparison.rows if lang not in comparison.over]
    for contrast, wording in zip(comparison.contrasts, page.words, strict=True):
        each, claims = contrast.languages, contrast.claims
        shown = [
            (language_name(lang), each[lang], "target", claims[lang]) for lang in comparison.over
        ]
        if len(comparison.over) > 1:
            shown.append(("Mean", contrast.mean, "mean", contrast.claim))
        shown += [(language_name(lang), each[lang], "other", claims[lang]) for lang in others]
        strips = [
            strip(
                name,
                difference,
                kind,
                reach,
                sure=claim.verdict != "not sure",
                margin=comparison.margin,
            )
            for name, difference, kind, claim in shown
        ]
        plots.append(
            Forest(
                contrast=contrast,
                what=wording.what,
                strips=strips,
                p=[p_value(claim.adjusted_p) for *_, claim in shown],
                margins=[
                    (sentences.margin_interval(claim.margin, comparison), claim.margin.verdict)
                    for *_, claim in shown
                    if claim.margin
                ],
                ticks=ticks(reach),
            )
        )
    return plots


def reach_of(effects: Iterable[Effect]) -> float:
    """The shortest axis that holds every interval.

    >>> reach_of([])
    0.04
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


def strip(
    name: str,
    shown: Effect,
    kind: str,
    reach: float,
    digits: int | None = None,
    *,
    sure: bool | None = None,
    margin: float | None = None,
) -> Strip:
    """One difference on an axis that reaches as far to both sides of zero.

    Args:
        name: Of the row.
        shown: The difference.
        kind: `target`, `other` or `mean`.
        reach: How far the axis reaches.
        digits: Of its words; by default those of `digits_for`.
        sure: Whether its dot is full; by default where its interval holds no zero.
        margin: Where lines are drawn to either side of zero.
    """
    y = 16

    def place(value: float) -> str:
        return short(50 + 50 * value / reach)

    sure = bool(direction(shown.interval)) if sure is None else sure
    edges = [-margin, margin] if margin and margin < reach else []
    marks = [
        *(upright("grid", x) for x in (0, 25, 75, 100)),
        upright("zero", 50),
        *(upright("margin", place(edge)) for edge in edges),
        level("whisker encoder", map(place, shown.interval), y),
        dot("encoder" if sure else "encoder unsure", place(shown.delta), y),
    ]
    words = effect(shown, digits)
    figure = svg(f"{name}: {words}", Markup().join(marks), height=2 * y, css="strip")
    return Strip(name, words, kind, figure)


NUMBERS: Final = "comparison.json"
FILES: Final = (NUMBERS, "comparison.html")

_SHARED: Final = {
    "encoder": "encoders",
    "steps": "numbers of updates",
    "batch_originals": "originals in a batch",
    "learning_rate": "learning rates",
}
"""What trainings must have in common to be comparable, and what it is called."""


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """A comparison with what its page shows beside the numbers.

    Attributes:
        comparison: The numbers.
        words: What each contrast is called in sentences.
        runs: The runs among the sides, by name.
        title: The page's headline.
        notes: What a reader must know of the data, as sentences.
    """

    comparison: Comparison
    words: Sequence[Wording]
    runs: Mapping[str, RunFiles]
    title: str
    notes: Sequence[str] = ()

    def findings(self) -> list[Finding]:
        """The comparison in sentences, the answer first."""
        first = next(iter(self.runs.values()), None)
        terms = [text for run in self.runs.values() for text in licences(run.manifest)]
        doubts = [
            *self.notes,
            *_unlike(self.runs),
            *(test_origins(first.metrics) if first else ()),
            *sentences.cautions(self.comparison),
            *dict.fromkeys(terms),
        ]
        return [
            *(Finding("answer", text) for text in sentences.answers(self.comparison, self.words)),
            *(Finding("result", text) for text in sentences.results(self.comparison, self.words)),
            *(Finding("caution", text) for text in doubts),
        ]


def comparison_page(
    comparison: Comparison,
    *,
    words: Sequence[Wording] | None = None,
    title: str = "",
    notes: Sequence[str] = (),
) -> ComparisonPage:
    """A comparison with the runs among its sides, read from their folders.

    Args:
        comparison: The numbers.
        words: What each contrast is called in sentences; by default as its sides.
        title: The page's headline; by default the question that was asked.
        notes: What a reader must know of the data, as sentences.

    Raises:
        RunError: A file of a run is damaged.
    """
    folders = {
        side.name: Path(side.source)
        for side in comparison.sides
        if side.source and (Path(side.source) / "manifest.json").is_file()
    }
    return ComparisonPage(
        comparison=comparison,
        words=words or sentences.wordings(comparison),
        runs={name: read_run(folder) for name, folder in folders.items()},
        title=title or _title(comparison),
        notes=notes,
    )


def _title(comparison: Comparison) -> str:
    first, *others = [side.name for side in comparison.sides]
    if comparison.about == "weights":
        return f"{listed([first, *others])}: one training each"
    if comparison.margin is not None:
        return f"Is {' or '.join(others)} as good as {first}?"
    return f"Is {' or '.join(others)} better than {first}?"


def write_comparison(page: ComparisonPage, folder: Path, name: str = FILES[1]) -> Path:
    """Write `comparison.json` and the page; the same comparison gives the same files.

    Returns:
        The page.
    """
    write_record(page.comparison, folder / NUMBERS)
    return write_text(render_comparison(page, folder), folder / name)


def render_comparison(page: ComparisonPage, folder: Path) -> str:
    """The page as text, with links to the runs' own reports as seen from a folder."""
    comparison = page.comparison
    reports = {
        side.name: _link(Path(side.source) / "report.html", folder)
        for side in comparison.sides
        if side.source and side.name in page.runs
    }
    finished = [run.manifest.finished or "" for run in page.runs.values()]
    return (
        environment(autoescape=True)
        .get_template("comparison.html.j2")
        .render(
            title=page.title,
            babelift=__version__,
            date=max(finished, default="")[:10],
            findings=page.findings(),
            percent=f"{100 * comparison.level:g} %",
            comparison=comparison,
            weights=comparison.about == "weights",
            margin=sentences.margin_of(comparison),
            chance=_chance(page.runs),
            forests=forests(page),
            sides=[side.name for side in comparison.sides],
            baselines=[listed(baseline.sides) for baseline in comparison.baselines],
            rows=sentences.score_rows(comparison),
            runs=[_run_row(name, run, reports[name]) for name, run in page.runs.items()],
            settings=settings(page.runs),
        )
    )


def _link(report: Path, folder: Path) -> str:
    """A run's report as seen from a folder; empty where the way there leads through a home."""
    link = Path(os.path.relpath(report, folder)).as_posix()
    return link if shown(link) == link else ""


def _chance(runs: Mapping[str, RunFiles]) -> str:
    """What always giving the most frequent test label would score; empty where not known."""
    first = next(iter(runs.values()), None)
    if first is None or not first.metrics.languages:
        return ""
    levels = sorted({share(scores.majority()) for scores in first.metrics.languages.values()})
    return " to ".join(dict.fromkeys((levels[0], levels[-1])))


@dataclass(frozen=True, slots=True)
class RunRow:
    """What a run was trained on, for how long, and where its own report is."""

    name: str
    link: str
    saw: str
    updates: str
    seconds: float | None


def _run_row(name: str, run: RunFiles, link: str) -> RunRow:
    training = run.manifest.training
    known = run.manifest.stages.values()
    return RunRow(
        name=name,
        link=link,
        saw=trained_on(run.manifest),
        updates=f"{training.steps:,}" if training and training.steps is not None else "–",
        seconds=sum(known) if known else None,
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings in which the runs differ, with each run's value, and those they share."""

    differ: dict[str, list[str]]
    shared: dict[str, str]


def settings(runs: Mapping[str, RunFiles]) -> Settings:
    """The runs' settings, run folders left out."""
    names = dict.fromkeys(name for run in runs.values() for name in run.settings if name != "out")
    values = {
        name: [setting_text(run.settings.get(name)) for run in runs.values()] for name in names
    }
    return Settings(
        differ={name: own for name, own in values.items() if len(set(own)) > 1},
        shared={name: own[0] for name, own in values.items() if len(set(own)) == 1},
    )


def _unlike(runs: Mapping[str, RunFiles]) -> list[str]:
    """What the trainings do not have in common, although a fair comparison needs it."""
    faults = []
    seeds = {run.manifest.seed for run in runs.values()}
    if len(seeds) > 1:
        faults.append(f"seeds ({', '.join(map(str, sorted(map(str, seeds))))})")
    for field, name in _SHARED.items():
        values = [str(getattr(run.manifest.training, field, None)) for run in runs.values()]
        if len(set(values)) > 1:
            faults.append(f"{name} ({', '.join(dict.fromkeys(values))})")
    if not faults:
        return []
    return [f"The runs differ in more than the rows they were trained on: {listed(faults)}."]
