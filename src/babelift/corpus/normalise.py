"""Texts without what does not matter: case, width, punctuation, white space."""

import unicodedata
from typing import Final

import polars as pl

_UNHEARD: Final = r"[\p{P}\p{Z}\p{C}\s]+"


def normalise(texts: pl.Series) -> pl.Series:
    """Texts in NFKC, case-folded, without punctuation, white space and invisible characters.

    Letters, digits, marks and symbols stay, so emoji still tell texts apart. A text of
    punctuation alone becomes empty.

    >>> normalise(pl.Series(["Great!", "ＧＲＥＡＴ…", "great 👍"])).to_list()
    ['great', 'great', 'great👍']
    """
    folded = [
        None if text is None else unicodedata.normalize("NFKC", text).casefold() for text in texts
    ]
    return pl.Series(texts.name, folded, dtype=pl.String).str.replace_all(_UNHEARD, "")
