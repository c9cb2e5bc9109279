"""Quality checks of one pair's translations: all the faults of every row."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift.translate import faults
from babelift.translate.scripts import DENSE_LETTERS, density

FAULTS: Final = ("empty", "copy", "loop", "length", "script", "numbers", "sentences")
"""Names of the faults, in the order in which a row's flags list them.

`empty`: no letter or digit where the source has some. `copy`: left untranslated. `loop`: a piece
repeated far more often than in the source. `length`: much shorter or longer than this pair's
translations are. `script`: written in other letters than the target language's. `numbers`: a
number of the source is gone. `sentences`: a sentence of several came back empty.
"""


@dataclass(frozen=True, slots=True)
class Band:
    """The usual lengths of one pair's translations.

    Attributes:
        low: Least log ratio of lengths (see `log_ratio`).
        high: Greatest log ratio.
    """

    low: float
    high: float


def log_ratio(
    source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str
) -> NDArray[np.float64]:
    """How much longer translations are than their sources, in the logarithm, `(rows,) float64`.

    Lengths are in characters of English (see `density`). Fifteen are added to both, so that short
    texts, whose ratios scatter widely, weigh less.
    """
    ours, theirs = _said(source, source_lang), _said(translation, target_lang)
    ratio: NDArray[np.float64] = np.log((theirs + 15.0) / (ours + 15.0))
    return ratio


def _said(texts: pl.Series, lang: str) -> NDArray[np.float64]:
    """How much is said, in characters of English; Latin names amid Chinese count as Latin."""
    length = texts.str.strip_chars().str.len_chars().to_numpy().astype(np.float64)
    if density(lang) >= 0.6:
        return length / density(lang)
    return length + texts.str.count_matches(DENSE_LETTERS).to_numpy() * (1 / density(lang) - 1)


# On FLORES and Tatoeba a width of 3.5 flags 0.1 to 0.3 % of good translations by people and
# services, and finds nine in ten of a service's when half of each is cut off.
_WIDTH: Final = 3.5
_LEAST_WIDTH: Final = 0.4
_PRIOR_ROWS: Final = 50
_PRIOR_SPREAD: Final = 0.25
_FURTHEST: Final = 0.5


def learn_band(ratios: NDArray[np.floating[Any]]) -> Band:
    """The band of usual log ratios: 3.5 robust deviations to each side of the median.

    With few rows the band leans towards a prior of equal lengths. Half of the rows may be faulty
    without moving it far, and it stays near equal lengths even where all of them are.

    >>> band = learn_band(np.array([]))
    >>> round(band.low, 3), round(band.high, 3)
    (-0.875, 0.875)
    """
    centre, spread = 0.0, _PRIOR_SPREAD
    if len(ratios):
        weight = len(ratios) / (len(ratios) + _PRIOR_ROWS)
        median = float(np.median(ratios))
        deviation = 1.4826 * float(np.median(np.abs(ratios - median)))
        centre = float(np.clip(weight * median, -_FURTHEST, _FURTHEST))
        spread = float(np.hypot(weight * deviation, (1 - weight) * _PRIOR_SPREAD))
    width = max(_WIDTH * spread, _LEAST_WIDTH)
    return Band(centre - width, centre + width)


def filled_ratios(
    source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str
) -> NDArray[np.float64]:
    """What `log_ratio` says of the translations that are not empty: what a band is learnt from."""
    ratios = log_ratio(source, translation, source_lang, target_lang)
    return ratios[~faults.empty(source, translation)]


def find_faults(
    source: pl.Series,
    translation: pl.Series,
    source_lang: str,
    target_lang: str,
    band: Band,
    lost_sentence: faults.Mask,
) -> list[list[str]]:
    """The names of the faults of every row, in the order of `FAULTS`.

    Args:
        source: `(rows,)` texts.
        translation: `(rows,)` their translations.
        source_lang: Tag of the sources.
        target_lang: Tag of the translations.
        band: The pair's usual lengths, see `learn_band`.
        lost_sentence: `(rows,) bool`, where a sentence came back empty.

    >>> source = pl.Series(["the soup was cold", "the soup was hot"])
    >>> translation = pl.Series(["the soup was cold", "die Suppe war heiß"])
    >>> band = learn_band(filled_ratios(source, translation, "en", "de"))
    >>> find_faults(source, translation, "en", "de", band, np.array([False, False]))
    [['copy'], []]
    """
    ratios = log_ratio(source, translation, source_lang, target_lang)
    empty = faults.empty(source, translation)
    masks = {
        "empty": empty,
        "copy": faults.copied(source, translation, source_lang, target_lang),
        "loop": faults.looping(source, translation, source_lang, target_lang),
        "length": ((ratios < band.low) | (ratios > band.high)) & ~empty,
        "script": faults.wrong_script(source, translation, target_lang),
        "numbers": faults.lost_numbers(source, translation) & ~empty,
        "sentences": lost_sentence & ~empty,
    }
    found: list[list[str]] = [[] for _ in range(len(source))]
    for name in FAULTS:
        for row in np.flatnonzero(masks[name]):
            found[int(row)].append(name)
    return found
