"""Scores of several models on the same test items, drawn anew together: the paired bootstrap."""

from collections.abc import Callable, Hashable, Sequence
from typing import Final, NamedTuple

import numpy as np

from babelift.evaluate.scores import Counts, Floats, macro_from_counts, micro_from_counts

_CELLS_AT_A_TIME: Final = 8_000_000

Metric = Callable[[Floats, Floats, Floats], Floats]
METRICS: Final[dict[str, Metric]] = {
    "f1_micro": lambda hits, true, predicted: micro_from_counts(hits, true),
    "f1_macro": macro_from_counts,
}
"""What can be compared; each takes hits, true and predicted rows per label, `(..., labels)`."""


class Drawn(NamedTuple):
    """Scores on the test items as they are, and on items drawn anew.

    Attributes:
        observed: `(models, languages) float64`.
        resampled: `(resamples, models, languages) float64`; the models of one resample were
            scored on the same items.
    """

    observed: Floats
    resampled: Floats


def paired_bootstrap(
    true: Counts,
    predicted: Counts,
    langs: Counts,
    groups: Sequence[Hashable],
    classes: int,
    *,
    metric: str = "f1_micro",
    resamples: int = 5000,
    seed: int = 0,
) -> Drawn:
    """Draw the test items with replacement and score every model on each draw (Efron 1979).

    An item is all rows of one group, in all languages, so that parallel test sets are drawn as
    such. Items are drawn among those that occur in the same languages: a language keeps its number
    of items. What luck of the draw the models share cancels out in their difference.

    Args:
        true: `(rows,) int64` label numbers.
        predicted: `(models, rows) int64`.
        langs: `(rows,) int64` language numbers, 0 to the last without a gap.
        groups: The item of each row.
        classes: Number of labels.
        metric: One of `METRICS`.
        resamples: How many times to draw.
        seed: Seed of the draws.

    >>> true, langs = np.zeros(100, dtype=np.int64), np.zeros(100, dtype=np.int64)
    >>> predicted = np.stack([np.arange(100) % 2, np.arange(100) % 2])
    >>> drawn = paired_bootstrap(true, predicted, langs, range(100), 2)
    >>> drawn.observed.ravel().tolist()
    [0.5, 0.5]
    >>> bool((drawn.resampled[:, 0] == drawn.resampled[:, 1]).all())
    True
    """
    item, strata = _strata(langs, groups)
    parts = [
        _Language.of(item[rows], true[rows], predicted[:, rows], classes)
        for rows in (np.flatnonzero(langs == lang) for lang in range(int(langs.max()) + 1))
    ]
    generator = np.random.default_rng(seed)
    size = max(1, _CELLS_AT_A_TIME // len(strata))
    found = [
        _scores(_draw(strata, min(size, resamples - start), generator), parts, METRICS[metric])
        for start in range(0, resamples, size)
    ]
    observed = _scores(np.ones((1, len(strata))), parts, METRICS[metric])[0]
    return Drawn(observed, np.concatenate(found))


def _strata(langs: Counts, groups: Sequence[Hashable]) -> tuple[Counts, Counts]:
    """The number of each row's item, and for each item the number of its set of languages."""
    numbers: dict[Hashable, int] = {}
    item = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    present = np.zeros((len(numbers), int(langs.max()) + 1), dtype=np.bool_)
    present[item, langs] = True
    return item, np.unique(present, axis=0, return_inverse=True)[1].ravel()


def _draw(strata: Counts, size: int, generator: np.random.Generator) -> Floats:
    """How often each item is drawn: `(size, items)`; as many of each stratum as it has."""
    times = np.zeros((size, len(strata)))
    for stratum in range(int(strata.max()) + 1):
        items = np.flatnonzero(strata == stratum)
        times[:, items] = generator.multinomial(
            len(items), np.full(len(items), 1 / len(items)), size
        )
    return times


class _Language(NamedTuple):
    """What each item adds to the counts of one language: `(items, models * labels)`.

    Attributes:
        items: Numbers of the items that occur in the language.
        hits: Rows that were given their label.
        true: Rows that have the label.
        predicted: Rows that were given the label.
        shape: Models and labels.
    """

    items: Counts
    hits: Floats
    true: Floats
    predicted: Floats
    shape: tuple[int, int]

    @classmethod
    def of(cls, item: Counts, true: Counts, predicted: Counts, classes: int) -> "_Language":
        items, row = np.unique(item, return_inverse=True)
        models = len(predicted)
        found: list[Floats] = []
        for column, counted in (
            (np.broadcast_to(true, predicted.shape), predicted == true),
            (np.broadcast_to(true, predicted.shape), np.ones_like(predicted, dtype=np.bool_)),
            (predicted, np.ones_like(predicted, dtype=np.bool_)),
        ):
            cell = (row * models + np.arange(models)[:, None]) * classes + column
            counts = np.bincount(cell[counted], minlength=len(items) * models * classes)
            found.append(counts.reshape(len(items), models * classes).astype(np.float64))
        hits, of_label, given = found
        return cls(items, hits, of_label, given, (models, classes))


def _scores(times: Floats, parts: Sequence[_Language], score: Metric) -> Floats:
    """Scores of each draw: `(draws, models, languages)`."""
    found = []
    for part in parts:
        drawn = times[:, part.items]
        hits, true, predicted = (
            (drawn @ counts).reshape(-1, *part.shape)
            for counts in (part.hits, part.true, part.predicted)
        )
        found.append(score(hits, true, predicted))
    return np.stack(found, axis=-1)
