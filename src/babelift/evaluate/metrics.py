"""Every score of a table of predictions, per language: what metrics.json holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from babelift.evaluate.intervals import bootstrap_f1
from babelift.evaluate.rows import BASELINE, check_predictions
from babelift.evaluate.scores import (
    Counts,
    confusion_matrix,
    expected_calibration_error,
    f1_macro,
    f1_micro,
    label_values,
    mean_absolute_error,
    per_label,
    quadratic_weighted_kappa,
    reliability,
)


def evaluate_predictions(
    predictions: pl.DataFrame,
    labels: Sequence[str],
    *,
    ordinal: bool,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Every score of a table of predictions, per language.

    With one label per row F1-micro over all labels is the accuracy: every false positive of one
    label is the false negative of another. F1-macro is the mean of F1 over the labels that occur,
    in truth or prediction, in that language. Intervals are 95 % bootstrap percentile intervals
    over items (`group_id`), so rows of one item stay together; they say how much the score owes to
    the choice of test rows, and nothing about the seed of the training.

    Args:
        predictions: One row per text, as `predictions.make_predictions` makes them or as another
            tool wrote them. Needs `label`, `prediction` and `lang`; `group_id`, `origin`, `model`
            and `probability` (or one `p_<label>` column per label) where there are any. Rows whose
            `model` is `linear` are the baseline's.
        labels: All labels, in order.
        ordinal: Whether the labels are ordered, so that MAE and QWK have a meaning.
        seed: Seed of the bootstrap.
        resamples: Bootstrap resamples.

    Returns:
        `{"labels", "ordinal", "languages": {lang: scores}, "linear": {lang: scores}, "mean"}`, fit
        for JSON; `mean` is over languages, each counted once. `calibration_error` is None and
        `reliability` empty where the table has no probabilities.

    Raises:
        DataError: A column is missing, or a row has an unknown label or an impossible probability.
        LanguageError: A row's language is not known.

    >>> table = pl.DataFrame({"lang": ["de", "de"], "label": ["a", "b"], "prediction": ["a", "a"]})
    >>> evaluate_predictions(table, ["a", "b"], ordinal=False)["languages"]["de"]["f1_micro"]
    0.5
    """
    table = check_predictions(predictions, labels)
    is_linear = table["model"] == BASELINE
    parts = {"languages": table.filter(~is_linear), "linear": table.filter(is_linear)}
    scores = {
        name: {
            str(lang): _language(rows, labels, ordinal, seed, resamples)
            for (lang,), rows in part.sort("lang").group_by("lang", maintain_order=True)
        }
        for name, part in parts.items()
    }
    per_language = list(scores["languages"].values())
    mean: dict[str, float | int | None] = {
        name: float(np.mean([score[name] for score in per_language])) if per_language else None
        for name in ("f1_micro", "f1_macro")
    }
    mean["languages"] = len(per_language)
    return {"labels": list(labels), "ordinal": ordinal, **scores, "mean": mean}


def _language(
    rows: pl.DataFrame, labels: Sequence[str], ordinal: bool, seed: int, resamples: int
) -> dict[str, Any]:
    classes = len(labels)
    true, predicted = _numbers(rows["label"], labels), _numbers(rows["prediction"], labels)
    confusion = confusion_matrix(true, predicted, classes)
    intervals = bootstrap_f1(
        true, predicted, classes, rows["group_id"].to_list(), resamples=resamples, seed=seed
    )
    origins = rows["origin"].unique().to_list()
    scores: dict[str, Any] = {
        "f1_micro": f1_micro(confusion),
        "f1_micro_interval": intervals.micro,
        "f1_macro": f1_macro(confusion),
        "f1_macro_interval": intervals.macro,
        "rows": rows.height,
        "origin": origins[0] if len(origins) == 1 else "mixed",
        "calibration_error": None,
        "reliability": [],
        "confusion": confusion.tolist(),
        "per_label": per_label(confusion, labels),
    }
    if rows["probability"].null_count() == 0:
        confidence, correct = rows["probability"].to_numpy(), true == predicted
        scores["calibration_error"] = expected_calibration_error(confidence, correct)
        scores["reliability"] = reliability(confidence, correct)
    if ordinal:
        scores["mae"] = mean_absolute_error(confusion, label_values(labels))
        scores["qwk"] = quadratic_weighted_kappa(confusion)
    return scores


def _numbers(column: pl.Series, labels: Sequence[str]) -> Counts:
    return column.replace_strict(list(labels), range(len(labels)), return_dtype=pl.Int64).to_numpy()
