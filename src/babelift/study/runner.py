"""Runs a study's tasks: in processes of this machine, or on a Ray cluster."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from babelift.cluster.ray import Piece, Pool, Work
from babelift.errors import BabeliftError, TrainingError
from babelift.study.cache import locked, reason
from babelift.study.task import Task, run_task

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

Execute = Callable[[Sequence[Task]], Iterator[tuple[Task, str | None]]]
"""Runs tasks in any order and gives each back as it ends, with the error that stopped it."""

MEMORY: Final = 5.0
"""GiB for each training at a time: a process that had trained the embedded encoder forty times held
5; a single training takes 2."""

_DIED: Final = "the process died; the machine may have run out of memory"


def run_locked(task: Task) -> str | None:
    """Do a task unless it is done, and say what stopped it.

    Another study may be at the same task: whoever comes second waits and finds it done.
    """
    with locked(task.folder):
        if task.record is not None:
            return None
        try:
            run_task(task)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # one run's fault must not stop the others, Rust's included
            return reason(error)
    return None


def local(workers: int | None = None) -> Execute:
    """Runs tasks in processes of this machine, each with its share of the cores.

    Two small trainings side by side use two cores better than one on both.

    Args:
        workers: See `share_cores`.
    """

    def execute(tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
        number, threads = share_cores(len(tasks), workers)
        yield from _with_pools(tasks, number, threads)

    return execute


def share_cores(tasks: int, workers: int | None = None) -> tuple[int, int]:
    """How many tasks run at a time, and how many threads each has.

    Args:
        tasks: Tasks there are.
        workers: Most tasks at a time; where absent one for each core, as far as memory goes, but
            for a GPU one alone.
    """
    import torch

    from babelift.run.manifest import memory_gib

    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    memory = memory_gib()
    fitting = cores if memory is None else min(cores, int(memory / MEMORY))
    wanted = workers or (1 if torch.accelerator.is_available() else fitting)
    number = max(1, min(wanted, tasks))
    return number, max(1, cores // number)


class _Died(Exception):  # noqa: N818
    """A process died; one of the tasks that were at work is to blame."""

    def __init__(self, at_work: list[Task]) -> None:
        super().__init__()
        self.at_work = at_work


def _with_pools(
    tasks: Sequence[Task], workers: int, threads: int
) -> Iterator[tuple[Task, str | None]]:
    """Each task's end. Where a process dies, those at work are tried again one by one."""
    left = {task.key: task for task in tasks}
    suspects: list[Task] = []
    while left:
        suspects = [task for task in suspects if task.key in left]
        chosen = suspects[:1] or list(left.values())
        try:
            for task, error in _one_pool(chosen, min(workers, len(chosen)), threads):
                del left[task.key]
                yield task, error
        except _Died as death:
            if suspects:
                yield left.pop(chosen[0].key), _DIED
            else:
                suspects = death.at_work


def _one_pool(
    tasks: Sequence[Task], workers: int, threads: int
) -> Iterator[tuple[Task, str | None]]:
    context = multiprocessing.get_context("spawn")
    stopped = context.Event()
    pool = ProcessPoolExecutor(workers, context, _prepare_worker, (threads, stopped))
    waiting = list(reversed(tasks))
    running: dict[Future[str | None], Task] = {}
    try:
        while waiting or running:
            # No more are handed out than are at work, so that those are known if a process dies.
            while waiting and len(running) < workers:
                task = waiting.pop()
                with _deaf_to_interrupts():  # a process inherits that, and has no end of its own
                    running[pool.submit(_run_in_worker, task)] = task
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                try:
                    error = future.result()
                except BrokenProcessPool:
                    raise _Died(list(running.values())) from None
                yield running.pop(future), error
    except KeyboardInterrupt:
        stopped.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_stopped: "Event | None" = None
"""In a worker: whether the program was interrupted, perhaps before the worker could be."""


def _run_in_worker(task: Task) -> str | None:
    """Do a task; only while it does is a worker interrupted, so that it ends without a trace."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if _stopped is not None and _stopped.is_set():
            raise KeyboardInterrupt
        return run_locked(task)
    except KeyboardInterrupt:
        return "it was interrupted"
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _prepare_worker(threads: int, stopped: "Event | None" = None) -> None:
    """Take a share of the cores, and end with the process that started this one."""
    import torch

    global _stopped
    _stopped = stopped
    torch.set_num_threads(threads)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()


def on_ray(workers: int | None = None) -> Execute:
    """Runs tasks on a Ray cluster, as many at a time as it has room for.

    A node that dies costs the runs on it alone: they are tried again elsewhere and go on from their
    last checkpoint. See `cluster.ray.Pool` for which cluster that is.

    Args:
        workers: Most trainings at a time; all that fit where absent.

    Raises:
        MissingDependencyError: Ray is not installed.
    """
    # One at a time: a training that waited for a busy process could have begun in another.
    pool = Pool(_make_worker, workers, in_flight=1, what="the trainings")
    work = Work("training", TrainingError, "Memory may have run out there.")

    def execute(tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
        pieces = [Piece("run", (task,)) for task in tasks]
        with pool:
            for number, error in pool.as_completed(work, pieces):
                yield tasks[number], reason(error) if isinstance(error, BabeliftError) else error

    return execute


def _make_worker() -> Callable[[Task], str | None]:
    return run_locked
