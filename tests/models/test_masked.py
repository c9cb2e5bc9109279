"""The unaligned encoder's build on a toy: whose sentences, what is hidden, and the folder."""

import numpy as np
import pytest
import torch

from babelift.training.encoder import load_encoder
from models.masked import build
from models.masked.texts import one_sided
from models.masked.train import KEPT, Recipe, draw, hide, learn
from models.masked.vocabulary import SPECIAL, train_tokenizer

MASK = SPECIAL.index("[MASK]")


def test_the_vocabulary_holds_punctuation_apart_and_forgets_case_and_width(toy_pairs):
    tokenizer = train_tokenizer(toy_pairs, 900, per_language=200, seed=0)
    assert tokenizer.encode("The DOG!").tokens == tokenizer.encode("the ｄｏｇ!").tokens
    assert tokenizer.encode("dog!").tokens[-2] == "!" or "[UNK]" in tokenizer.encode("dog!").tokens
    assert tokenizer.encode("dog 😍😡").tokens[-3:-1] == ["😍", "😡"]


def test_no_sentence_is_learnt_from_together_with_its_translation(toy_pairs):
    texts = one_sided(toy_pairs)
    assert set(texts) == {"en", "de", "fr", "ja"}
    english = set(texts["en"])
    assert 0 < len(english) < toy_pairs["text_en"].n_unique()
    both = [
        (lang, text)
        for lang, text, original in toy_pairs.select("lang", "text", "text_en").iter_rows()
        if original in english and text in set(texts[lang])
    ]
    assert not both


def test_pieces_are_hidden_as_bert_hides_them():
    ids = np.full((400, 50), 7)
    ids[:, 0], ids[:, 40:] = 2, 0
    read, answers = hide(
        ids, np.random.default_rng(0), share=0.2, mask=MASK, special=5, size=1000
    )  # fmt: skip
    asked = answers != KEPT
    assert not asked[:, 0].any()
    assert not asked[:, 40:].any()
    assert asked[:, 1:40].mean() == pytest.approx(0.2, abs=0.01)
    assert (answers[asked] == 7).all()
    assert (read[~asked] == ids[~asked]).all()
    assert (read[asked] == MASK).mean() == pytest.approx(0.8, abs=0.02)
    assert (read[asked] == 7).mean() == pytest.approx(0.1, abs=0.02)
    assert read[asked].min() >= MASK


def test_every_language_has_as_many_sentences_in_an_update():
    tokens = {"en": [np.array([2, 7, 3])] * 50, "ja": [np.array([2, 9, 3])]}
    drawn = draw(tokens, Recipe(sentences=8), step=3)
    assert sum(sentence[1] == 9 for sentence in drawn) == 4 == len(drawn) // 2


def test_words_of_the_same_sentences_start_close_together():
    # Pieces 5 and 6 always stand together, 7 never with them; 8 does not occur.
    tokens = {"en": [np.array([5, 6]), np.array([7, 9]), np.array([5, 6, 9])] * 5}
    vectors = build.start_vectors(tokens, 12, dim=2)
    assert vectors[5] @ vectors[6] == pytest.approx(1)
    assert vectors[5] @ vectors[7] < 0.5
    assert not vectors[8].any()


def test_the_encoder_learns_and_its_folder_reads_the_mean(toy_pairs, tmp_path):
    tokenizer = train_tokenizer(toy_pairs, 900, per_language=200, seed=0)
    tokens = {
        lang: [np.array(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
        for lang, texts in one_sided(toy_pairs).items()
    }
    torch.manual_seed(0)
    vectors = build.start_vectors(tokens, tokenizer.get_vocab_size(), dim=32)
    model = build.fresh(vectors, layers=1)
    said: list[str] = []
    recipe = Recipe(steps=100, sentences=32, warmup=10)
    loss = learn(
        model, tokens, recipe, folder=tmp_path, mask=MASK, special=len(SPECIAL), tell=said.append
    )
    assert len(said) == 2
    assert loss < np.log(tokenizer.get_vocab_size())
    bert = build.with_mean(model)
    ids = torch.tensor([tokenizer.encode("the dog sees").ids])
    with torch.inference_mode():
        mean = model.bert(input_ids=ids).last_hidden_state.mean(1)
        first = bert(input_ids=ids).last_hidden_state[:, 0]
    assert torch.cosine_similarity(mean - mean.mean(), first - first.mean()).item() > 0.99
    spread = build.spread_out(bert, tokens, each=100)
    sentences = [tokens["de"][0], tokens["de"][1], tokens["en"][0], tokens["ja"][0]]
    with torch.inference_mode():
        firsts = torch.cat(
            [spread(torch.from_numpy(s)[None]).last_hidden_state[:, 0] for s in sentences]
        )
    assert firsts.mean().abs() < 0.5
    assert firsts.std() == pytest.approx(1, abs=0.4)
    build.save(spread, tokenizer, tmp_path / "encoder")
    encoder = load_encoder(str(tmp_path / "encoder"), ["no", "yes"], seed=0)
    assert encoder.model.config.num_labels == 2
