"""Peak memory and rate of `babelift translate` and `babelift predict` as tables grow.

Each run is a fresh process of the command line, over a table of JSON lines written on the spot. The
translator is `lexicon`, word by word from a list: the fastest there is without a file as long as
the table, so that the table, the memory and the checks are what is seen. The classifier has one
layer of 32. Start-up (the time of a run over 16 rows) is taken off before rates are compared.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from _timing import VERDICT, against, benchmark, chosen, table

FEW: Final = 16
MEMORY_AIM, RATE_AIM = 1.1, 0.9


@dataclass(frozen=True)
class Size:
    """How long the tables are.

    Attributes:
        rows: Of each table, growing.
        rounds: Runs of each.
    """

    rows: tuple[int, ...]
    rounds: int


SIZES = {
    "full": Size((10_000, 100_000, 1_000_000), rounds=5),
    "quick": Size((1_000, 10_000, 100_000), rounds=1),
    "smoke": Size((100, 200), rounds=1),
}


class Spent(NamedTuple):
    """What a process used.

    Attributes:
        seconds: Wall-clock time.
        memory: Largest resident size, MiB.
    """

    seconds: float
    memory: float


def main() -> None:
    """Run both commands over tables of each size, and compare with the smallest."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("Growing tables", name) as folder:
        model, words = folder / "model", folder / "words.tsv"
        # In another process: what this one holds would count as its children's memory.
        subprocess.run([sys.executable, __file__, "--inside", str(folder)], check=True)
        program = [str(Path(sys.executable).parent / "babelift")]
        commands = {
            "translate": lambda given, out: [
                *program, "translate", str(given), "--lang", "en", "--to", "de",
                "--translator", f"lexicon:{words}", "--quality", "keep", "--out", str(out),
            ],
            "predict": lambda given, out: [
                *program, "predict", str(model), str(given), "--lang", "en", "--out", str(out),
            ],
        }  # fmt: skip
        print(f"{size.rounds} rounds; rates are without start-up")
        lines: list[list[str]] = []
        numbers = (FEW, *size.rows)
        spent: dict[str, dict[int, list[Spent]]] = {
            what: {rows: [] for rows in numbers} for what in commands
        }
        for turn in range(size.rounds):
            for rows in numbers[:: 1 if turn % 2 == 0 else -1]:
                given = folder / "table.jsonl"
                write_table(given, rows, seed=turn)
                for what, command in commands.items():
                    out = folder / ("out.parquet" if what == "translate" else "out.jsonl")
                    spent[what][rows].append(measured(command(given, out), folder))
                    for left in folder.glob("out.*"):
                        left.unlink()
        for what, found in spent.items():
            lines += shown(what, found)
        table(
            ["command", "rows", "s", "rows/s", "MiB", "rounds", "memory / smallest", *VERDICT,
             "rate / smallest", *VERDICT],
            lines,
        )  # fmt: skip


def shown(what: str, found: dict[int, list[Spent]]) -> list[list[str]]:
    """The rows of the table for one command; the first size is for the start-up alone.

    A rate is told where the work took at least half as long as the start-up.
    """
    seconds = {rows: median(run.seconds for run in runs) for rows, runs in found.items()}
    memory = {rows: median(run.memory for run in runs) for rows, runs in found.items()}
    start = seconds.pop(FEW)
    least = min(seconds)
    rates = {rows: rows / (taken - start) for rows, taken in seconds.items() if taken > 1.5 * start}
    base = rates[min(rates)] if rates else 1.0
    lines = []
    for rows, taken in seconds.items():
        growth = memory[rows] / memory[least]
        more = ["", "", ""] if rows == least else against(growth, MEMORY_AIM, most=True)
        if rows not in rates or rates[rows] is base:
            more += ["", "", ""]
        else:
            more += against(rates[rows] / base, RATE_AIM)
        rate = f"{rates[rows]:,.0f}" if rows in rates else "too short to tell"
        line = [what, f"{rows:,}", f"{taken:.3g}", rate, f"{memory[rows]:,.0f}"]
        lines.append([*line, str(len(found[rows])), *more])
    return lines


def measured(command: Sequence[str], folder: Path) -> Spent:
    """Run a command to its end, with an empty cache.

    A child begins with what its parent holds, so this process must stay the smaller one.
    """
    import resource

    cache = folder / "cache"
    subprocess.run(["rm", "-rf", str(cache)], check=True)
    began = time.perf_counter()
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
        _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}\n{(folder / 'log').read_text('utf-8')}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if own >= usage.ru_maxrss:
        sys.exit("The benchmark holds more memory than what it measures.")
    return Spent(seconds, usage.ru_maxrss / 1024)


def write_table(path: Path, rows: int, seed: int) -> None:
    """Write labelled texts of review length as JSON lines, all different."""
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts(rows, seed)):
            row = {"id": f"r{number}", "text": text, "label": str(number % 5 + 1)}
            file.write(json.dumps(row) + "\n")


def texts(number: int, seed: int) -> Iterator[str]:
    """Sentences of words that a list of 20,000 has, as long as a review, with a number in each."""
    draw = random.Random(seed)
    words = vocabulary()
    for place in range(number):
        length = max(4, min(70, round(draw.lognormvariate(3.26, 0.6))))
        yield f"{' '.join(draw.choices(words, k=length))} {place}."


def vocabulary() -> list[str]:
    """20,000 made-up words of three to eleven letters."""
    draw = random.Random(0)
    parts = [a + b for a in "bdfgklmnprstvw" for b in "aeiou"]
    found: dict[str, None] = {}
    while len(found) < 20_000:
        found["".join(draw.choices(parts, k=draw.randint(1, 5))) + draw.choice(["", "n"])] = None
    return list(found)


def make_models(folder: Path) -> None:
    """Write the word list and the small classifier."""
    from _models import Classifying, classifier

    lines = ["source_lang\ttarget_lang\tsource\ttarget"]
    lines += [f"en\tde\t{word}\t{word[::-1]}" for word in vocabulary()]
    (folder / "words.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    classifier(folder / "model", list(texts(2000, 0)), Classifying(32, 1, 2000), gap=4)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        make_models(Path(sys.argv[2]))
    else:
        main()
