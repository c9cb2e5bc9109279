"""The surest mistakes: only the encoder's, only wrong ones, the surest first."""

import polars as pl

from babelift.report.pages.run import surest_mistakes

TEST = pl.DataFrame({"id": ["a", "b", "c", "d"], "text": ["one", "two", "three", "four"]})


def predictions(**columns: object) -> pl.DataFrame:
    values = {
        "id": ["a", "b", "c", "d"],
        "model": ["encoder"] * 4,
        "lang": ["de", "de", "de", "fr"],
        "label": ["x", "x", "x", "x"],
        "prediction": ["y", "y", "x", "y"],
        "probability": [0.6, 0.9, 0.99, 0.7],
    }
    return pl.DataFrame(values | columns)


def test_the_surest_wrong_answer_of_each_language_is_taken() -> None:
    found = surest_mistakes(predictions(), TEST, per_language=1)
    assert [(mistake.lang, mistake.text) for mistake in found] == [("de", "two"), ("fr", "four")]


def test_the_baselines_mistakes_are_not_shown() -> None:
    assert surest_mistakes(predictions(model=["linear"] * 4), TEST) == []


def test_predictions_without_probabilities_give_none() -> None:
    blank = predictions(probability=pl.Series([None] * 4, dtype=pl.Float64))
    assert surest_mistakes(blank, TEST) == []


def test_rows_without_a_text_are_passed_over() -> None:
    assert len(surest_mistakes(predictions(), TEST.filter(pl.col("id") != "b"))) == 2


def test_a_perfect_classifier_has_none() -> None:
    assert surest_mistakes(predictions(prediction=["x"] * 4), TEST) == []
