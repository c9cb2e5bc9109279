"""Masked-language modelling on short texts: hide some pieces, and learn to say which they were."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import BertForMaskedLM

from models.training import HalfTrained, chunks, cosine

KEPT = -100
"""Stands among the answers for a piece that is not asked for."""


@dataclass(frozen=True)
class Recipe:
    """How long and how the encoder is taught.

    Attributes:
        steps: Updates.
        sentences: Sentences in an update, the same number of each language.
        rate: Peak learning rate.
        warmup: Updates until the peak.
        hidden: Share of the pieces that are asked for.
        longest: Most pieces of a sentence, special ones included.
        budget: Pieces that go through the model at once, padding included.
        seed: Seed of the batches and of what is hidden.
    """

    steps: int = 400
    sentences: int = 192
    rate: float = 2e-3
    warmup: int = 40
    hidden: float = 0.15
    longest: int = 64
    budget: int = 4096
    seed: int = 0


def hide(
    ids: np.ndarray,
    random: np.random.Generator,
    *,
    share: float,
    mask: int,
    special: int,
    size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Hide pieces of sentences as BERT does (Devlin et al. 2019).

    Of the pieces asked for, 80 % are replaced by the mask, 10 % by any piece, and 10 % stay.

    Args:
        ids: `(sentences, length) int64`; numbers below `special` are padding and special pieces.
        random: Says which.
        share: Share of the pieces that are asked for.
        mask: Number of the mask.
        special: How many special pieces there are; none of them is asked for.
        size: Number of pieces in the vocabulary.

    Returns:
        What the model reads, and the answers: the pieces asked for, `KEPT` elsewhere.
    """
    asked = (random.random(ids.shape) < share) & (ids >= special)
    fate = random.random(ids.shape)
    read = np.where(asked & (fate < 0.8), mask, ids)
    replaced = asked & (fate >= 0.8) & (fate < 0.9)
    read = np.where(replaced, random.integers(special, size, ids.shape), read)
    return read, np.where(asked, ids, KEPT)


def draw(tokens: Mapping[str, Sequence[np.ndarray]], recipe: Recipe, step: int) -> list[np.ndarray]:
    """Sentences of a step, as many of each language, from the seed and the step alone."""
    random = np.random.default_rng([recipe.seed, step])
    each = recipe.sentences // len(tokens)
    return [
        sentences[number]
        for sentences in tokens.values()
        for number in random.integers(0, len(sentences), each)
    ]


def learn(
    model: BertForMaskedLM,
    tokens: Mapping[str, Sequence[np.ndarray]],
    recipe: Recipe,
    *,
    folder: Path,
    mask: int,
    special: int,
    tell: Callable[[str], None] = print,
) -> float:
    """Train in place; state is kept in `folder`, from which the same call goes on.

    Args:
        model: Predicts pieces; its weights are changed.
        tokens: Language to sentences of piece numbers, special pieces included.
        recipe: How.
        folder: Where the state is.
        mask: Number of the mask.
        special: How many special pieces there are, numbered from 0; 0 is padding.
        tell: Told how far it is.

    Returns:
        The mean cross-entropy of the last 100 updates, in nats.
    """
    trained = HalfTrained(model.train(), partial(_optimizer, recipe))
    first, started, losses = trained.resume(folder), time.monotonic(), []
    for step in range(first, recipe.steps):
        for group in trained.optimizer.param_groups:
            group["lr"] = recipe.rate * cosine(step, recipe.warmup, recipe.steps)
        losses.append(_update(model, draw(tokens, recipe, step), recipe, step, mask, special))
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"the loss at step {step} is {losses[-1]}")
        trained.step()
        if (step + 1) % 50 == 0:
            pace = (time.monotonic() - started) / (step + 1 - first)
            tell(
                f"step {step + 1}/{recipe.steps}  loss {np.mean(losses[-50:]):.3f}  "
                f"{(recipe.steps - step - 1) * pace / 60:.0f} min left"
            )
        if (step + 1) % 100 == 0:
            trained.keep(step + 1, folder, {"seed": recipe.seed})
    trained.finished()
    return float(np.mean(losses[-100:])) if losses else math.nan


def _optimizer(recipe: Recipe, weights: dict[str, torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        weights.values(), lr=recipe.rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )


def _update(
    model: BertForMaskedLM,
    sentences: Sequence[np.ndarray],
    recipe: Recipe,
    step: int,
    mask: int,
    special: int,
) -> float:
    random = np.random.default_rng([recipe.seed, step, 1])
    lengths = np.array([len(sentence) for sentence in sentences])
    parts = []
    for chunk in chunks(np.argsort(lengths, kind="stable"), lengths, recipe.budget):
        ids = np.zeros((len(chunk), lengths[chunk].max()), np.int64)
        for row, number in zip(ids, chunk, strict=True):
            row[: lengths[number]] = sentences[number]
        read, answers = hide(ids, random, share=recipe.hidden, mask=mask, special=special,
                             size=model.config.vocab_size)  # fmt: skip
        parts.append((ids, read, answers))
    asked = sum(int((answers != KEPT).sum()) for _, _, answers in parts)
    total = 0.0
    for ids, read, answers in parts:
        where = torch.from_numpy(answers != KEPT)
        if not where.any():
            continue
        states = model.bert(
            input_ids=torch.from_numpy(read), attention_mask=torch.from_numpy(ids != 0).long()
        ).last_hidden_state
        # Only the pieces asked for are predicted: all others would cost most of the time.
        scores = model.cls(states[where]).float()
        loss = F.cross_entropy(scores, torch.from_numpy(answers)[where], reduction="sum") / asked
        loss.backward()
        total += loss.item()
    return total
