"""The summary per language: what metrics.json holds."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.errors import DataError, LanguageError
from babelift.evaluation.metrics import Bin, Means, evaluate_predictions

LABELS = ["1", "2", "3"]


def table(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "lang": ["de", "de", "de", "ja"],
            "label": ["1", "2", "3", "1"],
            "prediction": ["1", "2", "1", "2"],
            **columns,
        }
    )


def test_each_language_gets_the_scores_worked_by_hand() -> None:
    german = evaluate_predictions(table(), LABELS, ordinal=True).languages["de"]
    assert german.f1_micro == pytest.approx(2 / 3)
    assert german.f1_macro == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert german.confusion == ((1, 0, 0), (0, 1, 0), (1, 0, 0))
    assert german.mae == pytest.approx(2 / 3)
    assert german.rows == 3
    first = german.per_label["1"]
    assert (first.precision, first.recall, first.rows) == (0.5, 1.0, 1)
    assert first.f1 == pytest.approx(2 / 3)


def test_the_mean_counts_every_language_once() -> None:
    metrics = evaluate_predictions(table(), LABELS, ordinal=False)
    assert metrics.mean.f1_micro == pytest.approx((2 / 3 + 0) / 2)
    assert metrics.mean.languages == 2


def test_unordered_labels_have_no_distance() -> None:
    german = evaluate_predictions(table(), LABELS, ordinal=False).languages["de"]
    assert german.mae is None
    assert german.qwk is None


def test_without_probabilities_there_is_no_calibration_error() -> None:
    german = evaluate_predictions(table(), LABELS, ordinal=False).languages["de"]
    assert german.calibration_error is None
    assert german.reliability == ()


def test_calibration_comes_from_the_probability_of_the_prediction() -> None:
    metrics = evaluate_predictions(table(probability=[0.8, 0.8, 0.8, 0.9]), LABELS, ordinal=False)
    assert metrics.languages["de"].calibration_error == pytest.approx(0.8 - 2 / 3)
    assert metrics.languages["ja"].reliability == (Bin(confidence=0.9, accuracy=0.0, rows=1),)


def test_calibration_comes_from_the_columns_of_the_labels_where_there_is_no_other() -> None:
    columns = {
        "p_1": [0.8, 0.1, 0.7, 0.1],
        "p_2": [0.1, 0.6, 0.2, 0.9],
        "p_3": [0.1, 0.3, 0.1, 0.0],
    }
    metrics = evaluate_predictions(table(**columns), LABELS, ordinal=False)
    assert metrics.languages["ja"].calibration_error == pytest.approx(0.9)


def test_the_linear_baseline_stands_apart() -> None:
    both = pl.concat([table(model=["encoder"] * 4), table(model=["linear"] * 4)])
    metrics = evaluate_predictions(both, LABELS, ordinal=False)
    assert metrics.linear == metrics.languages
    assert metrics.languages["de"].rows == 3


def test_a_table_of_the_baseline_alone_has_no_mean() -> None:
    metrics = evaluate_predictions(table(model=["linear"] * 4), LABELS, ordinal=False)
    assert metrics.mean == Means(f1_micro=None, f1_macro=None, languages=0)


def test_translated_test_rows_are_marked_as_such() -> None:
    origins = ["machine", "machine", "original", "machine"]
    metrics = evaluate_predictions(table(origin=origins), LABELS, ordinal=False)
    assert metrics.languages["de"].origin == "mixed"
    assert metrics.languages["ja"].origin == "machine"


def test_languages_that_differ_only_in_region_are_one() -> None:
    rows = table(lang=["pt", "pt-BR", "por", "pt"])
    assert list(evaluate_predictions(rows, LABELS, ordinal=False).languages) == ["pt"]


def test_numbers_as_labels_are_read_as_whole_numbers() -> None:
    floats = table(label=[1.0, 2.0, 3.0, 1.0], prediction=[1, 2, 1, 2])
    assert evaluate_predictions(floats, LABELS, ordinal=True).languages["de"].rows == 3


def test_everything_can_be_written_as_json_without_nan() -> None:
    one_label = table(label=["1"] * 4, prediction=["1"] * 4, probability=[1.0] * 4)
    metrics = evaluate_predictions(one_label, LABELS, ordinal=True)
    text = json.dumps(metrics.model_dump(mode="json"), allow_nan=False)
    assert json.loads(text)["languages"]["de"]["qwk"] is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": ["1", "2", "3", "one"]}, "row 4 of the predictions: label 'one' is not known"),
        ({"prediction": ["1", None, "1", "1"]}, "row 2 .* column 'prediction' is empty"),
        ({"probability": [0.5, 0.5, 1.5, 0.5]}, "row 3 .* probability '1.5' is not a number"),
        ({"probability": [0.5, 0.5, float("nan"), 0.5]}, "row 3 .* probability 'nan'"),
        ({"probability": ["0.5", "half", "0.5", "0.5"]}, "row 2 .* probability 'half'"),
        ({"id": ["a", "b", "a", "a"]}, "row 3 .* id 'a' occurs more than once in language 'de'"),
        ({"model": ["x", "y", "x", "x"]}, "more than one model: x, y"),
        ({"origin": ["orignal"] * 4}, "origin 'orignal' is not known; did you mean 'original'"),
    ],
)
def test_a_faulty_table_is_refused_with_the_row(
    columns: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        evaluate_predictions(table(**columns), LABELS, ordinal=False)


def test_an_unknown_language_is_refused_with_the_row_and_the_nearest() -> None:
    with pytest.raises(LanguageError, match=r"row 2 .* 'jp' is not known; did you mean 'ja'"):
        evaluate_predictions(table(lang=["de", "jp", "de", "jp"]), LABELS, ordinal=False)


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match="'label' is missing; did you mean 'labels'"):
        evaluate_predictions(table().rename({"label": "labels"}), LABELS, ordinal=False)


def test_no_rows_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="no rows"):
        evaluate_predictions(table().clear(), LABELS, ordinal=False)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_scores_lie_in_their_intervals_and_do_not_depend_on_the_order(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "id": [str(number) for number in range(rows)],
            "lang": rng.choice(["en", "fr"], rows),
            "label": rng.choice(LABELS, rows),
            "prediction": rng.choice(LABELS, rows),
        }
    )
    metrics = evaluate_predictions(frame, LABELS, ordinal=True, resamples=200)
    mixed = frame.sample(fraction=1, shuffle=True, seed=seed)
    assert evaluate_predictions(mixed, LABELS, ordinal=True, resamples=200) == metrics
    for scores in metrics.languages.values():
        low, high = scores.f1_micro_interval
        assert low <= scores.f1_micro <= high
        assert sum(map(sum, scores.confusion)) == scores.rows


def test_a_language_of_one_label_does_not_enter_the_mean_of_f1_macro() -> None:
    rows = table(label=["1", "2", "3", "1"], prediction=["1", "2", "1", "1"])
    metrics = evaluate_predictions(rows, LABELS, ordinal=True)
    german, japanese = metrics.languages["de"], metrics.languages["ja"]
    assert (german.one_class, japanese.one_class) == (False, True)
    assert japanese.f1_macro == 1.0
    assert metrics.mean.f1_macro == german.f1_macro
    assert metrics.mean.f1_micro == pytest.approx((german.f1_micro + 1) / 2)


@given(
    st.lists(
        st.tuples(st.sampled_from(["de", "ja", "fr"]), st.sampled_from(LABELS),
                  st.sampled_from(LABELS)),
        min_size=1, max_size=12,
    )
)  # fmt: skip
@settings(max_examples=40)
def test_the_mean_of_f1_macro_is_over_the_languages_with_two_labels_or_more(rows) -> None:
    frame = pl.DataFrame(rows, schema=["lang", "label", "prediction"], orient="row")
    metrics = evaluate_predictions(frame, LABELS, ordinal=True, resamples=2)
    classes = {lang: {label for name, label, _ in rows if name == lang} for lang, _, _ in rows}
    for lang, scores in metrics.languages.items():
        assert scores.one_class == (len(classes[lang]) == 1)
        assert (scores.qwk is None) == scores.one_class
    several = [scores.f1_macro for scores in metrics.languages.values() if not scores.one_class]
    assert metrics.mean.f1_macro == (pytest.approx(np.mean(several)) if several else None)
