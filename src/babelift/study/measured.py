"""Scores by number of rows and seed, and how far their means could have come out otherwise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from babelift.errors import DataError
from babelift.evaluate.scores import Floats, Numbers


@dataclass(frozen=True, slots=True)
class Measured:
    """One training's score in one language.

    Attributes:
        size: Labelled rows that it was trained on.
        seed: Its seed. Runs of one seed are taken to share their luck, at all sizes and in both
            arms.
        score: Its score; the greater, the better, and at most 1.
        right: `(items,)` share of right rows of each test item, the same items in every run;
            only where `score` is their mean.
    """

    size: int
    seed: int
    score: float
    right: Numbers | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Means:
    """Mean scores of several cells (a cell: runs that differ in nothing but the seed).

    Attributes:
        observed: `(cells,)`.
        drawn: `(draws, cells)` means as other seeds (and test items) could have given them; None
            where neither was seen to vary.
        counts: `(cells,)` runs in each.
        variance: Of one run's score over seeds, pooled over the cells.
        freedom: Degrees of freedom of that variance.
        seeds_seen: Whether `drawn` holds the seeds' luck.
        items_seen: Whether `drawn` holds that of the test items.
    """

    observed: Floats
    drawn: Floats | None
    counts: Floats
    variance: float
    freedom: int
    seeds_seen: bool
    items_seen: bool


def by_size(runs: Sequence[Measured], where: str, what: str) -> dict[int, list[Measured]]:
    """Runs by their size, rising; those whose score is no number are left out.

    Raises:
        DataError: No score is left, a score is above 1, a size is below 1, a seed occurs twice at
            a size, or results by test item do not fit.

    >>> list(by_size([Measured(200, 0, 0.7), Measured(100, 0, 0.6)], "Japanese", "native"))
    [100, 200]
    """
    found: dict[int, list[Measured]] = {}
    for run in sorted(runs, key=lambda run: (run.size, run.seed)):
        if not math.isfinite(run.score):
            continue
        at = f"{where}, {what}, size {run.size}, seed {run.seed}"
        if run.size < 1:
            raise DataError(f"{at}: a size must be at least 1.")
        if run.score > 1:
            raise DataError(f"{at}: a score must be at most 1, got {run.score}.")
        known = found.setdefault(run.size, [])
        if known and known[-1].seed == run.seed:
            raise DataError(f"{at}: the seed occurs twice.", "Give one score for each seed.")
        _check_items(run, at)
        known.append(run)
    if not found:
        raise DataError(f"{where}: there is no score of the {what} arm.")
    return found


def _check_items(run: Measured, at: str) -> None:
    if run.right is None:
        return
    right = np.asarray(run.right, dtype=np.float64)
    if right.ndim != 1 or len(right) < 2 or not abs(right.mean() - run.score) < 1e-6:
        raise DataError(
            f"{at}: the results by test item, of shape {right.shape}, must be a list of at least "
            f"two whose mean is the score {run.score}.",
            "Leave them out for scores that are no mean over test items.",
        )


def means(cells: Sequence[Sequence[Measured]], *, draws: int, seed: int) -> Means:
    """Mean scores of cells, and draws of what they could have been.

    Seeds: each draw moves the means by a random mix of the runs' deviations, the same mix of seeds
    in all cells, divided by a chi so that a mean over few seeds has Student's t and not a normal
    for its law (the bootstrap over five seeds would come out a third too narrow). Items: normal
    draws with the covariance of the items' means, less the part that the seeds' deviations hold
    already (two-way crossed, as Owen 2007).

    Args:
        cells: Runs of each cell, one per seed, at least one.
        draws: How many times to draw.
        seed: Seed of the draws.

    Raises:
        DataError: The runs' results by test item are not of the same number of items.

    >>> runs = [Measured(100, seed, 0.5 + 0.01 * seed) for seed in range(5)]
    >>> found = means([runs], draws=20_000, seed=0)
    >>> ends = np.quantile(found.drawn, [0.025, 0.975])  # .52 -+ 2.776 * .0158 / sqrt(5)
    >>> ends.round(3).tolist()
    [0.5, 0.54]
    """
    counts = np.array([len(runs) for runs in cells], dtype=np.float64)
    observed = np.array([np.mean([run.score for run in runs]) for runs in cells])
    squares = sum(
        (run.score - mean) ** 2 for runs, mean in zip(cells, observed, strict=True) for run in runs
    )
    freedom = int((counts - 1).sum())
    variance = float(squares / freedom) if freedom else 0.0
    right = _right(cells)
    generator = np.random.default_rng(seed)
    moved = np.zeros((draws, len(cells)))
    if freedom:
        moved += _seed_draws(cells, observed, variance, draws, generator)
    if right is not None:
        moved += _item_draws(right, draws, generator)
    seen = freedom > 0 or right is not None
    return Means(
        observed=observed,
        drawn=observed + moved if seen else None,
        counts=counts,
        variance=variance,
        freedom=freedom,
        seeds_seen=freedom > 0,
        items_seen=right is not None,
    )


def _seed_draws(
    cells: Sequence[Sequence[Measured]],
    observed: Floats,
    variance: float,
    draws: int,
    generator: np.random.Generator,
) -> Floats:
    """`(draws, cells)`; a cell of one run has the others' pooled variance, to itself."""
    seeds = sorted({run.seed for run in chain.from_iterable(cells)})
    mixes = dict(zip(seeds, generator.standard_normal((len(seeds), draws)), strict=True))
    freedom = sum(len(runs) - 1 for runs in cells)
    chis: dict[frozenset[int], Floats] = {}
    found = np.zeros((draws, len(cells)))
    for cell, runs in enumerate(cells):
        if len(runs) == 1:
            found[:, cell] = np.sqrt(variance) * generator.standard_t(freedom, draws)
            continue
        known = frozenset(run.seed for run in runs)
        if known not in chis:
            chis[known] = np.sqrt(generator.chisquare(len(runs) - 1, draws) / (len(runs) - 1))
        for run in runs:
            found[:, cell] += (run.score - observed[cell]) * mixes[run.seed]
        found[:, cell] /= np.sqrt(len(runs) * (len(runs) - 1)) * chis[known]
    return found


def _right(cells: Sequence[Sequence[Measured]]) -> list[tuple[list[int], Floats]] | None:
    """Seeds and `(seeds, items)` right shares of each cell; None unless all runs have them."""
    found = []
    for runs in cells:
        rows = [run.right for run in runs if run.right is not None]
        if len(rows) < len(runs):
            return None
        found.append(([run.seed for run in runs], np.array(rows, dtype=np.float64)))
    lengths = {rows.shape[1] for _, rows in found}
    if len(lengths) > 1:
        raise DataError(
            f"results by test item must be of the same items in every run, got {min(lengths)} and "
            f"{max(lengths)} items."
        )
    return found


def _item_draws(
    right: list[tuple[list[int], Floats]], draws: int, generator: np.random.Generator
) -> Floats:
    """`(draws, cells)`."""
    items = right[0][1].shape[1]
    scale = 1 / (items * (items - 1))
    by_item = np.array([rows.mean(axis=0) for _, rows in right])
    by_item -= by_item.mean(axis=1, keepdims=True)
    shared = _covariance_with_seeds(right) * scale
    values, vectors = np.linalg.eigh(by_item @ by_item.T * scale - shared)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.asarray(generator.standard_normal((draws, len(right))) @ root.T)


def _covariance_with_seeds(right: list[tuple[list[int], Floats]]) -> Floats:
    """Products of what neither seed nor item alone explains, summed, `(cells, cells)`."""
    left: dict[int, dict[int, Floats]] = {}
    for cell, (seeds, rows) in enumerate(right):
        count = len(seeds)
        if count == 1:
            continue
        rest = rows - rows.mean(axis=0) - rows.mean(axis=1, keepdims=True) + rows.mean()
        for seed, row in zip(seeds, rest / np.sqrt(count * (count - 1)), strict=True):
            left.setdefault(seed, {})[cell] = row
    found = np.zeros((len(right), len(right)))
    for rows_of in left.values():
        cells = list(rows_of)
        stacked = np.array([rows_of[cell] for cell in cells])
        found[np.ix_(cells, cells)] += stacked @ stacked.T
    return found
