"""Translates with a program of the user's own that speaks JSON lines."""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Final, Literal, NamedTuple

from babelift.config import Translating
from babelift.errors import ConfigError, TranslationError, did_you_mean, quoted
from babelift.redaction import LEFT_OUT, shown, shown_program
from babelift.store import file_hash
from babelift.translation.protocol import Translation

WINDOW: Final = 64
"""Texts sent ahead of the first that has not been answered."""

_WINDOW_BYTES: Final = 1024 * 1024
_LONGEST_LINE: Final = 64 * 1024 * 1024
_MOST_UNREAD: Final = 4 * WINDOW
"""Lines that may lie unread: a program that keeps to the rules never has so many."""

_STDERR_KEPT: Final = 4096
_GRACE: Final = 2.0
_PATIENCE: Final = 10.0
"""Seconds that a program which is asked for its version has for it."""

_RULES: Final = (
    'It is sent lines {"id", "text", "source_lang", "target_lang"} and must write each back, in '
    'any order, with the same "id" and "translation", flushed at once; up to '
    f"{WINDOW} are under way."
)
_HELLO: Final = (
    'The first line it writes may be {"babelift": 1, "name": "my-mt", "version": "2"}, before it '
    "loads anything; both are texts of up to 100 characters."
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
            f"translator '{shown(f'command:{argument}')}': cannot be split into arguments: {error}."
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

    The memory keeps its translations under the command line, the files that the line names, the
    code of a module that it runs (`python -m module`), and the version that the program states.
    It states one in its first line, `{"babelift": 1, "name": "my-mt", "version": "2"}`, written
    before it loads anything. To learn it, the program is first started with nothing to read.

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
        self._idle: LineProcess | None = None
        self._next_number = 0
        self._hello: Hello | None = None
        self._hello_is_known = False

    @cached_property
    def fingerprint(self) -> str:
        """Of the line, the code that it names, and the version that the program states.

        Asking for it starts the program, unless it ran already.

        Raises:
            TranslationError: What the program states cannot be understood.
        """
        if not self._hello_is_known:
            self.expect(_hello_of(self.arguments))
        stated = f" {self._hello.name} {self._hello.version}" if self._hello else ""
        return f"command/1:{_digest(self.arguments)}{stated}"

    def expect(self, hello: "Hello | None") -> bool:
        """Whether a program that was started states what it did before; the first sets it."""
        if not self._hello_is_known:
            self._hello, self._hello_is_known = hello, True
        return hello == self._hello

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
        self._numbers = {str(number): number for number in texts}
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
            self._accept(_parsed(answer, self._command.arguments), answer)

    def _running(self) -> "LineProcess":
        # A fork leaves its parent's program alone and starts its own.
        if self._process is None or not self._process.mine:
            try:
                self._process = LineProcess(self._command.arguments)
            except (OSError, ValueError) as error:  # the latter where an argument holds a NUL
                why = getattr(error, "strerror", None) or error
                raise TranslationError(
                    f"command '{_line(self._command.arguments)}' cannot be started: {why}."
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
            said = _without(self._command.arguments, fault.message)
            raise TranslationError(
                f"command '{_line(self._command.arguments)}' {said}. It failed on this text twice: "
                f"{quoted(self._texts[self._alone])}.",
                _RULES,
            ) from fault
        self._suspects.extend(failed)

    def _request(self, number: int) -> bytes:
        # ASCII: no line separator of any kind, no lone surrogate, whatever the program's locale.
        request = {"id": str(number), "text": self._texts[number], **self._pair}
        return json.dumps(request).encode("ascii")

    def _accept(self, answer: dict[str, Any], line: bytes) -> None:
        if self._process is not None and self._process.received == 1:
            hello = _as_hello(answer, line, self._command.arguments)
            if not self._command.expect(hello):
                raise self._broken("states another version than before, or not at once", line)
            if hello is not None:
                return
        for key in ("id", "translation"):
            if key not in answer:
                raise self._broken(f"wrote a line without '{key}'{did_you_mean(key, answer)}", line)
        translation, truncated = answer["translation"], answer.get("truncated", False)
        if translation is not None and not isinstance(translation, str):
            raise self._broken("wrote a translation that is not text", line)
        if not isinstance(truncated, bool):
            raise self._broken("wrote a 'truncated' that is not true or false", line)
        # Some programs read ids as whole numbers; `true` and `1.0` are not what was sent.
        name = str(answer["id"]) if type(answer["id"]) is int else answer["id"]
        number = self._numbers.get(name) if isinstance(name, str) else None
        if number is None or number not in self._under_way:
            sent_before = self._unsent[0] if self._unsent else max(self._texts) + 1
            answered = number is not None and number < sent_before
            what = "answered one 'id' twice" if answered else "wrote an 'id' that it was not sent"
            raise self._broken(what, line)
        del self._under_way[number]
        self._answers[number] = Translation(translation, truncated)

    def _broken(self, what: str, line: bytes) -> TranslationError:
        return _broken(self._command.arguments, what, line)


class Hello(NamedTuple):
    """What a program states of itself."""

    name: str
    version: str


def _broken(
    arguments: Sequence[str], what: str, line: bytes, rules: str = _RULES
) -> TranslationError:
    text = _without(arguments, line.decode("utf-8", errors="replace"))
    return TranslationError(f"command '{_line(arguments)}' {what}: {quoted(text)}.", rules)


def _line(arguments: Sequence[str]) -> str:
    """A command as it may be shown in an error, which a study keeps."""
    program = shown_program(shlex.join(arguments))
    return f"{program} {LEFT_OUT}" if arguments[1:] else program


def _without(arguments: Sequence[str], text: str) -> str:
    """What a program said, without what it was told in confidence.

    >>> _without(["mt", "--api-key=s3cret-7f", "-u"], "no key s3cret-7f, -u")
    'no key …, -u'
    """
    words = {word for part in arguments[1:] for word in (part, part.partition("=")[2])}
    for word in sorted((word for word in words if len(word) > 3), key=len, reverse=True):
        if not word.startswith("-"):
            text = text.replace(word, LEFT_OUT)
    return text


def _parsed(line: bytes, arguments: Sequence[str]) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise _broken(arguments, "wrote a line that is not JSON", line) from None
    if not isinstance(answer, dict):
        raise _broken(arguments, "wrote a line that is not a JSON object", line)
    return answer


def _as_hello(answer: dict[str, Any], line: bytes, arguments: Sequence[str]) -> Hello | None:
    """A program's first line as what it states; None where it is an answer.

    Raises:
        TranslationError: It is of another protocol, or has no version.
    """
    if "babelift" not in answer:
        return None
    if answer["babelift"] != 1 or isinstance(answer["babelift"], bool):
        raise _broken(arguments, "speaks another protocol than 1", line, _HELLO)
    hello = Hello(answer.get("name", "-"), answer.get("version", ""))
    for value in hello:
        if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
            raise _broken(arguments, "states a name or version that cannot be used", line, _HELLO)
    return hello


def _hello_of(arguments: Sequence[str]) -> Hello | None:
    """What a program states; it is started with nothing to read, and ended.

    What else is wrong with it will be said when it is to translate.
    """
    try:
        process = LineProcess(arguments)
    except (OSError, ValueError):
        return None
    try:
        process.close_input()
        line = process.receive(_PATIENCE)
        answer = _parsed(line, arguments)
    except TranslationError:
        return None
    finally:
        process.kill()
    return _as_hello(answer, line, arguments)


class ProcessError(TranslationError):
    """A child process ended, gave no answer in time, or wrote a line without an end."""


class LineProcess:
    """A child process to which lines are sent and from which lines come back.

    One thread writes and one reads, so sending never blocks, however full the pipes are. The child
    runs in a session of its own: Ctrl-C in the terminal does not reach it, and when the parent
    dies it ends with its input.

    Args:
        arguments: The program and its arguments.

    Attributes:
        received: Lines that came back and were taken.

    Raises:
        OSError: The program cannot be started.
        ValueError: An argument holds a NUL.

    >>> process = LineProcess(["cat"])
    >>> process.send(b"hello")
    >>> process.receive(timeout=10)
    b'hello'
    >>> process.close()
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.received = 0
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
        self.received += 1
        return line

    def close_input(self) -> None:
        """Say that no more lines will be sent."""
        self._outbox.put(None)

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
    # Where the child has ended the reader finds out, and says how.
    with suppress(OSError), stdin:
        while (line := outbox.get()) is not None:
            # Unbuffered, so that a fork never holds a copy of unsent bytes.
            left = memoryview(line)
            while left:
                left = left[os.write(stdin.fileno(), left) :]


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
            reason = ""
            if size > _LONGEST_LINE:
                reason = f"sent {size:,} bytes without a line break"
            elif inbox.qsize() > _MOST_UNREAD:
                reason = "wrote many more lines than it was sent"
            if reason:
                inbox.put(_End(reason))
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
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _digest(arguments: Sequence[str]) -> str:
    """Of the command line and of the code that it names.

    That is every argument that is a file (`--words=FILE` too), a script that is found by its name,
    and the code of a module that Python runs. Left out are binaries that are found by name, an
    interpreter above all, which change without changing what they say, and what the code itself
    imports or calls: only the program can tell that.
    """
    digest = hashlib.sha256(shlex.join(arguments).encode("utf-8", "surrogateescape"))
    paths = [Path(argument) for argument in arguments]
    script = Path(shutil.which(arguments[0]) or "")
    if _is_script(script):
        paths[0] = script
    for path in paths:
        digest.update(_hash(path) or b"-")
    values = (argument.partition("=") for argument in arguments if argument.startswith("-"))
    for path in [*(Path(value) for _, _, value in values if value), *_module_files(arguments)]:
        digest.update(_hash(path))
    return digest.hexdigest()[:16]


def _hash(path: Path) -> bytes:
    """Of a file's content; nothing where it cannot be read."""
    try:
        return bytes.fromhex(file_hash(path)) if path.is_file() else b""
    except (OSError, ValueError):
        return b""


def _is_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _module_files(arguments: Sequence[str]) -> Iterable[Path]:
    """The code of the package whose module the line runs with `python -m`, where it is found."""
    interpreter, module = _module_of(arguments)
    if not module:
        return []
    program = Path(shutil.which(interpreter) or interpreter)
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    same = program == Path(sys.executable)
    own = sys.path if same else program.parent.parent.glob("lib/python3*/site-packages")
    for folder in map(Path, (".", *named, *own)):
        package = folder / module.partition(".")[0]
        if package.is_dir() and (files := sorted(package.rglob("*.py"))):
            return files
        if (file := package.with_name(f"{package.name}.py")).is_file():
            return [file]
    return []


def _module_of(arguments: Sequence[str]) -> tuple[str, str]:
    """The interpreter and the module of `python -m module`, empty where the line is another.

    >>> _module_of(["env", "python3", "-u", "-W", "ignore", "-m", "my.mt", "--fast"])
    ('python3', 'my.mt')
    >>> _module_of(["python3", "mt.py", "-m", "x"]), _module_of(["python3", "-Smx"])
    (('', ''), ('python3', 'x'))
    """
    left = iter(arguments)
    interpreter = next((a for a in left if re.fullmatch(r"(.*/)?(python|pypy)[\d.]*", a)), "")
    for option in left:
        match = re.fullmatch(r"-([^-cmWX]*)([cmWX]?)(.*)", option, re.DOTALL)
        if match is None:
            return "", ""  # a script, or an option that is none of Python's short ones
        if match[2] in ("c", "m"):
            return (interpreter, match[3] or next(left, "")) if match[2] == "m" else ("", "")
        if match[2] and not match[3]:
            next(left, None)
    return "", ""
