"""Ray's cluster, for whatever is handed to one; the library is imported where it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from babelift.errors import MissingDependencyError


def import_ray(work: str) -> Any:
    """The library.

    Args:
        work: What is to be handed to it, such as `the trainings`.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            f"{work} cannot be handed to Ray: the library 'ray' is not installed.",
            "pip install 'babelift[ray]', or leave --on ray out.",
        ) from error
    return ray


@contextmanager
def connected(ray: Any) -> Iterator[None]:
    """Be connected to a cluster: the one at hand, else this machine becomes one.

    At hand is what Ray is connected to already, or finds by itself (`RAY_ADDRESS`, `ray start`).
    A connection that was there before stays.
    """
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(log_to_driver=False)
    try:
        yield
    finally:
        if started_here:
            ray.shutdown()


def gpus_each(ray: Any) -> int:
    """How many GPUs a piece of work takes: one where the cluster has any."""
    return 1 if ray.cluster_resources().get("GPU") else 0
