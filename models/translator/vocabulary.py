"""The translator's vocabulary and the files of its tokenizer, in M2M100's form."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
import sentencepiece
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>")
FILLERS: Final = 8
"""Rows that M2M100 keeps without a token."""


def write_tokenizer(
    pairs: pl.DataFrame, size: int, folder: Path, *, per_language: int, seed: int, longest: int
) -> None:
    """Learn a Unigram vocabulary from as many sentences of each language and write its files.

    Args:
        pairs: Rows of `training_pairs`.
        size: Pieces; language tokens and fillers come on top.
        folder: Where sentencepiece.bpe.model, vocab.json and the settings go.
        per_language: Sentences of each language.
        seed: Seed of the choice.
        longest: Most tokens of a source.
    """
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_sentences(pairs, per_language, seed),
        model_prefix=str(folder / "sentencepiece"),
        vocab_size=size,
        model_type="unigram",
        character_coverage=0.9995,
        num_threads=2,
        minloglevel=2,
    )
    (folder / "sentencepiece.model").replace(folder / "sentencepiece.bpe.model")
    (folder / "sentencepiece.vocab").unlink()
    model = sentencepiece.SentencePieceProcessor(str(folder / "sentencepiece.bpe.model"))
    pieces = [model.id_to_piece(number) for number in range(len(model))]
    vocabulary = [*SPECIAL, *(piece for piece in pieces if piece not in SPECIAL)]
    _write(folder / "vocab.json", {piece: number for number, piece in enumerate(vocabulary)})
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "additional_special_tokens": [f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]],
    }
    _write(folder / "special_tokens_map.json", special)
    settings = {
        "language_codes": "m2m100",
        "num_madeup_words": FILLERS,
        "model_max_length": longest,
        "tokenizer_class": "M2M100Tokenizer",
    }
    _write(folder / "tokenizer_config.json", special | settings)


class Vocabulary:
    """Text to token numbers, as the model numbers them."""

    def __init__(self, folder: Path) -> None:
        self.pieces: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))
        self._model = sentencepiece.SentencePieceProcessor(str(folder / "sentencepiece.bpe.model"))
        self._codes = {
            code: len(self.pieces) + number
            for number, code in enumerate(FAIRSEQ_LANGUAGE_CODES["m2m100"])
        }
        self.size = len(self.pieces) + len(self._codes) + FILLERS
        unknown = self.pieces["<unk>"]
        self._numbers = [
            self.pieces.get(self._model.id_to_piece(i), unknown) for i in range(len(self._model))
        ]

    def language(self, tag: str) -> int:
        """Number of a language's token."""
        return self._codes[tag]

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token numbers of each text, without special tokens."""
        return [[self._numbers[i] for i in ids] for ids in self._model.encode(texts)]


def _sentences(pairs: pl.DataFrame, per_language: int, seed: int) -> Iterator[str]:
    for lang in ("en", *sorted(pairs["lang"].unique())):
        texts = (
            pairs["text_en"].unique(maintain_order=True)
            if lang == "en"
            else pairs.filter(pl.col("lang") == lang)["text"]
        )
        yield from texts.sample(min(per_language, len(texts)), seed=seed).to_list()


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
