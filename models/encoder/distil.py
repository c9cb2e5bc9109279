"""Teaches the student to give a sentence, in any language, the teacher's vector of its English."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from transformers import BertModel

from models.training import HalfTrained, chunks, cosine

CHUNK_TOKENS: Final = 3_072
"""Tokens that go through the model at once, padding included."""


@dataclass(frozen=True)
class Recipe:
    """How long and how the student is taught.

    Attributes:
        steps: Updates.
        pairs: Sentences with their English counterpart in an update.
        english: English sentences in an update.
        embedding_rate: Peak learning rate of the word embeddings.
        layer_rate: Peak learning rate of everything else.
        warmup: Updates until the peak.
        contrastive: Weight of the contrastive term.
        temperature: Its temperature.
        negatives: Random teacher vectors among its negatives, beside those of the batch.
        first_token: Weight of the squared error of the pooler's vector.
        longest: Most tokens of a sentence.
        seed: Seed of the batches.
    """

    steps: int
    pairs: int = 512
    english: int = 170
    embedding_rate: float = 1e-3
    layer_rate: float = 3e-4
    warmup: int = 100
    contrastive: float = 0.1
    temperature: float = 0.05
    negatives: int = 2048
    first_token: float = 0.2
    longest: int = 96
    seed: int = 0


@dataclass(frozen=True)
class Lessons:
    """What the student learns from.

    Attributes:
        tokens: Token ids of every sentence, special tokens included.
        english: Row of `vectors` that each sentence belongs to.
        groups: Sentence numbers of each language; English under `en`.
        vectors: (English sentences, dim) float16, the teacher's vectors, of length one.
    """

    tokens: Sequence[np.ndarray]
    english: np.ndarray
    groups: dict[str, np.ndarray]
    vectors: np.ndarray


def teacher_vectors(teacher: BertModel, tokens: Sequence[Sequence[int]], device: str) -> np.ndarray:
    """(sentences, dim) float16: masked means of the last layer, scaled to length one."""
    vectors = np.empty((len(tokens), teacher.config.hidden_size), np.float16)
    teacher.eval().to(device)
    order = np.argsort([len(t) for t in tokens], kind="stable")
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
        for chunk in chunks(order, [len(t) for t in tokens], CHUNK_TOKENS):
            mean, _ = encode(teacher, [tokens[i] for i in chunk], device, pooler=False)
            vectors[chunk] = F.normalize(mean, dim=1).cpu().numpy()
    return vectors


def encode(
    model: BertModel, tokens: Sequence[Sequence[int]], device: str, *, pooler: bool = True
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Masked means of the last layer, (sentences, dim) float32, and the pooler's vectors."""
    width = max(map(len, tokens))
    ids = np.zeros((len(tokens), width), np.int64)
    for row, sentence in zip(ids, tokens, strict=True):
        row[: len(sentence)] = sentence
    ids_ = torch.from_numpy(ids).to(device)
    mask = ids_ != 0
    out = model(input_ids=ids_, attention_mask=mask.long())
    hidden, weight = out.last_hidden_state, mask.unsqueeze(2)
    mean = (hidden * weight).sum(1, dtype=torch.float32) / weight.sum(1)
    return mean, out.pooler_output.float() if pooler else None


def distil(
    model: BertModel,
    lessons: Lessons,
    recipe: Recipe,
    *,
    folder: Path,
    device: str,
    measure: Callable[[BertModel], dict[str, float]],
    every: int = 250,
) -> None:
    """Train in place; state is kept in `folder`, from which the same call goes on.

    The loss of a sentence is the squared distance of its vector to the teacher's vector of its
    English (Reimers & Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual"), plus
    `contrastive` times the cross-entropy of finding that vector among all others of the batch and
    `negatives` random ones, plus `first_token` times the squared distance of the pooler's vector.
    """
    trained = HalfTrained(model.train().to(device), partial(_optimizer, recipe))
    first = trained.resume(folder)
    started, seen = time.monotonic(), 0
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        for step in range(first, recipe.steps):
            for group in trained.optimizer.param_groups:
                group["lr"] = group["peak"] * cosine(step, recipe.warmup, recipe.steps)
            batch, negatives = draw(lessons, recipe, step)
            record = _update(model, lessons, batch, negatives, recipe, device)
            if not math.isfinite(record["loss"]):
                raise FloatingPointError(f"the loss at step {step} is {record['loss']}")
            norm = trained.step()
            seen += len(batch)
            if (step + 1) % 25 == 0:
                rate = seen / (time.monotonic() - started)
                left = (recipe.steps - step - 1) * len(batch) / rate / 60
                print(
                    f"step {step + 1}/{recipe.steps}  error {record['error']:.3f}  contrastive "
                    f"{record['contrastive']:.3f}  first token {record['first_token']:.3f}  "
                    f"{rate:.0f} sentences/s  {left:.0f} min left",
                    flush=True,
                )
            if (step + 1) % every == 0 or step + 1 == recipe.steps:
                record |= {"step": step + 1, "norm": norm} | measure(model)
                print(json.dumps(record), file=log, flush=True)
                print({name: round(value, 3) for name, value in record.items()}, flush=True)
                model.train()
                trained.keep(step + 1, folder, asdict(recipe))
    trained.finished()


def _optimizer(recipe: Recipe, weights: dict[str, torch.Tensor]) -> torch.optim.Optimizer:
    """AdamW with a rate of its own for the word embeddings."""
    words = [w for name, w in weights.items() if "word_embeddings" in name]
    rest = [w for name, w in weights.items() if "word_embeddings" not in name]
    groups = [
        {"params": words, "lr": recipe.embedding_rate, "peak": recipe.embedding_rate},
        {"params": rest, "lr": recipe.layer_rate, "peak": recipe.layer_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def draw(lessons: Lessons, recipe: Recipe, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of a step and rows of negative vectors, from the seed and the step alone.

    Languages are drawn with the square root of their size, so that small ones are not drowned.
    """
    random = np.random.default_rng([recipe.seed, step])
    names = [name for name in lessons.groups if name != "en"]
    sizes = np.sqrt([len(lessons.groups[name]) for name in names])
    counts = random.multinomial(recipe.pairs, sizes / sizes.sum())
    parts = [
        random.choice(lessons.groups[name], count, replace=False)
        for name, count in zip(names, counts, strict=True)
    ]
    parts.append(random.choice(lessons.groups["en"], recipe.english, replace=False))
    return np.concatenate(parts), random.integers(0, len(lessons.vectors), recipe.negatives)


def _update(
    model: BertModel,
    lessons: Lessons,
    batch: np.ndarray,
    negatives: np.ndarray,
    recipe: Recipe,
    device: str,
) -> dict[str, float]:
    """Losses of a step, their gradients added to the model's.

    Chunks of similar length run one after the other: since the teacher's vectors are given, a
    sentence's loss needs no other sentence's graph.
    """
    candidates = np.concatenate((lessons.english[batch], negatives))
    keys = torch.from_numpy(lessons.vectors[candidates]).to(device).float()
    totals = {"loss": 0.0, "error": 0.0, "contrastive": 0.0, "first_token": 0.0}
    lengths = np.array([len(lessons.tokens[i]) for i in batch])
    for chunk in chunks(np.argsort(lengths, kind="stable"), lengths, CHUNK_TOKENS):
        mean, first = encode(model, [lessons.tokens[i] for i in batch[chunk]], device)
        vectors = F.normalize(mean, dim=1)
        goal = keys[torch.from_numpy(chunk).to(device)]
        error = (vectors - goal).pow(2).sum()
        first_error = (F.normalize(first, dim=1) - goal).pow(2).sum()
        logits = vectors @ keys.T / recipe.temperature
        own = torch.from_numpy(lessons.english[batch[chunk]])
        same = own[:, None] == torch.from_numpy(candidates)[None, :]
        same[torch.arange(len(chunk)), torch.from_numpy(chunk)] = False
        logits = logits.masked_fill(same.to(device), -torch.inf)
        contrast = F.cross_entropy(logits, torch.from_numpy(chunk).to(device), reduction="sum")
        loss = error + recipe.contrastive * contrast + recipe.first_token * first_error
        (loss / len(batch)).backward()
        for name, value in zip(totals, (loss, error, contrast, first_error), strict=True):
            totals[name] += float(value.detach()) / len(batch)
    return totals
