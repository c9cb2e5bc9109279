"""Models of real shapes with random weights: as slow as trained ones, and free to have."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from babelift.testing import tiny_m2m100

LANGUAGE_TOKENS = 100 + 8
"""M2M100's tokens that are not SentencePiece's: its languages and its fillers."""


def m2m100(
    folder: Path,
    texts: Sequence[str],
    *,
    width: int,
    layers: int,
    vocabulary: int = 8000,
    longest: int,
) -> Path:
    """Write an M2M100 of some size, with a vocabulary learnt from texts.

    It never ends a sentence by itself: every output has the same length, so that no engine waits
    for the longest one of a batch.

    Args:
        folder: Where to write.
        texts: What SentencePiece is trained on.
        width: Of the model; its feed-forward layers are four times as wide.
        layers: Of the encoder, and as many of the decoder.
        vocabulary: SentencePiece's pieces.
        longest: Tokens of every output, start and language included.
    """
    import sentencepiece
    import torch
    from transformers import GenerationConfig, M2M100Config, M2M100ForConditionalGeneration

    from babelift.hub import without_progress_bars

    tiny_m2m100(folder)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type="bpe", num_threads=1,
        vocab_size=vocabulary, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [processor.id_to_piece(number) for number in range(processor.get_piece_size())]
    known = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *pieces])
    ids = {piece: number for number, piece in enumerate(known)}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    settings["model_max_length"] = 256
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with torch.random.fork_rng(devices=[]), torch.no_grad(), without_progress_bars():
        torch.manual_seed(0)
        config = M2M100Config(
            vocab_size=len(ids) + LANGUAGE_TOKENS,
            d_model=width,
            encoder_layers=layers,
            decoder_layers=layers,
            encoder_attention_heads=width // 64,
            decoder_attention_heads=width // 64,
            encoder_ffn_dim=4 * width,
            decoder_ffn_dim=4 * width,
            max_position_embeddings=256,
            scale_embedding=True,
        )
        network: Any = M2M100ForConditionalGeneration(config)
        _liven(network)
        generation: Any = GenerationConfig
        network.generation_config = generation(
            bos_token_id=0, decoder_start_token_id=2, eos_token_id=2, pad_token_id=1,
            max_length=longest,
        )  # fmt: skip
        network.eval().save_pretrained(folder)
    return folder


def _liven(network: Any) -> None:
    """Make random weights answer with varied tokens and without an end."""
    for name, weights in network.named_parameters():
        if "fc" in name and weights.dim() == 2:
            weights.normal_(std=8 / weights.shape[1] ** 0.5)
        elif "proj" in name and weights.dim() == 2:
            weights.normal_(std=1 / weights.shape[1] ** 0.5)
    shared = network.get_input_embeddings().weight
    shared.normal_(std=1 / shared.shape[1] ** 0.5)
    # Tokens without a vector are never the likeliest: special ones, languages, fillers.
    shared[:4] = 0
    shared[-LANGUAGE_TOKENS:] = 0


def classifier(folder: Path, texts: Sequence[str], labels: Sequence[str], **shape: Any) -> Path:
    """Write a DistilBERT classifier whose answers differ from text to text.

    Args:
        folder: Where to write.
        texts: What its tokenizer is trained on.
        labels: Its labels.
        shape: As DistilBertConfig has it; `vocab_size` may be larger than the tokenizer's.
    """
    import torch
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    from babelift.hub import without_progress_bars
    from babelift.train.scratch import train_tokenizer

    tokenizer: Any = train_tokenizer(texts)
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), without_progress_bars():
        torch.manual_seed(0)
        config = DistilBertConfig(
            **{"vocab_size": len(tokenizer), **shape},
            pad_token_id=tokenizer.pad_token_id,
            id2label=dict(enumerate(labels)),
        )
        network = DistilBertForSequenceClassification(config)
        for weights in network.parameters():
            if weights.dim() == 2:
                weights.normal_(std=1.5 * weights.shape[1] ** -0.5)
        network.save_pretrained(folder)
    return folder
