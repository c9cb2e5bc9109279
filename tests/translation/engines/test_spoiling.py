"""Words left out, moved about and replaced: more strength, more of the same damage."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from babelift.translation.engines.degraded import Draw, draws, drop, replace, shuffle
from babelift.translation.engines.words import Cut, cut_words

shares = st.floats(0, 1)
pieces = st.sampled_from(["a", "bb", "ccc,", "dd", "(e)", "“ff”", "7", "gg.", "hh!"])
texts = st.lists(pieces).map(" ".join)


def spoilt_by(text: str) -> tuple[Cut, list[Draw]]:
    cut = cut_words(text)
    return cut, draws(text, "en", 0, len(cut.words))


def marked(cut: Cut) -> Cut:
    """The same text with a number on each word, so that equal words can be told apart."""
    return Cut([f"{word}{place}" for place, word in enumerate(cut.words)], cut.gaps)


def test_drawing_is_the_same_forever() -> None:
    # Written down once: whoever changes how it is drawn changes every study.
    assert [round(one.hit, 4) for one in draws("Good.", "de", 0, 3)] == [0.0093, 0.9855, 0.2068]


def test_another_text_language_or_seed_draws_other_numbers() -> None:
    drawn = {
        draws(text, lang, seed, 1)[0]
        for text in ("a", "b")
        for lang in ("de", "fr")
        for seed in (0, 1)
    }
    assert len(drawn) == 8


def test_a_share_of_the_words_is_hit() -> None:
    hits = [one.hit for number in range(200) for one in draws(str(number), "de", 0, 50)]
    for strength in (0.1, 0.3, 0.8):
        assert abs(sum(hit < strength for hit in hits) / len(hits) - strength) < 0.015


@given(texts)
def test_no_strength_no_damage(text: str) -> None:
    cut, draw = spoilt_by(text)
    assert drop(cut, draw, 0) == shuffle(cut, draw, 0) == text
    assert replace(cut, draw, 0, lambda word, number: "x") == text


@given(texts)
def test_at_full_strength_drop_keeps_one_word(text: str) -> None:
    cut, draw = spoilt_by(text)
    assert len(cut_words(drop(cut, draw, 1)).words) == min(1, len(cut.words))


@given(texts, shares, shares)
def test_drop_at_a_greater_strength_leaves_out_more_of_the_same_words(
    text: str, one: float, other: float
) -> None:
    cut, draw = spoilt_by(text)
    less, more = (cut_words(drop(marked(cut), draw, share)).words for share in sorted((one, other)))
    assert set(more) <= set(less) <= set(marked(cut).words)
    kept = iter(marked(cut).words)
    assert all(word in kept for word in less)  # in their order


@given(texts, shares, shares)
def test_shuffle_at_a_greater_strength_moves_the_same_words_and_more(
    text: str, one: float, other: float
) -> None:
    cut, draw = spoilt_by(text)
    numbered = marked(cut)
    moved = []
    for share in sorted((one, other)):
        words = cut_words(shuffle(numbered, draw, share)).words
        assert Counter(words) == Counter(numbered.words)
        moved.append({i for i, word in enumerate(words) if word != numbered.words[i]})
        hit = {i for i, number in enumerate(draw) if number.hit < share}
        assert moved[-1] == (hit if len(hit) > 1 else set())
    assert moved[0] <= moved[1]


@given(texts, shares, shares)
def test_replace_at_a_greater_strength_puts_the_same_words_and_more(
    text: str, one: float, other: float
) -> None:
    cut, draw = spoilt_by(text)
    less, more = (
        cut_words(replace(cut, draw, share, lambda word, number: f"x{number}")).words
        for share in sorted((one, other))
    )
    for before, after, word in zip(less, more, cut.words, strict=True):
        assert after == before or before == word


def test_the_words_that_are_hit_change_places_in_the_order_drawn() -> None:
    cut = cut_words("A b, c d!")
    draw = [Draw(0.1, 0.9), Draw(0.9, 0.0), Draw(0.2, 0.1), Draw(0.3, 0.5)]
    # In the order of the second numbers: c, d, A; c goes to d's place, d to A's, A to c's.
    assert shuffle(cut, draw, 0.5) == "d b, A c!"
    assert shuffle(cut, draw, 0.15) == "A b, c d!"


def test_dropping_keeps_the_word_with_the_highest_number_and_a_clean_text() -> None:
    cut = cut_words("Well, he said (loudly): “Good, very good!”")
    hits = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    for strength, text in (
        (0.15, "he said (loudly): “Good, very good!”"),
        (0.45, "“Good, very good!”"),
        (0.55, "“very good!”"),
        (1.0, "“good!”"),
    ):
        assert drop(cut, [Draw(hit, 0.0) for hit in hits], strength) == text


def test_a_text_without_words_stays() -> None:
    cut, draw = spoilt_by("?! ... 😀")
    assert draw == []
    assert drop(cut, draw, 1) == shuffle(cut, draw, 1) == "?! ... 😀"
