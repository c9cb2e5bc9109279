"""What one condition gained over another on the same seeds and test rows, with its interval."""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from babelift.errors import ConfigError
from babelift.evaluation.crossed import (
    SMALLEST_P,
    Components,
    Crossed,
    PairedRows,
    components,
    critical,
    crossed,
    language_means,
    paired_rows,
    spread,
    two_sided_p,
)


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
    the number of standard errors that of `quantiles.critical`.

    Args:
        right_arm: `(seeds, rows) bool`: was the arm right.
        right_base: The same for the base, with the same seeds and rows.
        langs: `(rows,)` the language of each row.
        groups: `(rows,)` the test item of each row; parallel sets share items between languages.
        level: Probability that an interval is made for.

    Raises:
        ConfigError: The level is not between 0 and 1.
        DataError: The arrays do not fit or hold something else.

    >>> found = paired_differences(
    ...     [[1, 1, 1, 0], [1, 1, 0, 0]], [[0, 0, 1, 0], [1, 0, 0, 0]], ["de"] * 4, range(4)
    ... )
    >>> found.mean.delta, found.mean.p > 0.05, found.mean.seeds_seen
    (0.375, True, True)
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must be between 0 and 1; got {level}.")
    return differences_of(paired_rows(right_arm, right_base, langs, groups), level)


def differences_of(whole: PairedRows, level: float = 0.95) -> Differences:
    """The same of a comparison whose values by seed and row are there already.

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
            part.names[0]: _difference(part, found, level)
            for part, found in zip(each, of_each, strict=True)
        },
        components(whole.seeds, items, of_each, of_whole) if whole.seeds > 1 else None,
        level,
    )


def _difference(comparison: PairedRows, parts: Crossed, level: float) -> Difference:
    delta = float(language_means(comparison).mean())
    items = int(comparison.items.max()) + 1
    # Items that no two languages share make one mean for each language.
    apart = comparison.present.sum() == items
    freedom = items - len(comparison.names) if apart else items - 1
    found = spread(parts, comparison.seeds, freedom)
    error = found.variance**0.5
    reach = error * float(critical(1 - level, found.seed_share, found.seeds, found.item_freedom))
    low, high, p = delta - reach, delta + reach, two_sided_p(delta, found)
    if delta and not found.variance:
        # Every row changed alike. Sign flips of so few items could give no smaller p.
        p = max(SMALLEST_P, 2.0 ** (1 - items))
        low, high = (min(low, 0.0), max(high, 0.0)) if p > 1 - level else (low, high)
    return Difference(
        delta=delta,
        interval=(max(-1.0, low), min(1.0, high)),
        p=p,
        standard_error=error,
        seed_share=found.seed_share,
        seeds=comparison.seeds,
        items=items,
        rows=len(comparison.langs),
        seeds_seen=comparison.seeds > 1,
    )
