from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from babelift.training import trainer
from babelift.training.data import TokenCache, weights_digest
from babelift.training.encoder import load_encoder
from babelift.training.vocabulary import TrainedRows, narrow, widen

WORDS = "distilbert.embeddings.word_embeddings.weight"


@pytest.fixture
def embedding() -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(6, 3, padding_idx=0)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def used(rows: pl.DataFrame, encoder: Path) -> np.ndarray:
    tokenizer = load_encoder(str(encoder), ["a", "b"], seed=0).tokenizer
    return TokenCache(tokenizer, rows["text"].to_list(), 32).used


def test_the_weights_are_those_of_training_all_rows_and_unused_rows_stay(
    tmp_path, steady, rows_of, quick, labels, monkeypatch
):
    rows = rows_of(24, to=("de",))
    settings = quick(encoder=str(steady), weight_decay=0.1, clip=0.1)
    validation = rows_of(6, first=40)
    arguments = (rows, validation, settings)
    trainer.train_classifier(*arguments, labels=labels, run_dir=tmp_path / "few")
    monkeypatch.setattr(trainer, "narrow", lambda model, tokens: None)
    trainer.train_classifier(*arguments, labels=labels, run_dir=tmp_path / "all")
    few, all_ = weights(tmp_path / "few"), weights(tmp_path / "all")
    tokens = used(rows, steady)
    others = np.setdiff1d(np.arange(len(few[WORDS])), tokens)
    assert 0 < len(others) < len(few[WORDS])
    for name, value in few.items():
        if name == WORDS:
            torch.testing.assert_close(value[tokens], all_[WORDS][tokens], rtol=1e-4, atol=1e-5)
        elif not name.endswith("k_lin.bias"):
            # Attention does not depend on that: its gradient is rounding, which Adam scales.
            torch.testing.assert_close(value, all_[name], rtol=1e-4, atol=1e-5)
    start = load_file(steady / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert torch.equal(few[WORDS][others], start[others])
    assert not torch.equal(all_[WORDS][others], start[others])  # AdamW had shrunk them


def test_the_saved_model_has_all_tokens_and_the_start_is_told_of_the_whole(
    tmp_path, tiny_encoder, rows_of, quick, labels
):
    result = trainer.train_classifier(rows_of(12), None, quick(), labels=labels, run_dir=tmp_path)
    start = load_encoder(str(tiny_encoder), labels, seed=0).model
    assert result.initial_weights == weights_digest(start)
    assert result.parameters == sum(weight.numel() for weight in start.parameters())
    saved = weights(tmp_path)
    assert {name: value.shape for name, value in saved.items()} == {
        name: value.shape for name, value in start.state_dict().items()
    }


def test_checkpoints_hold_the_trained_rows_alone(tmp_path, steady, rows_of, quick, labels):
    from babelift.training.checkpoint import Checkpoints

    rows = rows_of(12, to=("de",))
    kept = {}

    def note(self, state, tensors):
        kept.update({name: tuple(value.shape) for name, value in tensors.items()})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", note)
        settings = quick(encoder=str(steady), checkpoint_every=1)
        trainer.train_classifier(rows, None, settings, labels=labels, run_dir=tmp_path / "run")
    assert kept[f"model.{WORDS}"] == (len(used(rows, steady)), 32)


def test_lookups_are_those_of_the_whole_embedding(embedding):
    ids = torch.tensor([[0, 2, 5], [3, 4, 1]])
    part = TrainedRows(embedding, torch.tensor([0, 2, 5])).eval()
    assert torch.equal(part(ids), embedding(ids))
    with torch.no_grad():
        part.weight[1] += 1
    whole = part.whole()
    assert torch.equal(whole(ids), part(ids))
    assert type(whole) is nn.Embedding
    assert whole.padding_idx == 0


def test_padding_gets_no_gradient_and_the_rest_what_it_got(embedding):
    ids = torch.tensor([[2, 5, 0, 0], [5, 5, 2, 0]])
    part = TrainedRows(embedding, torch.tensor([0, 2, 5])).train()
    for module in (embedding, part):
        module(ids).square().sum().backward()
    assert torch.equal(part.weight.grad, embedding.weight.grad[[0, 2, 5]])
    assert not part.weight.grad[0].any()


def test_an_unknown_token_in_training_is_an_error_not_another_token(embedding):
    part = TrainedRows(embedding, torch.tensor([0, 2])).train()
    with pytest.raises(IndexError):
        part(torch.tensor([[3]]))


@pytest.mark.parametrize("kind", ["tied", "subclass", "frozen", "rescaled", "none"])
def test_other_embeddings_are_left_alone(tiny_encoder, kind):
    model = load_encoder(str(tiny_encoder), ["a", "b"], seed=0).model
    words = model.get_input_embeddings()
    if kind == "tied":
        model.classifier.again = words.weight
    elif kind == "subclass":
        model.set_input_embeddings(type("Scaled", (nn.Embedding,), {})(9, 32))
    elif kind == "frozen":
        words.weight.requires_grad_(False)
    elif kind == "rescaled":
        words.max_norm = 1.0
    else:
        model.get_input_embeddings = lambda: None
    before = dict(model.named_modules())
    narrow(model, np.array([0, 2]))
    assert dict(model.named_modules()) == before
    widen(model)
    assert dict(model.named_modules()) == before


@pytest.mark.parametrize("family", ["roberta", "xlm-roberta", "bert", "electra", "deberta-v2"])
def test_other_families_give_the_same_with_few_rows(family):
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(0)
    config = AutoConfig.for_model(
        family, vocab_size=50, hidden_size=16, embedding_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=16, max_position_embeddings=20, pad_token_id=1,
    )  # fmt: skip
    model = AutoModelForSequenceClassification.from_config(config).eval()
    ids = torch.tensor([[0, 7, 9, 2], [0, 30, 2, 1]])
    inputs = {"input_ids": ids, "attention_mask": (ids != 1).long()}
    before = model(**inputs).logits
    narrow(model, np.array([0, 1, 2, 7, 9]))
    assert isinstance(model.get_input_embeddings(), TrainedRows)
    assert torch.equal(model(**inputs).logits, before)
    widen(model)
    assert type(model.get_input_embeddings()) is nn.Embedding
    assert torch.equal(model(**inputs).logits, before)
