"""The head of `mini` reads the mean of its last layer, through stock BERT."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from babelift.errors import ModelError
from babelift.training.encoder import ENCODERS, Encoder, load_encoder

TEXTS = ["United Nations", "Die Vereinten Nationen tagen heute in New York .", "国際連合"]


@pytest.fixture
def mini(stand_ins: Path) -> Encoder:
    encoder = load_encoder("mini", ["bad", "so-so", "good"], seed=0)
    encoder.model.train(False)
    return encoder


def hidden_and_mean(
    encoder: Encoder,
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor, torch.Tensor]:
    """All layers, the masked mean of the last but one, and the logits."""
    inputs = encoder.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        output = encoder.model(**inputs, output_hidden_states=True)
    mask = inputs["attention_mask"].unsqueeze(-1)
    mean = (output.hidden_states[-2] * mask).sum(dim=1) / mask.sum(dim=1)
    return output.hidden_states, mean, output.logits


def test_the_first_token_starts_as_the_normalised_mean_over_the_real_tokens(mini: Encoder) -> None:
    hidden, mean, _ = hidden_and_mean(mini)
    expected = torch.nn.functional.layer_norm(mean, mean.shape[-1:])
    assert torch.cosine_similarity(hidden[-1][:, 0], expected).min() > 0.99
    assert torch.cosine_similarity(hidden[-1][:, 1], expected).min() > 0.99


def test_the_head_starts_as_a_nearly_straight_line_of_it(mini: Encoder) -> None:
    hidden, _, logits = hidden_and_mean(mini)
    first, head = hidden[-1][:, 0], mini.model.classifier
    assert torch.allclose(logits, head(torch.tanh(0.5 * first)), atol=1e-5)


def test_the_encoders_own_layers_are_those_of_its_folder_in_full_precision(
    mini: Encoder, stand_ins: Path
) -> None:
    stored = load_file(stand_ins / "encoder" / "model.safetensors")
    ours = mini.model.base_model.state_dict()
    assert {value.dtype for value in stored.values()} == {torch.bfloat16}
    assert {value.dtype for value in ours.values() if value.is_floating_point()} == {torch.float32}
    for name, value in stored.items():
        assert torch.equal(ours[name], value.float()), name
    assert mini.model.config.num_hidden_layers == 3


def test_every_part_of_the_new_layer_learns(mini: Encoder) -> None:
    inputs = mini.tokenizer(TEXTS, padding=True, return_tensors="pt")
    optimizer = torch.optim.SGD(mini.model.parameters(), lr=0.1)
    layer = mini.model.base_model.encoder.layer[-1]
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    for _ in range(3):
        mini.model(**inputs, labels=torch.tensor([0, 1, 2])).loss.backward()
        optimizer.step()
    for name, value in layer.state_dict().items():
        if not name.endswith("key.bias"):  # adds the same to all scores of a token: no effect
            assert not torch.equal(value, before[name]), name


def test_new_weights_come_from_the_seed_alone(stand_ins: Path) -> None:
    first, again, other = (
        load_encoder("mini", ["a", "b"], seed=seed).model.state_dict() for seed in (1, 1, 2)
    )
    drawn = (
        "classifier.weight",
        "layer.2.attention.self.key.weight",
        "2.intermediate.dense.weight",
    )
    for name, value in first.items():
        assert torch.equal(value, again[name])
        assert torch.equal(value, other[name]) == (not name.endswith(drawn)), name


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_saved_is_plain_bert(mini: Encoder, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, pipeline

    folder = tmp_path / "saved"
    mini.model.save_pretrained(folder)
    mini.tokenizer.save_pretrained(folder)
    opened = AutoModelForSequenceClassification.from_pretrained(folder)
    assert type(opened).__name__ == "BertForSequenceClassification"
    _, _, logits = hidden_and_mean(mini)
    answers = pipeline("text-classification", model=str(folder))(TEXTS)
    assert [answer["label"] for answer in answers] == [
        ["bad", "so-so", "good"][number] for number in logits.argmax(dim=1).tolist()
    ]
    again = load_encoder(str(folder), ["x", "y"], seed=0).model
    assert again.config.num_hidden_layers == 3


def test_it_says_how_fast_to_train_it(mini: Encoder) -> None:
    entry = ENCODERS["mini"]
    assert (mini.name, mini.license) == ("mini", entry.license)
    assert mini.learning_rate == entry.learning_rate
    assert mini.tokenizer.model_max_length == 128


def test_a_missing_or_damaged_folder_is_one_clear_error(stand_ins: Path) -> None:
    weights = stand_ins / "encoder" / "model.safetensors"
    stored = weights.read_bytes()
    weights.write_bytes(stored[:100])
    with pytest.raises(ModelError, match="cannot be opened"):
        load_encoder("mini", ["a", "b"], seed=0)
    weights.unlink()
    with pytest.raises(ModelError, match=r"lacks model\.safetensors"):
        load_encoder("mini", ["a", "b"], seed=0)
    (stand_ins / "encoder").rename(stand_ins / "elsewhere")
    with pytest.raises(ModelError, match="encoder is missing from this installation"):
        load_encoder("mini", ["a", "b"], seed=0)
