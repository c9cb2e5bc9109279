"""A long-lived child process, or chain of them, that answers framed messages without deadlock."""

import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import IO, Final, NamedTuple

from babelift.errors import TranslationError

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
