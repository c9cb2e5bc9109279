"""Words are linked, and linked phrases counted."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alignment import Units
from models.lexicon.links import link
from models.lexicon.phrases import counterparts, phrases

SENTENCES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 4), min_size=1, max_size=5),
        st.lists(st.integers(0, 4), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=8,
)


def units(*sentences: list[int], size: int = 5) -> Units:
    return Units.of(sentences, size)


def test_words_that_always_occur_together_are_linked_whatever_their_order() -> None:
    left = units([0, 1], [0, 2], [3, 1], [3, 2], [4])
    right = units([1, 0], [2, 0], [1, 3], [2, 3], [4])
    places = sorted(zip(*(side.tolist() for side in link(left, right, diagonal=0.0)), strict=True))
    assert [(left.ids[i], right.ids[j]) for i, j in places] == [
        (0, 0), (1, 1), (0, 0), (2, 2), (3, 3), (1, 1), (3, 3), (2, 2), (4, 4),
    ]  # fmt: skip


@settings(deadline=None)
@given(SENTENCES)
def test_links_stay_within_their_pair(sentences: list[tuple[list[int], list[int]]]) -> None:
    left, right = (units(*side) for side in zip(*sentences, strict=True))
    there, back = link(left, right, rounds=2)
    assert np.array_equal(
        np.searchsorted(left.starts, there, side="right"),
        np.searchsorted(right.starts, back, side="right"),
    )
    assert len(set(zip(there.tolist(), back.tolist(), strict=True))) == len(there)


def test_phrases_are_counted_within_sentences() -> None:
    found = phrases(units([0, 1, 0, 1], [1, 0], size=2), longest=3)
    counted = {found.words_of(i): int(n) for i, n in enumerate(found.counts)}
    assert counted == {
        (0,): 3, (1,): 3, (0, 1): 2, (1, 0): 2, (0, 1, 0): 1, (1, 0, 1): 1,
    }  # fmt: skip
    assert found.at[1].tolist() == [2, 3, 2, -1, 3, -1]


def test_phrases_stand_for_each_other_where_no_link_leads_out() -> None:
    # "the white house" - "la maison blanche": the-la, white-blanche, house-maison.
    left, right = units([0, 1, 2], size=3), units([0, 1, 2], size=3)
    links = np.array([0, 1, 2]), np.array([0, 2, 1])
    sides = phrases(left, 3), phrases(right, 3)
    found = counterparts(left, right, links, sides)
    assert {
        (sides[0].words_of(i), sides[1].words_of(j))
        for i, j in zip(found.left, found.right, strict=True)
    } == {((0,), (0,)), ((1,), (2,)), ((2,), (1,)), ((1, 2), (1, 2)), ((0, 1, 2), (0, 1, 2))}
    assert found.counts.tolist() == [1] * 5
    assert found.alone_left.tolist() == found.alone_right.tolist() == [0, 0, 0]


def test_a_word_without_a_link_is_counted_and_begins_no_phrase() -> None:
    left, right = units([0, 1, 0], size=2), units([0], size=1)
    sides = phrases(left, 2), phrases(right, 2)
    found = counterparts(left, right, (np.array([1]), np.array([0])), sides)
    assert [sides[0].words_of(i) for i in found.left] == [(1,)]
    assert found.alone_left.tolist() == [2, 0]


@settings(deadline=None)
@given(SENTENCES)
def test_both_sides_agree_whichever_is_left(sentences: list[tuple[list[int], list[int]]]) -> None:
    left, right = (units(*side) for side in zip(*sentences, strict=True))
    links = link(left, right, rounds=2)
    sides = phrases(left, 3), phrases(right, 3)
    there = counterparts(left, right, links, sides)
    back = counterparts(right, left, links[::-1], sides[::-1])
    assert set(zip(there.left, there.right, there.counts, strict=True)) == set(
        zip(back.right, back.left, back.counts, strict=True)
    )
