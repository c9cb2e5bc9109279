"""Replaces the words of a text by their entries in a dictionary."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

# Kana, bopomofo, Han and their iteration and length marks: every character may begin a word.
_CJK: Final = (
    "\u3005-\u3007\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_APOSTROPHES: Final = str.maketrans("’ʼ`´", "''''")


class Words:
    """A dictionary of one pair, and translation with it.

    At each place the longest entry wins, be it of several words. Entries match whole words
    whatever their case; in Chinese and Japanese every character may begin a word. A word that is
    written as in its entry is replaced by the entry's target as it is; otherwise an initial
    capital or capitals throughout are carried over. Everything else is kept.

    Args:
        entries: Sources and targets; of several targets the first counts.
        spaced: Whether words of the target language are separated by spaces.

    >>> words = Words([("new york", "Nueva York"), ("new", "nuevo")], spaced=True)
    >>> words.translate("NEW: New York!")
    'NUEVO: Nueva York!'
    """

    def __init__(self, entries: Iterable[tuple[str, str]], *, spaced: bool) -> None:
        self._spaced = spaced
        self._root = _Node()
        for source, target in entries:
            node = self._root
            source = unicodedata.normalize("NFC", source).strip()
            for unit in _units(source):
                node = node.after.setdefault(unit.key, _Node())
            if node is not self._root and node.source is None:
                node.source, node.target = source, target.strip()

    def translate(self, text: str) -> str:
        """The text, normalised to NFC, with every known word replaced."""
        text = unicodedata.normalize("NFC", text)
        units = _units(text)
        if not units:
            return text
        pieces = [text[: units[0].start]]
        before, before_is_new = "", False
        place = end = 0
        while place < len(units):
            length, node = self._longest(units, place)
            start, stop = units[place].start, units[place + length - 1].stop
            word = text[start:stop]
            if node is not None:
                word = in_case(word, node.source or "", node.target)
            # A word without a counterpart (an article, say) goes, with the space before it.
            if word and before:
                new = before_is_new or node is not None
                pieces.append(self._gap(text[end:start], before, word) if new else text[end:start])
            if word:
                pieces.append(word)
                before, before_is_new = word, node is not None
            place += length
            end = stop
        return "".join((*pieces, text[end:]))

    def _longest(self, units: Sequence["_Unit"], place: int) -> tuple[int, "_Node | None"]:
        """How many units the longest entry at a place takes, and its node; one where none does."""
        length = 1
        longest: _Node | None = None
        node = self._root
        for stop in range(place, len(units)):
            following = node.after.get(units[stop].key)
            if following is None:
                break
            node = following
            if node.source is not None:
                length, longest = stop - place + 1, node
        return length, longest

    def _gap(self, gap: str, before: str, after: str) -> str:
        """The white space between two words, one of them a translation."""
        if self._spaced:
            return " " if not gap and before[-1].isalnum() and after[0].isalnum() else gap
        return "" if gap == " " and (_is_cjk(before[-1]) or _is_cjk(after[0])) else gap


class _Unit(NamedTuple):
    """A word, or a single character that is not part of one, and where it stands."""

    key: str
    start: int
    stop: int


@dataclass(slots=True)
class _Node:
    """A place in the tree of entries; `source` where an entry ends here."""

    after: dict[str, "_Node"] = field(default_factory=dict)
    source: str | None = None
    target: str = ""


def _units(text: str) -> list[_Unit]:
    return [
        _Unit(match[0].translate(_APOSTROPHES).casefold(), match.start(), match.end())
        for match in _unit_pattern().finditer(text)
    ]


@cache
def _unit_pattern() -> re.Pattern[str]:
    # `re` counts no combining mark as part of a word; all but the last few lie below U+20000.
    marks = "".join(
        chr(code)
        for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
        if unicodedata.category(chr(code)).startswith("M")
    )
    return re.compile(rf"[{_CJK}][{marks}]*|(?:(?![{_CJK}])[^\W_][{marks}]*)+|\S")


def _is_cjk(character: str) -> bool:
    return re.match(rf"[{_CJK}\u3000-\u303f\uff01-\uff65]", character) is not None


def in_case(found: str, entry: str, target: str) -> str:
    """The target of an entry, in the case in which its source was found.

    >>> in_case("BANK", "bank", "Ufer"), in_case("Good", "good", "gut")
    ('UFER', 'Gut')
    """
    if found == entry:
        return target
    cased = [letter for letter in found if letter.upper() != letter.lower()]
    if len(cased) > 1 and all(map(str.isupper, cased)):
        return target.upper()
    if found[0].isupper() and not entry[0].isupper():
        return target[:1].upper() + target[1:]
    return target
