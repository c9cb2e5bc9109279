"""The search for near-duplicates finds exactly the pairs a plain comparison finds."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.corpus import similarity as shingles
from babelift.corpus.similarity import MIN_SHINGLES, SHINGLE, near_duplicates

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def sets(text: str) -> set[str]:
    return {text[place : place + SHINGLE] for place in range(len(text) - SHINGLE + 1)}


def jaccard(first: str, second: str) -> float:
    a, b = sets(first), sets(second)
    if min(len(a), len(b)) < MIN_SHINGLES:
        return 0.0
    return len(a & b) / len(a | b)


def mutated(text: str, chance: random.Random) -> str:
    letters = list(text)
    for _ in range(chance.randrange(4)):
        letters[chance.randrange(len(letters))] = chance.choice(ALPHABET)
    return "".join(letters[chance.randrange(4) :])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.7, 0.9, 1.0]))
def test_exactly_the_texts_with_a_similar_one_are_found(seed: int, threshold: float) -> None:
    chance = random.Random(seed)
    others = ["".join(chance.choices(ALPHABET[:9], k=chance.randint(0, 60))) for _ in range(12)]
    texts = [mutated(text, chance) for text in others if text] + ["語" * 40, "", "short"]
    found = near_duplicates(texts, others, threshold)
    best = {match.place: match.similarity for match in found}
    for place, text in enumerate(texts):
        expected = max((jaccard(text, other) for other in others), default=0.0)
        if expected >= threshold - 1e-9:
            assert best[place] == pytest.approx(expected)
        else:
            assert place not in best
    for match in found:
        assert jaccard(texts[match.place], others[match.other]) == pytest.approx(match.similarity)


def test_a_hand_worked_pair() -> None:
    # 25 letters give 21 shingles; one more letter gives one more.
    assert near_duplicates([ALPHABET[:25]], [ALPHABET], 0.9)[0].similarity == pytest.approx(21 / 22)
    assert near_duplicates([ALPHABET[:25]], [ALPHABET], 0.96) == []


def test_short_texts_resemble_nothing() -> None:
    assert near_duplicates([ALPHABET[:23]], [ALPHABET[:23]], 0.5) == []
    assert len(near_duplicates([ALPHABET[:24]], [ALPHABET[:24]], 0.5)) == 1


def test_nothing_to_compare_gives_nothing() -> None:
    assert near_duplicates([], [ALPHABET], 0.9) == []
    assert near_duplicates([ALPHABET], [], 0.9) == []
    assert near_duplicates([""], [""], 0.9) == []


def test_long_lists_are_searched_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    texts = ["".join(chance.choices(ALPHABET, k=40)) for _ in range(50)]
    whole = near_duplicates(texts, texts[::-1], 0.9)
    monkeypatch.setattr(shingles, "_CHARACTERS", 100)
    assert near_duplicates(texts, texts[::-1], 0.9) == whole
    assert [(match.place, match.other) for match in whole] == [(n, 49 - n) for n in range(50)]


def test_texts_from_one_template_are_found_without_comparing_all() -> None:
    texts = [f"{'your order has been shipped and will arrive soon ' * 4}{n}" for n in range(2000)]
    assert len(near_duplicates(texts, texts, 0.8)) == 2000
