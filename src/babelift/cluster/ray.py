"""Processes on a Ray cluster: fed ahead, in order, and replaced when they or their node die."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from babelift.errors import BabeliftError, MissingDependencyError


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


IN_FLIGHT: Final = 2
"""Pieces of work that an actor has at a time: one that it works on, and the next."""

AHEAD: Final = 4
"""Pieces for each actor that may be begun or finished before the oldest has come back."""

ATTEMPTS: Final = 3
"""Times that a piece may be lost, or an actor die with nothing done, before that is an error."""


class Worker:
    """What runs in a process of its own on some node; a subclass has the methods that work.

    Args:
        cores: How many threads the libraries that it uses may have.
        folder: Where relative paths start from.
    """

    def __init__(self, cores: int, folder: Path) -> None:
        # Before any library that reads it is imported.
        os.environ["OMP_NUM_THREADS"] = str(cores)
        with suppress(OSError):
            os.chdir(folder)

    def ready(self) -> None:
        """Nothing; that it returns says that the process runs."""


class Work(NamedTuple):
    """What all pieces of some work have in common.

    Attributes:
        name: Who does it, for error messages: a translator, a model.
        method: The worker's method.
        error: What is raised where processes die, or raise what is no error of ours.
        hint: What helps where memory runs out.
    """

    name: str
    method: str
    error: type[BabeliftError]
    hint: str


class Piece(NamedTuple):
    """What a worker is given at a time.

    Attributes:
        what: What it is, for error messages, such as `32 texts`.
        arguments: Those of the worker's method.
    """

    what: str
    arguments: tuple[Any, ...]


@dataclass(slots=True, eq=False)
class Actor:
    """A worker as it is seen from here.

    Attributes:
        handle: Ray's.
        starting: Comes back when its process runs; None from then on.
        calls: Pieces that it has.
        failures: Deaths of it and those before it since they last finished a piece.
    """

    handle: Any
    starting: Any
    calls: int = 0
    failures: int = 0


class Actors:
    """As many workers as the cluster has room for, begun with the first piece; `close` ends them.

    Args:
        ray: The library.
        worker: What each of them is.
        workers: How many; where absent, as many as the cluster has cores for, or GPUs if it has
            any.
        cores: Cores for each.
    """

    def __init__(
        self, ray: Any, worker: type[Worker], workers: int | None = None, cores: int = 1
    ) -> None:
        self.ray = ray
        self.all: list[Actor] = []
        self._worker, self._workers, self._cores = worker, workers, cores
        self._stack = ExitStack()
        self._remote: Any = None

    def run(self, work: Work, pieces: Iterable[Piece]) -> Iterator[Any]:
        """What the workers return for each piece, in order; pieces are taken as they are needed.

        Raises:
            BabeliftError: What a worker raised; `work.error` for any other exception, for a piece
                that was lost too often, and where no worker stays alive.
        """
        begun = _Run(self, work, pieces)
        try:
            yield from begun.results()
        finally:
            begun.cancel()

    def fill(self) -> None:
        """Start as many workers as are lacking; those without room wait for it."""
        if self._remote is None:
            self._stack.enter_context(connected(self.ray))
            gpus = gpus_each(self.ray)
            options = {"num_cpus": self._cores, "num_gpus": gpus, "scheduling_strategy": "SPREAD"}
            self._remote = self.ray.remote(**options)(self._worker)
        while len(self.all) < (self._workers or self._room()):
            self.all.append(self._start())

    def bury(self, dead: Actor) -> None:
        """Start another worker in the place of one that died, unless that was tried too often."""
        if dead in self.all:
            self.all.remove(dead)
            self.ray.kill(dead.handle)
            if dead.failures + 1 < ATTEMPTS:
                self.all.append(self._start(dead.failures + 1))

    def close(self) -> None:
        """End the workers, and the cluster if it was begun here; safe to call twice."""
        for actor in self.all:
            self.ray.kill(actor.handle)
        self.all.clear()
        self._remote = None
        self._stack.close()

    def _room(self) -> int:
        resources = self.ray.cluster_resources()
        cores = int(resources.get("CPU", 0)) // self._cores
        return max(1, min(cores, int(resources.get("GPU", 0)) or cores))

    def _start(self, failures: int = 0) -> Actor:
        handle = self._remote.remote(self._cores, Path.cwd())
        return Actor(handle, handle.ready.remote(), failures=failures)


class _Run:
    """The pieces of one call: which are where, which are lost, which wait for their turn."""

    def __init__(self, actors: Actors, work: Work, pieces: Iterable[Piece]) -> None:
        self._actors, self._work = actors, work
        self._ray = actors.ray
        self._coming = enumerate(pieces)
        self._next = next(self._coming, None)
        self._pieces: dict[int, Piece] = {}  # begun and not finished
        self._calls: dict[Any, tuple[Actor, int]] = {}
        self._lost: list[int] = []
        self._losses: dict[int, int] = {}
        self._done: dict[int, Any] = {}

    def results(self) -> Iterator[Any]:
        """What is returned for each piece, in order."""
        if self._next is not None:
            self._actors.fill()
        number = 0
        while self._next is not None or self._pieces or self._done:
            self._hand_out(number)
            if number in self._done:
                yield self._done.pop(number)
                number += 1
            else:
                self._wait()

    def cancel(self) -> None:
        """Take back what no worker has begun."""
        for call, (actor, _) in self._calls.items():
            self._ray.cancel(call)
            actor.calls -= 1
        self._calls.clear()

    def _hand_out(self, oldest: int) -> None:
        ready = [actor for actor in self._actors.all if actor.starting is None]
        while ready and (actor := min(ready, key=lambda one: one.calls)).calls < IN_FLIGHT:
            number = self._take(oldest + AHEAD * len(ready))
            if number is None:
                return
            method = getattr(actor.handle, self._work.method)
            call = method.remote(*self._pieces[number].arguments)
            self._calls[call] = (actor, number)
            actor.calls += 1

    def _take(self, end: int) -> int | None:
        """The number of the piece to begin: a lost one first, no new one from `end` on."""
        if self._lost:
            return heappop(self._lost)
        if self._next is None or self._next[0] >= end:
            return None
        number, self._pieces[number] = self._next
        self._next = next(self._coming, None)
        return number

    def _wait(self) -> None:
        """Until a piece or a worker is ready, or has died."""
        starting = {one.starting: one for one in self._actors.all if one.starting is not None}
        (first, *_), _ = self._ray.wait([*self._calls, *starting])
        try:
            result = self._ray.get(first)
        except self._ray.exceptions.RayTaskError as error:
            self._fail(error)
        except self._ray.exceptions.RayError as error:
            self._lose(first, starting.get(first), error)
            return
        if first in starting:
            starting[first].starting = None
            return
        actor, number = self._calls.pop(first)
        actor.calls -= 1
        actor.failures = 0
        self._done[number] = result
        del self._pieces[number]

    def _lose(self, call: Any, starter: Actor | None, reason: BaseException) -> None:
        """A worker is gone, and with it one piece; what else it had comes up by itself."""
        actor, number = (starter, None) if starter else self._calls.pop(call)
        self._actors.bury(actor)
        if number is not None:
            self._losses[number] = self._losses.get(number, 0) + 1
            if self._losses[number] >= ATTEMPTS:
                raise self._work.error(
                    f"{self._work.name}: {ATTEMPTS} processes on the Ray cluster died with the "
                    f"same {self._pieces[number].what}; the last one: {_brief(reason)}",
                    self._work.hint,
                ) from reason
            heappush(self._lost, number)
        if not self._actors.all:
            raise self._work.error(
                f"no process on the Ray cluster stays alive; the last one: {_brief(reason)}",
                "See Ray's logs of that node; memory may have run out there.",
            ) from reason

    def _fail(self, error: Any) -> NoReturn:
        """Raise what a worker raised."""
        if isinstance(error.cause, BabeliftError):
            raise error.cause from error
        raise self._work.error(
            f"{self._work.name}: failed on the Ray cluster: {_brief(error.cause)}"
        ) from error


def _brief(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0].rstrip('.')}."
