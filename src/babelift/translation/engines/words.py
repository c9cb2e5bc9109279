"""Texts as words: cut, replaced by dictionary entries, with the marks of the target language."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

UNSPACED: Final = frozenset({"ja", "zh"})
"""Target languages that are written without spaces between words."""


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
    for found in _TOKEN.finditer(text):
        if any(map(str.isalnum, found[0])):
            start = found.end() - len(found[0].lstrip(_EDGES))
            yield start, found.start() + len(found[0].rstrip(_EDGES))


def _unspaced(text: str, vocabulary: Collection[str]) -> Iterator[tuple[int, int]]:
    for found in _RUN.finditer(text):
        start, end = found.span()
        while start < end:
            stop = end
            if found["dense"]:
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


_TO_NARROW: Final = {
    "。": ". ", "．": ". ", "、": ", ", "，": ", ", "？": "? ", "！": "! ", "：": ": ", "；": "; ",
    "「": ' "', "『": ' "', "《": ' "', "〈": ' "', "“": ' "',
    "」": '" ', "』": '" ', "》": '" ', "〉": '" ', "”": '" ',
    "（": " (", "）": ") ", "・": " ", "·": " ", "\u3000": " ", "…": "...",
}  # fmt: skip
_TO_WIDE: Final = {",": "，", ".": "。", "?": "？", "!": "！", ":": "：", ";": "；"}
_QUOTED: Final = re.compile(r'[“„«"]\s?([^“”„«»"\n]*?)\s?[”“»"]')
_FULL_WIDTH: Final = re.compile("[％＋－０-９＝Ａ-Ｚａ-ｚ\uff66-\uff9f]+")
_BREAK: Final = re.compile(r"([.!?。？！]+)")


def prepared(text: str, source_lang: str, target_lang: str) -> str:
    """A text of the source language with the marks of the target language.

    Numbers and addresses keep their points and commas.

    >>> prepared("It cost 1,000.50, no? Yes.", "en", "zh")
    'It cost 1,000.50， no？ Yes。'
    >>> prepared("「はい」、１９９８年。本", "ja", "en")
    '"はい", 1998年. 本'
    >>> prepared("¿Qué « es » ?", "es", "fr")
    'Qué "es" ?'
    """
    text = unicodedata.normalize("NFC", text)
    wide, wide_after = source_lang in UNSPACED, target_lang in UNSPACED
    if wide:
        text = _FULL_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    if wide and wide_after:
        return _between_wide(text, target_lang)
    if wide:
        return _narrow(text)
    text = re.sub("[¿¡]", "", text)
    if source_lang == "fr":
        text = re.sub(r"(?<=\w)\s([?!:;])(?!\S)", r"\1", text)
    return _wide(text, target_lang) if wide_after else _QUOTED.sub(r'"\1"', text)


def finished(text: str, source: str, source_lang: str, target_lang: str) -> str:
    """A translation with the capitals and the opening marks of the target language.

    Args:
        text: The translation.
        source: What was translated, as `prepared` left it.
        source_lang: Its language.
        target_lang: The translation's.

    >>> finished("how much is it? 5 euros. good!", "いくらですか? 5ユーロ. いい!", "ja", "es")
    '¿How much is it? 5 euros. ¡Good!'
    """
    if target_lang in UNSPACED:
        return text
    if source_lang in UNSPACED:
        text = _by_sentence(text, _capital)
    elif _first(source).isupper():
        text = _capital(text)
    if target_lang == "es":
        text = _by_sentence(text, _opened)
    return text


def _between_wide(text: str, target_lang: str) -> str:
    if target_lang == "zh":
        return text.translate(str.maketrans("、「」『』", "，“”‘’"))
    return text.translate(str.maketrans("，“”‘’", "、「」『』"))


def _narrow(text: str) -> str:
    text = re.sub(r"(?<=[^\x00-\x7f]),(?=\S)", ", ", text)
    text = "".join(_TO_NARROW.get(character, character) for character in text)
    text = re.sub(r'([.?!,]) +(?=[".,?!:;)])', r"\1", text)
    return re.sub(r" +(?=[.,?!:;)])", "", re.sub("  +", " ", text)).strip(" ")


def _wide(text: str, target_lang: str) -> str:
    quotes = "「」" if target_lang == "ja" else "“”"
    text = _QUOTED.sub(rf"{quotes[0]}\1{quotes[1]}", text)
    comma = "、" if target_lang == "ja" else "，"
    closing = "\"'”」）)"

    def widened(found: re.Match[str]) -> str:
        return comma if found[0] == "," else _TO_WIDE[found[0]]

    # A point ends a sentence at the end of the text or after a word that is no abbreviation.
    text = re.sub(rf"[,:;?!](?=[\s{closing}]|$)", widened, text)
    return re.sub(rf"\.(?=[\s{closing}]*$)|(?<=\w\w\w)\.(?=\s)", widened, text)


def _by_sentence(text: str, change: Callable[[str], str]) -> str:
    """The text with every sentence, with the marks that end it, changed."""
    parts = _BREAK.split(text)
    whole = [part + mark for part, mark in zip(parts[::2], [*parts[1::2], ""], strict=True)]
    # A point inside a number or an address begins no sentence.
    starts = [True] + [after[:1].isspace() or after[:1] in "\"'" for after in whole[1:]]
    return "".join(
        change(sentence) if sentence and begins else sentence
        for sentence, begins in zip(whole, starts, strict=True)
    )


def _first(text: str) -> str:
    return next((character for character in text if character.isalnum()), "")


def _capital(text: str) -> str:
    first = _first(text)
    return text.replace(first, first.upper(), 1) if first else text


def _opened(sentence: str) -> str:
    """A Spanish question or exclamation with its opening mark."""
    mark = {"?": "¿", "!": "¡"}.get(sentence[-1:])
    start = next((i for i, character in enumerate(sentence) if character.isalnum()), None)
    if mark is None or start is None or mark in sentence:
        return sentence
    return sentence[:start] + mark + sentence[start:]
