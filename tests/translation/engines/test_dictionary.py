"""Word by word: longest match, case, spaces; everything else is kept."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.translation.engines.lexicon import Words

ENTRIES = [
    ("new york", "Nueva York"),
    ("new", "nuevo"),
    ("new york times", "Times de Nueva York"),
    ("house", "casa"),
    ("don't", "no"),
    ("USA", "EE. UU."),
    ("street", "straße"),
    ("the", ""),
    ("café", "cafetería"),
    ("l'", "the"),
    ("ami", "friend"),
]
SPANISH = Words(ENTRIES, spaced=True)


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("new house", "nuevo casa"),
        ("new york house", "Nueva York casa"),
        ("new  york\nhouse", "Nueva York\ncasa"),
        ("new york times", "Times de Nueva York"),
        ("new york time", "Nueva York time"),
        ("new, york", "nuevo, york"),
        ("New House HOUSE hOUSE", "Nuevo Casa CASA casa"),
        ("NEW YORK", "NUEVA YORK"),
        ("usa USA Usa", "EE. UU. EE. UU. EE. UU."),
        ("DON'T don’t", "NO no"),
        ("STREET", "STRASSE"),
        ("houses newt", "houses newt"),
        ("3 houses, 4.5 % of house!", "3 houses, 4.5 % of casa!"),
        ("in the house.", "in casa."),
        ("The house", "casa"),
        (" \tThe house of the.\n", " \tcasa of.\n"),
        ("cafe\u0301 house", "cafetería casa"),
        ("l'ami", "the friend"),
        ("@house #house https://house.example", "@casa #casa https://casa.example"),
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_words_are_replaced_by_the_longest_entry_in_their_case(text: str, translation: str) -> None:
    assert SPANISH.translate(text) == translation


def test_chinese_is_matched_by_character_longest_first_and_spaced_in_the_target() -> None:
    words = Words([("我", "I"), ("喜欢", "like"), ("猫", "cats"), ("喜", "joy")], spaced=True)
    assert words.translate("我喜欢猫。") == "I like cats。"
    assert words.translate("我喜歡猫") == "I joy 歡 cats"
    assert words.translate("狗和鸟") == "狗和鸟"
    assert words.translate("我 like 3只猫") == "I like 3只 cats"


def test_japanese_and_chinese_targets_are_joined_without_spaces() -> None:
    words = Words([("i", "我"), ("love", "爱"), ("cats", "猫")], spaced=False)
    assert words.translate("I love cats.") == "我爱猫."
    assert words.translate("I love New York and cats") == "我爱New York and猫"
    assert words.translate("I\nlove") == "我\n爱"


def test_of_two_entries_with_one_source_the_first_counts() -> None:
    assert Words([("bank", "banco"), ("Bank", "orilla")], spaced=True).translate("bank") == "banco"


def test_an_entry_without_words_or_source_is_harmless() -> None:
    words = Words([("", "x"), (" ", "y"), ("!", "¡!")], spaced=True)
    assert words.translate("a b!") == "a b¡!"


@given(st.text(max_size=80))
def test_with_an_empty_dictionary_nothing_changes(text: str) -> None:
    assert Words([], spaced=True).translate(text) == unicodedata.normalize("NFC", text)
    assert Words([], spaced=False).translate(text) == unicodedata.normalize("NFC", text)


@given(
    st.lists(st.tuples(st.text("ab '猫字", max_size=4), st.text("xy ", max_size=3)), max_size=6),
    st.text("abAB '猫字.\n", max_size=30),
    st.booleans(),
)
def test_any_dictionary_translates_any_text(
    entries: list[tuple[str, str]], text: str, spaced: bool
) -> None:
    translation = Words(entries, spaced=spaced).translate(text)
    assert [c for c in translation if c == "."] == [c for c in text if c == "."]


def test_a_long_text_is_translated_in_time_linear_in_its_length() -> None:
    assert SPANISH.translate("new york house " * 20_000).count("casa") == 20_000
