"""The linear baseline on small and on awkward rows."""

import numpy as np
import pytest

from babelift.errors import DataError
from babelift.evaluation.baseline import linear_baseline

TEXTS = ["very good", "so good", "very bad", "so bad", "とても良い", "とても悪い", "很好", "很差"]
SIGNS = ["+", "+", "-", "-", "+", "-", "+", "-"]


def test_it_learns_in_languages_with_and_without_spaces() -> None:
    proba = linear_baseline(
        TEXTS, SIGNS, ["good!", "bad!", "良い本", "悪い本", "好", "差"], ["-", "+"]
    )
    assert proba.argmax(axis=1).tolist() == [1, 0, 1, 0, 1, 0]


def test_columns_follow_the_order_that_was_asked_for() -> None:
    one = linear_baseline(TEXTS, SIGNS, ["good"], ["-", "+"])
    other = linear_baseline(TEXTS, SIGNS, ["good"], ["+", "-"])
    assert one == pytest.approx(other[:, ::-1])


def test_a_label_without_training_rows_gets_nothing() -> None:
    proba = linear_baseline(TEXTS, SIGNS, ["good", "bad"], ["-", "?", "+"])
    assert proba[:, 1].tolist() == [0, 0]
    assert proba.sum(axis=1) == pytest.approx([1, 1])


def test_it_gives_the_same_numbers_twice() -> None:
    assert np.array_equal(*(linear_baseline(TEXTS, SIGNS, TEXTS, ["-", "+"]) for _ in range(2)))


def test_one_label_only_is_certain() -> None:
    assert linear_baseline(["a", "b"], ["+", "+"], ["c"], ["-", "+"]).tolist() == [[0, 1]]


def test_texts_without_a_character_give_the_labels_shares() -> None:
    proba = linear_baseline(["", " ", "\u3000"], ["+", "+", "-"], ["x"], ["-", "+"])
    assert proba[0] == pytest.approx([1 / 3, 2 / 3])


def test_nothing_to_label_is_an_empty_table() -> None:
    assert linear_baseline(TEXTS, SIGNS, [], ["-", "+"]).shape == (0, 2)


@pytest.mark.parametrize("text", ["", "\x00", "\u202eabc", "🙂" * 3, "x" * 100_000])
def test_any_text_gets_probabilities(text: str) -> None:
    proba = linear_baseline(TEXTS, SIGNS, [text], ["-", "+"])
    assert np.isfinite(proba).all()
    assert proba.sum() == pytest.approx(1)


def test_a_label_that_is_not_among_the_labels_is_named() -> None:
    with pytest.raises(DataError, match=r"row 2 .* label 'postive' .* did you mean 'positive'"):
        linear_baseline(["a", "b"], ["positive", "postive"], ["c"], ["positive"])


def test_lists_of_different_length_and_empty_ones_are_refused() -> None:
    with pytest.raises(DataError, match="2 training texts but 1 labels"):
        linear_baseline(["a", "b"], ["+"], ["c"], ["+"])
    with pytest.raises(DataError, match="no rows to train on"):
        linear_baseline([], [], ["c"], ["+"])
