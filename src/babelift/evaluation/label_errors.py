"""Labels that look wrong: given labels that models of other rows contradict.

How many there are is told by confident learning (Northcutt, Jiang and Chuang 2021, "Confident
Learning: Estimating Uncertainty in Dataset Labels", https://arxiv.org/abs/1911.00068), and which
ones by how unlikely the given label is: in `benchmarks/suggest.py` that order finds planted errors
better than the difference to the likeliest label.
"""

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FOLDS: Final = 5
"""Parts of whole items; each is judged by a model of the others."""

FEWEST: Final = 100
"""Rows from which labels are judged: of fewer, a fold's model knows too little to object."""


class LabelCheck(BaseModel, frozen=True):
    """How a run's labels were checked.

    Attributes:
        rows: Labelled rows that were looked at.
        doubted: Labels that look wrong; None where there were fewer rows than `FEWEST`.
        contradicted: These, and all others to which another label is likelier.
        seconds: That it took.
    """

    rows: int
    doubted: int | None = None
    contradicted: int = 0
    seconds: float = 0.0


def label_errors(
    rows: pl.DataFrame, vectors: npt.NDArray[np.float32]
) -> tuple[pl.DataFrame, LabelCheck]:
    """The rows whose label is contradicted, the likeliest error first, and how many look wrong.

    Args:
        rows: Labelled rows, as in `corpus.rows.SCHEMA`.
        vectors: `(rows, dim)` their sentence vectors.

    Returns:
        `id, lang, text, label`, then `likely_label`, `probability` (of the label that it has, 0 to
        1) and `likely_probability`, by models that were trained on other items; and the counts.
    """
    labels, given = np.unique(rows["label"].to_numpy(), return_inverse=True)
    proba = cross_validated(vectors, given, rows["group_id"].to_list())
    found, number = doubted(proba, given)
    likely = proba[found].argmax(axis=1)
    errors = rows[found].select(
        "id",
        "lang",
        "text",
        "label",
        likely_label=pl.Series(labels[likely].astype(str), dtype=pl.String),
        probability=pl.Series(proba[found, given[found]]),
        likely_probability=pl.Series(proba[found, likely]),
    )
    return errors, LabelCheck(rows=rows.height, doubted=number, contradicted=errors.height)


def doubted(proba: Floats, given: Ints) -> tuple[Ints, int]:
    """The rows to which another label is likelier, the least likely label first.

    A row counts as one of another label where its probability of that label is at least the mean
    probability of the label among the rows that were given it, and no label that it reaches so is
    likelier (Northcutt et al. 2021).

    Args:
        proba: `(rows, labels)` probabilities by models that did not see the row.
        given: `(rows,)` number of the label that each row has.

    Returns:
        `(contradicted,)` row numbers, and how many of them look wrong by that count.

    >>> proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.95, 0.05]])
    >>> rows, number = doubted(proba, np.array([0, 0, 0, 1, 1]))  # thresholds .6 and .375
    >>> rows.tolist(), number
    ([4, 2], 2)
    """
    own = proba[np.arange(len(given)), given]
    counts = np.bincount(given, minlength=proba.shape[1])
    sums = np.bincount(given, weights=own, minlength=proba.shape[1])
    thresholds = np.divide(sums, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    reached = np.where(proba >= thresholds, proba, -1.0)
    confident = (reached.max(axis=1) >= 0) & (reached.argmax(axis=1) != given)
    rows = np.flatnonzero(proba.argmax(axis=1) != given)
    number = min(int(confident.sum()), len(rows))
    return rows[np.argsort(own[rows], kind="stable")], number


def cross_validated(vectors: npt.NDArray[np.float32], given: Ints, items: Sequence[str]) -> Floats:
    """Probabilities of each row's labels by a linear model of rows of other items.

    Multinomial logistic regression on centred vectors. Where no other item has the row's label
    nothing can be said against it: its probability is 1.

    Args:
        vectors: `(rows, dim)` sentence vectors.
        given: `(rows,)` number of the label that each row has, from 0 without gaps.
        items: `(rows,)` the item of each row; rows of one item are in one fold.

    Returns:
        `(rows, labels)`.

    >>> vectors = np.array([[0.0], [0.1], [0.9], [1.0]] * 5, dtype=np.float32)
    >>> proba = cross_validated(vectors, np.array([0, 0, 1, 1] * 5), list(map(str, range(20))))
    >>> proba.shape, proba.argmax(axis=1)[:4].tolist()
    ((20, 2), [0, 0, 1, 1])
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    _, numbers = np.unique(np.asarray(items), return_inverse=True)
    fold = np.random.default_rng(0).permutation(numbers.max() + 1)[numbers] % FOLDS
    proba = np.zeros((len(given), int(given.max()) + 1))
    for part in range(FOLDS):
        own, others = fold == part, fold != part
        labels = np.unique(given[others])
        if not own.any() or not len(labels):
            continue
        proba[np.ix_(own, labels)] = 1.0
        if len(labels) > 1:
            mean = vectors[others].mean(axis=0)
            spread = np.linalg.norm(vectors[others] - mean, axis=1).mean() or 1.0
            model = LogisticRegression(C=1.0, max_iter=200, tol=1e-3)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit((vectors[others] - mean) / spread, given[others])
            proba[np.ix_(own, labels)] = model.predict_proba((vectors[own] - mean) / spread)
        alone = own & ~np.isin(given, labels)
        proba[alone] = 0.0
        proba[alone, given[alone]] = 1.0
    return proba
