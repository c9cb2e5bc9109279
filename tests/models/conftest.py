"""A few hundred made-up sentence pairs, and a teacher with random weights."""

import random

import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from models.data import PAIRS

WORDS = {
    lang: words.split()
    for lang, words in {
        "en": "the dog sees a cat one house is big red runs to old tree eats bread",
        "de": "der hund sieht eine katze ein haus ist groß rot läuft zu alt baum isst brot",
        "fr": "le chien voit un chat une maison est grand rouge court vers vieux arbre mange pain",
        "ja": "その 犬 見る ある 猫 一つ 家 です 大きい 赤い 走る へ 古い 木 食べる パン",
    }.items()
}


@pytest.fixture(scope="session")
def toy_pairs() -> pl.DataFrame:
    """Pairs of word-for-word translations, each English sentence in every language."""
    draw = random.Random(0)
    rows = []
    for _ in range(250):
        words = [draw.randrange(len(WORDS["en"])) for _ in range(draw.randint(3, 8))]
        english = " ".join(WORDS["en"][i] for i in words)
        for lang in ("de", "fr", "ja"):
            joiner = "" if lang == "ja" else " "
            rows.append(
                (
                    lang,
                    joiner.join(WORDS[lang][i] for i in words),
                    english,
                    "toy",
                )
            )
    return pl.DataFrame(rows, schema=PAIRS, orient="row")


@pytest.fixture(scope="session")
def toy_teacher(toy_pairs):
    """A small BERT and the tokenizer of its words."""
    import torch
    from tokenizers import normalizers, processors
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordLevelTrainer(special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(toy_pairs["text_en"].to_list(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return BertModel(config, add_pooling_layer=False), tokenizer
