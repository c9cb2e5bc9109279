"""Progress on the terminal: a bar with rate and time left, or nothing at all."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, Protocol

BYTES: Final = "bytes"
"""The unit of a bar that counts bytes; they are shown in megabytes."""


class Task(Protocol):
    """One running bar."""

    def advance(self, amount: float = 1) -> None:
        """Move the bar on by `amount` units."""

    def describe(self, text: str) -> None:
        """Change the words beside the bar."""


class Progress(Protocol):
    """Where long work reports how far it is."""

    def task(
        self, description: str, total: int | None, unit: str = "rows"
    ) -> AbstractContextManager[Task]:
        """Open a bar of `total` units (None where not known) for the length of a `with` block."""

    def say(self, message: str) -> None:
        """Print one line above the bars."""


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
    def __init__(self, bars: Any, number: Any) -> None:
        self._bars = bars
        self._number = number

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._number, amount)

    def describe(self, text: str) -> None:
        self._bars.update(self._number, description=text)


class _Terminal:
    def __init__(self, console: Any = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True)
        self._bars: Any = None

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "rows") -> Iterator[Task]:
        if self._bars is not None:
            # A download amid translating: one more bar of those that are drawn already.
            number = self._bars.add_task(description, total=total, unit=unit)
            try:
                yield _TerminalTask(self._bars, number)
            finally:
                self._bars.remove_task(number)
            return
        with _bars(self._console) as self._bars:
            try:
                number = self._bars.add_task(description, total=total, unit=unit)
                yield _TerminalTask(self._bars, number)
            finally:
                self._bars = None

    def say(self, message: str) -> None:
        # In a file or a pipe a line stays one line: somebody may look for its words.
        in_pipe = not self._console.is_terminal
        self._console.print(message, markup=False, highlight=False, soft_wrap=in_pipe)


def _bars(console: Any) -> Any:
    """Words, bar, count, rate and time; where it is tight the bar is short and the words are cut.

    Only the column of words gives way, so that a bar is one line however narrow the terminal.
    """
    from rich import progress
    from rich.table import Column
    from rich.text import Text

    class Words(progress.ProgressColumn):
        def render(self, task: progress.Task) -> Text:
            return Text(task.description, no_wrap=True, overflow="ellipsis")

    class Count(progress.ProgressColumn):
        def render(self, task: progress.Task) -> str:
            return done_of(task.completed, task.total, task.fields["unit"])

    class Rate(progress.ProgressColumn):
        def render(self, task: progress.Task) -> str:
            speed = task.finished_speed or task.speed
            return rate_of(speed, task.fields["unit"]) if speed else ""

    class Time(progress.ProgressColumn):
        def render(self, task: progress.Task) -> str:
            if task.finished:
                return f"took {clock(task.finished_time)}"
            return f"{clock(task.time_remaining)} left"

    def fixed() -> Column:
        return Column(no_wrap=True)

    return progress.Progress(
        Words(table_column=Column()),
        progress.BarColumn(bar_width=min(30, max(8, console.width - 72)), table_column=fixed()),
        Count(table_column=fixed()),
        Rate(table_column=fixed()),
        Time(table_column=fixed()),
        console=console,
    )


def done_of(done: float, total: float | None, unit: str) -> str:
    """How far a task is, in words.

    >>> done_of(1200, 9000, "rows"), done_of(3, None, "rows"), done_of(5.2e6, 1.9e9, BYTES)
    ('1,200/9,000', '3', '5/1,900 MB')
    """
    if unit == BYTES:
        done, total = done / 1e6, None if total is None else total / 1e6
    counts = f"{done:,.0f}" if total is None else f"{done:,.0f}/{total:,.0f}"
    return f"{counts} MB" if unit == BYTES else counts


def size_in_words(size: float) -> str:
    """Bytes as a person says them; 1 kB has 1,000.

    >>> [size_in_words(size) for size in (1_935_000_000, 300_000_000, 4_830_000, 20_480, 7)]
    ['1.9 GB', '300 MB', '4.8 MB', '20 kB', '7 B']
    """
    unit = "B"
    for larger in ("kB", "MB", "GB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:,.{int(size < 10 and unit != 'B')}f} {unit}"


def rate_of(speed: float, unit: str) -> str:
    """Units in a second, with as many digits as mean something.

    >>> rate_of(0.0625, "updates"), rate_of(3359.2, "rows"), rate_of(5.2e6, BYTES)
    ('0.06 updates/s', '3,359 rows/s', '5.2 MB/s')
    """
    if unit == BYTES:
        speed, unit = speed / 1e6, "MB"
    return f"{speed:,.{2 if speed < 1 else 1 if speed < 10 else 0}f} {unit}/s"


def clock(seconds: float | None) -> str:
    """A time as hours, minutes and seconds.

    >>> clock(3725.4), clock(None)
    ('1:02:05', '-:--:--')
    """
    if seconds is None:
        return "-:--:--"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


@cache
def terminal() -> Progress:
    """Progress on standard error: bars with rate and time left."""
    return on_console()


def on_console(console: Any = None) -> Progress:
    """Progress on a console of rich; on standard error if absent."""
    return _Terminal(console)


_ON_TERMINAL: Final = ContextVar("on_terminal", default=False)


@contextmanager
def on_terminal() -> Iterator[None]:
    """Let `shown` be the terminal's progress in a `with` block, for a program of our own."""
    token = _ON_TERMINAL.set(True)
    try:
        yield
    finally:
        _ON_TERMINAL.reset(token)


def shown() -> Progress | None:
    """Where work that may come up anywhere, such as a download, reports; None in a library."""
    return terminal() if _ON_TERMINAL.get() else None
