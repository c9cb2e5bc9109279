"""Alignment before and after training, and its projection on the page."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.errors import RunError
from babelift.evaluation.alignment import alignment, linear_cka, paired, uniformity
from babelift.report.figures import first_components


def frame(**columns: object) -> pl.DataFrame:
    values = {
        "original_id": ["a", "b"],
        "source_lang": ["en", "en"],
        "lang": ["de", "de"],
        "label": ["x", None],
        "stage": ["before", "before"],
        "original": [[1.0, 0.0], [0.0, 1.0]],
        "translation": [[0.6, 0.8], [0.0, 1.0]],
    }
    return pl.DataFrame(values | columns)


def test_alignment_equals_a_case_worked_by_hand() -> None:
    originals = np.array([[1.0, 0], [0, 1]])
    translations = np.array([[0.6, 0.8], [0, 1]])
    found = alignment(originals, translations)
    assert found.cosine == pytest.approx((0.6 + 1) / 2)
    assert found.retrieval == pytest.approx(0.5)
    assert (found.chance, found.pairs) == (0.5, 2)


def test_vectors_of_any_length_are_compared_by_angle() -> None:
    originals = np.array([[3.0, 0], [0, 0.1]])
    assert alignment(originals, 7 * originals).retrieval == 1.0


def test_a_zero_vector_does_not_break_alignment() -> None:
    assert alignment(np.zeros((2, 3)), np.eye(2, 3)).cosine == 0.0


@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_retrieval_and_cosine_stay_in_their_bounds(pairs: int, dim: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    found = alignment(generator.normal(size=(pairs, dim)), generator.normal(size=(pairs, dim)))
    assert 0 <= found.retrieval <= 1
    assert -1 <= found.cosine <= 1


@given(st.integers(2, 20), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_plane_keeps_the_greatest_spread_and_is_centred(n: int, dim: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, dim)) + 5
    flat = first_components(vectors)
    assert flat.shape == (n, 2)
    assert flat.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    spread = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    assert (flat[:, 0] ** 2).sum() == pytest.approx(spread[0] ** 2)


def test_pairs_are_read_by_language_and_stage() -> None:
    both = pl.concat([frame(), frame(stage=["after", "after"]), frame(lang=["ja", "ja"])])
    found = paired(both)
    assert [(pairs.lang, pairs.stage) for pairs in found] == [
        ("de", "after"), ("de", "before"), ("ja", "before"),
    ]  # fmt: skip
    assert found[0].originals.shape == (2, 2)
    assert found[0].labels == ("x", "None")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (frame().drop("stage"), "column 'stage' is missing"),
        (frame(original=[[1.0, 0.0], [1.0]]), "'original' must hold lists"),
        (frame(original=[[1.0, 0.0], None]), "'original' must hold lists"),
        (frame(original=[1.0, 2.0]), "'original' must hold lists"),
        (frame(original=[[], []]), "'original' must hold lists"),
        (frame(translation=[[1.0], [0.0]]), "differ in length"),
        (frame(translation=[[1.0, 0.0], [float("nan"), 0.0]]), "not finite"),
    ],
)
def test_damaged_vectors_are_named(bad: pl.DataFrame, said: str) -> None:
    with pytest.raises(RunError, match=r"data/vectors\.parquet: .*" + said):
        paired(bad)


def test_uniformity_equals_a_case_worked_by_hand() -> None:
    right_angle = np.array([[1.0, 0], [0, 5]])
    assert uniformity(right_angle) == pytest.approx(-4)  # |u - v|² is 2


def test_spread_vectors_are_more_uniform_than_crowded_ones() -> None:
    random = np.random.default_rng(0)
    spread = random.normal(size=(50, 8))
    assert uniformity(spread) < uniformity(spread + 3) < 0


def test_two_languages_that_lie_alike_but_elsewhere_have_a_kernel_alignment_of_one() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(20, 4))
    turn, _ = np.linalg.qr(random.normal(size=(4, 4)))
    assert linear_cka(points, 2 * points @ turn + 7) == pytest.approx(1)
    assert linear_cka(points, random.normal(size=(20, 4))) < 0.6
    assert linear_cka(points, np.ones((20, 4))) == 0
