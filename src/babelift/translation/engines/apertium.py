"""Translates English, Spanish and French with Apertium's rules and dictionaries: no weights."""

import re
import shutil
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from babelift.config import Translating
from babelift.errors import ConfigError, MissingDependencyError, TranslationError
from babelift.translation.engines import apertium_stream as stream
from babelift.translation.engines.apertium_modes import (
    MODES,
    PROGRAM,
    data_folder,
    environment,
    fingerprint,
    mode_file,
    stages,
)
from babelift.translation.engines.command import FramedProcess, ProcessError, Worker
from babelift.translation.engines.table import Pair
from babelift.translation.protocol import Translation, check_pair

_INSTALL: Final = "apt-get install apertium apertium-eng-spa apertium-fr-es"
_PROBE: Final = "."


def load(argument: str, config: Translating) -> "Apertium":
    """The translator `apertium`.

    Raises:
        ConfigError: An argument was given.
        MissingDependencyError: Apertium or all of its language pairs are not installed.
    """
    if argument:
        raise ConfigError(
            f"translator 'apertium' takes nothing after its name. Got 'apertium:{argument}'.",
            "The languages are found from the rows and from --to.",
        )
    return Apertium()


class Apertium:
    """Rule-based translation between en, es and fr by Debian's Apertium.

    One long-lived chain of processes per direction does the work. English and French have no
    pair of their own, so their chain goes by way of Spanish. Mentions, hashtags, addresses and
    line breaks come back as they were. A text on which a chain fails twice has no translation
    (`Translation(None)`) and is counted in `notes`.

    Args:
        timeout: Seconds to wait for a text, plus one per 1,000 characters.

    Raises:
        MissingDependencyError: Apertium or all of its language pairs are not installed.

    Attributes:
        failed: Texts that have no translation because the chain failed on them.
    """

    name = "apertium"
    unit: Literal["sentence", "text"] = "text"
    license: str | None = "GPL-2.0-only"

    def __init__(self, *, timeout: float = 30.0) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise MissingDependencyError(
                f"translator 'apertium' needs the program '{PROGRAM}' (Apertium 3.8 or later), "
                "which is not installed.",
                f"Install it: {_INSTALL}",
            )
        self.timeout = timeout
        self.failed = 0
        self._folder = data_folder(program)
        self._pairs = frozenset(pair for pair, modes in MODES.items() if self._has(modes))
        if not self._pairs:
            raise MissingDependencyError(
                f"translator 'apertium' found none of its language pairs in {self._folder}/modes.",
                f"Install them: {_INSTALL}",
            )
        self.fingerprint = fingerprint(
            self._folder, sorted({mode for pair in self._pairs for mode in MODES[pair]})
        )
        self._idle: dict[Pair, Worker] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what went wrong without stopping the work."""
        if not self.failed:
            return ()
        return (f"apertium failed twice on {self.failed} texts, which have no translation.",)

    def pairs(self) -> frozenset[Pair]:
        """The pairs whose language data are installed."""
        return self._pairs

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate whole texts, one result per text, in order.

        Raises:
            LanguageError: The pair is not possible.
            MissingDependencyError: The pair is possible but not installed.
            TranslationError: The chain cannot be started or fails on any text.
        """
        pair = (source_lang, target_lang)
        check_pair(self.name, *pair, MODES)
        if pair not in self._pairs:
            raise MissingDependencyError(
                f"translator 'apertium' lacks the language data for {source_lang}>{target_lang}.",
                f"Install them: {_INSTALL}",
            )
        return self._stream(texts, pair)

    def close(self) -> None:
        """End the chains; safe to call twice."""
        while self._idle:
            _, worker = self._idle.popitem()
            worker.close()

    def _stream(self, texts: Sequence[str], pair: Pair) -> Iterator[Translation]:
        worker = self._idle.pop(pair, None) or Worker(lambda: self._start(pair))
        clean = [stream.clean(text) for text in texts]
        answers = worker.ask([text for text in clean if _has_words(text)], _Chain(self, pair))
        try:
            for text in clean:
                yield _within(text, next(answers)) if _has_words(text) else Translation(text)
        finally:
            answers.close()
            # Two calls for one pair may overlap; only one chain is kept.
            surplus = self._idle.get(pair)
            self._idle[pair] = worker
            if surplus is not None:
                surplus.close()

    def _has(self, modes: Sequence[str]) -> bool:
        return all(mode_file(self._folder, mode).is_file() for mode in modes)

    def _start(self, pair: Pair) -> FramedProcess:
        chain = [stage for mode in MODES[pair] for stage in stages(mode_file(self._folder, mode))]
        try:
            return FramedProcess(chain, delimiter=b"\0", env=environment())
        except OSError as error:
            raise MissingDependencyError(
                f"translator 'apertium': a program of its chain cannot be started: {error}.",
                f"Install it: {_INSTALL}",
            ) from error

    def _give_up(self, pair: Pair, text: str, error: ProcessError) -> Translation:
        probe = Worker(lambda: self._start(pair))
        try:
            list(probe.ask([_PROBE], _Probe(self, pair)))
        except ProcessError as failure:
            raise TranslationError(
                f"apertium's chain for {pair[0]}>{pair[1]} fails on any text: it {failure}.",
                f"Try: echo hello | apertium {MODES[pair][0]}",
            ) from error
        finally:
            probe.close()
        self.failed += 1
        return Translation(None)


class _Chain:
    """How texts become frames of one chain: `[number]` at the start tells which text an answer is.

    A chain keeps the order by itself; the numbers show when it has lost step.
    """

    def __init__(self, apertium: Apertium, pair: Pair) -> None:
        self._apertium = apertium
        self._pair = pair

    def encode(self, number: int, text: str) -> bytes:
        return f"[{number}]{stream.escape(text)}".encode()

    def decode(self, frame: bytes) -> tuple[int, Translation]:
        answer = frame.decode("utf-8", errors="replace")
        match = re.match(r"\[(\d+)\]", answer)
        if match is None or not answer.endswith(("[]", "[.]")):
            raise ProcessError(f"answered out of step: {answer[:80]!r}")
        return int(match[1]), Translation(stream.unescape(answer[match.end() :]))

    def stray(self, frame: bytes, number: int, *, answered: bool) -> TranslationError:
        return ProcessError(f"answered out of step: {frame[:80]!r}")

    def patience(self, text: str) -> float:
        return self._apertium.timeout + len(text) / 1000

    def give_up(self, text: str, error: ProcessError) -> Translation:
        return self._apertium._give_up(self._pair, text, error)


class _Probe(_Chain):
    """Asks whether the chain works at all."""

    def give_up(self, text: str, error: ProcessError) -> Translation:
        raise error


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def _within(text: str, answer: Translation) -> Translation:
    """The answer between the white space that surrounds the text."""
    if answer.text is None:
        return answer
    core = text.strip()
    start = text.index(core)
    return Translation(text[:start] + answer.text + text[start + len(core) :])
