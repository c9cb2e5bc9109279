"""Timing rivals in turns, and printing what came out together with where it was measured."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Generic, TypeVar

T = TypeVar("T")

ROUNDS = 5
TIMES = ("s (fastest-slowest)", "processor s")
"""Heads of `Timed.columns`."""


@dataclass(frozen=True)
class Timed(Generic[T]):
    """How long one rival took in each round.

    Attributes:
        seconds: Wall-clock time of each round.
        processor: Processor seconds of each round, of ended child processes too.
        result: What its last round returned.
    """

    seconds: list[float]
    processor: list[float]
    result: T

    @property
    def median(self) -> float:
        """Median of the rounds, in seconds."""
        return median(self.seconds)

    @property
    def columns(self) -> list[str]:
        """Median, fastest and slowest round, and median processor time, for a table."""
        spread = f"{min(self.seconds):.3g}-{max(self.seconds):.3g}"
        return [f"{self.median:.3g} ({spread})", f"{median(self.processor):.3g}"]


def alternate(
    rivals: Mapping[str, Callable[[], T]], *, rounds: int = ROUNDS, warm: bool = True
) -> dict[str, Timed[T]]:
    """Time rivals in turns, so that what slows the machine for a while slows all of them.

    Every round runs each rival once, and every other round in the reverse order.

    Args:
        rivals: Name to what is timed.
        rounds: Timed runs of each.
        warm: Run each once before, untimed.
    """
    results: dict[str, T] = {name: run() for name, run in rivals.items()} if warm else {}
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    processor: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds):
        for name in list(rivals)[:: 1 if number % 2 == 0 else -1]:
            began, used = time.perf_counter(), _processor_seconds()
            results[name] = rivals[name]()
            seconds[name].append(time.perf_counter() - began)
            processor[name].append(_processor_seconds() - used)
    return {name: Timed(seconds[name], processor[name], results[name]) for name in rivals}


def times_as_fast(ours: Timed[T], theirs: Timed[T]) -> str:
    """Ratio of the medians of wall-clock time: above 1 where ours is the faster."""
    return f"**{theirs.median / ours.median:.2f}**"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    lines = [list(columns), ["---"] * len(columns), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    print()
    for line in lines:
        print("| " + " | ".join(map(str.ljust, line, widths)) + " |")


def same(what: str, equal: int, of: int, *, least: float = 1.0) -> None:
    """Print how many outputs are equal, and end the benchmark where too few are."""
    print(f"same {what}: {equal:,} of {of:,}")
    if equal < least * of:
        sys.exit(f"The outputs differ too often for the times to mean anything ({what}).")


@contextmanager
def benchmark(title: str) -> Iterator[Path]:
    """Describe the machine, lend a folder for models and memories, and say what else was running.

    Nothing outside of the folder is written: Babelift's cache is moved there too.
    """
    from babelift.run.facts import machine, versions

    here = machine()
    print(f"# {title}")
    print(f"machine: {here['cpu']}, {here['cores']} cores, {here['memory_gib']} GiB, {here['os']}")
    threads = os.environ.get("OMP_NUM_THREADS")
    print(f"threads: {f'OMP_NUM_THREADS={threads}' if threads else 'as many as cores'}")
    print(f"python {here['python']}, {', '.join(f'{a} {b}' for a, b in versions().items())}")
    began, busy = time.perf_counter(), _busy_elsewhere()
    with tempfile.TemporaryDirectory(prefix="babelift-bench-") as folder:
        os.environ["BABELIFT_CACHE"] = f"{folder}/cache"
        os.environ["HF_HUB_OFFLINE"] = "1"
        yield Path(folder)
    passed, after = time.perf_counter() - began, _busy_elsewhere()
    if busy is not None and after is not None:
        share = max(0.0, after - busy) / passed / here["cores"]
        print(f"\nother work took {share:.0%} of the processor meanwhile")
    print(f"{passed:.0f} s in all\n")


def _processor_seconds() -> float:
    """Processor seconds that this process and its ended children have used."""
    return sum(os.times()[:4])


def _busy_elsewhere() -> float | None:
    """Processor seconds used so far on the machine, but not by us; None where that is not told."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    whole = user + nice + system + irq + softirq + steal
    return whole / os.sysconf("SC_CLK_TCK") - _processor_seconds()
