"""What a head reads is found by trying; what a sentence encoder reads is what its folder says."""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from babelift.config import FitConfig, Training
from babelift.errors import BabeliftWarning, ConfigError, ModelError
from babelift.training.encoder import load_encoder
from babelift.training.pooling import chosen_pooling, find_pooling, sentence_pooling
from babelift.training.trainer import train_classifier
from tests.support import tiny_distilbert, tiny_mini
from tests.support.encoders import tiny_e5, tiny_mmbert, tiny_xlm_roberta, write_pooling


def opened(folder: Path) -> Any:
    return load_encoder(str(folder), ["bad", "so-so", "good"], seed=0)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


class Head(torch.nn.Module):
    """A classifier of which only the head is real: token vectors are those of an embedding."""

    def __init__(self, read: Any, width: int = 2) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(2000, 4)
        self.out = torch.nn.Linear(4, width)
        self.read = read

    def forward(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
        hidden = self.words(input_ids)
        logits = self.out(self.read(hidden, attention_mask.unsqueeze(-1)))
        return SimpleNamespace(logits=logits, hidden_states=(hidden,))


HEADS: dict[str, tuple[Any, str | None]] = {
    "first": (lambda h, m: h[:, 0], "cls"),
    "first, bent": (lambda h, m: torch.tanh(h[:, 0]) ** 3, "cls"),
    "mean": (lambda h, m: (h * m).sum(1) / m.sum(1), "mean"),
    "mean, bent": (lambda h, m: torch.tanh((h * m).sum(1) / m.sum(1)), "mean"),
    "mean of padding too": (lambda h, m: h.mean(1), None),
    "last": (lambda h, m: h[range(len(h)), m.squeeze(-1).sum(1) - 1], None),
    "largest": (lambda h, m: h.masked_fill(m == 0, -9).amax(1), None),
    "first and mean": (lambda h, m: h[:, 0] + (h * m).sum(1) / m.sum(1), None),
    "second": (lambda h, m: h[:, 1], None),
    "nothing": (lambda h, m: 0 * h[:, 0], None),
}


@pytest.mark.parametrize("name", HEADS)
def test_what_a_head_reads_is_seen_from_how_its_logits_move(name: str, tiny_encoder: Path) -> None:
    read, expected = HEADS[name]
    tokenizer = opened(tiny_encoder).tokenizer
    torch.manual_seed(0)
    assert find_pooling(Head(read), tokenizer) == expected
    assert find_pooling(Head(read, width=7), tokenizer) == expected


def test_looking_changes_neither_weights_nor_random_numbers(tiny_encoder: Path) -> None:
    encoder = opened(tiny_encoder)
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with torch.inference_mode(False):
        assert find_pooling(encoder.model, encoder.tokenizer) == "cls"
    assert torch.equal(torch.rand(1), expected)
    assert all(
        torch.equal(value, before[name]) for name, value in encoder.model.state_dict().items()
    )
    assert all(weight.grad is None for weight in encoder.model.parameters())


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_modernbert_reads_what_its_settings_say(tmp_path: Path, pooling: str) -> None:
    change(tiny_mmbert(tmp_path) / "config.json", classifier_pooling=pooling)
    assert opened(tmp_path).pooling == pooling


@pytest.mark.parametrize("family", ["gpt2", "xlnet"])
def test_a_head_that_reads_the_last_token_is_none_that_otc_can_follow(
    family: str, tiny_encoder: Path
) -> None:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    tokenizer = opened(tiny_encoder).tokenizer
    size = {"gpt2": {"n_embd": 16, "n_layer": 1, "n_head": 2},
            "xlnet": {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16}}  # fmt: skip
    config = AutoConfig.for_model(
        family, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **size[family]
    )
    model = AutoModelForSequenceClassification.from_config(config).train(False)
    assert find_pooling(model, tokenizer) is None


def test_auto_follows_the_head_and_is_refused_where_there_is_nothing_to_follow() -> None:
    assert Training().pooling == "auto"
    assert chosen_pooling("auto", "cls", otc=True) == ("cls", None)
    assert chosen_pooling("auto", None, otc=False) == ("cls", None)
    with pytest.raises(ConfigError, match=r"reads neither the first token(.|\n)*--no-otc"):
        chosen_pooling("auto", None, otc=True)


@pytest.mark.parametrize("found", ["cls", "mean", None])
@pytest.mark.parametrize("said", ["cls", "mean"])
def test_what_the_user_says_wins_and_is_commented_on_where_the_head_reads_another(
    said: Any, found: Any
) -> None:
    pooling, note = chosen_pooling(said, found, otc=True)
    assert pooling == said
    assert bool(note) == (said != found)
    assert chosen_pooling(said, found, otc=False) == (said, None)
    if note:
        assert f"'pooling: {said}'" in note
        assert ("pooling: auto" in note) == (found is not None)


def test_a_training_says_so_and_does_as_it_was_told(tmp_path: Path, rows_of: Any) -> None:
    tiny_mmbert(tmp_path / "encoder")
    said: list[str] = []
    results = {}
    for pooling in ("auto", "cls", "mean"):
        settings = Training(encoder=str(tmp_path / "encoder"), steps=2, batch_size=8,
                            max_length=64, pooling=pooling, precision="fp32")  # fmt: skip
        result = train_classifier(rows_of(8), None, settings, labels=["bad", "good"],
                                  run_dir=tmp_path / pooling, say=said.append)  # fmt: skip
        results[pooling] = result.pooling
    assert results == {"auto": "mean", "cls": "cls", "mean": "mean"}
    assert len(said) == 1
    assert "OTC compares the first token's vector, as 'pooling: cls' says" in said[0]
    weights = [(tmp_path / p / "model" / "model.safetensors").read_bytes() for p in results]
    assert weights[0] == weights[2] != weights[1]


def test_older_settings_and_results_say_what_they_said() -> None:
    from babelift.training.log import TrainResult

    config = FitConfig.from_mapping({"pooling": "cls", "encoder": "distilbert-multilingual"})
    assert (config.pooling, config.encoder) == ("cls", "distilbert-multilingual")
    fields = dict.fromkeys(TrainResult.__dataclass_fields__, 0)
    old = {name: value for name, value in fields.items() if name not in ("pooling", "cuts")}
    assert TrainResult.of(old).pooling is None


MODES = {
    '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}': "cls",
    '{"pooling_mode_mean_tokens": true}': "mean",
    '{"pooling_mode_mean_sqrt_len_tokens": true}': "mean",
    '{"pooling_mode": "mean"}': "mean",
    '{"pooling_mode": "lasttoken"}': "lasttoken",
    '{"pooling_mode_lasttoken": true, "include_prompt": true}': "lasttoken",
    '{"pooling_mode_max_tokens": true}': "max_tokens",
    '{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}': "cls and mean",
    '{"pooling_mode": ["cls", "mean"]}': "cls and mean",
}


@pytest.mark.parametrize("content", MODES)
def test_a_folder_says_how_its_vector_is_made(tmp_path: Path, content: str) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(content)
    assert sentence_pooling(tmp_path) == MODES[content]


@pytest.mark.parametrize("content", ["[]", "{", "[" * 100_000, '"mean"', '{"a": NaN}'])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, content: str) -> None:
    tiny_e5(tmp_path)
    (tmp_path / "1_Pooling" / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"1_Pooling/config.json"):
        opened(tmp_path)


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, linked: str) -> None:
    folder, outside = tiny_e5(tmp_path / "model"), tmp_path / "outside"
    (folder / "1_Pooling").rename(outside)
    if linked == "folder":
        (folder / "1_Pooling").symlink_to(outside)
    else:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").symlink_to(outside / "config.json")
    with pytest.raises(ModelError, match=r"1_Pooling/config.json is a link that leads out"):
        opened(folder)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("mode", ["mean_tokens", "cls_token"])
def test_only_a_mean_takes_one_more_layer(tmp_path: Path, family: str, mode: str) -> None:
    tiny_e5(tmp_path, family, **{f"pooling_mode_{mode}": True})
    encoder = opened(tmp_path)
    assert encoder.pooling == "cls"
    assert encoder.model.config.num_hidden_layers == 2 + (mode == "mean_tokens")


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_padding_is_no_part_of_the_mean(tmp_path: Path, family: str) -> None:
    encoder = opened(tiny_e5(tmp_path, family))
    alone = encoder.tokenizer(["short"], return_tensors="pt")
    padded = encoder.tokenizer(["short", "a b c d e f g h i j"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        one, two = encoder.model(**alone).logits, encoder.model(**padded).logits[:1]
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_a_head_that_was_trained_before_keeps_what_it_reads(tmp_path: Path, family: str) -> None:
    encoder = opened(tiny_e5(tmp_path / "first", family))
    encoder.model.save_pretrained(tmp_path / "tuned")
    encoder.tokenizer.save_pretrained(tmp_path / "tuned")
    write_pooling(tmp_path / "tuned", pooling_mode_mean_tokens=True)
    again = opened(tmp_path / "tuned")
    assert again.model.config.num_hidden_layers == 3
    ours, theirs = again.model.state_dict(), encoder.model.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_modernbert_takes_a_sentence_encoders_pooling_as_its_setting(tmp_path: Path) -> None:
    tiny_mmbert(tmp_path)
    write_pooling(tmp_path, pooling_mode_cls_token=True)
    encoder = opened(tmp_path)
    assert (encoder.pooling, encoder.model.config.classifier_pooling) == ("cls", "cls")
    assert encoder.model.config.num_hidden_layers == 2


@pytest.mark.parametrize(
    ("make", "mode", "said"),
    [
        (tiny_distilbert, "mean_tokens", r"\(mean\) that a DistilBertForSeq"),
        (tiny_xlm_roberta, "max_tokens", r"\(max_tokens\) that a XLMRoberta"),
        (tiny_mini, "lasttoken", r"\(lasttoken\) that a BertForSeq"),
        (tiny_mmbert, "weightedmean_tokens", r"\(weightedmean_tokens\) that a ModernBert"),
    ],
)
def test_a_vector_that_no_head_can_start_from_is_said(
    tmp_path: Path, make: Any, mode: str, said: str
) -> None:
    write_pooling(make(tmp_path), **{f"pooling_mode_{mode}": True})
    with pytest.warns(BabeliftWarning, match=said):
        opened(tmp_path)


def test_a_plain_encoder_is_opened_without_a_word(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", BabeliftWarning)
        assert opened(tiny_xlm_roberta(tmp_path)).pooling == "cls"


def test_what_has_no_such_layer_is_not_taken_for_one_that_has() -> None:
    from babelift.training.pooling import takes_mean_layer

    assert not takes_mean_layer(SimpleNamespace(base_model=SimpleNamespace()))
