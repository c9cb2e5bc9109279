"""The four failure signatures: what each rests on, the rule that finds it, and what to try.

A signature is found, or looked for and absent, or not judged with the reason: nothing is concluded
from evidence that is not there.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from babelift.errors import DataError, LanguageError
from babelift.evaluation.metrics import Floats
from babelift.evaluation.multiple_tests import LEVEL
from babelift.report.cautions import FAULTY
from babelift.report.numbers import (
    difference,
    digits_for,
    direction,
    language_name,
    listed,
    percent,
    share,
)
from babelift.study.condition import Condition
from babelift.translation.checks import density


def _check_share(name: str, value: float | None) -> None:
    """Refuse percentages: a rule would take them for perfection."""
    if value is not None and (value < 0 or value > 1):
        raise DataError(f"'{name}' must be a share between 0 and 1, got {value}.")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference of scores with its interval.

    Attributes:
        delta: The difference.
        interval: Of it alone.
        p: After the correction over all that the page claims.

    >>> Estimate(0.02, (0.01, 0.03), 0.2).side, Estimate(0.02, (0.01, 0.03), 0.04).side
    (0, 1)
    """

    delta: float
    interval: tuple[float, float]
    p: float

    @property
    def side(self) -> int:
        """1 or -1 where the difference is sure to lie above or below zero, else 0."""
        return direction(self.interval) if self.p <= LEVEL else 0

    def __str__(self) -> str:
        return difference(self.delta, self.interval)


def _known(estimate: Estimate | None) -> Estimate | None:
    """It, where all three are numbers, in their order."""
    if estimate is None:
        return None
    low, high = estimate.interval
    numbers_in_order = math.isfinite(estimate.delta) and -math.inf < low <= high < math.inf
    return estimate if numbers_in_order else None


@dataclass(frozen=True, slots=True)
class Where:
    """What a verdict speaks of: this condition alone, and no other size, encoder or translator.

    Attributes:
        arm: Name of the condition, as a reader knows it.
        lang: The language; None where over all of them.
        condition: The condition; None where the evidence does not say.
    """

    arm: str
    lang: str | None = None
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """What a verdict rests on, all of one condition.

    Attributes:
        arm: Name of the condition, as a reader knows it.
        lang: The language; None where over all of them.
        condition: The condition with all its axes.
    """

    arm: str
    lang: str | None
    condition: Condition | None = field(default=None, kw_only=True)

    @property
    def where(self) -> Where:
        """What its verdict speaks of."""
        return Where(self.arm, self.lang, self.condition)

    @property
    def place(self) -> str:
        """How a sentence about it begins."""
        return f"In {language_name(self.lang)}" if self.lang else "Over all languages"


@dataclass(frozen=True, slots=True)
class ArmEvidence(CaseEvidence):
    """An arm against zero-shot in one language, and how good the translations were.

    Attributes:
        over_zero_shot: Score of the arm less that of zero-shot.
        chrf: chrF of the translations against references, 0 to 100.
        flagged: Share of the translations in which the checks found a fault, 0 to 1.
        length_ratio: Mean length of the translations over the one expected from their originals
            and the two languages' densities; 1 where they are as long as they should be.
    """

    lang: str
    over_zero_shot: Estimate | None
    chrf: float | None = None
    flagged: float | None = None
    length_ratio: float | None = None

    def __post_init__(self) -> None:
        _check_share("flagged", self.flagged)


@dataclass(frozen=True, slots=True)
class Alignment:
    """How near originals and their translations lie.

    Attributes:
        retrieval: Share of originals nearer to their own translation than to any other's.
        cosine: Mean cosine of an original and its translation.
    """

    retrieval: float
    cosine: float | None = None

    def __post_init__(self) -> None:
        _check_share("retrieval", self.retrieval)


@dataclass(frozen=True, slots=True)
class OTCEvidence(CaseEvidence):
    """An arm with OTC against the same without, and what it did to the vectors.

    From held-back pairs of one language, or from the training's log over all of them: `before` is
    then the first updates, and `with_otc` the last.

    Attributes:
        effect: Score with OTC less score without.
        before: Before training.
        without: After training without OTC.
        with_otc: After training with OTC.
        chance: Retrieval if all vectors were alike: one over the number of pairs searched.
    """

    effect: Estimate | None
    before: Alignment | None = None
    without: Alignment | None = None
    with_otc: Alignment | None = None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class SeedEvidence(CaseEvidence):
    """An arm's scores in one language, which differ in the seed alone.

    Attributes:
        scores: Seed to score; a share of right test items (F1-micro).
        items: Number of test items, the same for all seeds.
        chance: Standard deviation of a score over seeds that decisions on these items explain where
            each seed is as likely as any other to get an item right (see `chance_spread`).
    """

    scores: dict[int, float]
    items: int
    chance: float


@dataclass(frozen=True, slots=True)
class ControlEvidence(CaseEvidence):
    """OTC on true pairs, on shuffled pairs, and no OTC.

    Attributes:
        true_over_shuffled: Score with true pairs less score with shuffled ones.
        shuffled_over_off: Score with shuffled pairs less score without OTC.
        true_over_off: Score with true pairs less score without OTC.
    """

    true_over_shuffled: Estimate | None
    shuffled_over_off: Estimate | None
    true_over_off: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A signature that was found.

    Attributes:
        name: The signature.
        kind: Which form of it; empty where there is but one.
        where: Arm and language.
        evidence: The numbers it rests on.
        sentence: What was found, in plain words.
        advice: What to try, the likeliest first.
    """

    name: str
    kind: str
    where: Where
    evidence: dict[str, float]
    sentence: str
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """A signature that was looked for and is not there."""

    name: str
    where: Where
    reason: str


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A signature of which nothing can be said; `where` is None where nothing was measured."""

    name: str
    where: Where | None
    reason: str


Verdict = Finding | Absent | NotJudged


def numbers(**values: float | None) -> dict[str, float]:
    """Those of the values that are known, as evidence.

    >>> numbers(chrf=31.5, flagged=None)
    {'chrf': 31.5}
    """
    return {
        name: float(value)
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }


REGULARISING: Final = "regularising-not-aligning"

_CONTROL_ADVICE: Final = (
    "Do not put OTC's gain down to alignment: any pairs give it.",
    "Compare with cheaper regularisers: label smoothing, weight decay, dropout views of one text.",
    "Add languages, test items or seeds to see a smaller advantage of true pairs.",
)


def regularising_not_aligning(case: ControlEvidence) -> Verdict:
    """Whether OTC on shuffled pairs helps, and true pairs show no advantage over them."""
    estimates = {
        "true_over_shuffled": _known(case.true_over_shuffled),
        "shuffled_over_off": _known(case.shuffled_over_off),
        "true_over_off": _known(case.true_over_off),
    }
    true, shuffled, off = estimates.values()
    if true is None or shuffled is None:
        lacks = "true and shuffled pairs" if true is None else "shuffled pairs"
        return NotJudged(
            REGULARISING, case.where, f"the control is incomplete: {lacks} were not compared"
        )
    if true.side > 0:
        return Absent(REGULARISING, case.where, f"true pairs do better than shuffled ones: {true}")
    differences = f"true over shuffled {true}, shuffled over no OTC {shuffled}"
    if shuffled.side <= 0:
        return NotJudged(REGULARISING, case.where, _no_verdict(off, differences))
    does = "better than with" if true.side < 0 else "as well as with"
    evidence: dict[str, float] = {}
    for name, estimate in estimates.items():
        if estimate is not None:
            low, high = estimate.interval
            evidence |= {name: estimate.delta, f"{name}_low": low, f"{name}_high": high}
    return Finding(
        name=REGULARISING,
        kind="",
        where=case.where,
        evidence=numbers(**evidence),
        sentence=f"{case.place}, {case.arm} does {does} true pairs where OTC's pairs are shuffled "
        f"({differences}): OTC is regularising, not aligning.",
        advice=_CONTROL_ADVICE,
    )


def _no_verdict(off: Estimate | None, differences: str) -> str:
    """Why the control tells nothing where shuffled pairs do not help."""
    if off is not None and off.side > 0:
        return (
            f"OTC on true pairs helps ({off}), but shuffled ones are neither clearly worse than "
            f"true ones nor clearly better than none ({differences})"
        )
    return (
        f"neither true nor shuffled pairs are seen to help, so nothing can be told ({differences})"
    )


WITHOUT_EFFECT: Final = "otc-without-effect"

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

_ALIGNED_ADVICE: Final = (
    "Leave OTC out here: it takes time and adds nothing.",
    "Larger batches give it harder negatives; a language further from the source has more to gain.",
    "If the aim is a better score, work on the translations or on more labelled rows.",
)
_UNALIGNED_ADVICE: Final = (
    "Read some pairs: an original must stand beside its own translation, and say the same.",
    "Raise OTC's weight, or train longer: it may not have had enough updates.",
    "Pool over all tokens (pooling mean), or give OTC a projection of its own.",
    "Use larger batches, or a learnable temperature.",
)


def otc_without_effect(case: OTCEvidence) -> Verdict:
    """Whether OTC changes no score, and which of the two reasons the vectors give for it."""
    where, effect = case.where, _known(case.effect)
    if effect is None:
        return NotJudged(WITHOUT_EFFECT, where, "the difference that OTC makes is not known")
    if effect.side:
        return Absent(WITHOUT_EFFECT, where, f"OTC has an effect: {effect}")
    if direction(effect.interval):
        unsure = f"OTC adds {effect}, which is not sure beside all else that the page asks"
        return NotJudged(WITHOUT_EFFECT, where, unsure)
    if case.chance is not None and case.chance >= TOO_EASY:
        few = round(1 / case.chance)
        return NotJudged(
            WITHOUT_EFFECT, where, f"retrieval among {few} pairs says nothing of alignment"
        )
    before, without, after = map(_retrieval, (case.before, case.without, case.with_otc))
    known = [value for value in (before, without) if value is not None]
    if not known or after is None:
        lacks = "with OTC" if after is None else "before training or without OTC"
        return NotJudged(
            WITHOUT_EFFECT, where, f"OTC adds {effect}; retrieval@1 {lacks} is not known"
        )
    kind = _kind(known, after)
    course = _course(before, without, after)
    if kind is None:
        return Absent(
            WITHOUT_EFFECT, where, f"OTC adds {effect}, but the vectors do not say why: {course}"
        )
    already = kind == "already-aligned"
    reason = "the pairs were aligned already" if already else "the pairs never aligned"
    return Finding(
        name=WITHOUT_EFFECT,
        kind=kind,
        where=where,
        evidence=_otc_numbers(case, effect),
        sentence=f"{case.place}, OTC adds {effect} to {case.arm}: no effect seen, and {reason} "
        f"({course}).",
        advice=_ALIGNED_ADVICE if already else _UNALIGNED_ADVICE,
    )


def _otc_numbers(case: OTCEvidence, effect: Estimate) -> dict[str, float]:
    points = {"before": case.before, "without": case.without, "with": case.with_otc}
    known = {when: point for when, point in points.items() if point is not None}
    return numbers(
        delta=effect.delta,
        low=effect.interval[0],
        high=effect.interval[1],
        **{f"retrieval_{when}": point.retrieval for when, point in known.items()},
        **{f"cosine_{when}": point.cosine for when, point in known.items()},
        chance=case.chance,
    )


def _retrieval(alignment: Alignment | None) -> float | None:
    return (
        None if alignment is None or not math.isfinite(alignment.retrieval) else alignment.retrieval
    )


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
    points = [(before, "before training"), (without, "without OTC"), (after, "with OTC")]
    known = [(value, when) for value, when in points if value is not None]
    digits = digits_for(value for value, _ in known)
    steps = [f"{share(value, digits)} {when}" for value, when in known]
    return f"retrieval@1 {', '.join(steps)}"


UNSTABLE: Final = "unstable-across-seeds"

SEED_LEVEL: Final = 0.05
"""Chance of calling a page's trainings unstable where decisions turn by chance alone; divided by
the number of arms and languages looked at (Bonferroni): a large study finds no more by luck."""

SEED_SPREAD: Final = 0.01
"""Smallest standard deviation worth a word; on many test items less is certain, and harmless."""

COLLAPSE: Final = 4.0
"""How many standard deviations below the others the lowest run must lie to have collapsed."""

FEWEST: Final = 3
"""Seeds from which a spread is judged: two are a difference."""

_COLLAPSED_ADVICE: Final = (
    "Look at that run's loss: a longer warm-up or a lower learning rate prevents most collapses.",
    "Let validation text choose the checkpoint, so that a collapsed run shows before the test.",
    "Report the scores with it and without it; do not leave it out in silence.",
)
_UNSTABLE_ADVICE: Final = (
    "Add seeds: the mean's interval narrows with the root of their number.",
    "Train longer or warm up longer, with a lower learning rate.",
    "Add labelled rows, or let validation text choose the checkpoint.",
)


def chance_spread(right: npt.NDArray[np.bool_], items: Sequence[Hashable]) -> float:
    """How far scores of seeds differ where no training is better than another.

    All seeds answer the same items, so that items take no part: what differs is who gets which item
    right. If within an item any seed is as likely as another, a seed's score has the variance of
    Cochran 1950, "The comparison of percentages in matched samples"; rows of one item count
    together.

    Args:
        right: `(seeds, rows) bool`, two seeds or more.
        items: `(rows,)` the test item of each row.

    Returns:
        The standard deviation of a seed's share of right rows.

    >>> right = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]], dtype=bool)
    >>> round(chance_spread(right, ["w", "x", "y", "z"]) ** 2, 6)  # two times 1/3, over 4 squared
    0.041667
    """
    numbers = np.unique(np.asarray(items, dtype=str), return_inverse=True)[1]
    sums = np.stack([np.bincount(numbers, row) for row in right.astype(np.float64)])
    return float(sums.var(axis=0, ddof=1).sum() ** 0.5 / right.shape[1])


def unstable_across_seeds(case: SeedEvidence, looked_at: int = 1) -> Verdict:
    """Whether scores vary over seeds by more than decisions that turn by chance explain.

    Cochran's Q: the variance over that of chance is chi-square. It is wrong about a page with at
    most the probability `SEED_LEVEL`; what it would have seen stands in the verdict.

    Args:
        case: Scores of one arm in one language.
        looked_at: How many of these are looked at together.
    """
    where = case.where
    scores = {seed: score for seed, score in case.scores.items() if math.isfinite(score)}
    if len(scores) < FEWEST:
        return NotJudged(UNSTABLE, where, f"{len(scores)} of at least {FEWEST} seeds are known")
    shares = all(0 <= score <= 1 for score in scores.values())
    if case.items < 1 or not shares or not 0 <= case.chance < math.inf:
        return NotJudged(UNSTABLE, where, "what the test items explain is known for shares only")
    values = np.array(list(scores.values()))
    level = SEED_LEVEL / max(looked_at, 1)
    visible = _visible(len(values), case.chance, level)
    shown, expected, seen = _alike(_spread(values), case.chance, visible)
    if _steady(values, case.chance, level):
        return Absent(
            UNSTABLE,
            where,
            f"seeds spread by {shown} (standard deviation), decisions that turn by chance explain "
            f"{expected}; trainings that differ by {seen} would be seen four times in five",
        )
    lowest = min(scores, key=scores.__getitem__)
    others = np.array([score for seed, score in scores.items() if seed != lowest])
    collapsed = _collapsed(scores[lowest], others, case.chance) and _steady(
        others, case.chance, level
    )
    return Finding(
        name=UNSTABLE,
        kind="one-collapsed-run" if collapsed else "general",
        where=where,
        evidence=numbers(
            deviation=_spread(values),
            chance=case.chance,
            luck=_luck(values, case.chance),
            p=_chance(values, case.chance),
            seeds=len(values),
            items=case.items,
            lowest=scores[lowest],
            lowest_seed=lowest,
            others=float(others.mean()),
            highest=float(values.max()),
        ),
        sentence=f"{case.place}, {case.arm} spreads by {shown} over seeds (standard deviation), "
        f"where decisions that turn by chance on these {case.items:,} test items explain "
        f"{expected}; {_what(collapsed, lowest, scores[lowest], others)}.",
        advice=_COLLAPSED_ADVICE if collapsed else _UNSTABLE_ADVICE,
    )


def _collapsed(lowest: float, others: Floats, chance: float) -> bool:
    return float(others.mean()) - lowest > COLLAPSE * max(_spread(others), chance)


def _what(collapsed: bool, seed: int, lowest: float, others: Floats) -> str:
    low, rest, high = _alike(lowest, float(others.mean()), float(others.max()))
    if collapsed:
        return f"one run collapsed: seed {seed} scores {low}, the others {rest} on average"
    return f"no single run accounts for it, they reach from {low} to {high}"


def _alike(*scores: float) -> list[str]:
    """Scores with as many digits each."""
    return [share(score, digits_for(scores)) for score in scores]


def _spread(values: Floats) -> float:
    return float(values.std(ddof=1))


def _luck(values: Floats, chance: float) -> float:
    """Standard deviation between trainings, without what chance explains."""
    return math.sqrt(max(0.0, _spread(values) ** 2 - chance**2))


def _chance(values: Floats, chance: float) -> float:
    """How often a spread of this size comes from chance alone."""
    from scipy import stats

    spread, freedom = _spread(values), len(values) - 1
    if not chance:
        return 1.0 if not spread else 0.0
    return float(stats.chi2.sf(freedom * (spread / chance) ** 2, freedom))


def _steady(values: Floats, chance: float, level: float) -> bool:
    return _luck(values, chance) < SEED_SPREAD or _chance(values, chance) >= level


def _visible(seeds: int, chance: float, level: float) -> float:
    """The smallest standard deviation between trainings that is seen four times in five."""
    from scipy import stats

    ratio = float(stats.chi2.isf(level, seeds - 1) / stats.chi2.ppf(0.2, seeds - 1))
    return max(SEED_SPREAD, chance * math.sqrt(ratio - 1))


WORSE: Final = "worse-than-zero-shot"

LOW_CHRF: Final = 50.0
"""From English, word-by-word translation reaches 42 to 49 into German, Spanish and French, and
the weakest neural system measured 55."""

LOW_CHRF_DENSE: Final = 22.0
"""Into Chinese and Japanese, where a character says as much as a word: word-by-word translation
reaches 14 to 17, the weakest neural system 27."""

DENSE: Final = 0.6
"""Density (characters per English character) below which a language has the lower bar."""

LENGTHS: Final = (0.75, 1.33)
"""Mean length ratios in between are usual; real languages differ by a tenth or so from the density
that the expected length is from, so that beyond them words are lost or repeated."""

_BETTER: Final = "Use a better translator; a study of translation quality says what it would bring."
_FAULTY: Final = "Make faulty translations anew or leave them out: quality retry or drop."
_LENGTH: Final = (
    "Look for sentences that are cut, left out or repeated: shorter segments, another decoding."
)
_MEASURE: Final = (
    "Measure the translations against references (chrF), or read twenty beside their originals."
)
_LABELS: Final = "Read some translations with their labels: does the label still hold?"
_RATIO: Final = "Give originals more weight, with a ratio of 2:1."


def worse_than_zero_shot(case: ArmEvidence) -> Verdict:
    """Whether an arm surely scores below zero-shot in a language."""
    where, effect = case.where, _known(case.over_zero_shot)
    if effect is None:
        return NotJudged(WORSE, where, "its difference to zero-shot is not known")
    if effect.side >= 0:
        return Absent(WORSE, where, f"{effect} over zero-shot is not clearly below zero")
    quality = numbers(chrf=case.chrf, flagged=case.flagged, length_ratio=case.length_ratio)
    poor = _poor(quality, case.lang)
    return Finding(
        name=WORSE,
        kind="",
        where=where,
        evidence=numbers(delta=effect.delta, low=effect.interval[0], high=effect.interval[1])
        | quality,
        sentence=f"{case.place}, {case.arm} does worse than zero-shot: {effect}. "
        f"{_quality_sentence(quality, poor)}",
        advice=(
            *_advice(quality, poor),
            f"Until then, keep zero-shot in {language_name(case.lang)}.",
        ),
    )


def _poor(quality: dict[str, float], lang: str) -> list[str]:
    """Which measures of the translations are bad."""
    bar = LOW_CHRF_DENSE if _is_dense(lang) else LOW_CHRF
    short, long = LENGTHS
    bad = {
        "chrf": quality.get("chrf", bar) < bar,
        "flagged": quality.get("flagged", 0.0) >= FAULTY,
        "length_ratio": not short <= quality.get("length_ratio", 1.0) <= long,
    }
    return [name for name, is_bad in bad.items() if is_bad]


def _is_dense(lang: str) -> bool:
    try:
        return density(lang) < DENSE
    except LanguageError:
        return False


def _quality_sentence(quality: dict[str, float], poor: list[str]) -> str:
    if not quality:
        return "How good the translations are was not measured."
    phrases = {
        "chrf": lambda value: f"their chrF is {value:.0f}",
        "flagged": lambda value: f"{percent(value, 1)} of them have a fault",
        "length_ratio": lambda value: f"they are {value:.2f} times as long as expected",
    }
    shown = poor or list(quality)
    facts = listed([phrases[name](quality[name]) for name in shown])
    if poor:
        return f"The translations are poor: {facts}."
    return f"What was measured of the translations does not explain it: {facts}."


def _advice(quality: dict[str, float], poor: list[str]) -> list[str]:
    if not quality:
        return [_MEASURE, _BETTER]
    if not poor:
        return [_LABELS, _RATIO, *([_MEASURE] if "chrf" not in quality else [])]
    cures = {"chrf": _BETTER, "flagged": _FAULTY, "length_ratio": _LENGTH}
    return list(dict.fromkeys([*(cures[name] for name in poor), _BETTER]))
