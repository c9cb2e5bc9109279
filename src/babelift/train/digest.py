"""What two trainings started from and in which order, so that they can be told to be the same."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def weights_digest(model: "torch.nn.Module") -> str:
    """SHA-256 of a model's weights and their names.

    >>> import torch
    >>> ones, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    >>> _ = other.load_state_dict(ones.state_dict())
    >>> weights_digest(ones) == weights_digest(other)
    True
    """
    result = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        result.update(f"{name} {tuple(weight.shape)}".encode())
        result.update(weight.detach().float().cpu().contiguous().numpy().data)
    return result.hexdigest()


def ids_digest(ids: Sequence[str]) -> str:
    """SHA-256 of row ids in their order.

    >>> ids_digest(["a", "bc"]) == ids_digest(["ab", "c"])
    False
    """
    return hashlib.sha256("".join(f"{len(name)}:{name}" for name in ids).encode()).hexdigest()
