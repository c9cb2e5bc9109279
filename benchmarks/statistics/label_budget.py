"""The label budget on simulated studies whose truth is known: how often what it says is right.

    python benchmarks/statistics/label_budget.py [--quick] [--studies N]

prints the tables of docs/statistics.md. The same with PYTHONPATH at a checkout of e70ab71 judges
the budget as it was before: it took scores alone.

A row is right where a normal number is above 0, so that the score of endless trainings on endless
rows is known at every number of labels. A budget says that below its interval translating is the
better and above it annotating; it is false where that is not so at some number among those tried.
For a curve that never falls that is to miss the true number.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from babelift.study import budget, learning_curve

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shape = Callable[[Floats], Floats]

SIZES: Final = {
    2: (100, 800),
    3: (50, 200, 800),
    4: (50, 150, 450, 1350),
    6: (50, 100, 200, 400, 800, 1600),
}

FOUR: Final = 4

PLACES: Final = (0.2, 0.5, 0.8)
"""Where the translations' score is met, as a part of the way from the fewest labels to the most."""


def power_law(ceiling: float, drop: float, exponent: float) -> Shape:
    """Scores that rise as a power law, `drop` below their ceiling at 50 labels."""
    return lambda n: ceiling - drop * (n / 50) ** -exponent


def shapes(sizes: Sequence[int]) -> dict[str, Shape]:
    """True curves by name; the power laws' names say so. Dips are where a size was tried."""
    at = sizes[len(sizes) // 2]
    usual = power_law(0.85, 0.35, 0.35)

    def dip(depth: float) -> Shape:
        return lambda n: usual(n) - depth * np.exp(-((np.log(n / at) / 0.35) ** 2) / 2)

    return {
        "power law, to .85, exponent .35": usual,
        "power law, to .70, exponent .6": power_law(0.70, 0.30, 0.6),
        "power law, to .95, exponent .15": power_law(0.95, 0.45, 0.15),
        "power law, to .80, exponent 1": power_law(0.80, 0.30, 1.0),
        "straight in log n": lambda n: 0.45 + 0.07 * np.log(n / 50),
        "saturation": lambda n: 0.75 - 0.35 * np.exp(-(n - 50) / 150),
        "sigmoid": lambda n: 0.45 + 0.35 / (1 + np.exp(-3 * np.log(n / 250))),
        "step at 270": lambda n: np.where(n < 270, 0.5, 0.75),
        "step at 120": lambda n: np.where(n < 120, 0.5, 0.75),
        "dip of .10": dip(0.10),
        "dip of .05": dip(0.05),
    }


@dataclass(frozen=True, slots=True)
class Design:
    """A study of one language.

    Attributes:
        sizes: How many numbers of native labels.
        seeds: Trainings of each condition.
        rows: Test rows.
        luck: Of a training, in units of the residual of one decision; .1 is about .022 of F1.
        shared: Share of that luck's variance that trainings of one seed have in common.
    """

    sizes: int = 4
    seeds: int = 5
    rows: int = 1000
    luck: float = 0.1
    shared: float = 0.0


def right(design: Design, scores: Floats, generator: np.random.Generator) -> Bools:
    """Draw right and wrong of cells with these true scores, `(cells, seeds, rows)`.

    Rows are harder or easier for all cells (standard deviation 1) and for each (.4).
    """
    cells, seeds, rows = len(scores), design.seeds, design.rows

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return generator.standard_normal(shape, dtype=np.float32)

    number = (
        normal(cells, seeds, rows) + normal(1, 1, rows) + np.float32(0.4) * normal(cells, 1, rows)
    )
    own, common = normal(cells, seeds, 1), normal(1, seeds, 1)
    number += np.float32(design.luck * (1 - design.shared) ** 0.5) * own
    number += np.float32(design.luck * design.shared**0.5) * common
    total = (1 + 1 + 0.4**2 + design.luck**2) ** 0.5
    return np.asarray(number > -total * ndtri(scores)[:, None, None])


@dataclass(frozen=True, slots=True)
class Judged:
    """What one budget said.

    Attributes:
        shape: Name of the true curve.
        number: Whether it gave a number.
        said: Whether it said anything: its interval is not all there is.
        false: Whether that was wrong.
        width: Upper end over lower end, where both are numbers.
    """

    shape: str
    number: bool
    said: bool
    false: bool
    width: float


def judge(shape: str, design: Design, place: float, generator: np.random.Generator) -> Judged:
    """Draw a study and hold its budget against the truth.

    Args:
        shape: Name of the true curve.
        design: Of the study.
        place: One of `PLACES`; below 0 or above 1 for translations beyond all native scores.
        generator: Source of the draws.
    """
    sizes = SIZES[design.sizes]
    curve = shapes(sizes)[shape]
    numbers = np.geomspace(sizes[0], sizes[-1], 2001)
    if 0 <= place <= 1:
        at = np.array([sizes[0] * (sizes[-1] / sizes[0]) ** place])
        score = 0.62 if shape.startswith("step") else float(curve(at)[0])
    else:
        ends = curve(numbers)
        score = float(ends.min() - 0.04 if place < 0 else ends.max() + 0.04)
    scores = np.append(curve(np.array(sizes, dtype=np.float64)), score)
    answer = _budget(sizes, right(design, scores, generator))
    if answer is None:
        return Judged(shape, False, False, False, np.nan)
    number, low, high = answer
    true = curve(numbers)
    # Half a label is rounding.
    false = (true >= score)[numbers < low - 0.5].any() or (true <= score)[
        numbers > high + 0.5
    ].any()
    both = np.isfinite(low) and np.isfinite(high)
    said = np.isfinite(low) or np.isfinite(high) or low == high
    return Judged(shape, number, bool(said), bool(false), high / low if both else np.nan)


def _budget(sizes: Sequence[int], drawn: Bools) -> tuple[bool, float, float] | None:
    """Whether there is a number, and the interval; None where there is none."""
    if hasattr(learning_curve, "Run"):  # as it was: scores by size and seed
        runs = [
            [learning_curve.Run(size, seed, float(score)) for seed, score in enumerate(scores)]
            for size, scores in zip((*sizes, 800), drawn.mean(axis=2), strict=True)
        ]
        native = [run for size in runs[:-1] for run in size]
        found: Any = budget.label_budget("ja", native, runs[-1])
    else:
        found = budget.label_budget(
            "ja", dict(zip(sizes, drawn[:-1], strict=True)), {800: drawn[-1]}
        )
    worth = found.worth[-1]
    if worth.interval is None:
        return None
    beyond = {"below": -np.inf, "above": np.inf}
    low, high = (beyond.get(end.bound, end.value) for end in worth.interval)
    return worth.labels is not None and worth.labels.bound == "exact", low, high


def judged(
    designs: Iterable[Design], studies: int, places: Sequence[float] = PLACES, seed: int = 0
) -> dict[Design, list[Judged]]:
    """Judge so many studies of each design, curve and place."""
    found: dict[Design, list[Judged]] = {}
    for design in designs:
        cell = (
            design.sizes,
            design.seeds,
            design.rows,
            *(round(100 * part) for part in (design.luck, design.shared)),
        )
        generator = np.random.default_rng([seed, *cell])
        found[design] = [
            judge(shape, design, place, generator)
            for shape, place in product(shapes(SIZES[design.sizes]), places)
            for _ in range(studies)
        ]
    return found


COLUMNS: Final = (
    "studies | a number | cannot be said | right where something is said | false of all | width"
)


def row(name: str, answers: Sequence[Judged]) -> str:
    """A row of a table."""
    said = [answer for answer in answers if answer.said]
    covered = 1 - np.mean([answer.false for answer in said]) if said else np.nan
    widths = [answer.width for answer in said if np.isfinite(answer.width)]
    shares = [
        np.mean([answer.number for answer in answers]),
        1 - len(said) / len(answers),
        covered,
        np.mean([answer.false for answer in answers]),
    ]
    cells = [f"{share:.3f}".replace("0.", ".", 1) for share in shares]
    width = f"{np.median(widths):.1f}" if widths else "–"
    return f"| {name} | {len(answers):,} | {' | '.join(cells)} | {width} |"


def tables(found: dict[Design, list[Judged]]) -> list[str]:
    """Markdown: by curve, then by what the designs have, power laws and other curves apart."""
    everything = [answer for answers in found.values() for answer in answers]
    names = dict.fromkeys(answer.shape for answer in everything)
    head = f"| | {COLUMNS} |", "|---|" + "---|" * (COLUMNS.count("|") + 1)
    lines = [
        *head,
        *(row(name, [one for one in everything if one.shape == name]) for name in names),
    ]
    for law, title in ((True, "power laws"), (False, "other curves")):
        lines += ["", *(line.replace("| |", f"| {title} |", 1) for line in head)]
        for axis in ("sizes", "seeds", "rows", "luck", "shared"):
            # Fewer than four sizes show no power law: their rows would hide how the others fare.
            own = {
                design: answers
                for design, answers in found.items()
                if axis == "sizes" or design.sizes >= FOUR
            }
            values = sorted({getattr(design, axis) for design in own})
            for value in values if len(values) > 1 else ():
                chosen = [
                    answer
                    for design, answers in own.items()
                    if getattr(design, axis) == value
                    for answer in answers
                    if answer.shape.startswith("power") == law
                ]
                some = "" if axis == "sizes" else ", 4 or 6 sizes"
                lines.append(row(f"{axis} {value:,}{some}", chosen))
    return lines


QUICK: Final = (
    Design(2, 5, 1000, 0.1),
    Design(3, 5, 200, 0.1),
    Design(4, 3, 1000, 0.1),
    Design(4, 5, 200, 0.05),
    Design(6, 5, 1000, 0.1),
    Design(6, 5, 200, 0.2, shared=0.5),
)
FULL: Final = tuple(
    Design(*cell)
    for cell in product(SIZES, (2, 3, 5, 10), (200, 1000, 5000), (0.0, 0.05, 0.1, 0.2))
)
SHARED: Final = tuple(Design(*cell, 1000, 0.2, 0.5) for cell in product((4, 6), (2, 3, 5, 10)))


def main(arguments: Sequence[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="six designs instead of all")
    parser.add_argument("--studies", type=int, help="of each design, curve and place")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    studies = options.studies or (20 if options.quick else 10)
    titled = {
        "Translations among the native scores": judged(QUICK if options.quick else FULL, studies)
    }
    if not options.quick:
        titled["Half of the luck shared by trainings of one seed"] = judged(SHARED, 4 * studies)
    titled["Translations beyond all native scores"] = judged(QUICK, studies, (-1, 2))
    for title, found in titled.items():
        print(f"### {title}\n", *tables(found), "", sep="\n")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
