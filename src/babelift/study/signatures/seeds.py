"""Unstable across seeds: the same training, started otherwise, ends elsewhere."""

import math
from typing import Final

import numpy as np

from babelift.evaluate.scores import Floats
from babelift.report.numbers import language_name
from babelift.study.amounts import fine
from babelift.study.diagnosis_records import (
    Absent,
    Finding,
    NotJudged,
    SeedEvidence,
    Verdict,
    Where,
    numbers,
)

NAME: Final = "unstable-across-seeds"

SEED_LEVEL: Final = 0.01
"""Chance at which a spread is called larger than the test items explain; divided by the number of
arms and languages looked at (Bonferroni), so that a large study finds no more by luck."""

SEED_SPREAD: Final = 0.01
"""Smallest standard deviation worth a word; on many test items less is certain, and harmless."""

COLLAPSE: Final = 4.0
"""How many standard deviations below the others the lowest run must lie to have collapsed."""

FEWEST: Final = 3
"""Seeds from which a spread is judged: two are a difference."""

_ONE: Final = (
    "Look at that run's loss: a longer warm-up or a lower learning rate prevents most collapses.",
    "Let validation text choose the checkpoint, so that a collapsed run shows before the test.",
    "Report the scores with it and without it; do not leave it out in silence.",
)
_GENERAL: Final = (
    "Add seeds: the mean's interval narrows with the root of their number.",
    "Train longer or warm up longer, with a lower learning rate.",
    "Add labelled rows, or let validation text choose the checkpoint.",
)


def unstable_across_seeds(found: SeedEvidence, looked_at: int = 1) -> Verdict:
    """Whether scores vary over seeds by more than the test items' sampling explains.

    The variance is tested against p (1 - p) / items by chi-square. As all seeds are tested on the
    same items, these explain at most that much: the test errs on the quiet side.

    Args:
        found: Scores of one arm in one language.
        looked_at: How many of these are looked at together.
    """
    where = Where(found.arm, found.lang)
    scores = {seed: score for seed, score in found.scores.items() if math.isfinite(score)}
    if len(scores) < FEWEST:
        return NotJudged(NAME, where, f"{len(scores)} of at least {FEWEST} seeds are known")
    if found.items < 1 or not all(0 <= score <= 1 for score in scores.values()):
        return NotJudged(NAME, where, "what the test items explain is known for shares only")
    values = np.array(list(scores.values()))
    spread, explained = _spread(values), _explained(values, found.items)
    shown, expected = fine([spread, explained])
    level = SEED_LEVEL / max(looked_at, 1)
    if _steady(values, found.items, level):
        reason = f"seeds spread by {shown} (standard deviation), test items explain {expected}"
        return Absent(NAME, where, reason)
    lowest = min(scores, key=scores.__getitem__)
    others = np.array([score for seed, score in scores.items() if seed != lowest])
    one = _collapsed(scores[lowest], others, found.items) and _steady(others, found.items, level)
    return Finding(
        name=NAME,
        kind="one-collapsed-run" if one else "general",
        where=where,
        evidence=numbers(
            deviation=spread,
            explained=explained,
            p=_chance(values, found.items),
            seeds=len(values),
            items=found.items,
            lowest=scores[lowest],
            lowest_seed=lowest,
            others=float(others.mean()),
            highest=float(values.max()),
        ),
        sentence=f"In {language_name(found.lang)}, {found.arm} spreads by {shown} over seeds "
        f"(standard deviation), where {found.items:,} test items explain at most {expected}; "
        f"{_what(one, lowest, scores[lowest], others)}.",
        advice=_ONE if one else _GENERAL,
    )


def _collapsed(lowest: float, others: Floats, items: int) -> bool:
    usual = max(_spread(others), _explained(others, items))
    return float(others.mean()) - lowest > COLLAPSE * usual


def _what(one: bool, seed: int, lowest: float, others: Floats) -> str:
    low, rest, high = fine([lowest, float(others.mean()), float(others.max())])
    if one:
        return f"one run collapsed: seed {seed} scores {low}, the others {rest} on average"
    return f"no single run accounts for it, they reach from {low} to {high}"


def _spread(values: Floats) -> float:
    return float(values.std(ddof=1))


def _explained(values: Floats, items: int) -> float:
    """Standard deviation of a share of right items over draws of the items."""
    mean = float(values.mean())
    return math.sqrt(mean * (1 - mean) / items)


def _chance(values: Floats, items: int) -> float:
    """How often a spread of this size comes from the test items alone."""
    from scipy import stats

    explained = _explained(values, items)
    if not explained:
        return 1.0
    freedom = len(values) - 1
    return float(stats.chi2.sf(freedom * (_spread(values) / explained) ** 2, freedom))


def _steady(values: Floats, items: int, level: float) -> bool:
    return _spread(values) < SEED_SPREAD or _chance(values, items) >= level
