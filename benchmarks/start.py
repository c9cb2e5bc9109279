"""How long Babelift takes to start, beside the libraries it would otherwise wait for."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from _timing import TIMES, VERDICT, against, alternate, benchmark, chosen, table

AIM = 0.3


@dataclass(frozen=True)
class Size:
    """How often each is started."""

    rounds: int


SIZES = {"full": Size(10), "quick": Size(5), "smoke": Size(1)}


def main() -> None:
    """Start each program several times, in turns."""
    name, size = chosen(SIZES, __doc__)
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
    with benchmark("Starting", name):
        rivals: dict[str, Callable[[], object]] = {
            what: partial(subprocess.run, command, check=True, capture_output=True)
            for what, command in commands.items()
        }
        timed = alternate(rivals, rounds=size.rounds)
        table(
            ["started", *TIMES, "s", *VERDICT],
            [
                [f"`{what}`", *time.columns,
                 *against(time.median, AIM if "babelift" in what else None, most=True)]
                for what, time in timed.items()
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
