"""Chooses, from counted phrases, the entries of a word list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from babelift.translation.engines.words import UNSPACED
from models.lexicon.phrases import Counterparts, Phrases
from models.lexicon.words import is_word, joined


@dataclass(frozen=True)
class Side:
    """What is known of one language of a pair.

    Attributes:
        lang: Its tag.
        words: By number, without case.
        usual: How each is usually written.
        phrases: Its phrases.
        alone: (words,) how often each has no counterpart.
    """

    lang: str
    words: Sequence[str]
    usual: dict[str, str]
    phrases: Phrases
    alone: np.ndarray

    def text(self, words: Sequence[int]) -> str:
        """Words by number as text, in their usual case."""
        return joined([self.usual.get(self.words[i], self.words[i]) for i in words], self.lang)


class Entry(NamedTuple):
    """One row of a word list.

    Attributes:
        source: A word or a few.
        target: What stands for it; empty where nothing does.
        gain: How many occurrences in the training text it puts right.
        words: How many words the source has.
    """

    source: str
    target: str
    gain: float
    words: int


@dataclass(frozen=True)
class Choice:
    """How entries are chosen.

    Attributes:
        fewest: Least times that a phrase and its target stand for each other.
        back: Weight of the opposite direction when targets are compared.
        empty: Weight of a word's occurrences without a counterpart against those with one.
    """

    fewest: int = 2
    back: float = 0.25
    empty: float = 0.4


def choose(
    sources: Side, targets: Side, found: Counterparts, choice: Choice, *, forward: bool
) -> list[Entry]:
    """The entries of one direction: one target for each source, or none.

    A phrase is an entry where its words, one after the other, do not give its target already.

    Args:
        sources: The language translated from.
        targets: The language translated into.
        found: What stands for each other.
        choice: How to choose.
        forward: Whether the sources are what `found` has on the left.
    """
    here, there = (found.left, found.right) if forward else (found.right, found.left)
    able = _usable(sources)[here] & _usable(targets, output=True)[there]
    able &= (here < len(sources.words)) | (found.counts >= choice.fewest)
    here, there, counts = here[able], there[able], found.counts[able].astype(np.float64)
    score = counts / sources.phrases.counts[here]
    score *= (counts / targets.phrases.counts[there]) ** choice.back
    order = np.lexsort((-score, here))
    here, there, counts = here[order], there[order], counts[order]
    best = np.flatnonzero(np.diff(here, prepend=-1))
    chosen = _Chosen(sources, targets)
    words = best[here[best] < len(sources.words)]
    chosen.add_words(here[words], there[words], counts[words], choice.empty)
    every = {
        (source, target): count
        for source, target, count in zip(
            here.tolist(), there.tolist(), counts.tolist(), strict=True
        )
        if source >= len(sources.words)
    }
    for i in best[len(words) :]:
        chosen.add_phrase(int(here[i]), int(there[i]), every)
    return chosen.entries


class _Chosen:
    """Entries chosen so far: words first, then ever longer phrases."""

    def __init__(self, sources: Side, targets: Side) -> None:
        self.entries: list[Entry] = []
        self._sources, self._targets = sources, targets
        self._known: dict[tuple[int, ...], tuple[int, ...]] = {}

    def add_words(
        self, words: np.ndarray, targets: np.ndarray, counts: np.ndarray, empty: float
    ) -> None:
        """Words with their best target, or the empty one where that is more frequent."""
        best = dict(zip(words.tolist(), zip(targets, counts, strict=True), strict=True))
        for word, alone in enumerate(self._sources.alone.tolist()):
            if not is_word(self._sources.words[word]):
                continue
            target, count = best.get(word, (None, 0.0))
            if target is not None and count >= alone * empty:
                self._add((word,), self._targets.phrases.words_of(target), float(count))
            elif alone:
                self._add((word,), (), float(alone))

    def add_phrase(self, phrase: int, target: int, counts: dict[tuple[int, int], float]) -> None:
        """A phrase with its best target.

        Args:
            phrase: Its number.
            target: The target's number.
            counts: How often each phrase and each of its targets stand for each other.
        """
        words = self._sources.phrases.words_of(phrase)
        made = self._composed(words)
        composed = -1 if made is None else self._targets.phrases.number_of(made)
        gain = counts[phrase, target] - counts.get((phrase, composed), 0.0)
        if composed != target and gain >= 1:
            self._add(words, self._targets.phrases.words_of(target), gain)

    def _composed(self, words: tuple[int, ...]) -> tuple[int, ...] | None:
        """What the entries so far make of words; None where a word has none."""
        made: tuple[int, ...] = ()
        place = 0
        while place < len(words):
            for length in range(len(words) - place, 0, -1):
                target = self._known.get(words[place : place + length])
                if target is not None:
                    made += target
                    place += length
                    break
            else:
                return None
        return made

    def _add(self, source: tuple[int, ...], target: tuple[int, ...], gain: float) -> None:
        self._known[source] = target
        texts = self._sources.text(source), self._targets.text(target)
        self.entries.append(Entry(*texts, gain, len(source)))


def _usable(side: Side, *, output: bool = False) -> np.ndarray:
    """(phrases,) bool, which phrases may be entries: words, with commas inside."""
    good = np.fromiter((_is_good(word, side.lang, output) for word in side.words), bool)
    inner = good if side.lang in UNSPACED else good | (np.asarray(side.words) == ",")
    return np.concatenate(
        [
            good[words[:, 0]] & good[words[:, -1]] & inner[words].all(axis=1)
            for words in side.phrases.words
        ]
    )


def _is_good(word: str, lang: str, output: bool) -> bool:
    if not is_word(word):
        return False
    # What GB 2312 lacks is hardly ever simplified Chinese.
    return not (output and lang == "zh") or _encodable(word)


def _encodable(word: str) -> bool:
    try:
        word.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
