"""Timing rivals in turns, and printing what came out together with where it was measured."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")

TIMES = ("s (fastest-slowest)", "processor s", "rounds")
"""Heads of `Timed.columns`."""


@dataclass(frozen=True)
class Timed(Generic[T]):
    """How long one rival took in each round.

    Attributes:
        seconds: Wall-clock time of each round.
        processor: Processor seconds of each round, of ended child processes too.
        result: What its last round returned.
        share: The part of the work that it did: a slow rival may be timed on a sample.
    """

    seconds: list[float]
    processor: list[float]
    result: T
    share: float = 1.0

    @property
    def median(self) -> float:
        """Median of the rounds, in seconds."""
        return median(self.seconds)

    @property
    def whole(self) -> float:
        """Median of the rounds, in seconds for the whole work."""
        return self.median / self.share

    @property
    def columns(self) -> list[str]:
        """Median, fastest and slowest round, median processor time and rounds, for a table."""
        spread = f"{min(self.seconds):.3g}-{max(self.seconds):.3g}"
        return [
            f"{self.median:.3g} ({spread})",
            f"{median(self.processor):.3g}",
            str(len(self.seconds)),
        ]


def chosen(sizes: Mapping[str, S], description: str | None) -> tuple[str, S]:
    """The size that the command line asks for: the first where it says nothing.

    Args:
        sizes: Name to size, a dataclass; every name but the first is a flag. With `rounds` in it,
            `--rounds` takes its place.
        description: What the script is for, shown with `--help`.
    """
    names = list(sizes)
    parser = argparse.ArgumentParser(description=description)
    group = parser.add_mutually_exclusive_group()
    for name in names[1:]:
        group.add_argument(f"--{name}", dest="size", action="store_const", const=name)
    parser.add_argument("--rounds", type=int, help="instead of the size's own, where it has any")
    given = parser.parse_args()
    name = given.size or names[0]
    size: Any = sizes[name]
    if given.rounds and hasattr(size, "rounds"):
        size = replace(size, rounds=given.rounds)
    return name, size


def alternate(
    rivals: Mapping[str, Callable[[], T]],
    *,
    rounds: int,
    warm: Mapping[str, Callable[[], object]] | None = None,
    shares: Mapping[str, float] | None = None,
) -> dict[str, Timed[T]]:
    """Time rivals in turns, so that what slows the machine for a while slows all of them.

    Every round runs each rival once, and every other round in the reverse order.

    Args:
        rivals: Name to what is timed.
        rounds: Timed runs of each.
        warm: What is run once before, untimed; by default the rivals themselves.
        shares: The part of the work that a rival does, where it is not all of it.
    """
    for run in (rivals if warm is None else warm).values():
        run()
    results: dict[str, T] = {}
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    processor: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds):
        for name in list(rivals)[:: 1 if number % 2 == 0 else -1]:
            began, used = time.perf_counter(), _processor_seconds()
            results[name] = rivals[name]()
            seconds[name].append(time.perf_counter() - began)
            processor[name].append(_processor_seconds() - used)
    parts = shares or {}
    return {
        name: Timed(seconds[name], processor[name], results[name], parts.get(name, 1.0))
        for name in rivals
    }


def times_as_fast(ours: Timed[T], theirs: Timed[T]) -> float:
    """Ratio of the medians of wall-clock time for the whole work: above 1 where ours is faster.

    >>> times_as_fast(Timed([2.0], [2.0], None), Timed([1.0], [1.0], None, share=0.1))
    5.0
    """
    return theirs.whole / ours.whole


def against(value: float, aim: float | None, *, most: bool = False) -> list[str]:
    """A measured value, what was aimed at, and whether it was reached, for a table.

    Args:
        value: Measured.
        aim: At least this much; None where nothing is aimed at.
        most: The aim is the most that it may be.

    >>> against(3.14159, 3.0)
    ['**3.14**', '≥ 3', 'yes']
    >>> against(0.31, 0.3, most=True)
    ['**0.31**', '≤ 0.3', 'no']
    """
    shown = f"**{value:.3g}**" if value < 1000 else f"**{value:,.0f}**"
    if aim is None:
        return [shown, "", ""]
    reached = value <= aim if most else value >= aim
    return [shown, f"{'≤' if most else '≥'} {aim:g}", "yes" if reached else "no"]


VERDICT = ("aim", "reached")
"""Heads of what `against` gives after the value."""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    lines = [list(columns), ["---"] * len(columns), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    print()
    for line in lines:
        print("| " + " | ".join(map(str.ljust, line, widths)) + " |")
    sys.stdout.flush()


def same(what: str, equal: int, of: int, *, least: float = 1.0) -> None:
    """Print how many outputs are equal, and end the benchmark where too few are."""
    print(f"same {what}: {equal:,} of {of:,}", flush=True)
    if equal < least * of:
        sys.exit(f"The outputs differ too often for the times to mean anything ({what}).")


def spread_out(items: Sequence[T], size: int, batches: int) -> list[int]:
    """Places of whole batches taken evenly from a list that is worked through in batches.

    Args:
        items: In the order in which they are worked through.
        size: Of a batch.
        batches: How many batches to take.

    >>> spread_out("abcdefghijkl", 2, 3)
    [0, 1, 4, 5, 8, 9]
    """
    full = len(items) // size
    if batches >= full:
        return list(range(len(items)))
    starts = [number * full // batches * size for number in range(batches)]
    return [place for start in starts for place in range(start, start + size)]


@contextmanager
def benchmark(title: str, size: str) -> Iterator[Path]:
    """Describe the machine, lend a folder for models and memories, and say what else was running.

    Nothing outside of the folder is written: Babelift's cache is moved there too.
    """
    from babelift.run.manifest import machine, versions

    here = machine()
    print(f"# {title}")
    print(f"size: {size}")
    print(f"machine: {here['cpu']}, {here['cores']} cores, {here['memory_gib']} GiB, {here['os']}")
    threads = os.environ.get("OMP_NUM_THREADS")
    print(f"threads: {f'OMP_NUM_THREADS={threads}' if threads else 'as many as cores'}")
    print(f"python {here['python']}, {', '.join(f'{a} {b}' for a, b in versions().items())}",
          flush=True)  # fmt: skip
    began, busy = time.perf_counter(), _busy_elsewhere()
    with tempfile.TemporaryDirectory(prefix="babelift-bench-") as folder:
        os.environ["BABELIFT_CACHE"] = f"{folder}/cache"
        os.environ["HF_HUB_OFFLINE"] = "1"
        yield Path(folder)
    passed, after = time.perf_counter() - began, _busy_elsewhere()
    if busy is not None and after is not None:
        share = max(0.0, after - busy) / passed / here["cores"]
        print(f"\nother work took {share:.0%} of the processor meanwhile")
    print(f"{passed:.0f} s in all\n", flush=True)


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
