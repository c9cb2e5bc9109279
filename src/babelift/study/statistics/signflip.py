"""The exact sign-flip test over languages: does an effect stand in languages at large?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from babelift.errors import DataError
from babelift.evaluate.scores import Floats

MOST_LANGUAGES: Final = 40


@dataclass(frozen=True, slots=True)
class SignFlip:
    """An exact two-sided test of per-language differences.

    Attributes:
        p: Share of all sign patterns whose mean lies at least as far from zero.
        smallest: The smallest p that this number of languages can give, `2 / 2**languages`.
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
    # Sums that differ by rounding only are ties, and ties count.
    seen = abs(float(values.sum())) - 1e-12 * float(np.abs(values).sum())
    if seen <= 0:
        return SignFlip(1.0, smallest_p(number), number)
    first, second = _flipped(values[: number // 2]), np.sort(_flipped(values[number // 2 :]))
    above = len(second) - np.searchsorted(second, seen - first, side="left")
    return SignFlip(2 * int(above.sum()) / 2**number, smallest_p(number), number)


def smallest_p(languages: int) -> float:
    """The smallest two-sided p that a number of languages can give.

    >>> smallest_p(5), smallest_p(6)
    (0.0625, 0.03125)
    """
    return min(1.0, 2.0 ** (1 - languages))


def languages_needed(level: float = 0.05) -> int:
    """How many languages, all with the same sign, the sign-flip test needs to reach a level.

    Raises:
        DataError: The level is not above 0.

    >>> languages_needed(0.05), languages_needed(0.01)
    (6, 8)
    """
    if not level > 0:
        raise DataError(f"a level must be above 0; got {level}.")
    languages = 1
    while smallest_p(languages) > level:
        languages += 1
    return languages


def _flipped(values: npt.NDArray[np.float64]) -> Floats:
    """Sums under every pattern of signs: `(2 ** len(values),)`."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums
