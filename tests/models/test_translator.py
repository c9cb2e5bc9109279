"""The translator's build on a toy: vocabulary, embeddings, training, and the folder it ends in."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.models.conftest import WORDS

from babelift.config import Translating
from babelift.translation.engines.ctranslate2 import CT2Translator
from models.translator import build
from models.translator.network import aligned_embeddings, network
from models.translator.train import Recipe, draw, loss_of, train
from models.translator.vocabulary import Vocabulary, write_tokenizer


@pytest.fixture(scope="module")
def published(toy_pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    write_tokenizer(toy_pairs, 180, folder, per_language=250, seed=0, longest=48)
    return folder


@pytest.fixture(scope="module")
def vocabulary(published):
    return Vocabulary(published)


@pytest.fixture(scope="module")
def examples(toy_pairs, vocabulary):
    return build.examples_of(toy_pairs, vocabulary, longest=44)


def small(vocabulary):
    return network(
        vocabulary.size, width=64, encoder_layers=1, decoder_layers=1, dropout=0.0, longest=48,
        seed=0,
    )  # fmt: skip


def test_text_becomes_the_numbers_that_the_published_tokenizer_gives(published, vocabulary):
    from transformers import M2M100Tokenizer

    tokenizer = M2M100Tokenizer.from_pretrained(published)
    for text in ("the dog sees a cat", "その犬見る", "Straße?"):
        assert vocabulary.encode([text])[0] == tokenizer.encode(text, add_special_tokens=False)
    assert vocabulary.language("de") == tokenizer.get_lang_id("de")


def test_languages_that_share_english_are_paired_with_each_other(examples, toy_pairs):
    assert set(examples.pairs) == {
        (a, b) for a in ("en", "de", "fr", "ja") for b in ("en", "de", "fr", "ja") if a != b
    }
    assert len(examples.pairs["de", "fr"]) >= toy_pairs["text_en"].n_unique()


def test_the_share_of_pairs_without_english_is_kept(examples):
    recipe = Recipe(steps=1, examples=4000, without_english=0.2)
    english = examples.codes["en"]
    drawn = draw(examples, recipe, 0)
    without = np.mean([english not in (source, target) for source, _, target, _ in drawn])
    assert without == pytest.approx(0.2, abs=0.03)
    assert draw(examples, recipe, 0) == drawn != draw(examples, recipe, 1)


def test_a_language_with_little_text_is_drawn_as_often_as_the_others(examples):
    few = replace(examples, pairs=examples.pairs | {("en", "ja"): examples.pairs["en", "ja"][:2]})
    drawn = draw(few, Recipe(steps=1, examples=6000, without_english=0.0), 0)
    share = np.mean([target == few.codes["ja"] for *_, target, _ in drawn])
    assert share == pytest.approx(1 / 6, abs=0.02)


def test_the_loss_does_not_depend_on_how_examples_are_grouped(examples, vocabulary):
    model = small(vocabulary).eval()
    drawn = draw(examples, Recipe(steps=1, examples=20), 0)
    together = loss_of(model, examples, drawn, "cpu")
    apart = loss_of(model, examples, drawn, "cpu", budget=30)
    assert apart == pytest.approx(together, rel=1e-4)


def test_the_loss_is_that_of_the_published_model(examples, vocabulary):
    model = small(vocabulary).eval()
    source, one, target, two = draw(examples, Recipe(steps=1, examples=1), 0)[0]
    ids = torch.tensor([[source, *examples.tokens[one], 2]])
    words = examples.tokens[two].tolist()
    start = torch.tensor([[2, target, *words]])
    with torch.inference_mode():
        out = model(input_ids=ids, decoder_input_ids=start).logits[0, 1:]
        expected = torch.nn.functional.cross_entropy(out, torch.tensor([*words, 2]))
        found = loss_of(model, examples, [(source, one, target, two)], "cpu")
    assert found == pytest.approx(float(expected), rel=1e-4)


def test_words_of_one_meaning_begin_near_each_other(vocabulary, toy_pairs):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Metaspace
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    # An encoder for which each German word has the very embedding of its English.
    words = ["[PAD]", "[UNK]", *(f"▁{word}" for lang in ("en", "de") for word in WORDS[lang])]
    inner = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    inner.pre_tokenizer = Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]")
    encoder = BertModel(
        BertConfig(vocab_size=len(words), hidden_size=96, num_hidden_layers=1,
                   num_attention_heads=2, intermediate_size=64)
    )  # fmt: skip
    count = len(WORDS["en"])
    with torch.no_grad():
        table = encoder.embeddings.word_embeddings.weight
        table[2 + count :] = table[2 : 2 + count]
    rows = aligned_embeddings(vocabulary, toy_pairs, encoder, tokenizer, 64)
    assert rows.shape == (vocabulary.size, 64)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)
    both = [
        (vocabulary.pieces[f"▁{en}"], vocabulary.pieces[f"▁{de}"])
        for en, de in zip(WORDS["en"], WORDS["de"], strict=True)
        if f"▁{en}" in vocabulary.pieces and f"▁{de}" in vocabulary.pieces
    ]
    assert len(both) > 5
    near = [float(rows[en] @ rows[de]) for en, de in both]
    apart = [float(rows[en] @ rows[de]) for en, _ in both for other, de in both if other != en]
    assert min(near) > max(0.5, np.mean(apart) + 0.3)
    assert max(near) < 0.99  # told apart by their languages


def test_a_trained_translator_is_shipped_as_the_code_runs_it(
    examples, vocabulary, published, tmp_path
):
    model = small(vocabulary)
    recipe = Recipe(steps=150, examples=64, warmup=20, rate=5e-3)
    seen = []
    train(
        model, examples, recipe, folder=tmp_path, device="cpu", every=150,
        measure=lambda model: seen.append(build.losses(model, examples, "cpu")) or seen[-1],
    )  # fmt: skip
    assert seen[-1]["de>en"] < 3.0
    build.save(model, published, tmp_path / "out")
    assert (tmp_path / "out" / "model.bin").is_file()
    translator = CT2Translator(tmp_path / "out", name="mini", beam_size=Translating().beam_size)
    found = [made.text for made in translator.translate(["der hund", "eine katze"], "de", "en")]
    assert all(set(text.split()) <= {*WORDS["en"]} for text in found)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "sentencepiece.bpe.model" in names
    assert json.loads((tmp_path / "out" / "config.json").read_text())
