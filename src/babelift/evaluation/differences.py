"""What one condition gained over another on the same seeds and test rows, with its interval."""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from babelift.errors import ConfigError
from babelift.evaluation.crossed import (
    SMALLEST_P,
    Components,
    Crossed,
    PairedRows,
    Spread,
    components,
    critical,
    crossed,
    language_means,
    paired_rows,
    spread,
    two_sided_p,
)
from babelift.evaluation.intervals import wilson


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of F1-micro, its interval and its p.

    Attributes:
        delta: Arm minus base.
        interval: Lower and upper end.
        p: Two-sided, that there is no difference; `SMALLEST_P` at the least.
        standard_error: Of `delta`, over new seeds and new test items.
        seed_share: Share of the variance that was judged from the spread of the seeds, 0 to 1.
        seeds: Seeds both conditions were trained with.
        items: Test items.
        rows: Test rows; an item has one or more in each language.
        seeds_seen: False where there is one seed: then the interval holds for these two trained
            models only, and says nothing about training again.
    """

    delta: float
    interval: tuple[float, float]
    p: float
    standard_error: float
    seed_share: float
    seeds: int
    items: int
    rows: int
    seeds_seen: bool


@dataclass(frozen=True, slots=True)
class Differences:
    """The mean over languages and each language's own, with what a planner needs.

    Attributes:
        mean: Of the mean over languages, each counted once.
        languages: By language.
        components: Where the variance comes from, for `power.design_power`; None with one seed.
        level: Probability that intervals are made for.
    """

    mean: Difference
    languages: dict[str, Difference]
    components: Components | None
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)


def paired_differences(
    right_arm: npt.ArrayLike,
    right_base: npt.ArrayLike,
    langs: Sequence[str] | npt.NDArray[Any],
    groups: Sequence[Hashable] | npt.NDArray[Any],
    *,
    level: float = 0.95,
) -> Differences:
    """Measure what an arm gains over a base, for these languages but new seeds and items.

    The estimate is the mean over languages of the mean over seeds and rows of `right_arm -
    right_base`: the difference of F1-micro where each row has one label. Languages are fixed,
    seeds and test items are both drawn and crossed; the variance is that of `crossed.crossed`, and
    the number of standard errors that of `crossed.critical`.

    Args:
        right_arm: `(seeds, rows) bool`: was the arm right.
        right_base: The same for the base, with the same seeds and rows.
        langs: `(rows,)` the language of each row.
        groups: `(rows,)` the test item of each row; parallel sets share items between languages.
        level: Probability that an interval is made for.

    Raises:
        ConfigError: The level is not between 0 and 1.
        DataError: The arrays do not fit or hold something else.

    >>> differences = paired_differences(
    ...     [[1, 1, 1, 0], [1, 1, 0, 0]], [[0, 0, 1, 0], [1, 0, 0, 0]], ["de"] * 4, range(4)
    ... )
    >>> differences.mean.delta, differences.mean.p > 0.05, differences.mean.seeds_seen
    (0.375, True, True)
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must be between 0 and 1; got {level}.")
    return differences_of(paired_rows(right_arm, right_base, langs, groups), level)


def differences_of(whole: PairedRows, level: float = 0.95) -> Differences:
    """As `paired_differences`, of rows that are paired already.

    Args:
        whole: Values of any size within -1 and 1 will do in place of differences.
        level: As in `paired_differences`.
    """
    each = [whole.of(lang) for lang in range(len(whole.names))]
    of_whole, of_each = crossed(whole), [crossed(part) for part in each]
    items = float(whole.present.sum()) / len(each)
    return Differences(
        _difference(whole, of_whole, level),
        {
            part.names[0]: _difference(part, variances, level)
            for part, variances in zip(each, of_each, strict=True)
        },
        components(whole.seeds, items, of_each, of_whole) if whole.seeds > 1 else None,
        level,
    )


def _difference(comparison: PairedRows, parts: Crossed, level: float) -> Difference:
    delta = float(language_means(comparison).mean())
    items = int(comparison.items.max()) + 1
    luck = spread(parts, comparison.seeds, _item_freedom(comparison))
    error = luck.variance**0.5
    reach = error * float(critical(1 - level, luck.seed_share, luck.seeds, luck.item_freedom))
    low, high, p = delta - reach, delta + reach, two_sided_p(delta, luck)
    if delta and not luck.variance:
        # Every row changed alike. Sign flips of so few items could give no smaller p.
        p = max(SMALLEST_P, 2.0 ** (1 - items))
        low, high = (min(low, 0.0), max(high, 0.0)) if p > 1 - level else (low, high)
    return Difference(
        delta=delta,
        interval=(max(-1.0, low), min(1.0, high)),
        p=p,
        standard_error=error,
        seed_share=luck.seed_share,
        seeds=comparison.seeds,
        items=items,
        rows=len(comparison.langs),
        seeds_seen=comparison.seeds > 1,
    )


def at_large(whole: PairedRows, level: float = 0.95) -> Difference:
    """What an arm gains over a base in languages like these: languages, too, are drawn.

    The mean's variance is that of the languages' differences over their number, plus what the
    languages share: seeds, and items of parallel test sets. The first has Student's t of its own
    degrees of freedom, weighted in by its share as in `crossed.critical`. Neither interval nor p
    says more than for these languages alone.

    Args:
        whole: Of two languages and two seeds or more.
        level: Probability that the interval is made for.

    >>> right = np.random.default_rng(0).random((2, 5, 400)) < np.array([[[0.8]], [[0.7]]])
    >>> rows = paired_rows(right[0], right[1], np.repeat(["de", "fr", "ja", "zh"], 100), range(400))
    >>> here, elsewhere = differences_of(rows).mean, at_large(rows)
    >>> here.delta == elsewhere.delta, here.p <= elsewhere.p
    (True, True)
    """
    here, each = crossed(whole), [crossed(whole.of(lang)) for lang in range(len(whole.names))]
    number, seeds, freedom = len(each), whole.seeds, _item_freedom(whole)
    these = _difference(whole, here, level)
    apart = float(language_means(whole).mean(axis=0).var(ddof=1)) / number
    own = [spread(parts, seeds, freedom).variance for parts in each]
    fixed = spread(here, seeds, freedom)
    shared = max(0.0, number * fixed.variance - float(np.mean(own))) / (number - 1)
    variance = apart + shared
    if not variance:
        return these
    luck = Spread(variance, fixed.seed_share * shared / variance, seeds, freedom)
    share = apart / variance
    p = two_sided_p(these.delta, luck, (share, number - 1))
    reach = variance**0.5 * float(
        critical(1 - level, luck.seed_share, seeds, freedom, (share, number - 1))
    )
    low, high = these.interval
    return replace(
        these,
        interval=(
            max(-1.0, min(low, these.delta - reach)),
            min(1.0, max(high, these.delta + reach)),
        ),
        p=max(p, these.p),
        standard_error=max(these.standard_error, variance**0.5),
    )


def _item_freedom(rows: PairedRows) -> int:
    items = int(rows.items.max()) + 1
    # Items that no two languages share make one mean for each language.
    apart = rows.present.sum() == items
    return items - len(rows.names) if apart else items - 1


@dataclass(frozen=True, slots=True)
class Score:
    """A share of right answers, 0 to 1, and its interval."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """The accuracy in each language, and its mean over them, each counted once."""

    mean: Score
    languages: dict[str, Score]


def accuracies(
    right: npt.ArrayLike,
    langs: Sequence[str] | npt.NDArray[Any],
    groups: Sequence[Hashable] | npt.NDArray[Any],
    *,
    level: float = 0.95,
) -> Scores:
    """The accuracy of one condition, with intervals over new seeds and items as differences have.

    Wilson's interval, for as many independent rows as would give the same standard error (Korn &
    Graubard 1998, "Confidence intervals for proportions with small expected number of positive
    counts"): it holds at 0 and 1 and for few rows, where one of standard errors has no width.

    Args:
        right: `(seeds, rows) bool`: was the answer right.
        langs: `(rows,)` the language of each row.
        groups: `(rows,)` the test item of each row.
        level: Probability that an interval is made for.

    Raises:
        DataError: The arrays do not fit or hold something else.

    >>> accuracies([[1, 1, 1, 1]], ["de"] * 4, range(4)).mean.value
    1.0
    """
    right = np.asarray(right)
    whole = paired_rows(right, np.zeros_like(right), langs, groups)
    each = [whole.of(lang) for lang in range(len(whole.names))]
    return Scores(_score(whole, level), {part.names[0]: _score(part, level) for part in each})


def _score(rows: PairedRows, level: float) -> Score:
    value = float(language_means(rows).mean())
    luck = spread(crossed(rows), rows.seeds, _item_freedom(rows))
    errors = float(critical(1 - level, luck.seed_share, luck.seeds, luck.item_freedom))
    # A mean of n rows has the variance p (1 - p) / (n - 1), as it is estimated from them.
    count = value * (1 - value) / luck.variance + 1 if luck.variance else int(rows.items.max()) + 1
    return Score(value, wilson(value, count, errors))
