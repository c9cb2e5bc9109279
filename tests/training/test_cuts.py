"""Texts that are cut are counted as the tokenizer would count them, and said with a way out."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.training.cuts import (
    Cut,
    added_cuts,
    count_cuts,
    cut_sentences,
    lost_tokens,
    tokens_within,
)
from babelift.training.scratch import train_tokenizer

TEXTS = ["a b c d e f", "a", "the cup was cold", "漢字 と 仮名", "", "ﷺ ﷺ", "Straße ﬁn"]
WORDS = st.sampled_from([*"abcdef", "cold", "漢字", "ﷺ", "ﬁ", "é", "👩‍👩‍👧", " ", "\u0301"])


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS)


@given(st.lists(st.lists(WORDS, max_size=40).map(" ".join), max_size=6), st.integers(4, 30))
def test_what_is_kept_and_what_is_lost_make_the_whole_text(tokenizer, texts, limit):
    ids, lost = tokens_within(tokenizer, texts, limit)
    whole = [len(tokenizer(text)["input_ids"]) for text in texts]
    assert [len(row) for row in ids] == [min(length, limit) for length in whole]
    assert lost.tolist() == [max(0, length - limit) for length in whole]
    assert lost_tokens(tokenizer, texts, limit).tolist() == lost.tolist()


def test_a_tokenizer_without_the_library_counts_the_same(tokenizer):
    class Plain:
        def __call__(self, texts: list[str], **options: Any) -> Any:
            encoded = tokenizer(texts, **options)
            return type("Encoded", (dict,), {"encodings": None})(encoded)

        def num_special_tokens_to_add(self) -> int:
            return int(tokenizer.num_special_tokens_to_add())

    expected = tokens_within(tokenizer, TEXTS, 5)
    ids, lost = tokens_within(Plain(), TEXTS, 5)
    assert list(map(list, ids)) == list(map(list, expected[0]))
    assert lost.tolist() == expected[1].tolist()


def test_without_a_limit_nothing_is_lost(tokenizer):
    assert lost_tokens(tokenizer, TEXTS, None).tolist() == [0] * len(TEXTS)
    assert count_cuts(pl.DataFrame(), np.array([3]), limit=None, most=None) == ()


def test_rows_are_counted_by_language_and_origin_and_none_goes_missing():
    rows = pl.DataFrame(
        {"lang": ["en", "en", "de", "de"], "origin": ["original", "original", "machine", "machine"]}
    )
    cuts = count_cuts(rows, np.array([0, 5, 7, 9]), limit=10, most=20, split="train")
    assert [(part.lang, part.origin, part.rows, part.cut, part.lost) for part in cuts] == [
        ("de", "machine", 2, 2, 16),
        ("en", "original", 2, 1, 5),
    ]
    assert count_cuts(rows, np.zeros(4, dtype=np.int64), limit=10, most=20) == ()


def test_a_language_that_is_not_known_or_no_text_is_counted_too():
    (part,) = count_cuts(pl.DataFrame({"lang": [1, 2]}), np.array([0, 5]), limit=10, most=None)
    assert (part.lang, part.rows, part.cut) == (None, 2, 1)


def test_parts_of_a_table_add_up():
    parts = [Cut(lang="de", rows=3, cut=1, lost=20, limit=128)] * 2
    other = Cut(lang="en", rows=1, cut=0, lost=0, limit=128)
    assert added_cuts([*parts, other]) == (
        Cut(lang="de", rows=6, cut=2, lost=40, limit=128),
        other,
    )


def cut(split: str | None = "train", lang: str = "de", **fields: Any) -> Cut:
    values = {"rows": 80, "cut": 80, "lost": 10240, "limit": 128, "most": 512, **fields}
    return Cut(split=split, lang=lang, **values)


def test_the_sentence_names_the_setting_that_reads_more():
    (said,) = cut_sentences([cut(origin="machine"), cut(lang="en", cut=20, lost=1, rows=80)])
    assert said.startswith("100 of 160 training texts (62 %) are longer than the 128 tokens")
    assert "German translations 80 of 80, 50 %; English 20 of 80, under 1 %" in said
    assert "(--max-length; this encoder reads up to 512), or split long texts" in said


def test_validation_texts_stand_in_the_same_sentence_and_test_texts_in_another():
    said = cut_sentences([cut(), cut("validation", rows=9, cut=3), cut("test", limit=512)])
    assert len(said) == 2
    assert said[0].startswith("80 of 80 training texts (100 %) and 3 of 9 validation texts (33 %)")
    assert said[1].startswith("80 of 80 test texts (100 %) are longer than the 512 tokens")
    assert "reads no more: split long texts into several rows, or take an encoder" in said[1]


def test_of_texts_in_use_it_is_said_that_the_model_was_made_for_shorter_ones():
    (said,) = cut_sentences([cut(None, limit=128, most=8192)])
    assert "(100 %) are longer than the 128 tokens that are read of each" in said
    assert "made for texts of that length: train one with a larger max_length" in said
    assert "(--max-length; this encoder reads up to 8,192)" in said
    assert "this encoder reads" not in cut_sentences([cut("test", limit=128, most=None)])[0]


def test_where_nothing_is_cut_nothing_is_said():
    assert cut_sentences([cut(cut=0, lost=0)]) == []


def test_of_many_languages_the_worst_are_named():
    langs = ["de", "fr", "es", "ja", "zh", "it", "pt", "nl"]
    (said,) = cut_sentences([cut(lang=lang, cut=n + 1) for n, lang in enumerate(langs)])
    assert "Dutch 8 of 80" in said
    assert "and 2 more." in said
    assert "German" not in said
