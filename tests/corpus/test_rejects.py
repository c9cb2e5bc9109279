"""The failure budget, and the file of rejects."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from babelift.corpus import Corpus, check_budget, count_reasons, write_rejects
from babelift.corpus.rejects import SHOWN, Reject, reject_frame
from babelift.errors import RejectsError, RunError

Read = Callable[..., Corpus]


def table(good: int, bad: int) -> str:
    return "text,label\n" + "fine,1\n" * good + "fine,\n" * bad


def test_rejects_within_the_budget_pass(read: Read) -> None:
    check_budget(read("a.csv", table(99, 1), lang="en"), 0.01)
    check_budget(read("a.csv", table(1, 99), lang="en"), 1.0)


def test_rejects_over_the_budget_stop_with_counts_and_the_first_rows(read: Read) -> None:
    corpus = read("a.csv", table(97, 2) + "short\n", lang="en")
    with pytest.raises(RejectsError) as caught:
        check_budget(corpus, 0.02)
    message = caught.value.message
    assert "3 of 100 rows (3.00%) cannot be used; at most 2.00% may be" in message
    assert "missing label: 2; wrong number of fields: 1 instead of 2: 1" in message
    assert "a.csv, row 99, label: missing label" in message
    assert caught.value.hint == "Mend the rows, or allow more with --max-rejects."


def test_no_row_left_stops_whatever_the_budget(read: Read) -> None:
    with pytest.raises(RejectsError, match=r"2 of 2 rows \(100.00%\) cannot be used; none is left"):
        check_budget(read("a.csv", table(0, 2), lang="en"), 1.0)


def test_reasons_are_counted_the_most_frequent_first(read: Read) -> None:
    corpus = read("a.csv", "text,label\na,\nb,\n,1\nfine,1\n", lang="en")
    assert list(count_reasons(corpus.rejects).items()) == [("missing label", 2), ("empty text", 1)]


def test_rejects_are_written_as_json_lines(tmp_path: Path) -> None:
    rejects = reject_frame([Reject("ü.csv", 7, None, "broken quoting", text="x\n" * 1000)])
    path = tmp_path / "new" / "rejects.jsonl"
    write_rejects(rejects, path)
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert found == [
        {"file": "ü.csv", "row": 7, "field": None, "reason": "broken quoting", "value": None,
         "text": ("x\n" * 1000)[:SHOWN]}
    ]  # fmt: skip


def test_rejects_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_rejects(reject_frame([]), tmp_path / "file" / "rejects.jsonl")


@pytest.mark.parametrize("content", ["mine\n", "{}\n", '{"file": "a"}\n', "[]", "\x80"])
def test_a_file_that_holds_no_rejects_is_not_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(RunError, match="not overwritten"):
        write_rejects(reject_frame([Reject("a.csv", 7, None, "broken quoting")]), path)
    assert path.read_text(encoding="latin-1") == content


def test_earlier_rejects_make_room_for_those_of_now(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    for row in (7, 8):
        write_rejects(reject_frame([Reject("a.csv", row, None, "broken quoting")]), path)
    assert [json.loads(line)["row"] for line in path.open(encoding="utf-8")] == [8]
