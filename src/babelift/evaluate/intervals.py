"""How far a score could have come out otherwise, had other test items been drawn."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from babelift.evaluate.scores import Counts, Floats, macro_from_counts, micro_from_counts

_CELLS_AT_A_TIME = 8_000_000


class Intervals(NamedTuple):
    """Lower and upper ends for F1-micro and F1-macro."""

    micro: list[float]
    macro: list[float]


def bootstrap_f1(
    true: Counts,
    predicted: Counts,
    classes: int,
    groups: Sequence[Hashable] | None = None,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Intervals:
    """Bootstrap percentile intervals of F1-micro and F1-macro (Efron 1979).

    Items are drawn with replacement; an item is a row, or all rows of one group. Items with the
    same labels and predictions are the same to the scores, so only how often each such pattern is
    drawn matters, and that is one multinomial draw per resample instead of one draw per row. The
    result does not depend on the order of the rows. Where a classifier is right on every row the
    interval has no width: the bootstrap cannot see errors that the sample does not hold.

    Args:
        true: `(rows,) int64` label numbers.
        predicted: `(rows,) int64`.
        classes: Number of labels.
        groups: The item of each row; None where each row is its own.
        resamples: How many times to draw.
        level: Share of resamples inside the interval.
        seed: Seed of the draws.

    >>> true, predicted = np.array([0] * 50 + [1] * 50), np.array([0] * 100)
    >>> low, high = bootstrap_f1(true, predicted, 2).micro
    >>> 0.35 < low < 0.45 and 0.55 < high < 0.65
    True
    """
    patterns = _patterns(true * classes + predicted, groups)
    times = np.array([count for _, count in patterns])
    items = int(times.sum())
    counts = _pattern_counts([cells for cells, _ in patterns], classes)
    generator = np.random.default_rng(seed)
    micro, macro = [], []
    at_a_time = max(1, _CELLS_AT_A_TIME // len(patterns))
    for start in range(0, resamples, at_a_time):
        size = min(at_a_time, resamples - start)
        drawn = generator.multinomial(items, times / items, size=size).astype(np.float64)
        hits, of_label, given = (drawn @ part for part in counts)
        micro.append(micro_from_counts(hits, of_label))
        macro.append(macro_from_counts(hits, of_label, given))
    ends = [(1 - level) / 2, (1 + level) / 2]
    return Intervals(
        micro=np.quantile(np.concatenate(micro), ends).tolist(),
        macro=np.quantile(np.concatenate(macro), ends).tolist(),
    )


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
    hits, of_label, given = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    right = true == predicted
    np.add.at(hits, (pattern[right], true[right]), 1)
    np.add.at(of_label, (pattern, true), 1)
    np.add.at(given, (pattern, predicted), 1)
    return hits, of_label, given
