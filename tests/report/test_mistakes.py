"""The surest mistakes: only the encoder's, only wrong ones, the surest first."""

import polars as pl

from babelift.report.folder import RunFiles
from babelift.report.pages.run import Mistake, surest_mistakes
from tests.report.conftest import manifest_of, metrics_of

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


def mistakes(
    predictions: pl.DataFrame, test: pl.DataFrame = TEST, per_language: int = 2
) -> list[Mistake]:
    run = RunFiles("x", manifest_of(), metrics_of({}), {}, "", [], None, predictions, test)
    return surest_mistakes(run, per_language)


def test_the_surest_wrong_answer_of_each_language_is_taken() -> None:
    found = mistakes(predictions(), per_language=1)
    assert [(mistake.lang, mistake.text) for mistake in found] == [("de", "two"), ("fr", "four")]


def test_the_baselines_mistakes_are_not_shown() -> None:
    assert mistakes(predictions(model=["linear"] * 4)) == []


def test_predictions_without_probabilities_give_none() -> None:
    blank = predictions(probability=pl.Series([None] * 4, dtype=pl.Float64))
    assert mistakes(blank) == []


def test_rows_without_a_text_are_passed_over() -> None:
    assert len(mistakes(predictions(), TEST.filter(pl.col("id") != "b"))) == 2


def test_a_perfect_classifier_has_none() -> None:
    assert mistakes(predictions(prediction=["x"] * 4)) == []
