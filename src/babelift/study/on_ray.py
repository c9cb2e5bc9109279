"""Hands a study's trainings to a Ray cluster; every node must see the folder of the store."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from babelift.cluster import connected, gpus_each, import_ray
from babelift.study.job import Task
from babelift.study.runner import Execute, run_locked

RETRIES: Final = 3
"""Times that a run is tried again after the node it was on has died."""


def on_ray(workers: int | None = None) -> Execute:
    """Runs tasks on a Ray cluster, as many at a time as it has room for: each takes a core, and a
    GPU where the cluster has any.

    Uses the cluster that Ray is connected to, or finds by itself (`RAY_ADDRESS`, `ray start`);
    without one, this machine becomes one. A node that dies costs the runs on it alone: they are
    tried again elsewhere and go on from their last checkpoint.

    Args:
        workers: Most trainings at a time; all that fit where absent.

    Raises:
        MissingDependencyError: Ray is not installed.
    """
    ray = import_ray("the trainings")

    def execute(tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
        with connected(ray):
            options = {"max_retries": RETRIES, "num_cpus": 1, "num_gpus": gpus_each(ray)}
            run = ray.remote(**options)(run_locked)
            waiting = list(reversed(tasks))
            running: dict[Any, Task] = {}
            while waiting or running:
                while waiting and len(running) < (workers or len(tasks)):
                    task = waiting.pop()
                    running[run.remote(task)] = task
                (done, *_), _ = ray.wait(list(running))
                task = running.pop(done)
                try:
                    yield task, ray.get(done)
                except ray.exceptions.RayError as error:
                    yield task, f"{type(error).__name__}: {error}"

    return execute
