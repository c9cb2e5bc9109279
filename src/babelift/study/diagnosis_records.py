"""What a diagnosis is made from, and what it holds: plain frozen records, ready for JSON."""

import math
from dataclasses import dataclass

from babelift.errors import DataError


def _check_share(name: str, value: float | None) -> None:
    """Refuse percentages: a rule would take them for perfection."""
    if value is not None and (value < 0 or value > 1):
        raise DataError(f"'{name}' must be a share between 0 and 1, got {value}.")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference of scores with its interval.

    >>> Estimate(0.02, (-0.01, 0.05)).side, Estimate(0.02, (0.01, 0.03)).side
    (0, 1)
    """

    delta: float
    interval: tuple[float, float]

    @property
    def side(self) -> int:
        """1 or -1 where the whole interval lies above or below zero, else 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)

    @property
    def known(self) -> bool:
        """Whether all three are numbers, in their order."""
        low, high = self.interval
        return all(map(math.isfinite, (self.delta, low, high))) and low <= high


@dataclass(frozen=True, slots=True)
class ArmEvidence:
    """An arm against zero-shot in one language, and how good the translations were.

    Attributes:
        arm: Name of the arm, as a reader knows it.
        lang: The language.
        over_zero_shot: Score of the arm less that of zero-shot.
        chrf: chrF of the translations against references, 0 to 100.
        flagged: Share of the translations in which the checks found a fault, 0 to 1.
        length_ratio: Mean length of the translations over the one expected from their originals
            and the two languages' densities; 1 where they are as long as they should be.
    """

    arm: str
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
class OTCEvidence:
    """An arm with OTC against the same without, and what it did to the vectors.

    From held-back pairs of one language, or from the training's log over all of them: `before` is
    then the first updates, and `with_otc` the last.

    Attributes:
        arm: Name of the arm.
        lang: The language; None where over all of them.
        effect: Score with OTC less score without.
        before: Before training.
        without: After training without OTC.
        with_otc: After training with OTC.
        chance: Retrieval if all vectors were alike: one over the number of pairs searched.
    """

    arm: str
    lang: str | None
    effect: Estimate | None
    before: Alignment | None = None
    without: Alignment | None = None
    with_otc: Alignment | None = None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class SeedEvidence:
    """An arm's scores in one language, which differ in the seed alone.

    Attributes:
        arm: Name of the arm.
        lang: The language.
        scores: Seed to score; a share of right test items (F1-micro).
        items: Number of test items.
    """

    arm: str
    lang: str
    scores: dict[int, float]
    items: int


@dataclass(frozen=True, slots=True)
class ControlEvidence:
    """OTC on true pairs, on shuffled pairs, and no OTC.

    Attributes:
        arm: Name of the arm.
        lang: The language; None where over all of them.
        true_over_shuffled: Score with true pairs less score with shuffled ones.
        shuffled_over_off: Score with shuffled pairs less score without OTC.
        true_over_off: Score with true pairs less score without OTC.
    """

    arm: str
    lang: str | None
    true_over_shuffled: Estimate | None
    shuffled_over_off: Estimate | None
    true_over_off: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a study's comparisons."""

    arms: tuple[ArmEvidence, ...] = ()
    otc: tuple[OTCEvidence, ...] = ()
    seeds: tuple[SeedEvidence, ...] = ()
    controls: tuple[ControlEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """Where something was looked for; no language where over all of them."""

    arm: str
    lang: str | None = None


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


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, what was looked for in vain, and what could not be judged."""

    findings: tuple[Finding, ...] = ()
    absent: tuple[Absent, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()


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
