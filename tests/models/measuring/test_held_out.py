"""Pairs kept back from training, on made-up pairs."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data import PAIRS, held_out

SENTENCES = ["A", "a!", "a", "B", "b.", "C", "D", "E", "f", "G"]


def pairs(*rows: tuple[str, str]) -> pl.DataFrame:
    """Language and English sentence; the counterpart is made up."""
    return pl.DataFrame(
        [(lang, f"{lang}: {english}", english, "toy") for lang, english in rows],
        schema=PAIRS,
        orient="row",
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["de", "ja"]), st.sampled_from(SENTENCES)),
        unique=True,
        max_size=20,
    ),
    st.integers(0, 3),
    st.integers(0, 5),
)
def test_no_english_sentence_is_on_both_sides(
    rows: list[tuple[str, str]], number: int, seed: int
) -> None:
    learnt, kept = held_out(pairs(*rows), per_language=number, seed=seed)

    def keys(frame: pl.DataFrame) -> set[str]:
        return {english.lower().strip("!.") for english in frame["text_en"]}

    assert not keys(learnt) & keys(kept)
    assert learnt.columns == kept.columns == list(PAIRS)
    for lang in ("de", "ja"):
        there = sum(one == lang for one, _ in rows)
        assert (kept["lang"] == lang).sum() == min(number, there)
    assert held_out(pairs(*rows), per_language=number, seed=seed)[1].equals(kept)


def test_sentences_with_all_languages_are_kept_back_first() -> None:
    rows = [("de", f"only German {n}") for n in range(30)] + [("ja", "shared"), ("de", "shared")]
    _, kept = held_out(pairs(*rows), per_language=1)
    assert kept.select("lang", "text_en").rows() == [("ja", "shared"), ("de", "shared")]


@pytest.mark.parametrize(
    ("english", "learnt"),
    [
        ("in 1937 gerald heard moved to hollywood with his wife maria", False),
        ("in 1937 gerald heard moved to hollywood with maria his wife", False),
        ("in 1937 a man of another name sold his house here", True),
        ("maria moved", True),
    ],
)
def test_the_same_words_in_another_order_are_not_learnt_either(english: str, learnt: bool) -> None:
    shared = "In 1937, Gerald Heard moved to Hollywood with his wife Maria."
    rows = pairs(("de", shared), ("ja", shared), ("de", english))
    assert (held_out(rows, per_language=1)[0].height == 1) is learnt
