"""Sends numbered texts to a child process, keeps it busy, and restarts it when it fails."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Final, Protocol

from babelift.errors import TranslationError
from babelift.translate.process import FramedProcess, ProcessError
from babelift.translate.protocol import Translation

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
