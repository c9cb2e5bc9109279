"""Scores against numbers worked by hand and against scikit-learn."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn import metrics

from babelift.evaluation.metrics import (
    LabelScore,
    confusion_matrix,
    evaluate_predictions,
    expected_calibration_error,
    f1_macro,
    f1_micro,
    label_values,
    per_label,
    quadratic_weighted_kappa,
    reliability,
)

LABELS = ["1", "2", "3", "4"]
numbers = st.integers(0, len(LABELS) - 1)
answers = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=60)

#            predicted  1  2  3
BY_HAND = np.array([[2, 1, 0],  # true 1
                    [0, 3, 1],  # true 2
                    [1, 0, 2]])  # true 3  # fmt: skip


def split(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = zip(*pairs, strict=True)
    return np.array(true), np.array(predicted)


def test_f1_micro_is_the_share_of_right_rows() -> None:
    assert f1_micro(BY_HAND) == 7 / 10


def test_f1_macro_is_the_mean_of_the_labels_f1() -> None:
    # F1 = 2 hits / (true + predicted): 4/(3+3), 6/(4+4), 4/(3+3)
    assert f1_macro(BY_HAND) == pytest.approx((4 / 6 + 6 / 8 + 4 / 6) / 3)


def test_a_label_that_never_occurs_does_not_lower_f1_macro() -> None:
    wider = np.pad(BY_HAND, (0, 1))
    assert f1_macro(wider) == pytest.approx(f1_macro(BY_HAND))


def test_a_label_that_is_predicted_but_never_true_lowers_f1_macro() -> None:
    assert f1_macro(np.array([[1, 1], [0, 0]])) == pytest.approx((2 / 3 + 0) / 2)


def test_per_label_scores_are_those_worked_by_hand() -> None:
    true, predicted = np.divmod(np.repeat(np.arange(9), BY_HAND.ravel()), 3)
    scores = per_label(true, predicted, ["1", "2", "3"])["2"]
    assert scores == LabelScore(precision=3 / 4, recall=3 / 4, f1=3 / 4, rows=4)


@pytest.mark.parametrize(
    ("labels", "error"), [(["1", "2", "3"], (1 + 1 + 2) / 10), (["1", "2", "7"], (1 + 5 + 6) / 10)]
)
def test_mean_absolute_error_counts_stars_and_respects_gaps(
    labels: list[str], error: float
) -> None:
    # First for second, second for third, and third for first label, once each.
    true, predicted = np.divmod(np.repeat(np.arange(9), BY_HAND.ravel()), 3)
    table = pl.DataFrame(
        {
            "lang": "de",
            "label": [labels[number] for number in true],
            "prediction": [labels[number] for number in predicted],
        }
    )
    scores = evaluate_predictions(table, labels, ordinal=True, resamples=2)
    assert scores.languages["de"].mae == error


def test_kappa_by_hand() -> None:
    # weights 0 1 4; observed 1 + 1 + 4 = 6; expected from margins (3 4 3) x (3 4 3) / 10
    expected = 2 * (3 * 4 + 4 * 3 + 4 * 3 * 3) / 10
    assert quadratic_weighted_kappa(BY_HAND) == pytest.approx(1 - 6 / expected)


def test_kappa_of_one_label_only_is_undefined() -> None:
    assert quadratic_weighted_kappa(np.array([[5, 0], [0, 0]])) is None


def test_labels_that_are_no_numbers_stand_for_their_ranks() -> None:
    assert label_values(["low", "mid", "high"]).tolist() == [0, 1, 2]
    assert label_values(["1", "nan"]).tolist() == [0, 1]


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.62, 0.64, 0.95, 0.95])
    correct = np.array([True, False, True, True])
    # one bin at 0.63 with accuracy 0.5, one at 0.95 with accuracy 1
    assert expected_calibration_error(confidence, correct) == pytest.approx(
        (0.13 * 2 + 0.05 * 2) / 4
    )


def test_a_confidence_on_an_edge_belongs_to_the_lower_bin() -> None:
    bins = reliability(np.array([0.0, 0.5, 0.5001, 1.0]), np.ones(4, dtype=bool), bins=2)
    assert [part.rows for part in bins] == [2, 2]


@given(answers)
def test_scores_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    true, predicted = split(pairs)
    confusion = confusion_matrix(true, predicted, len(LABELS))
    assert (confusion == metrics.confusion_matrix(true, predicted, labels=range(4))).all()
    assert f1_micro(confusion) == pytest.approx(metrics.accuracy_score(true, predicted))
    assert f1_macro(confusion) == pytest.approx(
        metrics.f1_score(true, predicted, average="macro", zero_division=0)
    )


@given(answers)
def test_kappa_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    true, predicted = split(pairs)
    ours = quadratic_weighted_kappa(confusion_matrix(true, predicted, len(LABELS)))
    if len(set(true) | set(predicted)) == 1:
        assert ours is None
    else:
        theirs = metrics.cohen_kappa_score(true, predicted, labels=range(4), weights="quadratic")
        assert ours == pytest.approx(theirs)


@given(st.data(), st.integers(1, 50))
def test_calibration_error_is_a_share_and_ignores_order(data: st.DataObject, rows: int) -> None:
    confidence = data.draw(npst.arrays(np.float64, rows, elements=st.floats(0, 1)))
    correct = data.draw(npst.arrays(np.bool_, rows))
    error = expected_calibration_error(confidence, correct)
    assert 0 <= error <= 1 + 1e-12
    assert expected_calibration_error(confidence[::-1], correct[::-1]) == pytest.approx(error)
    assert sum(part.rows for part in reliability(confidence, correct)) == rows


@given(answers, st.permutations(range(4)))
def test_f1_does_not_depend_on_what_labels_are_called(
    pairs: list[tuple[int, int]], names: list[int]
) -> None:
    true, predicted = split(pairs)
    renamed = np.array(names)
    one = confusion_matrix(true, predicted, 4)
    other = confusion_matrix(renamed[true], renamed[predicted], 4)
    assert f1_macro(one) == pytest.approx(f1_macro(other))
    assert f1_micro(one) == f1_micro(other)
