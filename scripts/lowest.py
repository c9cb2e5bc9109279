"""Prints the lowest versions that pyproject.toml allows, as constraints for pip.

`make test-lowest` installs them. What is only for developing has no say: pip takes the newest.
"""

import re
import tomllib
from itertools import chain
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(requirements: list[str]) -> list[str]:
    """The lower bounds of requirements as exact versions.

    >>> lowest(["numpy>=2", "babelift[ray]", "datasets>=4"])
    ['numpy==2', 'datasets==4']
    """
    bounds = (re.fullmatch(r"([\w.-]+)>=([\w.]+)", requirement) for requirement in requirements)
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]


def users_requirements(pyproject: Path = PYPROJECT) -> list[str]:
    """What users need: the requirements, and those of every extra but `dev`."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [extras[name] for name in extras if name != "dev"]
    return [*project["dependencies"], *chain.from_iterable(named)]


if __name__ == "__main__":
    print("\n".join(lowest(users_requirements())))
