"""Trimmed tokenizers and models: other texts may change, those within may not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from babelift.config import FitConfig
from babelift.errors import ConfigError, DataError, ModelError
from babelift.training.encoder import load_encoder
from babelift.training.scratch import train_tokenizer
from babelift.training.trainer import train_classifier
from babelift.training.vocabulary import Trimmed, trim_model, trim_tokenizer
from tests.support import SENTENCES, tiny_distilbert, tiny_mini

KEPT = [*SENTENCES["en"], *SENTENCES["de"][:5], "xyzzy ☃ ☃☃ plugh", ""]
OTHERS = [text for lang in ("fr", "ja", "zh", "es") for text in SENTENCES[lang]]
ALL = [*KEPT, *OTHERS]
ALPHABET = st.text(st.sampled_from(" abcdehinorst.☃日本äß"), max_size=40)


def made(backend: Tokenizer) -> Any:
    make: Any = PreTrainedTokenizerFast
    return make(
        tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", cls_token="<s>",
        sep_token="</s>", mask_token="<mask>",
    )  # fmt: skip


def unigram() -> Any:
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(ALL, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return made(backend)


def xlm_roberta() -> Any:
    """As XLM-R's: a class of its own, and the mask as the last token."""
    from transformers import XLMRobertaTokenizer

    state = json.loads(unigram().backend_tokenizer.to_str())["model"]
    return XLMRobertaTokenizer(vocab=[tuple(entry) for entry in state["vocab"]])


def byte_pairs() -> Any:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    backend.train_from_iterator(ALL, trainer)
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return made(backend)


def words() -> Any:
    backend = Tokenizer(models.WordLevel(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend.train_from_iterator(ALL, trainers.WordLevelTrainer(special_tokens=special))
    return made(backend)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Trimmed]]:
    folder = tmp_path_factory.mktemp("tokenizers")
    pieces = AutoTokenizer.from_pretrained(tiny_mini(folder / "bert"))
    found = {
        "WordPiece": pieces, "Unigram": unigram(), "XLM-R": xlm_roberta(),
        "BPE of bytes": byte_pairs(), "BPE of scratch": train_tokenizer(ALL), "WordLevel": words(),
    }  # fmt: skip
    return {name: (whole, trim_tokenizer(whole, KEPT)) for name, whole in found.items()}


KINDS = ["WordPiece", "Unigram", "XLM-R", "BPE of bytes", "BPE of scratch", "WordLevel"]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_cut_into_the_same_tokens(tokenizers, kind):
    whole, trimmed = tokenizers[kind]
    kept = trimmed.kept.tolist()
    assert len(kept) == len(trimmed.tokenizer) < len(whole)
    for text in KEPT:
        before, after = whole(text), trimmed.tokenizer(text)
        assert [kept[number] for number in after["input_ids"]] == before["input_ids"]
    for name in ("pad_token_id", "unk_token_id", "cls_token_id", "sep_token_id", "mask_token_id"):
        assert kept[getattr(trimmed.tokenizer, name)] == getattr(whole, name)
    assert trimmed.tokenizer.pad_token_id == whole.pad_token_id  # RoBERTa counts positions from it
    assert type(trimmed.tokenizer) is type(whole)


@pytest.mark.parametrize("kind", KINDS)
@given(text=ALPHABET)
def test_so_is_any_text_that_has_kept_tokens_alone(tokenizers, kind, text):
    whole, trimmed = tokenizers[kind]
    kept, before = trimmed.kept.tolist(), whole(text)["input_ids"]
    if whole.unk_token_id in before or not set(before) <= set(kept):
        return
    after = trimmed.tokenizer(text)["input_ids"]
    assert [kept[number] for number in after] == before


@pytest.mark.parametrize("kind", ["WordPiece", "Unigram", "XLM-R", "BPE of bytes"])
def test_words_become_unknown_only_where_they_were(tokenizers, kind):
    whole, trimmed = tokenizers[kind]
    changed = 0
    for text in OTHERS:
        before, after = whole(text)["input_ids"], trimmed.tokenizer(text)["input_ids"]
        unknown = before.count(whole.unk_token_id)
        assert after.count(trimmed.tokenizer.unk_token_id) <= unknown
        changed += len(before) != len(after)
    assert changed


def test_a_word_that_wordpiece_gives_up_on_stays_unknown():
    # "ab" is taken first, "##c" is not there; without "ab" it would be "a", "##bc".
    vocabulary = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", "a", "ab", "##bc", "##b", "d"]
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    backend = Tokenizer(models.WordPiece(numbers, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    whole = made(backend)
    assert whole("abc d")["input_ids"] == [3, 9]
    trimmed = trim_tokenizer(whole, ["abc d"])
    assert trimmed.kept[trimmed.tokenizer("abc d")["input_ids"]].tolist() == [3, 9]
    assert 6 in trimmed.kept


def test_a_tokenizer_that_cannot_be_trimmed_is_refused(tokenizers, monkeypatch):
    from babelift.training import vocabulary as trim

    whole, _ = tokenizers["WordPiece"]
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        trim_tokenizer(object(), ["a"])
    monkeypatch.setattr(trim, "_reopened", lambda tokenizer, state: tokenizer)
    with pytest.raises(ModelError, match="does not cut the texts as before"):
        trim_tokenizer(whole, ["Hello world, this is a test."])
    with pytest.raises(ModelError, match="of the kind Marvel cannot be trimmed"):
        trim._pieces({"type": "Marvel"})


@pytest.mark.parametrize("spec", ["distilbert", "bert", "roberta"])
def test_logits_are_identical(tmp_path, tokenizers, spec):
    from transformers import AutoConfig

    if spec == "distilbert":
        tiny_distilbert(tmp_path)
        encoder = load_encoder(str(tmp_path), ["a", "b"], seed=0)
        model, whole = encoder.model, encoder.tokenizer
    else:
        whole = tokenizers["WordPiece" if spec == "bert" else "XLM-R"][0]
        torch.manual_seed(0)
        config = AutoConfig.for_model(
            spec, vocab_size=len(whole) + 3, hidden_size=16, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=16, max_position_embeddings=140,
            pad_token_id=whole.pad_token_id,
        )  # fmt: skip
        model = AutoModelForSequenceClassification.from_config(config)
    model.eval()
    before = model(**_inputs(whole)).logits
    trimmed = trim_tokenizer(whole, KEPT)
    trim_model(model, trimmed.kept)
    model.save_pretrained(tmp_path / "out")
    trimmed.tokenizer.save_pretrained(tmp_path / "out")
    opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert torch.equal(opened(**_inputs(tokenizer)).logits, before)
    assert opened.config.vocab_size == len(tokenizer) == len(trimmed.kept)
    assert opened.config.pad_token_id == tokenizer.pad_token_id


def _inputs(tokenizer: Any) -> Any:
    texts = [text for text in KEPT if text]
    return tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")


def test_a_trimmed_training_answers_as_the_whole_one(tmp_path, rows_of, quick, labels):
    encoder = tiny_mini(tmp_path / "encoder")
    rows, validation = rows_of(12), rows_of(3, first=30)
    keep = ["Ein ganz anderer Satz."]
    results = {}
    for trim in (False, True):
        results[trim] = train_classifier(
            rows, validation, quick(encoder=str(encoder), steps=3, trim_vocabulary=trim),
            labels=labels, run_dir=tmp_path / str(trim), keep_texts=keep if trim else [],
        )  # fmt: skip
    assert results[True].initial_weights == results[False].initial_weights
    assert results[True].vocabulary < results[False].vocabulary == 700
    assert results[True].parameters < results[False].parameters
    logits = []
    for trim in (False, True):
        folder = tmp_path / str(trim) / "model"
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        texts = [*rows["text"], *validation["text"], *keep]
        logits.append(model(**tokenizer(texts, padding=True, return_tensors="pt")).logits)
    assert torch.equal(*logits)


def test_word_vectors_that_are_no_table_end_the_run_before_training(
    tmp_path, rows_of, quick, labels, monkeypatch
):
    from babelift.training import vocabulary

    monkeypatch.setattr(vocabulary, "find_plain_embedding", lambda model: None)
    with pytest.raises(ModelError, match="cannot be trimmed: they are no table"):
        train_classifier(
            rows_of(12), None, quick(trim_vocabulary=True), labels=labels, run_dir=tmp_path
        )
    assert not (tmp_path / "log.jsonl").exists()


def test_kept_texts_need_trimming():
    with pytest.raises(ConfigError, match="'keep_texts' is only used with 'trim_vocabulary'"):
        FitConfig.from_mapping({"keep_texts": "mine.txt"})


def test_files_of_kept_texts_are_read_line_by_line(tmp_path):
    from babelift.run.data import read_lines

    (tmp_path / "a.txt").write_text("\ufeffone text\n\n zwei \n", encoding="utf-8")
    assert read_lines([str(tmp_path / "a.txt")]) == ["one text", " zwei "]
    with pytest.raises(DataError, match=r"lost\.txt: cannot be read: No such file"):
        read_lines([str(tmp_path / "lost.txt")])
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DataError, match="not UTF-8"):
        read_lines([str(tmp_path / "b.txt")])


def test_the_command_line_writes_a_trimmed_model(babelift: Callable[..., Any], tmp_path: Path):
    lines = [
        f"{number},{word} thing {number},{word}" for number, word in enumerate(["good", "bad"] * 20)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["id,text,label", *lines]))
    (tmp_path / "mine.txt").write_text("an unlabelled thing\n")
    done = babelift(
        "fit", "rows.csv", "--lang", "en", "--arm", "zero-shot", "--leakage", "warn", "--encoder",
        str(tiny_mini(tmp_path / "encoder")), "--steps", "2", "--out", "run", "--near-duplicates",
        "0", "--trim-vocabulary", "--keep-texts", "mine.txt",
    )  # fmt: skip
    assert done.code == 0, done.err
    training = json.loads((tmp_path / "run" / "manifest.json").read_text())["training"]
    assert training["vocabulary"] < 700
    (tmp_path / "mine.txt").write_text("other texts\n")
    again = babelift("fit", "--config", "run/config.yaml", "--out", "run")
    assert "mine.txt' has changed since the run" in again.err
