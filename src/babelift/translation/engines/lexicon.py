"""Translates word by word, with a dictionary from a file or the lists that ship as `mini`."""

import gzip
import hashlib
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, permutations
from pathlib import Path
from typing import Final, Literal, NamedTuple

import polars as pl

from babelift import embedded
from babelift.config import Translating
from babelift.errors import DataError, ModelError
from babelift.translation.engines.table import Pair, read_pair_file
from babelift.translation.engines.words import UNSPACED
from babelift.translation.protocol import Translation, check_pair
from babelift.translation.registry import TRANSLATORS

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


def in_case(word: str, entry: str, target: str) -> str:
    """The target of an entry, in the case in which its source was found.

    >>> in_case("BANK", "bank", "Ufer"), in_case("Good", "good", "gut")
    ('UFER', 'Gut')
    """
    if word == entry:
        return target
    cased = [letter for letter in word if letter.upper() != letter.lower()]
    if len(cased) > 1 and all(map(str.isupper, cased)):
        return target.upper()
    if word[0].isupper() and not entry[0].isupper():
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
        text = _FULL_WIDTH.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
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

    def widened(match: re.Match[str]) -> str:
        return comma if match[0] == "," else _TO_WIDE[match[0]]

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


def load(argument: str, config: Translating) -> "Lexicon":
    """The translator `lexicon:FILE`.

    Raises:
        DataError: The file cannot be read or lacks a column.
        LanguageError: A language in the file is not known.
    """
    return Lexicon(Path(argument))


class Lexicon:
    """Replaces words by their translations in a file.

    Its columns are `source_lang, target_lang, source, target` and, optionally, `weight` (1 where
    absent). Of several translations of a word the one with the largest weight counts, among equals
    the first. See `Words` for what is matched.

    Args:
        path: A csv, tsv, jsonl (also .gz) or parquet file.

    Raises:
        DataError: The file cannot be read, or lacks a column, or a weight is no number.
        LanguageError: A language in the file is not known.
    """

    unit: Literal["sentence", "text"] = "text"
    license: str | None = None
    poor = TRANSLATORS["lexicon"].poor

    def __init__(self, path: Path) -> None:
        file = read_pair_file(path, ("source", "target"), optional=("weight",))
        self.path = path
        self.name = path.name.split(".")[0]
        self.notes = (*file.notes, *file.reduced)
        self.fingerprint = f"lexicon/1:{file.hash[:16]}"
        self._frame = _heaviest_first(file.frame, path)
        self._pairs = file.pairs()
        self._words: dict[Pair, Words] = {}

    def pairs(self) -> frozenset[Pair]:
        """The pairs that stand in the file."""
        return self._pairs

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts word by word, one result per text, in order.

        Raises:
            LanguageError: The pair is not in the file.
        """
        pair = (source_lang, target_lang)
        check_pair(self.name, *pair, self._pairs)
        if pair not in self._words:
            rows = self._frame.filter(
                (pl.col("source_lang") == pair[0]) & (pl.col("target_lang") == pair[1])
            )
            self._words[pair] = Words(
                zip(rows["source"], rows["target"], strict=True), spaced=pair[1] not in UNSPACED
            )
        words = self._words[pair]
        return (Translation(words.translate(text)) for text in texts)

    def close(self) -> None:
        """Forget the dictionaries in use; safe to call twice."""
        self._words.clear()


def _heaviest_first(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    if "weight" not in frame.columns:
        return frame
    numbers = pl.col("weight").cast(pl.Float64, strict=False)
    wrong = frame.filter(pl.col("weight").is_not_null() & ~numbers.is_finite().fill_null(False))
    if wrong.height:
        raise DataError(
            f"{path}: weight '{wrong['weight'][0]}' of '{wrong['source'][0]}' is no number."
        )
    weighed = frame.with_columns(numbers.fill_null(1.0))
    return weighed.sort("weight", descending=True, maintain_order=True)


LANGUAGES: Final = ("de", "es", "fr", "ja", "zh")
"""Languages with a list of their own, which pairs them with English."""

HEADER: Final = ("english", "other", "way")
"""Columns of a list."""

WAYS: Final = ("both", "from", "into")
"""Whether a row translates English and the other language, or only from or into English."""

_PAIRS: Final = frozenset(permutations(("en", *LANGUAGES), 2))


def mini(argument: str, config: Translating) -> "MiniLexicon":
    """The translator `mini`.

    Raises:
        ModelError: The lists are missing from the installation.
    """
    return MiniLexicon(embedded.model_folder("lexicon"))


def mini_lexicon(argument: str, config: Translating) -> "MiniLexicon":
    """The translator `mini` under its older name, as which rows and memories know it.

    Raises:
        ModelError: The lists are missing from the installation.
    """
    return MiniLexicon(embedded.model_folder("lexicon"), name="mini-lexicon")


class MiniLexicon:
    """Replaces words and short phrases by those that most often stood for them.

    Their order stays that of the source. Two languages of which neither is English are translated
    by way of English. What is in no list is kept.

    Args:
        folder: With a list for each language, `de.tsv.gz` and so on.
        name: `mini` or `mini-lexicon`; both translate alike.

    Raises:
        ModelError: A list is missing.
    """

    unit: Literal["sentence", "text"] = "sentence"
    license: str | None = "CC-BY-2.0"
    poor = TRANSLATORS["mini"].poor

    def __init__(self, folder: Path, *, name: Literal["mini", "mini-lexicon"] = "mini") -> None:
        self.name = name
        self._paths = {lang: folder / f"{lang}.tsv.gz" for lang in LANGUAGES}
        digest = hashlib.sha256()
        for path in self._paths.values():
            try:
                digest.update(path.read_bytes())
            except OSError as error:
                raise _damaged(path, error.strerror or str(error)) from error
        lists = f"mini-lexicon/1:{digest.hexdigest()[:16]}"
        # `mini` once chose for each pair between the lists and a model; its choice of the lists
        # for all pairs stays in the key, so that memories from then still answer.
        self.fingerprint = lists if name == "mini-lexicon" else f"mini/1:e3b0c44298fc1c14 + {lists}"
        self._words: dict[Pair, Words] = {}

    def pairs(self) -> frozenset[Pair]:
        """All pairs of the six languages."""
        return _PAIRS

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts word by word, one result per text, in order.

        Raises:
            LanguageError: The pair is not one of the six languages'.
            ModelError: A list cannot be read.
        """
        check_pair(self.name, source_lang, target_lang, _PAIRS)
        by_way_of = () if "en" in (source_lang, target_lang) else ("en",)
        stops = (source_lang, *by_way_of, target_lang)
        chain = [self._between(*pair) for pair in pairwise(stops)]
        return (_translation(text, chain, source_lang, target_lang) for text in texts)

    def close(self) -> None:
        """Forget the lists in use; safe to call twice."""
        self._words.clear()

    def _between(self, source_lang: str, target_lang: str) -> Words:
        """The dictionary of a pair with English."""
        pair = (source_lang, target_lang)
        if pair not in self._words:
            forward = source_lang == "en"
            path = self._paths[target_lang if forward else source_lang]
            other_way = "into" if forward else "from"
            self._words[pair] = Words(
                (
                    (english, other) if forward else (other, english)
                    for english, other, way in read_list(path)
                    if way != other_way
                ),
                spaced=target_lang not in UNSPACED,
            )
        return self._words[pair]


def read_list(path: Path) -> Iterator[tuple[str, str, str]]:
    """The rows of a list: English, the other language, and one of `WAYS`.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            header = tuple(next(lines, "").rstrip("\n").split("\t"))
            if header != HEADER:
                raise _damaged(path, f"its columns are not {', '.join(HEADER)}")
            for number, line in enumerate(lines, start=2):
                fields = line.rstrip("\n").split("\t")
                if len(fields) != len(HEADER) or fields[2] not in WAYS:
                    raise _damaged(path, f"line {number} is no row")
                yield fields[0], fields[1], fields[2]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"'{path}' cannot be read: {why}.",
        "Install Babelift again, or rebuild the embedded models with 'make models'.",
    )


def _translation(
    text: str, chain: Sequence[Words], source_lang: str, target_lang: str
) -> Translation:
    core = text.strip()
    if not core:
        return Translation(text)
    start = text.index(core)
    source = prepared(core, source_lang, target_lang)
    output = source
    for words in chain:
        output = words.translate(output)
    output = finished(output, source, source_lang, target_lang)
    return Translation(text[:start] + output + text[start + len(core) :])
