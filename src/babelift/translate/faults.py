"""The faults of a translation, one pure function for each."""

import re
import unicodedata
from collections import Counter
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift.translate.scripts import DENSE_LETTERS, density, letters, same_script

Mask = NDArray[np.bool_]
"""`(rows,) bool`, true where the fault was found."""

_CARRIED: Final = r"https?://\S+|www\.\S+|[@#]\w+"
_CARRIED_ANYWHERE: Final = re.compile(_CARRIED)
"""Links, user names and tags: the same in every language."""


def empty(source: pl.Series, translation: pl.Series) -> Mask:
    """Translations without any letter or digit, of sources that have some.

    >>> empty(pl.Series(["Good.", "😀"]), pl.Series(["。", "😀"])).tolist()
    [True, False]
    """
    content = r"[\p{L}\p{N}]"
    return (source.str.contains(content) & ~translation.str.contains(content)).to_numpy()


def copied(source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str) -> Mask:
    """Translations that are the source over again, but for what is the same in both languages.

    Names, numbers, links, emoji and very short texts may stay as they are.

    >>> source = pl.Series(["the colour is lovely", "Samsung Galaxy S5"])
    >>> copied(source, source, "en", "de").tolist()
    [True, False]
    """
    is_copy = _copied_dense if density(source_lang) < 0.6 else _copied_spaced
    alike = same_script(source_lang, target_lang)
    pairs = zip(source, translation, strict=True)
    return np.array([is_copy(one, other, alike) for one, other in pairs], dtype=np.bool_)


_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def _copied_spaced(source: str, translation: str, alike: bool) -> bool:
    ours, theirs = set(source.lower().split()), set(translation.lower().split())
    if 2 * len(ours & theirs) < min(len(ours), len(theirs)):
        return False
    words = _WORD.findall(_CARRIED_ANYWHERE.sub(" ", source))
    if not words or (alike and len(words) < 3):
        return False
    plain = sum(len(word) > 1 and word == word.lower() for word in words)
    shouted = plain == 0 and len(words) >= 5
    if not shouted and (plain < 1 or len(words) < 2):
        return False
    others = _WORD.findall(_CARRIED_ANYWHERE.sub(" ", translation))
    return _overlaps(
        [word.lower() for word in words],
        [word.lower() for word in others],
        least=6 if alike else 4,
        share=0.8 if alike else 0.7,
    )


_KANA: Final = re.compile("[\u3041-\u309f]")
_DENSE_LETTER: Final = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


def _copied_dense(source: str, translation: str, alike: bool) -> bool:
    ours = _DENSE_LETTER.findall(source)
    if not ours or (alike and len(ours) < 8 and not _KANA.search(source)):
        return False
    return _overlaps(ours, _DENSE_LETTER.findall(translation), least=12, share=0.9)


def _overlaps(ours: list[str], theirs: list[str], *, least: int, share: float) -> bool:
    """Whether two lists are equal or, when there are `least` items, have most in common."""
    if ours == theirs:
        return True
    most = max(len(ours), len(theirs))
    if len(ours) < least or min(len(ours), len(theirs)) < share * most:
        return False
    return sum((Counter(ours) & Counter(theirs)).values()) >= share * most


def looping(source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str) -> Mask:
    """Translations in which a piece follows itself four times or more, far beyond the source.

    >>> looping(pl.Series(["a nice hat"]), pl.Series(["ein " + "sehr " * 9]), "en", "de").tolist()
    [True]
    >>> looping(pl.Series(["no " * 9]), pl.Series(["nein " * 9]), "en", "de").tolist()
    [False]
    """
    here, there = density(source_lang), density(target_lang)
    found = np.zeros(len(source), dtype=np.bool_)
    for row, (one, other) in enumerate(zip(source, translation, strict=True)):
        surplus = repeated(other, dense=there < 0.6)
        if surplus >= max(12, 20 * there):
            allowed = 10 + 2 * repeated(one, dense=here < 0.6) / here
            found[row] = surplus / there > allowed
    return found


def repeated(text: str, *, dense: bool = False) -> int:
    """Characters of the longest stretch that repeats what stands before it, four times or more.

    Args:
        text: Any text.
        dense: The text is written without spaces, a character or two to a word.

    >>> repeated("very very very very good"), repeated("a very good hat")
    (15, 0)
    """
    gram, step, reach = (4 if dense else 8), 4, 200
    text = " ".join(text.split()).casefold()
    best, start = 0, 0
    while start + gram < len(text):
        again = text.find(text[start : start + gram], start + 1, start + reach + gram)
        if again < 0:
            start += step
            continue
        period, end = again - start, again + gram
        while end < len(text) and text[end] == text[end - period]:
            end += 1
        surplus = end - start - period
        if surplus >= 3 * period:
            best = max(best, surplus)
            start = end - gram
        start += step
    return best


def wrong_script(source: pl.Series, translation: pl.Series, target_lang: str) -> Mask:
    """Translations with too few letters of the target's script.

    Links, user names and, where the target is not written in Latin letters, capitalised Latin
    words (names, brands) are left out of the count. Long Japanese needs some kana.

    >>> source = pl.Series(["a good phone", "a Samsung phone"])
    >>> wrong_script(source, pl.Series(["a good phone", "Samsungの電話"]), "ja").tolist()
    [True, False]
    """
    expected = letters(target_lang)
    bare = translation.str.replace_all(_CARRIED, " ")
    right = _count(bare, rf"[\p{{L}}&&[{expected}]]") / density(target_lang)
    if r"\p{Latin}" in expected:
        fault = _mostly_foreign(bare, expected, right)
    else:
        unnamed = bare.str.replace_all(r"(?:\p{Lu}|\d+\p{Latin})[\p{Latin}\d'’&.+-]*", " ")
        plain_source = _count(source, r"\b\p{Ll}\p{L}+|[\p{Lo}]{2}") >= 2
        names_only = (right == 0) & (_count(bare, r"\p{L}") > 0)
        fault = _mostly_foreign(unnamed, expected, right) | (names_only & plain_source)
    if target_lang == "ja":
        fault |= (_count(bare, r"\p{Han}") >= 15) & (
            _count(bare, r"[\p{Hiragana}\p{Katakana}]") == 0
        )
    return np.asarray(fault, dtype=np.bool_)


_SCRIPT_SHARE: Final = 0.7


def _count(texts: pl.Series, pattern: str) -> NDArray[np.float64]:
    return texts.str.count_matches(pattern).to_numpy().astype(np.float64)


def _mostly_foreign(texts: pl.Series, expected: str, right: NDArray[np.float64]) -> Mask:
    """Whether four letters or more are not the expected ones, and they say too much of the text."""
    dense = _count(texts, rf"[{DENSE_LETTERS}--[{expected}]]")
    foreign = _count(texts, rf"[\p{{L}}--[{expected}]]")
    said = foreign + dense * (1 / density("ja") - 1)
    fault: Mask = (foreign >= 4) & (right < _SCRIPT_SHARE * (right + said))
    return fault


_NUMBER: Final = re.compile(r"\d{1,3}(?:[.,'’\u00a0\u202f ]\d{3})+(?!\d)|\d{3,}(?=(.?.?))")
_SCALED: Final = re.compile("[百千万萬億亿兆]|illi|mill|mil |thousand|tausend|mille")


def lost_numbers(source: pl.Series, translation: pl.Series) -> Mask:
    """Translations without a number of three digits or more that the source has.

    Shorter ones are often spelt out, round ones converted, decades and millions put differently;
    those are let pass.

    >>> lost_numbers(pl.Series(["in 1986"]), pl.Series(["im Jahr 1968"])).tolist()
    [True]
    """
    found = np.zeros(len(source), dtype=np.bool_)
    for row in np.flatnonzero(source.str.contains(r"\d\d\d").to_numpy()):
        one, other = source[int(row)], translation[int(row)]
        found[row] = _loses_number(
            unicodedata.normalize("NFKC", one), unicodedata.normalize("NFKC", other)
        )
    return found


def _loses_number(source: str, translation: str) -> bool:
    digits = re.sub(r"\D", "", translation)
    for match in _NUMBER.finditer(source):
        number = re.sub(r"\D", "", match[0])
        decade = (match[1] or "").startswith(("s", "'s", "er", "年代"))
        if number not in digits and not number.endswith("00") and not decade:
            return not _SCALED.search(source + " " + translation)
    return False
