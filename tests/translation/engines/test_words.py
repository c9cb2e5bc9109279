"""Texts cut into words and gaps, and gaps mended where a word is gone."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from babelift.translation.engines.words import Cut, cut_words, merged_gap, without_opening

VOCABULARY = {"この", "映画", "すごい", "面白い", "电影", "很"}
MARKS = "ab c,.!?()\"'«»“”„–—…¿¡ \n\u00a0あア漢。、「」（）1e\u0301か\u3099_@#😀"


@given(st.text() | st.text(MARKS))
@example("漢\u30990e\u0301漢1")
@pytest.mark.parametrize("vocabulary", [None, VOCABULARY, frozenset()])
def test_words_and_gaps_joined_are_the_text(vocabulary: set[str] | None, text: str) -> None:
    cut = cut_words(text, vocabulary)
    assert cut.text == text
    assert len(cut.gaps) == len(cut.words) + 1
    assert all(cut.words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It cost 1,000.50 (really)!", ["It", "cost", "1,000.50", "really"]),
        ("„Ja“, sagte l'ami – #gut @du…", ["Ja", "sagte", "l'ami", "#gut", "@du"]),
        ("state-of-the-art—or not", ["state-of-the-art", "or", "not"]),
        ("¿Qué? ... 😀 -", ["Qué"]),
        ("हिन्दी में।", ["हिन्दी", "में।"]),
        ("", []),
    ],
)
def test_where_there_are_spaces_marks_at_the_edge_are_no_part_of_a_word(
    text: str, words: list[str]
) -> None:
    assert cut_words(text).words == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "この映画はiPhone 15でコーヒー。",
            ["この", "映画", "は", "iPhone", "15", "で", "コーヒー"],
        ),
        ("电影很3.5好，ＯＫ", ["电影", "很", "3.5", "好", "ＯＫ"]),
        ("が「か\u3099」", ["が", "か\u3099"]),
    ],
)
def test_without_spaces_the_longest_known_word_counts(text: str, words: list[str]) -> None:
    assert cut_words(text, VOCABULARY).words == words


def test_latin_words_that_come_to_touch_get_a_space_and_others_do_not() -> None:
    assert Cut(["A社", "B"], ["", "", "。"]).text == "A社B。"
    assert Cut(["A", "B", "社"], ["", "", "", "。"]).text == "A B社。"
    assert Cut(["a", "b"], ["", ", ", ""]).text == "a, b"


@pytest.mark.parametrize(
    ("left", "right", "gap"),
    [
        (" ", " ", " "),
        (" ", ".", "."),
        (", ", ", ", ", "),
        (", ", ". ", ". "),
        (". ", ", ", ". "),
        ("... ", "! ", "... "),
        (" (", ") ", " "),
        (" (", "), ", ", "),
        (" (", " ", " ("),
        (", ", ") ", ") "),
        (' "', '," ', ", "),
        (' "', " ", ' "'),
        (" « ", " » ", " "),
        (" ", "\u00a0! ", "\u00a0! "),
        (" – ", " – ", " – "),
        (" – ", ": ", ": "),
        (" ¿", "? ", " "),
        ("。「", "」", "。"),
        ("，", "。", "。"),
        ("", "", ""),
        (".\n", " ", ".\n"),
        (" ", ".\n", ".\n"),
    ],
)
def test_what_stood_on_both_sides_of_a_word_becomes_one(left: str, right: str, gap: str) -> None:
    assert merged_gap(left, right, first=False) == gap


def test_a_text_begins_with_no_comma_and_ends_in_no_open_bracket() -> None:
    assert merged_gap("", ", ", first=True) == ""
    assert merged_gap("“", " ", first=True) == "“"
    assert merged_gap("¿", "? – ", first=True) == ""
    assert without_opening(" (") == ""


@given(st.text(MARKS, max_size=8), st.text(MARKS, max_size=8), st.booleans())
def test_a_merged_gap_has_no_mark_that_was_not_there(left: str, right: str, first: bool) -> None:
    merged = iter(left + right)
    found = merged_gap(left, right, first=first)
    assert len(found) <= len(left + right)
    assert all(mark in merged for mark in found if not mark.isspace())
