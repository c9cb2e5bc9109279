"""The translator before training: a small M2M100 whose words already lie beside their meanings."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from transformers import BertModel, M2M100ForConditionalGeneration, PreTrainedTokenizerBase

    from models.translator.vocabulary import Vocabulary

LANGUAGES = ("en", "de", "es", "fr", "ja", "zh")


def network(
    size: int,
    *,
    width: int,
    encoder_layers: int,
    decoder_layers: int,
    dropout: float,
    longest: int,
    seed: int,
) -> "M2M100ForConditionalGeneration":
    """A model of M2M100's architecture with new weights; feed-forward is four times the width."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    torch.manual_seed(seed)
    config = M2M100Config(
        vocab_size=size,
        d_model=width,
        encoder_layers=encoder_layers,
        decoder_layers=decoder_layers,
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        dropout=dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        max_position_embeddings=longest,
        scale_embedding=True,
        attn_implementation="eager",
    )
    model = M2M100ForConditionalGeneration(config)
    model.generation_config.update(
        bos_token_id=0,
        decoder_start_token_id=2,
        eos_token_id=2,
        pad_token_id=1,
        max_length=longest,
        num_beams=5,
        early_stopping=True,
    )
    return model


def aligned_embeddings(
    vocabulary: "Vocabulary",
    pairs: pl.DataFrame,
    encoder: "BertModel",
    tokenizer: "PreTrainedTokenizerBase",
    width: int,
) -> np.ndarray:
    """Word embeddings in which words of one meaning are near, whatever their language.

    A piece is the mean of the multilingual encoder's embeddings of it, brought to fewer dimensions
    by principal components. The last six dimensions say in which languages it is used, so that the
    output can tell translations apart.

    Returns:
        (vocabulary.size, width) float32, rows of length one.
    """
    words = encoder.embeddings.word_embeddings.weight.detach().float().numpy()
    names = [piece.replace("▁", " ") for piece in vocabulary.pieces]
    ids = tokenizer(names, add_special_tokens=False)["input_ids"]
    blank = tokenizer.convert_tokens_to_ids("▁")
    meaning = np.zeros((len(names), words.shape[1]), np.float32)
    for row, piece in zip(meaning, ids, strict=True):
        kept = [number for number in piece if number != blank] or piece
        if kept:
            row[:] = words[kept].mean(0)
    use = _use(vocabulary, pairs)
    centred = meaning - meaning.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    reduced = _unit(centred @ axes[: width - len(LANGUAGES)].T)
    rows = _unit(np.hstack([reduced, 0.7 * _unit(use)]))
    random = np.random.default_rng(0)
    rest = _unit(random.normal(size=(vocabulary.size - len(names), width)))
    return np.vstack([rows, rest]).astype(np.float32)


def _use(vocabulary: "Vocabulary", pairs: pl.DataFrame) -> np.ndarray:
    """(pieces, languages): how large a part of each language's text a piece is."""
    shares = []
    for lang in LANGUAGES:
        texts = pairs["text_en"] if lang == "en" else pairs.filter(pl.col("lang") == lang)["text"]
        chosen = texts.sample(min(20_000, len(texts)), seed=0).to_list()
        numbers = [number for ids in vocabulary.encode(chosen) for number in ids]
        counts = np.bincount(np.array(numbers, int), minlength=len(vocabulary.pieces)) + 0.1
        shares.append(counts / counts.sum())
    return np.stack(shares, 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
