"""Apertium's stream format: escaping texts into it and reading translations out of it.

In the stream a backslash protects a special character, and text between square brackets (a
superblank) passes through every stage untouched, in order. See
https://wiki.apertium.org/wiki/Apertium_stream_format.
"""

import re
import unicodedata
from typing import Final

_SPECIAL: Final = re.compile(r"[\\\[\]{}^$/<>@]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)

_UNTRANSLATABLE: Final = re.compile(
    r"""
      (?:https?://|www\.)\S*[^\W_]/?           # web addresses
    | [\w.+-]+@[\w-]+\.[\w.-]*\w               # mail addresses
    | (?<!\w)[@\#]\w+                          # mentions and hashtags
    | &(?:\#\d+|\#x[0-9a-fA-F]+|[a-zA-Z]+);    # HTML entities
    | </?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>  # tags
    | (?<!\w)[:;=][-'^o]?[DdPpOoXxSs3](?!\w)   # smileys that end in a letter or digit
    | [*\#~]+                                  # Apertium's own marks
    | (?!\x20\S)\s+                            # white space other than a single space
    """,
    re.VERBOSE,
)
_PARAGRAPH: Final = re.compile(r"\n\s*\n")
_SENTENCE_END: Final = tuple(".!?…")
_ADDED_STOP: Final = ".[.]"
_MARK: Final = re.compile(r"\\(.)|[*#@]", re.DOTALL)
_PIECE: Final = re.compile(r"\[((?:\\.|[^\]\\])*)\]|((?:\\.|[^\[\\])+)", re.DOTALL)


def clean(text: str) -> str:
    """The text as it can be sent: in NFC, without NUL (the frames' end) and lone surrogates."""
    text = unicodedata.normalize("NFC", text).replace("\0", " ")
    return text.encode("utf-8", errors="replace").decode("utf-8")


def escape(text: str) -> str:
    r"""A clean text in the stream format, without white space at its ends.

    What is not for translation becomes superblanks: web and mail addresses, mentions, hashtags,
    tags and entities, the characters that Apertium marks words with, and white space other than
    single spaces. A full stop ends a text or paragraph that lacks one, as Apertium's own formatter
    does, so that its last words are not taken for the middle of a sentence; `[.]` marks it as
    added.

    >>> print(escape("@user: see [1]"))
    [\@user]: see \[1\].[.]
    """
    text = text.strip()
    pieces = []
    start = 0
    for match in _UNTRANSLATABLE.finditer(text):
        before = text[start : match.start()]
        pieces.append(_backslash(before))
        if _PARAGRAPH.search(match[0]) and not before.endswith(_SENTENCE_END):
            pieces.append(_ADDED_STOP)
        pieces.append(f"[{_backslash(match[0])}]")
        start = match.end()
    pieces.append(_backslash(text[start:]))
    pieces.append("[]" if text.endswith(_SENTENCE_END) else _ADDED_STOP)
    return "".join(pieces)


def unescape(stream: str) -> str:
    r"""The text in a stream that began as `escape`'s, without what Apertium adds to it.

    Those are spaces where it dropped a word, and the marks of words it could not translate or
    inflect; outside superblanks every unescaped mark is its own.

    >>> unescape(r" \[1\]  [\@user] *word# queue.[.]")
    '[1] @user word queue'
    """
    pieces: list[str] = []
    after_break = True
    for match in _PIECE.finditer(stream):
        blank, words = match.groups()
        if words is not None:
            words = re.sub(" {2,}", " ", _MARK.sub(r"\1", words))
            pieces.append(words.lstrip(" ") if after_break else words)
            after_break = False
        elif blank == ".":
            _cut(pieces, " ")
            _cut(pieces, ".", once=True)
        elif blank:
            blank = _plain(blank)
            after_break = blank.isspace()
            if after_break:
                _cut(pieces, " ")
            pieces.append(blank)
    _cut(pieces, " ")
    return "".join(pieces)


def _backslash(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _plain(stream: str) -> str:
    return _ESCAPED.sub(r"\1", stream)


def _cut(pieces: list[str], character: str, *, once: bool = False) -> None:
    if pieces and pieces[-1].endswith(character):
        pieces[-1] = pieces[-1][:-1] if once else pieces[-1].rstrip(character)
