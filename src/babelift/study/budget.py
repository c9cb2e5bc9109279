"""The label budget: how many native labels the translations are worth, and what those would cost.

The score of the classifier trained on translations is held against the learning curve of native
rows. Nothing is said beyond the numbers of labels that were tried: there the answer is a bound.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import isotonic_regression

from babelift.errors import ConfigError, DataError
from babelift.evaluation.metrics import Floats
from babelift.report.numbers import counted, difference, language_name
from babelift.study.answers import money
from babelift.study.learning_curve import (
    EXPONENTS,
    POWER_LAW_SIZES,
    Cells,
    PowerLaw,
    cells,
    power_law,
)
from babelift.study.results import Scores
from babelift.study.spec import OFF, StudySpec

Bools = npt.NDArray[np.bool_]
Bound = Literal["exact", "below", "above"]
Interval = tuple[float, float]

PER: Final = 100
"""Labels that the gain of further labels is given for."""

LEAST_NATIVE_SIZES: Final = 2
"""Numbers of native labels from which anything is said."""

LEAST_ITEMS: Final = 2
"""Test items from which their luck can be told."""

SEEDS: Final = 5
"""Seeds that are advised where there is one."""

MISFIT: Final = 0.2
"""Chance of a misfit at which a power law is refused: lenient, since what is wrongly refused only
makes the interval wider."""

_GRID: Final = 1000
"""Numbers of labels looked at along a power law."""

_SAME: Final = 1e-12
"""Scores nearer than this are one score: what is left of a mean's rounding."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number of labels.

    Attributes:
        value: The number.
        bound: `exact`, or `below` (fewer than this, the fewest tried), or `above` (more than this,
            the most tried).
    """

    value: float
    bound: Bound


Range = tuple[Bounded, Bounded]


@dataclass(frozen=True, slots=True)
class Worth:
    """What translations of so many source rows are worth.

    Attributes:
        size: Labelled source rows that were translated.
        score: Mean score over seeds.
        score_interval: Of that mean; None with one seed.
        labels: Native labels with which a classifier scores as much; None where no one number
            can be said.
        interval: Of that number: below it translating is told to be the better, above it
            annotating. From `below` to `above` where nothing can be said; None with one seed.
    """

    size: int
    score: float
    score_interval: Interval | None
    labels: Bounded | None
    interval: Range | None

    @property
    def known(self) -> bool:
        """Whether anything can be said of its worth."""
        return self.interval is not None and [end.bound for end in self.interval] != [
            "below",
            "above",
        ]


@dataclass(frozen=True, slots=True)
class Gain:
    """What native labels added between the two largest numbers that were tried.

    Attributes:
        since: The smaller number.
        at: The larger.
        per_100: Score gained with 100 more, on average.
        interval: Of that gain.
    """

    since: int
    at: int
    per_100: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve of native rows.

    Attributes:
        kind: `power-law`, or `tried`: of nothing but the sizes tried is anything known.
        sizes: Numbers of native labels, rising.
        scores: Mean score at each.
        intervals: Of these means; empty with one seed.
        fitted: The power law at each size, else the never-falling scores nearest to the means.
        power_law: `ceiling`, `drop` and `exponent` of
            score = ceiling - drop * (n / smallest n) ** -exponent; None for the other kind.
    """

    kind: Literal["power-law", "tried"]
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
        level: Of all intervals, which cover the luck of trainings and of test items.
        seeds: Trainings of each condition.
        native: The learning curve of native rows.
        worth: One for each number of translated source rows, rising.
        gain: None where only one number of native labels was tried, or with one seed.
        notes: What a reader should know about how this was found.
        sentence: The answer in plain words.
    """

    lang: str
    level: float
    seeds: int
    native: Curve
    worth: tuple[Worth, ...]
    gain: Gain | None
    notes: tuple[str, ...]
    sentence: str


def budget_sentence(lang: str, worth: Worth, gain: Gain | None, price: float | None = None) -> str:
    """What the translations are worth, what that costs, and what further labels would add.

    Args:
        lang: Its tag.
        worth: What they are worth.
        gain: What further labels added.
        price: Of a label, if known.

    >>> worth = Worth(800, 0.7, None, Bounded(310, "exact"),
    ...     (Bounded(220, "exact"), Bounded(520, "exact")))
    >>> budget_sentence("ja", worth, None)
    'In Japanese the translations are worth 310 native labels [220, 520]: below 220 labels translating is the better, above 520 annotating; in between it cannot be told.'
    """  # noqa: E501
    language = language_name(lang)
    if worth.interval is None:
        return (
            f"In {language} it cannot be said how many native labels the translations are worth: "
            "one training per condition does not show how much of a score is its luck. Take "
            f"{SEEDS} seeds."
        )
    sentence = _worth(language, worth, *worth.interval, price)
    return f"{sentence} {gain_sentence(gain)}" if gain else sentence


def _worth(language: str, worth: Worth, low: Bounded, high: Bounded, price: float | None) -> str:
    if not worth.known:
        return (
            f"In {language} it cannot be said what the translations are worth: anything from "
            f"{labels(low)} to {labels(high)} native labels."
        )
    what = f"In {language} the translations are worth"
    if low.bound == "above":
        return (
            f"{what} {labels(low)} native labels, the most tried: up to {_priced(low, price)} "
            "translating is the better."
        )
    if high.bound == "below":
        does = "beats" if high.value == 1 else "beat"
        return (
            f"{what} {labels(high)} native labels, the fewest tried: "
            f"{_priced(high, price)} already {does} translating."
        )
    number = f"{labels(worth.labels)} native labels" if worth.labels else _between(low, high)
    within = f" [{labels(low)}, {labels(high)}]" if worth.labels else ""
    return f"{what} {number}{within}: {_better(low, high, price)}."


def _between(low: Bounded, high: Bounded) -> str:
    if low.bound == "below":
        return f"{high.value:,.0f} native labels or fewer"
    if high.bound == "above":
        return f"{low.value:,.0f} native labels or more"
    return f"between {low.value:,.0f} and {high.value:,.0f} native labels"


def _better(low: Bounded, high: Bounded, price: float | None) -> str:
    below = f"below {_priced(low, price)} translating is the better"
    if high.bound == "above":
        return f"{below}; above, it cannot be told"
    if low.bound == "below":
        return f"above {_priced(high, price)} annotating is the better; below, it cannot be told"
    above = f"above {_priced(high, price, short=True)} annotating"
    return f"{below}, {above}; in between it cannot be told"


def _priced(number: Bounded, price: float | None, *, short: bool = False) -> str:
    """A number of labels with its price, the price of one and the word left out if short."""
    words = f"{number.value:,.0f}" if short else counted(round(number.value), "label")
    if price is None:
        return words
    each = "" if short else f" at {money(price)} each"
    return f"{words} ({money(number.value * price)}{each})"


def labels(number: Bounded) -> str:
    """A number of labels, with the bound in words.

    >>> labels(Bounded(1200, "exact")), labels(Bounded(50, "below")), labels(Bounded(700, "above"))
    ('1,200', 'fewer than 50', 'more than 700')
    """
    words = {"exact": "", "below": "fewer than ", "above": "more than "}
    return f"{words[number.bound]}{number.value:,.0f}"


def gain_sentence(gain: Gain) -> str:
    """What further labels added, in words."""
    by = difference(gain.per_100, gain.interval)
    return f"Between {gain.since:,} and {gain.at:,} labels, 100 more added {by}."


def budgets(spec: StudySpec, results: pl.DataFrame, scores: Scores) -> list[LabelBudget]:
    """What the translations are worth in native labels, per language; empty without sizes.

    Of the study's first translator, encoder and ratio, without OTC; the mean over sources, as
    everywhere. Test rows and seeds that a condition lacks, because a run failed, are left out.

    Args:
        spec: The study.
        results: Its tidy table, which has the sizes.
        scores: Its predictions.
    """
    here = {"otc": OFF, "encoder": next(iter(spec.encoders))}
    of_pairs = {"arm": "translated", "translator": next(iter(spec.translators)),
                "ratio": spec.ratios[0]}  # fmt: skip
    key = ["arm", "source", "rows", "seed", "lang"]
    sizes, right = (
        pl.concat([chosen.filter(arm="original"), chosen.filter(**of_pairs)])
        for chosen in (results.filter(metric="f1_micro", **here), scores.table.filter(**here))
    )
    rows = right.join(sizes.select(*key, "size"), on=key, nulls_equal=True)
    # Two numbers of rows that were asked for may come to the same, where a table has no more.
    rows = rows.with_columns(
        size=pl.col("size").mean().over("arm", "lang", "rows").round().cast(pl.Int64)
    )
    label_budgets = []
    for lang in spec.targets:
        native, translated, items = _sides(rows.filter(lang=lang))
        if len(native) < LEAST_NATIVE_SIZES or not translated:
            continue
        budget = label_budget(lang, native, translated, items=items, price=spec.price.label)
        if left_out := spec.seeds - budget.seeds:
            note = f"{counted(left_out, 'seed')} of {spec.seeds} without all trainings: left out."
            budget = replace(budget, notes=(*budget.notes, note))
        label_budgets.append(budget)
    return label_budgets


def _sides(rows: pl.DataFrame) -> tuple[dict[int, Floats], dict[int, Floats], list[str]]:
    """`(seeds, rows)` by size of both arms, and the rows' items: what all cells share."""
    cell = ["arm", "size"]
    each = rows.group_by(*cell, "seed", "id").agg(
        pl.col("right").mean(), pl.col("group_id").first(), sources=pl.len()
    )
    each = each.filter(pl.col("sources") == pl.col("sources").max().over(cell))
    many = each.select(cell).n_unique()
    each = each.filter(pl.struct(cell).n_unique().over("seed") == many)
    each = each.filter(pl.len().over("id") == many * pl.col("seed").n_unique())
    sides: dict[str, dict[int, Floats]] = {"original": {}, "translated": {}}
    each = each.sort(*cell, "seed", "id")
    for (arm, size), own in each.group_by(cell, maintain_order=True):
        sides[str(arm)][int(size)] = own["right"].to_numpy().reshape(own["seed"].n_unique(), -1)
    items = each.unique("id", maintain_order=True).sort("id")["group_id"].to_list()
    return sides["original"], sides["translated"], items


def label_budget(
    lang: str,
    native: Mapping[int, npt.ArrayLike],
    translated: Mapping[int, npt.ArrayLike],
    *,
    items: Sequence[Hashable] | None = None,
    price: float | None = None,
    level: float = 0.95,
) -> LabelBudget:
    """How many native labels of a language the translations into it are worth.

    A number of labels is inside the interval where the learning curve at it is not told apart from
    the translations' score (Fieller 1954; a root of a curve, not a draw of one), with the luck of
    seeds and test items as in every comparison of a study. Along a power law, where four sizes or
    more lie on one, all numbers are looked at. Else only the sizes that were tried are, and the
    interval reaches out to the next of them: right for every curve that does not turn between
    sizes. Going up from the smallest number, the first that is not told apart ends the interval,
    and likewise down from the largest, so that each end is wrong with half of `1 - level`.

    Args:
        lang: The language, as a tag.
        native: Classifiers trained on so many labelled rows of the language itself:
            `(seeds, rows)`, from 0 (wrong) to 1 (right) in the same test rows everywhere.
        translated: The same of classifiers trained on translations of so many labelled rows of
            another language.
        items: `(rows,)` the test item of each row; None where each is its own.
        price: Of a label, above 0.
        level: Of the intervals.

    Raises:
        DataError: One of the two holds nothing, the shapes differ, values lie outside 0 to 1, a
            size is below 1, or there are fewer than two test items.
        ConfigError: `level` is not between 0 and 1.

    >>> generator = np.random.default_rng(0)
    >>> def right(share):
    ...     return generator.random((5, 1000)) < share
    >>> curve = {50: 0.5, 100: 0.6, 200: 0.67, 400: 0.72}
    >>> native = {size: right(score) for size, score in curve.items()}
    >>> budget = label_budget("ja", native, {600: right(0.63)}, price=0.25)
    >>> budget.sentence
    'In Japanese the translations are worth 146 native labels [112, 197]: below 112 labels (28 at 0.25 each) translating is the better, above 197 (49) annotating; in between it cannot be told. Between 200 and 400 labels, 100 more added +.03 [.01, .04].'
    """  # noqa: E501
    if not 0 < level < 1:
        raise ConfigError(f"the level must be between 0 and 1, got {level}.")
    sizes, sources = sorted(native), sorted(translated)
    right, items = _checked(language_name(lang), native, translated, items)
    if right.shape[1] == 1:
        return _of_one_seed(lang, level, sizes, sources, right.mean(axis=(1, 2)))
    measured, many = cells(right, items), len(sizes)
    law, shape = _law(np.array(sizes, dtype=np.float64), measured)
    means, reach = measured.means, measured.reach(np.eye(len(measured.means)), level)
    intervals = tuple(
        (float(mean - by), float(mean + by)) for mean, by in zip(means, reach, strict=True)
    )
    rises = _rises(sizes, measured, level)
    worth = tuple(
        _worth_of(place, size, intervals[many + place], sizes, measured, law, rises, level)
        for place, size in enumerate(sources)
    )
    gain = rises[-1] if rises else None
    notes = (
        f"The {100 * level:.4g} % intervals cover the luck of {measured.trainings} trainings per "
        "condition and of the choice of test items.",
        shape,
        *(
            f"From {rise.since:,} to {rise.at:,} labels the score fell: "
            f"{difference(rise.per_100, rise.interval)} for each 100."
            for rise in rises
            if rise.interval[1] < 0
        ),
    )
    return LabelBudget(
        lang=lang,
        level=level,
        seeds=measured.trainings,
        native=_curve(sizes, means[:many], intervals[:many], law),
        worth=worth,
        gain=gain,
        notes=notes,
        sentence=budget_sentence(lang, worth[-1], gain, price),
    )


def _checked(
    where: str,
    native: Mapping[int, npt.ArrayLike],
    translated: Mapping[int, npt.ArrayLike],
    items: Sequence[Hashable] | None,
) -> tuple[Floats, list[Hashable]]:
    """All cells as `(cells, seeds, rows)`, the native ones first, and the rows' items."""
    arrays: list[Floats] = []
    for what, side in (("native", native), ("translated", translated)):
        if not side:
            raise DataError(f"{where}: there is no score of the {what} arm.")
        for size in sorted(side):
            at = f"{where}, {what}, size {size}"
            if size < 1:
                raise DataError(f"{at}: a size must be at least 1.")
            right = np.asarray(side[size], dtype=np.float64)
            if right.ndim != 2 or not right.size:
                raise DataError(f"{at}: must be (seeds, rows), neither of them none.")
            if arrays and right.shape != arrays[0].shape:
                raise DataError(f"{at}: is {right.shape} where others are {arrays[0].shape}.")
            if not ((right >= 0) & (right <= 1)).all():
                raise DataError(f"{at}: values must lie between 0 (wrong) and 1 (right).")
            arrays.append(right)
    rows = arrays[0].shape[1]
    items = range(rows) if items is None else items
    if len(items) != rows:
        raise DataError(f"{where}: there are {len(items)} items for {rows} rows.")
    if len(set(items)) < LEAST_ITEMS:
        raise DataError(f"{where}: there are fewer than two test items.")
    return np.stack(arrays), list(items)


def _of_one_seed(
    lang: str, level: float, sizes: list[int], sources: list[int], means: Floats
) -> LabelBudget:
    """Scores alone."""
    many = len(sizes)
    worth = tuple(
        Worth(size, float(score), None, None, None)
        for size, score in zip(sources, means[many:], strict=True)
    )
    sentence = budget_sentence(lang, worth[-1], None)
    native = _curve(sizes, means[:many], (), None)
    return LabelBudget(lang, level, 1, native, worth, None, (), sentence)


def _law(sizes: Floats, measured: Cells) -> tuple[PowerLaw | None, str]:
    """The power law that the native scores follow, if they do, and the note on it."""
    only = "the interval ends at numbers that were tried"
    if len(sizes) < POWER_LAW_SIZES:
        numbers = counted(len(sizes), "number")
        return None, f"{numbers} of labels show no curve between them: {only}."
    law = power_law(sizes, measured.means[: len(sizes)])
    if law.exponent == EXPONENTS[-1]:
        return None, f"The native scores rise as in one step, which lies somewhere: {only}."
    if law.misfit(measured) < MISFIT:
        return None, f"The native scores are not seen to follow a power law: {only}."
    return law, "The native scores follow a power law, as far as can be seen."


def _rises(sizes: list[int], measured: Cells, level: float) -> list[Gain]:
    """How the score changes from each number of labels to the next."""
    many = len(sizes)
    weights = np.diff(np.eye(many, len(measured.means)), axis=0)
    if not len(weights):
        return []
    per_100 = PER / np.diff(sizes)
    rises = per_100 * (weights @ measured.means)
    reach = per_100 * measured.reach(weights, level)
    return [
        Gain(*pair, float(rise), (float(rise - by), float(rise + by)))
        for pair, rise, by in zip(pairwise(sizes), rises, reach, strict=True)
    ]


def _worth_of(
    place: int,
    size: int,
    score_interval: Interval,
    tried: list[int],
    measured: Cells,
    law: PowerLaw | None,
    rises: list[Gain],
    level: float,
) -> Worth:
    many, numbers = len(tried), np.array(tried, dtype=np.float64)
    curve, moves = measured.means[:many], np.eye(many)
    fitted = _never_falling(curve)
    if law:
        numbers = np.geomspace(tried[0], tried[-1], _GRID)
        curve = fitted = law.at(numbers)
        moves = law.weights(numbers)
    weights = np.zeros((len(numbers), len(measured.means)))
    weights[:, :many] = moves
    weights[:, many + place] = -1
    score = float(measured.means[many + place])
    ahead, reach = curve - score, measured.reach(weights, level) + _SAME
    interval = low, high = _ends(numbers, ahead < -reach, ahead > reach)
    turns = any(
        rise.interval[1] < 0 and rise.at > low.value and rise.since < high.value for rise in rises
    )
    number = None
    if low.bound == high.bound != "exact":
        number = low
    elif (low.value, high.value) != (tried[0], tried[-1]) and not turns:
        number = _crossing(numbers, fitted, score, interval)
    return Worth(size, score, score_interval, number, interval)


def _ends(numbers: Floats, below: Bools, above: Bools) -> Range:
    """The last number before the first that is not told to be below, and likewise above."""
    fewest, most = round(numbers[0]), round(numbers[-1])
    first = len(below) if below.all() else int(below.argmin())
    last = len(above) if above.all() else int(above[::-1].argmin())
    low, high = Bounded(fewest, "below"), Bounded(most, "above")
    if first:
        low = high if first == len(below) else Bounded(round(numbers[first - 1]), "exact")
    if last:
        whole = last == len(above)
        high = Bounded(fewest, "below") if whole else Bounded(round(numbers[-last]), "exact")
    return low, high


def _crossing(numbers: Floats, fitted: Floats, score: float, within: Range) -> Bounded | None:
    """Where a never-falling curve reaches a score, by lines in log n; None beyond its ends."""
    reached = fitted >= score - _SAME
    if fitted[0] > score + _SAME or not reached.any():
        return None
    at = numbers[0]
    if right := int(reached.argmax()):
        ends = fitted[right - 1 : right + 1]
        at = np.exp(np.interp(score, ends, np.log(numbers[right - 1 : right + 1])))
    low, high = within
    return Bounded(min(max(round(at), low.value), high.value), "exact")


def _curve(
    sizes: list[int], means: Floats, intervals: tuple[Interval, ...], law: PowerLaw | None
) -> Curve:
    fitted = law.at(np.array(sizes, dtype=np.float64)) if law else _never_falling(means)
    return Curve(
        kind="power-law" if law else "tried",
        sizes=tuple(sizes),
        scores=tuple(means.tolist()),
        intervals=intervals,
        fitted=tuple(fitted.tolist()),
        power_law=law.parameters if law else None,
    )


def _never_falling(means: Floats) -> Floats:
    return np.asarray(isotonic_regression(means).x)
