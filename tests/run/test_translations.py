"""Translations that came with the tables: followed to their original's split, then completed."""

import polars as pl
import pytest

from babelift.config import FitConfig
from babelift.corpus.rows import conform, originals, translation_id
from babelift.progress import quiet
from babelift.run.data import attach
from babelift.run.translations import Completion, _translate, complete

ROWS = originals(
    ids=["a", "b", "c"],
    texts=["one", "two", "drei"],
    labels=["1", "2", "1"],
    langs=["en", "en", "de"],
).with_columns(split=pl.Series(["train", "test", "train"]))


def made(original: str, lang: str, *flags: str, split: str = "train", label: str = "9") -> dict:
    return {
        "id": translation_id(original, lang), "group_id": "other", "text": "x", "label": label,
        "lang": lang, "source_lang": "en", "origin": "machine", "split": split,
        "original_id": original, "flags": list(flags),
    }  # fmt: skip


def frame(*rows: dict) -> pl.DataFrame:
    return conform(pl.DataFrame(rows, schema_overrides={"flags": pl.List(pl.String)}))


def test_a_translation_follows_its_original_whatever_it_says_itself() -> None:
    there = attach(frame(made("b", "ja", split="train"), made("lost", "ja")), ROWS)
    assert there.select("id", "group_id", "label", "split").rows() == [("b@ja", "b", "2", "test")]
    assert there.columns == ROWS.columns


def test_without_given_translations_all_is_one_job() -> None:
    have, jobs = complete(ROWS, ["de", "ja"], ROWS.clear(), "drop")
    assert have.is_empty()
    assert [(part["id"].to_list(), to) for part, to in jobs] == [(["a", "b", "c"], ["de", "ja"])]


def test_when_all_is_there_nothing_is_left_to_do() -> None:
    given = frame(*(made(name, "ja") for name in "abc"))
    have, jobs = complete(ROWS, ["ja"], given, "drop")
    assert (have["id"].to_list(), jobs) == (["a@ja", "b@ja", "c@ja"], [])


def test_nothing_is_translated_into_its_own_language() -> None:
    given = frame(made("a", "de"), made("b", "de"))
    assert complete(ROWS, ["de"], given, "drop").jobs == []


@pytest.mark.parametrize(
    ("quality", "kept", "again"),
    [("keep", ["a@ja", "b@ja"], []), ("drop", ["b@ja"], []), ("retry", ["b@ja"], ["a"])],
)
def test_faulty_ones_count_as_if_just_made(quality: str, kept: list[str], again: list[str]) -> None:
    given = frame(made("a", "ja", "copy"), made("b", "ja", "truncated"))
    have, jobs = complete(ROWS.head(2), ["ja"], given, quality)
    assert have["id"].to_list() == kept
    assert [name for part, _ in jobs for name in part["id"]] == again


def test_fresh_translates_anew_what_the_memory_has() -> None:
    config = FitConfig.from_mapping({"to": ["ja"], "translator": "mini", "quality": "keep"})
    rows = ROWS.filter(pl.col("lang") == "en").with_columns(text=pl.lit("two soups"))
    learnt = complete(rows, ["ja"], ROWS.clear(), "keep")
    tested = Completion(ROWS.clear(), [])
    counts = []
    for fresh in (False, False, True):
        report, _ = _translate(learnt, tested, config, quiet(), fresh).reports
        assert report is not None
        counts.append((report.tally.translated, report.tally.from_memory))
    assert counts == [(1, 0), (0, 2), (1, 0)]


def test_languages_that_are_no_targets_are_left_out() -> None:
    assert complete(ROWS, ["ja"], frame(made("a", "fr")), "keep").have.is_empty()
