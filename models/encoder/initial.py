"""The student before training: the teacher's layers, and embeddings carried over by alignment."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from models.alignment import Units, translation_probabilities

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertModel

MOST_TOKENS: Final = 24
"""Longer sentences say little about which word is which."""


def initial_embeddings(
    pairs: pl.DataFrame,
    tokenizer: "Tokenizer",
    teacher_tokenizer: "Tokenizer",
    teacher: np.ndarray,
    *,
    rounds: int = 4,
) -> np.ndarray:
    """An embedding for every piece, as a mixture of the teacher's.

    A piece stands for the teacher's pieces that IBM model 1 finds opposite it, language by
    language, weighed by how often the piece occurs in each. In English, a piece that both have
    stands for itself.

    Args:
        pairs: Rows of `training_pairs`.
        tokenizer: The student's.
        teacher_tokenizer: The teacher's.
        teacher: (teacher pieces, dim) float32, its embeddings.
        rounds: Rounds of model 1.

    Returns:
        (pieces, dim) float32.
    """
    size = tokenizer.get_vocab_size()
    mixture = np.zeros((size, teacher.shape[1]), np.float32)
    english = pairs["text_en"].unique(maintain_order=True)
    sides = [(english, english)] + [
        (group["text"], group["text_en"])
        for _, group in pairs.group_by("lang", maintain_order=True)
    ]
    for texts, texts_en in sides:
        ours = _token_ids(tokenizer, texts.to_list())
        theirs = _token_ids(teacher_tokenizer, texts_en.to_list())
        short = [
            i
            for i, (a, b) in enumerate(zip(ours, theirs, strict=True))
            if 0 < len(a) <= MOST_TOKENS and 0 < len(b) <= MOST_TOKENS
        ]
        source = Units.of([ours[i] for i in short], size)
        target = Units.of([theirs[i] for i in short], len(teacher))
        table = translation_probabilities(source, target, rounds=rounds, smallest=0.02)[1:]
        opposite = table @ teacher
        if texts is texts_en:
            for number, same in _shared(tokenizer, teacher_tokenizer):
                opposite[number] = teacher[same]
        counts = np.bincount(source.ids, minlength=size).astype(np.float32)
        mixture += counts[:, None] * opposite
    _write_known(tokenizer, teacher_tokenizer, mixture, teacher)
    return _with_norm(mixture, teacher)


def _shared(tokenizer: "Tokenizer", teacher_tokenizer: "Tokenizer") -> Iterator[tuple[int, int]]:
    """Numbers of the pieces that both have, at the start of a word and within one."""
    for piece, number in tokenizer.get_vocab().items():
        theirs = piece[1:] if piece.startswith("▁") else f"##{piece}"
        same = teacher_tokenizer.token_to_id(theirs)
        if same is None and not piece.isalpha():
            same = teacher_tokenizer.token_to_id(piece)
        if same is not None:
            yield number, same


def _write_known(
    tokenizer: "Tokenizer", teacher_tokenizer: "Tokenizer", mixture: np.ndarray, teacher: np.ndarray
) -> None:
    """Write in what needs no alignment: special tokens, and emoji by their names."""
    for piece, number in tokenizer.get_vocab().items():
        same = teacher_tokenizer.token_to_id(piece) if piece.startswith("[") else None
        if same is not None:
            mixture[number] = teacher[same]
        elif len(piece) == 1 and unicodedata.category(piece) == "So":
            name = unicodedata.name(piece, "sign").lower()
            ids = teacher_tokenizer.encode(name, add_special_tokens=False).ids
            mixture[number] = teacher[ids].mean(0)


def _token_ids(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[list[int]]:
    return [e.ids for e in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def _with_norm(mixture: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Every row with the usual norm of the teacher's; rows that met nothing become its mean."""
    norms = np.linalg.norm(mixture, axis=1, keepdims=True)
    mean = teacher.mean(0)
    filled = np.where(norms > 0, mixture / np.maximum(norms, 1e-9), mean / np.linalg.norm(mean))
    return (filled * np.median(np.linalg.norm(teacher, axis=1))).astype(np.float32)


def student(teacher: "BertModel", embeddings: np.ndarray, *, longest: int) -> "BertModel":
    """The teacher with a new vocabulary and fewer positions; its pooler starts as the identity."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(**teacher.config.to_dict())
    config.vocab_size, config.max_position_embeddings = len(embeddings), longest
    config.type_vocab_size, config.pad_token_id = 1, 0
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    model = BertModel(config, add_pooling_layer=True)
    state = {k: v for k, v in teacher.state_dict().items() if not k.startswith("pooler")}
    state["embeddings.word_embeddings.weight"] = torch.from_numpy(embeddings)
    for name, rows in (("position", longest), ("token_type", 1)):
        key = f"embeddings.{name}_embeddings.weight"
        state[key] = state[key][:rows]
    state.pop("embeddings.position_ids", None)
    state["pooler.dense.weight"] = torch.eye(config.hidden_size)
    state["pooler.dense.bias"] = torch.zeros(config.hidden_size)
    model.load_state_dict(state, strict=False)
    return model
