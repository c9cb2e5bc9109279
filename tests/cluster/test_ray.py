"""A pool of workers on a Ray cluster: order, errors, deaths."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from babelift.cluster.ray import ATTEMPTS, Piece, Pool, Process, Work
from babelift.errors import DataError, TrainingError

pytestmark = pytest.mark.slow

WORK = Work("squaring", TrainingError, "Try smaller numbers.")


class Squares:
    """Squares numbers, dies of negative ones and refuses zero."""

    def __call__(self, number: int) -> int:
        if number < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 0:
            raise DataError("zero is not squared.")
        if number == 13:
            raise ValueError("bad luck")
        return number * number


def make_nothing() -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def pool(cluster: Any) -> Iterator[Pool]:
    with Pool(Squares, workers=2) as pool:
        yield pool


def pieces(numbers: Sequence[int]) -> list[Piece]:
    return [Piece(f"number {number}", (number,)) for number in numbers]


def test_results_come_in_order_and_the_pool_serves_many_runs(pool: Pool) -> None:
    for last in (1, 2, 30):
        numbers = range(1, last)
        assert list(pool.run(WORK, pieces([n for n in numbers if n != 13]))) == [
            number**2 for number in numbers if number != 13
        ]


def test_an_error_comes_after_the_results_before_it(pool: Pool) -> None:
    for bad, error, message in [
        (0, DataError, "zero is not squared"),
        (13, TrainingError, "squaring: failed on the Ray cluster: ValueError: bad luck"),
        (
            -1,
            TrainingError,
            f"{ATTEMPTS} processes .* died with the same number -1",
        ),
    ]:
        results = pool.run(WORK, pieces([1, 2, 3, bad, 4]))
        assert [next(results) for _ in range(3)] == [1, 4, 9]
        with pytest.raises(error, match=message):
            next(results)


def test_the_other_pieces_go_on_where_one_cannot_be_done(cluster: Any) -> None:
    numbers = [0, 1, -1, 2, -2, 3, 13, 4]
    with Pool(Squares, in_flight=1) as pool:
        results = dict(pool.as_completed(WORK, pieces(numbers)))
    assert sorted(results) == list(range(len(numbers)))
    for place, number in enumerate(numbers):
        if number in (1, 2, 3, 4):
            assert results[place] == number**2
        else:
            assert isinstance(results[place], DataError if number == 0 else TrainingError)


def test_no_more_workers_are_begun_than_there_are_pieces(cluster: Any) -> None:
    with Pool(Squares) as pool:
        assert list(pool.as_completed(WORK, pieces([5]))) == [(0, 25)]
        assert len(pool.workers) == 1


def test_processes_that_never_get_ready_are_an_error(cluster: Any) -> None:
    with Pool(make_nothing, workers=1) as pool, pytest.raises(TrainingError, match="stays alive"):
        list(pool.run(WORK, pieces([1])))


def test_a_process_keeps_to_its_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from babelift.translation.engines.ctranslate2 import threads

    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    monkeypatch.chdir(tmp_path)
    Process(Squares, 3, tmp_path)
    assert threads() == (3, 1)
