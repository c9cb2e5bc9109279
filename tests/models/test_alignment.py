"""IBM model 1 finds which word stands for which."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alignment import Units, translation_probabilities


def test_one_round_on_a_hand_worked_corpus_gives_the_expected_counts():
    # "das haus" - "the house", "das" - "the". From uniform probabilities, each target word gives
    # a third of itself to the empty word and to each of two words, or a half to each of two.
    source = Units.of([[0, 1], [0]], size=2)
    target = Units.of([[0, 1], [0]], size=2)
    table = translation_probabilities(source, target, rounds=1, smallest=0).toarray()
    # Counts: das-the 1/3 + 1/2, das-house 1/3; haus-the 1/3, haus-house 1/3.
    assert table[1] == pytest.approx([5 / 7, 2 / 7])
    assert table[2] == pytest.approx([1 / 2, 1 / 2])
    assert table[0] == pytest.approx([5 / 7, 2 / 7])


def test_more_rounds_tell_words_apart_that_always_occur_together_with_others():
    source = Units.of([[0, 1], [0, 2], [0]], size=3)
    target = Units.of([[0, 1], [0, 2], [0]], size=3)
    table = translation_probabilities(source, target, rounds=30).toarray()
    assert table[1:].argmax(1).tolist() == [0, 1, 2]
    assert table[2, 1] > 0.95


def test_improbable_translations_are_left_out():
    source = Units.of([[0, 1], [0, 2], [0]], size=3)
    target = Units.of([[0, 1], [0, 2], [0]], size=3)
    table = translation_probabilities(source, target, rounds=30, smallest=0.1)
    assert table.data.min() >= 0.1


sentences = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=5), min_size=1, max_size=8)


@given(sentences, st.data())
def test_the_probabilities_of_a_word_that_occurs_sum_to_one(left, data):
    right = [
        data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=5)) for _ in range(len(left))
    ]
    table = translation_probabilities(
        Units.of(left, 6), Units.of(right, 5), rounds=2, smallest=0
    ).toarray()
    occurs = sorted({word for sentence in left for word in sentence})
    assert table[0].sum() == pytest.approx(1, abs=1e-5)
    assert table[1:][occurs].sum(1) == pytest.approx(np.ones(len(occurs)), abs=1e-5)
    assert table[1:].sum() == pytest.approx(len(occurs), abs=1e-4)
