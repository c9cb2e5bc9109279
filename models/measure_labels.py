"""Measures what translations give a classifier: `python -m models.measure_labels`."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import polars as pl

from babelift.embedded import shipped_folder
from babelift.translation.registry import load_translator
from models.data import LANGUAGES
from models.measuring import before
from models.measuring.fits import HUMAN, Fit, fit, human_table
from models.measuring.frozen import SIX
from models.measuring.measured import of_seeds, shown
from models.measuring.results import Result, cells, command_line, keep, print_table
from models.measuring.seeds import Scores, scores, summarise

ZERO: Final = "zero-shot"
STORED: Final = ("bergamot-base-memory", "google", "microsoft")
"""Systems of `sib200/translations.jsonl.gz` that have all five pairs from English."""

EXPECTED: Final = (ZERO, "mini", "bergamot-base-memory", HUMAN)
"""The arms, in the order that is expected of their scores."""


def main(words: Sequence[str] | None = None) -> None:
    """Train every arm with every seed, print tables, and keep what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoder", default="mini")
    parser.add_argument(
        "--arms",
        nargs="+",
        default=list(EXPECTED),
        metavar="ARM",
        help=f"{ZERO}, {HUMAN}, {', '.join(STORED)}, or any translator of 'babelift models'",
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="default: the encoder's own")
    parser.add_argument("--learning-rate", type=float, help="default: the encoder's own")
    parser.add_argument("--otc", choices=("on", "off"), default="on")
    parser.add_argument(
        "--apart",
        action="store_true",
        help="train a classifier for each target instead of one for all; zero-shot has no target",
    )
    parser.add_argument("--work", type=Path, default=Path("runs/labels"))
    arguments = parser.parse_args(words)
    arms = list(dict.fromkeys(arguments.arms))
    translators = {arm: _translator(arm, arguments) for arm in arms if arm != ZERO}
    outputs = {arm: _fingerprint(spec) for arm, spec in translators.items()}
    tables = {arm: [] for arm in arms}
    for seed in range(arguments.seeds):
        for arm in arms:
            fits = list(_fits(arm, seed, translators.get(arm), outputs.get(arm, ""), arguments))
            tables[arm].append(_joined(fits))
    langs = LANGUAGES if arguments.apart else SIX
    found = scores(tables, langs)
    _print(found, langs, arguments)
    if arguments.encoder == "mini":
        for part, results in _results(found, langs, arguments).items():
            keep(shipped_folder(part), results)


def _translator(arm: str, arguments: argparse.Namespace) -> str:
    """The translator that an arm's name stands for."""
    stored = arguments.data / "sib200" / "translations.jsonl.gz"
    if arm in STORED:
        return f"table:{stored}#{arm}"
    if arm == HUMAN:
        return f"table:{human_table(arguments.data, arguments.work)}#{HUMAN}"
    return arm


def _fingerprint(translator: str) -> str:
    with closing(load_translator(translator)) as opened:
        return opened.fingerprint


def _fits(
    arm: str, seed: int, translator: str | None, output: str, arguments: argparse.Namespace
) -> Iterator[tuple[tuple[str, ...], Fit]]:
    """The trainings of one arm and seed, each with the languages it is tested in.

    Zero-shot has neither targets nor pairs, so that one training serves every comparison.
    """
    sib = arguments.data / "sib200"
    apart = arguments.apart and translator is not None
    for targets in [(lang,) for lang in LANGUAGES] if apart else [LANGUAGES]:
        tested = targets if apart else SIX
        settings = {
            "train": str(sib / "en.train.jsonl.gz"),
            "test": [str(sib / f"{lang}.test.jsonl.gz") for lang in tested],
            "group": "parallel_id",
            "encoder": arguments.encoder,
            "epochs": arguments.epochs,
            "learning_rate": arguments.learning_rate,
            "seed": seed,
        }
        if translator is None:
            settings["arm"] = ZERO
        else:
            settings |= {"to": targets, "translator": translator, "otc": arguments.otc == "on"}
        name = "-".join([re.sub(r"[^\w.-]+", "-", arm), *(targets if apart else ()), f"seed{seed}"])
        yield tested, fit(name, settings, arguments.work, translator=output)


def _joined(fits: Sequence[tuple[tuple[str, ...], Fit]]) -> pl.DataFrame:
    return pl.concat(
        [found.predictions.filter(pl.col("lang").is_in(list(langs))) for langs, found in fits]
    )


def _print(
    found: Mapping[str, Scores], langs: Sequence[str], arguments: argparse.Namespace
) -> None:
    targets = [langs.index(lang) for lang in LANGUAGES]
    columns = [*langs, f"mean of {' '.join(LANGUAGES)}"]
    rows = {
        "before, zero-shot": cells(before.BEFORE[before.FINE_TUNED], langs, LANGUAGES),
        "before, bergamot": cells(before.TRANSLATED, langs, LANGUAGES),
    }
    rows |= {arm: _cells(one, targets) for arm, one in found.items()}
    about = f"encoder {arguments.encoder}, OTC {arguments.otc}, {of_seeds(arguments.seeds)}"
    print_table(f"SIB-200, English into five languages, accuracy: {about}", columns, rows)
    if ZERO in found:
        gains = {arm: one - found[ZERO] for arm, one in found.items() if arm != ZERO}
        rows = {arm: _cells(one, targets, "+") for arm, one in gains.items()}
        print_table("The same, less zero-shot, seed by seed and row by row", columns, rows)
    print(
        "\n± half the 95 % interval over seeds (Student's t); [95 % bootstrap over seeds and test "
        "rows]."
    )
    means = {arm: found[arm].mean_of(targets).observed.mean() for arm in EXPECTED if arm in found}
    order = sorted(means, key=means.__getitem__)
    print(f"\nexpected from low to high: {', '.join(means)}; found: {', '.join(order)}")


def _cells(one: Scores, targets: Sequence[int], sign: str = "") -> list[str]:
    return [shown(part, sign) for part in (*summarise(one), *summarise(one.mean_of(targets)))]


def _results(
    found: Mapping[str, Scores], langs: Sequence[str], arguments: argparse.Namespace
) -> dict[str, list[Result]]:
    """What is kept: accuracies beside the encoder, what mini's translations gain beside that."""
    command = command_line(
        "measure_labels",
        *(["--apart"] if arguments.apart else []),
        arms=list(found),
        seeds=arguments.seeds,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        otc=arguments.otc,
    )
    unit = f"accuracy, {of_seeds(arguments.seeds)}"

    def values(one: Scores) -> dict[str, float]:
        return dict(zip(langs, one.observed.mean(0), strict=True))

    results = {
        "encoder": [
            Result(f"SIB-200 from English, {_in_words(arm)}", unit, command, values(one))
            for arm, one in found.items()
        ]
    }
    if ZERO in found and "mini" in found:
        gain = values(found["mini"] - found[ZERO])
        what = "SIB-200 from English with the embedded encoder, gain over zero-shot"
        results["lexicon"] = [Result(what, unit, command, gain)]
    return results


def _in_words(arm: str) -> str:
    return arm if arm == ZERO else f"translated by {'people' if arm == HUMAN else arm}"


if __name__ == "__main__":
    main()
