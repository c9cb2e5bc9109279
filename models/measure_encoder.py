"""Measures encoders: `python -m models.measure_encoder retrieval sts frozen fine-tuned umsab`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.embedded import shipped_folder
from babelift.training.encoder import find_encoder
from models.data import LANGUAGES
from models.measuring import before, frozen
from models.measuring.fits import fit
from models.measuring.measured import (
    Measured,
    measured_over_seeds,
    print_measured,
    results_of,
)
from models.measuring.results import command_line, keep
from models.measuring.vectors import open_encoder

EMBEDDED: Final = "mini"
TWEETS: Final = ("en", "de", "es", "fr")
"""UMSAB's languages that the embedded encoder knows."""


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print tables, and keep what was measured of the embedded encoder beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", choices=TASKS, metavar="|".join(TASKS))
    parser.add_argument(
        "--encoder",
        nargs="+",
        default=[EMBEDDED],
        metavar="NAME_OR_FOLDER",
        help="as for 'babelift fit'; a folder of a BERT-like encoder for a row to compare with",
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5, help="of each fine-tuning")
    parser.add_argument("--epochs", type=int, help="default: the encoder's own")
    parser.add_argument("--learning-rate", type=float, help="default: the encoder's own")
    parser.add_argument("--work", type=Path, default=Path("runs/encoder"))
    arguments = parser.parse_args(words)
    for task in arguments.tasks:
        measured = {spec: TASKS[task](spec, arguments) for spec in arguments.encoder}
        print_measured(measured)
        if EMBEDDED in measured:
            seeds = arguments.seeds if task in FITTED else None
            rate = arguments.learning_rate
            command = command_line(
                "measure_encoder", task, seeds=seeds, epochs=arguments.epochs, learning_rate=rate
            )
            results = [part for one in measured[EMBEDDED] for part in results_of(one, command)]
            keep(shipped_folder("encoder"), results)


def _retrieval(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    there, back = frozen.retrieval(arguments.data, open_encoder(find_encoder(spec)))
    return [
        Measured(before.TO_ENGLISH, "accuracy", there, LANGUAGES),
        Measured(before.FROM_ENGLISH, "accuracy", back, LANGUAGES),
    ]


def _similarity(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    found = frozen.similarity(arguments.data, open_encoder(find_encoder(spec)))
    return [Measured(before.SIMILARITY, "Spearman's correlation", found, frozen.SIX)]


def _frozen(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    found, c = frozen.classifier(arguments.data, open_encoder(find_encoder(spec)))
    six, more = ({lang: found[lang] for lang in langs} for langs in (frozen.SIX, frozen.FIFTEEN))
    linear = frozen.linear_baseline(arguments.data)
    note = f"{spec}: C = {c:g}, the best of {frozen.GRID} on English validation rows"
    return [
        Measured(before.FROZEN, "accuracy", six, LANGUAGES, linear=linear, note=note),
        Measured(before.MORE, "accuracy", more, frozen.FIFTEEN),
    ]


def _fine_tuned(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    sib = arguments.data / "sib200"
    tested = [sib / f"{lang}.test.jsonl.gz" for lang in frozen.SIX]
    more = {"arm": "zero-shot", "group": "parallel_id"}
    fits = [
        fit(
            f"sib200-en-seed{seed}",
            _settings(spec, arguments, seed, sib / "en.train.jsonl.gz", tested, **more),
            arguments.work,
        )
        for seed in range(arguments.seeds)
    ]
    tables = [found.predictions for found in fits]
    return [measured_over_seeds(before.FINE_TUNED, tables, frozen.SIX, LANGUAGES)]


def _native(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    tweets = arguments.data / "umsab"
    # Some tweets stand in both tables; they are taken out of training.
    more = {"arm": "original", "leakage": "drop"}
    fits = [
        [
            fit(
                f"umsab-{lang}-seed{seed}",
                _settings(
                    spec,
                    arguments,
                    seed,
                    tweets / f"{lang}.train.jsonl.gz",
                    [tweets / f"{lang}.test.jsonl.gz"],
                    **more,
                ),
                arguments.work,
            )
            for lang in TWEETS
        ]
        for seed in range(arguments.seeds)
    ]
    tables = [pl.concat([found.predictions for found in parts]) for parts in fits]
    return [measured_over_seeds(before.NATIVE, tables, TWEETS, TWEETS)]


FITTED: Final = ("fine-tuned", "umsab")
TASKS: Final[dict[str, Callable[[str, argparse.Namespace], list[Measured]]]] = {
    "retrieval": _retrieval,
    "sts": _similarity,
    "frozen": _frozen,
    "fine-tuned": _fine_tuned,
    "umsab": _native,
}


def _settings(
    spec: str,
    arguments: argparse.Namespace,
    seed: int,
    train: Path,
    test: Sequence[Path],
    **more: str,
) -> dict[str, Any]:
    return {
        "train": str(train),
        "test": [str(path) for path in test],
        "encoder": spec,
        "epochs": arguments.epochs,
        "learning_rate": arguments.learning_rate,
        "seed": seed,
        **more,
    }


if __name__ == "__main__":
    main()
