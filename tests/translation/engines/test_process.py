"""Child processes: lines, deadlocks, faults, and that none of them is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from babelift.translation.engines.command import LineProcess, ProcessError

Start = Callable[..., LineProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts small Python programs, ended after the test."""
    started: list[LineProcess] = []

    def run(program: str) -> LineProcess:
        started.append(LineProcess([sys.executable, "-S", "-c", program]))
        return started[-1]

    yield run
    for process in started:
        process.kill()


ECHO = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.flush()"


def children() -> set[str]:
    """Ids of this process's children, where the system tells."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for listed in lists for pid in listed.read_text().split()}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_come_back_in_order(start: Start) -> None:
    process = start(ECHO.replace("(line)", "(line.upper())"))
    for line in (b"one", b"", b"two\0nul"):
        process.send(line)
    assert [process.receive(10) for _ in range(3)] == [b"ONE", b"", b"TWO\0NUL"]


def test_megabytes_in_both_directions_do_not_deadlock(start: Start) -> None:
    process = start(ECHO)
    line = b"x" * 100_000
    for _ in range(50):
        process.send(line)
    assert all(process.receive(30) == line for _ in range(50))


def test_a_silent_process_is_a_fault_after_the_timeout(start: Start) -> None:
    process = start("import time; time.sleep(60)")
    with pytest.raises(ProcessError, match=r"gave no answer for 0\.05 seconds"):
        process.receive(0.05)


def test_an_early_end_quotes_status_and_last_words(start: Start) -> None:
    process = start("import sys; sys.stderr.write('model.bin is missing'); sys.exit(3)")
    expected = r"ended with exit status 3; its last words: model.bin is missing"
    with pytest.raises(ProcessError, match=expected):
        process.receive(10)
    with pytest.raises(ProcessError, match="exit status 3"):
        process.receive(10)


def test_sending_to_a_dead_process_does_not_raise_or_block(start: Start) -> None:
    process = start("pass")
    with pytest.raises(ProcessError, match="closed its output"):
        process.receive(10)
    for _ in range(100):
        process.send(b"x" * 100_000)


def test_only_the_tail_of_standard_error_is_kept(start: Start) -> None:
    process = start("import sys; sys.stderr.write('a' * 10**6 + 'the end'); sys.exit(1)")
    with pytest.raises(ProcessError) as caught:
        process.receive(10)
    assert caught.value.message.endswith("the end")
    assert len(caught.value.message) < 5000


def test_a_line_without_end_is_a_fault_not_a_full_memory(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babelift.translation.engines.command._LONGEST_LINE", 1_000_000)
    process = start("import sys\nwhile True: sys.stdout.write('x' * 65536)")
    with pytest.raises(ProcessError, match="without a line break"):
        process.receive(30)


def test_a_missing_program_is_an_os_error_and_leaves_no_process() -> None:
    before = children()
    with pytest.raises(FileNotFoundError):
        LineProcess(["no-such-program-anywhere"])
    assert children() == before


def test_close_ends_and_reaps_the_child_and_may_be_called_twice(start: Start) -> None:
    process = start(ECHO)
    process.close()
    process.close()
    assert not is_running(process.pid)


def test_kill_reaches_a_child_that_ignores_everything_and_its_own_children(start: Start) -> None:
    process = start(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "if child: os.write(1, b'%d\\n' % child)\n"
        "time.sleep(60)"
    )
    grandchild = int(process.receive(10))
    process.kill()
    assert not is_running(process.pid)
    # An orphan is reaped by whoever adopted it, or stays a zombie where nobody does.
    wait_until(lambda: not is_running(grandchild) or _is_zombie(grandchild))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


PARENT = """
import sys, time
from babelift.translation.engines.command import LineProcess
process = LineProcess(["cat"])
print(process.pid, flush=True)
{}
"""


@pytest.mark.parametrize(
    "ending",
    ["", "raise SystemExit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"],
    ids=["at exit", "at an error", "at SIGKILL"],
)
def test_children_end_with_their_parent(ending: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT.format(ending)], capture_output=True, text=True, check=False
    )
    pid = int(done.stdout)
    wait_until(lambda: not is_running(pid) or _is_zombie(pid))


def test_ctrl_c_in_the_terminal_does_not_reach_the_children(start: Start) -> None:
    process = start(ECHO)
    assert os.getpgid(process.pid) != os.getpgid(0)
    assert os.getsid(process.pid) != os.getsid(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_leaves_the_parents_children_alone(start: Start) -> None:
    process = start(ECHO)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            process.kill()
            process.close()
            code = 0 if not process.mine else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    process.send(b"still here")
    assert process.receive(10) == b"still here"


def test_a_child_killed_from_outside_is_a_fault(start: Start) -> None:
    process = start(ECHO)
    process.send(b"a")
    assert process.receive(10) == b"a"
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(ProcessError, match="signal 9"):
        process.receive(10)
