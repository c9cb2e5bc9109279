"""What the training needs: batches by length, the learning rate, state that outlives a kill."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

STATE = "state.safetensors"


def chunks(
    order: np.ndarray, lengths: Sequence[int] | np.ndarray, budget: int
) -> Iterator[np.ndarray]:
    """Runs of sentences, shortest first, each within a budget of tokens with its padding.

    Args:
        order: Sentence numbers by growing length.
        lengths: Tokens of each sentence, by its number.
        budget: Most tokens of a run; a longer sentence stands alone.

    >>> [run.tolist() for run in chunks(np.array([2, 0, 1]), [2, 4, 1], 4)]
    [[2, 0], [1]]
    """
    start = 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or (stop + 1 - start) * lengths[order[stop]] > budget:
            yield order[start:stop]
            start = stop


def cosine(step: int, warmup: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up, then half a cosine down to nothing.

    >>> [round(cosine(step, 2, 4), 2) for step in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


class HalfTrained:
    """A model computed in bfloat16 whose weights are kept and updated in float32.

    Faster than casting the weights at every use, which automatic mixed precision does.

    Args:
        model: Its parameters become bfloat16.
        make: Makes the optimiser from the float32 weights, by name.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        make: Callable[[dict[str, torch.Tensor]], torch.optim.Optimizer],
    ) -> None:
        self.weights = {name: p.detach().float().clone() for name, p in model.named_parameters()}
        self.model = model.to(torch.bfloat16)
        self.optimizer = make(self.weights)

    def step(self, *, clip: float = 1.0) -> float:
        """Update the weights by the model's gradients, which are cleared; their norm before."""
        parameters = dict(self.model.named_parameters())
        for name, weight in self.weights.items():
            weight.grad = parameters[name].grad.float()
            parameters[name].grad = None
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), clip)
        self.optimizer.step()
        self._copy()
        return float(norm)

    def keep(self, step: int, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Replace the kept state by the present one, in one step."""
        state = {f"weight.{name}": value for name, value in self.weights.items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            state |= {f"adam.{number}.{name}": torch.as_tensor(v) for name, v in moments.items()}
        unfinished = folder / "state.part"
        save_file(state, unfinished, {"step": str(step), "recipe": json.dumps(dict(recipe))})
        unfinished.replace(folder / STATE)

    def resume(self, folder: Path) -> int:
        """Take up the kept state, if there is one; the number of updates already done."""
        path = folder / STATE
        if not path.is_file():
            return 0
        with safe_open(path, "pt") as opened:
            step = int(opened.metadata()["step"])
        current = self.optimizer.state_dict()
        for key, value in load_file(path).items():
            kind, name = key.split(".", 1)
            if kind == "weight":
                self.weights[name].copy_(value)
            else:
                number, moment = name.split(".")
                current["state"].setdefault(int(number), {})[moment] = value
        self.optimizer.load_state_dict(current)
        self._copy()
        return step

    def finished(self) -> torch.nn.Module:
        """The model with its float32 weights, on the processor."""
        model = self.model.float().cpu()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self.weights[name])
        return model

    def _copy(self) -> None:
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(self.weights[name])
