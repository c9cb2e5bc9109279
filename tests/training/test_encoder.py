import json
import shutil

import pytest
import torch

from babelift.errors import DataError, ModelError
from babelift.training.encoder import (
    ENCODERS,
    LEAST_UPDATES,
    default_epochs,
    describe,
    load_encoder,
)
from babelift.training.scratch import DIM, build, train_tokenizer, word_vectors


def test_an_unknown_name_is_refused_with_the_nearest_match():
    with pytest.raises(ModelError, match="did you mean 'distilbert-multilingual'"):
        load_encoder("distilbert-multilingua", ["a", "b"], seed=0)


def test_a_folder_becomes_a_classifier_for_the_labels(tiny_encoder):
    encoder = load_encoder(str(tiny_encoder), ["bad", "so-so", "good"], seed=0)
    assert encoder.model.config.id2label == {0: "bad", 1: "so-so", 2: "good"}
    assert encoder.model.config.label2id == {"bad": 0, "so-so": 1, "good": 2}
    assert encoder.tokenizer.model_max_length == 64  # its positions, not the tokenizer's 512
    assert (encoder.learning_rate, encoder.license) == (2e-5, None)


@pytest.mark.parametrize("per_epoch", [1, 2, 13, 26, 27, 10_000])
def test_small_tables_are_read_more_often_and_large_ones_as_often_as_the_encoder_needs(per_epoch):
    epochs = default_epochs(["mini", "no-such/encoder"], per_epoch)
    assert epochs * per_epoch >= LEAST_UPDATES
    assert epochs == 3 or (epochs - 1) * per_epoch < LEAST_UPDATES
    assert default_epochs(["mini", "scratch"], per_epoch) >= 12


def test_the_encoder_keeps_its_weights_and_the_head_comes_from_the_seed(tiny_encoder):
    first, again, other = (
        load_encoder(str(tiny_encoder), ["a", "b"], seed=seed).model.state_dict()
        for seed in (1, 1, 2)
    )
    for name, value in first.items():
        assert torch.equal(value, again[name])
        assert torch.equal(value, other[name]) == (not name.endswith("classifier.weight"))


def test_loading_leaves_the_callers_random_numbers_alone(tiny_encoder):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_encoder(str(tiny_encoder), ["a", "b"], seed=1)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("family", "positions", "longest"), [("roberta", 42, 40), ("bert", 40, 40), ("electra", 40, 40)]
)
def test_other_families_open_too_and_know_their_longest_text(
    tmp_path, tiny_encoder, family, positions, longest
):
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=16,
        embedding_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=positions,
        pad_token_id=1 if family == "roberta" else 0,
    )
    AutoModel.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path), ["a", "b"], seed=0)
    assert encoder.tokenizer.model_max_length == longest
    ids = torch.full((1, longest), 7)
    assert encoder.model(input_ids=ids).logits.shape == (1, 2)


def test_a_folder_without_safetensors_is_refused(tmp_path, tiny_encoder):
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_encoder, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load_encoder(str(folder), ["a", "b"], seed=0)


def test_a_folder_whose_weights_lack_a_part_is_refused(tmp_path, tiny_encoder):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "part"
    shutil.copytree(tiny_encoder, folder)
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in weights if "q_lin.weight" in name)
    save_file(
        {name: value for name, value in weights.items() if name != lost},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ModelError, match=r"lacks 1 of its weights.*q_lin\.weight"):
        load_encoder(str(folder), ["a", "b"], seed=0)


def test_damaged_files_are_one_clear_error(tmp_path, tiny_encoder):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_encoder, folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be opened"):
        load_encoder(str(folder), ["a", "b"], seed=0)


def test_code_inside_a_model_folder_is_never_run(tmp_path, tiny_encoder):
    folder = tmp_path / "code"
    shutil.copytree(tiny_encoder, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "code.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="cannot be opened"):
        load_encoder(str(folder), ["a", "b"], seed=0)
    assert not (tmp_path / "ran").exists()


def test_a_fine_tuned_classifier_gets_a_head_for_the_new_labels(tmp_path, tiny_encoder):
    encoder = load_encoder(str(tiny_encoder), ["a", "b", "c"], seed=0)
    encoder.model.save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    again = load_encoder(str(tmp_path), ["x", "y"], seed=0)
    assert again.model.config.num_labels == 2
    assert again.model.classifier.out_features == 2


def test_a_license_is_read_from_the_folders_card(tmp_path, tiny_encoder):
    folder = tmp_path / "card"
    shutil.copytree(tiny_encoder, folder)
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: cc-by-nc-4.0\n---\n# A model\n")
    assert load_encoder(str(folder), ["a", "b"], seed=0).license == "cc-by-nc-4.0"


def test_every_named_encoder_is_described():
    entries = describe()
    assert [entry["name"] for entry in entries] == list(ENCODERS)
    assert all(entry["kind"] == "encoder" and entry["description"] for entry in entries)


def test_scratch_is_the_same_each_time_and_another_for_another_seed(rows_of):
    rows = rows_of(20)
    texts, documents = rows["text"].to_list(), list(range(20)) * 3
    first, again, other = (
        build(texts, documents, labels=["a", "b"], seed=seed) for seed in (0, 0, 1)
    )
    assert first[1].backend_tokenizer.to_str() == again[1].backend_tokenizer.to_str()
    name = "distilbert.embeddings.word_embeddings.weight"
    weights = [model.state_dict() for model, _ in (first, again, other)]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())
    assert not torch.equal(weights[0][name], weights[2][name])


def test_scratch_finds_the_tokenizer_it_kept(tmp_path, rows_of):
    rows = rows_of(10)
    texts, documents = rows["text"].to_list(), list(range(10)) * 3
    folder = tmp_path / "tokenizer"
    _, made = build(texts, documents, labels=["a", "b"], seed=0, tokenizer_folder=folder)
    _, found = build(texts, documents, labels=["a", "b"], seed=0, tokenizer_folder=folder)
    assert made.get_vocab() == found.get_vocab()
    assert found(texts)["input_ids"] == made(texts)["input_ids"]


def test_a_resumed_scratch_writes_the_tokenizer_that_an_undisturbed_one_writes(tmp_path, rows_of):
    rows = rows_of(6)
    texts, documents = rows["text"].to_list(), list(range(rows.height))
    for name in ("whole", "resumed"):
        _, tokenizer = build(
            texts, documents, labels=["a", "b"], seed=0, tokenizer_folder=tmp_path / "kept"
        )
        tokenizer.save_pretrained(tmp_path / name)
    for file in (tmp_path / "whole").iterdir():
        assert (tmp_path / "resumed" / file.name).read_bytes() == file.read_bytes()


def test_words_that_mean_the_same_start_close_together():
    # "cat" and "Katze" occur in the same items, "cat" and "Hund" never.
    pairs = [("the cat sleeps", "die Katze schläft"), ("the dog runs", "der Hund rennt")] * 10
    texts = [text for pair in pairs for text in pair]
    tokenizer = train_tokenizer(texts)
    vectors = word_vectors(tokenizer, texts, [row // 2 for row in range(len(texts))], seed=0)

    def vector(word: str) -> torch.Tensor:
        number = tokenizer.convert_tokens_to_ids("▁" + word)
        assert number != tokenizer.unk_token_id
        return torch.from_numpy(vectors[number, 1:])

    cat, katze, hund = vector("cat"), vector("Katze"), vector("Hund")
    assert torch.cosine_similarity(cat, katze, 0) > 0.9
    assert torch.cosine_similarity(cat, hund, 0) < 0.5
    assert vectors.shape == (len(tokenizer), DIM)


def test_the_tokenizer_of_scratch_reads_any_text():
    tokenizer = train_tokenizer(["自然言語処理は楽しい。", "这是一个测试。", "Hello world, hello!"])
    for text in ["", " ", "\x00", "\u200fשלום", "😀" * 3, "ﬁne", "処理"]:
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == tokenizer.cls_token_id
        assert ids[-1] == tokenizer.sep_token_id
    assert tokenizer.unk_token_id in tokenizer("😀")["input_ids"]
    assert tokenizer.unk_token_id not in tokenizer("処理は楽しい")["input_ids"]
    assert len(tokenizer("処理は楽しい")["input_ids"]) < 9  # merges need no spaces


def test_scratch_needs_some_text():
    with pytest.raises(DataError, match="no text"):
        build([" ", ""], [0, 1], labels=["a", "b"], seed=0)


def test_scratch_works_on_a_single_text():
    model, tokenizer = build(["one text"], [0], labels=["a", "b"], seed=0)
    assert model(**tokenizer("one text", return_tensors="pt")).logits.isfinite().all()
