"""Texts cut into words and the marks between them, and put together again."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

UNSPACED: Final = frozenset({"ja", "yue", "zh"})
"""Languages that are written without spaces between words."""

_PAIRS: Final = dict(zip("([{（［｛「『【《〈«¿¡", ")]}）］｝」』】》〉»?!", strict=True))
_OPENING: Final = "".join(_PAIRS)
_CLOSING: Final = ")]}）］｝」』】》〉»"
_QUOTES: Final = "\"“”„‟«»‹›‘’‚'`"
_DASHES: Final = "–—"
_PAUSES: Final = ",;:、，；：､"
_ENDS: Final = ".!?…。！？｡"
_BREAKS: Final = _PAUSES + _ENDS
_EDGES: Final = _OPENING + _CLOSING + _QUOTES + _BREAKS
_SPACES: Final = " \t\r\n\u00a0\u202f\u3000"

_LONGEST: Final = 12
"""Characters that a word of a language without spaces has at most, where it is in a vocabulary."""

_TOKEN: Final = re.compile(rf"[^\s{_DASHES}]+")
_ACCENTS: Final = "\u0300-\u036f\u3099\u309a"
_KATAKANA: Final = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_DENSE: Final = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Hiragana and Han."""
_OTHER: Final = rf"(?:[^\W_{_KATAKANA}{_DENSE}][{_ACCENTS}]*)+"
_RUN: Final = re.compile(
    rf"(?P<dense>[{_DENSE}][{_DENSE}{_ACCENTS}]*)|[{_KATAKANA}][{_KATAKANA}{_ACCENTS}]*"
    rf"|{_OTHER}(?:[.,'’-]{_OTHER})*"
)
_ACCENT: Final = re.compile(f"[{_ACCENTS}]*")


class Cut(NamedTuple):
    """A text in words and what stands between them.

    Attributes:
        words: Words, numbers among them.
        gaps: White space and marks before each word, and after the last; one more than words.
    """

    words: list[str]
    gaps: list[str]

    @property
    def text(self) -> str:
        """Words and gaps put together again; two words that would run into one get a space."""
        text, gap, before = self.gaps[0], self.gaps[0], ""
        for word, after in zip(self.words, self.gaps[1:], strict=True):
            if not gap and _is_spaced(before[::-1]) and _is_spaced(word):
                text += " "
            text += word + after
            gap, before = after, word
        return text


def cut_words(text: str, vocabulary: Collection[str] | None = None) -> Cut:
    """Cut a text into words.

    Args:
        text: Any text; joined, the words and gaps are the text again.
        vocabulary: Words of a language that is written without spaces: the longest counts, a
            character in none is a word, and so is a run of katakana, Latin letters or digits.
            None where there are spaces between words.

    >>> cut_words("“It's (very) good!”")
    Cut(words=["It's", 'very', 'good'], gaps=['“', ' (', ') ', '!”'])
    >>> cut_words("この本はすごい。", {"この", "すごい", "本"}).words
    ['この', '本', 'は', 'すごい']
    """
    spans = _spaced(text) if vocabulary is None else _unspaced(text, vocabulary)
    words, gaps, end = [], [], 0
    for start, stop in spans:
        words.append(text[start:stop])
        gaps.append(text[end:start])
        end = stop
    return Cut(words, [*gaps, text[end:]])


def _spaced(text: str) -> Iterator[tuple[int, int]]:
    for match in _TOKEN.finditer(text):
        if any(map(str.isalnum, match[0])):
            start = match.end() - len(match[0].lstrip(_EDGES))
            yield start, match.start() + len(match[0].rstrip(_EDGES))


def _unspaced(text: str, vocabulary: Collection[str]) -> Iterator[tuple[int, int]]:
    for match in _RUN.finditer(text):
        start, end = match.span()
        while start < end:
            stop = end
            if match["dense"]:
                sizes = range(min(_LONGEST, end - start), 1, -1)
                size = next((n for n in sizes if text[start : start + n] in vocabulary), 1)
                accents = _ACCENT.match(text, start + size, end)
                stop = accents.end() if accents else start + size
            yield start, stop
            start = stop


def merged_gap(left: str, right: str, *, first: bool) -> str:
    """What stands between two words when the word between `left` and `right` is gone.

    Args:
        left: Before the word.
        right: After it.
        first: No word comes before.

    >>> merged_gap(" (", "), ", first=False), merged_gap(", ", ".", first=False)
    (', ', '.')
    """
    left, right = _without_pair(left, right)
    marks = right.strip()
    if marks and left.rstrip().endswith(marks) and not set(marks) & set(_CLOSING + _QUOTES):
        return left
    if _opens(left):
        right = right.lstrip(_BREAKS + _SPACES)
    elif right:
        core = left.rstrip()
        if "\n" in left[len(core) :] and right[0].isspace():
            right = left[len(core) :] + right.lstrip()
        left, right = _one_break(core, right)
    merged = left + right
    return merged.lstrip(_BREAKS + _CLOSING + _DASHES + _SPACES) if first else merged


def _without_pair(left: str, right: str) -> tuple[str, str]:
    """Both without the brackets or quotes that now hold nothing."""
    while core := left.rstrip():
        close = _PAIRS.get(core[-1], "")
        if core == left and core[-1] in _QUOTES:
            close = _QUOTES
        place = next((i for i, mark in enumerate(right) if mark in close), None)
        if place is None or right[:place].strip(_BREAKS + _SPACES):
            break
        left, right = core[:-1], right[:place].rstrip() + right[place + 1 :]
    return left, right


def _opens(gap: str) -> bool:
    """Whether the end of a gap belongs to the word after it."""
    if not gap or gap[-1] not in _OPENING + _QUOTES:
        return False
    return gap[-1] in _OPENING or not gap[:-1] or gap[-2].isspace() or _opens(gap[:-1])


def _one_break(left: str, right: str) -> tuple[str, str]:
    """Of two commas, points and the like that now meet, only the stronger."""
    bare = left.rstrip(_BREAKS)
    old, new = left[len(bare) :], right[: len(right) - len(right.lstrip(_BREAKS))]
    weak = not any(mark in _ENDS for mark in old)
    if new and old:
        return (
            (bare, right)
            if weak and any(mark in _ENDS for mark in new)
            else (left, right[len(new) :])
        )
    if new:
        return left.rstrip(_DASHES + _SPACES), right
    return (bare, right) if weak and right[0] in _CLOSING + _QUOTES else (left, right)


def without_opening(gap: str) -> str:
    """What stands after the last word, once those that it led to are gone.

    >>> without_opening(", (")
    ','
    """
    return gap.rstrip(_OPENING + _SPACES)


def _is_spaced(word: str) -> bool:
    """Whether a word's first letter is one of those that spaces set apart; accents do not count."""
    letter = next((mark for mark in word if unicodedata.category(mark)[0] != "M"), "")
    return letter.isalnum() and re.match(f"[{_KATAKANA}{_DENSE}]", letter) is None
