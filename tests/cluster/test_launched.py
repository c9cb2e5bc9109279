import sys

import pytest

from babelift.cli import main
from babelift.cluster.launched import Others, is_first, world


@pytest.fixture
def launched(monkeypatch):
    def set_rank(rank: int) -> None:
        for name, value in {"RANK": rank, "WORLD_SIZE": 3, "MASTER_ADDR": "127.0.0.1"}.items():
            monkeypatch.setenv(name, str(value))

    return set_rank


def test_a_process_knows_its_number(launched):
    assert world() == (0, 1)
    assert is_first()
    launched(2)
    assert world() == (2, 3)
    assert not is_first()


def test_variables_of_something_else_are_no_launch(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert world() == (0, 1)


def test_alone_there_is_nobody_to_tell(tmp_path):
    with Others() as others:
        others.tell(tmp_path)
    with pytest.raises(ValueError, match="stays"), Others():
        raise ValueError("stays what it was")


@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_first_says_that_a_command_cannot_be_shared(launched, capsys, monkeypatch, rank):
    launched(rank)
    monkeypatch.setattr(sys, "argv", ["babelift", "languages"])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capsys.readouterr()
    assert (end.value.code, captured.out) == (1 if rank == 0 else None, "")
    assert ("only 'babelift fit' can share its work" in captured.err) == (rank == 0)


def test_the_others_say_nothing_of_a_wrong_flag(launched, capsys, monkeypatch):
    launched(1)
    monkeypatch.setattr(sys, "argv", ["babelift", "fit", "--nonsense"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr() == ("", "")
