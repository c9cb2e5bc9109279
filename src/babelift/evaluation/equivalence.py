"""Is a difference too small to matter? Tests against a margin."""

from dataclasses import dataclass

from babelift.errors import ConfigError
from babelift.evaluation.crossed import Spread, critical, two_sided_p
from babelift.evaluation.differences import Difference, Differences


@dataclass(frozen=True, slots=True)
class Equivalence:
    """A difference held against a margin on either side of zero.

    Attributes:
        interval: As wide as the two one-sided tests together need it, so of 90 % at level .05.
        p_below: One-sided p that the arm lies the margin or more below its base.
        p_above: One-sided p that it lies the margin or more above.
    """

    interval: tuple[float, float]
    p_below: float
    p_above: float

    @property
    def p(self) -> float:
        """That the two are not the same within the margin: the larger of both p."""
        return max(self.p_below, self.p_above)


@dataclass(frozen=True, slots=True)
class Equivalences:
    """The mean over languages and each language's own, held against one margin."""

    mean: Equivalence
    languages: dict[str, Equivalence]


def equivalence(differences: Differences, margin: float) -> Equivalences:
    """Test that differences are smaller than a margin, by two one-sided tests.

    Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability": each side at the whole level, so both
    pass where the interval of level `1 - 2 * level` lies within the margin. `p_below` alone is the
    test of non-inferiority. Variance and number of standard errors are those of
    `paired_differences`, but the variance is taken as if one more item differed, and as no less
    than a difference of the margin itself would have, `margin * (1 - margin) / items`: where hardly
    a row differs, Student's t would call two sides the same from 100 rows that agree by luck (37 %
    of the time at a margin of .01; with both it is 6 % at most, with one seed).

    Args:
        differences: What `paired_differences` measured.
        margin: The largest difference that does not matter, above 0 and below 1.

    Raises:
        ConfigError: A margin that is no such number.

    >>> from babelift.evaluation.differences import paired_differences
    >>> rows = [row % 10 > 1 for row in range(2000)]
    >>> alike = paired_differences([rows], [rows[::-1]], ["de"] * 2000, range(2000))
    >>> found = equivalence(alike, 0.05).mean
    >>> [round(end, 3) for end in found.interval], found.p < 0.001
    ([-0.023, 0.023], True)
    """
    check_margin(margin)
    each = differences.languages
    # As `paired_differences` counts them: items that no two languages share have a mean for each.
    apart = sum(part.items for part in each.values()) == differences.mean.items
    freedom = differences.mean.items - (len(each) if apart else 1)
    outside = 2 * (1 - differences.level)
    return Equivalences(
        _equivalence(differences.mean, margin, freedom, outside),
        {lang: _equivalence(part, margin, part.items - 1, outside) for lang, part in each.items()},
    )


def check_margin(margin: float) -> None:
    """Refuse what is no margin.

    Raises:
        ConfigError: It is not above 0 and below 1.
    """
    if not 0 < margin < 1:
        raise ConfigError(
            f"a margin must be a share of test rows above 0 and below 1; got {margin:g}.",
            "Two percent of the rows are .02.",
        )


def _equivalence(seen: Difference, margin: float, freedom: int, outside: float) -> Equivalence:
    own = seen.standard_error**2
    variance = max(own + seen.items**-2, margin * (1 - margin) / seen.items)
    luck = Spread(variance, seen.seed_share * own / variance, seen.seeds, freedom)
    reach = variance**0.5 * float(critical(outside, luck.seed_share, luck.seeds, luck.item_freedom))
    return Equivalence(
        interval=(max(-1.0, seen.delta - reach), min(1.0, seen.delta + reach)),
        p_below=_one_sided(seen.delta + margin, luck),
        p_above=_one_sided(margin - seen.delta, luck),
    )


def _one_sided(estimate: float, luck: Spread) -> float:
    """The p that what was estimated is zero or less."""
    half = two_sided_p(estimate, luck) / 2
    return half if estimate > 0 else 1 - half
