"""Chooses, from counted phrases, the entries of a word list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from babelift.translate.lexicon import UNSPACED
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
        share: How much of the source's occurrences it stands for, 0 to 1.
        gain: How many words of the training text it is expected to put right.
    """

    source: str
    target: str
    share: float
    gain: float


@dataclass(frozen=True)
class Choice:
    """How entries are chosen.

    Attributes:
        fewest: Least occurrences of a word.
        fewest_phrase: Least times that a phrase and its target stand for each other.
        share_phrase: Least share of a phrase's occurrences its target stands for.
        gain_phrase: Least gain of a phrase.
        back: Weight of the opposite direction when targets are compared.
        empty: How a word's occurrences without a counterpart weigh.
        longest: Most words in a source.
        alternatives: Targets of a word.
    """

    fewest: int = 2
    fewest_phrase: int = 3
    share_phrase: float = 0.15
    gain_phrase: float = 2.0
    back: float = 0.5
    empty: float = 1.0
    longest: int = 4
    alternatives: int = 1


def choose(
    sources: Side, targets: Side, found: Counterparts, choice: Choice, *, forward: bool
) -> list[Entry]:
    """The entries of one direction.

    Args:
        sources: The language translated from.
        targets: The language translated into.
        found: What stands for each other.
        choice: How to choose.
        forward: Whether the sources are what `found` has on the left.
    """
    here, there = (found.left, found.right) if forward else (found.right, found.left)
    counts = found.counts.astype(np.float64)
    total, total_there = sources.phrases.counts[here], targets.phrases.counts[there]
    single = here < len(sources.words)
    able = _usable(sources)[here] & _usable(targets, output=True)[there]
    able &= here < sources.phrases.offsets[min(choice.longest, len(sources.phrases.at))]
    able &= np.where(single, total >= choice.fewest, counts >= choice.fewest_phrase)
    kept = np.flatnonzero(able)
    score = counts[kept] / total[kept] * (counts[kept] / total_there[kept]) ** choice.back
    kept = kept[np.lexsort((-score, here[kept]))]
    chosen = _Chosen(sources, targets, choice)
    chosen.add_words(here, there, counts, kept[single[kept]])
    chosen.add_phrases(here, there, counts, kept[~single[kept]])
    return chosen.entries


class _Chosen:
    """Entries chosen so far, words first, then ever longer phrases."""

    def __init__(self, sources: Side, targets: Side, choice: Choice) -> None:
        self.entries: list[Entry] = []
        self._sources, self._targets, self._choice = sources, targets, choice
        self._known: dict[tuple[int, ...], tuple[int, ...]] = {}

    def add_words(
        self, here: np.ndarray, there: np.ndarray, counts: np.ndarray, kept: np.ndarray
    ) -> None:
        """Words, the best targets of each and the empty one where it is more frequent."""
        alone = self._sources.alone
        bounds = np.flatnonzero(np.diff(here[kept], prepend=-1))
        groups = np.split(kept, bounds[1:]) if len(kept) else []
        candidates = {int(here[group[0]]): group[: self._choice.alternatives] for group in groups}
        for word in sorted(candidates.keys() | set(np.flatnonzero(alone).tolist())):
            if not is_word(self._sources.words[word]):
                continue
            total = int(self._sources.phrases.counts[word])
            options = [
                (float(counts[i]), self._targets.phrases.words_of(there[i]))
                for i in candidates.get(word, ())
            ]
            empty = float(alone[word]) * self._choice.empty
            if total >= self._choice.fewest and (not options or empty > options[0][0]):
                options.insert(0, (float(alone[word]), ()))
            for rank, (count, target) in enumerate(options[: self._choice.alternatives]):
                if rank == 0:
                    self._known[(word,)] = target
                self._append((word,), target, count, total, 0.0)

    def add_phrases(
        self, here: np.ndarray, there: np.ndarray, counts: np.ndarray, kept: np.ndarray
    ) -> None:
        """Phrases that their words, one after the other, do not already give."""
        first = kept[np.flatnonzero(np.diff(here[kept], prepend=-1))]
        share = {
            (int(here[i]), self._targets.phrases.words_of(there[i])): float(counts[i]) for i in kept
        }
        for i in first:
            number = int(here[i])
            total = int(self._sources.phrases.counts[number])
            if counts[i] < self._choice.share_phrase * total:
                continue
            words = self._sources.phrases.words_of(number)
            target = self._targets.phrases.words_of(there[i])
            already = self._composed(words)
            if already == target:
                continue
            known = share.get((number, already), 0.0) if already is not None else 0.0
            if counts[i] - known < self._choice.gain_phrase:
                continue
            self._known[words] = target
            self._append(words, target, float(counts[i]), total, known)

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

    def _append(
        self,
        source: tuple[int, ...],
        target: tuple[int, ...],
        count: float,
        total: int,
        known: float,
    ) -> None:
        texts = self._sources.text(source), self._targets.text(target)
        self.entries.append(Entry(*texts, count / total, count - known))


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
