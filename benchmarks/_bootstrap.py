"""The paired bootstrap: accuracies of several models on test items that are drawn anew."""

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

import numpy as np

_CELLS_AT_A_TIME: Final = 8_000_000


class Drawn(NamedTuple):
    """Accuracies on the test items as they are, and on items drawn anew.

    Attributes:
        observed: `(models, languages) float64`.
        resampled: `(resamples, models, languages) float64`; the models of one resample were
            scored on the same items.
    """

    observed: np.ndarray
    resampled: np.ndarray


def paired_bootstrap(
    right: np.ndarray,
    langs: np.ndarray,
    groups: Sequence[Hashable],
    *,
    resamples: int = 5000,
    seed: int = 0,
) -> Drawn:
    """Draw the test items with replacement and score every model on each draw (Efron 1979).

    An item is all rows of one group, in all languages, so that parallel test sets are drawn as
    such. Items are drawn among those that occur in the same languages: a language keeps its number
    of items. What luck of the draw the models share cancels out in their difference.

    Args:
        right: `(models, rows) bool`: was the answer right.
        langs: `(rows,) int64` language numbers, 0 to the last without a gap.
        groups: The item of each row.
        resamples: How many times to draw.
        seed: Seed of the draws.

    >>> drawn = paired_bootstrap(np.array([[1, 0], [1, 0]]), np.zeros(2, dtype=np.int64), "ab")
    >>> drawn.observed.ravel().tolist()
    [0.5, 0.5]
    >>> bool((drawn.resampled[:, 0] == drawn.resampled[:, 1]).all())
    True
    """
    numbers: dict[Hashable, int] = {}
    item = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    present = np.zeros((len(numbers), int(langs.max()) + 1), dtype=np.bool_)
    present[item, langs] = True
    strata = np.unique(present, axis=0, return_inverse=True)[1].ravel()
    generator = np.random.default_rng(seed)
    size = max(1, _CELLS_AT_A_TIME // len(strata))
    drawn = [
        _accuracies(_draw(strata, min(size, resamples - start), generator), right, item, langs)
        for start in range(0, resamples, size)
    ]
    observed = _accuracies(np.ones((1, len(strata))), right, item, langs)[0]
    return Drawn(observed, np.concatenate(drawn))


def _draw(strata: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """How often each item is drawn: `(size, items)`; as many of each stratum as it has."""
    times = np.zeros((size, len(strata)))
    for stratum in range(int(strata.max()) + 1):
        items = np.flatnonzero(strata == stratum)
        times[:, items] = generator.multinomial(
            len(items), np.full(len(items), 1 / len(items)), size
        )
    return times


def _accuracies(
    times: np.ndarray, right: np.ndarray, item: np.ndarray, langs: np.ndarray
) -> np.ndarray:
    """Accuracy of each draw: `(draws, models, languages)`."""
    by_language = []
    for lang in range(int(langs.max()) + 1):
        here = langs == lang
        weights = times[:, item[here]]
        by_language.append(
            weights @ right[:, here].T.astype(np.float64) / weights.sum(axis=1, keepdims=True)
        )
    return np.stack(by_language, axis=-1)
