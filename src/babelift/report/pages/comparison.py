"""A comparison of finished runs: `comparison.json` and its page, made from the run folders."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from babelift.errors import RunError
from babelift.evaluation.comparison import Contrast, compare
from babelift.report import words as verdicts
from babelift.report.cautions import licences, test_origins
from babelift.report.figures import svg
from babelift.report.folder import RunFiles, read_run
from babelift.report.numbers import brackets, language_name, listed, share
from babelift.report.records import Comparison, Contrasted, Effect, Values, check
from babelift.report.render import environment
from babelift.report.tables import Score
from babelift.report.words import Finding, effect, signed, trained_on
from babelift.store import write_json, write_text

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


PAGE: Final = "report.html"
NUMBERS: Final = "comparison.json"

_SHARED: Final = {
    "encoder": "encoders",
    "steps": "numbers of updates",
    "batch_originals": "originals in a batch",
    "learning_rate": "learning rates",
}
"""What training must have in common for arms to be comparable, and what it is called."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Finished runs, what was asked of them, and what came out.

    Attributes:
        runs: Each arm's run.
        links: Where each arm's report is, seen from the page.
        comparison: The numbers.
        title: The page's headline.
        notes: What a reader must know of the data, as sentences.
    """

    runs: Mapping[str, RunFiles]
    links: Mapping[str, str]
    comparison: Comparison
    title: str
    notes: Sequence[str] = ()

    def findings(self) -> list[Finding]:
        """The comparison in sentences, the answer first."""
        return [
            *(Finding("answer", text) for text in verdicts.answers(self.comparison)),
            *(Finding("result", text) for text in verdicts.comparison_results(self.comparison)),
            *(Finding("caution", text) for text in self._cautions()),
        ]

    def _cautions(self) -> list[str]:
        first = next(iter(self.runs.values()))
        terms = [text for run in self.runs.values() for text in licences(run.manifest)]
        return [
            *self.notes,
            *_unlike(self.runs),
            *test_origins(first.metrics),
            *verdicts.comparison_cautions(self.comparison),
            *dict.fromkeys(terms),
        ]


def write_comparison(
    folder: str | Path,
    runs: Mapping[str, Path],
    contrasts: Sequence[Contrast],
    *,
    title: str,
    notes: Sequence[str] = (),
    metric: str = "f1_micro",
) -> Compared:
    """Compare finished runs on the test rows they share; write the numbers and the page.

    Means are over the languages that every arm was wanted for and tested in.

    Args:
        folder: Where `comparison.json` and `report.html` are written.
        runs: The run folder of each arm.
        contrasts: Which arm is measured against which, the main question first.
        title: The page's headline.
        notes: What a reader must know of the data, as sentences.
        metric: `f1_micro` or `f1_macro`.

    Raises:
        RunError: A file of a run is missing or damaged, or the runs do not fit together.
        DataError: The runs were not tested on the same rows.
        ConfigError: A contrast names an arm that is not there.
    """
    folder = Path(folder)
    found = {arm: read_run(path) for arm, path in runs.items()}
    numbers = _compare(found, contrasts, metric)
    compared = Compared(
        runs=found,
        links={
            arm: Path(os.path.relpath(path / PAGE, folder)).as_posix() for arm, path in runs.items()
        },
        comparison=check(Comparison, numbers, NUMBERS),
        title=title,
        notes=notes,
    )
    write_json(numbers, folder / NUMBERS)
    write_text(render_comparison(compared), folder / PAGE)
    return compared


def _compare(
    runs: Mapping[str, RunFiles], contrasts: Sequence[Contrast], metric: str
) -> dict[str, Any]:
    labels = {arm: run.metrics.labels for arm, run in runs.items()}
    first = next(iter(labels))
    for arm, own in labels.items():
        if own != labels[first]:
            raise RunError(
                f"the runs of '{first}' and '{arm}' have other labels: {', '.join(labels[first])} "
                f"and {', '.join(own)}.",
                "Arms can only be compared where they learnt the same task.",
            )
    tables = {}
    for arm, run in runs.items():
        if run.predictions is None:
            raise RunError(
                f"the run of '{arm}' has no predictions.parquet.", "Run its command again."
            )
        tables[arm] = run.predictions
    over = [
        lang
        for lang in runs[first].manifest.to
        if all(lang in run.manifest.to and lang in run.metrics.languages for run in runs.values())
    ]
    return compare(tables, labels[first], contrasts, over=over, metric=metric)


def render_comparison(compared: Compared) -> str:
    """The page as text; the same runs give the same page."""
    comparison = compared.comparison
    return (
        environment(autoescape=True)
        .get_template("comparison.html.j2")
        .render(
            title=compared.title,
            babelift=next(iter(compared.runs.values())).manifest.babelift,
            date=max(run.manifest.finished or "" for run in compared.runs.values())[:10],
            findings=compared.findings(),
            metric=verdicts.METRICS[comparison.metric],
            percent=f"{100 * comparison.level:g} %",
            comparison=comparison,
            chance=_chance(compared),
            forests=forests(comparison),
            arms=list(comparison.arms),
            baselines=[listed(arms) for arms, _ in comparison.baselines()],
            rows=score_rows(comparison),
            runs=[_run_row(arm, run, compared.links[arm]) for arm, run in compared.runs.items()],
            settings=settings(compared.runs),
        )
    )


def _chance(compared: Compared) -> str:
    """What always giving the most frequent test label would score; empty where not known."""
    if compared.comparison.metric != "f1_micro":
        return ""
    languages = next(iter(compared.runs.values())).metrics.languages.values()
    levels = sorted({share(scores.majority()) for scores in languages})
    return " to ".join(dict.fromkeys((levels[0], levels[-1]))) if levels else ""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A language of the table of scores, or the mean: a score per arm, then per baseline."""

    name: str
    kind: str
    rows: str
    arms: list[Score]
    baselines: list[Score]


def score_rows(comparison: Comparison) -> list[ScoreRow]:
    """The languages that count, their mean, then the others."""
    others = [lang for lang in comparison.rows if lang not in comparison.over]
    mean = ["mean"] if len(comparison.over) > 1 else []
    baselines = [values for _, values in comparison.baselines()]
    return [
        ScoreRow(
            name="Mean" if tag == "mean" else language_name(tag),
            kind="mean" if tag == "mean" else "target" if tag in comparison.over else "other",
            rows="" if tag == "mean" else f"{comparison.rows[tag]:,}",
            arms=[_score(values, tag) for values in comparison.arms.values()],
            baselines=[_score(values, tag) for values in baselines],
        )
        for tag in (*comparison.over, *mean, *others)
    ]


def _score(values: Values, tag: str) -> Score:
    value = values.mean if tag == "mean" else values.languages[tag]
    return Score(share(value.score), brackets(value.interval)) if value else Score(share(None))


@dataclass(frozen=True, slots=True)
class RunRow:
    """What an arm was trained on, for how long, and where its own report is."""

    arm: str
    link: str
    saw: str
    updates: str
    seconds: float | None


def _run_row(arm: str, run: RunFiles, link: str) -> RunRow:
    training = run.manifest.training
    known = run.manifest.stages.values()
    return RunRow(
        arm=arm,
        link=link,
        saw=trained_on(run.manifest),
        updates=f"{training.steps:,}" if training and training.steps is not None else "–",
        seconds=sum(known) if known else None,
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings in which the arms differ, with each arm's value, and those they share."""

    differ: dict[str, list[str]]
    shared: dict[str, str]


def settings(runs: Mapping[str, RunFiles]) -> Settings:
    """The arms' settings, run folders left out."""
    names = dict.fromkeys(name for run in runs.values() for name in run.settings if name != "out")
    values = {name: [_said(run.settings.get(name)) for run in runs.values()] for name in names}
    return Settings(
        differ={name: own for name, own in values.items() if len(set(own)) > 1},
        shared={name: own[0] for name, own in values.items() if len(set(own)) == 1},
    )


def _said(value: Any) -> str:
    """A setting as a reader would write it.

    >>> _said(["de", "ja"]), _said(None), _said(True), _said([])
    ('de ja', '–', 'yes', '–')
    """
    if isinstance(value, list):
        return " ".join(map(str, value)) or "–"
    return {"None": "–", "True": "yes", "False": "no"}.get(str(value), str(value))


def _unlike(runs: Mapping[str, RunFiles]) -> list[str]:
    """What the arms' trainings do not have in common, although a fair comparison needs it."""
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
    return [f"The arms differ in more than what they were trained on: {listed(faults)}."]
