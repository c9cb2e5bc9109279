"""Sentences are cut into words, and words put together again."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lexicon.words import Segmenter, is_word, joined, spaced_words, usual_case


@pytest.mark.parametrize(
    ("text", "lang", "words"),
    [
        ("It's Tom's dog.", "en", ["It's", "Tom", "'s", "dog", "."]),
        ("I don’t know, he said.", "en", ["I", "don't", "know", ",", "he", "said", "."]),
        ("Aujourd'hui l'eau qu'il boit", "fr", ["Aujourd'hui", "l'", "eau", "qu'", "il", "boit"]),
        ("Über 3.5 Mio. E-Autos", "de", ["Über", "3", ".", "5", "Mio", ".", "E", "-", "Autos"]),
        ("'s", "en", ["'", "s"]),
        ("", "es", []),
    ],
)
def test_words_and_marks_stand_alone(text: str, lang: str, words: list[str]) -> None:
    assert spaced_words(text, lang) == words


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["en", "de", "es", "fr"]))
def test_no_letter_is_lost(text: str, lang: str) -> None:
    assert "".join(spaced_words(text, lang)).count("a") == text.count("a")
    assert all(spaced_words(text, lang))


def test_numbers_and_marks_are_no_words() -> None:
    assert [word for word in ("5", "20th", ",", "'", "'s", "猫", "né") if is_word(word)] == [
        "'s", "猫", "né",
    ]  # fmt: skip


def test_a_segmenter_finds_words_that_recur_in_other_surroundings() -> None:
    draw = random.Random(0)
    words = ["東京", "学校", "見る", "犬", "大きい", "本", "駅前"]
    sentences = ["".join(draw.choices(words, k=5)) + "。" for _ in range(200)]
    segmenter = Segmenter(sentences, pieces=40, longest=3)
    assert segmenter(["本東京見る、Tom 3。", "", "Ａ駅前"]) == [
        ["本", "東京", "見る", "、", "Tom", "3", "。"], [], ["A", "駅前"],
    ]  # fmt: skip


def test_the_usual_case_is_that_inside_sentences() -> None:
    sentences = [
        ["Das", "Haus", ".", "Das", "da"],
        ["ist", "das", "Haus"],
        ["Nur", "hier"],
        ["i", "said", "I", "think", "I"],
    ]
    usual = usual_case(sentences)
    assert (usual["haus"], usual["das"], usual["nur"], usual["i"]) == ("Haus", "das", "Nur", "I")


@pytest.mark.parametrize(
    ("words", "lang", "text"),
    [
        (["weiß", ",", "dass"], "de", "weiß, dass"),
        (["Tom", "'s", "dog"], "en", "Tom's dog"),
        (["qu'", "il", "est"], "fr", "qu'il est"),
        (["猫", "が"], "ja", "猫が"),
        (["New", "York", "的"], "zh", "New York的"),
        ([], "en", ""),
    ],
)
def test_words_become_text_as_the_language_writes_it(
    words: list[str], lang: str, text: str
) -> None:
    assert joined(words, lang) == text
