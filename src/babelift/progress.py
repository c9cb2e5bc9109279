"""Progress on the terminal: a bar with rate and time left, or nothing at all."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One running bar."""

    def advance(self, amount: float = 1) -> None:
        """Move the bar on by `amount` units."""
        ...

    def describe(self, text: str) -> None:
        """Change the words beside the bar."""
        ...


class Progress(Protocol):
    """Where long work reports how far it is."""

    def task(
        self, description: str, total: int | None, unit: str = "rows"
    ) -> AbstractContextManager[Task]:
        """Open a bar of `total` units (None where not known) for the length of a `with` block."""
        ...

    def say(self, message: str) -> None:
        """Print one line above the bars."""
        ...


class _QuietTask:
    def advance(self, amount: float = 1) -> None:
        """Do nothing."""

    def describe(self, text: str) -> None:
        """Do nothing."""


class _Quiet:
    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "rows") -> Iterator[Task]:
        yield _QuietTask()

    def say(self, message: str) -> None:
        """Do nothing."""


def quiet() -> Progress:
    """Progress that shows nothing; what library functions use when given None.

    >>> with quiet().task("translating", 10) as task:
    ...     task.advance(3)
    """
    return _Quiet()


class _TerminalTask:
    def __init__(self, bars: "object", number: int) -> None:
        self._bars = bars
        self._number = number

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._number, amount)  # type: ignore[attr-defined]

    def describe(self, text: str) -> None:
        self._bars.update(self._number, description=text)  # type: ignore[attr-defined]


class _Terminal:
    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "rows") -> Iterator[Task]:
        from rich import progress

        class Rate(progress.ProgressColumn):
            def render(self, task: progress.Task) -> str:
                speed = task.finished_speed or task.speed
                return f"{speed:,.0f} {unit}/s" if speed else ""

        bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=30),
            progress.MofNCompleteColumn(),
            Rate(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            console=self._console,
        )
        with bars:
            yield _TerminalTask(bars, bars.add_task(description, total=total))

    def say(self, message: str) -> None:
        self._console.print(message, markup=False, highlight=False)


def terminal() -> Progress:
    """Progress on standard error: bars with rate and time left."""
    return _Terminal()
