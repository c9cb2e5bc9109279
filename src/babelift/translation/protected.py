"""What must stay in a translation as it is: links, names, placeholders, markup, emoji, terms."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import regex

from babelift.corpus.checks import text_fault
from babelift.errors import ConfigError
from babelift.store import not_a_file

LONGEST_TERM: Final = 200
"""Characters of a protected term."""

_W: Final = (
    r"[\w--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー\uFE0F\u20E3]]"
)
"""Characters of words in scripts that set words apart, so that a word can be seen to end. The marks
that end an emoji are none: a link may follow it."""

_STOPS: Final = r"\s<>\"`“”‘’「」『』【】《》，。！？、；：（）…"

_PATH: Final = rf"(?: [^{_STOPS}]* [^{_STOPS}.,;:!?')\]}}*] )"
"""The rest of a link; marks after it are those of the sentence."""

_BEFORE_TERMS: Final = rf"""
    (?<!{_W})(?i:[a-z][a-z0-9+.-]{{1,15}}://|www\.) {_PATH}
    | (?<![{_W}@.+-]) (?:mailto:)? [{_W}.+-]{{1,64}} @ [{_W}-]{{1,63}} (?:\.[{_W}-]{{1,63}})+
    | (?<![{_W}@.-]) (?:{_W}[{_W}-]*\.)+ (?:
        (?i:com|org|net|edu|gov|info) (?!{_W}|\.{_W}) (?:/{_PATH}?)? | [a-z]{{2,6}} / {_PATH} )
    | </?[A-Za-z][A-Za-z0-9:-]* (?:\s[^<>]*)? /?> | <![^<>]*>
"""
"""Links and mail addresses; tags and comments of HTML."""

_AFTER_TERMS: Final = rf"""
    &(?: \#[0-9]{{1,7}} | \#[xX][0-9a-fA-F]{{1,6}} | [A-Za-z][A-Za-z0-9]{{1,31}} );
    | \{{\{{ \s? [\w.|-]{{1,64}} \s? \}}\}} | \$?\{{ [\w.:!\[\]%,+<>^=-]{{0,64}} \}}
    | (?<![\w%])% (?:\(\w{{1,64}}\)|\d\$)? [-+0]?\d{{0,3}} (?:\.\d{{1,3}})? [sdifgx@] (?!{_W})
    | (?<![{_W}@])@(?: {_W}{{1,64}}(?:[.@]{_W}{{1,64}}){{0,4}} | [\w--{_W}]{{1,64}} )
    | (?<![{_W}&])[\#＃] (?=[\d_]*(?![\d_]){_W}|[\w--{_W}]) \w+
    | (?<![{_W}.])https?(?!{_W}|[.]{_W}|:)
    | \p{{Regional_Indicator}}{{1,2}} | [0-9\#*]\uFE0F?\u20E3
    | (?=[[\p{{Emoji}}&&\p{{Extended_Pictographic}}]--[©®™‼⁉ℹ]]) \X
"""
"""Entities; placeholders of str.format, templates and printf; @names and #tags; the bare `http`
that data sets put for a link; emoji, each with all that belongs to it."""

HINT: Final = re.compile(
    "[@#＃{}<>&%/\u203c\u2049\u20e3\u2122-\u27bf\u2900-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001ffff]|[.]\\w"
)
"""What a text has that has anything to protect, but for terms and `http`; most have none of it."""


_DEPTH: Final = 8
"""How often what is between the protected parts is searched again, as in `%s@ann`."""


class Protected:
    """Finds what must stay as it is.

    Args:
        terms: Names and the like that must stay too, as they are written. The longest counts, and
            in scripts that set words apart only whole words do.

    >>> protected = Protected(["Galaxy Fold"])
    >>> list(protected.find("@ann: the Galaxy Fold <b>rocks</b> 👍🏽 see http://ex.com/a?b=c."))
    ['@ann', 'Galaxy Fold', '<b>', '</b>', '👍🏽', 'http://ex.com/a?b=c']
    """

    def __init__(self, terms: Iterable[str] = ()) -> None:
        forms = {unicodedata.normalize(form, term) for term in terms for form in ("NFC", "NFD")}
        self.terms = tuple(sorted(forms))
        ends = {(_is_bounded(term[0]), _is_bounded(term[-1])) for term in self.terms}
        lists = {
            f"terms_{left:d}{right:d}": [
                term
                for term in self.terms
                if (_is_bounded(term[0]), _is_bounded(term[-1])) == (left, right)
            ]
            for left, right in ends
        }
        words = (
            (rf"(?<!{_W})" if left else "") + rf"\L<terms_{left:d}{right:d}>"
            + (rf"(?!{_W})" if right else "")
            for left, right in sorted(ends)
        )  # fmt: skip
        kinds = (_BEFORE_TERMS, *words, _AFTER_TERMS)
        self._pattern = regex.compile("|".join(kinds), regex.VERBOSE | regex.V1, **lists)
        self._any_term = regex.compile(r"\L<terms>", regex.V1, terms=[*self.terms])

    def find(self, text: str) -> Iterator[str]:
        """The protected parts of a text, in order."""
        return (text[start:end] for start, end in self._spans(text))

    def may_be_in(self, text: str) -> bool:
        """Whether a text may have a protected part: a quick look, which most texts fail."""
        if HINT.search(text) or "http" in text:
            return True
        return bool(self.terms and self._any_term.search(text))

    def _spans(self, text: str, depth: int = _DEPTH) -> Iterator[tuple[int, int]]:
        """Where the protected parts are; what is between them has none if it is searched alone."""
        if not depth or not self.may_be_in(text):
            return
        place = 0
        matches = [match.span() for match in self._pattern.finditer(text)]
        for start, end in (*matches, (len(text), len(text))) if matches else ():
            for inner_start, inner_end in self._spans(text[place:start], depth - 1):
                yield place + inner_start, place + inner_end
            if start < end:
                yield start, end
            place = end

    def split(self, text: str) -> Iterator[tuple[str, bool]]:
        """The parts of a text in order, each with whether it is protected; joined, the text.

        >>> list(Protected().split("Hi @ann!"))
        [('Hi ', False), ('@ann', True), ('!', False)]
        """
        place = 0
        for start, end in self._spans(text):
            if place < start:
                yield text[place:start], False
            yield text[start:end], True
            place = end
        if place < len(text):
            yield text[place:], False

    def taken_out(self, text: str) -> tuple[list[str], str]:
        """The protected parts of a text, in order, and the text with a space for each."""
        parts = list(self.split(text))
        return (
            [part for part, protected in parts if protected],
            "".join(" " if protected else part for part, protected in parts),
        )

    def without(self, text: str) -> str:
        """The text with a space for every protected part."""
        return self.taken_out(text)[1]

    def survive(self, source: str, translation: str) -> bool:
        """Whether a translation has the protected parts of its source, each as often.

        >>> Protected().survive("{n} 😀😀", "😀{n} 😀"), Protected().survive("😀😀", "😀")
        (True, False)
        """
        return sorted(self.find(source)) == sorted(self.find(translation))


def _is_bounded(character: str) -> bool:
    return regex.match(_W, character, regex.V1) is not None


NOTHING: Final = Protected()
"""Protects what is protected in every text; no terms."""


def read_terms(path: Path) -> Protected:
    """What is protected with the terms of a file: UTF-8, one on each line.

    White space around a term and empty lines do not count.

    Raises:
        ConfigError: The file cannot be read, or a line of it is no term.
    """
    hint = "Write one term on each line, in UTF-8."
    try:
        if kind := not_a_file(path):
            raise ConfigError(f"keep-terms: '{path}' is {kind}; only files can be read.", hint)
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"keep-terms: '{path}' cannot be read: {error.strerror}.", hint
        ) from error
    except UnicodeDecodeError as error:
        at = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"keep-terms: '{path}', line {at}: is not UTF-8.", hint) from error
    terms = []
    for number, line in enumerate(text.splitlines(), start=1):
        term = line.strip()
        if term and (fault := text_fault(term)):
            raise ConfigError(f"keep-terms: '{path}', line {number}: {fault}.", hint)
        if len(term) > LONGEST_TERM:
            raise ConfigError(
                f"keep-terms: '{path}', line {number}: has {len(term):,} characters; a term has "
                f"{LONGEST_TERM} at most.", hint
            )  # fmt: skip
        if term:
            terms.append(term)
    if not terms:
        raise ConfigError(f"keep-terms: '{path}' holds no term.", hint)
    return Protected(terms)
