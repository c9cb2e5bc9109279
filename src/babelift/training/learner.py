"""The model with all that changes it: one update, one validation, and its tensors by name."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from babelift.config import Training
from babelift.errors import BabeliftWarning, NonFiniteLossError, TrainingError
from babelift.training.checkpoint import Tensors
from babelift.training.data import Rows, TokenCache, by_length
from babelift.training.objective import Objective, Terms, pool
from babelift.training.pooling import Reads
from babelift.training.sampler import Batch

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

OWN_LEARNING_RATE: Final = 1e-3
"""Least peak learning rate of OTC's projection and temperature, which start from nothing."""

_WORDS: Final = ("out of memory", "not enough memory", "allocate memory", "alloc_failed")
"""What errors of torch and its libraries say that have no type of their own."""

VALIDATION_BATCH: Final = 64

Values = dict[str, float | None]
T = TypeVar("T")


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at an update (from 0): linear up, then linear down to 0.

    Args:
        step: Updates done before this one.
        steps: Updates in all.
        warmup: Share of the updates during which the rate rises.

    >>> [schedule(step, 5, 0.4) for step in range(5)]
    [0.5, 1.0, 1.0, 0.6666666666666666, 0.3333333333333333]
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(steps - rising, 1)


def make_optimizer(
    model: torch.nn.Module, own: torch.nn.Module, settings: Training, learning_rate: float
) -> torch.optim.AdamW:
    """AdamW; biases, normalisation and OTC's own parameters are not decayed.

    Args:
        model: The classifier.
        own: The objective, with parameters of its own.
        settings: For the weight decay.
        learning_rate: Peak, kept as `peak` in each group.
    """
    weights = list(model.parameters())
    groups = (
        ([weight for weight in weights if weight.ndim > 1], learning_rate, settings.weight_decay),
        ([weight for weight in weights if weight.ndim <= 1], learning_rate, 0.0),
        (list(own.parameters()), max(learning_rate, OWN_LEARNING_RATE), 0.0),
    )
    return torch.optim.AdamW(
        [{"params": part, "peak": peak, "weight_decay": decay} for part, peak, decay in groups],
        lr=learning_rate,
        fused=True,
    )


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    >>> out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    False
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in message for words in _WORDS)


def split_rows(rows: NDArray[np.int64], parts: int) -> list[NDArray[np.int64]]:
    """Rows in so many parts of like size, none of them empty, in their order.

    >>> [part.tolist() for part in split_rows(np.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    >>> len(split_rows(np.arange(3), 8))
    3
    """
    return np.array_split(rows, min(parts, max(len(rows), 1)))


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast.

    Attributes:
        steps: Updates in all.
        learning_rate: Peak.
        bf16: Whether the encoder works in bfloat16.
        pooling: The vector of the last layer that OTC compares.
    """

    steps: int
    learning_rate: float
    bf16: bool
    pooling: Reads


class Learner:
    """A classifier, its objective and its optimizer.

    What an update does depends on its number, the seed and the tensors alone.

    Args:
        accelerator: Device and processes.
        model: Classifier of transformers.
        objective: What is minimised.
        rows: Training rows.
        settings: How to train.
        plan: How long and how fast.

    Attributes:
        parts: In how many parts a batch is computed; more than 1 once memory has run out.
    """

    def __init__(
        self,
        accelerator: "Accelerator",
        model: "PreTrainedModel",
        objective: Objective,
        rows: Rows,
        settings: Training,
        plan: Plan,
    ) -> None:
        self._accelerator, self._rows = accelerator, rows
        self._settings, self._plan = settings, plan
        self.parts = 1
        self._model: Any = model.to(accelerator.device)
        self._objective = objective.to(accelerator.device)
        if accelerator.num_processes > 1:
            from accelerate.utils import broadcast

            for weight in self.weights().values():
                broadcast(weight)
        self._optimizer = make_optimizer(model, objective, settings, plan.learning_rate)

    def weights(self) -> dict[str, Tensor]:
        """Every weight once, by name, sharing memory with the model."""
        named: dict[str, Any] = {
            **{f"model.{name}": value for name, value in self._model.named_parameters()},
            **{f"objective.{name}": value for name, value in self._objective.named_parameters()},
        }
        return {name: value.detach() for name, value in named.items()}

    def moments(self) -> dict[str, Tensor]:
        """The optimizer's state, by name."""
        return {
            f"optimizer.{number}.{key}": value
            for number, values in self._optimizer.state_dict()["state"].items()
            for key, value in values.items()
        }

    def load_weights(self, tensors: Tensors) -> None:
        """Set the weights to those of `weights()`."""
        with torch.no_grad():
            for name, value in self.weights().items():
                value.copy_(tensors[name])

    def load_moments(self, tensors: Tensors) -> None:
        """Set the optimizer's state to that of `moments()`; other tensors are passed over."""
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            if part == "optimizer":
                number, key = rest.split(".")
                state.setdefault(int(number), {})[key] = value
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})

    def update(self, batch: Batch, step: int) -> Values:
        """Change the weights once.

        Args:
            batch: The whole batch; each process works on its part.
            step: Updates done before this one.

        Returns:
            The terms of the loss, `learning_rate` and `gradient_norm`, over all processes.

        Raises:
            NonFiniteLossError: The loss or its gradient is NaN or infinite; nothing was changed.
            TrainingError: Not even a single text fits into memory.
        """
        rate = schedule(step, self._plan.steps, self._settings.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        values = self.gradients(batch, step)
        parameters = [*self._model.parameters(), *self._objective.parameters()]
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self._settings.clip))
        self._require_finite("gradient", norm, values, batch)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return {**values, "learning_rate": self._plan.learning_rate * rate, "gradient_norm": norm}

    def gradients(self, batch: Batch, step: int) -> Values:
        """Leave the gradient of one update, averaged over processes, in the parameters.

        Where memory runs out the batch is computed in twice as many parts, from then on. The loss
        is still that of the whole batch: vectors are computed part by part without a graph, the
        loss on all of them, and then each part again with the same dropout, to pass on the
        gradient of its vectors (Gao et al. 2021, GradCache).

        Args:
            batch: The whole batch; each process works on its part.
            step: Updates done before this one.

        Returns:
            The terms of the loss, over all processes.

        Raises:
            NonFiniteLossError: The loss is NaN or infinite.
            TrainingError: Not even a single text fits into memory.
        """
        self._model.train()
        while (values := self._attempt(batch, step)) is None:
            self._split_further(batch, step)
        if self._accelerator.num_processes > 1:
            for parameter in (*self._model.parameters(), *self._objective.parameters()):
                if parameter.grad is not None:
                    parameter.grad = self._accelerator.reduce(parameter.grad, "mean")
        return values

    @torch.inference_mode()
    def score(self, rows: Rows, pause: Callable[[], None]) -> tuple[dict[str, float], float]:
        """F1-micro (accuracy) per language, and the mean cross-entropy, over all processes.

        Args:
            rows: Validation rows.
            pause: Called before each batch; may raise to stop.
        """
        accelerator = self._accelerator
        right = torch.zeros(len(rows.languages), dtype=torch.float64)
        ce = torch.zeros(1, dtype=torch.float64)
        batches = by_length(rows.tokens.lengths, VALIDATION_BATCH)
        self._model.train(False)
        for batch in batches[accelerator.process_index :: accelerator.num_processes]:
            pause()
            logits = self._look(rows.tokens, batch)[0].float().cpu()
            labels, langs = rows.labels[batch], rows.langs[batch]
            right.index_add_(0, langs, (logits.argmax(dim=1) == labels).double())
            ce += torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        sums = torch.cat([right, ce])
        if accelerator.num_processes > 1:
            sums = accelerator.reduce(sums.to(accelerator.device), "sum").cpu()
        counts = torch.bincount(rows.langs, minlength=len(rows.languages))
        scores = dict(zip(rows.languages, (sums[:-1] / counts).tolist(), strict=True))
        return scores, float(sums[-1]) / len(rows.ids)

    @torch.inference_mode()
    def vectors(self, tokens: TokenCache) -> NDArray[np.float32]:
        """L2-normalised sentence vectors, `(texts, dim)`, as OTC compares them but unprojected."""
        result = np.zeros((len(tokens.lengths), self._model.config.hidden_size), dtype=np.float32)
        self._model.train(False)
        for batch in by_length(tokens.lengths, VALIDATION_BATCH):
            pooled = self._look(tokens, batch)[1]
            result[batch] = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return result

    def _look(self, tokens: TokenCache, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Logits and vectors of some texts; half of them at a time where memory runs out."""
        try:
            return self._encode(tokens, rows)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(rows) < 2:
                raise
        halves = [self._look(tokens, part) for part in split_rows(rows, 2)]
        logits, vectors = (torch.cat(parts) for parts in zip(*halves, strict=True))
        return logits, vectors

    def _attempt(self, batch: Batch, step: int) -> Values | None:
        """The terms of the loss, with the gradient in the parameters; None if memory ran out."""
        part = batch.shard(self._accelerator.process_index, self._accelerator.num_processes)
        rows = np.concatenate([part.rows, part.originals]) if self._twice(part) else part.rows
        pieces = split_rows(rows, self.parts)

        def read(piece: int) -> list[Tensor]:
            # Of each part of an update, so that resuming needs no generator's state.
            seeds = [self._settings.seed, step, self._accelerator.process_index, piece]
            torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0]))
            return list(self._encode(self._rows.tokens, pieces[piece]))

        def look() -> list[list[Tensor]]:
            with torch.set_grad_enabled(len(pieces) == 1):
                return [read(piece) for piece in range(len(pieces))]

        outputs = self._if_it_fits(look)
        if outputs is None:
            return None
        leaves = [torch.cat(side).detach().requires_grad_() for side in zip(*outputs, strict=True)]
        terms = self._terms(batch, part, *leaves, step=step)
        values = self._mean_over_processes(terms)
        self._require_finite("loss", values["loss"], values, batch)
        terms.loss.backward()  # type: ignore[no-untyped-call]

        def pass_on() -> bool:
            ends = np.cumsum([0, *map(len, pieces)]).tolist()
            for piece, (first, last) in enumerate(pairwise(ends)):
                sides = zip(outputs[0] if len(pieces) == 1 else read(piece), leaves, strict=True)
                known = [(side, leaf.grad) for side, leaf in sides if leaf.grad is not None]
                torch.autograd.backward(
                    [side for side, _ in known], [grad[first:last] for _, grad in known]
                )
            return True

        return values if self._if_it_fits(pass_on) else None

    def _terms(
        self, batch: Batch, part: Batch, logits: Tensor, vectors: Tensor, *, step: int
    ) -> Terms:
        """The terms of this process's part of a batch."""
        device, settings, rows = self._accelerator.device, self._settings, self._rows
        chosen, count = torch.from_numpy(part.rows), len(part.rows)
        growing = settings.otc_warmup * self._plan.steps
        grown = min((step + 1) / growing, 1.0) if growing else 1.0
        terms: Terms = self._objective(
            logits[:count],
            vectors[:count],
            rows.labels[chosen].to(device),
            torch.from_numpy(part.partners).to(device),
            rows.groups[chosen].to(device),
            otc_weight=settings.otc_weight * grown,
            batch_labels=rows.labels[torch.from_numpy(batch.rows)].to(device),
            views=(logits[count:], vectors[count:]) if self._twice(part) else None,
        )
        return terms

    def _twice(self, part: Batch) -> bool:
        """Whether originals are read twice, with other dropout, for OTC to tie them together."""
        settings = self._settings
        return settings.otc and settings.otc_pairs == "dropout" and len(part.partners) > 0

    def _encode(self, tokens: TokenCache, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Logits `(rows, classes)` and vectors `(rows, dim)` of some texts."""
        device = self._accelerator.device
        ids, mask = (part.to(device) for part in tokens.batch(rows))
        with torch.autocast(device.type, torch.bfloat16, enabled=self._plan.bf16):
            output: Any = self._model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        return output.logits, pool(output.hidden_states[-1], mask, self._plan.pooling)

    def _if_it_fits(self, work: Callable[[], T]) -> T | None:
        """What some work gives; None if memory ran out in it, in this process or another."""
        done: T | None = None
        try:
            done = work()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # Outside of `except`, whose error holds on to what was computed so far.
        if not self.anyone(done is None):
            return done
        self._optimizer.zero_grad()
        return None

    def anyone(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        if self._accelerator.num_processes == 1:
            return flag
        flags = torch.tensor(float(flag), device=self._accelerator.device)
        return bool(self._accelerator.reduce(flags, "sum") > 0)

    def _split_further(self, batch: Batch, step: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        part = batch.shard(self._accelerator.process_index, self._accelerator.num_processes)
        lengths = self._rows.tokens.lengths[part.rows]
        if not self.anyone(len(lengths) * (1 + self._twice(part)) > self.parts):
            raise TrainingError(
                f"update {step + 1}: not even a single text fits into memory; the longest of its "
                f"batch has {lengths.max()} tokens.",
                "Use a smaller --max-length or --encoder, or a machine with more memory.",
            )
        if self.parts == 1 and self._accelerator.is_main_process:
            warnings.warn(
                f"memory ran out at update {step + 1} ({len(lengths)} rows of up to "
                f"{lengths.max()} tokens). Batches are computed in parts from here on: with the "
                "same rows and the same loss, but slower. A smaller --max-length or --batch-size "
                "would avoid it.",
                BabeliftWarning,
                stacklevel=2,
            )
        self.parts *= 2

    def _mean_over_processes(self, terms: Terms) -> Values:
        parts = terms._asdict()
        present = {name: part.detach().float() for name, part in parts.items() if part is not None}
        stacked = torch.stack(list(present.values()))
        if self._accelerator.num_processes > 1:
            stacked = self._accelerator.reduce(stacked, "mean")
        means = dict(zip(present, stacked.tolist(), strict=True))
        return {name: means.get(name) for name in parts}

    def _require_finite(self, what: str, value: float | None, values: Values, batch: Batch) -> None:
        if value is None or not np.isfinite(value):
            parts = ", ".join(f"{name} {part}" for name, part in values.items() if part is not None)
            names = ", ".join(self._rows.ids[row] for row in batch.rows)
            raise NonFiniteLossError(
                f"the {what} is not finite ({parts}). Rows of the batch: {names}."
            )
