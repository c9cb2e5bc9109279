"""What the commands print about a finished run."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from babelift.evaluation.metrics import Metrics
    from babelift.labelling.job import Suggestion
    from babelift.prediction.onnx import Export
    from babelift.report.pages.comparison import ComparisonPage
    from babelift.run.folder import Run
    from babelift.run.manifest import Manifest
    from babelift.study.run import Study


_AT_A_GLANCE: Final = 8
"""Answers of a study that are all printed; of more, those that are sure."""


def show_run(run: "Run") -> None:
    """Print a run's answer in words, its table, and where its files are."""
    from babelift.report.folder import read_run

    show_metrics(run.metrics, run.manifest, read_run(run.folder).log)
    print(f"\nmodel    {run.model}\nreport   {run.report}")


def show_metrics(
    metrics: "Metrics", manifest: "Manifest", log: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Print metrics as sentences and a table."""
    from babelift.report.tables import metrics_table
    from babelift.report.words import findings

    sentences = [finding.text for finding in findings(manifest, metrics, log)]
    _show(sentences, metrics_table(metrics, manifest))


def show_comparison(page: "ComparisonPage") -> None:
    """Print a comparison's answer in words, and its scores."""
    from rich.console import Console

    from babelift.report.comparison import comparison_table

    table = comparison_table(page.comparison, Console().width)
    _show([finding.text for finding in page.findings()], table)


def show_suggestion(suggestion: "Suggestion") -> None:
    """Print which rows were chosen of which languages, what became of the rest, and their worth."""
    from rich import box
    from rich.table import Table

    from babelift.report.numbers import language_name, share

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    table.add_column("Language")
    for heading in ("Rows", "Chosen", "Mean confidence", "F1-micro in the test"):
        table.add_column(heading, justify="right")
    for one in suggestion.languages:
        name = "not known" if one.lang is None else language_name(one.lang)
        scores = (share(one.confidence), share(one.accuracy))
        table.add_row(name, f"{one.candidates:,}", f"{one.chosen:,}", *scores)
    _show(suggestion.sentences(), table)


def show_export(export: "Export") -> None:
    """Print how an export agrees with the classifier that it was made from."""
    from rich import box
    from rich.table import Table

    from babelift.report.numbers import language_name, share

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    table.add_column("Language")
    for heading in ("Rows", "Level", "Same label", "Accuracy before", "after"):
        table.add_column(heading, justify="right")
    for one in export.languages:
        scores = ("–" if score is None else share(score, 3) for score in (one.before, one.after))
        counts = (f"{one.rows:,}", f"{one.level:,}", f"{one.share:.2%}")
        table.add_row(language_name(one.lang), *counts, *scores)
    low = min(one.share for one in export.languages)
    _show(
        [
            f"It gives the labels of its original {low:.2%} of the time or more, in each language, "
            f"on {export.tested}."
            + ("" if export.at_parity else f" That is less than the {export.parity:.2%} asked for.")
        ],
        table,
    )


def show_study(study: "Study") -> None:
    """Print a study's answers in words, and where its results and page are."""
    from babelift.evaluation.multiple_tests import LEVEL
    from babelift.report.decision import decision_sentences
    from babelift.store import read_record
    from babelift.study.summary import StudyResult

    result = read_record(study.folder / "report.json", StudyResult)
    others = [answer for answer in result.answers if not answer.primary]
    shown = [
        answer
        for answer in others
        if len(others) <= _AT_A_GLANCE
        or (answer.adjusted_p is not None and answer.adjusted_p <= LEVEL)
    ]
    sentences = [answer.sentence for answer in shown]
    if left := len(others) - len(shown):
        sentences.append(
            f"{left} more differences were looked at; none of them is sure beside so many. The "
            "report shows all."
        )
    if result.trend:
        sentences.append(result.trend.sentence)
    notes = result.notes[:_AT_A_GLANCE]
    if left := len(result.notes) - len(notes):
        notes.append(f"{left} more notes on the rows stand in the report.")
    decided = decision_sentences(result.decision)
    _show([*result.opening, *decided, *sentences, *result.cautions, *result.failed, *notes])
    for name in ("results.parquet", "predictions.parquet", "report.html"):
        if (study.folder / name).is_file():
            show_file(name.partition(".")[0], study.folder / name)


def _show(sentences: Sequence[str], table: Any = None) -> None:
    from rich.console import Console

    console = Console()
    console.print()
    for sentence in sentences:
        console.print(sentence, markup=False, highlight=False)
    if table is not None:
        console.print()
        console.print(table)


def show_json(value: Any) -> None:
    """Print plain values as JSON, for programs."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def show_file(what: str, path: Path) -> None:
    """Print where something was written."""
    print(f"{what:8} {path}")
