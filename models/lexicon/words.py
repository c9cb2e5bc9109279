"""Cuts sentences into words, and puts words together to text again."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from babelift.translation.engines.words import UNSPACED

_APOSTROPHES: Final = str.maketrans("’ʼ`´", "''''")
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*|\S")
_ELISION: Final = re.compile(
    r"(?:[cdjlmnst]|qu|lorsqu|puisqu|jusqu|quoiqu)'(?=.)", flags=re.IGNORECASE
)
_CONTRACTED: Final = frozenset(
    ("it", "that", "what", "he", "she", "there", "here", "who", "where", "let", "how")
)
_HAN_OR_KANA: Final = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff]+"
)
_SENTENCE_ENDS: Final = frozenset('.!?:"„“”«»-¿¡')


def is_word(unit: str) -> bool:
    """Whether a unit is a word, not a number or a mark; `'s` is one.

    >>> [is_word(unit) for unit in ("house", "'s", "l'", "20th", "'", ",")]
    [True, True, True, False, False, False]
    """
    letters = unit.replace("'", "")
    return letters.isalpha()


def spaced_words(text: str, lang: str) -> list[str]:
    """The words and marks of a sentence in a language that writes spaces.

    French articles and the like stand alone, and so does the English possessive.

    >>> spaced_words("Qu'est-ce que l'ami de Jean ?", "fr")
    ["Qu'", 'est', '-', 'ce', 'que', "l'", 'ami', 'de', 'Jean', '?']
    >>> spaced_words("Tom’s dog doesn't bite; it's old.", "en")
    ['Tom', "'s", 'dog', "doesn't", 'bite', ';', "it's", 'old', '.']
    """
    units = []
    for match in _WORD.finditer(unicodedata.normalize("NFC", text).translate(_APOSTROPHES)):
        unit = match[0]
        if "'" in unit and lang == "fr":
            while elided := _ELISION.match(unit):
                units.append(elided[0])
                unit = unit[elided.end() :]
        elif lang == "en" and _is_possessive(unit):
            units.append(unit[:-2])
            unit = unit[-2:]
        units.append(unit)
    return units


def _is_possessive(unit: str) -> bool:
    return unit[-2:].lower() == "'s" and unit[:-2].lower() not in _CONTRACTED


class Segmenter:
    """Cuts Japanese or Chinese into words that it learns from sentences: a Unigram model.

    Args:
        sentences: Sentences of one language.
        pieces: How many words to learn.
        longest: Most characters in a word.
    """

    def __init__(self, sentences: Iterable[str], *, pieces: int, longest: int) -> None:
        from tokenizers import Tokenizer, models, trainers

        self._tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(
            vocab_size=pieces,
            unk_token="[UNK]",
            special_tokens=["[UNK]"],
            max_piece_length=longest,
            show_progress=False,
        )
        runs = (
            match[0]
            for sentence in sentences
            for match in _HAN_OR_KANA.finditer(unicodedata.normalize("NFKC", sentence))
        )
        self._tokenizer.train_from_iterator(runs, trainer)

    def __call__(self, sentences: Sequence[str]) -> list[list[str]]:
        """The words and marks of each sentence."""
        normal = [unicodedata.normalize("NFKC", sentence) for sentence in sentences]
        runs = [match[0] for text in normal for match in _HAN_OR_KANA.finditer(text)]
        found = self._tokenizer.encode_batch(runs, add_special_tokens=False)
        cut = iter(
            [run[start:stop] for start, stop in encoding.offsets]
            for run, encoding in zip(runs, found, strict=True)
        )
        return [list(_filled(text, cut)) for text in normal]


def _filled(text: str, cut: Iterator[list[str]]) -> Iterator[str]:
    """The units of a text, those of its runs of Han and kana taken from `cut`."""
    done = 0
    for match in _HAN_OR_KANA.finditer(text):
        yield from _WORD.findall(text[done : match.start()])
        yield from next(cut)
        done = match.end()
    yield from _WORD.findall(text[done:])


def usual_case(sentences: Iterable[Sequence[str]]) -> dict[str, str]:
    """How each word is most often written inside a sentence, by the word without case.

    >>> usual_case([["Das", "Haus", "brennt"], ["Haus", "und", "Hof"]])["haus"]
    'Haus'
    """
    inside: dict[str, Counter[str]] = defaultdict(Counter)
    first: dict[str, str] = {}
    for sentence in sentences:
        starts = True
        for unit in sentence:
            if not is_word(unit):
                starts = starts or unit in _SENTENCE_ENDS
                continue
            if starts:
                first.setdefault(unit.casefold(), unit)
            else:
                inside[unit.casefold()][unit] += 1
            starts = False
    return first | {word: counts.most_common(1)[0][0] for word, counts in inside.items()}


def joined(units: Sequence[str], lang: str) -> str:
    """Text of words and marks, with spaces where the language has them.

    >>> joined(["weiß", ",", "dass"], "de"), joined(["l'", "ami"], "fr"), joined(["猫", "が"], "ja")
    ('weiß, dass', "l'ami", '猫が')
    """
    text = ""
    for unit in units:
        if text and (
            text[-1].isascii() and text[-1].isalnum() and unit[0].isascii() and unit[0].isalnum()
            if lang in UNSPACED
            else text[-1] not in "'-" and unit not in (",", "-", "'s")
        ):
            text += " "
        text += unit
    return text
