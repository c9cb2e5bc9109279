"""Learning curves: which lines of the training log make which figure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from markupsafe import Markup

from babelift.report.figures import MOST_POINTS, SERIES, Point, Series, curve, thinned
from babelift.report.numbers import language_name

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
    found = []
    for key, heading, note, bounds in _STEP_CURVES:
        points = values(steps, "step", key)
        if points:
            line = Series(heading, thinned(points))
            if bounds and min(y for _, y in points) < bounds[0]:
                bounds = (-1.0, 1.0)
            found.append(Curve(heading, note, curve(heading, [line], bounds=bounds)))
    return [*found, *_validation([entry for entry in log if entry.get("kind") == "validation"])]


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
        lines = [Series("Mean", tuple(values(entries, "epoch", "mean")))]
    else:
        lines = [
            Series(language_name(lang), tuple(points), number)
            for number, (lang, points) in enumerate(scores.items())
        ]
    heading = "F1-micro on validation rows"
    figure = curve(heading, lines, bounds=(0.0, 1.0), unit="epoch")
    legend = tuple((line.name, line.colour) for line in lines) if len(lines) > 1 else ()
    note = "After each epoch; the best one is kept."
    if len(lines) == 1:
        note = f"{lines[0].name}, after each epoch; the best one is kept."
    return [Curve(heading, note, figure, legend)]
