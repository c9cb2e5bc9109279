"""The label budget: how many native labels the translations are worth, and what those would cost.

The score of the classifier trained on translations is looked up on the learning curve of native
rows. Nothing is said beyond the numbers of labels that were tried: there the answer is a bound.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import polars as pl

from babelift.errors import ConfigError
from babelift.evaluation.metrics import Floats
from babelift.report.numbers import counted, difference, language_name
from babelift.study.answers import money
from babelift.study.learning_curve import (
    Curves,
    Kind,
    Means,
    PowerLaw,
    Run,
    by_size,
    choose,
    fit,
    means,
)
from babelift.study.spec import OFF, StudySpec

Bound = Literal["exact", "below", "above"]
Interval = tuple[float, float]

PER: Final = 100
"""Labels that the gain of further labels is given for."""

LEAST_NATIVE_SIZES: Final = 2
"""Numbers of native labels from which a learning curve can be drawn."""


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
        items_seen: Whether they cover the choice of test items: no.
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


def budget_sentence(lang: str, worth: Worth, gain: Gain | None, fewest: int, most: int) -> str:
    """What the translations are worth, what that costs, and what further labels would add.

    Args:
        lang: Its tag.
        worth: What they are worth.
        gain: What further labels add.
        fewest: Fewest native labels tried.
        most: Most native labels tried.

    >>> worth = Worth(800, 0.7, None, Bounded(310, "exact"),
    ...     (Bounded(220, "exact"), Bounded(700, "above")), None)
    >>> budget_sentence("ja", worth, None, 50, 700)
    'In Japanese the translations are worth 310 native labels [220, more than 700]; from 310 labels on annotating beats translating.'
    """  # noqa: E501
    sentences = [_worth(language_name(lang), worth, fewest, most)]
    if worth.cost and worth.cost.translating and not _unknown(worth):
        sentences.append(_compared(worth.cost))
    if gain:
        sentences.append(_gain(gain))
    return " ".join(sentence for sentence in sentences if sentence)


def _unknown(worth: Worth) -> bool:
    return worth.interval is not None and [end.bound for end in worth.interval] == [
        "below",
        "above",
    ]


def _worth(language: str, worth: Worth, fewest: int, most: int) -> str:
    if _unknown(worth):
        return (
            f"In {language} it cannot be told what the translations are worth: anything from fewer "
            f"than {fewest:,} to more than {most:,} native labels."
        )
    what = f"In {language} the translations are worth {labels(worth.labels)} native labels"
    within = f" [{', '.join(labels(end) for end in worth.interval)}]" if worth.interval else ""
    number = f"{worth.labels.value:,.0f} {'label' if worth.labels.value == 1 else 'labels'}"
    price = _price(worth.cost)
    if worth.labels.bound == "below":
        does = "beats" if worth.labels.value == 1 else "beat"
        return f"{what}, the fewest tried{within}; {number}{price} already {does} translating."
    if worth.labels.bound == "above":
        return (
            f"{what}, the most tried{within}; up to {number}{price} annotating does not beat "
            "translating."
        )
    return f"{what}{within}; from {number} on{price} annotating beats translating."


def _price(cost: Cost | None) -> str:
    if cost is None:
        return ""
    return f", at {money(cost.per_label)} each ({money(cost.labels.value)}),"


def _compared(cost: Cost) -> str:
    """Which of the two is cheaper; empty where the bound leaves it open."""
    saved, bound = cost.labels.value - cost.translating, cost.labels.bound
    opening = f"Translating costs {money(cost.translating)}"
    if saved > 0 and bound != "below":
        least = "more than " if bound == "above" else ""
        return f"{opening} and so saves {least}{money(saved)}."
    if saved < 0 and bound != "above":
        return (
            f"{opening}, which would buy {cost.affordable:,} labels: annotating is the better buy."
        )
    return f"{opening}, the same." if bound == "exact" else ""


def labels(number: Bounded) -> str:
    """A number of labels, with the bound in words.

    >>> labels(Bounded(1200, "exact")), labels(Bounded(50, "below")), labels(Bounded(700, "above"))
    ('1,200', 'fewer than 50', 'more than 700')
    """
    words = {"exact": "", "below": "fewer than ", "above": "more than "}
    return f"{words[number.bound]}{number.value:,.0f}"


def _gain(gain: Gain) -> str:
    if gain.per_100 < 0.0005 and (gain.interval is None or gain.interval[1] < 0.0005):
        return f"At {gain.at:,} labels, more of them add nothing that shows."
    by = difference(gain.per_100, gain.interval)
    return f"At {gain.at:,} labels, 100 more add {by}."


def budgets(spec: StudySpec, results: pl.DataFrame) -> list[LabelBudget]:
    """What the translations are worth in native labels, per language; empty without sizes.

    Of the study's first translator, encoder and ratio, without OTC; the mean over sources, as
    everywhere. A seed that lacks a source, because a run failed, is left out.
    """
    f1 = results.filter(metric="f1_micro", otc=OFF, encoder=next(iter(spec.encoders)))
    native = f1.filter(arm="original")
    translated = (
        f1.filter(arm="translated", translator=next(iter(spec.translators)), ratio=spec.ratios[0])
        .group_by("lang", "rows", "seed", maintain_order=True)
        .agg(pl.col("value").mean(), pl.col("size").mean().round().cast(pl.Int64), sources=pl.len())
        .filter(pl.col("sources") == pl.col("sources").max().over("lang", "rows"))
    )
    price = None if spec.price.label is None else Price(spec.price.label)
    label_budgets = []
    for lang in spec.targets:
        sides = [_runs(side.filter(lang=lang)) for side in (native, translated)]
        if len({run.size for run in sides[0]}) >= LEAST_NATIVE_SIZES and sides[1]:
            label_budgets.append(label_budget(lang, *sides, price=price))
    return label_budgets


def _runs(rows: pl.DataFrame) -> list[Run]:
    # Two numbers of rows that were asked for may come to the same, where a table has no more.
    each = rows.group_by("size", "seed", maintain_order=True).agg(pl.col("value").mean())
    return [Run(size, seed, value) for size, seed, value in each.iter_rows()]


def label_budget(
    lang: str,
    native: Sequence[Run],
    translated: Sequence[Run],
    *,
    price: Price | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> LabelBudget:
    """How many native labels of a language the translations into it are worth.

    Each draw of the means (see `learning_curve.means`) is given its own curve, and the interval holds
    the middle `level` of the crossings. Scores that are no number are left out and noted.

    Args:
        lang: The language, as a tag.
        native: Classifiers trained on so many labelled rows of the language itself.
        translated: Classifiers trained on translations of so many labelled rows of another.
        price: What annotating and translating cost.
        level: Of the intervals.
        draws: How many times to draw.
        seed: Seed of the draws.

    Raises:
        DataError: One of the two holds no score, a score is above 1, a size is below 1, or
            a seed occurs twice at a size.
        ConfigError: `level` is not between 0 and 1, or `draws` below 1.

    >>> native = [Run(n, 0, score) for n, score in ((100, 0.5), (400, 0.7))]
    >>> budget = label_budget("ja", native, [Run(800, 0, 0.6)], price=Price(0.25))
    >>> budget.sentence
    'In Japanese the translations are worth 200 native labels; from 200 labels on, at 0.25 each (50), annotating beats translating. At 400 labels, 100 more add +.04.'
    >>> budget.notes[0]
    'One seed: there are no intervals.'
    """  # noqa: E501
    if not 0 < level < 1 or draws < 1:
        raise ConfigError(
            f"the level must be between 0 and 1 and draws at least 1, got {level} and {draws}."
        )
    where = language_name(lang)
    ours, theirs = by_size(native, where, "native"), by_size(translated, where, "translated")
    sizes = np.array(list(ours), dtype=np.float64)
    mean_scores = means([*ours.values(), *theirs.values()], draws=draws, seed=seed)
    many = len(sizes)
    kind, why = choose(
        sizes,
        mean_scores.observed[:many],
        mean_scores.counts[:many],
        mean_scores.variance,
        mean_scores.freedom,
    )
    curve = fit(kind, sizes, mean_scores.observed[None, :many], mean_scores.counts[:many])
    drawn = (
        None
        if mean_scores.drawn is None
        else fit(kind, sizes, mean_scores.drawn[:, :many], mean_scores.counts[:many])
    )
    ends = (1 - level) / 2, (1 + level) / 2
    worth = tuple(
        _worth_of(size, curve, drawn, mean_scores, many + place, ends, price)
        for place, size in enumerate(theirs)
    )
    gain = _gain_of(curve, drawn, ends) if many > 1 else None
    left_out = len(native) + len(translated) - int(mean_scores.counts.sum())
    return LabelBudget(
        lang=lang,
        level=level,
        seeds_seen=mean_scores.drawn is not None,
        items_seen=False,
        native=_curve(curve, mean_scores, ends),
        worth=worth,
        gain=gain,
        notes=(*_notes(mean_scores, curve, left_out), *why),
        sentence=budget_sentence(lang, worth[-1], gain, min(ours), max(ours)),
    )


def _worth_of(
    size: int,
    curve: Curves,
    drawn: Curves | None,
    mean_scores: Means,
    cell: int,
    ends: Interval,
    price: Price | None,
) -> Worth:
    number = _bounded(curve.reach(mean_scores.observed[cell : cell + 1])[0], curve)
    interval = score_interval = None
    if drawn is not None and mean_scores.drawn is not None:
        scores = mean_scores.drawn[:, cell]
        score_interval = _quantiles(scores, ends)
        low, high = _quantiles(drawn.reach(scores), ends)
        interval = _bounded(low, curve), _bounded(high, curve)
    return Worth(
        size=size,
        score=float(mean_scores.observed[cell]),
        score_interval=score_interval,
        labels=number,
        interval=interval,
        cost=None if price is None else _cost(number, interval, price),
    )


def _bounded(number: float, curve: Curves) -> Bounded:
    if math.isfinite(number):
        return Bounded(round(number), "exact")
    return (
        Bounded(round(curve.sizes[0]), "below")
        if number < 0
        else Bounded(round(curve.sizes[-1]), "above")
    )


def _quantiles(values: Floats, ends: Interval) -> Interval:
    """Quantiles that are themselves among the values: between infinite ones there is no middle."""
    low = np.quantile(values, ends[0], method="lower")
    high = np.quantile(values, ends[1], method="higher")
    return float(low), float(high)


def _cost(number: Bounded, interval: tuple[Bounded, Bounded] | None, price: Price) -> Cost:
    def priced(labels: Bounded) -> Bounded:
        return Bounded(labels.value * price.per_label, labels.bound)

    exact = number.bound == "exact" and price.translating > 0
    return Cost(
        per_label=price.per_label,
        labels=priced(number),
        interval=None if interval is None else (priced(interval[0]), priced(interval[1])),
        translating=price.translating,
        affordable=math.floor(price.translating / price.per_label + 1e-9),
        break_even=price.translating / number.value if exact else None,
    )


def _gain_of(curve: Curves, drawn: Curves | None, ends: Interval) -> Gain:
    return Gain(
        at=round(curve.sizes[-1]),
        per_100=float(PER * curve.slope()[0]),
        interval=None if drawn is None else _quantiles(PER * drawn.slope(), ends),
    )


def _curve(curve: Curves, mean_scores: Means, ends: Interval) -> Curve:
    many = len(curve.sizes)
    drawn = [] if mean_scores.drawn is None else list(mean_scores.drawn[:, :many].T)
    return Curve(
        kind="power-law" if isinstance(curve, PowerLaw) else "log-linear",
        sizes=tuple(round(size) for size in curve.sizes),
        scores=tuple(mean_scores.observed[:many].tolist()),
        intervals=tuple(_quantiles(scores, ends) for scores in drawn),
        fitted=tuple(curve.fitted[0].tolist()),
        power_law=curve.parameters() if isinstance(curve, PowerLaw) else None,
    )


def _notes(mean_scores: Means, curve: Curves, left_out: int) -> list[str]:
    notes = []
    if mean_scores.drawn is None:
        notes.append("One seed: there are no intervals.")
    else:
        notes.append("The intervals cover the seeds' luck only, not the choice of test items.")
        if mean_scores.counts.min() == 1:
            notes.append(
                "Where there is one seed, its luck is taken to be as large as the others'."
            )
    if left_out:
        verb = "is no number and was" if left_out == 1 else "are no numbers and were"
        notes.append(f"{counted(left_out, 'score')} {verb} left out.")
    fitted = curve.fitted[0]
    if len(fitted) == 1:
        notes.append("One number of native labels tried: there is no learning curve.")
    elif fitted[0] == fitted[-1]:
        notes.append("More native labels did not score higher: the curve is taken as level.")
    return notes
