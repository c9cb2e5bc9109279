"""The label budget: how many native labels the translations are worth, and what those would cost.

The score of the classifier trained on translations is looked up on the learning curve of native
rows. Nothing is said beyond the numbers of labels that were tried: there the answer is a bound.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from babelift.errors import ConfigError
from babelift.evaluate.scores import Floats
from babelift.report.numbers import counted, language_name
from babelift.study.budget_records import (
    Bounded,
    Cost,
    Curve,
    Gain,
    Interval,
    LabelBudget,
    Price,
    Worth,
)
from babelift.study.budget_words import budget_sentence
from babelift.study.learning_curve import Curves, PowerLaw, choose, fit
from babelift.study.measured import Means, Measured, by_size, means

__all__ = ["LabelBudget", "Measured", "Price", "label_budget"]

PER: Final = 100
"""Labels that the gain of further labels is given for."""


def label_budget(
    lang: str,
    native: Sequence[Measured],
    translated: Sequence[Measured],
    *,
    price: Price | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> LabelBudget:
    """How many native labels of a language the translations into it are worth.

    Each draw of the means (see `measured.means`) is given its own curve, and the interval holds
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
        DataError: One of the two holds no score, a score is above 1, a size is below 1, a seed
            occurs twice at a size, or results by test item do not fit together.
        ConfigError: `level` is not between 0 and 1, or `draws` below 1.

    >>> native = [Measured(n, 0, score) for n, score in ((100, 0.5), (400, 0.7))]
    >>> found = label_budget("ja", native, [Measured(800, 0, 0.6)], price=Price(0.25))
    >>> found.sentence
    'In Japanese the translations are worth 200 native labels; from 200 labels on, at 0.25 each (50), annotating beats translating. At 400 labels, 100 more add +.04.'
    >>> found.notes[0]
    'One seed: there are no intervals.'
    """  # noqa: E501
    if not 0 < level < 1 or draws < 1:
        raise ConfigError(
            f"the level must be between 0 and 1 and draws at least 1, got {level} and {draws}."
        )
    where = language_name(lang)
    ours, theirs = by_size(native, where, "native"), by_size(translated, where, "translated")
    sizes = np.array(list(ours), dtype=np.float64)
    found = means([*ours.values(), *theirs.values()], draws=draws, seed=seed)
    many = len(sizes)
    kind, why = choose(
        sizes, found.observed[:many], found.counts[:many], found.variance, found.freedom
    )
    curve = fit(kind, sizes, found.observed[None, :many], found.counts[:many])
    drawn = (
        None
        if found.drawn is None
        else fit(kind, sizes, found.drawn[:, :many], found.counts[:many])
    )
    ends = (1 - level) / 2, (1 + level) / 2
    worth = tuple(
        _worth(size, curve, drawn, found, many + place, ends, price)
        for place, size in enumerate(theirs)
    )
    gain = _gain(curve, drawn, ends) if many > 1 else None
    left_out = len(native) + len(translated) - int(found.counts.sum())
    return LabelBudget(
        lang=lang,
        level=level,
        seeds_seen=found.seeds_seen,
        items_seen=found.items_seen,
        native=_curve(curve, found, ends),
        worth=worth,
        gain=gain,
        notes=(*_notes(found, curve, left_out), *why),
        sentence=budget_sentence(lang, worth[-1], gain, min(ours), max(ours)),
    )


def _worth(
    size: int,
    curve: Curves,
    drawn: Curves | None,
    found: Means,
    cell: int,
    ends: Interval,
    price: Price | None,
) -> Worth:
    number = _bounded(curve.reach(found.observed[cell : cell + 1])[0], curve)
    interval = score_interval = None
    if drawn is not None and found.drawn is not None:
        scores = found.drawn[:, cell]
        score_interval = _quantiles(scores, ends)
        low, high = _quantiles(drawn.reach(scores), ends)
        interval = _bounded(low, curve), _bounded(high, curve)
    return Worth(
        size=size,
        score=float(found.observed[cell]),
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


def _gain(curve: Curves, drawn: Curves | None, ends: Interval) -> Gain:
    return Gain(
        at=round(curve.sizes[-1]),
        per_100=float(PER * curve.slope()[0]),
        interval=None if drawn is None else _quantiles(PER * drawn.slope(), ends),
    )


def _curve(curve: Curves, found: Means, ends: Interval) -> Curve:
    many = len(curve.sizes)
    drawn = [] if found.drawn is None else list(found.drawn[:, :many].T)
    return Curve(
        kind="power-law" if isinstance(curve, PowerLaw) else "log-linear",
        sizes=tuple(round(size) for size in curve.sizes),
        scores=tuple(found.observed[:many].tolist()),
        intervals=tuple(_quantiles(scores, ends) for scores in drawn),
        fitted=tuple(curve.fitted[0].tolist()),
        power_law=curve.parameters() if isinstance(curve, PowerLaw) else None,
    )


def _notes(found: Means, curve: Curves, left_out: int) -> list[str]:
    said = []
    if found.drawn is None:
        said.append("One seed: there are no intervals.")
    elif not found.seeds_seen:
        said.append("One seed: the intervals cover the choice of test items only.")
    elif not found.items_seen:
        said.append("The intervals cover the seeds' luck only, not the choice of test items.")
    if found.seeds_seen and found.counts.min() == 1:
        said.append("Where there is one seed, its luck is taken to be as large as the others'.")
    if left_out:
        verb = "is no number and was" if left_out == 1 else "are no numbers and were"
        said.append(f"{counted(left_out, 'score')} {verb} left out.")
    fitted = curve.fitted[0]
    if len(fitted) == 1:
        said.append("One number of native labels tried: there is no learning curve.")
    elif fitted[0] == fitted[-1]:
        said.append("More native labels did not score higher: the curve is taken as level.")
    return said
