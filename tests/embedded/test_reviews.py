"""The sample of reviews is complete, balanced, and what its card says it is."""

import json
import re
import unicodedata
from collections import Counter
from functools import cache
from importlib.resources import files
from itertools import combinations, pairwise

import numpy as np
import polars as pl
import pytest

from babelift.evaluation.baseline import linear_baseline
from babelift.translation.checks import Answers, filled_ratios, find_faults, learn_band

LANGUAGES = ("en", "de", "es", "fr", "ja", "zh")
TARGETS = LANGUAGES[1:]
STARS = ("1", "2", "3", "4", "5")
SPLITS = ("train", "test")
REVIEWS = files("babelift") / "embedded" / "reviews"

KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u30fc\u31f0-\u31ff\uff66-\uff9d]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")
NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")


@cache
def rows(name):
    text = (REVIEWS / f"{name}.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


def has_right_script(text, lang):
    if lang == "ja":
        return bool(KANA.search(text))
    if lang == "zh":
        return bool(HAN.search(text)) and not KANA.search(text)
    return bool(LATIN.search(text)) and not KANA.search(text) and not HAN.search(text)


def numbers(text):
    return Counter(number.replace(",", ".") for number in NUMBER.findall(text))


def emoji(text):
    return Counter(char for char in text if unicodedata.category(char) == "So")


def shingles(text):
    text = " ".join(text.lower().split())
    return {text[i : i + 5] for i in range(max(1, len(text) - 4))}


def jaccard(left, right):
    return len(left & right) / len(left | right)


def are_near_duplicates(left, right):
    # The counts alone bound the overlap, so most pairs never need it.
    few, many = sorted((len(left), len(right)))
    return 2 * few >= many and jaccard(left, right) >= 0.5


def opening(text, lang):
    return text[:5] if lang in ("ja", "zh") else tuple(WORD.findall(text.lower())[:3])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_language_has_forty_train_and_twenty_test_reviews_for_each_star(lang):
    counts = Counter((row["stars"], row["split"]) for row in rows(lang))
    expected = {}
    for stars in range(1, 6):
        expected[stars, "train"] = 40
        expected[stars, "test"] = 20
    assert counts == expected


@pytest.mark.parametrize("lang", LANGUAGES)
def test_ids_count_from_01_to_300_in_the_order_of_the_file(lang):
    assert [row["id"] for row in rows(lang)] == [f"{lang}-{i:02d}" for i in range(1, 301)]


def test_ids_are_unique_across_languages():
    ids = [row["id"] for lang in LANGUAGES for row in rows(lang)]
    assert len(ids) == len(set(ids)) == 1800


@pytest.mark.parametrize("lang", LANGUAGES)
def test_reviews_have_the_fields_of_the_card_and_name_their_language(lang):
    for row in rows(lang):
        assert list(row) == ["id", "text", "stars", "lang", "product", "split"]
        assert row["lang"] == lang
        assert row["product"].strip()
        assert type(row["stars"]) is int


@pytest.mark.parametrize("lang", LANGUAGES)
def test_reviews_are_not_sorted_by_star(lang):
    stars = [row["stars"] for row in rows(lang)]
    longest = run = 1
    for previous, current in pairwise(stars):
        run = run + 1 if current == previous else 1
        longest = max(longest, run)
    assert longest <= 5


@pytest.mark.parametrize("lang", LANGUAGES)
def test_reviews_are_not_empty_and_are_in_normal_form_c(lang):
    for row in rows(lang):
        assert row["text"] == row["text"].strip() != ""
        assert unicodedata.is_normalized("NFC", row["text"]), row["id"]
        assert "\ufffd" not in row["text"], row["id"]


@pytest.mark.parametrize("name", [*LANGUAGES, "translations"])
def test_files_hold_real_characters_and_end_in_one_newline(name):
    text = (REVIEWS / f"{name}.jsonl").read_text(encoding="utf-8")
    assert "\\u" not in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_reviews_are_written_in_the_script_of_their_language(lang):
    assert [row["id"] for row in rows(lang) if not has_right_script(row["text"], lang)] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_two_reviews_of_a_language_are_near_duplicates(lang):
    shingled = [(row["id"], shingles(row["text"])) for row in rows(lang)]
    for (left_id, left), (right_id, right) in combinations(shingled, 2):
        assert not are_near_duplicates(left, right), (left_id, right_id)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_opening_is_repeated_over_and_over(lang):
    openings = Counter(opening(row["text"], lang) for row in rows(lang))
    assert openings.most_common(1)[0][1] <= 3, openings.most_common(3)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_say_something_about_the_stars_but_not_everything(lang):
    texts = {split: [r["text"] for r in rows(lang) if r["split"] == split] for split in SPLITS}
    stars = {
        split: [str(r["stars"]) for r in rows(lang) if r["split"] == split] for split in SPLITS
    }
    proba = linear_baseline(texts["train"], stars["train"], texts["test"], STARS)
    hits = [STARS[best] == true for best, true in zip(proba.argmax(1), stars["test"], strict=True)]
    # Guessing gives .20.
    assert 0.30 <= sum(hits) / len(hits) <= 0.85


def translated_reviews():
    """All that are trained on, and the first of those that are tested on."""
    return [row for number, row in enumerate(rows("en")) if row["split"] == "train" or number < 100]


def test_every_english_training_review_has_one_reference_in_each_other_language():
    pairs = [(row["parallel_id"], row["target_lang"]) for row in rows("translations")]
    assert pairs == [(row["id"], lang) for row in translated_reviews() for lang in TARGETS]


def test_the_translated_reviews_are_balanced_too():
    counts = Counter((row["stars"], row["split"]) for row in translated_reviews())
    size = {"train": 40, "test": 7}
    assert counts == {(stars, split): size[split] for stars in range(1, 6) for split in SPLITS}


@pytest.mark.parametrize("lang", TARGETS)
def test_the_quality_checks_find_no_fault_in_the_translations(lang):
    both = [row for row in rows("translations") if row["target_lang"] == lang]
    source, translation = (
        pl.Series([row[name] for row in both]) for name in ("source_text", "target_text")
    )
    band = learn_band(filled_ratios(source, translation, "en", lang))
    answers = Answers(lang)
    answers.add(source, translation)
    whole = np.zeros(len(both), dtype=bool)
    faults = find_faults(source, translation, "en", lang, band, whole, answers=answers)
    assert {row["parallel_id"]: own for row, own in zip(both, faults, strict=True) if own} == {}


def test_translations_have_the_fields_of_the_card_and_quote_the_english_text_exactly():
    english = {row["id"]: row["text"] for row in rows("en")}
    for row in rows("translations"):
        assert list(row) == [
            "parallel_id",
            "source_lang",
            "target_lang",
            "system",
            "source_text",
            "target_text",
        ]
        assert (row["source_lang"], row["system"]) == ("en", "reference")
        assert row["source_text"] == english[row["parallel_id"]]


def test_translations_are_not_empty_and_are_in_normal_form_c():
    for row in rows("translations"):
        assert row["target_text"] == row["target_text"].strip() != ""
        assert unicodedata.is_normalized("NFC", row["target_text"]), row["parallel_id"]
        assert row["target_text"] != row["source_text"]


@pytest.mark.parametrize("lang", TARGETS)
def test_translations_are_written_in_the_script_of_their_language(lang):
    texts = [row["target_text"] for row in rows("translations") if row["target_lang"] == lang]
    assert [text for text in texts if not has_right_script(text, lang)] == []


@pytest.mark.parametrize("lang", TARGETS)
def test_translations_keep_every_number_written_in_digits(lang):
    for row in rows("translations"):
        if row["target_lang"] == lang:
            lost = numbers(row["source_text"]) - numbers(row["target_text"])
            assert not lost, (row["parallel_id"], dict(lost))


@pytest.mark.parametrize("lang", TARGETS)
def test_translations_keep_every_emoji_and_add_none(lang):
    for row in rows("translations"):
        if row["target_lang"] == lang:
            assert emoji(row["source_text"]) == emoji(row["target_text"]), row["parallel_id"]


@pytest.mark.parametrize("lang", TARGETS)
def test_translations_of_one_language_differ_from_each_other_and_from_its_own_reviews(lang):
    translated = [row["target_text"] for row in rows("translations") if row["target_lang"] == lang]
    assert len(set(translated)) == len(translated)
    own = [shingles(row["text"]) for row in rows(lang)]
    for text in translated:
        mine = shingles(text)
        assert not any(are_near_duplicates(mine, other) for other in own), text


def test_the_card_says_that_the_sample_is_synthetic_and_under_which_licence():
    card = (REVIEWS / "CARD.md").read_text(encoding="utf-8")
    assert "synthetic" in card
    assert "not collected from customers" in " ".join(card.split())
    assert "CC0-1.0" in card
