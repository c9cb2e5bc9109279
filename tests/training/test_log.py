import json

import pytest

from babelift.errors import TrainingError
from babelift.training.log import Log


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_are_appended(tmp_path):
    path = tmp_path / "deep" / "log.jsonl"
    for step in (1, 2):
        with Log(path, step=step - 1) as log:
            log.write("step", {"step": step, "ce": 0.5})
            log.sync()
    assert lines(path) == [
        {"kind": "step", "step": 1, "ce": 0.5},
        {"kind": "step", "step": 2, "ce": 0.5},
    ]


def test_reopening_drops_what_will_be_done_again_and_nothing_else(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"kind": "note", "text": "keep"}\n'
        '{"kind": "step", "step": 1}\n'
        '{"kind": "step", "step": 2}\n'
        '{"kind": "validation", "step": 2}\n'
        '{"kind": "step", "step": 3}\n'
        '{"kind": "step", "st'
    )
    with Log(path, step=2, validated=0):
        pass
    assert [line["kind"] for line in lines(path)] == ["note", "step", "step"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"log\.jsonl' cannot be written"):
        Log(tmp_path / "file" / "log.jsonl")
