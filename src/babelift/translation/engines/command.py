"""Translates with a program of the user's own that speaks JSON lines."""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Final, Literal, NamedTuple, Protocol

from babelift.config import Translating
from babelift.errors import ConfigError, TranslationError, did_you_mean
from babelift.translation.protocol import Translation

_LARGEST_FRAME: Final = 64 * 1024 * 1024
_STDERR_KEPT: Final = 4096
_GRACE: Final = 2.0


class ProcessError(TranslationError):
    """A child process ended, gave no answer in time, or answered out of step."""


class FramedProcess:
    """Child processes connected by pipes, to which frames are sent and from which they come back.

    A frame is a run of bytes closed by the delimiter. One thread writes and one reads, so sending
    never blocks, however full the pipes are. The children run in sessions of their own: Ctrl-C in
    the terminal does not reach them, and when the parent dies they end with their input.

    Args:
        stages: One argument list per process; each reads what the one before it writes.
        delimiter: The byte that closes a frame: a newline or NUL.
        env: The children's environment; the parent's where None.

    Raises:
        OSError: A program cannot be started.

    >>> process = FramedProcess([["cat"], ["cat"]], delimiter=b"\\n")
    >>> process.send(b"hello")
    >>> process.receive(timeout=10)
    b'hello'
    >>> process.close()
    """

    def __init__(
        self,
        stages: Sequence[Sequence[str]],
        *,
        delimiter: bytes,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._delimiter = delimiter
        self._owner = os.getpid()
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._inbox: SimpleQueue[bytes | _End] = SimpleQueue()
        self._complaints = _Tail(_STDERR_KEPT)
        self._processes, stderr = _start(stages, env)
        stdin, stdout = self._processes[0].stdin, self._processes[-1].stdout
        assert stdin is not None
        assert stdout is not None
        _thread(_write, stdin, self._outbox)
        _thread(_read, stdout, self._inbox, delimiter)
        self._stderr_thread = _thread(_keep_tail, stderr, self._complaints)
        # Runs at the latest when the interpreter exits; must not hold a reference to self.
        self._stop = weakref.finalize(self, _stop, self._processes, self._outbox, self._owner)

    @property
    def mine(self) -> bool:
        """Whether this process started the children; False in a fork, which must leave them be."""
        return os.getpid() == self._owner

    @property
    def pids(self) -> list[int]:
        """The children's process ids, first to last."""
        return [process.pid for process in self._processes]

    def send(self, frame: bytes) -> None:
        """Queue one frame, without its delimiter; returns at once."""
        self._outbox.put(frame + self._delimiter)

    def receive(self, timeout: float) -> bytes:
        """The next frame that came back, without its delimiter.

        Args:
            timeout: Seconds to wait.

        Raises:
            ProcessError: None came in time, or the children have ended; quotes standard error.
        """
        try:
            frame = self._inbox.get(timeout=timeout)
        except Empty:
            raise ProcessError(f"gave no answer for {timeout:g} seconds{self._said()}") from None
        if isinstance(frame, _End):
            self._inbox.put(frame)
            raise ProcessError(frame.reason or self._obituary())
        return frame

    def close(self) -> None:
        """End the children: close their input, then kill what has not ended; safe to call twice."""
        self._stop()

    def kill(self) -> None:
        """End the children at once."""
        if self.mine:
            for process in self._processes:
                _kill(process)
        self._stop()

    def abandon(self) -> None:
        """In a fork: let go of the parent's children without ending them."""
        for pipe in (self._processes[0].stdin, self._processes[-1].stdout):
            if pipe is not None:
                pipe.close()

    def _obituary(self) -> str:
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            statuses = [(process, process.poll()) for process in self._processes]
            # The stages before one that failed end too, of the broken pipe: the last is to blame.
            for process, status in reversed(statuses):
                if status is not None and status not in (0, -signal.SIGPIPE):
                    how = f"exit status {status}" if status > 0 else f"signal {-status}"
                    return f"ended with {how} ({_program(process)}){self._said()}"
            if all(status is not None for _, status in statuses):
                break
            time.sleep(0.01)
        return f"closed its output{self._said()}"

    def _said(self) -> str:
        # Standard error stays open while any stage lives; what has been written is read by then.
        self._stderr_thread.join(0.2)
        text = self._complaints.text()
        return f"; its last words: {text}" if text else ""


class _End(NamedTuple):
    """No more frames will come; the reason where it is not the children's end."""

    reason: str = ""


class _Tail:
    """The last bytes of a stream."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept = b""

    def add(self, chunk: bytes) -> None:
        self._kept = (self._kept + chunk)[-self._size :]

    def text(self) -> str:
        return self._kept.decode("utf-8", errors="replace").strip()


def _start(
    stages: Sequence[Sequence[str]], env: Mapping[str, str] | None
) -> tuple[list[subprocess.Popen[bytes]], IO[bytes]]:
    processes: list[subprocess.Popen[bytes]] = []
    read_end, write_end = os.pipe()
    try:
        for stage in stages:
            before = processes[-1].stdout if processes else None
            processes.append(
                subprocess.Popen(
                    list(stage),
                    stdin=before or subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=write_end,
                    bufsize=0,
                    env=None if env is None else dict(env),
                    start_new_session=True,
                )
            )
            if before is not None:
                before.close()
    except BaseException:
        os.close(read_end)
        for process in processes:
            _kill(process)
            process.wait()
        raise
    finally:
        os.close(write_end)
    return processes, os.fdopen(read_end, "rb", buffering=0)


def _thread(target: object, *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def _write(stdin: IO[bytes], outbox: "SimpleQueue[bytes | None]") -> None:
    frame = outbox.get()
    try:
        with stdin:
            while frame is not None:
                # Unbuffered, so that a fork never holds a copy of unsent bytes.
                left = memoryview(frame)
                while left:
                    left = left[os.write(stdin.fileno(), left) :]
                frame = outbox.get()
    except OSError:
        # The reader finds out that the child has ended, and says how.
        return


def _read(stdout: IO[bytes], inbox: "SimpleQueue[bytes | _End]", delimiter: bytes) -> None:
    unfinished: list[bytes] = []
    size = 0
    with stdout:
        while chunk := os.read(stdout.fileno(), 65536):
            first, *others = chunk.split(delimiter)
            unfinished.append(first)
            size += len(first)
            for other in others:
                inbox.put(b"".join(unfinished))
                unfinished, size = [other], len(other)
            if size > _LARGEST_FRAME:
                inbox.put(_End(f"sent {size:,} bytes without an end"))
                return
    inbox.put(_End())


def _keep_tail(stream: IO[bytes], tail: _Tail) -> None:
    with stream:
        while chunk := stream.read(4096):
            tail.add(chunk)


def _stop(
    processes: list[subprocess.Popen[bytes]], outbox: "SimpleQueue[bytes | None]", owner: int
) -> None:
    if os.getpid() != owner:
        return
    outbox.put(None)
    deadline = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
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


def _program(process: subprocess.Popen[bytes]) -> str:
    arguments = process.args
    assert isinstance(arguments, list)
    return os.path.basename(str(arguments[0]))  # noqa: PTH119


WINDOW: Final = 64
"""Texts sent ahead of the first that has not been answered."""

_WINDOW_BYTES: Final = 1024 * 1024


class Dialogue(Protocol):
    """How texts become frames, how frames become translations, and what to do about faults."""

    def encode(self, number: int, text: str) -> bytes:
        """The frame that asks for a translation."""
        ...

    def decode(self, frame: bytes) -> tuple[int, Translation]:
        """The number and the answer in a frame.

        Raises:
            ProcessError: The child is out of step and is to be restarted.
            TranslationError: The frame breaks the rules.
        """
        ...

    def stray(self, frame: bytes, number: int, *, answered: bool) -> TranslationError:
        """The error for an answer nobody waits for: unknown, or `answered` already."""
        ...

    def patience(self, text: str) -> float:
        """Seconds to wait for the answer."""
        ...

    def give_up(self, text: str, fault: ProcessError) -> Translation:
        """What stands in for the answer to a text on which the child failed twice, or an error."""
        ...


class Worker:
    """One child process, started on the first question and again after a fault.

    When the child ends or hangs, every text it had not answered is asked again, one at a time, so
    that a text that always fails is found and the others are not lost.

    Args:
        start: Starts the child.
    """

    def __init__(self, start: Callable[[], FramedProcess]) -> None:
        self._start = start
        self._process: FramedProcess | None = None
        self._next_number = 0

    def ask(self, texts: Sequence[str], dialogue: Dialogue) -> Generator[Translation, None, None]:
        """Translate texts, one answer per text, in order, with up to `WINDOW` texts under way.

        Raises:
            TranslationError: As the dialogue says.
        """
        numbers = range(self._next_number, self._next_number + len(texts))
        self._next_number = numbers.stop
        call = _Call(dict(zip(numbers, texts, strict=True)), dialogue)
        try:
            for number in numbers:
                while number not in call.answers:
                    self._exchange(call, upto=number + WINDOW)
                yield call.answers.pop(number)
        finally:
            # An abandoned question leaves answers in the pipes that nobody will read.
            if call.pending:
                self.kill()

    def _exchange(self, call: "_Call", upto: int) -> None:
        process = self._running()
        for frame in call.to_send(upto):
            process.send(frame)
        try:
            call.accept(process.receive(call.patience()))
        except ProcessError as fault:
            self.kill()
            call.recover(fault)

    def _running(self) -> FramedProcess:
        if self._process is not None and not self._process.mine:
            self._process.abandon()
            self._process = None
        if self._process is None:
            self._process = self._start()
        return self._process

    def kill(self) -> None:
        """End the child at once; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """End the child; safe to call twice."""
        if self._process is not None:
            self._process.close()
            self._process = None


class _Call:
    """The state of one `Worker.ask`: which texts are unsent, under way, suspect and answered."""

    def __init__(self, texts: dict[int, str], dialogue: Dialogue) -> None:
        self.texts = texts
        self.dialogue = dialogue
        self.pending: dict[int, int] = {}  # number to bytes
        self.answers: dict[int, Translation] = {}
        self._unsent = deque(texts)
        self._suspects: deque[int] = deque()
        self._alone: int | None = None
        self._under_way = 0

    def to_send(self, upto: int) -> list[bytes]:
        """The frames to send now: one suspect by itself, or as many texts as the window holds."""
        if self._suspects:
            if self.pending:
                return []
            self._alone = self._suspects.popleft()
            return [self._frame(self._alone)]
        if self._alone in self.pending:
            return []
        self._alone = None
        frames = []
        while self._unsent and self._unsent[0] < upto and self._under_way < _WINDOW_BYTES:
            frames.append(self._frame(self._unsent.popleft()))
        return frames

    def patience(self) -> float:
        """Seconds to wait for the next answer; long texts are given more."""
        return self.dialogue.patience(self.texts[next(iter(self.pending))])

    def accept(self, frame: bytes) -> None:
        number, answer = self.dialogue.decode(frame)
        if number not in self.pending:
            sent_before = self._unsent[0] if self._unsent else max(self.texts) + 1
            raise self.dialogue.stray(frame, number, answered=0 <= number < sent_before)
        self._under_way -= self.pending.pop(number)
        self.answers[number] = answer

    def recover(self, fault: ProcessError) -> None:
        """After a fault: give up the text that failed by itself, or ask all under way again."""
        failed = list(self.pending)
        self.pending.clear()
        self._under_way = 0
        if self._alone is not None:
            (number,) = failed
            self.answers[number] = self.dialogue.give_up(self.texts[number], fault)
        else:
            self._suspects.extend(failed)

    def _frame(self, number: int) -> bytes:
        frame = self.dialogue.encode(number, self.texts[number])
        self.pending[number] = len(frame)
        self._under_way += len(frame)
        return frame


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
        self._idle: list[Worker] = []

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
        worker = self._idle.pop() if self._idle else Worker(self._start)
        answers = worker.ask(texts, _Dialogue(self, source_lang, target_lang))
        try:
            yield from answers
        finally:
            answers.close()
            # Two calls may overlap; only one program is kept.
            if self._idle:
                worker.close()
            else:
                self._idle.append(worker)

    def close(self) -> None:
        """End the program; safe to call twice."""
        while self._idle:
            self._idle.pop().close()

    @property
    def line(self) -> str:
        """The command as it would be typed."""
        return shlex.join(self.arguments)

    def _start(self) -> FramedProcess:
        try:
            return FramedProcess([self.arguments], delimiter=b"\n")
        except OSError as error:
            raise TranslationError(
                f"command '{self.line}' cannot be started: {error.strerror or error}."
            ) from error


class _Dialogue:
    """One pair's requests and answers."""

    def __init__(self, command: Command, source_lang: str, target_lang: str) -> None:
        self._command = command
        self._pair = {"source_lang": source_lang, "target_lang": target_lang}

    def encode(self, number: int, text: str) -> bytes:
        # ASCII: no line separator of any kind, no lone surrogate, whatever the program's locale.
        return json.dumps({"id": str(number), "text": text, **self._pair}).encode("ascii")

    def decode(self, frame: bytes) -> tuple[int, Translation]:
        answer = self._object(frame)
        for key in ("id", "translation"):
            if key not in answer:
                raise self._fault(f"wrote a line without '{key}'{did_you_mean(key, answer)}", frame)
        translation, truncated = answer["translation"], answer.get("truncated", False)
        if translation is not None and not isinstance(translation, str):
            raise self._fault("wrote a translation that is not text", frame)
        if not isinstance(truncated, bool):
            raise self._fault("wrote a 'truncated' that is not true or false", frame)
        try:
            number = int(answer["id"])
        except (TypeError, ValueError):
            number = -1
        return number, Translation(translation, truncated)

    def stray(self, frame: bytes, number: int, *, answered: bool) -> TranslationError:
        what = "answered one 'id' twice" if answered else "wrote an 'id' that it was not sent"
        return self._fault(what, frame)

    def patience(self, text: str) -> float:
        return self._command.timeout

    def give_up(self, text: str, error: ProcessError) -> Translation:
        raise TranslationError(
            f"command '{self._command.line}' {error.message}. It failed on this text twice: "
            f"{_quoted(text)}.",
            _RULES,
        ) from error

    def _object(self, frame: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(frame)
        except (ValueError, RecursionError):
            raise self._fault("wrote a line that is not JSON", frame) from None
        if not isinstance(answer, dict):
            raise self._fault("wrote a line that is not a JSON object", frame)
        return answer

    def _fault(self, what: str, frame: bytes) -> TranslationError:
        line = frame.decode("utf-8", errors="replace")
        return TranslationError(f"command '{self._command.line}' {what}: {_quoted(line)}.", _RULES)


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
            content = _hash(path) if path.is_file() else b""
        except (OSError, ValueError):
            content = b""
        digest.update(content or b"-")
    return f"command/1:{digest.hexdigest()[:16]}"


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:199]}…")
