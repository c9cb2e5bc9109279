"""Rows of all processes in one tensor, with gradient."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes that train together; 1 where nothing is distributed."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _GatherRows(torch.autograd.Function):
    """Concatenates; backward sums each process's gradient of this process's rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        largest = max(sizes)
        padded = rows.new_zeros((largest, *rows.shape[1:]))
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous()
        dist.all_reduce(total)
        rank = dist.get_rank()
        start = sum(ctx.sizes[:rank])
        return total[start : start + ctx.sizes[rank]], None


def gather_rows(rows: Tensor) -> Tensor:
    """The rows of every process, in order of their ranks; the tensor itself with one process.

    Processes may have different numbers of rows. The gradient that reaches a process's rows is the
    sum of what all processes compute for them.

    Args:
        rows: `(rows, ...)`, of one type and trailing shape everywhere.
    """
    processes = world_size()
    if processes == 1:
        return rows
    mine = torch.tensor([len(rows)], device=rows.device)
    sizes = [torch.empty_like(mine) for _ in range(processes)]
    dist.all_gather(sizes, mine)
    gathered: Tensor = _GatherRows.apply(rows, [int(size) for size in sizes])  # type: ignore[no-untyped-call]
    return gathered
