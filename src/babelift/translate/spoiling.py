"""Spoils a text on purpose: words left out, moved about or replaced."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from babelift.translate.cut import Cut, merged_gap, without_opening


class Draw(NamedTuple):
    """The random numbers of one word, each 0 to below 1.

    Attributes:
        hit: The word is spoilt where the strength is above this.
        how: Decides where it goes, or what it becomes.
    """

    hit: float
    how: float


def draws(text: str, lang: str, seed: int, words: int) -> list[Draw]:
    """The random numbers of a text's words: always the same, on every machine.

    They depend neither on the kind of damage nor on its strength. So a word that is hit stays hit
    when the strength is raised, and all kinds of one strength hit the same words.

    Args:
        text: The text that is spoilt.
        lang: Its language's tag.
        seed: Any whole number; another one hits other words.
        words: How many words it has.

    >>> draws("Good.", "en", 0, 2)[0] == draws("Good.", "en", 0, 1)[0]
    True
    """
    digest = blake2b(f"{lang}:{seed}:{text}".encode("utf-8", "surrogatepass"), digest_size=16)
    random = Random(int.from_bytes(digest.digest(), "big")).random
    return [Draw(random(), random()) for _ in range(words)]


def drop(cut: Cut, draw: Sequence[Draw], strength: float) -> str:
    """The text without the words that are hit; of several words one is always kept.

    >>> from babelift.translate.cut import cut_words
    >>> cut = cut_words("It is very, very (really) good.")
    >>> drop(cut, [Draw(hit, 0.0) for hit in (0.9, 0.8, 0.9, 0.1, 0.2, 0.7)], 0.5)
    'It is very, good.'
    """
    last = max(range(len(draw)), key=lambda place: draw[place].hit, default=None)
    words: list[str] = []
    gaps = [cut.gaps[0]]
    for place, word in enumerate(cut.words):
        gap = cut.gaps[place + 1]
        if draw[place].hit < strength and place != last:
            gaps[-1] = merged_gap(gaps[-1], gap, first=not words)
        else:
            words.append(word)
            gaps.append(gap)
    if gaps[-1] != cut.gaps[-1]:
        gaps[-1] = without_opening(gaps[-1])
    return Cut(words, gaps).text


def shuffle(cut: Cut, draw: Sequence[Draw], strength: float) -> str:
    """The text with the words that are hit moved in a circle, in random order; marks stay.

    So every word that is hit stands somewhere else, unless it is the only one.

    >>> from babelift.translate.cut import cut_words
    >>> draw = [Draw(0.1, 0.5), Draw(0.9, 0.1), Draw(0.2, 0.9)]
    >>> shuffle(cut_words("One, two, three."), draw, 0.5)
    'three, two, One.'
    """
    hit = [place for place in range(len(cut.words)) if draw[place].hit < strength]
    hit.sort(key=lambda place: draw[place].how)
    words = list(cut.words)
    for here, there in zip(hit, [*hit[1:], *hit[:1]], strict=True):
        words[there] = cut.words[here]
    return Cut(words, cut.gaps).text


def replace(
    cut: Cut, draw: Sequence[Draw], strength: float, other: Callable[[str, float], str]
) -> str:
    """The text with the words that are hit replaced; numbers are not words here.

    Args:
        cut: The text.
        draw: Random numbers of its words.
        strength: Share of words that are hit.
        other: Given a word and a number from 0 to below 1, says what to put for it.

    >>> from babelift.translate.cut import cut_words
    >>> cut = cut_words("Ten, two, 10!")
    >>> replace(cut, [Draw(0.1, 0.0)] * 3, 0.5, lambda word, number: word.upper())
    'TEN, TWO, 10!'
    """
    words = [
        other(word, how) if hit < strength and any(map(str.isalpha, word)) else word
        for word, (hit, how) in zip(cut.words, draw, strict=True)
    ]
    return Cut(words, cut.gaps).text
