"""Killed commands end as undisturbed ones: the short form of scripts/kills.py."""

import signal
from pathlib import Path

import pytest

from scripts.kills import differences, disturb, prepare, undisturbed


def test_what_differs_is_named() -> None:
    whole, killed = {"a": b"1", "b": b"", "c": b""}, {"a": b"2", "b": b"", "d": b""}
    assert differences(whole, killed) == ["a differs", "c is missing", "d is left over"]
    assert differences(whole, whole) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["translate", "fit", "predict", "study"])
def test_killed_once_by_each_signal_a_command_ends_with_the_same_files(
    command: str, tmp_path: Path
) -> None:
    inputs = prepare(tmp_path, [command])
    whole = undisturbed(command, inputs, tmp_path / "whole")
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        outcome = disturb(command, name, 1, inputs, tmp_path, whole)
        assert outcome.faults == []
        assert outcome.runs >= 1
