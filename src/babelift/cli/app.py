"""The `babelift` program: its commands, and what it does with errors."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError
from rich.console import Console

from babelift import __version__
from babelift.cli.faults import arguments, debugging, handled, say
from babelift.cluster.launched import is_first, world
from babelift.errors import BabeliftWarning, ConfigError
from babelift.progress import on_terminal

app = App(
    name="babelift",
    version=__version__,
    help="Labels in one language, users in many: translate labelled text, fine-tune one "
    "multilingual classifier, and say honestly whether it helped.",
    help_epilogue="--debug, anywhere in the command, shows the trace of an error. Exit codes: "
    "0 done, 1 not possible, 2 not understood, 70 a fault of Babelift's, 130 interrupted, "
    "141 output closed.",
    suppress_keyboard_interrupt=False,
)
_COMMANDS = {
    "demo": "Show the whole job on a sample that ships with Babelift; downloads nothing.",
    "fit": "Train a classifier on labelled rows and their translations, and report on it.",
    "translate": "Translate a labelled table: restartable, checked.",
    "predict": "Label the rows of a table.",
    "suggest": "Choose the rows to label next.",
    "evaluate": "Measure a model, or anybody's predictions, on labelled rows.",
    "export": "Write a classifier that runs without torch, held to the labels that it gave.",
    "compare": "Say whether one run, or file of predictions, is really better than another.",
    "study": "Compare ways to train, with seeds and statistics, as one restartable grid.",
    "report": "Write the report of a run or a study again.",
    "memory": "Look into the memory of finished translations, or clear it.",
    "models": "List the named encoders and translators.",
    "languages": "List the languages and their tags.",
}
for _name, _help in _COMMANDS.items():
    app.command(f"babelift.cli.{_name}:command", name=_name, help=_help)


def main() -> None:
    """Run the program; errors go to standard error as one readable message, see `faults`.

    Of several processes that a launcher started only the first is heard, but for errors.
    """
    # A file's name that is not UTF-8 must be shown somehow, whatever the terminal's encoding.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with handled():
        # Rich would end the program with exit code 1 where nobody reads its output any more.
        Console.on_broken_pipe = _raise_again  # type: ignore[method-assign,assignment]
        try:
            with _one_voice(), _warnings_in_one_line():
                _only_fit_is_shared()
                app(arguments(), exit_on_error=False, print_error=is_first())
        except CycloptsError:
            sys.exit(2)


def _raise_again(console: Console) -> None:
    """Called while the error is handled."""
    raise


@contextmanager
def _one_voice() -> Iterator[None]:
    """Progress on the terminal in the first process; what the others print goes nowhere."""
    if is_first():
        with on_terminal():
            yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _only_fit_is_shared() -> None:
    processes = world()[1]
    if processes > 1 and arguments()[:1] != ["fit"]:
        if not is_first():
            # Not as a fault: the launcher would end the first process before it has said why.
            sys.exit()
        raise ConfigError(
            f"{processes} processes were launched, but only 'babelift fit' can share its work.",
            "Start the other commands without a launcher.",
        )


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Show warnings as messages to a user, without the place in the code they come from."""

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        name = category.__name__ if issubclass(category, BabeliftWarning) else "Warning"
        say(f"{name}: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        if not is_first():
            warnings.simplefilter("ignore")
        if not debugging():  # what a library will do one day is for those who write programs
            warnings.simplefilter("ignore", FutureWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield
