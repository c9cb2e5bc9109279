"""How many trainings run at a time, and with how many threads."""

import pytest

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
