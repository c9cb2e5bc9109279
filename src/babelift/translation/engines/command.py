"""Translates with a program of the user's own that speaks JSON lines."""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Final, Literal, NamedTuple

from babelift.config import Translating
from babelift.errors import ConfigError, TranslationError, did_you_mean, quoted
from babelift.store import file_hash
from babelift.translation.protocol import Translation

WINDOW: Final = 64
"""Texts sent ahead of the first that has not been answered."""

_WINDOW_BYTES: Final = 1024 * 1024
_LONGEST_LINE: Final = 64 * 1024 * 1024
_STDERR_KEPT: Final = 4096
_GRACE: Final = 2.0

_RULES: Final = (
    'It is sent lines {"id", "text", "source_lang", "target_lang"} and must write each back, in '
    f'any order, with "translation", flushed at once; up to {WINDOW} are under way.'
)


def load(argument: str, config: Translating) -> "Command":
    """The translator `command:CMD`.

    Raises:
        ConfigError: No command is given, its quotes are not closed, or there is no such program.
    """
    try:
        arguments = shlex.split(argument)
    except ValueError as error:
        raise ConfigError(
            f"translator 'command:{argument}': cannot be split into arguments: {error}."
        ) from error
    if not arguments:
        raise ConfigError(
            "translator 'command' needs a command.", "Write for example command:'python mt.py'."
        )
    return Command(arguments)


class Command:
    """A long-lived program that reads and writes one JSON object per line.

    It is sent `{"id": "7", "text": "Good.", "source_lang": "en", "target_lang": "de"}` and answers
    `{"id": "7", "translation": "Gut."}`, in any order. `"translation": null` says that it has
    none, and `"truncated": true` that it cut the text. The text's line breaks are escaped. No
    shell takes part. When the program ends or is silent for too long it is started again, once,
    for each text it failed on; a text on which it fails twice is an error.

    Args:
        arguments: The program and its arguments.
        timeout: Seconds without any answer after which the program counts as hung.

    Raises:
        ConfigError: There is no such program.
    """

    name = "command"
    unit: Literal["sentence", "text"] = "text"
    license: str | None = None

    def __init__(self, arguments: Sequence[str], *, timeout: float = 300.0) -> None:
        self.arguments = list(arguments)
        self.timeout = timeout
        if shutil.which(self.arguments[0]) is None:
            raise ConfigError(
                f"translator 'command': program '{self.arguments[0]}' cannot be found or run.",
                "Give its path, or make the file executable.",
            )
        self.fingerprint = _fingerprint(self.arguments)
        self._idle: LineProcess | None = None
        self._next_number = 0

    def pairs(self) -> None:
        """Every pair, as far as Babelift knows."""
        return

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate whole texts, one result per text, in order.

        Raises:
            TranslationError: The program cannot be started, fails twice on a text, or breaks the
                rules; says what came and quotes its standard error.
        """
        # No number is used twice, so that a late answer to an earlier call is not taken for one.
        numbers = range(self._next_number, self._next_number + len(texts))
        self._next_number = numbers.stop
        process, self._idle = self._idle, None
        call = _Call(
            self, dict(zip(numbers, texts, strict=True)), source_lang, target_lang, process
        )
        try:
            yield from call.answers()
        finally:
            process = call.finish()
            # Two calls may overlap; only one program is kept.
            if self._idle is None:
                self._idle = process
            elif process is not None:
                process.close()

    def close(self) -> None:
        """End the program; safe to call twice."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    @property
    def line(self) -> str:
        """The command as it would be typed."""
        return shlex.join(self.arguments)


class _Call:
    """One call of `translate`: which texts are unsent, under way, suspect and answered.

    When the program ends or hangs, every text that it had not answered is asked again, one at a
    time, so that a text that always fails is found and the others are not lost.
    """

    def __init__(
        self,
        command: Command,
        texts: dict[int, str],
        source_lang: str,
        target_lang: str,
        process: "LineProcess | None",
    ) -> None:
        self._command = command
        self._texts = texts
        self._pair = {"source_lang": source_lang, "target_lang": target_lang}
        self._process = process
        self._answers: dict[int, Translation] = {}
        self._unsent = deque(texts)
        self._under_way: dict[int, int] = {}  # number to bytes
        self._suspects: deque[int] = deque()
        self._alone: int | None = None

    def answers(self) -> Iterator[Translation]:
        """The translations in order, with up to `WINDOW` texts under way."""
        for number in self._texts:
            while number not in self._answers:
                self._exchange(number + WINDOW)
            yield self._answers.pop(number)

    def finish(self) -> "LineProcess | None":
        """The program, if it can be asked again."""
        # An abandoned call leaves answers in the pipes that nobody will read.
        if self._under_way:
            self._kill()
        return self._process

    def _exchange(self, end: int) -> None:
        """Send what may be sent, and take one answer."""
        process = self._running()
        for number in self._to_send(end):
            line = self._request(number)
            self._under_way[number] = len(line)
            process.send(line)
        try:
            answer = process.receive(self._command.timeout)
        except ProcessError as fault:
            self._kill()
            self._recover(fault)
        else:
            self._accept(answer)

    def _running(self) -> "LineProcess":
        # A fork leaves its parent's program alone and starts its own.
        if self._process is None or not self._process.mine:
            try:
                self._process = LineProcess(self._command.arguments)
            except OSError as error:
                raise TranslationError(
                    f"command '{self._command.line}' cannot be started: {error.strerror or error}."
                ) from error
        return self._process

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _to_send(self, end: int) -> Iterator[int]:
        """One suspect by itself, or as many texts as the window holds."""
        if self._suspects:
            if not self._under_way:
                self._alone = self._suspects.popleft()
                yield self._alone
        elif self._alone not in self._under_way:
            self._alone = None
            while (
                self._unsent
                and self._unsent[0] < end
                and sum(self._under_way.values()) < _WINDOW_BYTES
            ):
                yield self._unsent.popleft()

    def _recover(self, fault: "ProcessError") -> None:
        """After a fault: ask all under way again, unless it was one text by itself."""
        failed = list(self._under_way)
        self._under_way.clear()
        if self._alone is not None:
            raise TranslationError(
                f"command '{self._command.line}' {fault.message}. It failed on this text twice: "
                f"{quoted(self._texts[self._alone])}.",
                _RULES,
            ) from fault
        self._suspects.extend(failed)

    def _request(self, number: int) -> bytes:
        # ASCII: no line separator of any kind, no lone surrogate, whatever the program's locale.
        request = {"id": str(number), "text": self._texts[number], **self._pair}
        return json.dumps(request).encode("ascii")

    def _accept(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise self._broken("wrote a line that is not JSON", line) from None
        if not isinstance(answer, dict):
            raise self._broken("wrote a line that is not a JSON object", line)
        for key in ("id", "translation"):
            if key not in answer:
                raise self._broken(f"wrote a line without '{key}'{did_you_mean(key, answer)}", line)
        translation, truncated = answer["translation"], answer.get("truncated", False)
        if translation is not None and not isinstance(translation, str):
            raise self._broken("wrote a translation that is not text", line)
        if not isinstance(truncated, bool):
            raise self._broken("wrote a 'truncated' that is not true or false", line)
        try:
            number = int(answer["id"])
        except (TypeError, ValueError):
            number = -1
        if number not in self._under_way:
            sent_before = self._unsent[0] if self._unsent else max(self._texts) + 1
            answered = 0 <= number < sent_before
            what = "answered one 'id' twice" if answered else "wrote an 'id' that it was not sent"
            raise self._broken(what, line)
        del self._under_way[number]
        self._answers[number] = Translation(translation, truncated)

    def _broken(self, what: str, line: bytes) -> TranslationError:
        text = line.decode("utf-8", errors="replace")
        return TranslationError(f"command '{self._command.line}' {what}: {quoted(text)}.", _RULES)


class ProcessError(TranslationError):
    """A child process ended, gave no answer in time, or wrote a line without an end."""


class LineProcess:
    """A child process to which lines are sent and from which lines come back.

    One thread writes and one reads, so sending never blocks, however full the pipes are. The child
    runs in a session of its own: Ctrl-C in the terminal does not reach it, and when the parent
    dies it ends with its input.

    Args:
        arguments: The program and its arguments.

    Raises:
        OSError: The program cannot be started.

    >>> process = LineProcess(["cat"])
    >>> process.send(b"hello")
    >>> process.receive(timeout=10)
    b'hello'
    >>> process.close()
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._inbox: SimpleQueue[bytes | _End] = SimpleQueue()
        self._last_words = bytearray()
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        for target, pipe, buffer in (
            (_write, stdin, self._outbox),
            (_read, stdout, self._inbox),
            (_keep_tail, stderr, self._last_words),
        ):
            thread = threading.Thread(target=target, args=(pipe, buffer), daemon=True)
            thread.start()
        self._stderr_thread = thread
        # Runs at the latest when the interpreter exits; must not hold a reference to self.
        self._stop = weakref.finalize(self, _stop, self._process, self._outbox, self._owner)

    @property
    def mine(self) -> bool:
        """Whether this process started the child; False in a fork, which must leave it be."""
        return os.getpid() == self._owner

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, line: bytes) -> None:
        """Queue one line, without its line break; returns at once."""
        self._outbox.put(line + b"\n")

    def receive(self, timeout: float) -> bytes:
        """The next line that came back, without its line break.

        Args:
            timeout: Seconds to wait.

        Raises:
            ProcessError: None came in time, or the child has ended; quotes standard error.
        """
        try:
            line = self._inbox.get(timeout=timeout)
        except Empty:
            raise ProcessError(
                f"gave no answer for {timeout:g} seconds{self._stderr_clause()}"
            ) from None
        if isinstance(line, _End):
            self._inbox.put(line)
            raise ProcessError(line.reason or self._obituary())
        return line

    def close(self) -> None:
        """End the child: close its input, then kill it if it has not ended; safe to call twice."""
        self._stop()

    def kill(self) -> None:
        """End the child at once."""
        if self.mine:
            _kill(self._process)
        self._stop()

    def _obituary(self) -> str:
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            status = 0
        if not status:
            return f"closed its output{self._stderr_clause()}"
        how = f"exit status {status}" if status > 0 else f"signal {-status}"
        return f"ended with {how}{self._stderr_clause()}"

    def _stderr_clause(self) -> str:
        # A child of the child may hold standard error open; what was written is read by then.
        self._stderr_thread.join(0.2)
        text = self._last_words.decode("utf-8", errors="replace").strip()
        return f"; its last words: {text}" if text else ""


class _End(NamedTuple):
    """No more lines will come; the reason where it is not the child's end."""

    reason: str = ""


def _write(stdin: IO[bytes], outbox: "SimpleQueue[bytes | None]") -> None:
    line = outbox.get()
    try:
        with stdin:
            while line is not None:
                # Unbuffered, so that a fork never holds a copy of unsent bytes.
                left = memoryview(line)
                while left:
                    left = left[os.write(stdin.fileno(), left) :]
                line = outbox.get()
    except OSError:
        # The reader finds out that the child has ended, and says how.
        return


def _read(stdout: IO[bytes], inbox: "SimpleQueue[bytes | _End]") -> None:
    unfinished: list[bytes] = []
    size = 0
    with stdout:
        while chunk := os.read(stdout.fileno(), 65536):
            first, *others = chunk.split(b"\n")
            unfinished.append(first)
            size += len(first)
            for other in others:
                inbox.put(b"".join(unfinished))
                unfinished, size = [other], len(other)
            if size > _LONGEST_LINE:
                inbox.put(_End(f"sent {size:,} bytes without a line break"))
                return
    inbox.put(_End())


def _keep_tail(stream: IO[bytes], tail: bytearray) -> None:
    with stream:
        while chunk := stream.read(4096):
            tail.extend(chunk)
            del tail[:-_STDERR_KEPT]


def _stop(
    process: subprocess.Popen[bytes], outbox: "SimpleQueue[bytes | None]", owner: int
) -> None:
    if os.getpid() != owner:
        return
    outbox.put(None)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The id is the group's too, and stays taken until the process has been waited for.
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _fingerprint(arguments: Sequence[str]) -> str:
    """Of the command line and of the files it names: the arguments, and a script found by name."""
    digest = hashlib.sha256(shlex.join(arguments).encode("utf-8", "surrogateescape"))
    paths = [Path(argument) for argument in arguments]
    script = Path(shutil.which(arguments[0]) or "")
    if script.is_file() and _is_script(script):
        # A binary found by name, an interpreter above all, changes without changing what it says.
        paths[0] = script
    for path in paths:
        try:
            content = bytes.fromhex(file_hash(path)) if path.is_file() else b""
        except (OSError, ValueError):
            content = b""
        digest.update(content or b"-")
    return f"command/1:{digest.hexdigest()[:16]}"


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"
