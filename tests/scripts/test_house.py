"""What scripts/house.py counts, on a package of a few lines."""

import subprocess
import sys
from pathlib import Path

from scripts.house import code_lines, measure, table

ROOT = Path(__file__).parents[2]
SOURCES = {
    "__init__.py": '"""A package."""\n\n__all__ = ["go", "BadError"]\n',
    "low.py": "def add(first, *, second):\n    # why\n    return (\n        first\n    )\n",
    "high.py": "from package import low\nclass Up:\n    def to(self, a, *b, **c):\n        pass\n",
    "rooms/__init__.py": "",
    "rooms/one.py": "from package.low import add\n",
    "rooms/two.py": "import package.rooms.one\nimport package.high\n",
}


def test_lines_are_counted_without_docstrings_comments_and_blank_lines() -> None:
    assert measure(SOURCES).lines == {
        "__init__": 1, "low": 4, "high": 4, "rooms": 0, "rooms.one": 1, "rooms.two": 2,
    }  # fmt: skip
    assert code_lines("text = '''\na\n\nb\n'''\n") == 5
    assert code_lines('class A:\n    """Doc."""\n\n    x: int\n    """About x."""\n') == 2


def test_a_module_counts_as_imported_once_whatever_form_the_import_has() -> None:
    assert measure(SOURCES).imported_once == ("high", "rooms.one")


def test_an_import_within_a_function_counts() -> None:
    sources = {"a.py": "", "b.py": "def f():\n    from package import a\n"}
    assert measure(sources).imported_once == ("a",)


def test_parameters_are_counted_without_self() -> None:
    assert measure(SOURCES).parameters == {"low:add": 2, "high:Up.to": 3}


def test_public_names_are_the_packages_own_list() -> None:
    assert measure(SOURCES).public == ("go", "BadError")


def test_two_houses_stand_side_by_side() -> None:
    house = measure(SOURCES)
    lines = table({"before": house, "after": house}).splitlines()
    assert lines[0].split() == ["before", "after"]
    assert ["modules", "6", "6"] in [line.split() for line in lines]


def test_it_measures_the_files_as_they_lie_here() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "house.py")]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    modules = len(list((ROOT / "src" / "babelift").rglob("*.py")))
    assert ["modules", str(modules)] in [line.split() for line in shown.splitlines()]
