"""Processes that a launcher (torchrun, accelerate launch) started to train together."""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from accelerate import Accelerator

_LAUNCHED: Final = ("RANK", "WORLD_SIZE", "MASTER_ADDR")
_PATIENCE: Final = timedelta(days=30)
"""How long the others wait for the first, which may have to translate for days."""


def world() -> tuple[int, int]:
    """This process's number, from 0, and how many there are; `(0, 1)` where none was launched.

    >>> world()
    (0, 1)
    """
    if not all(name in os.environ for name in _LAUNCHED):
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


def is_first() -> bool:
    """Whether this is the process that reads, writes and reports."""
    return world()[0] == 0


def make_accelerator() -> "Accelerator":
    """accelerate's view of device and processes, in float32."""
    import torch
    from accelerate import Accelerator

    # Without a device accelerate takes launched processes for single ones, unless it is told.
    on_cpu = world()[1] > 1 and not torch.accelerator.is_available()
    # Said outright, since it otherwise takes what another trainer left in the environment.
    return Accelerator(mixed_precision="no", cpu=on_cpu)


class Others:
    """Tells the other processes, once, what becomes of the work they wait for.

    Used by the first process around the work; where it is the only one nothing is done. An
    exception tells them that there is nothing left to do.
    """

    def __init__(self) -> None:
        self._waiting = world()[1] > 1
        self._group: Any = None

    def __enter__(self) -> Self:
        if self._waiting:
            self._group = _meet()
        return self

    def tell(self, folder: Path | None) -> None:
        """Name the run's folder, in which training begins; None where it is done already."""
        if self._waiting:
            self._waiting = False
            _broadcast((True, folder), self._group)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._waiting:
            self._waiting = False
            _broadcast((error is None, None), self._group)
        if self._group is not None:
            leave()


def wait_for_first() -> tuple[bool, Path | None]:
    """Whether all went well in the first process, and the folder of the run to train in.

    The folder is None where there is nothing to train.
    """
    outcome: tuple[bool, Path | None] = _broadcast(None, _meet())
    return outcome


def leave() -> None:
    """End what `Others` or `wait_for_first` began, after training."""
    import torch.distributed as dist

    dist.destroy_process_group()


def _meet() -> Any:
    """A group of all processes in which one may wait for long without a timeout."""
    import torch.distributed as dist

    make_accelerator()
    return dist.new_group(backend="gloo", timeout=_PATIENCE)


def _broadcast(message: Any, group: Any) -> Any:
    import torch.distributed as dist

    box = [message]
    dist.broadcast_object_list(box, src=0, group=group)
    return box[0]
