"""A predictor gives what transformers' own pipeline gives, whatever the texts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import pipeline

from babelift.errors import DataError, ModelError
from babelift.prediction.model import open_classifier
from babelift.prediction.predictor import Predictor
from tests.support import SENTENCES, tiny_classifier

TEXTS = [text for texts in SENTENCES.values() for text in texts]
ODD = [
    "",
    " ",
    "\x00",
    "Nul\x00 inside",
    "\u202eright to left\u202c \u200fعربي\u200e",
    "🙂👩‍👩‍👧 emoji",
    "word " * 3000,
    "x" * 100_000,
    "\ufeff\u00ad\u200b",
    "é e\u0301 ｆｕｌｌ　ｗｉｄｔｈ",
]


@pytest.fixture(scope="module")
def predictor(model: Path) -> Predictor:
    return Predictor.load(model)


def pipeline_answers(model: Path, texts: list[str]) -> list[dict[str, object]]:
    theirs = pipeline("text-classification", model=str(model), device="cpu")
    answers: list[dict[str, object]] = theirs(texts, truncation=True)
    return answers


def test_labels_and_scores_are_those_of_transformers_pipeline(
    model: Path, predictor: Predictor
) -> None:
    texts = TEXTS + ODD
    answers = pipeline_answers(model, texts)
    assert predictor.predict(texts) == [answer["label"] for answer in answers]
    best = predictor.predict_proba(texts).max(axis=1)
    assert best == pytest.approx([answer["score"] for answer in answers], abs=1e-5)
    assert len(set(predictor.predict(TEXTS))) > 1


@pytest.mark.parametrize("seed", range(4))
def test_level_labels_fall_as_in_transformers_pipeline(seed: int, tmp_path: Path) -> None:
    torch.manual_seed(seed)
    model = tiny_classifier(tmp_path, ["a", "b", "c"])
    weights = load_file(model / "model.safetensors")
    head = weights["classifier.weight"]
    # two labels that differ by less than the rounding of a padded batch, above a third
    head[2] = (
        head[1] + torch.randn(head.shape[1], generator=torch.Generator().manual_seed(0)) * 1e-7
    )
    weights["classifier.bias"] = torch.tensor([-100.0, 0.0, 0.0])
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    theirs = [answer["label"] for answer in pipeline_answers(model, TEXTS)]
    assert Predictor.load(model).predict(TEXTS) == theirs
    assert set(theirs) == {"b", "c"}


def test_exactly_level_labels_give_the_first(tmp_path: Path) -> None:
    model = tiny_classifier(tmp_path, ["a", "b"])
    weights = load_file(model / "model.safetensors")
    weights["classifier.weight"].zero_()
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    predictor = Predictor.load(model)
    assert predictor.predict(["one", "two"]) == ["a", "a"]
    assert predictor.predict_proba(["one"]).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_bfloat16_gives_the_labels_of_float32(scale: float, tmp_path: Path) -> None:
    model = tiny_classifier(tmp_path, ["a", "b", "c"])
    weights = load_file(model / "model.safetensors")
    weights["classifier.weight"] *= scale  # logits, and what rounding does to them, grow together
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    texts = [f"{text} {number}" for text in TEXTS + ODD for number in range(40)]
    exact, fast = (Predictor.load(model, precision=name) for name in ("fp32", "bf16"))
    assert fast.predict(texts) == exact.predict(texts)
    assert len(set(fast.predict(texts))) > 1
    near = fast.predict_proba(texts)
    assert (near != exact.predict_proba(texts)).any(), "nothing was computed in bfloat16"
    if scale == 1:
        assert near == pytest.approx(exact.predict_proba(texts), abs=0.05)


def test_few_texts_are_computed_in_float32_whatever_is_asked_for(
    model: Path, predictor: Predictor
) -> None:
    few = Predictor.load(model, precision="bf16").predict_proba(TEXTS)
    assert few.tolist() == predictor.predict_proba(TEXTS).tolist()


@settings(deadline=None, max_examples=15)
@given(st.lists(st.text(max_size=40), max_size=9), st.integers(1, 5))
def test_a_text_gets_the_same_answer_in_any_company(
    predictor: Predictor, texts: list[str], batch_size: int
) -> None:
    together = predictor.predict_proba(texts, batch_size=batch_size)
    assert together.shape == (len(texts), 3)
    for row, text in enumerate(texts):
        alone = predictor.predict_proba([text])[0]
        assert together[row] == pytest.approx(alone, abs=1e-5)
        assert together[row].argmax() == alone.argmax()
    assert together.sum(axis=1) == pytest.approx(np.ones(len(texts)))


def test_more_texts_than_are_held_at_a_time_keep_their_order(predictor: Predictor) -> None:
    texts = [TEXTS[number % len(TEXTS)] for number in range(300)]
    by_ones = predictor.predict_proba(texts, batch_size=1)
    assert by_ones == pytest.approx(predictor.predict_proba(texts), abs=1e-5)


def test_half_a_surrogate_pair_is_read_as_an_unknown_character(predictor: Predictor) -> None:
    lone, replaced = predictor.predict_proba(["bad \ud83d end", "bad \ufffd end"])
    # Two rows of one batch may be summed in another order: float32, so 1e-6.
    assert lone.tolist() == pytest.approx(replaced.tolist(), rel=1e-6, abs=1e-6)


def test_texts_are_padded_on_the_side_that_the_tokenizer_says(model: Path) -> None:
    opened = open_classifier(model)
    opened.tokenizer.padding_side = "left"
    predictor = Predictor(opened)
    masks = []
    network = opened.model.forward

    def spy(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> object:
        masks.append(attention_mask.tolist())
        return network(input_ids=input_ids, attention_mask=attention_mask)

    opened.model.forward = spy
    predictor.predict_proba(["", "one two"])
    longest, shortest = masks[0]
    words = len(opened.tokenizer("one two")["input_ids"])
    assert longest == [0] * (-words % 8) + [1] * words
    assert shortest == [0] * (len(longest) - 2) + [1, 1]


def test_what_is_not_a_string_is_named(predictor: Predictor) -> None:
    with pytest.raises(DataError, match=r"text 2 must be a string\. Got None"):
        predictor.predict_proba(["good", None])  # type: ignore[list-item]


def test_weights_that_are_not_numbers_are_an_error_not_a_label(tmp_path: Path) -> None:
    model = tiny_classifier(tmp_path, ["a", "b"])
    weights = load_file(model / "model.safetensors")
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not finite"):
        Predictor.load(model).predict(["text"])


def test_a_saved_predictor_opens_again_with_the_same_answers(
    predictor: Predictor, tmp_path: Path
) -> None:
    predictor.save(tmp_path / "again")
    again = Predictor.load(tmp_path / "again")
    assert again.labels == predictor.labels
    assert np.array_equal(again.predict_proba(TEXTS), predictor.predict_proba(TEXTS))


def test_progress_reaches_the_number_of_texts(predictor: Predictor) -> None:
    from contextlib import contextmanager

    seen: list[float] = []

    class Counting:
        def advance(self, amount: float = 1) -> None:
            seen.append(amount)

        def describe(self, text: str) -> None: ...

        @contextmanager
        def task(self, description: str, total: int | None, unit: str = "rows"):  # type: ignore[no-untyped-def]
            assert total == len(TEXTS)
            yield self

        def say(self, message: str) -> None: ...

    predictor.predict_proba(TEXTS, batch_size=7, progress=Counting())
    assert sum(seen) == len(TEXTS)
