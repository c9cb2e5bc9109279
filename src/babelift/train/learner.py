"""The model with all that changes it: one update, one validation, and its tensors by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from babelift.config import Training
from babelift.errors import NonFiniteLossError
from babelift.train.batch import Batch
from babelift.train.checkpoint import Tensors
from babelift.train.data import Rows
from babelift.train.objective import Objective, Terms, pool
from babelift.train.optimizer import make_optimizer, schedule
from babelift.train.tokens import TokenCache, by_length

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

VALIDATION_BATCH: Final = 64

Values = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast.

    Attributes:
        steps: Updates in all.
        learning_rate: Peak.
        bf16: Whether the encoder works in bfloat16.
    """

    steps: int
    learning_rate: float
    bf16: bool


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
        self._bare = model
        self._objective = objective.to(accelerator.device)
        self._model = accelerator.prepare(model)
        self._optimizer = make_optimizer(model, objective, settings, plan.learning_rate)

    def weights(self) -> dict[str, Tensor]:
        """Every weight once, by name, sharing memory with the model."""
        named: dict[str, Any] = {
            **{f"model.{name}": value for name, value in self._bare.named_parameters()},
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
        """
        settings, accelerator = self._settings, self._accelerator
        rate = schedule(step, self._plan.steps, settings.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        torch.manual_seed(_step_seed(settings.seed, step, accelerator.process_index))
        self._model.train()
        terms = self._forward(batch, step)
        values = self._mean_over_processes(terms)
        self._require_finite("loss", values["loss"], values, batch)
        accelerator.backward(terms.loss)
        self._average_own_gradients()
        parameters = [*self._model.parameters(), *self._objective.parameters()]
        norm = float(accelerator.clip_grad_norm_(parameters, settings.clip))
        self._require_finite("gradient", norm, values, batch)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return {**values, "learning_rate": self._plan.learning_rate * rate, "gradient_norm": norm}

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
        self._bare.train(False)
        for batch in batches[accelerator.process_index :: accelerator.num_processes]:
            pause()
            ids, mask = (part.to(accelerator.device) for part in rows.tokens.batch(batch))
            # Not the distributed model: it waits for the others at every batch.
            logits = self._encode(self._bare, ids, mask)[0].float().cpu()
            labels, langs = rows.labels[batch], rows.langs[batch]
            right.index_add_(0, langs, (logits.argmax(dim=1) == labels).double())
            ce += torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        sums = torch.cat([right, ce])
        if accelerator.num_processes > 1:
            sums = accelerator.reduce(sums.to(accelerator.device, torch.float32), "sum").cpu()
        counts = torch.bincount(rows.langs, minlength=len(rows.languages))
        scores = dict(zip(rows.languages, (sums[:-1] / counts).tolist(), strict=True))
        return scores, float(sums[-1]) / len(rows.ids)

    @torch.inference_mode()
    def vectors(self, tokens: TokenCache) -> NDArray[np.float32]:
        """L2-normalised sentence vectors, `(texts, dim)`, as OTC compares them but unprojected."""
        device = self._accelerator.device
        result = np.zeros((len(tokens.lengths), self._bare.config.hidden_size), dtype=np.float32)
        self._bare.train(False)
        for batch in by_length(tokens.lengths, VALIDATION_BATCH):
            ids, mask = (part.to(device) for part in tokens.batch(batch))
            pooled = pool(self._encode(self._bare, ids, mask)[1], mask, self._settings.pooling)
            result[batch] = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return result

    def _forward(self, batch: Batch, step: int) -> Terms:
        """The terms of this process's part of a batch."""
        device, settings, rows = self._accelerator.device, self._settings, self._rows
        part = batch.shard(self._accelerator.process_index, self._accelerator.num_processes)
        chosen = torch.from_numpy(part.rows)
        ids, mask = (tensor.to(device) for tensor in rows.tokens.batch(part.rows))
        logits, hidden = self._encode(self._model, ids, mask)
        growing = settings.otc_warmup * self._plan.steps
        grown = min((step + 1) / growing, 1.0) if growing else 1.0
        terms: Terms = self._objective(
            logits,
            pool(hidden, mask, settings.pooling),
            rows.labels[chosen].to(device),
            torch.from_numpy(part.partners).to(device),
            rows.groups[chosen].to(device),
            otc_weight=settings.otc_weight * grown,
            batch_labels=rows.labels[torch.from_numpy(batch.rows)].to(device),
            views=self._second_views(part, ids, mask),
        )
        return terms

    def _second_views(self, part: Batch, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor] | None:
        """The originals once more, with other dropout, where OTC ties them to themselves."""
        settings, first = self._settings, len(part.rows) - len(part.partners)
        if not settings.otc or settings.otc_pairs != "dropout" or not len(part.partners):
            return None
        logits, hidden = self._encode(self._model, ids[:first], mask[:first])
        return logits, pool(hidden, mask[:first], settings.pooling)

    def _encode(self, model: torch.nn.Module, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self._plan.bf16):
            output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        return output.logits, output.hidden_states[-1]

    def _mean_over_processes(self, terms: Terms) -> Values:
        parts = {
            "loss": terms.loss,
            "ce": terms.ce,
            "otc": terms.otc,
            "positive_cosine": terms.positive_cosine,
            "retrieval_at_1": terms.retrieval,
        }
        present = {name: part.detach().float() for name, part in parts.items() if part is not None}
        stacked = torch.stack(list(present.values()))
        if self._accelerator.num_processes > 1:
            stacked = self._accelerator.reduce(stacked, "mean")
        found = dict(zip(present, stacked.tolist(), strict=True))
        return {name: found.get(name) for name in parts}

    def _average_own_gradients(self) -> None:
        """Average the gradients of OTC's own parameters, as DistributedDataParallel the model's."""
        if self._accelerator.num_processes > 1:
            for parameter in self._objective.parameters():
                if parameter.grad is not None:
                    parameter.grad = self._accelerator.reduce(parameter.grad, "mean")

    def _require_finite(self, what: str, value: float | None, values: Values, batch: Batch) -> None:
        if value is None or not np.isfinite(value):
            parts = ", ".join(f"{name} {part}" for name, part in values.items() if part is not None)
            names = ", ".join(self._rows.ids[row] for row in batch.rows)
            raise NonFiniteLossError(
                f"the {what} is not finite ({parts}). Rows of the batch: {names}."
            )


def _step_seed(seed: int, step: int, process: int) -> int:
    """A seed for one update's dropout, so that a resumed run needs no generator's state."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0])
