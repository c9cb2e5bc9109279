"""AdamW, and how its learning rate rises and falls."""

from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from babelift.config import Training

OWN_LEARNING_RATE: Final = 1e-3
"""Least peak learning rate of OTC's projection and temperature, which start from nothing."""


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
    model: torch.nn.Module, own: torch.nn.Module, settings: "Training", learning_rate: float
) -> torch.optim.AdamW:
    """AdamW; biases, normalisation and OTC's own parameters are not decayed.

    Args:
        model: The classifier.
        own: The objective, with parameters of its own.
        settings: For the weight decay.
        learning_rate: Peak, kept as `peak` in each group.
    """
    weights = list(model.parameters())
    return torch.optim.AdamW(
        [
            {
                "params": [weight for weight in weights if weight.ndim > 1],
                "peak": learning_rate,
                "weight_decay": settings.weight_decay,
            },
            {
                "params": [weight for weight in weights if weight.ndim <= 1],
                "peak": learning_rate,
                "weight_decay": 0.0,
            },
            {
                "params": list(own.parameters()),
                "peak": max(learning_rate, OWN_LEARNING_RATE),
                "weight_decay": 0.0,
            },
        ],
        lr=learning_rate,
        fused=True,
    )
