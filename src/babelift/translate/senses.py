"""Wrong words for right ones: other translations of the same word, or words as frequent."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Final

from babelift import embedded
from babelift.translate.cut import cut_words
from babelift.translate.lexicon import UNSPACED
from babelift.translate.mini_lexicon import LANGUAGES, read_list
from babelift.translate.words import in_case

_STEM: Final = 4
"""Words that begin with as many equal letters are taken for forms of one word."""


class Senses:
    """What may wrongly stand for a word of a language.

    Where another word translates the same word of the source language, that does: the bank of the
    river for the bank with the money. Forms of one word do not count as different, and what is
    written as in the source language counts as not translated. Other words are replaced by words
    that occur about as often in the list, between half and twice.

    Args:
        rows: Words of the source language and what stands for them; phrases among both.
        lang: Tag of the language that is spoilt.

    Attributes:
        vocabulary: Words of a language without spaces, for `cut_words`; None of another.

    >>> rows = [("bank", "Bank"), ("bank", "Ufer"), ("shore", "Ufer"), ("shore", "Strand")]
    >>> senses = Senses(rows, "de")
    >>> senses.other("BANK", 0.0), senses.alternatives("Ufer"), senses.alternatives("Licht")
    ('UFER', ('Strand',), ())
    """

    def __init__(self, rows: Iterable[tuple[str, str]], lang: str) -> None:
        pairs = [(source.casefold(), target) for source, target in rows if source and target]
        # Without spaces a word of the language cannot be told from a phrase, save by its source.
        single = [pair for pair in pairs if " " not in pair[0 if lang in UNSPACED else 1]]
        self.vocabulary = frozenset(pair[1] for pair in single) if lang in UNSPACED else None
        self._usual: dict[str, str] = {}
        self._sources: dict[str, set[str]] = defaultdict(set)
        self._targets: dict[str, set[str]] = defaultdict(set)
        for source, target in single:
            self._sources[target.casefold()].add(source)
            if self._is_written(target, lang) and target.casefold() != source:
                usual = self._usual.setdefault(target.casefold(), target)
                self._targets[source].add(usual)
        counts = Counter(
            word.casefold()
            for _, target in pairs
            for word in cut_words(target, self.vocabulary).words
        )
        self._level = {word: counts[word].bit_length() for word in self._usual}
        self._by_level: dict[int, list[str]] = defaultdict(list)
        for word in sorted(self._usual):
            self._by_level[self._level[word]].append(self._usual[word])

    def alternatives(self, word: str) -> tuple[str, ...]:
        """Other translations of what a word translates, sorted."""
        meant = self._sources.get(word.casefold(), ())
        found = {other for source in meant for other in self._targets.get(source, ())}
        return tuple(sorted(other for other in found if not _same(word, other)))

    def other(self, word: str, number: float) -> str:
        """A wrong word, written large or small as the right one.

        Args:
            word: The right one.
            number: 0 to below 1, decides between several.
        """
        head, word = self._without_article(word)
        found = self.alternatives(word)
        chosen = found[int(number * len(found))] if found else self._as_frequent(word, number)
        return head + in_case(word, self._usual.get(word.casefold(), word.casefold()), chosen)

    def _without_article(self, word: str) -> tuple[str, str]:
        """What is written together before a word, as in `l'ami`, and the word."""
        cut = max(word.rfind("'"), word.rfind("’")) + 1
        known = word.casefold() in self._sources or word[cut:].casefold() not in self._sources
        return ("", word) if known or 2 * cut > len(word) else (word[:cut], word[cut:])

    def _is_written(self, word: str, lang: str) -> bool:
        """Whether a target is one whole word, in letters that may be put into a text."""
        if cut_words(word, self.vocabulary).words != [word] or not any(map(str.isalpha, word)):
            return False
        # Chinese is also read in traditional characters; those that GB 2312 has are simplified.
        return lang != "zh" or len(word.encode("gb2312", "ignore")) == 2 * len(word)

    def _as_frequent(self, word: str, number: float) -> str:
        """A word that occurs about as often; one that is not in the list counts as the rarest."""
        level = self._level.get(word.casefold(), min(self._by_level, default=0))
        found = self._by_level.get(level, [])
        first = int(number * len(found))
        around = (found[(first + step) % len(found)] for step in range(len(found)))
        return next((other for other in around if not _same(word, other)), word)


def load_senses(source_lang: str, target_lang: str) -> Senses:
    """The senses of the embedded lexicon for a pair of languages; read once.

    Args:
        source_lang: Counts where the target is English; otherwise what English words mean does.
        target_lang: English or one of the lexicon's `LANGUAGES`; both cannot be English.

    Raises:
        ModelError: The list cannot be read.
    """
    into_english = target_lang == "en"
    return _read(source_lang if into_english else target_lang, into_english)


@cache
def _read(lang: str, into_english: bool) -> Senses:
    rows = read_list(embedded.model_folder("lexicon") / f"{lang}.tsv.gz")
    if into_english:
        return Senses(((other, english) for english, other, _ in rows), "en")
    return Senses(((english, other) for english, other, _ in rows), lang)


def has_senses(source_lang: str, target_lang: str) -> bool:
    """Whether the embedded lexicon knows a pair's words.

    >>> has_senses("it", "de"), has_senses("de", "en"), has_senses("it", "en")
    (True, True, False)
    """
    return (source_lang if target_lang == "en" else target_lang) in LANGUAGES


def _same(one: str, other: str) -> bool:
    """Whether two words are probably forms of one."""
    one, other = one.casefold(), other.casefold()
    return one in other or other in one or one[:_STEM] == other[:_STEM]
