"""A small model with random weights in the file form of Firefox Translations.

The engine reads it as one of Mozilla's. It answers at once, and nothing sensible.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.support.text import SENTENCES

_WIDTH, _HEADS, _INNER, _LAYERS = 32, 4, 64, 2
_FLOAT, _INT8, _TEXT = 0x404, 0x4101, 0x101
_ALPHA = 127 / 8

Item = tuple[str, int, tuple[int, ...], bytes]


def tiny_firefox(
    folder: Path, source: str, target: str, *, seed: int = 0, split: bool = False
) -> Path:
    """Write the files of one pair: model, vocabulary and shortlist.

    Args:
        folder: Where to write; made if missing.
        source: Source language's tag.
        target: Target language's tag.
        seed: Seed of the weights.
        split: With a vocabulary for each side, as the models of Chinese, Japanese and Korean.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pair = source + target
    if split:
        pieces = {"srcvocab": _pieces([source]), "trgvocab": _pieces([target])}
    else:
        pieces = {"vocab": _pieces([source, target])}
    for name, (model, _) in pieces.items():
        (folder / f"{name}.{pair}.spm").write_bytes(model)
    sizes = [size for _, size in pieces.values()]
    items = list(_items(sizes, np.random.default_rng(seed)))
    (folder / f"model.{pair}.intgemm.alphas.bin").write_bytes(_binary(items))
    (folder / f"lex.50.50.{pair}.s2t.bin").write_bytes(_shortlist(sizes[0], sizes[-1]))
    return folder


def _pieces(languages: Sequence[str]) -> tuple[bytes, int]:
    """A SentencePiece model with pieces for bytes, and its size."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text for tag in languages for text in SENTENCES[tag]),
        model_writer=model, model_type="unigram", vocab_size=700, hard_vocab_limit=False,
        character_coverage=1.0, byte_fallback=True, eos_id=0, unk_id=1, bos_id=-1, pad_id=-1,
        num_threads=1, minloglevel=2,
    )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return model.getvalue(), processor.get_piece_size()


def _items(sizes: Sequence[int], draw: np.random.Generator) -> Iterator[Item]:
    names = ["Wemb"] if len(sizes) == 1 else ["encoder_Wemb", "decoder_Wemb"]
    for name, size in zip(names, sizes, strict=True):
        yield _weights(name, (size, _WIDTH), draw, transposed=False)
    if len(sizes) == 1:
        yield _floats("none_QuantMultA", [[_ALPHA]])
    else:  # as those models have it: a number in the form of weights
        one = np.array([127], np.int8).tobytes() + struct.pack("<f", 127 / _ALPHA)
        yield "decoder_Wemb_QuantMultA", _INT8, (1, 1), one
    bias = draw.normal(size=(1, sizes[-1]))
    bias[0, 0] = 2.5  # of the end
    yield _floats("decoder_ff_logit_out_b", bias)
    for layer in range(1, _LAYERS + 1):
        yield from _attention(f"encoder_l{layer}_self", draw)
        yield from _inner(f"encoder_l{layer}_ffn", draw)
        for name in ("W", "Wf"):
            yield from _affine(f"decoder_l{layer}_rnn_{name}", (_WIDTH, _WIDTH), draw)
        yield _floats(f"decoder_l{layer}_rnn_bf", np.zeros((1, _WIDTH)))
        yield from _norm(f"decoder_l{layer}_rnn_ffn")
        yield from _attention(f"decoder_l{layer}_context", draw)
        yield from _inner(f"decoder_l{layer}_ffn", draw)
    settings = {
        "dim-emb": _WIDTH, "transformer-heads": _HEADS, "enc-depth": _LAYERS,
        "dec-depth": _LAYERS, "transformer-dim-ffn": _INNER,
    }  # fmt: skip
    text = "".join(f"{key}: {value}\n" for key, value in settings.items()).encode() + b"\0"
    yield "special:model.yml", _TEXT, (len(text),), text


def _attention(name: str, draw: np.random.Generator) -> Iterator[Item]:
    for letter in "qkvo":
        yield from _affine(f"{name}_W{letter}", (_WIDTH, _WIDTH), draw)
        yield _floats(f"{name}_b{letter}", np.zeros((1, _WIDTH)))
    yield from _norm(f"{name}_Wo")


def _inner(name: str, draw: np.random.Generator) -> Iterator[Item]:
    for number, shape in ((1, (_WIDTH, _INNER)), (2, (_INNER, _WIDTH))):
        yield from _affine(f"{name}_W{number}", shape, draw)
        yield _floats(f"{name}_b{number}", np.zeros((1, shape[1])))
    yield from _norm(f"{name}_ffn")


def _norm(name: str) -> Iterator[Item]:
    yield _floats(f"{name}_ln_scale", np.ones((1, _WIDTH)))
    yield _floats(f"{name}_ln_bias", np.zeros((1, _WIDTH)))


def _affine(name: str, shape: tuple[int, int], draw: np.random.Generator) -> Iterator[Item]:
    yield _weights(name, shape, draw, transposed=True)
    yield _floats(f"{name}_QuantMultA", [[_ALPHA]])


def _weights(
    name: str, shape: tuple[int, int], draw: np.random.Generator, *, transposed: bool
) -> Item:
    """Eight-bit weights, with the number that they were multiplied by behind them."""
    weights = draw.normal(size=shape) * (_WIDTH if not transposed else shape[0]) ** -0.5
    factor = 127 / float(np.abs(weights).max())
    rounded = np.round(weights * factor).astype(np.int8)
    values = rounded.T if transposed else rounded
    return name, _INT8, shape, values.tobytes() + struct.pack("<f", factor)


def _floats(name: str, values: object) -> Item:
    array = np.asarray(values, "<f4")
    return name, _FLOAT, array.shape, array.tobytes()


def _binary(items: Sequence[Item]) -> bytes:
    """Marian's binary form: heads, names, shapes, a gap, values."""
    names = [f"{name}\0".encode() for name, *_ in items]
    heads = [
        struct.pack("<4Q", len(name), kind, len(shape), len(values))
        for name, (_, kind, shape, values) in zip(names, items, strict=True)
    ]
    shapes = [struct.pack(f"<{len(shape)}i", *shape) for _, _, shape, _ in items]
    gap = struct.pack("<Q", 8) + b"\0" * 8
    values = [values for *_, values in items]
    return b"".join([struct.pack("<QQ", 1, len(items)), *heads, *names, *shapes, gap, *values])


def _shortlist(sources: int, targets: int) -> bytes:
    """The first fifty tokens of the target always, and four for each token of the source."""
    offsets = [4 * number for number in range(sources + 1)]
    entries = [(7 * number) % targets for number in range(4 * sources)]
    head = struct.pack("<6Q", 0xF11A48D5013417F5, 0, 50, 50, len(offsets), len(entries))
    return (
        head
        + struct.pack(f"<{len(offsets)}Q", *offsets)
        + struct.pack(f"<{len(entries)}I", *entries)
    )
