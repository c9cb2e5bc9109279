"""Measures encoders: `python -m models.measure_encoder retrieval sts frozen fine-tuned ...`."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import polars as pl

from babelift.embedded import shipped_folder
from babelift.store import write_rows
from babelift.training.encoder import find_encoder
from models.data import LANGUAGES, rows_of
from models.measuring import before, frozen
from models.measuring.fits import COLUMNS, fit
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
"""Languages that a classifier of English tweets is tested in."""

NATIVE: Final = ("en", "de")
"""Languages of which each gets a classifier of its own tweets."""


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
    train, tested = sib / "en.train.jsonl.gz", _each(sib, "test", frozen.SIX)
    return [_from_english(before.FINE_TUNED, "sib200", spec, arguments, train, tested, LANGUAGES)]


def _tweets(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    tweets = arguments.data / "umsab"
    tested = _each(tweets, "test", TWEETS)
    native, crossing = [], []
    for seed in range(arguments.seeds):
        parts = []
        for lang in NATIVE:
            # One training on English serves both tables.
            tests = tested if lang == "en" else {lang: tested[lang]}
            train = tweets / f"{lang}.train.jsonl.gz"
            settings = _settings(spec, arguments, seed, train, tests)
            found = fit(f"umsab-{lang}-seed{seed}", settings, arguments.work).predictions
            parts.append(found.filter(pl.col("lang") == lang))
            if lang == "en":
                crossing.append(found)
        native.append(pl.concat(parts))
    return [
        measured_over_seeds(before.NATIVE, native, NATIVE, NATIVE),
        measured_over_seeds(before.TWEETS, crossing, TWEETS, TWEETS[1:]),
    ]


def _opinions(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    """Positive and negative sentences of reviews, as many of each, the same in all languages."""
    data, work = arguments.data / "m_absa", arguments.work / "m_absa"
    train = _balanced(data / "en.train.jsonl.gz", 500, work)
    tested = {
        lang: _balanced(path, 200, work) for lang, path in _each(data, "test", frozen.SIX).items()
    }
    return [_from_english(before.OPINIONS, "m_absa", spec, arguments, train, tested, LANGUAGES)]


def _intents(spec: str, arguments: argparse.Namespace) -> list[Measured]:
    """What a voice assistant is asked for; without the intents that no training row has."""
    data, others = arguments.data / "xsid", ("de", "ja", "zh")
    train = data / "en.validation.jsonl.gz"
    known = {row["label"] for row in rows_of(train)}
    tested = {
        lang: _written(
            [row for row in rows_of(path) if row["label"] in known], arguments.work / "xsid", path
        )
        for lang, path in _each(data, "test", ("en", *others)).items()
    }
    return [_from_english(before.INTENTS, "xsid", spec, arguments, train, tested, others)]


FITTED: Final = ("fine-tuned", "umsab", "m-absa", "xsid")
TASKS: Final[dict[str, Callable[[str, argparse.Namespace], list[Measured]]]] = {
    "retrieval": _retrieval,
    "sts": _similarity,
    "frozen": _frozen,
    "fine-tuned": _fine_tuned,
    "umsab": _tweets,
    "m-absa": _opinions,
    "xsid": _intents,
}


def _each(folder: Path, part: str, langs: Sequence[str]) -> dict[str, Path]:
    return {lang: folder / f"{lang}.{part}.jsonl.gz" for lang in langs}


def _balanced(table: Path, each: int, folder: Path) -> Path:
    """A table of so many positive and negative rows, drawn once from those whose labels agree."""
    rows = {row["parallel_id"]: row for row in rows_of(table) if row["labels_agree"]}
    by_label = {
        label: sorted(name for name, row in rows.items() if row["label"] == label)
        for label in ("negative", "positive")
    }
    chosen = [name for names in by_label.values() for name in Random(0).sample(names, each)]
    return _written([rows[name] for name in chosen], folder, table)


def _written(rows: Sequence[Mapping[str, Any]], folder: Path, table: Path) -> Path:
    """A table of some of another's rows."""
    path = folder / table.name.removesuffix(".gz")
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = (*COLUMNS, "parallel_id")
    write_rows(pl.DataFrame([{name: row[name] for name in kept} for row in rows]), path)
    return path


def _from_english(
    what: str,
    name: str,
    spec: str,
    arguments: argparse.Namespace,
    train: Path,
    tested: Mapping[str, Path],
    over: tuple[str, ...],
) -> Measured:
    """Trained on English alone with each seed, tested in every language."""
    tables = []
    for seed in range(arguments.seeds):
        settings = _settings(spec, arguments, seed, train, tested)
        settings["group"] = "parallel_id"
        tables.append(fit(f"{name}-en-seed{seed}", settings, arguments.work).predictions)
    return measured_over_seeds(what, tables, tuple(tested), over)


def _settings(
    spec: str, arguments: argparse.Namespace, seed: int, train: Path, tested: Mapping[str, Path]
) -> dict[str, Any]:
    return {
        "arm": "zero-shot",
        # Some sentences stand in both tables; they are taken out of training.
        "leakage": "drop",
        "train": str(train),
        "test": [str(path) for path in tested.values()],
        "encoder": spec,
        "epochs": arguments.epochs,
        "learning_rate": arguments.learning_rate,
        "seed": seed,
    }


if __name__ == "__main__":
    main()
