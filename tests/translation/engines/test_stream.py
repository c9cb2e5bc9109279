"""Apertium's stream format: what goes in comes out, and what must not be translated is hidden."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from babelift.translation.engines.apertium_stream import clean, escape, unescape

SPECIAL = "\\[]{}^$/<>@*#~+&%=|.!? \n\t\r\u00a0\u2028\u0301\u200f\u00ad"
texts = st.text(
    st.one_of(st.sampled_from(SPECIAL), st.characters(), st.sampled_from("ab:D1")), max_size=60
)


@given(texts)
@example(".")
@example(" .[.] ")
@example("a  b\n\n\nc.\n \nd")
@example("[]")
@example("\\")
def test_a_text_comes_back_from_a_chain_that_changes_nothing(text: str) -> None:
    text = clean(text)
    assert unescape(escape(text)) == text.strip()


@given(texts)
def test_outside_superblanks_every_special_character_is_escaped(text: str) -> None:
    stream = escape(clean(text))
    unescaped = re.sub(r"\\.", "", stream, flags=re.DOTALL)
    assert "[[" not in unescaped
    assert not re.search(r"[\[\]{}^$/<>@*#~\0]", re.sub(r"\[[^\]]*\]", "", unescaped))


@given(st.text())
def test_any_text_can_be_sent_once_it_is_clean(text: str) -> None:
    assert "\0" not in clean(text)
    clean(text).encode("utf-8")


def test_lone_surrogates_and_nul_are_replaced() -> None:
    assert clean("a\0b\ud800") == "a b?"


@pytest.mark.parametrize(
    "token",
    [
        "@user",
        "#BlackFriday",
        "#1",
        "https://t.co/a_B?x=[1]&y=$2",
        "www.example.org/",
        "first.last+tag@mail.example.org",
        "&amp;",
        "&#39;",
        "<br />",
        "</b>",
        '<a href="x">',
        ":D",
        ";-P",
        "<3",
        "~~",
        "**",
    ],
)
def test_what_is_not_for_translation_is_hidden(token: str) -> None:
    stream = escape(f"I like {token} very much")
    if token == "<3":
        assert r"I like \<3 very" in stream
    else:
        blank = re.search(r"I like \[((?:\\.|[^\]\\])*)\] very much", stream)
        assert blank is not None
        assert re.sub(r"\\(.)", r"\1", blank[1]) == token


def test_punctuation_after_an_address_is_not_part_of_it() -> None:
    assert escape("See https://example.org/a.").startswith(r"See [https:\/\/example.org\/a].")


def test_an_at_or_hash_inside_a_word_is_no_mention() -> None:
    assert escape("C# is a@b") == r"C[#] is a\@b.[.]"


def test_a_full_stop_is_added_to_texts_and_paragraphs_without_one() -> None:
    assert escape("One\n\nTwo!\n\nThree?") == "One.[.][\n\n]Two![\n\n]Three?[]"


def test_a_single_line_break_is_no_end_of_a_sentence() -> None:
    assert escape("One\ntwo.") == "One[\n]two.[]"


def test_spaces_that_apertium_leaves_behind_are_removed_but_not_the_texts_own() -> None:
    assert unescape(" Puedo no.  Tenemos  [  ] moscas [\n]  y más .[.]") == (
        "Puedo no. Tenemos  moscas\ny más"
    )


def test_marks_of_unknown_words_are_removed_and_literal_ones_kept() -> None:
    assert unescape(r"*zorkel @blarg viento# en contra \@user [#]1 [*]x[*] \@ 5[]") == (
        "zorkel blarg viento en contra @user #1 *x* @ 5"
    )


def test_only_the_added_stop_is_removed() -> None:
    assert unescape("Fin.[]") == "Fin."
    assert unescape("Fin.[.]") == "Fin"
    assert unescape("Es decir[.]") == "Es decir"
