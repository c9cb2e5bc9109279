"""A study of 40 runs through `babelift study` against the same runs one by one with `babelift fit`.

Trainings of the `scratch` encoder on English sentences and their translations into one language,
with and without OTC, for several languages and seeds. Both sides start with an empty cache and go
through the command line. The translations are given in a table, so translating costs next to
nothing on either side. Both are checked to give the same scores.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path
from typing import Final

import polars as pl

from _data import sentences
from _timing import (
    TIMES,
    VERDICT,
    against,
    alternate,
    benchmark,
    chosen,
    same,
    table,
    times_as_fast,
)

AIM: Final = 2.0
CLOSE: Final = 0.011
"""Scores may differ by so much: a few labels of 200, where threads add up in another order."""

Scores = dict[tuple[str, bool, int], float]
"""Language, OTC and seed to F1 (micro)."""


@dataclass(frozen=True)
class Size:
    """How many runs: targets, twice (with and without OTC), for each seed.

    Attributes:
        targets: Languages.
        seeds: Of every condition.
        steps: Updates of a training.
        rounds: Of both sides.
    """

    targets: tuple[str, ...]
    seeds: int
    steps: int
    rounds: int

    @property
    def runs(self) -> list[tuple[str, bool, int]]:
        """Language, OTC and seed of each."""
        return list(product(self.targets, (False, True), range(self.seeds)))


SIZES = {
    "full": Size(("de", "es", "fr", "ja"), seeds=5, steps=66, rounds=5),
    "quick": Size(("de", "es"), seeds=2, steps=66, rounds=1),
    "smoke": Size(("de",), seeds=1, steps=2, rounds=1),
}


def main() -> None:
    """Do both, in turns, and compare times and scores."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("A study", name) as folder:
        source = write_tables(folder, size.targets)
        print(f"{source}; {len(size.runs)} runs of {size.steps} updates: "
              f"{len(size.targets)} languages, with and without OTC, {size.seeds} seeds; "
              f"{size.rounds} round{'s' if size.rounds > 1 else ''}")  # fmt: skip
        (folder / "study.yaml").write_text(json.dumps(spec(size)), encoding="utf-8")
        numbers = count()
        timed = alternate(
            {
                "study": lambda: study(folder, folder / str(next(numbers))),
                "fit": lambda: one_by_one(folder, folder / str(next(numbers)), size),
            },
            rounds=size.rounds,
            warm={},
        )
        ours, theirs = timed["study"], timed["fit"]
        gaps = [abs(ours.result[run] - theirs.result[run]) for run in size.runs]
        print(f"largest difference of a score: {max(gaps):.4f}")
        same("scores", sum(gap <= CLOSE for gap in gaps), len(gaps), least=0.95)
        rows = [
            ["babelift study", ours, ["", "", ""]],
            ["babelift fit, one by one", theirs, against(times_as_fast(ours, theirs), AIM)],
        ]
        table(
            ["by", "runs", *TIMES, "s/run", "study is times as fast", *VERDICT],
            [
                [what, str(len(size.runs)), *one.columns, f"{one.median / len(size.runs):.3g}",
                 *more]
                for what, one, more in rows
            ],
        )  # fmt: skip


def spec(size: Size) -> dict[str, object]:
    """The study's file; JSON is YAML."""
    return {
        "train": "{lang}.train.jsonl", "test": "{lang}.test.jsonl", "group": "parallel_id",
        "sources": "en", "targets": list(size.targets), "arms": ["translated"],
        "otc": ["off", "on"], "primary": {"arm": "translated", "otc": "on"},
        "together": False, "seeds": size.seeds, "encoders": "scratch", "quality": "keep",
        "translators": {"people": "table:{data}/translations.jsonl#people"},
        "settings": {"steps": size.steps, "precision": "fp32"},
    }  # fmt: skip


def study(folder: Path, out: Path) -> Scores:
    """`babelift study`; the scores it found."""
    call(["study", str(folder / "study.yaml"), "--data", str(folder), "--out", str(out)], out)
    found = pl.read_parquet(out / "results.parquet").filter(pl.col("metric") == "f1_micro")
    return {
        (row["lang"], row["otc"] == "on", row["seed"]): row["value"]
        for row in found.iter_rows(named=True)
    }


def one_by_one(folder: Path, out: Path, size: Size) -> Scores:
    """`babelift fit` for each run; the scores they found."""
    scores: Scores = {}
    for lang, otc, seed in size.runs:
        run = out / f"{lang}-{otc}-{seed}"
        call(
            [
                "fit", str(folder / "en.train.jsonl"), "--test", str(folder / f"{lang}.test.jsonl"),
                "--from", "en", "--to", lang, "--group", "parallel_id",
                "--translator", f"table:{folder / 'translations.jsonl'}#people",
                "--quality", "keep", "--encoder", "scratch", "--steps", str(size.steps),
                "--precision", "fp32", "--seed", str(seed), "--otc" if otc else "--no-otc",
                "--out", str(run),
            ],
            out,
        )  # fmt: skip
        metrics = json.loads((run / "metrics.json").read_text("utf-8"))
        scores[lang, otc, seed] = metrics["languages"][lang]["f1_micro"]
    return scores


def call(arguments: Sequence[str], cache: Path) -> None:
    """Run a command of Babelift to its end, with a cache of its own."""
    program = str(Path(sys.executable).parent / "babelift")
    env = {**os.environ, "BABELIFT_CACHE": f"{cache}-cache"}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"babelift {' '.join(arguments)}\n{done.stdout}{done.stderr}")


def write_tables(folder: Path, targets: Sequence[str]) -> str:
    """Training and test rows of each language, and translations of the English ones."""
    english = sentences("en")
    for lang in ("en", *targets):
        for split in ("train", "test"):
            found = sentences(lang, split)
            write(folder / f"{lang}.{split}.jsonl", [
                {"id": f"{split}-{number}-{lang}", "text": text, "label": label, "lang": lang,
                 "parallel_id": f"{split}-{number}"}
                for number, (text, label) in enumerate(zip(found.texts, found.labels, strict=True))
            ])  # fmt: skip
    write(folder / "translations.jsonl", [
        {"source_lang": "en", "target_lang": lang, "system": "people", "source_text": mine,
         "target_text": other}
        for lang in targets
        for mine, other in zip(english.texts, sentences(lang).texts, strict=True)
    ])  # fmt: skip
    return english.source


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write JSON lines."""
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
