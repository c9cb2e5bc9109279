"""OTC without effect: the pairs lay close already, or never came close."""

import math
from typing import Final

from babelift.report.numbers import language_name
from babelift.study.amounts import difference, fine
from babelift.study.diagnosis_records import (
    Absent,
    Alignment,
    Estimate,
    Finding,
    NotJudged,
    OTCEvidence,
    Verdict,
    Where,
    numbers,
)

NAME: Final = "otc-without-effect"

ALIGNED: Final = 0.9
"""Retrieval@1 from which nine in ten pairs find each other, and OTC's gradient has little left."""

FLAT: Final = 0.05
"""A smaller change of retrieval@1 is none: the standard error on 100 held-back pairs."""

LOW: Final = 0.5
"""Retrieval@1 below which most originals are nearer to another item's translation."""

TOO_EASY: Final = 0.25
"""Chance from which retrieval@1 says too little: among four pairs much is found by luck."""

_ROUNDING: Final = 1e-9
"""So that a rise from .20 to .25 is one of .05."""

_ALREADY: Final = (
    "Leave OTC out here: it takes time and adds nothing.",
    "Larger batches give it harder negatives; a language further from the source has more to gain.",
    "If the aim is a better score, work on the translations or on more labelled rows.",
)
_NEVER: Final = (
    "Read some pairs: an original must stand beside its own translation, and say the same.",
    "Raise OTC's weight, or train longer: it may not have had enough updates.",
    "Pool over all tokens (pooling mean), or give OTC a projection of its own.",
    "Use larger batches, or a learnable temperature.",
)


def otc_without_effect(found: OTCEvidence) -> Verdict:
    """Whether OTC changes no score, and which of the two reasons the vectors give for it."""
    where = Where(found.arm, found.lang)
    effect = found.effect
    if effect is None or not effect.known:
        return NotJudged(NAME, where, "the difference that OTC makes is not known")
    said = difference(effect.delta, effect.interval)
    if effect.side:
        return Absent(NAME, where, f"OTC has an effect: {said}")
    if found.chance is not None and found.chance >= TOO_EASY:
        few = round(1 / found.chance)
        return NotJudged(NAME, where, f"retrieval among {few} pairs says nothing of alignment")
    before, without, after = map(_retrieval, (found.before, found.without, found.with_otc))
    known = [value for value in (before, without) if value is not None]
    if not known or after is None:
        lacks = "with OTC" if after is None else "before training or without OTC"
        return NotJudged(NAME, where, f"OTC adds {said}; retrieval@1 {lacks} is not known")
    kind = _kind(known, after)
    course = _course(before, without, after)
    if kind is None:
        return Absent(NAME, where, f"OTC adds {said}, but the vectors do not say why: {course}")
    already = kind == "already-aligned"
    reason = "the pairs were aligned already" if already else "the pairs never aligned"
    place = f"In {language_name(found.lang)}" if found.lang else "Over all languages"
    return Finding(
        name=NAME,
        kind=kind,
        where=where,
        evidence=_evidence(found, effect),
        sentence=f"{place}, OTC adds {said} to {found.arm}: no effect seen, and {reason} "
        f"({course}).",
        advice=_ALREADY if already else _NEVER,
    )


def _evidence(found: OTCEvidence, effect: Estimate) -> dict[str, float]:
    points = {"before": found.before, "without": found.without, "with": found.with_otc}
    known = {when: point for when, point in points.items() if point is not None}
    return numbers(
        delta=effect.delta,
        low=effect.interval[0],
        high=effect.interval[1],
        **{f"retrieval_{when}": point.retrieval for when, point in known.items()},
        **{f"cosine_{when}": point.cosine for when, point in known.items()},
        chance=found.chance,
    )


def _retrieval(found: Alignment | None) -> float | None:
    return None if found is None or not math.isfinite(found.retrieval) else found.retrieval


def _kind(known: list[float], after: float) -> str | None:
    """The reason, from retrieval@1 before or without OTC and with it; None where it is neither.

    >>> _kind([0.95], 0.96), _kind([0.6, 0.7], 0.74), _kind([0.1, 0.12], 0.14)
    ('already-aligned', 'already-aligned', 'never-aligned')
    >>> _kind([0.2, 0.3], 0.8), _kind([0.95], 0.3), _kind([0.1, 0.45], 0.46)
    (None, None, None)
    """
    best, slack = max(known), FLAT + _ROUNDING
    rise = after - best
    if after >= LOW and -rise <= slack and (best >= ALIGNED or rise <= slack):
        return "already-aligned"
    points = [*known, after]
    if max(points) < LOW and max(points) - min(points) <= slack:
        return "never-aligned"
    return None


def _course(before: float | None, without: float | None, after: float) -> str:
    """Retrieval@1 at the points where it is known."""
    points = [
        (before, "before training"),
        (without, "without OTC"),
        (after, "with OTC"),
    ]
    known = [(value, when) for value, when in points if value is not None]
    shown = fine([value for value, _ in known])
    steps = [f"{text} {when}" for text, (_, when) in zip(shown, known, strict=True)]
    return f"retrieval@1 {', '.join(steps)}"
