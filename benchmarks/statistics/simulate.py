"""False claims of every kind of sentence, coverage, and power as printed against power as met.

    python benchmarks/statistics/simulate.py [--quick | --full] [--rounds N]

Draws studies whose truth is known (`latent.py`), has Babelift judge them as it judges its own
(`babelift.study.summary.summarise` of a study's folder, `babelift.compare`), and reads the
sentences (`claims.py`). Prints tables in Markdown; docs/statistics.md has them, and says how to
read them. Without an option 25 designs in which every two values of the axes meet; `--full` has
all 1,500; `--quick` is what the tests run.
"""

# This folder has no `__init__.py`, so that `import statistics` still finds Python's own.
import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

import babelift
from babelift.report.comparison import answers, results, wordings
from babelift.report.decision import decision_sentences
from babelift.study.summary import summarise
from claims import Claim, comparison_claims, decision_claims, page_claims
from latent import (
    FOUR,
    LANGS,
    OTC,
    SHUFFLED,
    TRANSLATED,
    ZERO,
    Arm,
    Design,
    draw,
    sides,
    write_study,
)

SEEDS: Final = (1, 2, 3, 5, 10)
LANGUAGES: Final = (1, 3, 5, 6, 8)
ROWS: Final = (100, 200, 1000, 5000)
LUCK: Final = (0.0, 0.05, 0.1, 0.2, 0.3)
SPREAD: Final = (0.0, 0.01, 0.05)
SETS: Final = ((True, 2), (False, 2), (True, 5), (False, 5))
"""Parallel or separate test sets, and the number of classes."""

TWO: Final = (ZERO, TRANSLATED)

APART: Final = {"plain regression", "otc-without-effect"}
"""Counted, but not among the false claims of a page: the paper's regression is told to claim too
often, and that no effect of OTC is seen, with what the vectors say, is true even where one is."""


def covering() -> Iterator[Design]:
    """Designs in which every two values of the axes meet: an orthogonal array of strength two.

    Its levels are a, b, a + b, a + 2 b, a + 3 b and a + 4 b modulo 5 (Bose & Bush 1952,
    "Orthogonal arrays of strength two and three"); axes with fewer values have some of them twice.

    >>> designs = list(covering())
    >>> len(designs), len({(design.seeds, design.luck) for design in designs})
    (25, 25)
    """
    rows, spread, sets = (100, 200, 1000, 200, 5000), (0.0, 0.01, 0.05, 0.0, 0.05), (*SETS, SETS[0])
    for a, b in product(range(5), repeat=2):
        level = [(a + k * b) % 5 for k in range(5)]
        parallel, classes = sets[level[4]]
        yield Design(SEEDS[a], LANGUAGES[b], rows[level[1]], LUCK[level[2]], spread[level[3]],
                     parallel, classes)  # fmt: skip


def everything() -> Iterator[Design]:
    """All designs; test sets take turns."""
    axes = product(SEEDS, LANGUAGES, ROWS, LUCK, SPREAD)
    for number, (seeds, langs, rows, luck, spread) in enumerate(axes):
        parallel, classes = SETS[number % len(SETS)]
        yield Design(seeds, langs, rows, luck, spread, parallel, classes)


Seed = int | tuple[int, ...]


@dataclass
class Tally:
    """What was counted over the studies of a design.

    Attributes:
        studies: How many there were.
        false: By kind of sentence, studies with a false claim of that kind; `page` is of any kind
            but `APART`.
        claimed: By kind, studies with a claim, false or not.
        intervals: By kind, intervals that there were.
        covered: By kind, those that held the truth.
        seen: Effects that each study could have seen, as printed, and the ends of their ranges.
        examples: By kind, the first false sentence.
    """

    studies: int = 0
    false: Counter[str] = field(default_factory=Counter)
    claimed: Counter[str] = field(default_factory=Counter)
    intervals: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    seen: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    examples: dict[str, str] = field(default_factory=dict)

    def claims(self, claims: Iterable[Claim]) -> None:
        """Count a study's claims."""
        claims = list(claims)
        self.studies += 1
        self.claimed.update({claim.kind for claim in claims})
        kinds = {claim.kind for claim in claims if claim.false}
        self.false.update(kinds)
        if kinds - APART:
            self.false["page"] += 1
        for claim in claims:
            if claim.false:
                self.examples.setdefault(claim.kind, claim.sentence)

    def interval(self, kind: str, interval: Sequence[float], true: float) -> None:
        """Count whether an interval holds the truth."""
        self.intervals[kind] += 1
        self.covered[kind] += int(interval[0] - 1e-9 <= true <= interval[1] + 1e-9)

    def add(self, other: "Tally") -> None:
        """Count another design's studies as well."""
        self.studies += other.studies
        for name in ("false", "claimed", "intervals", "covered"):
            getattr(self, name).update(getattr(other, name))
        for name, values in other.seen.items():
            self.seen[name] += values
        self.examples = {**other.examples, **self.examples}

    def could_have_seen(self, seen: Mapping[str, Any]) -> None:
        """Note the effect that a study could have seen, and the range that it gives."""
        effect, (low, high) = seen["effect"], seen["interval"]
        for name, value in (("effect", effect), ("low", low), ("high", high)):
            self.seen[name].append(value)

    def rate(self, kind: str) -> float:
        """Share of studies with a false claim of a kind."""
        return self.false[kind] / max(1, self.studies)

    def coverage(self, kind: str) -> float:
        """Share of intervals that held the truth; NaN where there were none."""
        return self.covered[kind] / self.intervals[kind] if self.intervals[kind] else float("nan")


def pages(
    design: Design, studies: int, gains: Mapping[Arm, float] | None = None, seed: Seed = 0
) -> Tally:
    """Draw studies, have their pages made, and count what these claim.

    >>> pages(Design(2, 1, 50, arms=TWO), 3).studies
    3
    """
    gains, tally, rng = dict(gains or {}), Tally(), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(studies):
            drawn = draw(design, gains, rng)
            write_study(design, drawn, folder, rng)
            study = summarise(folder)
            record = study.model_dump(mode="json")
            at_large = None if design.centred else gains
            claims = [*page_claims(record, drawn.truth, at_large, design.luck)]
            claims += decision_claims(decision_sentences(study.decision), drawn.truth)
            tally.claims(claims)
            for answer in record["answers"]:
                arm, base = (
                    Arm(side["arm"], side["otc"], side["translator"])
                    for side in (answer["question"]["arm"], answer["question"]["base"])
                )
                true = drawn.truth.gain(arm, base)
                tally.interval("mean", answer["differences"]["mean"]["interval"], true.mean())
                for lang, found in answer["languages"].items():
                    tally.interval("language", found["interval"], true[LANGS.index(lang)])
                if answer["primary"] and (seen := answer["could_have_seen"]):
                    tally.could_have_seen(seen)
    return tally


def comparisons(
    design: Design, studies: int, gains: Mapping[Arm, float] | None = None, seed: Seed = 0
) -> Tally:
    """The same for `babelift.compare`: each condition is a side that lacks a tenth of the rows.

    >>> comparisons(Design(2, 2, 50, arms=TWO), 3).intervals["mean"]
    3
    """
    gains, tally, rng = dict(gains or {}), Tally(), np.random.default_rng(seed)
    for _ in range(studies):
        drawn = draw(design, gains, rng)
        frames = [_thinned(frame, rng) for frame in sides(design, drawn, rng)]
        if design.seeds == 1:
            frames = [frame.drop("seed") for frame in frames]
        comparison = babelift.compare(frames)
        words = wordings(comparison)
        gained = [drawn.truth.gain(arm, design.arms[0]) for arm in design.arms[1:]]
        sentences = [*answers(comparison, words), *results(comparison, words)]
        tally.claims(comparison_claims(sentences, gained, design.luck))
        for contrast, true in zip(comparison.contrasts, gained, strict=True):
            tally.interval("mean", contrast.mean.interval, true.mean())
            for lang, found in contrast.languages.items():
                tally.interval("language", found.interval, true[LANGS.index(lang)])
    return tally


def _thinned(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Without a tenth of its rows, in all seeds alike."""
    keys = frame.select("lang", "id").unique(maintain_order=True)
    kept = keys.filter(pl.Series(rng.random(keys.height) < 0.9))
    return frame.join(kept, on=("lang", "id"), how="semi", maintain_order="left")


LARGEST: Final = 0.25
"""An effect that is put into a simulated study: larger ones leave too little room in F1."""


@dataclass(frozen=True)
class Row:
    """A design with what was counted in it.

    Attributes:
        null: Without effect on average over the languages of each study.
        at_large: Without effect on average over all languages that there might be; the same as
            `null` where languages do not differ.
        effect: With the effect that `null` says could have been seen; none where it is too large.
        intervals: Comparisons of two conditions in the same design, of which there are more.
    """

    design: Design
    null: Tally
    at_large: Tally
    effect: Tally
    intervals: Tally

    def add(self, other: "Row") -> None:
        """Count another round of the same design as well."""
        self.null.add(other.null)
        if self.at_large is not self.null:
            self.at_large.add(other.at_large)
        self.effect.add(other.effect)
        self.intervals.add(other.intervals)


def measure(design: Design, studies: int, seed: tuple[int, ...] = ()) -> Row:
    """All that is counted of a design."""
    null = pages(design, studies, seed=(*seed, 0))
    two = replace(design, arms=TWO)
    apart = design.spread and design.langs > 1
    at_large = pages(replace(two, centred=False), studies, seed=(*seed, 1)) if apart else null
    effect = Tally()
    if null.seen and (seen := float(np.mean(null.seen["effect"]))) <= LARGEST:
        gains = {ZERO: -seen / 2, TRANSLATED: seen / 2}
        effect = pages(two, max(1, studies // 2), gains, seed=(*seed, 2))
    intervals = comparisons(two, 4 * studies, seed=(*seed, 3))
    return Row(design, null, at_large, effect, intervals)


def number_of_studies(design: Design) -> int:
    """So many in a round that no design takes more than minutes; one seed may claim nothing."""
    if design.seeds == 1:
        return 5
    return {1000: 15, 5000: 10}.get(design.rows, 25)


def _share(value: float) -> str:
    return "" if value != value else f"{value:.3f}".removeprefix("0")


KINDS: Final = (
    "primary", "others", "by language", "other languages", "regression", "plain regression",
    "worse-than-zero-shot", "unstable-across-seeds", "decision", "page",
)  # fmt: skip
"""Columns of the main table."""


def design_cells(design: Design) -> list[str]:
    """The first columns of a table."""
    sets = f"{'parallel' if design.parallel else 'separate'}, {design.classes}"
    return [f"{design.seeds}", f"{design.langs}", f"{design.rows:,}", f"{design.luck:g}",
            f"{design.spread:g}", sets]  # fmt: skip


def row_cells(row: Row) -> list[str]:
    """A line of the main table. One seed has claims of any kind, since none may be made."""
    null, design = row.null, row.design
    counts = null.claimed if design.seeds == 1 else null.false
    shares = [counts[kind] / null.studies for kind in KINDS]
    at_large = row.at_large.claimed if design.seeds == 1 else row.at_large.false
    shares[3] = at_large["other languages"] / row.at_large.studies
    if design.luck:
        shares[7] = float("nan")  # then it is true
    if design.seeds == 1:
        shares[9] = len(counts) / null.studies  # none at all
    seen, held = "", float("nan")
    if null.seen:
        middle = float(np.mean(null.seen["effect"]))
        low, high = np.quantile(null.seen["effect"], [0.1, 0.9])
        seen = f"{_share(middle)} [{_share(low)}, {_share(high)}]"
        ends = np.array([null.seen["low"], null.seen["high"]])
        held = float(((ends[0] <= middle) & (middle <= ends[1])).mean())
    met = float("nan")
    if row.effect.studies:
        met = row.effect.claimed["primary"] / row.effect.studies
    return [*design_cells(design), f"{null.studies}", *map(_share, shares),
            _share(row.intervals.coverage("mean")), _share(row.intervals.coverage("language")),
            seen, _share(held), _share(met)]  # fmt: skip


HEADS: Final = (
    "seeds", "languages", "rows", "luck", "spread", "test sets", "studies", *KINDS, "mean covered",
    "language covered", "could have seen", "its range holds", "power met",
)  # fmt: skip


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    whole = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in whole) + "\n"


def other_tables(studies: int) -> Iterator[tuple[str, str]]:
    """Smaller tables: translators, control, OTC that helps, comparisons."""
    lines = []
    for langs, seeds, translators, spread in (
        (3, 3, 4, 0.005), (6, 3, 4, 0.02), (3, 5, 4, 0.01), (6, 2, 8, 0.01), (6, 5, 8, 0.02),
        (1, 3, 6, 0.02), (6, 5, 4, 0.0),
    ):  # fmt: skip
        arms = (ZERO, *(TRANSLATED._replace(translator=f"t{n}") for n in range(translators)))
        design = Design(seeds, langs, 200, 0.05, arms=arms, qualities=spread)
        tally = pages(design, studies, seed=3)
        lines.append([f"{seeds}", f"{langs}", f"{translators}", f"{spread:g}", f"{studies}",
                      _share(tally.rate("quality")), _share(tally.rate("others")),
                      _share(tally.rate("worse-than-zero-shot"))])  # fmt: skip
    heads = ("seeds", "languages", "translators", "their spread", "studies", "quality", "others",
             "worse-than-zero-shot")  # fmt: skip
    yield "Scores follow quality: translators differ by chance", markdown(heads, lines)
    lines = []
    arms = (ZERO, TRANSLATED, OTC, SHUFFLED)
    for seeds, langs, luck, gain, shuffled in (
        (3, 5, 0.0, 0.0, 0.0), (5, 5, 0.1, 0.0, 0.0), (2, 3, 0.1, 0.0, 0.0),
        (5, 5, 0.05, 0.04, 0.0), (5, 5, 0.05, 0.04, 0.04),
    ):  # fmt: skip
        design = Design(seeds, langs, 200, luck, arms=arms)
        tally = pages(design, studies, {OTC: gain, SHUFFLED: shuffled}, seed=4)
        kinds = ("others", "otc-without-effect", "regularising-not-aligning")
        lines.append([f"{seeds}", f"{langs}", f"{luck:g}", f"{gain:g}", f"{shuffled:g}",
                      f"{studies}", *(_share(tally.rate(kind)) for kind in kinds),
                      _share(tally.claimed["regularising-not-aligning"] / studies)])  # fmt: skip
    heads = ("seeds", "languages", "luck", "OTC gains", "shuffled gains", "studies", "others",
             "otc-without-effect", "regularising-not-aligning", "the last, at all")  # fmt: skip
    yield "OTC and its control", markdown(heads, lines)
    lines = []
    for seeds, langs, rows, luck, number in (
        (1, 1, 200, 0.0, 2), (1, 5, 200, 0.1, 2), (1, 5, 200, 0.1, 3), (2, 1, 200, 0.1, 2),
        (2, 5, 200, 0.1, 3), (3, 5, 1000, 0.2, 3), (5, 3, 100, 0.1, 2), (5, 8, 200, 0.05, 3),
        (10, 6, 200, 0.3, 3),
    ):  # fmt: skip
        design = Design(seeds, langs, rows, luck, arms=FOUR[:number])
        tally = comparisons(design, studies, seed=5)
        kinds = ("compare", "compare by language", "page")
        lines.append([f"{seeds}", f"{langs}", f"{rows:,}", f"{luck:g}", f"{number}", f"{studies}",
                      *(_share(tally.rate(kind)) for kind in kinds),
                      _share(tally.coverage("mean")),
                      _share(tally.coverage("language"))])  # fmt: skip
    heads = ("seeds", "languages", "rows", "luck", "sides", "comparisons", "mean",
             "by language", "any", "mean covered", "language covered")  # fmt: skip
    yield "`babelift compare`, with rows that not every side has", markdown(heads, lines)


QUICK: Final = (
    Design(2, 3, 100, 0.1),
    Design(5, 5, 200, 0.1, 0.01, parallel=False, classes=5),
    Design(3, 6, 100),
    Design(1, 3, 100, 0.2),
)
"""Designs that the tests run."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a minute or two")
    size.add_argument("--full", action="store_true", help="all 1,500 designs: days")
    parser.add_argument("--rounds", type=int, default=10, help="more of them, more studies")
    asked = parser.parse_args(arguments)
    designs = QUICK if asked.quick else list(everything() if asked.full else covering())
    rounds = 1 if asked.quick else asked.rounds
    rows: dict[int, Row] = {}
    for turn, (number, design) in product(range(rounds), enumerate(designs)):
        row = measure(design, 15 if asked.quick else number_of_studies(design), (number, turn))
        if number in rows:
            rows[number].add(row)
        else:
            rows[number] = row
        line = markdown(HEADS, [row_cells(rows[number])]).splitlines()[-1]
        print(line, file=sys.stderr, flush=True)
    print(markdown(HEADS, [row_cells(row) for row in rows.values()]))
    for title, table in other_tables(10 if asked.quick else 20 * rounds):
        print(f"{title}\n\n{table}", flush=True)


if __name__ == "__main__":
    main()
