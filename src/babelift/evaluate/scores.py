"""Scores of predictions as pure functions of arrays: F1, calibration, ordinal distance."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[Any]


def confusion_matrix(true: Counts, predicted: Counts, classes: int) -> Counts:
    """How often each label was taken for each other.

    Args:
        true: `(rows,) int64` label numbers, 0 to `classes - 1`.
        predicted: `(rows,) int64`.
        classes: Number of labels.

    Returns:
        `(classes, classes) int64`; a row per true label, a column per predicted one.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    cells = true * classes + predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def label_counts(confusion: Counts) -> tuple[Counts, Counts, Counts]:
    """Rows per label that were hit, that have the label, and that were given it.

    Args:
        confusion: `(classes, classes)`; a row per true label, a column per predicted one.

    Returns:
        Three arrays `(classes,)`.

    >>> [counts.tolist() for counts in label_counts(np.array([[1, 1], [0, 1]]))]
    [[1, 1], [2, 1], [1, 2]]
    """
    return np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)


def micro_from_counts(hits: Numbers, true: Numbers) -> Floats:
    """F1-micro over all labels, which with one label per row is the accuracy.

    Args:
        hits: `(..., classes)` rows of each label that were predicted right.
        true: `(..., classes)` rows of each label.

    Returns:
        `(...) float64`.
    """
    return np.asarray(hits.sum(axis=-1) / true.sum(axis=-1), dtype=np.float64)


def macro_from_counts(hits: Numbers, true: Numbers, predicted: Numbers) -> Floats:
    """Mean of the labels' F1, over the labels that occur in truth or prediction.

    That is what scikit-learn's `f1_score(average="macro")` does when no labels are named.

    Args:
        hits: `(..., classes)` rows of each label that were predicted right.
        true: `(..., classes)` rows of each label.
        predicted: `(..., classes)` rows that were given each label.

    Returns:
        `(...) float64`.
    """
    either = true + predicted
    f1 = 2 * hits / np.maximum(either, 1)
    return np.asarray(f1.sum(axis=-1) / (either > 0).sum(axis=-1), dtype=np.float64)


def f1_micro(confusion: Counts) -> float:
    """F1-micro over all labels of a `(classes, classes)` confusion matrix: the accuracy.

    >>> f1_micro(np.array([[1, 1], [0, 2]]))
    0.75
    """
    hits, true, _ = label_counts(confusion)
    return float(micro_from_counts(hits, true))


def f1_macro(confusion: Counts) -> float:
    """F1-macro of a `(classes, classes)` confusion matrix, over the labels that occur in it.

    >>> f1_macro(np.array([[1, 1, 0], [0, 2, 0], [0, 0, 0]])) == (2 / 3 + 4 / 5) / 2
    True
    """
    return float(macro_from_counts(*label_counts(confusion)))


def per_label(confusion: Counts, labels: Sequence[str]) -> dict[str, dict[str, float | int]]:
    """Precision, recall, F1 and number of true rows of each label.

    As in scikit-learn with `zero_division=0`, a score that divides by zero is 0.

    >>> scores = per_label(np.array([[1, 1], [0, 1]]), ["no", "yes"])
    >>> scores["yes"] == {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "rows": 1}
    True
    """
    hits, true, predicted = label_counts(confusion)
    return {
        label: {
            "precision": _share(hits[i], predicted[i]),
            "recall": _share(hits[i], true[i]),
            "f1": _share(2 * hits[i], true[i] + predicted[i]),
            "rows": int(true[i]),
        }
        for i, label in enumerate(labels)
    }


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def reliability(
    confidence: Floats, correct: npt.NDArray[np.bool_], bins: int = 15
) -> list[dict[str, float | int]]:
    """Confidence beside accuracy in bins of equal width, empty ones left out.

    Args:
        confidence: `(rows,) float64` probability of the predicted label, 0 to 1.
        correct: `(rows,) bool`.
        bins: Number of bins; a bin holds its upper edge, the first also 0.

    Returns:
        Mean `confidence`, `accuracy` and number of `rows` of each bin, lowest confidence first.

    >>> reliability(np.array([0.9, 0.95]), np.array([True, False]), bins=2)
    [{'confidence': 0.925, 'accuracy': 0.5, 'rows': 2}]
    """
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    number = np.searchsorted(edges, confidence, side="left")
    rows = np.bincount(number, minlength=bins)
    confidences = np.bincount(number, weights=confidence, minlength=bins)
    hits = np.bincount(number, weights=correct, minlength=bins)
    return [
        {
            "confidence": float(confidences[i] / rows[i]),
            "accuracy": float(hits[i] / rows[i]),
            "rows": int(rows[i]),
        }
        for i in np.flatnonzero(rows)
    ]


def expected_calibration_error(
    confidence: Floats, correct: npt.NDArray[np.bool_], bins: int = 15
) -> float:
    """Mean distance between confidence and accuracy, weighted by rows; 0 is perfect, 1 the worst.

    15 bins of equal width as in Guo et al. 2017, "On Calibration of Modern Neural Networks", so
    that the figure can be held against published ones. It looks at the predicted label only and
    is biased upwards where rows are few.

    Args:
        confidence: `(rows,) float64` probability of the predicted label.
        correct: `(rows,) bool`.
        bins: Number of bins.

    >>> round(expected_calibration_error(np.array([0.9, 0.95]), np.array([True, False])), 3)
    0.525
    """
    parts = reliability(confidence, correct, bins)
    distance = sum(abs(part["confidence"] - part["accuracy"]) * part["rows"] for part in parts)
    return float(distance / len(confidence))


def mean_absolute_error(confusion: Counts, values: Floats) -> float:
    """Mean distance between the predicted and the true label, in the labels' own unit.

    Args:
        confusion: `(classes, classes)`.
        values: `(classes,) float64` what each label stands for, e.g. its number of stars.

    >>> mean_absolute_error(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 2]]), np.array([1.0, 2.0, 3.0]))
    0.4
    """
    distance = np.abs(values[:, None] - values[None, :])
    return float((confusion * distance).sum() / confusion.sum())


def quadratic_weighted_kappa(confusion: Counts) -> float | None:
    """Agreement beyond chance, with errors weighted by the square of their distance in ranks.

    Cohen 1968, "Weighted kappa"; scikit-learn's `cohen_kappa_score(weights="quadratic")`.

    Returns:
        1 for perfect, 0 for chance, below 0 for worse; None where truth and prediction are one
        and the same single label, which leaves it undefined.

    >>> quadratic_weighted_kappa(np.array([[2, 0], [0, 2]]))
    1.0
    """
    ranks = np.arange(len(confusion))
    weights = (ranks[:, None] - ranks[None, :]) ** 2
    expected = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / confusion.sum()
    chance = float((weights * expected).sum())
    return 1.0 - float((weights * confusion).sum()) / chance if chance else None


def label_values(labels: Sequence[str]) -> Floats:
    """What ordered labels stand for: their numbers where all are numbers, else their ranks.

    >>> label_values(["1", "2", "5"]).tolist(), label_values(["bad", "good"]).tolist()
    ([1.0, 2.0, 5.0], [0.0, 1.0])
    """
    try:
        values = np.array([float(label) for label in labels])
    except ValueError:
        values = np.array([np.nan])
    return values if np.isfinite(values).all() else np.arange(len(labels), dtype=np.float64)
