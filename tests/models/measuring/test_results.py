"""What was measured is printed as a table and kept beside the model."""

import doctest
import importlib
import json
from pathlib import Path

import pytest

from babelift.embedded import FILE, identity
from models.measuring.results import Result, cells, command_line, merge, number, print_table


@pytest.mark.parametrize(
    "name", ["results", "vectors", "frozen", "seeds", "fits", "measured", "translating", "before"]
)
def test_examples_are_right(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"models.measuring.{name}")).failed == 0


def test_a_later_result_takes_the_place_of_the_one_of_its_name(tmp_path: Path) -> None:
    old, other = Result("speed", "s", "a", {"de": 1.0}), Result("size", "MB", "b", {"de": 2.0})
    merge(tmp_path, [old, other])
    merge(tmp_path, [Result("speed", "s", "c", {"de": 0.123456, "ja": 3.0})])
    assert json.loads((tmp_path / FILE).read_text()) == {
        "of": identity(tmp_path),
        "command": "c; b",
        "results": [
            {"what": "speed", "unit": "s", "command": "c", "values": {"de": 0.1235, "ja": 3.0}},
            {"what": "size", "unit": "MB", "command": "b", "values": {"de": 2.0}},
        ],
    }


def test_what_was_measured_of_other_files_goes(tmp_path: Path) -> None:
    merge(tmp_path, [Result("speed", "s", "a", {"de": 1.0})])
    (tmp_path / "de.tsv.gz").write_bytes(b"other words")
    merge(tmp_path, [Result("size", "MB", "b", {"de": 2.0})])
    kept = json.loads((tmp_path / FILE).read_text())["results"]
    assert [result["what"] for result in kept] == ["size"]


def test_the_package_reads_what_was_kept(tmp_path: Path) -> None:
    from babelift.embedded import read_measurements

    merge(tmp_path, [Result("speed", "s", "run", {"de": 1.0})])
    found = read_measurements(tmp_path)
    assert found is not None
    assert found.results[0].values == {"de": 1.0}


def test_options_that_were_not_given_are_not_in_the_command() -> None:
    line = command_line("measure_labels", "--apart", arms=["mini", "ct2:a b"], epochs=None, seeds=2)
    assert line == "python -m models.measure_labels --apart --arms mini 'ct2:a b' --seeds 2"


def test_a_table_is_markdown_with_columns_of_one_width(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Scores", ["de", "ja"], {"pilot": ["1", "22"], "mini": ["333", ""]})
    assert capsys.readouterr().out.splitlines() == [
        "", "Scores", "",
        "|       | de  | ja  |",
        "| ---   | --- | --- |",
        "| pilot | 1   | 22  |",
        "| mini  | 333 |     |",
    ]  # fmt: skip


def test_the_mean_is_over_the_languages_asked_for() -> None:
    assert cells({"en": 1.0, "de": 0.5, "ja": 0.25}, ["en", "de", "ja"], ["de", "ja"])[-1] == ".375"


def test_numbers_of_one_and_more_keep_their_first_digit() -> None:
    assert [number(value) for value in (1.0, 0.0, 0.9999, -0.5)] == [
        "1.000",
        ".000",
        "1.000",
        "-.500",
    ]
