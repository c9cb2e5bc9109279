"""Many tests at once: Holm's adjustment, replicability, the sign-flip test over languages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from babelift.errors import DataError
from babelift.evaluation.metrics import Floats

MOST_LANGUAGES: Final = 40


def holm(
    p_values: Sequence[float] | Floats, weights: Sequence[float] | Floats | None = None
) -> Floats:
    """Adjust p-values so that the chance of any false claim among them stays at the level.

    Holm 1979, "A simple sequentially rejective multiple test procedure", with the weights of its
    section 5; holds however the tests depend on one another.

    Args:
        p_values: `(tests,)`.
        weights: `(tests,)`, positive: a test of twice the weight may have twice the p. By default
            all weigh alike.

    Returns:
        `(tests,)` in the same order; reject those at or below the level.

    Raises:
        DataError: A value that is no probability, or weights that are not one for each, above 0.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    >>> holm([0.02, 0.02, 0.5], [2, 1, 1]).round(3).tolist()
    [0.04, 0.04, 0.5]
    """
    # Not statsmodels' `multipletests`: it knows no weights, and it collects garbage at every call,
    # a tenth of a second in a process that holds torch. The tests compare the two.
    values = _probabilities(p_values)
    heavy = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if heavy.shape != values.shape or not ((heavy > 0) & np.isfinite(heavy)).all():
        raise DataError("weights must be numbers above 0, one for each p-value.")
    order = np.argsort(values / heavy, kind="stable")
    left = np.cumsum(heavy[order][::-1])[::-1]
    steps = values[order] / heavy[order] * left
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


@dataclass(frozen=True, slots=True)
class Replicability:
    """In how many languages an effect is there.

    Attributes:
        languages: Number of languages.
        positive: Languages where the difference seen is above zero, sure or not.
        negative: Languages where it is below zero.
        gains: At least so many languages truly gain.
        losses: At least so many truly lose. Both statements together are wrong with at most
            probability `level`.
        level: Of the two statements together.
    """

    languages: int
    positive: int
    negative: int
    gains: int
    losses: int
    level: float


def replicability(
    deltas: Sequence[float] | Floats, p_values: Sequence[float] | Floats, *, level: float = 0.05
) -> Replicability:
    """Count languages in which an effect holds, with a guarantee.

    `gains` is the largest u for which "fewer than u languages gain" is rejected (Benjamini &
    Heller 2008, "Screening for partial conjunction hypotheses"), at half the level for each side.
    The test of each u is Bonferroni's, since languages share models and often items, so nothing is
    known of their dependence.

    Args:
        deltas: `(languages,)` differences.
        p_values: `(languages,)` their two-sided p.
        level: Probability of a false statement.

    Raises:
        DataError: Lengths that differ, numbers that are not finite, or no probabilities.

    >>> replicability([0.05, 0.04, 0.03, -0.01], [0.001, 0.004, 0.2, 0.6])
    Replicability(languages=4, positive=3, negative=1, gains=2, losses=0, level=0.05)
    """
    differences, two_sided = np.asarray(deltas, dtype=np.float64), _probabilities(p_values)
    if differences.shape != two_sided.shape:
        raise DataError(f"{len(differences)} differences have {len(two_sided)} p-values.")
    if not np.isfinite(differences).all():
        raise DataError("a language's difference is not a finite number.")
    up = np.where(differences > 0, two_sided / 2, 1 - two_sided / 2)
    down = np.where(differences < 0, two_sided / 2, 1 - two_sided / 2)
    return Replicability(
        languages=len(differences),
        positive=int((differences > 0).sum()),
        negative=int((differences < 0).sum()),
        gains=int((partial_conjunction(up) <= level / 2).sum()),
        losses=int((partial_conjunction(down) <= level / 2).sum()),
        level=level,
    )


def partial_conjunction(p_values: Sequence[float] | Floats) -> Floats:
    """For u = 1, 2, ...: the p of "fewer than u of these effects are there".

    With Bonferroni's test it is `(n - u + 1) * p_(u)` for the u-th smallest p, made non-decreasing
    so that all u can be read off at once (Benjamini & Heller 2008). So it is Holm's adjustment,
    sorted.

    Args:
        p_values: `(n,)` one-sided p-values.

    >>> partial_conjunction([0.3, 0.01, 0.02]).round(3).tolist()
    [0.03, 0.04, 0.3]
    """
    return np.sort(holm(p_values))


def _probabilities(p_values: Sequence[float] | Floats) -> Floats:
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise DataError("p-values must be a list of numbers from 0 to 1.")
    return values


@dataclass(frozen=True, slots=True)
class SignFlip:
    """An exact two-sided test of per-language differences.

    Attributes:
        p: Share of all sign patterns whose mean lies at least as far from zero.
        smallest: The smallest p that this number of languages can give.
        languages: Number of languages.
    """

    p: float
    smallest: float
    languages: int


def sign_flip(deltas: Sequence[float] | Floats) -> SignFlip:
    """Flip the signs of per-language differences in every way and rank the mean that was seen.

    Without an effect each difference is as likely to have the other sign (Fisher 1935, "The
    Design of Experiments", chapter 3). All patterns are counted, none drawn: sums over one half of
    the languages are sorted and searched for those over the other half.

    Args:
        deltas: `(languages,)` mean difference in each language.

    Raises:
        DataError: No languages, more than 40, or a difference that is not a finite number.

    >>> sign_flip([0.02, 0.01, 0.03, 0.05, 0.02, 0.04])
    SignFlip(p=0.03125, smallest=0.03125, languages=6)
    >>> sign_flip([1.0, 2.0, -3.0]).p
    1.0
    """
    values = np.asarray(deltas, dtype=np.float64)
    if values.ndim != 1 or not 1 <= len(values) <= MOST_LANGUAGES:
        raise DataError(
            f"the sign-flip test takes 1 to {MOST_LANGUAGES} differences, one for each language; "
            f"got an array {values.shape}."
        )
    if not np.isfinite(values).all():
        raise DataError("a language's difference is not a finite number.")
    number = len(values)
    smallest = min(1.0, 2.0 ** (1 - number))
    # Sums that differ by rounding only are ties, and ties count.
    seen = abs(float(values.sum())) - 1e-12 * float(np.abs(values).sum())
    if seen <= 0:
        return SignFlip(1.0, smallest, number)
    first, second = _flipped(values[: number // 2]), np.sort(_flipped(values[number // 2 :]))
    above = len(second) - np.searchsorted(second, seen - first, side="left")
    return SignFlip(2 * int(above.sum()) / 2**number, smallest, number)


def _flipped(values: npt.NDArray[np.float64]) -> Floats:
    """Sums under every pattern of signs: `(2 ** len(values),)`."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums
