"""The rows of a study: read once, cut alike in every language, paired with their counterparts."""

import polars as pl
import pytest

from babelift.errors import ConfigError, DataError
from babelift.progress import quiet
from babelift.study.rows import read_tables, reference_rows
from babelift.study.spec import StudySpec
from tests.study.conftest import LANGS, sentences, write_jsonl


def tables_of(settings, toy, **changes):
    return read_tables(StudySpec.from_mapping({**settings, **changes}), toy, quiet())


def test_only_languages_that_are_learnt_from_need_training_rows(settings, toy):
    tables = tables_of(settings, toy, parallel=False)
    assert set(tables.train) == {"en"}
    assert set(tables.test) == {"en", "de", "ja"}
    assert tables.labels == ("food", "sport")


def test_parallel_tables_are_cut_to_the_same_items_with_labels_in_balance(settings, toy):
    tables = tables_of(settings, toy, arms=["zero-shot", "translated", "original"])
    english, german = tables.subset("en", 8), tables.subset("de", 8)
    assert set(english["group_id"]) == set(german["group_id"])
    assert english["label"].value_counts()["count"].to_list() == [4, 4]


def test_a_smaller_subset_is_part_of_a_larger_one(settings, toy):
    tables = tables_of(settings, toy)
    assert set(tables.subset("en", 5)["id"]) < set(tables.subset("en", 9)["id"])
    assert tables.subset("en", None).height == 24
    with pytest.raises(DataError, match="asks for 25 training rows, but there are 24"):
        tables.subset("en", 25)


def test_a_language_without_test_rows_is_refused_before_anything_runs(settings, toy):
    with pytest.raises(ConfigError, match="there are no test rows in 'fr'") as refused:
        tables_of(settings, toy, targets=["de", "fr"])
    assert "fr.test.jsonl" in str(refused.value)


def test_training_items_that_are_tested_on_are_left_out_and_said(settings, toy, tmp_path):
    for lang in ("en", "de", "ja"):
        for split, numbers in (("train", range(24)), ("test", range(22, 30))):
            write_jsonl(tmp_path / f"{lang}.{split}.jsonl", sentences(lang, numbers))
    tables = tables_of(settings, tmp_path)
    assert tables.train["en"].height == 22
    assert any("test" in note for note in tables.notes)


def test_the_reference_is_the_same_item_in_the_other_language(settings, toy):
    tables = tables_of(settings, toy)
    found = reference_rows(tables.test["en"], tables.test["ja"])
    assert found["text"].to_list() == tables.test["ja"]["text"].to_list()
    assert found["original_id"].to_list() == tables.test["en"]["id"].to_list()
    assert found.select("lang", "source_lang", "origin").unique().row(0) == (
        "ja", "en", "reference",
    )  # fmt: skip


def test_items_with_another_label_in_the_other_language_are_no_translations(settings, toy):
    tables = tables_of(settings, toy)
    wrong = tables.test["ja"].with_columns(label=pl.lit("food"))
    with pytest.raises(DataError, match="labelled 'sport' in one language and 'food' in 'ja'"):
        reference_rows(tables.test["en"], wrong)
    with pytest.raises(DataError, match="no item is in both 'en' and 'ja'"):
        reference_rows(tables.test["en"], tables.test["ja"].with_columns(group_id=pl.lit("other")))


@pytest.mark.parametrize("split", ["train", "test"])
def test_labels_that_differ_between_languages_are_found_when_the_rows_are_read(
    settings, toy, tmp_path, split
):
    for lang in LANGS:
        for part, numbers in (("train", range(24)), ("test", range(100, 112))):
            rows = sentences(lang, numbers)
            if (lang, part) == ("ja", split):
                rows[3]["label"] = "food"
            write_jsonl(tmp_path / f"{lang}.{part}.jsonl", rows)
    with pytest.raises(DataError, match="'sport' in one language and 'food' in 'ja'"):
        tables_of(settings, tmp_path)
    assert tables_of(settings, tmp_path, parallel=False).labels == ("food", "sport")


def test_a_language_of_which_nothing_is_left_to_train_on_is_named(settings, toy, tmp_path):
    for lang in LANGS:
        train = range(12) if lang == "ja" else range(20, 44)
        write_jsonl(tmp_path / f"{lang}.train.jsonl", sentences(lang, train))
        write_jsonl(tmp_path / f"{lang}.test.jsonl", sentences(lang, range(12)))
    arms = ["zero-shot", "translated", "original"]
    with pytest.raises(DataError, match="no training row is left in 'ja'"):
        tables_of(settings, tmp_path, parallel=False, arms=arms)
