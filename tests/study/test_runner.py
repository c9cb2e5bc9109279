"""How many trainings run at a time, and with how many threads."""

import signal
import threading
from types import SimpleNamespace

import pytest
from polars.exceptions import PanicException

from babelift.run import manifest as facts
from babelift.study import runner


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """A machine of so many cores and so much memory, without a GPU."""

    def made(cores: int, gib: float | None) -> None:
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
        monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
        monkeypatch.setattr(facts, "memory_gib", lambda: gib)

    return made


@pytest.mark.parametrize(
    ("cores", "gib", "tasks", "workers", "expected"),
    [
        (8, 64.0, 20, None, (8, 1)),
        (8, 15.6, 20, None, (3, 2)),
        (8, 2.0, 20, None, (1, 8)),
        (8, None, 20, None, (8, 1)),
        (8, 64.0, 2, None, (2, 4)),
        (8, 7.7, 20, 4, (4, 2)),
    ],
)
def test_cores_are_shared_as_far_as_memory_goes(machine, cores, gib, tasks, workers, expected):
    machine(cores, gib)
    assert runner.share_cores(tasks, workers) == expected


@pytest.mark.parametrize(
    "error", [ValueError("it broke"), MemoryError(), PanicException("in Rust"), SystemExit(3)]
)
def test_whatever_stops_a_run_is_told_of_that_run_alone(monkeypatch, tmp_path, error):
    def broken(task):
        raise error

    monkeypatch.setattr(runner, "run_task", broken)
    task = SimpleNamespace(folder=tmp_path / "run", record=None)
    assert runner.run_locked(task).startswith(f"{type(error).__name__}: ")


@pytest.fixture
def interruptible():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_worker_hears_ctrl_c_while_it_runs_and_at_no_other_time(monkeypatch, tmp_path):
    task = SimpleNamespace(folder=tmp_path / "run", record=None)
    monkeypatch.setattr(runner, "run_task", lambda task: signal.raise_signal(signal.SIGINT))
    assert runner._run_in_worker(task) == "it was interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    monkeypatch.setattr(runner, "run_task", lambda task: pytest.fail("it was begun"))
    stopped = threading.Event()
    stopped.set()
    monkeypatch.setattr(runner, "_stopped", stopped)
    assert runner._run_in_worker(task) == "it was interrupted"


@pytest.mark.usefixtures("interruptible")
def test_a_process_is_started_deaf_and_the_program_hears_again():
    heard = signal.getsignal(signal.SIGINT)
    with runner._deaf_to_interrupts():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is heard
