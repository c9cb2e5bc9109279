"""Workers on a Ray cluster: fed ahead, and replaced when they or their node die.

Workers are actors, not Ray Data: that begins its processes, and opens the models, anew for every
call, and is no faster. This is the only module that knows Ray:

    with Pool(MyWorker, workers=4) as pool:
        for result in pool.run(work, pieces):
            ...
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from babelift.errors import BabeliftError, MissingDependencyError

IN_FLIGHT: Final = 2
"""Pieces of work that a worker has at a time: one that it works on, and the next."""

AHEAD: Final = 4
"""Pieces for each worker that may be begun or finished before the oldest has come back."""

ATTEMPTS: Final = 3
"""Times that a piece may be lost, or a worker die before it is ready, before that is an error."""


class Work(NamedTuple):
    """What all pieces of some work have in common.

    Attributes:
        name: Who does it, for error messages: a translator, a model.
        error: What is raised where processes die, or raise what is no error of ours.
        hint: What helps where memory runs out.
    """

    name: str
    error: type[BabeliftError]
    hint: str


class Piece(NamedTuple):
    """What a worker is given at a time.

    Attributes:
        what: What it is, for error messages, such as `32 texts`.
        arguments: The worker is called with these.
    """

    what: str
    arguments: tuple[Any, ...]


class Pool:
    """As many workers as the cluster has room for, begun with the first piece.

    Uses the cluster that Ray is connected to, or finds by itself (`RAY_ADDRESS`, `ray start`);
    without one, this machine becomes one until the pool is closed. Each worker is a process with
    its cores, and a GPU where the cluster has any. What dies with a process or a node is done again
    elsewhere, and processes are begun anew where there is room.

    Args:
        make: Called once in each process; what it returns is called with the arguments of each
            piece. A class or a function at the top of a module, so that nodes find it by its name.
        workers: How many; where absent, as many as the cluster has cores for, or GPUs if it has
            any.
        cores: Cores for each.
        in_flight: Pieces that each has at a time.
        what: What is handed over, for the error where Ray is not installed.

    Attributes:
        workers: Those that are alive or starting.

    Raises:
        MissingDependencyError: Ray is not installed.
    """

    def __init__(
        self,
        make: Callable[[], Callable[..., Any]],
        workers: int | None = None,
        *,
        cores: int = 1,
        in_flight: int = IN_FLIGHT,
        what: str = "the texts",
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingDependencyError(
                f"{what} cannot be handed to Ray: the library 'ray' is not installed.",
                "pip install 'babelift[ray]', or leave --on ray out.",
            ) from error
        self.ray: Any = ray
        self.in_flight = in_flight
        self.workers: list[Worker] = []
        self._make, self._most, self._cores = make, workers, cores
        self._stack = ExitStack()
        self._remote: Any = None

    def run(self, work: Work, pieces: Iterable[Piece]) -> Iterator[Any]:
        """What the workers return for each piece, in order; pieces are taken as they are needed.

        Raises:
            BabeliftError: What a worker raised; `work.error` for any other exception, for a piece
                that was lost too often, and where no worker stays alive.
        """
        with closing(_Run(self, work, pieces).results()) as results:
            for _, result in results:
                if isinstance(result, BabeliftError):
                    raise result
                yield result

    def as_completed(self, work: Work, pieces: Sequence[Piece]) -> Iterator[tuple[int, Any]]:
        """Each piece's place and what came of it, as soon as it ends.

        Yields:
            What the worker returned, or the error that `run` would raise; the others go on.

        Raises:
            BabeliftError: `work.error`, where no worker stays alive.
        """
        return _Run(self, work, pieces).results(in_order=False, most=len(pieces))

    def fill(self, most: int | None = None) -> None:
        """Start as many workers as are lacking, `most` at most; those without room wait for it."""
        if self._remote is None:
            if not self.ray.is_initialized():
                self.ray.init(log_to_driver=False)
                self._stack.callback(self.ray.shutdown)
            gpus = 1 if self.ray.cluster_resources().get("GPU") else 0
            options = {"num_cpus": self._cores, "num_gpus": gpus, "scheduling_strategy": "SPREAD"}
            self._remote = self.ray.remote(**options)(Process)
        wanted = self._most or self._room()
        while len(self.workers) < (wanted if most is None else min(wanted, most)):
            self.workers.append(self._start())

    def replace(self, dead: "Worker") -> None:
        """Start another worker in the place of one that died, unless that was tried too often."""
        if dead in self.workers:
            self.workers.remove(dead)
            self.ray.kill(dead.actor)
            failures = 0 if dead.starting is None else dead.failures + 1
            if failures < ATTEMPTS:
                self.workers.append(self._start(failures))

    def close(self) -> None:
        """End the workers, and the cluster if it was begun here; safe to call twice."""
        for worker in self.workers:
            self.ray.kill(worker.actor)
        self.workers.clear()
        self._remote = None
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _room(self) -> int:
        resources = self.ray.cluster_resources()
        cores = int(resources.get("CPU", 0)) // self._cores
        return max(1, min(cores, int(resources.get("GPU", 0)) or cores))

    def _start(self, failures: int = 0) -> "Worker":
        actor = self._remote.remote(self._make, self._cores, Path.cwd())
        return Worker(actor, actor.ready.remote(), failures=failures)


class Process:
    """What runs in each process.

    Args:
        make: As in `Pool`.
        cores: How many threads the libraries that it uses may have.
        folder: Where relative paths start from.
    """

    def __init__(self, make: Callable[[], Callable[..., Any]], cores: int, folder: Path) -> None:
        # Before any library that reads it is imported.
        os.environ["OMP_NUM_THREADS"] = str(cores)
        with suppress(OSError):
            os.chdir(folder)
        self._work = make()

    def ready(self) -> None:
        """Nothing; that it returns says that the process runs."""

    def work(self, *arguments: Any) -> Any:
        """Do one piece."""
        return self._work(*arguments)


@dataclass(slots=True, eq=False)
class Worker:
    """A worker as it is seen from here.

    Attributes:
        actor: Ray's handle.
        starting: Comes back when its process runs; None from then on.
        calls: Pieces that it has.
        failures: How many before it died without getting ready.
    """

    actor: Any
    starting: Any
    calls: int = 0
    failures: int = 0


class _Run:
    """The pieces of one call: which are where, which are lost, which wait for their turn."""

    def __init__(self, pool: Pool, work: Work, pieces: Iterable[Piece]) -> None:
        self._pool, self._work = pool, work
        self._ray = pool.ray
        self._coming = enumerate(pieces)
        self._next = next(self._coming, None)
        self._pieces: dict[int, Piece] = {}  # begun and not finished
        self._calls: dict[Any, tuple[Worker, int]] = {}
        self._lost: list[int] = []
        self._losses: dict[int, int] = {}
        self._done: dict[int, Any] = {}

    def results(
        self, *, in_order: bool = True, most: int | None = None
    ) -> Generator[tuple[int, Any]]:
        """Each piece's number, and what is returned for it or the error that ended it."""
        if self._next is not None:
            self._pool.fill(most)
        given_back = 0
        try:
            while self._next is not None or self._pieces or self._done:
                self._hand_out(given_back)
                number = given_back if in_order else next(iter(self._done), -1)
                if number in self._done:
                    yield number, self._done.pop(number)
                    given_back += 1
                else:
                    self._wait()
        finally:  # what no worker has begun is taken back
            for call, (worker, _) in self._calls.items():
                self._ray.cancel(call)
                worker.calls -= 1

    def _hand_out(self, given_back: int) -> None:
        ready = [worker for worker in self._pool.workers if worker.starting is None]
        while ready:
            worker = min(ready, key=lambda worker: worker.calls)
            if worker.calls >= self._pool.in_flight:
                return
            number = self._take(given_back + AHEAD * len(ready))
            if number is None:
                return
            call = worker.actor.work.remote(*self._pieces[number].arguments)
            self._calls[call] = (worker, number)
            worker.calls += 1

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
        starting = {w.starting: w for w in self._pool.workers if w.starting is not None}
        (first, *_), _ = self._ray.wait([*self._calls, *starting])
        worker, number = (starting[first], None) if first in starting else self._calls.pop(first)
        try:
            result = self._ray.get(first)
        except self._ray.exceptions.RayTaskError as error:
            result = self._raised(error)
        except self._ray.exceptions.RayError as error:
            # A worker is gone, and with it one piece; what else it had comes up by itself.
            self._pool.replace(worker)
            if number is not None:
                self._lose(number, error)
            elif not self._pool.workers:
                raise self._work.error(
                    f"no process on the Ray cluster stays alive; the last one: {_brief(error)}",
                    "See Ray's logs of that node; memory may have run out there.",
                ) from error
            return
        if number is None:
            worker.starting = None
        else:
            worker.calls -= 1
            self._finish(number, result)

    def _finish(self, number: int, result: Any) -> None:
        self._done[number] = result
        del self._pieces[number]

    def _lose(self, number: int, reason: BaseException) -> None:
        """Have a piece done again, unless it was lost too often."""
        self._losses[number] = self._losses.get(number, 0) + 1
        if self._losses[number] < ATTEMPTS:
            heappush(self._lost, number)
            return
        error = self._work.error(
            f"{self._work.name}: {ATTEMPTS} processes on the Ray cluster died with the "
            f"same {self._pieces[number].what}; the last one: {_brief(reason)}",
            self._work.hint,
        )
        error.__cause__ = reason
        self._finish(number, error)

    def _raised(self, error: Any) -> BabeliftError:
        """What a worker raised, as an error of ours."""
        result = error.cause
        if not isinstance(result, BabeliftError):
            result = self._work.error(
                f"{self._work.name}: failed on the Ray cluster: {_brief(error.cause)}"
            )
        result.__cause__ = error
        return result


def _brief(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0].rstrip('.')}."
