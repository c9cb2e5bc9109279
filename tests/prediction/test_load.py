"""Finding and opening a classifier: only what is one, with a clear word about all else."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from babelift.errors import ModelError
from babelift.prediction.model import find_model, open_classifier
from tests.support import tiny_distilbert


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    """A model that a test may damage."""
    return Path(shutil.copytree(model, tmp_path / "copy"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_run_folder_stands_for_its_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model").symlink_to(model)
    assert find_model(tmp_path / "run") == tmp_path / "run" / "model"
    assert find_model(str(model)) == model


def test_an_open_classifier_knows_its_labels_and_its_longest_text(model: Path) -> None:
    opened = open_classifier(model)
    assert opened.labels == ["negative", "neutral", "positive"]
    assert opened.max_length == 512
    assert not opened.model.training


def test_a_run_without_a_model_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ModelError, match=r"has no model yet[\s\S]*Repeat its 'babelift fit'"):
        find_model(tmp_path)


def test_a_folder_above_a_model_names_the_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "model").symlink_to(model)
    with pytest.raises(ModelError, match=r"holds no model.*did you mean '.*/reviews'"):
        find_model(tmp_path)


def test_a_misspelt_folder_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    with pytest.raises(ModelError, match="does not exist; did you mean 'reviews'"):
        find_model(str(tmp_path / "reveiws"))


def test_a_file_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="is a file, not a model"):
        find_model(tmp_path / "model.safetensors")


def test_pickled_weights_are_not_opened(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors only"):
        open_classifier(copy)


def test_code_that_comes_with_a_model_is_not_run(copy: Path) -> None:
    (copy / "own.py").write_text(f"open({str(copy / 'ran')!r}, 'w')\nclass A: pass\n")
    change(
        copy / "config.json",
        model_type="own",
        auto_map={"AutoConfig": "own.A", "AutoModelForSequenceClassification": "own.A"},
    )
    with pytest.raises(ModelError, match="cannot be opened"):
        open_classifier(copy)
    assert not (copy / "ran").exists()


def test_an_encoder_that_was_never_trained_to_classify_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"lacks weights: .*classifier[\s\S]*has no head"):
        open_classifier(tiny_distilbert(tmp_path / "encoder"))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_damaged_files_are_an_error_that_names_the_model(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"{not json")
    with pytest.raises(ModelError, match="copy"):
        open_classifier(copy)


def test_a_truncated_weight_file_is_an_error(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be opened"):
        open_classifier(copy)


def test_a_regression_is_not_a_classifier(copy: Path) -> None:
    change(copy / "config.json", problem_type="regression")
    with pytest.raises(ModelError, match="one of several labels"):
        open_classifier(copy)


def test_two_outputs_of_one_name_are_refused(copy: Path) -> None:
    change(copy / "config.json", id2label={"0": "a", "1": "a", "2": "b"})
    with pytest.raises(ModelError, match="two outputs of one name"):
        open_classifier(copy)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(copy: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_tokens([f"new{number}" for number in range(9)])
    tokenizer.save_pretrained(copy)
    with pytest.raises(ModelError, match="does not fit its tokenizer"):
        open_classifier(copy)


def test_roberta_keeps_its_first_positions_to_itself(model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaForSequenceClassification

    config = XLMRobertaConfig(
        vocab_size=800, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=34, type_vocab_size=1, num_labels=2,
        pad_token_id=1,
    )  # fmt: skip
    XLMRobertaForSequenceClassification(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(model).save_pretrained(tmp_path)
    assert open_classifier(tmp_path).max_length == 32


def test_opening_leaves_transformers_settings_as_they_were(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    open_classifier(model)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
