"""How long Babelift takes to start, beside the libraries it would otherwise wait for."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from _timing import TIMES, alternate, benchmark, table


def main() -> None:
    """Start each program ten times, in turns."""
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
    with benchmark("Starting"):
        rivals: dict[str, Callable[[], object]] = {
            name: partial(subprocess.run, command, check=True, capture_output=True)
            for name, command in commands.items()
        }
        timed = alternate(rivals, rounds=10)
        table(["started", *TIMES], [[f"`{name}`", *time.columns] for name, time in timed.items()])


if __name__ == "__main__":
    main()
