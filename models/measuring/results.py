"""What was measured: tables to read, and the file that `babelift models` reads."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from babelift.embedded import FILE, identity, read_measurements
from babelift.store import write_json


@dataclass(frozen=True)
class Result:
    """One thing that was measured.

    Attributes:
        what: In words; a later result of the same name takes its place.
        unit: What the values are.
        command: What measures it again.
        values: By language or pair.
    """

    what: str
    unit: str
    command: str
    values: dict[str, float]


def keep(folder: Path, results: Sequence[Result]) -> None:
    """Write results into the folder of a model that ships, and say so."""
    print(f"\nwritten to {merge(folder, results)}; next: python -m models.checksums")


def merge(folder: Path, results: Sequence[Result]) -> Path:
    """Write results into a model's folder; those of the same name give way, others stay.

    What was measured of other files than now lie there goes. The file's own `command` measures
    all of it again.

    Returns:
        The file.
    """
    path = folder / FILE
    before = read_measurements(folder)
    known: dict[str, Any] = (
        {result.what: result.model_dump() for result in before.results} if before else {}
    )
    for result in results:
        values = {name: round(float(value), 4) for name, value in result.values.items()}
        known[result.what] = asdict(result) | {"values": values}
    commands = dict.fromkeys(result["command"] for result in known.values())
    record = {"of": identity(folder), "command": "; ".join(commands)}
    write_json(record | {"results": list(known.values())}, path)
    return path


def command_line(script: str, *arguments: str, **options: Any) -> str:
    """The command that measures again, without options that were not given.

    >>> command_line("measure_encoder", "sts", encoder="mini", seeds=None)
    'python -m models.measure_encoder sts --encoder mini'
    """
    words = [f"python -m models.{script}", *arguments]
    for name, value in options.items():
        given = value if isinstance(value, list | tuple) else [value]
        if value is not None:
            words += [f"--{name.replace('_', '-')}", *(shlex.quote(str(word)) for word in given)]
    return " ".join(words)


def print_table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Print a Markdown table whose first column names the rows."""
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *cells] for name, cells in rows.items()]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns) + 1)]
    print(f"\n{title}\n")
    for line in lines:
        print("| " + " | ".join(map(str.ljust, line, widths)) + " |", flush=True)


def number(value: float | None) -> str:
    """A share with three digits, nothing where there is none.

    >>> number(0.8754), number(None), number(-0.05)
    ('.875', '', '-.050')
    """
    if value is None or math.isnan(value):
        return ""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def cells(
    values: Mapping[str, float], columns: Sequence[str], over: Sequence[str] = ()
) -> list[str]:
    """A row's values, and last the mean over some columns, all by default, where it has them all.

    >>> cells({"de": 0.5, "ja": 0.25}, ["de", "ja"]), cells({"de": 0.5}, ["de", "ja"])
    (['.500', '.250', '.375'], ['.500', '', ''])
    """
    known = [values[column] for column in over or columns if column in values]
    mean = float(np.mean(known)) if len(known) == len(over or columns) else None
    return [number(value) for value in (*map(values.get, columns), mean)]
