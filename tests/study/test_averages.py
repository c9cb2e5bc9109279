"""Means over sources, languages and seeds, worked out by hand."""

import polars as pl
import pytest

from babelift.study.results import RESULTS, mean_scores, over_sources


def results(*rows):
    """Rows of (source, lang, seed, value) of one condition."""
    return pl.DataFrame(
        [
            {"run": f"{source}{seed}", "arm": "translated", "otc": "off", "ratio": "1:1",
             "translator": "mini", "encoder": "tiny", "size": 100, "rows": 50, "seed": seed,
             "source": source,
             "lang": lang, "metric": "f1_micro", "value": value}
            for source, lang, seed, value in rows
        ],
        schema=RESULTS,
    )  # fmt: skip


def only(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def test_means_are_over_sources_first_then_over_languages_then_over_seeds():
    table = results(
        ("en", "de", 0, 0.4), ("fr", "de", 0, 0.6), ("en", "ja", 0, 0.2), ("fr", "ja", 0, 0.4),
        ("en", "de", 1, 0.6), ("fr", "de", 1, 0.8), ("en", "ja", 1, 0.2), ("fr", "ja", 1, 0.4),
    )  # fmt: skip
    rows = over_sources(table)
    german, every = only(rows, lang="de"), only(rows, lang=None)
    assert german["mean"] == pytest.approx(0.6)
    assert german["spread"] == pytest.approx(0.2 / 2**0.5)
    assert every["mean"] == pytest.approx(0.45)
    assert every["spread"] == pytest.approx(0.1 / 2**0.5)
    assert (every["langs"], every["seeds"], every["rows"]) == (2, 2, 50)


def test_a_seed_that_lacks_a_language_does_not_shift_the_mean_over_languages():
    table = results(("en", "de", 0, 0.8), ("en", "ja", 0, 0.2), ("en", "de", 1, 0.8))
    rows = over_sources(table)
    assert only(rows, lang=None)["mean"] == pytest.approx(0.5)
    assert only(rows, lang=None)["seeds"] == 1
    assert only(rows, lang="de")["seeds"] == 2


def test_each_source_keeps_its_own_mean():
    rows = mean_scores(results(("en", "de", 0, 0.4), ("en", "de", 1, 0.6)))
    assert only(rows, source="en")["mean"] == pytest.approx(0.5)
    assert only(rows, source="en")["spread"] == pytest.approx(0.2 / 2**0.5)


def test_a_single_training_has_no_spread():
    rows = over_sources(results(("en", "de", 0, 0.4)))
    assert [row["spread"] for row in rows] == [None, None]
