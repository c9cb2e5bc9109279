"""Cutting a text into the segments that are sent, and putting their translations together again."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, Literal, NamedTuple

from sentencex import segment as split_sentences

from babelift import languages

Unit = Literal["sentence", "text"]


class Piece(NamedTuple):
    """A part of a text; the parts of a text joined are the text.

    Attributes:
        text: The characters, exactly as in the text.
        kind: `send` to the translator; `copy` as it stands (numbers, links, emoji); or `space`.
    """

    text: str
    kind: Literal["send", "copy", "space"]


_LINE: Final = re.compile(r"[^\r\n]+|[\r\n]+")
_UNTRANSLATABLE: Final = re.compile(
    r"https?://\S+|www\.\S+|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"|(?<!\w)@\w+|(?<![\w.])https?(?![\w.])"
)
"""Links, e-mail addresses, user names, and the bare `http` that data sets put for a link."""

_INITIAL: Final = re.compile(r"(?:^|[\s(«“\"'-])[^\W\d_]\.\s*$")
_LIST_NUMBER: Final = re.compile(r"^\(?\d{1,3}[.)]\s*$")
_ABBREVIATION: Final = {
    "de": re.compile(r"\b(?:Fa|Abt|Hr|Fr|Str|\d{1,2})\.\s*$"),
    "en": re.compile(r"\b(?:approx|lbs?|oz|incl|excl)\.\s*$", re.IGNORECASE),
    "fr": re.compile(r"\b(?:M|MM|Mme|Mmes|Mlle|Mlles|Dr|Pr|Me|Ste?)\.\s*$"),
}
"""Ends of a piece that the sentence splitter takes for a full stop although they are none."""

_QUOTING: Final = re.compile(r"[とってのはがをにでもなや]")
_CLOSING: Final = re.compile(r"[」』）】》〉”’)\]]")


def has_words(text: str) -> bool:
    """Whether there is anything to translate: a letter outside of links and user names.

    >>> has_words("Good!"), has_words("5/5 😀"), has_words("@user https://example.org/a")
    (True, False, False)
    """
    if "@" in text or "http" in text or "www." in text:
        text = _UNTRANSLATABLE.sub("", text)
    return any(map(str.isalpha, text))


def split_text(text: str, lang: str, unit: Unit = "sentence") -> list[Piece]:
    """Cut a text into pieces; joined, they are the text again.

    Args:
        text: Any text.
        lang: Its language's tag.
        unit: `sentence`, or `text` to keep the whole text as one piece.

    >>> [piece.text for piece in split_text("Dr. Smith came. Good! 😀\\nBye.", "en")]
    ['Dr. Smith came.', ' ', 'Good!', ' ', '😀', '\\n', 'Bye.']
    """
    if unit == "text":
        if not text:
            return []
        if text.isspace():
            return [Piece(text, "space")]
        return [Piece(text, "send" if has_words(text) else "copy")]
    pieces: list[Piece] = []
    for line in _LINE.findall(text):
        for sentence in _mended(split_sentences(lang, line), lang):
            pieces.extend(_trimmed(sentence))
    return pieces


def _trimmed(text: str) -> Iterator[Piece]:
    core = text.strip()
    start = len(text) - len(text.lstrip())
    if start:
        yield Piece(text[:start], "space")
    if core:
        yield Piece(core, "send" if has_words(core) else "copy")
        if start + len(core) < len(text):
            yield Piece(text[start + len(core) :], "space")


def _mended(sentences: list[str], lang: str) -> Iterator[str]:
    """Join what was cut inside a sentence; joining too much does no harm, cutting too much does."""
    if len(sentences) < 2:
        yield from sentences
        return
    held = sentences[0]
    for sentence in sentences[1:]:
        if _belongs_together(held, sentence, lang):
            held += sentence
        else:
            yield held
            held = sentence
    yield held


def _belongs_together(before: str, after: str, lang: str) -> bool:
    if not before[-1].isspace():
        first = after[0]
        if before[-1] == "." and first.isascii() and (first.isalnum() or first == "-"):
            return True
        if lang in ("ja", "zh"):
            return bool(_CLOSING.match(after) or (before[-1] in "」』" and _QUOTING.match(after)))
    if _LIST_NUMBER.match(before) or _INITIAL.search(before[-8:]):
        return True
    abbreviation = _ABBREVIATION.get(lang)
    return abbreviation is not None and bool(abbreviation.search(before[-12:]))


_CLAUSE: Final = re.compile(r"[;:,.!?)—–…](?=\s)|[、，；：。！？…」』）]")
_SPACE: Final = re.compile(r"\s")


def cut_point(text: str) -> int:
    """Where to cut a text that is too long: near the middle, at a clause, else a space, else hard.

    >>> text = "the first half of it, and the second half of it"
    >>> text[:cut_point(text)]
    'the first half of it,'
    """
    middle, quarter = len(text) // 2, len(text) // 4
    for pattern in (_CLAUSE, _SPACE):
        found = pattern.finditer(text, quarter, len(text) - quarter)
        ends = [match.end() for match in found if 0 < match.end() < len(text)]
        if ends:
            return min(ends, key=lambda end: abs(end - middle))
    cut = middle
    while cut < len(text) and _sticks(text[cut - 1], text[cut]):
        cut += 1
    return cut if cut < len(text) else middle


def _sticks(before: str, after: str) -> bool:
    """Whether two characters are one on the page (accents, joined emoji)."""
    joiner = "\u200d"
    return joiner in (before, after) or unicodedata.category(after)[0] == "M"


def split_long(
    segments: Iterable[str], measure: Callable[[Sequence[str]], Sequence[int]], limit: int
) -> dict[str, list[Piece]]:
    """Cut the segments that are longer than a translator can take.

    Args:
        segments: Segments to look at.
        measure: Sizes of texts, in the unit of `limit`.
        limit: Largest size of a piece.

    Returns:
        For each segment that is too long, its pieces; the others are left out.

    >>> pieces = split_long(["one two, three four"], lambda texts: [len(t) for t in texts], 9)
    >>> [piece.text for piece in pieces["one two, three four"]]
    ['one two,', ' ', 'three', ' ', 'four']
    """
    cuts: dict[str, tuple[str, str]] = {}
    pending = list(dict.fromkeys(segments))
    roots = pending
    while pending:
        sizes = measure(pending)
        halves: list[str] = []
        for text, size in zip(pending, sizes, strict=True):
            if size > limit and len(text) > 1 and text not in cuts:
                cut = cut_point(text)
                cuts[text] = (text[:cut], text[cut:])
                halves.extend(piece.text for half in cuts[text] for piece in _trimmed(half)
                              if piece.kind == "send")  # fmt: skip
        pending = list(dict.fromkeys(halves))
    return {root: list(_leaves(root, cuts)) for root in roots if root in cuts}


def _leaves(text: str, cuts: Mapping[str, tuple[str, str]]) -> Iterator[Piece]:
    for half in cuts[text]:
        for piece in _trimmed(half):
            if piece.kind == "send" and piece.text in cuts:
                yield from _leaves(piece.text, cuts)
            else:
                yield piece


@cache
def _writes_spaces(lang: str) -> bool:
    return languages.get(lang).script not in ("Jpan", "Hans")


def rejoin(
    pieces: Sequence[Piece], translations: Mapping[str, str], source_lang: str, target_lang: str
) -> str:
    """The translated text: each sent piece replaced, with the spacing the target language uses.

    Line breaks stay. Between two sentences a target without spaces (ja, zh) gets none, and a
    target with spaces gets one where the source had none to keep.

    >>> pieces = split_text("Good. Bad.\\nEnd.", "en")
    >>> rejoin(pieces, {"Good.": "良い。", "Bad.": "悪い。", "End.": "終わり。"}, "en", "ja")
    '良い。悪い。\\n終わり。'
    >>> rejoin(split_text("良い。悪い。", "ja"), {"良い。": "Good.", "悪い。": "Bad."}, "ja", "en")
    'Good. Bad.'
    """
    add_space = not _writes_spaces(source_lang) and _writes_spaces(target_lang)
    drop_space = not _writes_spaces(target_lang)
    out: list[str] = []
    for index, piece in enumerate(pieces):
        if piece.kind == "space":
            inner = 0 < index < len(pieces) - 1
            if (
                drop_space
                and inner
                and pieces[index - 1].kind == "send"
                and pieces[index + 1].kind == "send"
                and "\n" not in piece.text
                and "\r" not in piece.text
            ):
                continue
            out.append(piece.text)
            continue
        if add_space and index > 0 and pieces[index - 1].kind != "space":
            out.append(" ")
        out.append(translations[piece.text] if piece.kind == "send" else piece.text)
    return "".join(out)
