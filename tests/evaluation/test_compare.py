"""Arms compared on the rows they share."""

import json

import polars as pl
import pytest

from babelift.errors import ConfigError, DataError
from babelift.evaluation.comparison import Contrast, compare

LABELS = ["bad", "good"]
MORE = Contrast("more", "plain", "More")


def table(lang, predictions, *, model="encoder", first=0):
    """Rows whose true labels are bad, good, bad, ..., with predictions as `b` and `g`."""
    names = {"b": "bad", "g": "good"}
    rows = range(len(predictions))
    return pl.DataFrame(
        {
            "id": [f"{lang}-{first + row}" for row in rows],
            "lang": [lang] * len(predictions),
            "label": [LABELS[row % 2] for row in rows],
            "prediction": [names[letter] for letter in predictions],
            "model": [model] * len(predictions),
        }
    )


@pytest.fixture
def arms():
    return {
        "plain": pl.concat([table("de", "bbbb"), table("ja", "bggb"), table("en", "bgbg")]),
        "more": pl.concat([table("de", "bgbb"), table("ja", "bgbg"), table("en", "bbbg")]),
    }


def test_scores_deltas_and_means_are_those_worked_out_by_hand(arms):
    found = compare(arms, LABELS, [MORE], over=["de", "ja"])
    plain, more = found["arms"]["plain"], found["arms"]["more"]
    assert {lang: part["score"] for lang, part in plain["languages"].items()} == {
        "de": 0.5, "en": 1.0, "ja": 0.5,
    }  # fmt: skip
    assert more["mean"]["score"] == pytest.approx((0.75 + 1.0) / 2)
    (delta,) = found["contrasts"]
    assert {lang: part["delta"] for lang, part in delta["languages"].items()} == {
        "de": 0.25, "en": -0.25, "ja": 0.5,
    }  # fmt: skip
    assert delta["mean"]["delta"] == pytest.approx(0.375)
    assert found["rows"] == {"de": 4, "en": 4, "ja": 4}
    low, high = delta["languages"]["de"]["interval"]
    assert (low, high) == (0.0, 0.75)
    assert json.loads(json.dumps(found)) == found


def test_rows_may_come_in_any_order(arms):
    shuffled = {
        name: rows.sample(fraction=1.0, shuffle=True, seed=1) for name, rows in arms.items()
    }
    assert compare(shuffled, LABELS, [MORE], over=["de"]) == compare(
        arms, LABELS, [MORE], over=["de"]
    )


def test_arms_that_always_agree_differ_by_nothing_at_all(arms):
    same = {"plain": arms["plain"], "more": arms["plain"]}
    mean = compare(same, LABELS, [MORE], over=["de", "ja"])["contrasts"][0]["mean"]
    assert mean == {"delta": 0.0, "interval": [0.0, 0.0]}


def test_the_baseline_is_scored_on_the_same_draws(arms):
    linear = pl.concat([table(lang, "bbbb", model="linear") for lang in ("de", "ja", "en")])
    arms["plain"] = pl.concat([arms["plain"], linear])
    found = compare(arms, LABELS, [], over=["de", "ja"])
    assert list(found["linear"]) == ["plain"]
    assert found["linear"]["plain"]["mean"]["score"] == 0.5
    assert found["linear"]["plain"]["languages"]["de"] == found["arms"]["plain"]["languages"]["de"]


def test_without_languages_to_average_there_is_no_mean(arms):
    found = compare(arms, LABELS, [MORE], over=[])
    assert found["contrasts"][0]["mean"] is None


def test_arms_tested_on_other_rows_are_refused_by_the_row(arms):
    arms["more"] = pl.concat([arms["more"], table("de", "bg", first=9)])
    with pytest.raises(DataError, match=r"row 'de-10' .* of 'more' but not in those of 'plain'"):
        compare(arms, LABELS, [MORE], over=["de"])
    arms["more"] = arms["plain"].with_columns(label=pl.lit("good"))
    with pytest.raises(DataError, match="labelled 'bad'"):
        compare(arms, LABELS, [MORE], over=["de"])


def test_what_is_not_there_is_named_with_the_nearest_match(arms):
    with pytest.raises(ConfigError, match="arm 'plane' is not there; did you mean 'plain'"):
        compare(arms, LABELS, [Contrast("more", "plane", "More")], over=["de"])
    with pytest.raises(ConfigError, match="did you mean 'f1_micro'"):
        compare(arms, LABELS, [], over=[], metric="f1-micro")
    with pytest.raises(DataError, match="no arm was tested in 'fr'; tested in: de, en, ja"):
        compare(arms, LABELS, [MORE], over=["fr"])
    with pytest.raises(DataError, match="no arms"):
        compare({}, LABELS, [], over=[])
