"""Trains the translator on all ordered pairs of its languages at once."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from models.training import HalfTrained, chunks, cosine

if TYPE_CHECKING:
    from transformers import M2M100ForConditionalGeneration

PAD, END, IGNORED = 1, 2, -100


@dataclass(frozen=True)
class Recipe:
    """How long and how the translator is trained.

    Attributes:
        steps: Updates.
        examples: Sentence pairs of an update.
        without_english: Share of them between two languages that are not English.
        rate: Peak learning rate.
        warmup: Updates until the peak.
        smoothing: Label smoothing.
        budget: Tokens that go through the model at once, padding included.
        seed: Seed of the batches.
    """

    steps: int
    examples: int = 512
    without_english: float = 0.2
    rate: float = 2e-3
    warmup: int = 300
    smoothing: float = 0.1
    budget: int = 4096
    seed: int = 0


@dataclass(frozen=True)
class Examples:
    """Sentences that mean the same, by their English.

    Attributes:
        tokens: Token numbers of every sentence, without special tokens.
        pairs: For each ordered pair of languages, (pairs, 2) sentence numbers.
        codes: Token number of each language.
    """

    tokens: Sequence[np.ndarray]
    pairs: dict[tuple[str, str], np.ndarray]
    codes: dict[str, int]


def train(
    model: "M2M100ForConditionalGeneration",
    examples: Examples,
    recipe: Recipe,
    *,
    folder: Path,
    device: str,
    measure: Callable[["M2M100ForConditionalGeneration"], dict[str, float]],
    every: int = 500,
) -> None:
    """Train in place; state is kept in `folder`, from which the same call goes on."""
    trained = HalfTrained(model.train().to(device), partial(_optimizer, recipe))
    first = trained.resume(folder)
    started = time.monotonic()
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        for step in range(first, recipe.steps):
            for group in trained.optimizer.param_groups:
                group["lr"] = recipe.rate * cosine(step, recipe.warmup, recipe.steps)
            drawn = draw(examples, recipe, step)
            loss = loss_of(
                model,
                examples,
                drawn,
                device,
                smoothing=recipe.smoothing,
                budget=recipe.budget,
                backward=True,
            )
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss at step {step} is {loss}")
            trained.step()
            if (step + 1) % 25 == 0:
                rate = (step + 1 - first) / (time.monotonic() - started)
                left = (recipe.steps - step - 1) / rate / 60
                pace = rate * recipe.examples
                print(
                    f"step {step + 1}/{recipe.steps}  loss {loss:.3f}  {pace:.0f} pairs/s  "
                    f"{left:.0f} min left",
                    flush=True,
                )
            if (step + 1) % every == 0 or step + 1 == recipe.steps:
                record = {"step": step + 1, "loss": loss} | measure(model)
                print(json.dumps(record), file=log, flush=True)
                print(record, flush=True)
                model.train()
                trained.keep(step + 1, folder, asdict(recipe))
    trained.finished()


def _optimizer(recipe: Recipe, weights: dict[str, torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        weights.values(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )


def draw(examples: Examples, recipe: Recipe, step: int) -> list[tuple[int, int, int, int]]:
    """Examples of a step, from the seed and the step alone.

    Pairs of languages are drawn alike however much text they have, in two groups: those with
    English and those without.

    Returns:
        Source code, source sentence, target code, target sentence of each.
    """
    random = np.random.default_rng([recipe.seed, step])
    names = list(examples.pairs)
    with_english = np.array(["en" in name for name in names])
    shares = np.zeros(len(names))
    for group, share in (
        (with_english, 1 - recipe.without_english),
        (~with_english, recipe.without_english),
    ):
        if group.any():
            shares[group] = share / group.sum()
    counts = random.multinomial(recipe.examples, shares / shares.sum())
    drawn = []
    for name, count in zip(names, counts, strict=True):
        rows = examples.pairs[name]
        source, target = (examples.codes[lang] for lang in name)
        chosen = rows[random.integers(0, len(rows), count)].tolist()
        drawn.extend((source, one, target, other) for one, other in chosen)
    return drawn


def loss_of(
    model: "M2M100ForConditionalGeneration",
    examples: Examples,
    drawn: list[tuple[int, int, int, int]],
    device: str,
    *,
    smoothing: float = 0.0,
    budget: int = 4096,
    backward: bool = False,
) -> float:
    """Mean cross-entropy per target token; with `backward`, its gradient is added to the model's.

    Args:
        model: The model.
        examples: Where the sentences are.
        drawn: As `draw` gives them.
        device: Where the model is.
        smoothing: Label smoothing.
        budget: Tokens that go through the model at once, padding included.
        backward: Whether to compute gradients.
    """
    tokens = examples.tokens
    lengths = np.array([max(len(tokens[s]), len(tokens[t])) + 2 for _, s, _, t in drawn])
    words = sum(len(tokens[t]) + 1 for _, _, _, t in drawn)
    total = 0.0
    for chunk in chunks(np.argsort(lengths, kind="stable"), lengths, budget):
        rows = [drawn[i] for i in chunk]
        source = _padded([[code, *tokens[s], END] for code, s, _, _ in rows], PAD).to(device)
        start = _padded([[END, code, *tokens[t]] for _, _, code, t in rows], PAD).to(device)
        # The model is given the target's language; it is not asked to guess it.
        goal = _padded([[IGNORED, *tokens[t], END] for _, _, _, t in rows], IGNORED).to(device)
        told = goal != IGNORED
        hidden = model.model(
            input_ids=source,
            attention_mask=(source != PAD).long(),
            decoder_input_ids=start,
            use_cache=False,
        ).last_hidden_state
        logits = model.lm_head(hidden[told])
        loss = F.cross_entropy(
            logits.float(), goal[told], label_smoothing=smoothing, reduction="sum"
        )
        if backward:
            (loss / words).backward()
        total += float(loss.detach())
    return total / words


def _padded(rows: list[list[int]], fill: int) -> torch.Tensor:
    table = np.full((len(rows), max(map(len, rows))), fill, np.int64)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return torch.from_numpy(table)
