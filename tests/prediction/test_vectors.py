"""Sentence vectors of a classifier in use."""

from pathlib import Path

import numpy as np
import pytest

from babelift.errors import DataError
from babelift.prediction.predictor import Predictor

TEXTS = ["The coffee was good.", "Schlecht!", "", "A longer one, about a cup that was cold. " * 3]


def test_vectors_have_length_one_and_do_not_depend_on_the_company(model: Path) -> None:
    predictor = Predictor.load(model)
    together = predictor.vectors(TEXTS)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    alone = np.concatenate([predictor.vectors([text]) for text in TEXTS])
    assert together == pytest.approx(alone, abs=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1e-3
    assert predictor.vectors([]).shape == (0, together.shape[1])


def test_looking_at_vectors_changes_no_probability(model: Path) -> None:
    predictor = Predictor.load(model)
    before = predictor.predict_proba(TEXTS)
    predictor.vectors(TEXTS)
    assert (predictor.predict_proba(TEXTS) == before).all()


def test_the_vector_is_the_one_that_the_head_reads(model: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(model)(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(model)(**tokens).last_hidden_state[0]
    first = (states[0] / states[0].norm()).numpy()
    assert Predictor.load(model).vectors(TEXTS[:1])[0] == pytest.approx(first, abs=1e-4)


def test_what_is_no_text_is_refused(model: Path) -> None:
    with pytest.raises(DataError, match="text 2 must be a string"):
        Predictor.load(model).vectors(["a", None])  # type: ignore[list-item]
