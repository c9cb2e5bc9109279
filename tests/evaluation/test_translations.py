"""Translations against references and originals: worked by hand, and in tables of rows."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.corpus.rows import conform, originals
from babelift.errors import DataError
from babelift.evaluation.translation_quality import (
    bleu_tokenizer,
    quality_by_pair,
    sentence_similarity,
    text_quality,
)

VECTORS = {
    "good": (2.0, 0.0), "gut": (1.0, 0.0), "bon": (3.0, 4.0), "bad": (0.0, 1.0),
    "schlecht": (0.0, -1.0), "nothing": (0.0, 0.0),
}  # fmt: skip


class Encoder:
    """Vectors from the list above; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts):
        self.asked += texts
        return np.array([VECTORS[text] for text in texts], dtype=np.float32)


def test_bleu_is_the_mean_of_its_precisions_with_the_penalty_for_brevity() -> None:
    # Of 5, 4, 3, 2 runs of one to four words 5, 4, 3, 2 are right; 5 words stand for 6.
    made, reference = "a b c d e", "a b c d e f"
    assert text_quality([made], [reference], "de").bleu == pytest.approx(
        100 * math.exp(1 - 6 / 5), abs=1e-3
    )
    # 5/6, 4/5, 3/4 and 2/3 of the runs are right; there are words enough.
    longer = 100 * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    assert text_quality([reference], [made], "de").bleu == pytest.approx(longer, abs=1e-3)


def test_chrf_weighs_recall_twice_over_runs_of_one_to_six_characters() -> None:
    # Runs of one to four characters are in "abcd": 3/3, 2/2, 1/1 are right, and of those of the
    # reference 3/4, 2/3, 1/2 and 0/1 found. sacrebleu leaves out the order 4, which "abc" lacks.
    precision, recall = 1.0, (3 / 4 + 2 / 3 + 1 / 2) / 3
    expected = 100 * 5 * precision * recall / (4 * precision + recall)
    assert text_quality(["abc"], ["abcd"], "de").chrf == pytest.approx(expected, abs=1e-3)


@given(
    st.lists(
        st.lists(st.text("abcdé", min_size=1, max_size=5), min_size=4, max_size=9).map(" ".join),
        min_size=1,
        max_size=5,
    )
)
def test_the_same_text_scores_a_hundred_and_none_scores_nothing(texts: list[str]) -> None:
    assert text_quality(texts, texts, "fr") == (100.0, 100.0)
    assert text_quality([""] * len(texts), texts, "fr") == (0.0, 0.0)


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=5))
@pytest.mark.parametrize("lang", ["de", "ja", "zh"])
def test_any_text_scores_between_nothing_and_a_hundred(
    lang: str, pairs: list[tuple[str, str]]
) -> None:
    found = text_quality([made for made, _ in pairs], [given for _, given in pairs], lang)
    assert 0 <= found.chrf <= 100
    assert 0 <= found.bleu <= 100


def test_chinese_and_japanese_are_cut_into_characters() -> None:
    # All but the last character are right, in one run: whole sentences as words would score 0.
    for lang in ("zh", "ja"):
        assert text_quality(["我们看看它吧好"], ["我们看看它吧啊"], lang).bleu > 50
    assert text_quality(["我们看看它吧好"], ["我们看看它吧啊"], "de").bleu == 0.0
    assert bleu_tokenizer("ko") == "13a"


def test_points_that_stand_alone_are_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    text_quality(["très bon livre !  ."] * 200, ["très bon livre !  ."] * 200, "fr")
    assert not caplog.records


@pytest.mark.parametrize("made", [[], ["a", "b"]])
def test_texts_that_are_not_one_to_one_are_refused(made: list[str]) -> None:
    with pytest.raises(DataError, match="translations"):
        text_quality(made, ["a"] if made else [], "de")
    with pytest.raises(DataError, match="translations"):
        sentence_similarity(made, ["a"] if made else [], Encoder())


def test_similarity_is_the_cosine_to_the_original() -> None:
    encode = Encoder()
    found = sentence_similarity(
        ["gut", "bon", "schlecht", "gut", "nothing"], ["good", "good", "bad", "bad", "good"], encode
    )
    assert found == pytest.approx([1.0, 0.6, -1.0, 0.0, 0.0])
    assert found.dtype == np.float64
    assert sorted(encode.asked) == ["bad", "bon", "good", "gut", "nothing", "schlecht"]


def test_an_empty_translation_is_like_nothing_and_is_not_encoded() -> None:
    encode = Encoder()
    assert sentence_similarity(["", " ?!"], ["good", "bad"], encode).tolist() == [0.0, 0.0]
    assert encode.asked == []


@given(st.lists(st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3), min_size=2))
def test_similarity_is_symmetric_and_bounded(vectors: list[list[float]]) -> None:
    texts = [f"t{number}" for number in range(len(vectors))]
    table = dict(zip(texts, vectors, strict=True))

    def encode(asked):
        return np.array([table[text] for text in asked], dtype=np.float32)

    one = sentence_similarity(texts, texts[::-1], encode)
    other = sentence_similarity(texts[::-1], texts, encode)
    assert np.abs(one).max() <= 1
    assert one == pytest.approx(other)
    itself = sentence_similarity(texts, texts, encode)
    assert all(value == pytest.approx(1) or value == 0 for value in itself)


@pytest.mark.parametrize("shape", [(1, 3), (2,), (3, 3)])
def test_an_encoder_must_make_one_vector_for_each_text(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="one vector for each text"):
        sentence_similarity(["a"], ["b"], lambda texts: np.zeros(shape, dtype=np.float32))


def rows_of(*translations: tuple[str, str, str, str, str | None]) -> pl.DataFrame:
    """Two originals, and rows of origin, translator, original's id, language and text."""
    own = originals(ids=["1", "2"], texts=["good", "bad"], labels=["a", "b"], langs=["en", "en"])
    names = ("origin", "translator", "original_id", "lang", "text")
    made = pl.DataFrame(translations, schema=dict.fromkeys(names, pl.String), orient="row")
    return pl.concat(
        [
            own,
            conform(
                made.with_columns(
                    pl.lit("en").alias("source_lang"),
                    pl.format("{}@{}@{}", "original_id", "lang", "translator").alias("id"),
                )
            ),
        ]
    )


REFERENCES = (
    ("reference", "reference", "1", "de", "gut"),
    ("reference", "reference", "2", "de", "schlecht"),
    ("reference", "reference", "1", "fr", "bon"),
)


def test_translations_are_joined_with_references_and_originals() -> None:
    rows = rows_of(
        ("machine", "mini", "2", "de", "schlecht"),
        ("machine", "mini", "1", "de", "gut"),
        ("machine", "mini", "1", "fr", "gut"),
        ("machine", "mini", "2", "fr", "bad"),
        ("machine", "best", "1", "es", None),
        *REFERENCES,
    )
    encode = Encoder()
    found = quality_by_pair(rows, encode=encode)
    assert found.columns == [
        "translator", "source_lang", "lang", "rows", "unscored", "chrf", "bleu", "similarity",
    ]  # fmt: skip
    assert found.rows() == [
        ("best", "en", "es", 0, 1, None, None, 0.0),
        ("mini", "en", "de", 2, 0, 100.0, 0.0, 0.0),  # similarity: +1 and -1
        ("mini", "en", "fr", 1, 1, 0.0, 0.0, 1.0),
    ]
    assert len(encode.asked) == len(set(encode.asked))
    assert quality_by_pair(rows)["similarity"].to_list() == [None, None, None]
    assert quality_by_pair(rows).drop("similarity").equals(found.drop("similarity"))


def test_each_pair_scores_as_its_two_lists_do() -> None:
    made, given = "das Buch war wirklich gut", "dieses Buch war wirklich gut"
    rows = rows_of(
        ("machine", "mini", "1", "de", made),
        ("reference", "people", "1", "de", given),
    )
    (row,) = quality_by_pair(rows).iter_rows(named=True)
    assert (row["chrf"], row["bleu"]) == text_quality([made], [given], "de")


def test_a_translation_whose_original_is_not_there_has_no_similarity() -> None:
    rows = rows_of(("machine", "mini", "7", "de", "gut"), *REFERENCES)
    assert quality_by_pair(rows, encode=Encoder()).row(0)[3:] == (0, 1, None, None, None)


def test_a_table_without_translations_has_no_qualities() -> None:
    found = quality_by_pair(rows_of(*REFERENCES), encode=Encoder())
    assert found.height == 0
    assert found.schema["chrf"] == pl.Float64


def test_two_references_or_originals_of_one_item_are_refused() -> None:
    with pytest.raises(DataError, match="item '1' has two references in 'de'"):
        quality_by_pair(rows_of(*REFERENCES, ("reference", "other", "1", "de", "prima")))
    twice = rows_of(*REFERENCES)
    with pytest.raises(DataError, match="two originals have the id '1'"):
        quality_by_pair(pl.concat([twice, twice.filter(pl.col("id") == "1")]))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="column 'original_id' is missing"):
        quality_by_pair(rows_of(*REFERENCES).drop("original_id"))
