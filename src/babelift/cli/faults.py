"""What the program does with whatever goes wrong: a message and an exit code, never a traceback.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | it could not be done; the message says what to do |
| 2 | the command line cannot be understood |
| 70 | a fault that nobody foresaw; the message says where its trace is kept |
| 130 | interrupted with Ctrl-C |
| 141 | whoever read a pipe went away, as `head` does |
"""

import logging
import os
import platform
import re
import select
import shlex
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from babelift import __version__
from babelift.errors import BabeliftError, first_line

REFUSED: Final = 1
FAULT: Final = 70
INTERRUPTED: Final = 130
CLOSED: Final = 141

DEBUG: Final = "--debug"
_KEPT: Final = 20
"""Traces in the cache; older ones are removed."""


def arguments() -> list[str]:
    """The words of the command line, without `--debug`, which any place in it may hold."""
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    return [word for place, word in enumerate(words) if word != DEBUG or place > end]


def debugging() -> bool:
    """Whether traces are to be shown."""
    return arguments() != sys.argv[1:]


@contextmanager
def handled() -> Iterator[None]:
    """End the program in good order, whatever is raised; also where a thread or a library does.

    Raises:
        SystemExit: Something was raised; see the exit codes above.
    """
    with _outside_the_main_thread():
        try:
            try:
                yield
            except SystemExit:
                _flush()
                raise
            _flush()
        except SystemExit:
            raise
        except BaseException as error:
            code = _said(error)
        else:
            return
    sys.exit(code)


def say(text: str) -> None:
    """Write to standard error; where nobody reads that, nothing is said."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class _OneLine(logging.Handler):
    """Log messages of libraries that nobody else shows, without their traces."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            say(f"Warning: {' '.join(record.getMessage().split())}")


@contextmanager
def _outside_the_main_thread() -> Iterator[None]:
    """Messages in place of the traces that Python prints for threads, finalisers and logs."""
    before = threading.excepthook, sys.unraisablehook, logging.lastResort

    def in_thread(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None and not isinstance(hook.exc_value, SystemExit):
            say(f"{_named(hook.exc_value)}\nIt came from a thread. {_kept(hook.exc_value)}")

    def in_finaliser(hook: Any) -> None:
        if hook.exc_value is not None and debugging():
            say(_trace(hook.exc_value))

    threading.excepthook, sys.unraisablehook = in_thread, in_finaliser
    logging.lastResort = _OneLine(logging.WARNING)
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook, logging.lastResort = before


def _said(error: BaseException) -> int:
    """Say what went wrong, also where that goes wrong too; returns the exit code."""
    try:
        return _say_what(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException:  # no memory, or an exception that cannot be shown
        say(f"{type(error).__name__}, of which no more can be said.")
        return FAULT


def _say_what(error: BaseException) -> int:
    from babelift.cluster.launched import is_first, world

    if _reader_is_gone() and isinstance(error, BrokenPipeError):
        return CLOSED
    if debugging():
        say(_trace(error))
    if isinstance(error, KeyboardInterrupt):
        if is_first():
            say("Interrupted. What was finished is kept: the same command goes on from there.")
        return INTERRUPTED
    who = f"process {rank}: " if (rank := world()[0]) else ""
    if isinstance(error, BabeliftError):
        say(f"{who}{type(error).__name__}: {error}")
        return REFUSED
    if reason := _of_the_machine(error):
        say(f"{who}{reason}\n{_kept(error)}")
        return REFUSED
    say(
        f"{who}{_named(error)}\nThis is a fault of Babelift's that nobody foresaw. {_kept(error)}\n"
        "Please report it with that trace. What was finished is kept: the same command goes on "
        "from there."
    )
    return CLOSED if isinstance(error, BrokenPipeError) else FAULT


def _named(error: BaseException) -> str:
    name = type(error).__name__
    with suppress(Exception):  # its own words may be broken too
        return f"{name}: {first_line(error)}."
    return f"{name}."


def _of_the_machine(error: BaseException) -> str | None:
    """What the machine lacks, and what to do; None where the fault is another one."""
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return (
            "MemoryError: there is not enough memory for this.\nLower --batch-size, --batch-tokens "
            "or --workers, split the table, or take a larger machine."
        )
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ConnectionError):
        file = f"'{error.filename}': " if error.filename is not None else ""
        return (
            f"{type(error).__name__}: {file}{error.strerror}.\nMake room or permission there, or "
            "name another place, and give the same command again."
        )
    return None


def _flush() -> None:
    """Write what is left for standard output, as long as somebody can be told of a failure."""
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def _reader_is_gone() -> bool:
    """Whether standard output is a pipe that nobody reads.

    Where it cannot be written, Python is kept from trying that again at its end.
    """
    gone = False
    with suppress(OSError, ValueError, AttributeError):
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        gone = any(event & select.POLLERR for _, event in poll.poll(0))
    try:
        if not gone:
            _flush()
            return False
    except (OSError, ValueError):
        pass
    with suppress(OSError, ValueError, AttributeError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return gone


def _trace(error: BaseException) -> str:
    with suppress(Exception):
        return "".join(traceback.format_exception(error)).rstrip()
    return f"{_named(error)} (its trace cannot be shown)"


def _kept(error: BaseException) -> str:
    """Keep the trace in a file that only the user can read, and say where."""
    if debugging():
        return "The trace stands above."
    file = None
    with suppress(Exception):  # there may be no memory for it
        file = _keep(f"{_about()}\n\n{_without_secrets(_trace(error), sys.argv[1:])}\n")
    where = f"Its full trace is in {file}; " if file else "Its trace could not be kept; "
    return f"{where}{DEBUG} shows it here."


def _about() -> str:
    from babelift.redaction import shown_command

    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    command = shlex.join(shown_command(["babelift", *arguments()]))
    return f"Babelift {__version__}, {system}\n{command}"


def _keep(text: str) -> Path | None:
    import tempfile

    from babelift.store import cache_dir

    places: tuple[Callable[[], Path], ...] = (
        lambda: cache_dir() / "traces",
        lambda: Path(tempfile.gettempdir()),
    )
    for find in places:
        file = None
        try:
            folder = find()
            folder.mkdir(parents=True, exist_ok=True)
            name = time.strftime("babelift-%Y%m%d-%H%M%S-")
            opened, path = tempfile.mkstemp(".txt", name, folder)  # its mode is 0600
            file = Path(path)
            with os.fdopen(opened, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
            if folder.name == "traces":
                for old in sorted(folder.glob("babelift-*.txt"))[:-_KEPT]:
                    old.unlink(missing_ok=True)
            return file
        except Exception:  # the place is full, locked or gone: there is another
            with suppress(OSError):
                if file is not None:
                    file.unlink(missing_ok=True)
    return None


_SECRET_NAME: Final = re.compile("TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL", re.IGNORECASE)


def _without_secrets(text: str, words: Sequence[str]) -> str:
    """A trace that may be sent to others: nothing that the command line or environment hides.

    >>> _without_secrets("bad key s3cret-7f", ["fit", "--translator", "command:mt -k s3cret-7f"])
    'bad key …'
    """
    from babelift.redaction import LEFT_OUT, scrubbed, shown_command

    hidden = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    for word in words:
        if shown_command([word]) != (word,):
            hidden |= {part for part in re.split(r"[\s='\"]+", word) if not part.startswith("-")}
            hidden.discard(word.partition(" ")[0])
    for secret in sorted((part for part in hidden if len(part) > 5), key=len, reverse=True):
        text = text.replace(secret, LEFT_OUT)
    return scrubbed(text)
