"""Which rows are chosen, of arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.labelling.choice import farthest_first, shares, uncertainty


def test_two_labels_that_are_level_leave_the_most_doubt() -> None:
    proba = np.array([[0.4, 0.4, 0.2], [1.0, 0.0, 0.0], [0.2, 0.5, 0.3]])
    assert uncertainty(proba) == pytest.approx([1.0, 0.0, 0.8])


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 30), min_size=1),
    st.integers(1, 60),
    st.lists(st.floats(0.01, 1), min_size=6, max_size=6),
)
def test_shares_add_up_and_no_language_gives_more_than_it_has(
    rows: dict[str, int], number: int, weights: list[float]
) -> None:
    weight = dict(zip("abcdef", weights, strict=True))
    given_rows = shares(number, rows, weight)
    assert sum(given_rows.values()) == min(number, sum(rows.values()))
    assert all(given_rows[lang] <= rows[lang] for lang in rows)
    plenty = [lang for lang in rows if given_rows[lang] < rows[lang]]
    for lang in plenty:  # nobody is owed more than a row beside another
        for other in rows:
            assert (given_rows[lang] + 1) / weight[lang] >= given_rows[other] / weight[other] - 1e-9


def test_of_near_copies_one_is_chosen_until_nothing_else_is_left() -> None:
    generator = np.random.default_rng(0)
    copies = np.tile([[1.0, 0, 0]], (50, 1)) + 1e-4 * generator.normal(size=(50, 3))
    others = np.array([[0, 1.0, 0], [0, 0.98, 0.05], [0, 0, 1.0], [0, 0.05, 0.97]])
    vectors = np.concatenate([copies, others]).astype(np.float32)
    chosen, stands_for = farthest_first(vectors, 7, 3)
    assert chosen[0] == 7
    assert set(chosen[1:] // 52) == {0, 1}  # one of each pair
    assert sorted(stands_for.tolist()) == [2, 2, 50]
    every, alone = farthest_first(vectors, 7, 99)
    assert sorted(every.tolist()) == list(range(54))
    assert alone.tolist() == [1] * 54


def test_rows_that_are_the_same_are_still_different_rows() -> None:
    chosen, stands_for = farthest_first(np.ones((4, 2), dtype=np.float32), 2, 3)
    assert chosen[0] == 2
    assert len(set(chosen.tolist())) == 3
    assert stands_for.sum() == 4
