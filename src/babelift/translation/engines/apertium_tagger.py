"""Runs apertium-tagger so that no text changes how the next one is translated.

A stage of Apertium's chain, run as a script: `python apertium_tagger.py apertium-tagger -z -g ...`.

Apertium's tagger (3.8 at least) keeps a memory it should not have: a word whose readings form a
combination that was not in its training data makes it overwrite the readings it gives to unknown
words, for as long as it runs. What a text becomes would then depend on the texts before it, and a
translation that was interrupted would not end as one that was not. With `--debug` the tagger says
when this happens; it is then replaced before the next text.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence

_TAINT = b"new ambiguity class"


class Tagger:
    """One apertium-tagger at a time, which answers each NUL-closed text as a fresh one would."""

    def __init__(self, command: Sequence[str]) -> None:
        program, *options = command
        self._command = [program, "--debug", *options]
        # A file, not a pipe: all that a text made the tagger say is there when its answer is.
        self._said = tempfile.TemporaryFile("a+b")  # noqa: SIM115
        self._process: subprocess.Popen[bytes] | None = None

    def tag(self, text: bytes) -> bytes:
        """Send one text and return the answer, both closed by NUL.

        Raises:
            EOFError: The tagger ended.
        """
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        # The tagger answers while it still reads: a long text would fill both pipes.
        writer = threading.Thread(target=_write, args=(process.stdin.fileno(), text), daemon=True)
        writer.start()
        answer = b""
        while not answer.endswith(b"\0"):
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                raise EOFError(self._listen().decode(errors="replace"))
            answer += chunk
        writer.join()
        if _TAINT in self._listen():
            self.close()
        return answer

    def close(self) -> None:
        """End the tagger that runs."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            bufsize=0,
        )
        return self._process

    def _listen(self) -> bytes:
        size = os.fstat(self._said.fileno()).st_size
        if not size:
            return b""
        said = os.pread(self._said.fileno(), size, 0)
        os.ftruncate(self._said.fileno(), 0)
        return said


def frames(source: int) -> Iterator[bytes]:
    """The NUL-closed texts that come through a file descriptor, each with its NUL."""
    rest = b""
    while chunk := os.read(source, 65536):
        *whole, rest = (rest + chunk).split(b"\0")
        for frame in whole:
            yield frame + b"\0"


def main(command: Sequence[str]) -> int:
    """Answer texts from standard input until it ends."""
    tagger = Tagger(command)
    try:
        for frame in frames(sys.stdin.fileno()):
            _write(sys.stdout.fileno(), tagger.tag(frame))
    except EOFError as error:
        sys.stderr.write(f"{command[0]} ended: {error}\n")
        return 1
    finally:
        tagger.close()
    return 0


def _write(target: int, data: bytes) -> None:
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(target, left) :]
    except BrokenPipeError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
