"""Models of real shapes with random weights: as slow as trained ones, and free to have."""

import io
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A benchmark is run as a script, so that only its own folder is on the path.
sys.path.append(str(Path(__file__).parents[1]))
from tests.support import tiny_m2m100

LANGUAGE_TOKENS = 100 + 8
"""M2M100's tokens that are not SentencePiece's: its languages and its fillers."""

LABELS = ("1", "2", "3", "4", "5")


@dataclass(frozen=True)
class Translating:
    """The shape of an M2M100; its feed-forward layers are four times as wide as the model.

    Attributes:
        width: Of the model.
        layers: Of the encoder, and as many of the decoder.
        vocabulary: Tokens, languages and fillers included.
    """

    width: int
    layers: int
    vocabulary: int

    def __str__(self) -> str:
        return f"M2M100 of {self.layers}+{self.layers}x{self.width}, {self.vocabulary:,} tokens"


@dataclass(frozen=True)
class Classifying:
    """The shape of a DistilBERT; its feed-forward layers are four times as wide as the model."""

    width: int
    layers: int
    vocabulary: int

    def __str__(self) -> str:
        return f"DistilBERT of {self.layers}x{self.width}, {self.vocabulary:,} tokens"

    @property
    def settings(self) -> dict[str, int]:
        """As DistilBertConfig has them."""
        return {
            "dim": self.width, "hidden_dim": 4 * self.width, "n_layers": self.layers,
            "n_heads": max(1, self.width // 64), "vocab_size": self.vocabulary,
        }  # fmt: skip


M2M100_418M = Translating(width=1024, layers=12, vocabulary=128_112)
DISTILBERT_MULTILINGUAL = Classifying(width=768, layers=6, vocabulary=119_547)


def m2m100(
    folder: Path,
    texts: Sequence[str],
    shape: Translating,
    *,
    longest: int = 200,
    foreign: float = 0.0,
) -> Path:
    """Write an M2M100 of some shape whose outputs end about where a translation would.

    `_steer` makes them. SentencePiece is trained on the texts; what the vocabulary has beyond its
    pieces are tokens that no text contains.

    Args:
        folder: Where to write.
        texts: What SentencePiece is trained on.
        shape: Of the model.
        longest: Most tokens of an output, start and language included; 200 as in the published
            model.
        foreign: Share of the vocabulary that is Cyrillic and never comes out.
    """
    import torch
    from transformers import GenerationConfig, M2M100Config, M2M100ForConditionalGeneration

    from babelift.hub import without_progress_bars

    tiny_m2m100(folder)
    others = round(foreign * shape.vocabulary)
    _write_vocabulary(folder, texts, shape.vocabulary - LANGUAGE_TOKENS, others)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), without_progress_bars():
        torch.manual_seed(0)
        config = M2M100Config(
            vocab_size=shape.vocabulary,
            d_model=shape.width,
            encoder_layers=shape.layers,
            decoder_layers=shape.layers,
            encoder_attention_heads=shape.width // 64,
            decoder_attention_heads=shape.width // 64,
            encoder_ffn_dim=4 * shape.width,
            decoder_ffn_dim=4 * shape.width,
            max_position_embeddings=1024,
            scale_embedding=True,
        )
        network: Any = M2M100ForConditionalGeneration(config)
        _liven(network)
        if others:
            _hide(network, others)
        _steer(network)
        generation: Any = GenerationConfig
        network.generation_config = generation(
            bos_token_id=0, decoder_start_token_id=2, eos_token_id=2, pad_token_id=1,
            max_length=longest, num_beams=5, early_stopping=True,
        )  # fmt: skip
        network.eval().save_pretrained(folder)
    return folder


def _write_vocabulary(folder: Path, texts: Sequence[str], size: int, foreign: int = 0) -> None:
    """SentencePiece learnt from texts, and vocab.json filled up to `size`, the last in Cyrillic."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type="bpe", num_threads=1,
        vocab_size=min(size - foreign - 4, 16_000), hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [processor.id_to_piece(number) for number in range(processor.get_piece_size())]
    known = list(dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *pieces]))
    known += [f"▁w{number}" for number in range(size - foreign - len(known))]
    known += [f"▁ж{number}" for number in range(foreign)]
    ids = {piece: number for number, piece in enumerate(known)}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    settings["model_max_length"] = 1024
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


_END = 2
_TOKENS = 0.5
"""Size of a token's vector beside its position's. Larger, and the decoder, whose output layer is
the same matrix, would only repeat its last token."""
_SHARPNESS = 8.0
"""Of the output: the likeliest token then gets about a tenth of the probability."""
_GAINS = {"q_proj": 2.0, "k_proj": 2.0, "v_proj": 1.0, "out_proj": 1.0, "fc1": 1.4, "fc2": 1.0}
_FROM_SOURCE = 4.0
"""How much stronger than the rest the decoder's attention to the source is."""


def _liven(network: Any) -> None:
    """Make random weights answer with tokens that differ from text to text."""
    gains = {**_GAINS, "fc2": _GAINS["fc2"] * (36 / network.config.encoder_layers) ** 0.5}
    rates = _rates(network)
    constant = (rates < 0.01).repeat(2)  # positions are the same there for every token
    for name, weights in network.named_parameters():
        kind = name.split(".")[-2]
        if weights.dim() != 2 or kind not in gains:
            continue
        gain = gains[kind] * (_FROM_SOURCE if "encoder_attn.out_proj" in name else 1.0)
        weights.normal_(std=gain / weights.shape[1] ** 0.5)
        if kind in ("out_proj", "fc2"):
            weights -= weights.mean(dim=0)  # so that normalisation takes off positions' mean alone
        else:
            weights[:, constant] = 0
    shared = network.get_input_embeddings().weight
    shared.normal_(std=_TOKENS / shared.shape[1] ** 0.5)
    shared[:, constant] = 0
    shared -= shared.mean(dim=1, keepdim=True)
    # Tokens without a vector are never the likeliest: special ones, languages, fillers.
    shared[:4] = 0
    shared[-LANGUAGE_TOKENS:] = 0
    network.model.decoder.layer_norm.weight.fill_(_SHARPNESS)


def _hide(network: Any, foreign: int) -> None:
    """Make the last tokens of text unlikely everywhere, as those of other scripts are.

    One dimension of the decoder's output is nearly constant, and only these tokens have it.
    """
    vectors = network.get_input_embeddings().weight
    vectors[:, 0] = 0
    vectors[-LANGUAGE_TOKENS - foreign : -LANGUAGE_TOKENS] = 0
    vectors[-LANGUAGE_TOKENS - foreign : -LANGUAGE_TOKENS, 0] = -3
    network.model.decoder.layer_norm.bias[0] = 20


def _steer(network: Any) -> None:
    """Make an output end when it is about as long as its source.

    Sinusoidal positions hold slow sines that rise over the first hundred tokens: a clock. No layer
    writes where it stands, so the encoder's mean of it says how long the source is, and the
    decoder's own how far the output is. In the decoder's last layer one head subtracts the former,
    one unit of the feed-forward layer sees the sign change, and writes it where only the end
    token's vector is not zero.
    """
    import torch

    model, config = network.model, network.config
    rates = _rates(network)
    clock = torch.nonzero((rates > 0.01) & (rates < 0.02)).flatten()
    flag = len(rates) - 1  # its sine is so slow that it stays at zero
    for layer in (*model.encoder.layers, *model.decoder.layers):
        for name in ("self_attn", "encoder_attn"):
            if hasattr(layer, name):
                _silence(getattr(layer, name).out_proj, clock, flag)
        _silence(layer.fc2, clock, flag)
    last = model.decoder.layers[-1]
    last.fc1.weight[0] = 0
    last.fc1.weight[0, clock] = 200 / len(clock)
    last.fc2.weight[:, 0] = 0
    last.fc2.weight[flag, 0] = 10
    shared = network.get_input_embeddings().weight
    shared[:, flag] = 0
    shared[_END, flag] = _TOKENS
    attention = last.encoder_attn
    head = config.d_model // config.decoder_attention_heads
    attention.q_proj.weight[:head] = 0  # attends to all alike
    attention.q_proj.bias[:head] = 0
    attention.v_proj.weight[0] = 0
    attention.v_proj.weight[0, clock] = 10 / len(clock)
    slope, start = _calibrated(network, clock)
    attention.out_proj.weight[clock, 0] = -slope / 10
    attention.out_proj.bias[clock] = -start


def _rates(network: Any) -> Any:
    """How fast each of the sines that positions are made of turns, per token."""
    import torch

    half = network.config.d_model // 2
    return torch.exp(torch.arange(half) * (-math.log(1e4) / (half - 1)))


def _silence(linear: Any, clock: Any, flag: int) -> None:
    linear.weight[clock] = 0
    linear.weight[flag] = 0


def _calibrated(network: Any, clock: Any) -> tuple[float, float]:
    """Slope and start of the decoder's clock as a function of the encoder's mean one.

    Measured on random tokens, for sources of 20 and of 60 tokens that shall have as many out.
    """
    import torch

    seen: list[Any] = []
    layer = network.model.decoder.layers[-1]
    hook = layer.final_layer_norm.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    lengths = (20, 60)
    network.eval()
    source, output = [], []
    for length in lengths:
        ids = torch.randint(4, network.config.vocab_size - LANGUAGE_TOKENS, (8, length))
        given = network(input_ids=ids, decoder_input_ids=ids)
        source.append(float(given.encoder_last_hidden_state[..., clock].mean()))
        hidden = seen[-1]
        output.append(float(hidden[:, -1, clock].mean() - hidden[:, -1].mean()))
    hook.remove()
    slope = (output[1] - output[0]) / (source[1] - source[0])
    return slope, output[0] - slope * source[0]


def classifier(
    folder: Path,
    texts: Sequence[str],
    shape: Classifying,
    *,
    labels: Sequence[str] = LABELS,
    gap: float = 1.0,
) -> Path:
    """Write a DistilBERT classifier whose answers differ from text to text.

    Args:
        folder: Where to write.
        texts: What its tokenizer is trained on.
        shape: Of the model; its vocabulary may be larger than the tokenizer's.
        labels: Its labels.
        gap: How far apart the outputs for the labels are; a trained classifier's are seldom level.
    """
    import torch
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    from babelift.hub import without_progress_bars
    from babelift.training.scratch import train_tokenizer

    tokenizer: Any = train_tokenizer(texts)
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), without_progress_bars():
        torch.manual_seed(0)
        settings = shape.settings
        settings["vocab_size"] = max(settings["vocab_size"], len(tokenizer))
        config = DistilBertConfig(
            **settings,
            pad_token_id=tokenizer.pad_token_id,
            id2label=dict(enumerate(labels)),
        )
        network = DistilBertForSequenceClassification(config)
        for weights in network.parameters():
            if weights.dim() == 2:
                weights.normal_(std=1.5 * weights.shape[1] ** -0.5)
        network.classifier.weight *= gap
        network.save_pretrained(folder)
    return folder
