"""How long Babelift takes to start, beside the libraries it would otherwise wait for."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from _timing import TIMES, VERDICT, against, alternate, benchmark, chosen, table

AIM = 0.3
SIZES = {"full": 10, "quick": 5, "smoke": 1}
"""Rounds."""


def main() -> None:
    """Start each program several times, in turns."""
    size, rounds = chosen(SIZES, __doc__)
    program = str(Path(sys.executable).parent / "babelift")
    commands = {
        "babelift --help": [program, "--help"],
        'python -c "import babelift"': [sys.executable, "-c", "import babelift"],
        'python -c ""': [sys.executable, "-c", ""],
        'python -c "import transformers"': [sys.executable, "-c", "import transformers"],
        'python -c "from transformers import pipeline"': [
            sys.executable, "-c", "from transformers import pipeline",
        ],
    }  # fmt: skip
    with benchmark("Starting", size):
        rivals: dict[str, Callable[[], object]] = {
            name: partial(subprocess.run, command, check=True, capture_output=True)
            for name, command in commands.items()
        }
        timed = alternate(rivals, rounds=rounds)
        table(
            ["started", *TIMES, "s", *VERDICT],
            [
                [f"`{name}`", *time.columns,
                 *against(time.median, AIM if "babelift" in name else None, most=True)]
                for name, time in timed.items()
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
