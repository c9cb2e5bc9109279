"""The sides of a comparison: predictions read from anywhere, checked, and paired row by row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.config import Table, read_yaml
from babelift.corpus import label_set, label_strings
from babelift.errors import ConfigError, DataError, RunError, did_you_mean
from babelift.evaluation.evaluate import named_columns, read_predictions
from babelift.evaluation.metrics import Metrics
from babelift.prediction.rows import BASELINE, check_predictions
from babelift.store import read_record

Right: TypeAlias = npt.NDArray[np.bool_]
"""`(seeds, rows) bool`: was the answer right."""

_KEY: Final = ["lang", "id"]


def named_sides(
    frames_or_paths: Sequence[pl.DataFrame | str | Path], names: Sequence[str] | None
) -> dict[str, pl.DataFrame | Path]:
    """The sides by their names; by default the shortest ends of their paths, or letters.

    Raises:
        ConfigError: A side is neither frame nor path, or the names are not one for each.
    """
    sides = [side if isinstance(side, pl.DataFrame) else _path(side) for side in frames_or_paths]
    if names is None:
        names = _default_names(sides)
    elif len(names) != len(sides):
        raise ConfigError(f"{len(names)} names for {len(sides)} sides.", "Give one for each.")
    for name in names:
        if not name.strip() or names.count(name) > 1:
            raise ConfigError(
                f"names must be there and distinct; got {', '.join(map(repr, names))}."
            )
    return dict(zip(names, sides, strict=True))


def _path(side: Any) -> Path:
    if not isinstance(side, str | Path):
        raise ConfigError(
            f"a side must be a polars frame or a path; got {type(side).__name__}.",
            "Give the predictions as a frame, a file or a run's folder.",
        )
    return Path(side)


def _default_names(sides: Sequence[pl.DataFrame | Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart; letters for frames.

    >>> _default_names([Path("runs/a/predictions.csv"), Path("runs/b/predictions.csv"), Path("c")])
    ['a/predictions.csv', 'b/predictions.csv', 'c']
    >>> _default_names([Path("a"), Path("a"), pl.DataFrame()])
    ['a', 'a (2)', 'C']
    """
    parts = [None if isinstance(side, pl.DataFrame) else side.absolute().parts for side in sides]
    names = []
    for number, own in enumerate(parts):
        others = [other for other in parts if other and other != own]
        if own is None:
            names.append(chr(ord("A") + number) if number < 26 else str(number + 1))
            continue
        length = next(
            (
                length
                for length in range(1, len(own))
                if all(other[-length:] != own[-length:] for other in others)
            ),
            len(own),
        )
        names.append("/".join(own[-length:]))
    seen: Counter[str] = Counter()
    for number, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[number] = f"{name} ({seen[name]})"
    return names


@dataclass(frozen=True, slots=True)
class Input:
    """A side as it came.

    Attributes:
        name: What it is called.
        source: Its path; None for a frame.
        answers: Its rows as `check_predictions` gives them, with their `seed` (empty where there
            is none); an empty label or prediction stands for none.
        baseline: The same of its linear baseline; may be without rows.
    """

    name: str
    source: str | None
    answers: pl.DataFrame
    baseline: pl.DataFrame

    @property
    def answered(self) -> pl.DataFrame:
        """The rows that have a label and a prediction."""
        return self.answers.filter((pl.col("label") != "") & (pl.col("prediction") != ""))


def read_sides(
    named: Mapping[str, pl.DataFrame | Path], columns: Table
) -> tuple[list[Input], list[str]]:
    """Read and check every side, and find out the labels.

    Args:
        named: Frames, files or folders, by name.
        columns: What the columns are called in frames and files.

    Raises:
        DataError: A table cannot be read, lacks a column, has an id twice or a row that makes no
            sense; or the sides' labels differ.
        RunError: A folder holds no predictions, or its record is damaged.
    """
    tables: dict[str, pl.DataFrame] = {}
    declared: dict[str, Sequence[str]] = {}
    for name, source in named.items():
        if isinstance(source, pl.DataFrame):
            table = named_columns(source, columns, _where(name))
        elif source.is_dir():
            table, labels = _read_folder(source)
            declared |= {name: labels} if labels else {}
        else:
            table = read_predictions(str(source), columns)
        tables[name] = _with_strings(table, name)
    labels = _labels(tables, declared)
    sides = []
    for name, table in tables.items():
        checked = check_predictions(table, [*labels, ""], _where(name), also=("seed",))
        linear = checked["model"] == BASELINE
        source = named[name]
        sides.append(
            Input(
                name=name,
                source=None if isinstance(source, pl.DataFrame) else str(source),
                answers=checked.filter(~linear),
                baseline=checked.filter(linear),
            )
        )
    return sides, labels


def _where(name: str) -> str:
    return f"the predictions of '{name}'"


def _read_folder(folder: Path) -> tuple[pl.DataFrame, Sequence[str]]:
    """The predictions of a run, an evaluation or a folder of runs, and the labels of its model."""
    file = folder / "predictions.parquet"
    if not file.exists() and not (folder / "manifest.json").exists():
        runs = sorted(path.parent for path in folder.glob(f"*/{file.name}"))
        if runs and not (folder / "results.parquet").exists():
            return _read_runs(runs)
    if (folder / "results.parquet").exists():
        raise RunError(
            f"'{folder}' is a study, which holds many trainings.",
            "Its report compares them; or give files with the rows of one condition each.",
        )
    if not file.is_file() and (folder / "manifest.json").exists():
        raise RunError(
            f"'{folder}' is an unfinished run: it has no predictions.parquet.",
            "Run its command again: it finishes what is missing.",
        )
    if not file.is_file():
        raise RunError(
            f"'{folder}' is no run: it has no predictions.parquet.",
            "Give the folder that 'babelift fit' or 'babelift evaluate' wrote, a folder of runs "
            "with several seeds, or a file.",
        )
    labels: Sequence[str] = ()
    if (folder / "metrics.json").exists():
        labels = read_record(folder / "metrics.json", Metrics).labels
    # Its columns are ours, whatever the user's other tables call theirs.
    table, seed = read_predictions(str(file), Table()), _settings(folder).get("seed")
    return (table if seed is None else table.with_columns(seed=pl.lit(str(seed)))), labels


def _read_runs(runs: Sequence[Path]) -> tuple[pl.DataFrame, Sequence[str]]:
    """Runs that differ in nothing but the seed, as one table with that column."""
    tables: list[pl.DataFrame] = []
    seeds: dict[Any, Path] = {}
    labels: dict[Path, Sequence[str]] = {}
    for run in runs:
        table, labels[run] = _read_folder(run)
        if "seed" not in table.columns:
            raise RunError(
                f"'{run}' does not say what seed it was trained with.",
                "A folder of runs is taken for one side, trained with several seeds: it holds the "
                "folders of 'babelift fit' and nothing else.",
            )
        seed = table["seed"][0]
        if seed in seeds:
            raise DataError(
                f"'{run}' and '{seeds[seed]}' were both trained with seed {seed}.",
                "A folder of runs is taken for one side, trained with several seeds. Name single "
                "runs to compare them with each other.",
            )
        seeds[seed] = run
        tables.append(table)
        _check_alike(runs[0], run)
        if set(labels[run]) != set(labels[runs[0]]):
            raise _other_labels(str(runs[0]), labels[runs[0]], str(run), labels[run])
    return pl.concat(tables, how="diagonal_relaxed"), labels[runs[0]]


def _settings(run: Path) -> dict[str, Any]:
    file = run / "config.yaml"
    return read_yaml(file) if file.is_file() else {}


def _check_alike(first: Path, other: Path) -> None:
    """Refuse runs of one side that differ in more than the seed."""
    one, two = _settings(first), _settings(other)
    for name in sorted((one.keys() | two.keys()) - {"seed", "out"}):
        if one.get(name) != two.get(name):
            raise DataError(
                f"'{first}' and '{other}' differ in more than the seed: {name} is "
                f"{one.get(name)} and {two.get(name)}.",
                "A folder of runs is taken for one side, trained with several seeds.",
            )


def _with_strings(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Labels, predictions and seeds as strings, empty where there is none."""
    for column in ("id", "label", "prediction", "lang"):
        if column not in table.columns:
            nearest = did_you_mean(column, table.columns)
            raise DataError(
                f"{_where(name)}: column '{column}' is missing{nearest}",
                "Predictions are compared by the columns id, label, prediction and lang; --id, "
                "--label and --lang say what they are called, --lang de that all is in German.",
            )
        if table[column].dtype.is_nested():
            raise DataError(f"{_where(name)}: column '{column}' holds lists or objects, not words.")
    if table.is_empty():
        raise DataError(f"{_where(name)}: no rows.")
    if table["id"].null_count():
        row = int(table["id"].is_null().arg_true()[0]) + 1
        raise DataError(f"row {row} of {_where(name)}: column 'id' is empty.")
    seed = label_strings(table["seed"]) if "seed" in table.columns else pl.lit(None)
    table = table.with_columns(seed.alias("seed").cast(pl.String))
    if 0 < table["seed"].null_count() < table.height:
        row = int(table["seed"].is_null().arg_true()[0]) + 1
        raise DataError(f"row {row} of {_where(name)}: column 'seed' is empty.")
    return table.with_columns(
        pl.col("seed").fill_null(""),
        *(label_strings(table[column]).fill_null("") for column in ("label", "prediction")),
    )


def _labels(tables: Mapping[str, pl.DataFrame], declared: Mapping[str, Sequence[str]]) -> list[str]:
    """All labels, in order; refused where the sides have not the same task.

    Sides that declare their labels must declare the same, and no other side may go past them. A
    file declares nothing: a label that it lacks may merely be rare.
    """
    seen = {}
    for name, table in tables.items():
        true, predicted = (set(table[column]) - {""} for column in ("label", "prediction"))
        if predicted and true.isdisjoint(predicted):
            raise DataError(
                f"'{name}' predicts other labels than its rows have: {_listed(predicted)}; they "
                f"have {_listed(true) or 'none'}.",
                "Predictions must be spelt as the labels are.",
            )
        seen[name] = true | predicted
    if not declared:
        (first, own), *others = seen.items()
        for name, labels in others:
            if labels.isdisjoint(own):
                raise _other_labels(first, own, name, labels)
        return list(label_set(set().union(*seen.values()))[0])
    first, known = next(iter(declared.items()))
    for name, labels in seen.items():
        if name in declared and set(declared[name]) != set(known):
            raise _other_labels(first, known, name, declared[name])
        if labels.isdisjoint(known):
            raise _other_labels(first, known, name, labels)
        if strange := sorted(labels - set(known)):
            raise DataError(
                f"'{name}' has the label '{strange[0]}', which '{first}' does not know"
                f"{did_you_mean(strange[0], known)}",
                f"Labels of '{first}': {', '.join(known)}.",
            )
    return list(known)


def _other_labels(first: str, own: Iterable[str], name: str, other: Iterable[str]) -> DataError:
    return DataError(
        f"'{first}' and '{name}' have other labels: {_listed(own)}; and {_listed(other)}.",
        "Only predictions of one and the same task can be compared.",
    )


def _listed(labels: Iterable[str], most: int = 8) -> str:
    names = label_set(labels)[0]
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])])


def one_label(rows: pl.DataFrame) -> dict[str, str]:
    """Languages whose rows have one label alone, and that label."""
    labels = rows.group_by("lang").agg(pl.col("label").unique()).sort("lang")
    return {lang: names[0] for lang, names in labels.iter_rows() if len(names) == 1}


@dataclass(frozen=True, slots=True)
class Shared:
    """The rows that all sides have, for every common seed.

    Attributes:
        rows: `lang`, `id`, `label` and `group_id`, in order of language and id.
        seeds: The common seeds; empty where each side was trained once.
        too_few: Languages left out, for they have fewer than two shared items.
    """

    rows: pl.DataFrame
    seeds: Sequence[str]
    too_few: Sequence[str]

    @property
    def count(self) -> dict[str, int]:
        """Rows of each language."""
        return dict(self.rows.group_by("lang").len().sort("lang").iter_rows())

    @property
    def one_label(self) -> dict[str, str]:
        """Languages whose rows have one label alone, and that label."""
        return one_label(self.rows)

    @property
    def langs(self) -> npt.NDArray[Any]:
        """`(rows,)` the language of each row."""
        return self.rows["lang"].to_numpy()

    @property
    def items(self) -> npt.NDArray[Any]:
        """`(rows,)` the test item of each row."""
        return self.rows["group_id"].to_numpy()

    def parts(self, over: Sequence[str]) -> Iterator[tuple[bool, npt.NDArray[np.bool_]]]:
        """Masks of the rows in the languages that an average is over, and of the others if any."""
        counted = np.isin(self.langs.astype(str), list(over))
        yield True, counted
        if not counted.all():
            yield False, ~counted

    def covers(self, answers: pl.DataFrame) -> bool:
        """Whether there is an answer to every row, for every seed."""
        own = _of_seeds(answers, self.seeds).join(self.rows, on=_KEY, how="semi")
        return own.height == self.rows.height * max(1, len(self.seeds))

    def right(self, answers: pl.DataFrame) -> Right:
        """Where answers that cover the rows are right, in their order."""
        own = _of_seeds(answers, self.seeds).join(self.rows.select(*_KEY, true="label"), on=_KEY)
        own = own.sort("seed", *_KEY)
        right: Right = (own["prediction"] == own["true"]).to_numpy()
        return right.reshape(-1, self.rows.height)

    def copies(self, answers: pl.DataFrame) -> tuple[tuple[str, ...], ...]:
        """Seeds whose answers to all rows are the same."""
        own = _of_seeds(answers, self.seeds).join(self.rows.select(_KEY), on=_KEY)
        alike: dict[bytes, list[str]] = {}
        for seed in self.seeds:
            given = own.filter(pl.col("seed") == seed).sort(_KEY)["prediction"]
            alike.setdefault("\0".join(given).encode(), []).append(seed)
        return tuple(tuple(seeds) for seeds in alike.values() if len(seeds) > 1)

    def unpaired(self, side: Input) -> dict[str, int]:
        """Answered rows of a side that are left out, by language."""
        kept = _of_seeds(side.answered, self.seeds).join(self.rows, on=_KEY, how="semi")
        left = Counter(side.answered["lang"]) - Counter(kept["lang"])
        return dict(sorted(left.items()))


def _of_seeds(answers: pl.DataFrame, seeds: Sequence[str]) -> pl.DataFrame:
    return answers.filter(pl.col("seed").is_in(list(seeds))) if seeds else answers


def pair_rows(sides: Sequence[Input]) -> Shared:
    """Pair the sides' rows by id and language, and by seed where there are several.

    Raises:
        DataError: They share no seed or no rows, or a row has two labels.
    """
    seeds = _common_seeds(sides)
    tables = [_of_seeds(side.answered, seeds) for side in sides]
    rows = (
        pl.concat(tables)
        .group_by(_KEY)
        .agg(
            pl.len(),
            pl.col("label", "group_id").first(),
            pl.col("label").n_unique().alias("labels"),
            pl.col("group_id").filter(pl.col("group_id") != pl.col("id")).first().alias("group"),
        )
        .filter(pl.col("len") == len(sides) * max(1, len(seeds)))
        # A side without groups has each row as its own; another one may know better.
        .with_columns(group_id=pl.coalesce("group", "group_id"))
        .sort(_KEY)
    )
    if rows.is_empty():
        raise _nothing_shared(sides, tables)
    if (odd := rows.filter(pl.col("labels") > 1)).height:
        raise _labelled_twice(odd, sides, tables)
    items = rows.group_by("lang").agg(pl.col("group_id").n_unique()).sort("lang")
    too_few = items.filter(pl.col("group_id") < 2)["lang"].to_list()
    rows = rows.filter(~pl.col("lang").is_in(too_few))
    if rows.is_empty():
        raise DataError(
            "in no language do the sides share two test items.",
            "What a single item shows cannot be told from luck.",
        )
    return Shared(rows.select(*_KEY, "label", "group_id"), seeds, too_few)


def _common_seeds(sides: Sequence[Input]) -> list[str]:
    """Seeds of all sides; none where each was trained once: one seed has nothing to pair with."""
    seeds = [set(side.answers["seed"]) - {""} for side in sides]
    if all(len(own) <= 1 for own in seeds):
        return []
    common = set.intersection(*seeds)
    if not common:
        each = (
            f"'{side.name}' {_listed(own) or 'none'}"
            for side, own in zip(sides, seeds, strict=True)
        )
        raise DataError(
            f"the sides have no seed in common: {'; '.join(each)}.",
            "Where a side has several seeds, rows are paired by seed too.",
        )
    return list(label_set(common)[0])


def _nothing_shared(sides: Sequence[Input], tables: Sequence[pl.DataFrame]) -> DataError:
    each = []
    for side, table in zip(sides, tables, strict=True):
        ids = " and ".join(f"'{name}'" for name in table["id"].head(2))
        langs = _listed(table["lang"])
        each.append(f"'{side.name}' has {f'ids such as {ids} in {langs}' if ids else 'no answers'}")
    return DataError(
        f"the sides have no rows in common: {'; '.join(each)}.",
        "Rows are paired by id and language; --id and --lang say which columns these are.",
    )


def _labelled_twice(
    odd: pl.DataFrame, sides: Sequence[Input], tables: Sequence[pl.DataFrame]
) -> DataError:
    lang, key = odd.row(0)[:2]
    labels = {
        side.name: table.filter(pl.col("lang") == lang, pl.col("id") == key)["label"][0]
        for side, table in zip(sides, tables, strict=True)
    }
    listed = " and ".join(f"'{label}' in '{name}'" for name, label in labels.items())
    return DataError(
        f"row '{key}' ({lang}) is labelled {listed}; such rows: {odd.height}.",
        "Does an id mean the same row in all tables?",
    )
