"""The rows of a study: read and checked once for every language, cut to size, translated."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import polars as pl

from babelift.corpus.rows import conform, translation_id
from babelift.errors import ConfigError, DataError, did_you_mean
from babelift.prediction.rows import check_predictions
from babelift.progress import Progress
from babelift.report.numbers import counted
from babelift.study.condition import OWN_TEXT, REFERENCE
from babelift.study.spec import StudySpec

Split = Literal["train", "test"]

_NEAR_DUPLICATES: Final = 0.9
"""Shingle similarity from which a training row is too like a test row, as in `FitConfig`."""

_SEED_OF_SUBSETS: Final = 0
"""The same rows are left out whatever the seed of a training: seeds vary the training alone."""


@dataclass(frozen=True)
class Tables:
    """The labelled rows of a study, by language.

    Attributes:
        train: Originals to train on.
        test: Originals to test on.
        labels: All labels, in order.
        ordinal: Whether they are ordered numbers.
        notes: What was guessed or left out.
        unlabelled: Unlabelled rows that may be learnt from, by language.
    """

    train: dict[str, pl.DataFrame]
    test: dict[str, pl.DataFrame]
    labels: tuple[str, ...]
    ordinal: bool
    notes: tuple[str, ...]
    unlabelled: dict[str, pl.DataFrame] = field(default_factory=dict)

    def subset(self, lang: str, rows: int | None) -> pl.DataFrame:
        """Some training rows of a language: the same items in every language, labels in balance.

        A smaller subset is part of a larger one.

        Raises:
            DataError: There are not that many.
        """
        table = self.train[lang]
        if rows is None or rows == table.height:
            return table
        if rows > table.height:
            raise DataError(
                f"the study asks for {rows:,} training rows, but there are {table.height:,} in "
                f"'{lang}'.",
                "Ask for fewer, or leave 'rows' out to take all.",
            )
        return table.filter(pl.col("id").is_in(_in_order(table)[:rows]))


def read_tables(spec: StudySpec, data: Path, progress: Progress) -> Tables:
    """Read what a study trains and tests on.

    Raises:
        ConfigError: A language has no table of training or test rows.
        DataError: Rows that cannot be used; the same item in training and test.
    """
    from babelift import corpus

    notes: list[str] = []
    for note in spec.notes:
        progress.say(note)
    learnt = {lang for source in spec.sources for lang in source.split("+")}
    if {"original", "original+translated", "reference"} & set(spec.arms):
        learnt |= set(spec.targets)
    elif spec.parallel:
        # Not to learn from: what translations are held against.
        learnt |= {lang for lang in spec.targets if _there(spec.files(lang, "train", data))}
    train = {
        lang: _read(spec, lang, "train", data, notes) for lang in spec.languages if lang in learnt
    }
    test = {lang: _read(spec, lang, "test", data, notes) for lang in spec.languages}
    testing = pl.concat(test.values())
    kept, leakage = corpus.audit_leakage(
        pl.concat([*train.values(), testing]), policy="drop", near_duplicates=_NEAR_DUPLICATES
    )
    if leakage.total:
        notes.append(leakage.summary())
    learning = kept.filter(pl.col("split") == "train")
    train = {lang: learning.filter(pl.col("lang") == lang) for lang in train}
    for lang, rows in train.items():
        if rows.is_empty():
            raise DataError(
                f"no training row is left in '{lang}': all of them are in the test tables too.",
                "Take other rows to test on.",
            )
    if spec.parallel:
        _check_parallel(spec, train)
        _check_parallel(spec, test)
    corpus.require_classes(learning)
    labels, ordinal = corpus.label_set(learning["label"].to_list())
    corpus.check_labels(learning, testing, "test")
    unlabelled = _read_unlabelled(spec, kept, data, notes) if spec.unlabelled else {}
    for note in notes:
        progress.say(note)
    return Tables(train, test, tuple(labels), ordinal, (*spec.notes, *notes), unlabelled)


def _read_unlabelled(
    spec: StudySpec, labelled: pl.DataFrame, data: Path, notes: list[str]
) -> dict[str, pl.DataFrame]:
    """The unlabelled rows of each target, without those that must not be learnt from."""
    from babelift.training.self_training import usable

    sources = [lang for source in spec.sources for lang in source.split("+")]
    # Native rows of a target, which other arms learn from, may be among them.
    used = labelled.filter((pl.col("split") == "test") | pl.col("lang").is_in(sources))
    tables, left_out = dict[str, pl.DataFrame](), Counter[str]()
    for lang in spec.targets:
        rows = _read(spec, lang, "unlabelled", data, notes)
        tables[lang], reasons = usable(
            rows, used, [lang], sources[0], near_duplicates=_NEAR_DUPLICATES,
            seed=_SEED_OF_SUBSETS,
        )  # fmt: skip
        left_out.update(reasons)
    if left_out:
        listed = ", ".join(f"{reason}: {number:,}" for reason, number in left_out.items())
        notes.append(f"unlabelled rows that were left out: {listed}")
    return tables


def _check_parallel(spec: StudySpec, tables: dict[str, pl.DataFrame]) -> None:
    """See that items that two languages share have one label, before anything is held against it.

    Raises:
        DataError: They have not.
    """
    for source in dict.fromkeys("+".join(spec.sources).split("+")):
        groups = tables[source].select("group_id")
        for lang, rows in tables.items():
            shared = rows.join(groups, on="group_id", how="semi", maintain_order="left")
            if lang != source and shared.height:
                reference_rows(tables[source], shared)


def _there(paths: Sequence[Path]) -> bool:
    return all(path.is_file() for path in paths)


def _read(
    spec: StudySpec,
    lang: str,
    split: Literal["train", "test", "unlabelled"],
    data: Path,
    notes: list[str],
) -> pl.DataFrame:
    from babelift import corpus
    from babelift.corpus.arrow import PREFIX

    paths = spec.files(lang, split, data)
    for path in paths:
        if not str(path).startswith(PREFIX) and not path.is_file():
            raise ConfigError(
                f"there are no {split} rows in '{lang}': '{path}' is not there.",
                "Take the language out of the study, or name its table; --data says where the "
                "tables are.",
            )
    table = spec.model_copy(update={"lang": spec.lang or lang})
    labelled = split != "unlabelled"
    if not labelled:
        table = table.model_copy(update={"label": None})
    read = corpus.read_corpus(paths, table, split=split if labelled else "train", labelled=labelled)
    corpus.check_budget(read, spec.max_rejects)
    notes += [note for note in read.notes if note not in notes]
    rows = conform(read.rows).filter((pl.col("lang") == lang) & (pl.col("origin") == "original"))
    if not rows.height:
        raise ConfigError(
            f"there are no {split} rows in '{lang}' in {', '.join(map(str, paths))}.",
            "Take the language out of the study, or name its table.",
        )
    own = f"{lang}:"
    return rows.with_columns(
        pl.lit(split if labelled else "train").alias("split"),
        (own + pl.col("id")).alias("id"),
        (own + pl.col("original_id")).alias("original_id"),
        pl.col("group_id") if spec.parallel else own + pl.col("group_id"),
    ).select(*conform(rows.head(0)).columns[:12])


def read_added(spec: StudySpec, tables: Tables, data: Path) -> dict[str, pl.DataFrame]:
    """The predictions made elsewhere, by the name of their arm.

    Returns:
        Tables as `check_predictions` gives them, with the ids and groups that the study gives its
        test rows, and the columns `run`, `seed`, `source_lang` and `text_by`.

    Raises:
        DataError: A table cannot be read, or one of its rows is no test row of the study.
    """
    from babelift.corpus.slices import read_raw

    tests = pl.concat(tables.test.values()).select("lang", "id", "group_id", known="label")
    return {
        name: _read_added(name, read_raw(str(data / file)).frame, tests, tables.labels, data / file)
        for name, file in spec.added.items()
    }


def _read_added(
    name: str, table: pl.DataFrame, tests: pl.DataFrame, labels: Sequence[str], path: Path
) -> pl.DataFrame:
    if "id" not in table.columns:
        raise DataError(
            f"{path}: column 'id' is missing{did_you_mean('id', table.columns)}",
            "It says which test row of the study a prediction is for.",
        )
    if "seed" not in table.columns:
        table = table.with_columns(seed=pl.lit(0))
    parts = []
    for (seed,), part in table.group_by("seed", maintain_order=True):
        rows = check_predictions(part, labels, str(path)).drop("group_id")
        # A study's ids start with the language, so that tables may number their rows alike.
        own = pl.format("{}:{}", "lang", "id")
        own = pl.when(own.is_in(tests["id"].to_list())).then(own).otherwise("id")
        rows = rows.with_columns(own.alias("id")).join(
            tests, on=("lang", "id"), how="left", maintain_order="left"
        )
        _check_added(rows, path)
        parts.append(rows.drop("known").with_columns(
            run=pl.lit(f"{name}-{seed}"), seed=pl.lit(seed, pl.Int64), text_by=pl.lit(OWN_TEXT),
            source_lang=pl.lit(None, pl.String),
        ))  # fmt: skip
    return pl.concat(parts)


def _check_added(rows: pl.DataFrame, path: Path) -> None:
    strange = rows.filter(pl.col("known").is_null() | (pl.col("known") != pl.col("label")))
    if strange.is_empty():
        return
    row = strange.row(0, named=True)
    what = (
        f"row '{row['id']}' is no test row of the study in '{row['lang']}'"
        if row["known"] is None
        else f"row '{row['id']}' is labelled '{row['label']}', in the study's own test rows "
        f"'{row['known']}'"
    )
    raise DataError(
        f"{path}: {what} ({counted(strange.height, 'such row')}).",
        "Give each prediction the id and language of the test row that it is for.",
    )


def _in_order(table: pl.DataFrame) -> list[str]:
    """Ids so that the first n are a sample with labels in balance, for every n.

    The order depends on the items alone, so that parallel tables are cut alike.
    """
    drawn = [
        hashlib.sha256(f"{_SEED_OF_SUBSETS} {group}".encode()).hexdigest()
        for group in table["group_id"]
    ]
    share = pl.int_range(1, pl.len() + 1).over("label") / pl.len().over("label")
    ordered = (
        table.select("id", "label")
        .with_columns(pl.Series("drawn", drawn))
        .sort("drawn", "id")
        .with_columns(share.alias("share"))
        .sort("share", "drawn", "id")
    )
    return ordered["id"].to_list()


def reference_rows(originals: pl.DataFrame, counterparts: pl.DataFrame) -> pl.DataFrame:
    """The trusted translations of originals: the rows of the same groups in another language.

    Args:
        originals: Rows of one language.
        counterparts: Rows of another, in a parallel data set.

    Raises:
        DataError: An item has another label there, or none is in both.
    """
    own = originals.select("group_id", original_id="id", own="label", source_lang="lang")
    references = counterparts.drop("original_id", "source_lang").join(
        own.unique("group_id", keep="first", maintain_order=True),
        on="group_id",
        maintain_order="right",
    )
    if not references.height:
        raise DataError(
            f"no item is in both '{originals['lang'][0]}' and '{counterparts['lang'][0]}', so that "
            "there are no translations of each other.",
            "Name the column that marks the same item with 'group', or say 'parallel: false'.",
        )
    other = references.filter(pl.col("label") != pl.col("own"))
    if other.height:
        row = other.row(0, named=True)
        raise DataError(
            f"item '{row['group_id']}' is labelled '{row['own']}' in one language and "
            f"'{row['label']}' in '{row['lang']}' ({other.height} such items).",
            "These are not translations of each other; say 'parallel: false'.",
        )
    targets = zip(references["original_id"], references["lang"], strict=True)
    return conform(
        references.with_columns(
            pl.lit("reference").alias("origin"),
            pl.lit(REFERENCE).alias("translator"),
            pl.Series("id", [translation_id(name, lang) for name, lang in targets]),
        ).select(originals.columns)
    )
