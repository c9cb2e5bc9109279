"""The linear baseline: what the same rows give without an encoder."""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from babelift.errors import DataError, did_you_mean

_FEATURES = 100_000
_SMALL = 1_000


def linear_baseline(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[str],
) -> npt.NDArray[np.float64]:
    """Train a linear classifier on character n-grams and give its probabilities for `texts`.

    TF-IDF of runs of one to five characters within words, at most 100,000 of them, and multinomial
    logistic regression. It needs no word boundaries, so it works for Japanese and Chinese too, and
    it is deterministic. What an encoder does not gain over it, it does not gain at all.

    Args:
        train_texts: Texts to learn from.
        train_labels: Their labels.
        texts: Texts to label.
        labels: All labels.

    Returns:
        `(texts, labels) float64` probabilities, columns in the order of `labels`; a label that no
        training row has gets 0.

    Raises:
        DataError: There are no training rows, the lists differ in length, or a label is not in
            `labels`.

    >>> proba = linear_baseline(["so good", "so bad"], ["+", "-"], ["good!"], ["-", "+", "?"])
    >>> proba.argmax(axis=1).tolist(), proba[0, 2].item()
    ([1], 0.0)
    """
    _check(train_texts, train_labels, labels)
    column = {label: number for number, label in enumerate(labels)}
    target = np.array([column[label] for label in train_labels])
    present = np.unique(target)
    probabilities = np.zeros((len(texts), len(labels)))
    if len(texts):
        probabilities[:, present] = _fit_predict(train_texts, target, texts)
    return probabilities


def _fit_predict(
    train_texts: Sequence[str], target: npt.NDArray[np.int64], texts: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Probabilities of the labels that occur in `target`, lowest number first."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    shares = np.unique(target, return_counts=True)[1] / len(target)
    if len(shares) == 1 or not any(text.strip() for text in train_texts):
        return np.tile(shares, (len(texts), 1))
    vectorizer = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(1, 5),
        sublinear_tf=True,
        min_df=1 if len(train_texts) < _SMALL else 2,
        max_features=_FEATURES,
        dtype=np.float32,
    )
    model = LogisticRegression(C=10.0, max_iter=200, tol=1e-3)
    with warnings.catch_warnings():
        # Two hundred iterations are plenty; the last digits of a baseline do not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(vectorizer.fit_transform(train_texts), target)
    probabilities = model.predict_proba(vectorizer.transform(texts)).astype(np.float64)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def _check(texts: Sequence[str], train_labels: Sequence[str], labels: Sequence[str]) -> None:
    if len(texts) != len(train_labels):
        raise DataError(
            f"the baseline got {len(texts)} training texts but {len(train_labels)} labels."
        )
    if not texts:
        raise DataError("the baseline has no rows to train on.")
    known = set(labels)
    for number, label in enumerate(train_labels, 1):
        if label not in known:
            raise DataError(
                f"row {number} of the training rows: label '{label}' is not known"
                f"{did_you_mean(str(label), labels)}",
                f"Allowed: {', '.join(labels)}.",
            )
