"""Texts cut into segments, sent in batches, and joined again."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.testing import FunctionTranslator
from babelift.translation.segments import (
    MAX_TOKENS,
    Piece,
    counter,
    cut_batches,
    cut_point,
    estimate_tokens,
    has_words,
    limit_of,
    rejoin,
    split_long,
    split_text,
)

LANGS = ("en", "de", "es", "fr", "ja", "zh", "th", "ar", "xh")
TEXTS = st.text(
    st.one_of(
        st.sampled_from("aB1. 。「」!?？、,;:\n\r\t\u3000\u2028\x00@#/'\"()“”é\u0301👩\u200d👧"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


def sent(text: str, lang: str) -> list[str]:
    return [piece.text for piece in split_text(text, lang) if piece.kind == "send"]


@settings(deadline=None)
@given(text=TEXTS, lang=st.sampled_from(LANGS), unit=st.sampled_from(["sentence", "text"]))
def test_the_pieces_joined_are_the_text(text: str, lang: str, unit: str) -> None:
    pieces = split_text(text, lang, unit)  # type: ignore[arg-type]
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text for piece in pieces)


@settings(deadline=None)
@given(text=TEXTS, lang=st.sampled_from(LANGS))
def test_sent_pieces_have_words_and_no_space_around(text: str, lang: str) -> None:
    for piece in split_text(text, lang):
        if piece.kind == "send":
            assert piece.text == piece.text.strip()
            assert has_words(piece.text)
        elif piece.kind == "space":
            assert piece.text.isspace()


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        (
            "en",
            ["Mr. and Mrs. Brown liked it, e.g. the U.S. edition.", "It cost $3.50!", "Really?"],
        ),
        ("en", ["J. R. R. Tolkien wrote it.", "Version 2.0 is out."]),
        ("en", ["1. Open the box.", "2. Read on."]),
        ("de", ["Das ist z.B. gut.", "Am 3. Mai kam Herr Dr. Müller.", "„Ja“, sagte er."]),
        ("de", ["Der 2. Weltkrieg dauerte lange.", "Danach war Ruhe."]),
        ("es", ["El Sr. López llegó.", "¿Cómo está?", "¡Muy bien!"]),
        ("fr", ["M. Dupont et Mme. Durand sont là.", "Il a dit : « Bonjour ! »", "Puis rien."]),
    ],
)
def test_european_sentences_are_not_cut_at_abbreviations(lang: str, sentences: list[str]) -> None:
    assert sent(" ".join(sentences), lang) == sentences


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("ja", ["今日はいい天気ですね。", "本当に？", "すごい！！", "値段は1.5倍です。"]),
        ("ja", ["「はい。」と彼は言った。", "終わり。"]),
        ("zh", ["今天天气很好。", "真的吗？！", "价格是3.5元。"]),
        ("zh", ["他说：“好。”", "她笑了。"]),
    ],
)
def test_chinese_and_japanese_sentences_need_no_spaces(lang: str, sentences: list[str]) -> None:
    assert sent("".join(sentences), lang) == sentences


@pytest.mark.parametrize(
    "text",
    ["", " \n\t ", "5/5", "😀😀", "...", "https://example.org/a?b=c", "@user", "@user http",
     "a.b@example.org", "100 %", "★★★★☆", "１２３"],
)  # fmt: skip
@pytest.mark.parametrize("unit", ["sentence", "text"])
def test_what_has_no_words_is_not_sent(text: str, unit: str) -> None:
    pieces = split_text(text, "en", unit)  # type: ignore[arg-type]
    assert all(piece.kind != "send" for piece in pieces)
    assert rejoin(pieces, {}, "en", "ja") == text


def test_a_whole_text_stays_one_piece() -> None:
    text = " One. Two.\n\nThree. "
    assert split_text(text, "en", "text") == [Piece(text, "send")]


def test_paragraphs_and_emoji_stay_where_they_were() -> None:
    text = "Good. 😀 Bad.\n\n  - End!\r\n"
    pieces = split_text(text, "en")
    made = {"Good.": "Gut.", "😀 Bad.": "😀 Schlecht.", "Bad.": "Schlecht.", "- End!": "- Ende!"}
    assert rejoin(pieces, made, "en", "de") == "Gut. 😀 Schlecht.\n\n  - Ende!\r\n"


@pytest.mark.parametrize(
    ("source", "target", "text", "joined"),
    [
        ("en", "de", "A one. B two.", "[A one.] [B two.]"),
        ("en", "ja", "A one. B two.", "[A one.][B two.]"),
        ("en", "zh", "A one.\nB two.", "[A one.]\n[B two.]"),
        ("en", "th", "A one. B two.", "[A one.] [B two.]"),
        ("ja", "en", "良い。悪い。", "[良い。] [悪い。]"),
        ("ja", "zh", "良い。悪い。", "[良い。][悪い。]"),
        ("en", "ja", "Good one. https://a.org", "[Good one.] https://a.org"),
    ],
)
def test_sentences_are_joined_as_the_target_language_does(
    source: str, target: str, text: str, joined: str
) -> None:
    pieces = split_text(text, source)
    made = {piece.text: f"[{piece.text}]" for piece in pieces if piece.kind == "send"}
    assert rejoin(pieces, made, source, target) == joined


def lengths(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


@settings(deadline=None)
@given(text=TEXTS.filter(has_words), limit=st.integers(1, 12))
def test_long_segments_are_cut_to_the_limit_and_nothing_is_lost(text: str, limit: int) -> None:
    segment = text.strip()
    split = split_long([segment], lengths, limit)
    if len(segment) <= limit:
        assert split == {}
        return
    pieces = split[segment]
    assert "".join(piece.text for piece in pieces) == segment
    assert all(len(piece.text) <= limit for piece in pieces if piece.kind == "send")


def test_the_cut_is_at_a_clause_else_a_space_else_in_the_middle() -> None:
    def halves(text: str) -> tuple[str, str]:
        return text[: cut_point(text)], text[cut_point(text) :]

    assert halves("one two three, four five six") == ("one two three,", " four five six")
    assert halves("昨日は雨でした、今日は晴れです") == ("昨日は雨でした、", "今日は晴れです")
    assert halves("one two three four")[0] in ("one two ", "one two")
    assert halves("abcdefgh") == ("abcd", "efgh")
    assert halves("abce\u0301fgh") == ("abce\u0301", "fgh")


def test_a_hundred_thousand_characters_are_cut_quickly() -> None:
    for text in (
        "good " * 20_000,
        "x" * 100_000,
        "。" * 50_000 + "a",
        "a@" * 50_000,
        "a. " * 33_000,
    ):
        segments = [piece.text for piece in split_text(text, "en") if piece.kind == "send"]
        pieces = split_long(segments, lengths, 500)
        assert all(len(p.text) <= 500 for parts in pieces.values() for p in parts)


SEGMENTS = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 30), max_size=40)


@settings(deadline=None)
@given(sizes=SEGMENTS, budget=st.integers(1, 60))
def test_every_segment_is_in_one_batch_within_the_budget(
    sizes: dict[str, int], budget: int
) -> None:
    batches = list(cut_batches(list(sizes), list(sizes.values()), budget))
    assert sorted(text for batch in batches for text in batch) == sorted(sizes)
    for batch in batches:
        padded = max(sizes[text] for text in batch) * len(batch)
        assert len(batch) == 1 or padded <= budget
    longest = [sizes[text] for batch in batches for text in batch]
    assert longest == sorted(longest, reverse=True)


@settings(deadline=None)
@given(sizes=SEGMENTS, budget=st.integers(1, 60), done=st.integers(0, 10))
def test_what_remains_is_cut_as_before(sizes: dict[str, int], budget: int, done: int) -> None:
    batches = list(cut_batches(list(sizes), list(sizes.values()), budget))
    left = {text: sizes[text] for batch in batches[done:] for text in batch}
    assert list(cut_batches(list(left), list(left.values()), budget)) == batches[done:]


def test_estimates_count_a_token_for_each_chinese_character() -> None:
    assert estimate_tokens("你好世界") == 4
    assert estimate_tokens("hello world") == 4
    assert estimate_tokens("") == 0
    assert estimate_tokens("価格 is 5") == 2 + 2


def test_a_translator_that_can_count_is_asked() -> None:
    class Counting(FunctionTranslator):
        max_input_tokens = 9

        def count_tokens(self, texts: list[str], source_lang: str, target_lang: str) -> list[int]:
            return [len(text) + len(source_lang + target_lang) for text in texts]

    translator = Counting(lambda text, *_: text)
    assert counter(translator, "de", "ja")(["a", "bb"]) == [5, 6]
    assert limit_of(translator) == 9
    assert limit_of(FunctionTranslator(lambda text, *_: text)) == MAX_TOKENS
