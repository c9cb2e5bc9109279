"""The training loop: updates, validations and checkpoints, each at a place that can be resumed."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from babelift.config import Training
from babelift.errors import NonFiniteLossError
from babelift.progress import Progress, Task
from babelift.train.checkpoint import Checkpoints, State, Tensors
from babelift.train.data import Rows
from babelift.train.interrupt import Interrupt
from babelift.train.log import Log
from babelift.train.objective import Objective, Terms, pool
from babelift.train.sampler import Batch, PairSampler
from babelift.train.tokens import by_length

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

OWN_LEARNING_RATE = 1e-3
"""Least peak learning rate of OTC's projection and temperature, which start from nothing."""

VALIDATION_BATCH = 64


class Stopped(Exception):  # noqa: N818
    """Ctrl-C was pressed and a safe point reached."""


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


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at an update (from 0): linear up, then linear down to 0.

    >>> [schedule(step, 5, 0.4) for step in range(5)]
    [0.5, 1.0, 1.0, 0.6666666666666666, 0.3333333333333333]
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(steps - rising, 1)


def optimizer_for(
    model: "PreTrainedModel", objective: Objective, settings: Training, learning_rate: float
) -> torch.optim.AdamW:
    """AdamW; biases, normalisation and OTC's own parameters are not decayed."""
    own = max(learning_rate, OWN_LEARNING_RATE)
    parameters = list(model.named_parameters())
    return torch.optim.AdamW(
        [
            {
                "params": [value for _, value in parameters if value.ndim > 1],
                "peak": learning_rate,
                "weight_decay": settings.weight_decay,
            },
            {
                "params": [value for _, value in parameters if value.ndim <= 1],
                "peak": learning_rate,
                "weight_decay": 0.0,
            },
            {"params": list(objective.parameters()), "peak": own, "weight_decay": 0.0},
        ],
        lr=learning_rate,
        fused=True,
    )


class Loop:
    """Trains a model step by step.

    Every update depends on the state, the seed and the data alone, so that a loop taken up from a
    checkpoint ends with the same weights as one that was never interrupted.

    Args:
        accelerator: Device and processes.
        model: Classifier of transformers.
        objective: What is minimised.
        sampler: Which rows make up each update.
        rows: Training rows.
        validation: Validation rows, None for none.
        settings: How to train.
        plan: How long and how fast.
        checkpoints: Where states are kept.
    """

    def __init__(
        self,
        accelerator: "Accelerator",
        model: "PreTrainedModel",
        objective: Objective,
        sampler: PairSampler,
        rows: Rows,
        validation: Rows | None,
        settings: Training,
        plan: Plan,
        checkpoints: Checkpoints,
    ) -> None:
        self.state = State()
        self.plan, self.settings, self.checkpoints = plan, settings, checkpoints
        self._accelerator, self._sampler = accelerator, sampler
        self._rows, self._validation = rows, validation
        self._bare = model
        self._objective = objective.to(accelerator.device)
        self._model = accelerator.prepare(model)
        self._optimizer = optimizer_for(model, objective, settings, plan.learning_rate)
        self._saved: int | None = None

    def resume(self, state: State, tensors: Tensors) -> None:
        """Take up a checkpoint."""
        self.state = state
        self._saved = state.step
        self.load_weights(tensors)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            if part == "optimizer":
                number, key = rest.split(".")
                moments.setdefault(int(number), {})[key] = value
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})

    def load_weights(self, tensors: Tensors) -> None:
        """Set the weights of the model and of OTC's own parameters."""
        with torch.no_grad():
            for name, value in self._weights().items():
                value.copy_(tensors[name])

    def run(self, log: Log | None, progress: Progress) -> None:
        """Train to the end.

        Args:
            log: Where updates are logged; None in all but the first of several processes, which
                write nothing.
            progress: Where progress is shown.

        Raises:
            KeyboardInterrupt: Ctrl-C; a checkpoint has been written.
            NonFiniteLossError: The loss or its gradient is NaN or infinite.
            TrainingError: A file cannot be written.
        """
        began = time.monotonic() - self.state.seconds
        self._model.train()
        title = "training"
        with Interrupt() as interrupt, progress.task(title, self.plan.steps, "updates") as task:
            task.advance(self.state.step)
            try:
                while not self._finished(interrupt, log, task):
                    self.state.seconds = time.monotonic() - began
                    self._save_if_due(log)
                    self._update(interrupt, log)
                    task.advance(1)
            except Stopped:
                self.state.seconds = time.monotonic() - began
                self._save(log)
                progress.say(
                    f"Stopped after update {self.state.step} of {self.plan.steps}; everything so "
                    "far is kept. Run the same command again to go on from here."
                )
                raise KeyboardInterrupt from None
        self.state.seconds = time.monotonic() - began

    def _finished(self, interrupt: Interrupt, log: Log | None, task: Task) -> bool:
        self._stop_if_asked(interrupt)
        state = self.state
        at_end = state.step >= self.plan.steps
        due = state.step > 0 and (at_end or state.step % self._sampler.steps_per_epoch == 0)
        if self._validation is not None and due and state.validated < state.step:
            self._validate(self._validation, interrupt, log, task)
        return at_end or state.stopped_early

    def _stop_if_asked(self, interrupt: Interrupt) -> None:
        asked = interrupt.requested
        if self._accelerator.num_processes > 1:
            flag = torch.tensor(float(asked), device=self._accelerator.device)
            asked = bool(self._accelerator.reduce(flag, "sum") > 0)
        if asked:
            raise Stopped

    def _update(self, interrupt: Interrupt, log: Log | None) -> None:
        began = time.perf_counter()
        step, settings, accelerator = self.state.step, self.settings, self._accelerator
        epoch, within = divmod(step, self._sampler.steps_per_epoch)
        batch = self._sampler.batch(epoch, within)
        rate = schedule(step, self.plan.steps, settings.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        torch.manual_seed(_step_seed(settings.seed, step, accelerator.process_index))
        terms, tokens = self._forward(batch, step)
        values = self._mean_over_processes(terms)
        self._require_finite(values["loss"], values, batch, epoch, "loss")
        accelerator.backward(terms.loss)
        self._average_own_gradients()
        parameters = [*self._model.parameters(), *self._objective.parameters()]
        norm = accelerator.clip_grad_norm_(parameters, settings.clip)
        gradient_norm = float(norm)
        self._require_finite(gradient_norm, values, batch, epoch, "gradient")
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.state.step += 1
        self.state.tokens += tokens
        self.state.recycled += batch.recycled
        if log is not None:
            log.write(
                "step",
                {
                    "step": self.state.step,
                    "epoch": epoch + 1,
                    **values,
                    "learning_rate": self.plan.learning_rate * rate,
                    "gradient_norm": gradient_norm,
                    "rows_per_second": round(len(batch.rows) / (time.perf_counter() - began), 1),
                },
            )

    def _forward(self, batch: Batch, step: int) -> tuple[Terms, int]:
        """The terms of this process's part of a batch, and the tokens of the whole batch."""
        device, settings, rows = self._accelerator.device, self.settings, self._rows
        part = batch.shard(self._accelerator.process_index, self._accelerator.num_processes)
        chosen = torch.from_numpy(part.rows)
        ids, mask = (tensor.to(device) for tensor in rows.tokens.batch(part.rows))
        logits, hidden = self._encode(self._model, ids, mask)
        growing = settings.otc_warmup * self.plan.steps
        grown = min((step + 1) / growing, 1.0) if growing else 1.0
        terms = self._objective(
            logits,
            pool(hidden, mask, settings.pooling),
            rows.labels[chosen].to(device),
            torch.from_numpy(part.partners).to(device),
            rows.groups[chosen].to(device),
            otc_weight=settings.otc_weight * grown,
            batch_labels=rows.labels[torch.from_numpy(batch.rows)].to(device),
        )
        return terms, int(rows.tokens.lengths[batch.rows].sum())

    def _encode(
        self, model: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self.plan.bf16):
            output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        return output.logits, output.hidden_states[-1]

    def _mean_over_processes(self, terms: Terms) -> dict[str, float | None]:
        parts = {
            "loss": terms.loss,
            "ce": terms.ce,
            "otc": terms.otc,
            "positive_cosine": terms.positive_cosine,
            "retrieval_at_1": terms.retrieval,
        }
        present = {
            name: value.detach().float() for name, value in parts.items() if value is not None
        }
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

    def _require_finite(
        self,
        value: float | None,
        values: dict[str, float | None],
        batch: Batch,
        epoch: int,
        what: str,
    ) -> None:
        if value is not None and np.isfinite(value):
            return
        parts = ", ".join(f"{name} {part}" for name, part in values.items() if part is not None)
        names = ", ".join(self._rows.ids[row] for row in batch.rows)
        last = f"checkpoint of update {self._saved}" if self._saved else "start"
        raise NonFiniteLossError(
            f"update {self.state.step + 1} (epoch {epoch + 1}): the {what} is not finite "
            f"({parts}). Rows of the batch: {names}.",
            f"The {last} is kept. Look at these rows, or try in a new run folder a lower "
            "--learning-rate, a higher --temperature, or --precision fp32.",
        )

    @torch.inference_mode()
    def _validate(self, rows: Rows, interrupt: Interrupt, log: Log | None, task: Task) -> None:
        state, accelerator = self.state, self._accelerator
        right = torch.zeros(len(rows.languages), dtype=torch.float64)
        ce = torch.zeros((), dtype=torch.float64)
        batches = by_length(rows.tokens.lengths, VALIDATION_BATCH)
        self._model.eval()
        try:
            for batch in batches[accelerator.process_index :: accelerator.num_processes]:
                if accelerator.num_processes == 1:
                    self._stop_if_asked(interrupt)
                ids, mask = (part.to(accelerator.device) for part in rows.tokens.batch(batch))
                # Not the distributed model: it waits for the others at every batch.
                logits = self._encode(self._bare, ids, mask)[0].float().cpu()
                labels, langs = rows.labels[batch], rows.langs[batch]
                right.index_add_(0, langs, (logits.argmax(dim=1) == labels).double())
                ce += torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        finally:
            self._model.train()
        sums = torch.cat([right, ce[None]])
        if accelerator.num_processes > 1:
            sums = accelerator.reduce(sums.to(accelerator.device, torch.float32), "sum").cpu()
        counts = torch.bincount(rows.langs, minlength=len(rows.languages))
        scores = (sums[:-1] / counts).tolist()
        self._judge(
            dict(zip(rows.languages, scores, strict=True)), float(sums[-1]), rows, log, task
        )
        state.validated = state.step

    def _judge(
        self, scores: dict[str, float], ce: float, rows: Rows, log: Log | None, task: Task
    ) -> None:
        """Keep the weights if they are the best so far, and stop if they have not been for long."""
        state = self.state
        spe = self._sampler.steps_per_epoch
        mean = sum(scores.values()) / len(scores)
        best = mean > state.best_score
        if best:
            if log is not None:
                self.checkpoints.save_best(state.step, self._weights())
            state.best_step, state.best_score = state.step, mean
        patience = self.settings.patience
        state.stopped_early = (
            patience is not None and state.step - state.best_step >= patience * spe
        )
        task.describe(f"training (epoch {-(-state.step // spe)}, validation F1 {mean:.3f})")
        if log is not None:
            log.write(
                "validation",
                {
                    "step": state.step,
                    "epoch": -(-state.step // spe),
                    "f1_micro": scores,
                    "mean": mean,
                    "ce": ce / len(rows.ids),
                    "best": best,
                },
            )

    def _save_if_due(self, log: Log | None) -> None:
        step = self.state.step
        if step and step % self.settings.checkpoint_every == 0 and step != self._saved:
            self._save(log)

    def _save(self, log: Log | None) -> None:
        if log is not None:
            log.sync()
            self.checkpoints.save(self.state, {**self._weights(), **self._moments()})
        self._saved = self.state.step

    def _weights(self) -> dict[str, torch.Tensor]:
        """Every weight once, by name, sharing memory with the model."""
        named: dict[str, Any] = {
            **{f"model.{name}": value for name, value in self._bare.named_parameters()},
            **{f"objective.{name}": value for name, value in self._objective.named_parameters()},
        }
        return {name: value.detach() for name, value in named.items()}

    def _moments(self) -> dict[str, torch.Tensor]:
        return {
            f"optimizer.{number}.{key}": value
            for number, values in self._optimizer.state_dict()["state"].items()
            for key, value in values.items()
        }


def _step_seed(seed: int, step: int, process: int) -> int:
    """A seed for one update's dropout, so that a resumed run needs no generator's state."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0])
