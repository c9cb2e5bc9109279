"""report.html: one self-contained page, made from nothing but the run folder."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from markupsafe import Markup

from babelift.errors import RunError
from babelift.evaluation.alignment import STAGES, Alignment, Pairs, alignment, paired
from babelift.report import figures, tables, words
from babelift.report.figures import MOST_POINTS, SERIES, Line, Point, curve, thinned
from babelift.report.folder import RunFiles, read_run
from babelift.report.numbers import language_name
from babelift.report.render import environment
from babelift.store import write_text
from babelift.translation.checks import FAULTS

if TYPE_CHECKING:
    import polars as pl

MOST_LABELS: Final = 20
"""Labels that look wrong of which the page shows the text."""

_FLAGS: Final[Mapping[str, str]] = {
    **FAULTS,
    "truncated": "cut short",
    "missing": "no translation",
}
"""What a fault found in a translation means."""


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
    manifest, metrics = run.manifest, run.metrics
    tags = tables.in_order(manifest, list(metrics.languages))
    pairs = paired(run.vectors) if run.vectors is not None and run.vectors.height else []
    langs = list(dict.fromkeys(group.lang for group in pairs))
    pictures = [(stage, figures.pair_picture(pairs, stage, langs)) for stage in STAGES]
    return (
        environment(autoescape=True)
        .get_template("report.html.j2")
        .render(
            run=run,
            manifest=manifest,
            metrics=metrics,
            title=words.title(manifest),
            findings=words.findings(manifest, metrics, run.log),
            languages=tables.language_rows(manifest, metrics),
            tags=tags,
            strips=figures.forest(metrics, tags),
            confusions=tables.confusions(manifest, metrics),
            most_labels=tables.MOST_LABELS,
            mistakes=sorted(
                surest_mistakes(run),
                key=lambda mistake: tags.index(mistake.lang) if mistake.lang in tags else len(tags),
            ),
            label_errors=[]
            if run.label_errors is None
            else run.label_errors.head(MOST_LABELS).to_dicts(),
            curves=learning_curves(run.log),
            averaged=averaged(run.log),
            pair_pictures=[(stage, picture) for stage, picture in pictures if picture],
            pair_colours=[(lang, number % figures.SERIES) for number, lang in enumerate(langs)],
            alignments=alignments(pairs),
            most_pairs=figures.MOST_PAIRS,
            faults=_FLAGS,
            data=tables.data_rows(manifest),
            origin_names=tables.ORIGINS,
        )
    )


def alignments(pairs: Sequence[Pairs]) -> dict[str, dict[str, Alignment]]:
    """How pairs of each `source>target` lie at each stage, `before` and `after` training."""
    measured: dict[str, dict[str, Alignment]] = {}
    for group in pairs:
        stages = measured.setdefault(f"{group.source_lang}>{group.lang}", {})
        stages[group.stage] = alignment(group.originals, group.translations)
    return measured


Log = Sequence[Mapping[str, Any]]

_STEP_CURVES: Final = (
    ("ce", "Cross-entropy", "Loss on the labels; lower is better.", None),
    ("otc", "OTC", "Contrastive loss on the pairs; lower is better.", None),
    ("positive_cosine", "Positive cosine", "Mean cosine of an original and its translation.",
     (0.0, 1.0)),
    ("retrieval_at_1", "In-batch retrieval@1",
     "Share of originals whose nearest translation in the batch is their own.", (0.0, 1.0)),
    ("learning_rate", "Learning rate", "How far each update goes.", None),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure with its heading, its explanation and, for several lines, their names."""

    heading: str
    note: str
    figure: Markup
    legend: tuple[tuple[str, int], ...] = ()


def learning_curves(log: Log) -> list[Curve]:
    """Every curve for which the log has values."""
    steps = [entry for entry in log if entry.get("kind") == "step"]
    curves = []
    for key, heading, note, bounds in _STEP_CURVES:
        points = values(steps, "step", key)
        if points:
            line = Line(thinned(points), name=heading)
            if bounds and min(y for _, y in points) < bounds[0]:
                bounds = (-1.0, 1.0)
            curves.append(Curve(heading, note, curve(heading, [line], bounds=bounds)))
    return [*curves, *_validation([entry for entry in log if entry.get("kind") == "validation"])]


def averaged(log: Log) -> int:
    """How many steps one drawn point stands for."""
    steps = sum(1 for entry in log if entry.get("kind") == "step")
    return max(1, math.ceil(steps / MOST_POINTS))


def values(entries: Log, across: str, up: str) -> list[Point]:
    """The finite points of two keys of the log.

    >>> values([{"step": 1, "ce": 2.0}, {"step": 2, "ce": None}], "step", "ce")
    [(1.0, 2.0)]
    """
    points = [(entry.get(across), entry.get(up)) for entry in entries]
    return [(float(x), float(y)) for x, y in points if _number(x) and _number(y)]


def _number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _validation(entries: Log) -> list[Curve]:
    scores: dict[str, list[Point]] = {}
    for entry in entries:
        by_language = entry.get("f1_micro")
        for lang, score in by_language.items() if isinstance(by_language, Mapping) else ():
            if _number(score) and _number(entry.get("epoch")):
                scores.setdefault(str(lang), []).append((float(entry["epoch"]), float(score)))
    if not scores:
        return []
    if len(scores) > SERIES:
        lines = [Line(tuple(values(entries, "epoch", "mean")), name="Mean")]
    else:
        lines = [
            Line(tuple(points), number, name=language_name(lang))
            for number, (lang, points) in enumerate(scores.items())
        ]
    heading = "F1-micro on validation rows"
    figure = curve(heading, lines, bounds=(0.0, 1.0), unit="epoch")
    legend = tuple((line.name, line.colour) for line in lines) if len(lines) > 1 else ()
    note = "After each epoch; the best one is kept."
    if len(lines) == 1:
        note = f"{lines[0].name}, after each epoch; the best one is kept."
    return [Curve(heading, note, figure, legend)]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong prediction."""

    lang: str
    label: str
    prediction: str
    probability: float
    text: str


def surest_mistakes(run: RunFiles, per_language: int = 2) -> list[Mistake]:
    """The wrong predictions with the highest probability, a few per language.

    Args:
        run: None are found where it lacks predictions or test rows.
        per_language: At most so many of each language.

    Raises:
        RunError: A column is missing.
    """
    import polars as pl

    if run.predictions is None or run.test is None:
        return []
    shown = ["lang", "label", "prediction", "probability"]
    _require(run.predictions, ["id", "model", *shown], "predictions.parquet")
    _require(run.test, ["id", "text"], "data/test.parquet")
    wrong = (
        run.predictions.filter(
            (pl.col("model") == "encoder")
            & (pl.col("prediction") != pl.col("label"))
            & pl.col("probability").is_not_null()
        )
        .sort(["probability", "id"], descending=[True, False])
        .group_by("lang", maintain_order=True)
        .head(per_language)
        .join(
            run.test.select("id", "text").unique("id"), on="id", how="inner", maintain_order="left"
        )
        .select(*shown, "text")
    )
    return [Mistake(*row) for row in wrong.iter_rows()]


def _require(frame: "pl.DataFrame", columns: list[str], where: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise RunError(
            f"{where}: column '{missing[0]}' is missing.",
            "Run the same 'babelift fit' command again, or delete the file to do without it.",
        )
