"""Whatever is raised, wherever: a message, an exit code, a trace that is kept, and no traceback."""

import errno
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from polars.exceptions import PanicException

from babelift.cli import app as program
from babelift.cli.app import _COMMANDS
from babelift.cli.faults import _without_secrets
from babelift.errors import DataError

JOBS = {
    "demo": ("babelift.run.demo.run_demo",),
    "fit": ("babelift.run.fit.run_fit", "t.csv"),
    "translate": ("babelift.translation.job.run_translate", "t.csv"),
    "predict": ("babelift.prediction.job.run_predict", "run", "t.csv"),
    "suggest": ("babelift.labelling.job.run_suggest", "run", "t.csv"),
    "evaluate": ("babelift.evaluation.evaluate.run_evaluate", "run", "t.csv"),
    "export": ("babelift.deploy.export.run_export", "run"),
    "compare": ("babelift.evaluation.comparison.compare", "a.csv", "b.csv"),
    "study": ("babelift.study.run.run_study", "study.yaml"),
    "report": ("babelift.run.folder.Run.open", "run"),
    "memory": ("babelift.translation.memory.memory_path",),
    "models": ("babelift.training.encoder.describe",),
    "languages": ("rich.table.Table.__init__",),
}
"""What each command calls, and with which words it gets there."""


class Unspeakable(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise ValueError("no words")


def nested() -> NoReturn:
    nested()


FAULTS = [
    (ValueError("it broke\nin two"), 70, "ValueError: it broke"),
    (KeyError(), 70, "KeyError"),
    (AssertionError("wrong"), 70, "wrong"),
    (RecursionError("maximum recursion depth exceeded"), 70, "RecursionError"),
    (PanicException("index out of bounds"), 70, "index out of bounds"),
    (GeneratorExit("gone"), 70, "GeneratorExit"),
    (ExceptionGroup("several", [ValueError("one")]), 70, "several"),
    (UnicodeEncodeError("ascii", "ü", 0, 1, "ordinal not in range"), 70, "UnicodeEncodeError"),
    (Unspeakable(), 70, "Unspeakable"),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), 70, "reset by peer"),
    (MemoryError(), 1, "not enough memory"),
    (OSError(errno.ENOSPC, "No space left on device", "/disk/x"), 1, "'/disk/x': No space left"),
    (PermissionError(errno.EACCES, "Permission denied", "x"), 1, "Permission denied"),
    (DataError("row 7 is bad", "Mend it."), 1, "DataError: row 7 is bad\nMend it."),
    (KeyboardInterrupt(), 130, "Interrupted"),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, "Broken pipe"),
]


@pytest.mark.parametrize(("error", "code", "message"), FAULTS, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("command", JOBS)
def test_no_exception_of_any_command_is_shown_as_a_traceback(
    babelift: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    cache_folder: Path,
    command: str,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    job, *words = JOBS[command]

    def broken(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(job, broken)
    result = babelift(command, *words)
    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.out + result.err
    kept = list((cache_folder / "traces").glob("*.txt"))
    if code in (70, 141) or isinstance(error, MemoryError):
        (trace,) = kept
        assert str(trace) in result.err
        assert stat.S_IMODE(trace.stat().st_mode) == 0o600
        assert "--debug" in result.err
        assert "Traceback" in trace.read_text()
    elif not isinstance(error, OSError):
        assert not kept


def test_every_command_is_among_them() -> None:
    assert list(JOBS) == list(_COMMANDS)


@pytest.mark.parametrize("words", [("--debug", "report", "run"), ("report", "run", "--debug")])
def test_debug_shows_the_trace_wherever_it_stands(
    babelift: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    cache_folder: Path,
    words: tuple[str, ...],
) -> None:
    def broken(*_: object) -> NoReturn:
        raise ValueError("it broke")

    monkeypatch.setattr("babelift.run.folder.Run.open", broken)
    result = babelift(*words)
    assert result.code == 70
    assert result.err.startswith("Traceback")
    assert "in broken" in result.err
    assert not (cache_folder / "traces").exists()


def test_debug_is_no_part_of_the_command_that_a_run_shows(
    babelift: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def run_fit(config: object, *, command: list[str], **_: object) -> NoReturn:
        shown.append(command)
        raise DataError("enough")

    monkeypatch.setattr("babelift.run.fit.run_fit", run_fit)
    babelift("fit", "t.csv", "--debug", "--seed", "1")
    assert shown == [["babelift", "fit", "t.csv", "--seed", "1"]]


@pytest.mark.parametrize("code", [0, 3])
def test_an_exit_is_an_exit(
    babelift: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr("babelift.training.encoder.describe", lambda: sys.exit(code))
    assert babelift("models").code == code


def test_the_trace_goes_elsewhere_where_the_cache_cannot_be_written(
    babelift: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr("babelift.training.encoder.describe", lambda: 1 / 0)
    result = babelift("models")
    (trace,) = (tmp_path / "tmp").iterdir()
    assert str(trace) in result.err
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere" / "file"))
    (tmp_path / "nowhere").touch()
    assert "could not be kept; --debug" in babelift("models").err


def test_only_the_latest_traces_are_kept(
    babelift: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, cache_folder: Path
) -> None:
    monkeypatch.setattr("babelift.training.encoder.describe", lambda: 1 / 0)
    for _ in range(22):
        assert babelift("models").code == 70
    assert len(list((cache_folder / "traces").iterdir())) == 20


def test_a_kept_trace_names_neither_secrets_nor_a_home(
    babelift: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    cache_folder: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "alice"))
    monkeypatch.setenv("MT_API_KEY", "Canary0")
    monkeypatch.setenv("HF_TOKEN", "hf_Canary00000")
    secrets = ("Canary1", "Canary2", "Canary3")
    command = f"command:env KEY={secrets[0]} mt --key {secrets[1]} --url=https://a:{secrets[2]}@b.c"

    def broken(*_: object, **__: object) -> NoReturn:
        raise ValueError(f"{command} {os.environ['MT_API_KEY']} {Path.home()}/x hf_Canary00000")

    monkeypatch.setattr("babelift.translation.job.run_translate", broken)
    babelift("translate", f"{tmp_path}/alice/t.csv", "--to", "de", "--translator", command)
    (trace,) = (cache_folder / "traces").iterdir()
    assert "Canary" not in trace.read_text()
    assert str(tmp_path / "alice") not in trace.read_text()
    assert "command:env …" in trace.read_text()
    assert "Canary1" not in _without_secrets("it said: Canary1", [f"--translator={command}"])


def test_an_exception_in_a_thread_is_one_message(
    babelift: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> NoReturn:
        raise ValueError("it broke")

    def in_thread() -> list[Any]:
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
        return []

    monkeypatch.setattr("babelift.training.encoder.describe", in_thread)
    hook = threading.excepthook
    result = babelift("models")
    assert "ValueError: it broke.\nIt came from a thread." in result.err
    assert "Traceback" not in result.err
    assert threading.excepthook is hook


def run(code: str, *, shell: str = '"$0" -c "$1"', **environment: str) -> Any:
    return subprocess.run(
        ["bash", "-c", f"{shell}; echo code $? ${{PIPESTATUS[0]}} >&2", sys.executable, code],
        capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=120,
    )  # fmt: skip


MANY = (
    "import sys; sys.argv[1:] = ['{}']\n"
    "from babelift.cli import app\n"
    "app.app = lambda *_, **__: {}\n"
    "app.main()"
)
PRINTS = MANY.format("models", "[print('x' * 99) for _ in range(9999)]")
RICH = MANY.format(
    "models", "[__import__('rich').console.Console().print('x') for _ in range(999)]"
)


@pytest.mark.slow
@pytest.mark.parametrize("code", [PRINTS, RICH])
def test_nothing_is_said_where_nobody_reads_on(code: str) -> None:
    done = run(
        code, shell='"$0" -c "$1" | (read -n1; exec <&-; sleep 0.2); (exit ${PIPESTATUS[0]})'
    )
    assert re.search(r"code 141", done.stderr), done.stderr
    assert done.stderr.startswith("code")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("code", [PRINTS, RICH, MANY.format("models", "print('x')")])
def test_a_full_disk_behind_the_output_is_said(code: str, tmp_path: Path) -> None:
    done = run(code, shell='"$0" -c "$1" > /dev/full', BABELIFT_CACHE=str(tmp_path))
    assert "No space left on device" in done.stderr
    assert "code 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_change_no_exit_code(closed: str, tmp_path: Path) -> None:
    for job, code in (("print('x')", 0), ("(_ for _ in ()).throw(ValueError('x'))", 70)):
        whole = f'exec 3>&2; "$0" -c "$1" {closed}; code=$?; exec 2>&3; (exit $code)'
        done = run(MANY.format("models", job), shell=whole, BABELIFT_CACHE=str(tmp_path))
        assert f"code {code}" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_console_that_knows_ascii_alone_shows_the_rest_somehow() -> None:
    done = run(MANY.format("models", "print('ü … 猫')"), PYTHONIOENCODING="ascii")
    assert done.stdout == "\\xfc \\u2026 \\u732b\n"
    assert "code 0" in done.stderr


def test_an_interruption_while_the_program_loads_is_no_traceback(
    babelift: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "main", interrupted)
    result = babelift("models")
    assert (result.code, result.out) == (130, "")
    assert "Traceback" not in result.err


def test_messages_of_libraries_come_without_their_traces(
    babelift: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def logs() -> list[Any]:
        import logging

        root = logging.getLogger()
        handlers, root.handlers = root.handlers, []
        try:
            raise ValueError("inside")
        except ValueError:
            logging.getLogger("somebody's").exception("it went\nwrong")
        finally:
            root.handlers = handlers
        return []

    monkeypatch.setattr("babelift.training.encoder.describe", logs)
    result = babelift("models")
    assert "Warning: it went wrong\n" in result.err
    assert "Traceback" not in result.err
