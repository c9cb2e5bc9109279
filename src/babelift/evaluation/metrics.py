"""Scores of predictions per language, how far they could have come out otherwise, and `Metrics`,
the record that holds them in `metrics.json`.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from statistics import NormalDist
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, model_validator

from babelift.evaluation.intervals import Interval, effective_rows, wilson
from babelift.prediction.rows import BASELINE, check_predictions
from babelift.training.cuts import Cut

Counts: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[Any]

_CELLS_AT_A_TIME = 8_000_000


class LabelScore(BaseModel, frozen=True):
    """How well one label is found in one language; `rows` counts those that truly have it."""

    precision: float
    recall: float
    f1: float
    rows: int


class Bin(BaseModel, frozen=True):
    """Mean confidence of some predictions of like confidence, beside their accuracy."""

    confidence: float
    accuracy: float
    rows: int


class LanguageMetrics(BaseModel, frozen=True):
    """One language's scores.

    Attributes:
        f1_micro: The accuracy, 0 to 1.
        f1_micro_interval: Lower and upper end: Wilson's, for `effective_rows`.
        f1_macro: Mean of the labels' F1, 0 to 1.
        f1_macro_interval: Lower and upper end, see `macro_interval`.
        rows: Test rows.
        origin: How the test text came to be, as in `corpus.rows`; `mixed` where in several ways.
        calibration_error: 0 to 1; None without probabilities.
        reliability: What it is made from, lowest confidence first.
        confusion: A row per true label, a column per predicted one, in the order of the labels.
        per_label: Scores of each label.
        mae: Mean absolute error in the labels' unit; None where they are not ordered.
        qwk: Quadratic weighted kappa; None where they are not ordered, or where all test rows have
            one label.
        effective_rows: Independent rows that would know the accuracy as well; None in older
            records, whose F1-micro has bootstrap intervals.
    """

    f1_micro: float
    f1_micro_interval: Interval
    f1_macro: float
    f1_macro_interval: Interval
    rows: int
    origin: str
    calibration_error: float | None
    reliability: tuple[Bin, ...] = ()
    confusion: tuple[tuple[int, ...], ...]
    per_label: dict[str, LabelScore]
    mae: float | None = None
    qwk: float | None = None
    effective_rows: float | None = None

    @property
    def labels_tested(self) -> int:
        """How many labels the test rows truly have."""
        return sum(map(any, self.confusion))

    @property
    def one_class(self) -> bool:
        """Whether all test rows have one label, so that F1-macro and QWK say nothing."""
        return self.labels_tested == 1

    def majority(self) -> float:
        """The share of the most frequent label: what always giving it would score."""
        return max(map(sum, self.confusion)) / self.rows


class Means(BaseModel, frozen=True):
    """Plain means over the test languages; None where there are none.

    F1-macro's is over those whose test rows have two labels or more.
    """

    f1_micro: float | None
    f1_macro: float | None
    languages: int


class Metrics(BaseModel, frozen=True):
    """What `metrics.json` holds.

    Attributes:
        version: Of the file's form.
        labels: All labels, in order.
        ordinal: Whether they are ordered.
        languages: The classifier's scores in each test language.
        linear: The linear baseline's, where it was asked.
        mean: Over `languages`, each counted once.
        rejected: Rows that could not be used and are in no score.
        cuts: The test texts that were longer than the classifier reads; none where its texts are
            not at hand.
    """

    version: int = 1
    labels: tuple[str, ...]
    ordinal: bool
    languages: dict[str, LanguageMetrics]
    linear: dict[str, LanguageMetrics] = {}
    mean: Means
    rejected: int = 0
    cuts: tuple[Cut, ...] = ()

    @model_validator(mode="after")
    def _scores_fit_the_labels(self) -> Self:
        size = len(self.labels)
        for lang, scores in (*self.languages.items(), *self.linear.items()):
            if tuple(scores.per_label) != self.labels:
                raise ValueError(f"'per_label' of '{lang}' must hold every label, in order")
            if [len(row) for row in scores.confusion] != [size] * size:
                raise ValueError(f"'confusion' of '{lang}' must be {size} x {size}")
            if not 0 < scores.rows == sum(map(sum, scores.confusion)):
                raise ValueError(f"'confusion' of '{lang}' must hold {scores.rows} rows")
        return self


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


def per_label(true: Counts, predicted: Counts, labels: Sequence[str]) -> dict[str, LabelScore]:
    """Precision, recall, F1 and number of true rows of each label; 0 where one divides by zero.

    Args:
        true: `(rows,) int64` numbers of labels.
        predicted: `(rows,) int64`.
        labels: All labels, in order.

    >>> scores = per_label(np.array([0, 0, 1]), np.array([0, 1, 1]), ["no", "yes"])
    >>> scores["yes"] == LabelScore(precision=0.5, recall=1.0, f1=2 / 3, rows=1)
    True
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        true, predicted, labels=range(len(labels)), zero_division=0
    )
    return {
        label: LabelScore(precision=precision, recall=recall, f1=f1, rows=rows)
        for label, precision, recall, f1, rows in zip(
            labels, *(column.tolist() for column in columns), strict=True
        )
    }


def reliability(
    confidence: Floats, correct: npt.NDArray[np.bool_], bins: int = 15
) -> tuple[Bin, ...]:
    """Confidence beside accuracy in bins of equal width, empty ones left out.

    Args:
        confidence: `(rows,) float64` probability of the predicted label, 0 to 1.
        correct: `(rows,) bool`.
        bins: Number of bins; a bin holds its upper edge, the first also 0.

    Returns:
        Mean `confidence`, `accuracy` and number of `rows` of each bin, lowest confidence first.

    >>> reliability(np.array([0.9, 0.95]), np.array([True, False]), bins=2)
    (Bin(confidence=0.925, accuracy=0.5, rows=2),)
    """
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    number = np.searchsorted(edges, confidence, side="left")
    rows = np.bincount(number, minlength=bins)
    confidences = np.bincount(number, weights=confidence, minlength=bins)
    hits = np.bincount(number, weights=correct, minlength=bins)
    return tuple(
        Bin(
            confidence=float(confidences[i] / rows[i]),
            accuracy=float(hits[i] / rows[i]),
            rows=int(rows[i]),
        )
        for i in np.flatnonzero(rows)
    )


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
    distance = sum(abs(part.confidence - part.accuracy) * part.rows for part in parts)
    return float(distance / len(confidence))


def quadratic_weighted_kappa(confusion: Counts) -> float | None:
    """Agreement beyond chance, with errors weighted by the square of their distance in ranks.

    Cohen 1968, "Weighted kappa"; scikit-learn's `cohen_kappa_score(weights="quadratic")`.

    Returns:
        1 for perfect, 0 for chance, below 0 for worse; None where truth and prediction are one
        and the same single label, which leaves it undefined.

    >>> quadratic_weighted_kappa(np.array([[2, 0], [0, 2]]))
    1.0
    """
    # Not scikit-learn's: it differs in the last digit, and metrics of old runs are compared.
    ranks = np.arange(len(confusion))
    weights = (ranks[:, None] - ranks[None, :]) ** 2
    expected = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / confusion.sum()
    chance = float((weights * expected).sum())
    return 1.0 - float((weights * confusion).sum()) / chance if chance else None


def _mean_absolute_error(true: Counts, predicted: Counts, labels: Sequence[str]) -> float:
    """Mean distance between the predicted and the true label, in the labels' own unit."""
    from sklearn.metrics import mean_absolute_error

    values = label_values(labels)
    return float(mean_absolute_error(values[true], values[predicted]))


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


def macro_interval(
    true: Counts,
    predicted: Counts,
    classes: int,
    groups: Sequence[Hashable] | None = None,
    *,
    micro: Interval,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Bootstrap percentile interval of F1-macro (Efron 1979), no narrower than F1-micro's.

    Items are drawn with replacement; an item is a row, or all rows of one group. Items with the
    same labels and predictions are the same to the scores, so only how often each such pattern is
    drawn matters, and that is one multinomial draw per resample instead of one draw per row. The
    result does not depend on the order of the rows.

    The bootstrap cannot see errors that the sample does not hold: where a classifier is right on
    every row, or on all but a few, its interval has no width or next to none. F1-macro is the mean
    of scores of which each rests on a part of the rows, and so is not known better than the share
    of right answers, which rests on them all: its interval reaches at least as far to either side.

    Args:
        true: `(rows,) int64` label numbers.
        predicted: `(rows,) int64`.
        classes: Number of labels.
        groups: The item of each row; None where each row is its own.
        micro: Interval of the share of right answers.
        resamples: How many times to draw.
        level: Share of resamples inside the interval.
        seed: Seed of the draws.

    >>> true, predicted = np.array([0] * 50 + [1] * 50), np.array([0] * 100)
    >>> low, high = macro_interval(true, predicted, 2, micro=(0.4, 0.6))
    >>> 0.2 < low < 0.3 and 0.4 < high < 0.45
    True
    """
    patterns = _patterns(true * classes + predicted, groups)
    times = np.array([count for _, count in patterns])
    items = int(times.sum())
    counts = _pattern_counts([cells for cells, _ in patterns], classes)
    generator = np.random.default_rng(seed)
    scores = []
    at_a_time = max(1, _CELLS_AT_A_TIME // len(patterns))
    for start in range(0, resamples, at_a_time):
        size = min(at_a_time, resamples - start)
        drawn = generator.multinomial(items, times / items, size=size).astype(np.float64)
        scores.append(macro_from_counts(*(drawn @ part for part in counts)))
    ends = np.quantile(np.concatenate(scores), [(1 - level) / 2, (1 + level) / 2])
    value = f1_macro(confusion_matrix(true, predicted, classes))
    below, above = (float(np.mean(true == predicted)) - end for end in micro)
    low, high = min(float(ends[0]), value - below), max(float(ends[1]), value - above)
    return max(0.0, low), min(1.0, high)


def _patterns(
    cells: Counts, groups: Sequence[Hashable] | None
) -> list[tuple[tuple[int, ...], int]]:
    """What an item can look like (its cells of the confusion matrix), and how many look so."""
    if groups is None:
        return sorted(((cell,), count) for cell, count in Counter(cells.tolist()).items())
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for group, cell in zip(groups, cells.tolist(), strict=True):
        members[group].append(cell)
    return sorted(Counter(tuple(sorted(part)) for part in members.values()).items())


def _pattern_counts(patterns: list[tuple[int, ...]], classes: int) -> tuple[Floats, ...]:
    """Hits, true rows and predicted rows of each label in each pattern: `(patterns, classes)`."""
    lengths = [len(cells) for cells in patterns]
    pattern = np.repeat(np.arange(len(patterns)), lengths)
    true, predicted = np.divmod(np.concatenate([np.array(cells) for cells in patterns]), classes)
    shape = (len(patterns), classes)
    hits, of_label, predicted_rows = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    right = true == predicted
    np.add.at(hits, (pattern[right], true[right]), 1)
    np.add.at(of_label, (pattern, true), 1)
    np.add.at(predicted_rows, (pattern, predicted), 1)
    return hits, of_label, predicted_rows


def evaluate_predictions(
    predictions: pl.DataFrame,
    labels: Sequence[str],
    *,
    ordinal: bool,
    seed: int = 0,
    resamples: int = 1000,
) -> Metrics:
    """Every score of a table of predictions, per language.

    With one label per row F1-micro over all labels is the accuracy: every false positive of one
    label is the false negative of another. F1-macro is the mean of F1 over the labels that occur,
    in truth or prediction, in that language; where the test rows have one label alone it says
    nothing, nor does QWK, and its mean leaves such languages out.

    Intervals are for 95 %: of F1-micro Wilson's, for as many rows as `effective_rows` of the items
    (`group_id`); of F1-macro that of `macro_interval`. They say how much the score owes to the
    choice of test rows, and nothing about the seed of the training.

    Args:
        predictions: One row per text, as `rows.make_predictions` makes them or as another
            tool wrote them. Needs `label`, `prediction` and `lang`; `group_id`, `origin`, `model`
            and `probability` (or one `p_<label>` column per label) where there are any. Rows whose
            `model` is `linear` are the baseline's.
        labels: All labels, in order.
        ordinal: Whether the labels are ordered, so that MAE and QWK have a meaning.
        seed: Seed of the bootstrap.
        resamples: Bootstrap resamples.

    Returns:
        The scores; `calibration_error` is None and `reliability` empty where the table has no
        probabilities.

    Raises:
        DataError: A column is missing, or a row has an unknown label or an impossible probability.
        LanguageError: A row's language is not known.

    >>> table = pl.DataFrame({"lang": ["de", "de"], "label": ["a", "b"], "prediction": ["a", "a"]})
    >>> evaluate_predictions(table, ["a", "b"], ordinal=False).languages["de"].f1_micro
    0.5
    """
    table = check_predictions(predictions, labels)
    is_linear = table["model"] == BASELINE
    languages, linear = (
        {
            str(lang): _language(rows, labels, ordinal, seed, resamples)
            for (lang,), rows in part.sort("lang").group_by("lang", maintain_order=True)
        }
        for part in (table.filter(~is_linear), table.filter(is_linear))
    )
    scores = languages.values()
    macro = [score.f1_macro for score in scores if not score.one_class]
    return Metrics(
        labels=tuple(labels),
        ordinal=ordinal,
        languages=languages,
        linear=linear,
        mean=Means(
            f1_micro=float(np.mean([score.f1_micro for score in scores])) if scores else None,
            f1_macro=float(np.mean(macro)) if macro else None,
            languages=len(scores),
        ),
    )


def _language(
    rows: pl.DataFrame, labels: Sequence[str], ordinal: bool, seed: int, resamples: int
) -> LanguageMetrics:
    classes = len(labels)
    true, predicted = _numbers(rows["label"], labels), _numbers(rows["prediction"], labels)
    confusion = confusion_matrix(true, predicted, classes)
    groups, correct, accuracy = rows["group_id"].to_list(), true == predicted, f1_micro(confusion)
    known = effective_rows(correct, groups)
    micro = wilson(accuracy, known, NormalDist().inv_cdf(0.975))
    origins = rows["origin"].unique().to_list()
    confidence = None if rows["probability"].null_count() else rows["probability"].to_numpy()
    return LanguageMetrics(
        f1_micro=accuracy,
        f1_micro_interval=micro,
        f1_macro=f1_macro(confusion),
        f1_macro_interval=macro_interval(
            true, predicted, classes, groups, micro=micro, resamples=resamples, seed=seed
        ),
        effective_rows=known,
        rows=rows.height,
        origin=origins[0] if len(origins) == 1 else "mixed",
        calibration_error=None
        if confidence is None
        else expected_calibration_error(confidence, correct),
        reliability=() if confidence is None else reliability(confidence, correct),
        confusion=confusion.tolist(),
        per_label=per_label(true, predicted, labels),
        mae=_mean_absolute_error(true, predicted, labels) if ordinal else None,
        qwk=quadratic_weighted_kappa(confusion) if ordinal and len(np.unique(true)) > 1 else None,
    )


def _numbers(column: pl.Series, labels: Sequence[str]) -> Counts:
    return column.replace_strict(list(labels), range(len(labels)), return_dtype=pl.Int64).to_numpy()
