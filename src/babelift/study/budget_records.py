"""What a label budget holds: plain frozen records, ready for JSON."""

import math
from dataclasses import dataclass
from typing import Literal

from babelift.errors import ConfigError
from babelift.study.learning_curve import Kind

Bound = Literal["exact", "below", "above"]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Price:
    """What annotating and translating cost, in any one currency.

    Attributes:
        per_label: Price of one native label.
        translating: Fixed price of translating, 0 where it is to be left out.

    Raises:
        ConfigError: A price is negative or no number, or labels are free.
    """

    per_label: float
    translating: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_label) and self.per_label > 0):
            raise ConfigError(f"the price per label must be above 0, got {self.per_label}.")
        if not (math.isfinite(self.translating) and self.translating >= 0):
            raise ConfigError(
                f"the price of translating must be 0 or more, got {self.translating}."
            )


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number of labels, or its price.

    Attributes:
        value: The number.
        bound: `exact`, or `below` (fewer than this, the fewest tried), or `above` (more than this,
            the most tried).
    """

    value: float
    bound: Bound


@dataclass(frozen=True, slots=True)
class Cost:
    """What it costs to reach the translations' score with native labels.

    Attributes:
        per_label: Price of one.
        labels: Price of them all.
        interval: Of that price.
        translating: Fixed price of translating.
        affordable: Labels that the price of translating would buy.
        break_even: Price per label at which annotating costs as much as translating; None where
            translating is free or the number of labels is only bounded.
    """

    per_label: float
    labels: Bounded
    interval: tuple[Bounded, Bounded] | None
    translating: float
    affordable: int
    break_even: float | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What translations of so many source rows are worth.

    Attributes:
        size: Labelled source rows that were translated.
        score: Mean score over seeds.
        score_interval: Of that mean.
        labels: Native labels with which a classifier scores as much.
        interval: Of that number.
        cost: None where no price was given.
    """

    size: int
    score: float
    score_interval: Interval | None
    labels: Bounded
    interval: tuple[Bounded, Bounded] | None
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Gain:
    """What further native labels add at the most that were tried, at the rate seen there.

    Attributes:
        at: Native labels.
        per_100: Score gained with 100 more.
        interval: Of that gain.
    """

    at: int
    per_100: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve of native rows.

    Attributes:
        kind: `power-law`, or `log-linear`: straight lines in the logarithm of the number.
        sizes: Numbers of native labels, rising.
        scores: Mean score at each.
        intervals: Of these means; empty where nothing was seen to vary.
        fitted: The curve at each size.
        power_law: `ceiling`, `drop` and `exponent` of
            score = ceiling - drop * (n / smallest n) ** -exponent; None for the other kind.
    """

    kind: Kind
    sizes: tuple[int, ...]
    scores: tuple[float, ...]
    intervals: tuple[Interval, ...]
    fitted: tuple[float, ...]
    power_law: dict[str, float] | None


@dataclass(frozen=True, slots=True)
class LabelBudget:
    """The label budget of one language; `dataclasses.asdict` of it can be written as JSON.

    Attributes:
        lang: The language.
        level: Of all intervals.
        seeds_seen: Whether the intervals cover the seeds' luck.
        items_seen: Whether they cover the choice of test items.
        native: The learning curve of native rows.
        worth: One for each number of translated source rows, rising.
        gain: None where only one number of native labels was tried.
        notes: What a reader should know about how this was found.
        sentence: The answer in plain words.
    """

    lang: str
    level: float
    seeds_seen: bool
    items_seen: bool
    native: Curve
    worth: tuple[Worth, ...]
    gain: Gain | None
    notes: tuple[str, ...]
    sentence: str
