"""Whether a tokenizer's files can be used on any text within sane time and memory.

A tokenizer is data, but its rules run on every text: a rule may write a thousand characters for
one, and a regular expression may try each way to split a word. Neither shows until a text meets
it, so that the rules themselves are judged. Trying a probe text instead, in a process with limits,
would take seconds for each model and prove nothing about the next text.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from babelift.errors import quoted

_GROWTH: Final = 256
"""Most bytes for one; sentencepiece's usual rules write 33 for U+FDFA."""
_SPECIAL_TOKENS: Final = 64
"""Most tokens that a template may add to a text."""
_WORD: Final = 1000
"""Most characters of what WordPiece takes for one word: its time grows with their square."""
_PADDING: Final = 2**14
_PATTERN: Final = 10_000
_REPEATS: Final = 256
_UNBOUNDED: Final = 2
_VARIABLE: Final = 12


def tokenizer_fault(values: dict[str, Any]) -> str | None:
    """What is wrong with the contents of a tokenizer.json, in words; None where nothing is.

    >>> swell = {"type": "Replace", "pattern": {"String": " "}, "content": "x" * 1000}
    >>> tokenizer_fault({"normalizer": swell})
    'its normalizer may make 1,000 characters out of one'
    >>> tokenizer_fault({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}}})
    "its pattern '(a+)+$' repeats what repeats within: some texts take for ever"
    """
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        for pattern in _values(values.get(part), "Regex"):
            fault = pattern_fault(pattern)
            if fault:
                return f"its pattern {quoted(str(pattern), 80)} {fault}"
        growth = _growth(values.get(part))
        if growth > _GROWTH:
            return f"its {part} may make {growth:,.0f} characters out of one"
    for key in ("single", "pair", "ids"):
        for pieces in _values(values.get("post_processor"), key):
            if isinstance(pieces, list) and len(pieces) > _SPECIAL_TOKENS:
                return f"its template adds {len(pieces):,} tokens to a text"
    model = values.get("model")
    word = model.get("max_input_chars_per_word") if isinstance(model, dict) else None
    if word is not None and (not isinstance(word, int) or word > _WORD):
        return f"its words may have {quoted(str(word), 40)} characters, more than {_WORD:,}"
    padding = values.get("padding")
    for key in ("Fixed", "pad_to_multiple_of"):
        for length in _values(padding, key):
            if isinstance(length, int) and length > _PADDING:
                return f"it fills texts up to {length:,} tokens, more than {_PADDING:,}"
    return None


def sentencepiece_fault(path: Path) -> str | None:
    """What is wrong with a SentencePiece model, in words; None where nothing is."""
    try:
        model = memoryview(path.read_bytes())
        rules = [
            bytes(rule)
            for number, normalizer in _fields(model)
            if number == 3
            for inner, rule in _fields(normalizer)
            if inner == 2
        ]
    except (IndexError, ValueError, struct.error):
        return "it is not a SentencePiece model"
    longest = max(map(_longest_rule, rules), default=1)
    if longest > _GROWTH:
        return f"its normalizer may make {longest:,} characters out of one"
    return None


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a protocol buffer that hold bytes, by their number."""
    place, end = 0, len(message)

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError

    while place < end:
        key = number()
        kind = key & 7
        if kind == 2:
            length = number()
            if length > end - place:
                raise ValueError
            yield key >> 3, message[place : place + length]
            place += length
        elif kind == 0:
            number()
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            raise ValueError


def _longest_rule(charsmap: bytes) -> int:
    """The longest text that a SentencePiece map of characters writes, in bytes.

    The map is a trie, whose size stands first, and the texts, each ended by a zero.
    """
    if len(charsmap) < 4:
        return 1
    (trie,) = struct.unpack("<I", charsmap[:4])
    return max(map(len, charsmap[4 + trie :].split(b"\0")), default=1)


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    """Every object within, the outer ones first."""
    waiting = [part]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _values(part: Any, key: str) -> Iterator[Any]:
    """What stands under a key, anywhere within."""
    return (found[key] for found in _objects(part) if found.get(key) is not None)


def _growth(part: Any) -> float:
    """The most characters that a chain of rules may make out of one."""
    from binascii import Error, a2b_base64

    growth = 1.0
    for rule in _objects(part):
        kind = rule.get("type")
        if kind == "Replace":
            growth *= _replacement_growth(rule.get("pattern"), str(rule.get("content", "")))
        elif kind == "Prepend":
            growth *= max(1, len(str(rule.get("prepend", ""))))
        elif kind == "Precompiled":
            try:
                growth *= max(1, _longest_rule(a2b_base64(rule.get("precompiled_charsmap") or "")))
            except (Error, ValueError, TypeError):
                continue  # tokenizers says what is wrong with it
    return growth


def _replacement_growth(pattern: Any, content: str) -> float:
    least = 1
    if isinstance(pattern, dict) and isinstance(pattern.get("Regex"), str):
        least = _Scanner(pattern["Regex"]).scan().length
    elif isinstance(pattern, dict):
        least = len(str(pattern.get("String", "")))
    # What matches nothing at all puts its content between all characters.
    return max(1.0, len(content) / least) if least else len(content) + 1.0


def pattern_fault(pattern: Any) -> str | None:
    """Why a regular expression may take for ever on some text, in words; None where it does not.

    Refused is what makes a backtracking matcher try exponentially many ways (repeats or choices
    within a repeat, long rows of what may or may not be there), and what makes the time grow faster
    than with the third power of a text. The patterns of published tokenizers have none of these.

    >>> pattern_fault(r"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+")
    >>> pattern_fault(r"(a|a)*b"), pattern_fault(r"(\\w)\\1")
    ('repeats a choice: some texts take for ever', 'refers back to what it matched')
    """
    if not isinstance(pattern, str):
        return "is no text"
    if len(pattern) > _PATTERN:
        return f"has {len(pattern):,} characters, more than {_PATTERN:,}"
    try:
        _Scanner(pattern).scan()
    except _FaultError as fault:
        return str(fault)
    return None


class _FaultError(Exception):
    """Says what is wrong with a pattern."""


@dataclass(slots=True)
class _Piece:
    """A part of a pattern.

    Attributes:
        length: Characters that it matches at least.
        unbounded: Repeats without a limit that may follow each other in it.
        variable: Places where it may match more than one thing.
        choice: It has alternatives.
    """

    length: int = 0
    unbounded: int = 0
    variable: int = 0
    choice: bool = False


@dataclass(slots=True)
class _Group:
    """A group that is being read: the alternatives so far, and the present one."""

    looks_around: bool = False
    branches: list[_Piece] = field(default_factory=lambda: [_Piece()])
    last: _Piece | None = None

    def close_piece(self) -> None:
        branch, piece = self.branches[-1], self.last
        self.last = None
        if piece is None:
            return
        branch.length += piece.length
        branch.unbounded += piece.unbounded
        branch.variable += piece.variable
        if branch.unbounded > _UNBOUNDED:
            raise _FaultError(f"has more than {_UNBOUNDED} open repeats in a row")
        if branch.variable > _VARIABLE:
            raise _FaultError(f"has more than {_VARIABLE} variable places in a row")

    def whole(self) -> _Piece:
        self.close_piece()
        choice = len(self.branches) > 1
        return _Piece(
            0 if self.looks_around else min(branch.length for branch in self.branches),
            max(branch.unbounded for branch in self.branches),
            max(branch.variable for branch in self.branches) + choice,
            choice,
        )


class _Scanner:
    """Reads a pattern in Oniguruma's syntax as far as its repeats go."""

    _REPEAT = re.compile(r"[*+?]|\{(\d*)(,?)(\d*)\}")
    _OPEN = re.compile(r"\((?:\?(?:(<?[=!])|[imsxadu-]*:|>|P?<\w+>|'\w+'|([imsxadu-]*)\)))?")
    _ESCAPE = re.compile(r"\\(?:[pPx]\{[^}]*\}|.)", re.DOTALL)

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0
        self._groups = [_Group()]

    def scan(self) -> _Piece:
        """The pattern as a whole.

        Raises:
            _FaultError: It may take for ever.
        """
        pattern = self._pattern
        while self._place < len(pattern):
            group, sign = self._groups[-1], pattern[self._place]
            repeat = self._REPEAT.match(pattern, self._place)
            if repeat and group.last is not None and repeat[0] != "{,}":
                self._place = repeat.end()
                self._repeat(group.last, repeat)
            elif sign == "(":
                self._open(group)
            elif sign == ")" and len(self._groups) > 1:
                self._place += 1
                piece = self._groups.pop().whole()
                self._groups[-1].close_piece()
                self._groups[-1].last = piece
            elif sign == "|":
                self._place += 1
                group.close_piece()
                group.branches.append(_Piece())
            else:
                group.close_piece()
                group.last = self._atom(sign)
        while len(self._groups) > 1:  # it is not closed: tokenizers says so
            piece = self._groups.pop().whole()
            self._groups[-1].last = piece
        return self._groups[0].whole()

    def _repeat(self, piece: _Piece, repeat: re.Match[str]) -> None:
        least, most = self._bounds(repeat)
        if least > _REPEATS:
            raise _FaultError(f"repeats {least:,} times, more than {_REPEATS}")
        if most is None or most > 1:
            if piece.choice:
                raise _FaultError("repeats a choice: some texts take for ever")
            if piece.variable:
                raise _FaultError("repeats what repeats within: some texts take for ever")
        if piece.length * least > _PATTERN:
            raise _FaultError(f"matches no less than {piece.length * least:,} characters")
        piece.length *= least
        if most is None or most > _REPEATS:
            piece.unbounded += 1
        if least != most:
            piece.variable += 1
        # Behind `*`, `+` and `?`, a `+` makes it possessive; behind braces it repeats once more.
        lazy = "?" if repeat[0].endswith("}") else "?+"
        if self._place < len(self._pattern) and self._pattern[self._place] in lazy:
            self._place += 1

    @staticmethod
    def _bounds(repeat: re.Match[str]) -> tuple[int, int | None]:
        if repeat[0] in "*+?":
            return int(repeat[0] == "+"), 1 if repeat[0] == "?" else None
        least, comma, most = repeat.groups()
        if len(least) > 6 or len(most) > 6:
            raise _FaultError("repeats more than a million times")
        low = int(least or 0)
        return low, (int(most) if most else None) if comma else low

    def _open(self, group: _Group) -> None:
        opening = self._OPEN.match(self._pattern, self._place)
        assert opening is not None
        self._place = opening.end()
        if opening[0] == "(" and self._pattern.startswith("?", self._place):
            if self._pattern.startswith("?#", self._place):
                self._place = self._pattern.find(")", self._place) + 1 or len(self._pattern)
                return
            raise _FaultError("has a group of an unusual kind")
        group.close_piece()
        if opening[2] is None:  # else options for what follows, in a group of their own
            self._groups.append(_Group(looks_around=opening[1] is not None))

    def _atom(self, sign: str) -> _Piece:
        if sign == "\\":
            escape = self._ESCAPE.match(self._pattern, self._place)
            if escape is None:
                raise _FaultError("ends in a backslash")
            self._place = escape.end()
            if escape[0][1] in "123456789kg":
                raise _FaultError("refers back to what it matched")
            return _Piece(int(escape[0][1] not in "bBAzZG"))
        self._place += 1
        if sign == "[":
            self._skip_class()
        return _Piece(int(sign not in "^$"))

    def _skip_class(self) -> None:
        """Go behind a class of characters; classes stand in classes."""
        pattern, depth, first = self._pattern, 1, True
        while depth and self._place < len(pattern):
            sign = pattern[self._place]
            if sign == "\\":
                self._place += 1
            elif sign == "[":
                depth += 1
            elif sign == "]" and not first:
                depth -= 1
            first = first and sign == "^"
            self._place += 1
