"""`--excel-safe`: tables in which a spreadsheet finds no formula, and only where that is asked."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support import tiny_classifier

TEXTS = ["=1+1", "+fine", "-poor", "@all", "\tindented", "=HYPERLINK(x)", "fine", "-1"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    labels = ["=a", "b"] * 4
    rows = pl.DataFrame({"text": TEXTS, "label": labels, "lang": "en", "=own": TEXTS, "n": -1})
    rows.write_csv(tmp_path / "t.csv")
    return tmp_path / "t.csv"


def cells(file: str) -> list[list[str]]:
    with Path(file).open(newline="", encoding="utf-8") as opened:
        return list(csv.reader(opened))


def formulas(rows: list[list[str]]) -> list[str]:
    return [
        cell for row in rows for cell in row if cell[:1] in tuple("=+@\t\r") or "-" < cell < "-0"
    ]


@pytest.mark.parametrize("command", ["translate", "predict"])
def test_no_cell_and_no_name_begins_as_a_formula_does(
    babelift: Callable[..., Any], table: Path, tmp_path: Path, command: str
) -> None:
    if command == "translate":
        (tmp_path / "mt.py").write_text(
            "import json, sys\n"
            "for line in sys.stdin:\n"
            "    row = json.loads(line)\n"
            "    made = {'id': row['id'], 'translation': '=' + row['text'].strip() + ' de'}\n"
            "    print(json.dumps(made), flush=True)\n"
        )
        job = ("translate", table, "--to", "de", "--translator", "command:python3 mt.py")
    else:
        tiny_classifier(tmp_path / "model", ["=a", "b"])
        job = ("predict", "model", table)
    options = ("--max-rejects", "1", "--out")
    plain = babelift(*job, *options, "plain.csv")
    assert plain.code == 0, plain.err
    safe = babelift(*job, "--excel-safe", *options, "safe.csv")
    assert safe.code == 0, safe.err
    before, after = cells("plain.csv"), cells("safe.csv")
    assert formulas(before)
    assert not formulas(after)
    for old, new in zip(before, after, strict=True):
        for was, is_ in zip(old, new, strict=True):
            assert is_ in (was, f"'{was}")
    assert "'=own" in after[0]
    assert babelift(*job, "--excel-safe", *options, "safe.csv").code == 0  # the same job again
    assert babelift(*job, *options, "safe.csv").code == 1


def test_other_forms_need_no_such_thing(babelift: Callable[..., Any], table: Path) -> None:
    result = babelift("translate", table, "--to", "de", "--excel-safe", "--out", "o.parquet")
    assert result.code == 1
    assert "'excel_safe' is only used with a .csv. Got out 'o.parquet'" in result.err
