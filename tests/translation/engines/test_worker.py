"""The worker: order, the window ahead, restarts, and which text is to blame."""

import os
import re
import sys
from collections.abc import Iterator

import pytest

from babelift.errors import TranslationError
from babelift.translation.engines.command import WINDOW, FramedProcess, ProcessError, Worker
from babelift.translation.protocol import Translation

# Answers "7 text" with "7 TEXT"; obeys the orders that some texts are.
CHILD = """
import os, sys, time
held = []
for line in sys.stdin:
    number, _, text = line.rstrip("\\n").partition(" ")
    if text.startswith("crash"):
        sys.exit(7)
    if text.startswith("hang"):
        time.sleep(60)
    if text.startswith("once:") and not os.path.exists(text[5:]):
        open(text[5:], "w").close()
        sys.exit(7)
    if text == "ignored":
        continue
    if text.startswith("hold"):
        held.append((number, text))
        continue
    if text == "twice":
        print(number, text.upper(), flush=True)
    if text == "stray":
        print(999999, "WHO", flush=True)
    if text == "garbage":
        print("garbage", flush=True)
    for n, t in held:
        print(n, t.upper())
    held.clear()
    print(number, text.upper(), flush=True)
"""


class Lines:
    """Numbered lines; what failed twice becomes None."""

    def __init__(self) -> None:
        self.given_up: list[str] = []
        self.faults: list[str] = []
        self.seconds = 30.0

    def encode(self, number: int, text: str) -> bytes:
        return f"{number} {text}".encode()

    def decode(self, frame: bytes) -> tuple[int, Translation]:
        match = re.fullmatch(r"(\d+) (.*)", frame.decode())
        if match is None:
            raise TranslationError(f"not an answer: {frame!r}")
        return int(match[1]), Translation(match[2])

    def stray(self, frame: bytes, number: int, *, answered: bool) -> TranslationError:
        return TranslationError(f"stray {number}, answered: {answered}")

    def patience(self, text: str) -> float:
        return self.seconds

    def give_up(self, text: str, fault: ProcessError) -> Translation:
        self.given_up.append(text)
        self.faults.append(fault.message)
        return Translation(None)


@pytest.fixture
def starts() -> list[FramedProcess]:
    return []


@pytest.fixture
def worker(starts: list[FramedProcess]) -> Iterator[Worker]:
    def start() -> FramedProcess:
        starts.append(FramedProcess([[sys.executable, "-S", "-c", CHILD]], delimiter=b"\n"))
        return starts[-1]

    worker = Worker(start)
    yield worker
    worker.close()
    for process in starts:
        process.kill()


def ask(worker: Worker, texts: list[str], lines: Lines | None = None) -> list[str | None]:
    return [answer.text for answer in worker.ask(texts, lines or Lines())]


def test_every_text_is_answered_in_order_by_one_process(
    worker: Worker, starts: list[FramedProcess]
) -> None:
    texts = [f"text {number}" for number in range(1000)]
    assert ask(worker, texts) == [text.upper() for text in texts]
    assert ask(worker, ["more"]) == ["MORE"]
    assert ask(worker, []) == []
    assert len(starts) == 1


def test_answers_in_another_order_are_put_in_order(worker: Worker) -> None:
    texts = ["hold 1", "hold 2", "go", "hold 3", "go on"]
    assert ask(worker, texts) == [text.upper() for text in texts]


def test_a_first_answer_that_never_comes_stops_the_window(worker: Worker) -> None:
    lines = Lines()
    lines.seconds = 0.3
    texts = ["ignored", *["a"] * (3 * WINDOW)]
    assert ask(worker, texts, lines) == [None, *["A"] * (3 * WINDOW)]
    assert lines.given_up == ["ignored"]


def test_texts_larger_than_the_pipes_pass(worker: Worker) -> None:
    texts = ["x" * 300_000 for _ in range(20)]
    assert ask(worker, texts) == ["X" * 300_000] * 20


@pytest.mark.parametrize("order", ["crash", "hang"])
def test_one_poisoned_text_is_given_up_and_all_others_answered(
    worker: Worker, starts: list[FramedProcess], order: str
) -> None:
    lines = Lines()
    lines.seconds = 0.5
    texts = [f"text {number}" for number in range(200)]
    texts[100] = order
    answers = ask(worker, texts, lines)
    assert answers == [None if text == order else text.upper() for text in texts]
    assert lines.given_up == [order]
    assert len(starts) == 3


def test_a_text_that_fails_only_once_is_answered(
    worker: Worker, tmp_path: os.PathLike[str]
) -> None:
    lines = Lines()
    order = f"once:{tmp_path}/flag"
    assert ask(worker, ["a", order, "b"], lines) == ["A", order.upper(), "B"]
    assert lines.given_up == []


def test_several_poisoned_texts_in_a_row_are_each_found(worker: Worker) -> None:
    lines = Lines()
    texts = ["a", "crash 1", "crash 2", "b", "crash 3"]
    assert ask(worker, texts, lines) == ["A", None, None, "B", None]
    assert lines.given_up == ["crash 1", "crash 2", "crash 3"]
    assert all("exit status 7" in fault for fault in lines.faults)


def test_an_answer_to_nothing_and_a_second_answer_are_told_apart(worker: Worker) -> None:
    with pytest.raises(TranslationError, match="stray 999999, answered: False"):
        ask(worker, ["stray", "a"])
    with pytest.raises(TranslationError, match=r"stray \d+, answered: True"):
        ask(worker, ["twice", "a"])


def test_after_a_broken_rule_the_next_question_has_a_fresh_process(
    worker: Worker, starts: list[FramedProcess]
) -> None:
    with pytest.raises(TranslationError, match="not an answer: b'garbage'"):
        ask(worker, ["garbage", "a", "b"])
    assert ask(worker, ["a"]) == ["A"]
    assert len(starts) == 2


def test_an_abandoned_question_does_not_leak_into_the_next(worker: Worker) -> None:
    answers = worker.ask(["a", "b", "c"], Lines())
    assert next(answers).text == "A"
    answers.close()
    assert ask(worker, ["d"]) == ["D"]


def test_the_worker_can_be_closed_twice_and_used_again(worker: Worker) -> None:
    assert ask(worker, ["a"]) == ["A"]
    worker.close()
    worker.close()
    assert ask(worker, ["a"]) == ["A"]


def test_a_process_killed_between_questions_is_replaced(
    worker: Worker, starts: list[FramedProcess]
) -> None:
    assert ask(worker, ["a"]) == ["A"]
    os.kill(starts[0].pids[0], 9)
    assert ask(worker, ["b", "c"]) == ["B", "C"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_starts_its_own_process(worker: Worker) -> None:
    assert ask(worker, ["a"]) == ["A"]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if ask(worker, ["b"]) == ["B"] else 2
            worker.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ask(worker, ["c"]) == ["C"]
