"""Translates with a program of the user's own that speaks JSON lines."""

import hashlib
import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from babelift.config import Translating
from babelift.errors import ConfigError, TranslationError, did_you_mean
from babelift.translate.process import FramedProcess, ProcessError
from babelift.translate.protocol import Translation
from babelift.translate.worker import WINDOW, Worker

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
