"""report.html: one self-contained page, made from nothing but the run folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from babelift.evaluate.alignment import STAGES, Pairs, paired
from babelift.files import write_text
from babelift.report import counts, figures, numbers, tables, words
from babelift.report.curves import averaged, learning_curves
from babelift.report.folder import RunFiles, read_run
from babelift.report.mistakes import Mistake, surest_mistakes
from babelift.report.render import command, environment


def write_report(run_dir: str | Path) -> Path:
    """Write `report.html` into a run folder, from what stands in that folder.

    Returns:
        The file.

    Raises:
        RunError: A file of the run is missing or damaged, or the report cannot be written.
    """
    run = read_run(run_dir)
    return write_text(render_report(run), Path(run_dir) / "report.html")


def render_report(run: RunFiles) -> str:
    """The page as text; the same run gives the same page.

    Raises:
        RunError: Vectors or predictions lack a column.
    """
    return environment(autoescape=True).get_template("report.html.j2").render(view(run))


def view(run: RunFiles) -> dict[str, Any]:
    """Everything the page shows, by the template's names."""
    manifest, metrics = run.manifest, run.metrics
    tags = tables.in_order(manifest, list(metrics.languages))
    groups = paired(run.vectors) if run.vectors is not None and run.vectors.height else []
    origins, data = counts.data_rows(manifest)
    return {
        "run": run,
        "manifest": manifest,
        "metrics": metrics,
        "title": words.title(manifest),
        "findings": words.findings(manifest, metrics, run.log),
        "languages": tables.language_rows(manifest, metrics),
        "label_rows": tables.label_rows(manifest, metrics),
        "tags": tags,
        "strips": figures.forest(metrics, tags),
        "confusions": tables.confusions(manifest, metrics),
        "most_labels": tables.MOST_LABELS,
        "mistakes": _mistakes(run, tags),
        "curves": learning_curves(run.log),
        "averaged": averaged(run.log),
        **_vectors(groups),
        "pair_rows": counts.pair_rows(manifest),
        "examples": counts.examples_by_fault(manifest),
        "faults": counts.FAULTS,
        "origins": origins,
        "origin_names": tables.ORIGINS,
        "data_rows": data,
        "leakage": counts.leakage_summary(manifest),
        "barred": manifest.barred(),
        "command": command(manifest.command),
    }


def _mistakes(run: RunFiles, tags: Sequence[str]) -> list[Mistake]:
    if run.predictions is None or run.test is None:
        return []
    found = surest_mistakes(run.predictions, run.test)
    return sorted(
        found, key=lambda mistake: tags.index(mistake.lang) if mistake.lang in tags else len(tags)
    )


def _vectors(groups: Sequence[Pairs]) -> dict[str, Any]:
    langs = list(dict.fromkeys(group.lang for group in groups))
    pictures = [(stage, figures.pair_picture(groups, stage, langs)) for stage in STAGES]
    return {
        "pair_pictures": [(stage, picture) for stage, picture in pictures if picture],
        "pair_colours": [
            (numbers.language_name(lang), number % figures.SERIES)
            for number, lang in enumerate(langs)
        ],
        "alignments": counts.alignment_rows(groups),
        "most_pairs": figures.MOST_PAIRS,
    }
