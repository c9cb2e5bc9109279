"""Means over seeds and their intervals, on cases worked by hand."""

import math

import polars as pl
import pytest

from models.measuring.seeds import Scores, scores, summarise

TRUTH = ["a", "b", "a", "b"]


def table(*predictions: str, lang: str = "de", model: str = "encoder") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"{number}-{lang}" for number in range(4)],
            "group_id": [str(number) for number in range(4)],
            "lang": lang,
            "label": TRUTH,
            "prediction": list(predictions),
            "model": model,
        }
    )


def test_the_mean_is_over_seeds_and_its_interval_is_students() -> None:
    found = scores({"x": [table("a", "b", "a", "b"), table("a", "b", "b", "a")]}, ["de"])
    [one] = summarise(found["x"])
    # Accuracies 1 and 1/2: standard deviation .35355, t(1) = 12.706.
    assert one.mean == 0.75
    assert one.half == pytest.approx(12.7062 * 0.353553 / math.sqrt(2), rel=1e-4)


def test_one_seed_has_no_interval_over_seeds() -> None:
    [one] = summarise(scores({"x": [table(*"abab")]}, ["de"])["x"])
    assert math.isnan(one.half)
    assert (one.mean, one.low, one.high) == (1.0, 1.0, 1.0)


def test_what_two_arms_share_cancels_out_in_their_difference() -> None:
    same = [table(*"abba"), table(*"aaaa")]
    found = scores({"x": same, "y": list(same)}, ["de"])
    [one] = summarise(found["y"] - found["x"])
    assert (one.mean, one.half, one.low, one.high) == (0.0, 0.0, 0.0, 0.0)


def test_languages_come_in_the_order_asked_for_and_the_mean_is_over_those_named() -> None:
    both = pl.concat([table(*"abab", lang="de"), table(*"aaaa", lang="ja")])
    found = scores({"x": [both]}, ["ja", "de"])["x"]
    assert found.observed.tolist() == [[0.5, 1.0]]
    assert found.mean_of([0, 1]).observed.tolist() == [[0.75]]
    assert isinstance(found, Scores)


def test_only_the_rows_of_the_model_asked_for_count() -> None:
    both = pl.concat([table(*"abab"), table(*"aaaa", model="linear")])
    found = scores({"x": [both]}, ["de"], model="linear", resamples=1)
    assert found["x"].observed.tolist() == [[0.5]]


def test_trainings_on_other_test_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="same test rows"):
        scores({"x": [table(*"abab"), table(*"abab").head(3)]}, ["de"])
