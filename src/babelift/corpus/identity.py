"""Ids that are unique and groups that mean the same item, whatever the files brought."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from babelift.corpus.raw import ROW
from babelift.corpus.rejects import REJECTS, reject_frame, shorten

PLACE: Final = "__babelift_file"
"""Column with the number of the file that a row comes from."""


@dataclass(frozen=True)
class Source:
    """What is known about the ids of one file.

    Attributes:
        file: How the user named it.
        id: The column that ids come from, None where they are made.
        counted: Ids only count the rows of one split and say nothing about other splits.
        groups_counted: The same of groups.
        own_form: Ids were made by Babelift and are unique already.
        split: The split that the file holds, None where not known.
    """

    file: str
    id: str | None
    counted: bool = False
    groups_counted: bool = False
    own_form: bool = False
    split: str | None = None


def is_counted(ids: pl.Series) -> bool:
    """Whether ids only count the rows: whole numbers in order from 0 or 1, hardly any left out.

    >>> is_counted(pl.Series(["1", "2", "3"])), is_counted(pl.Series(["17", "4", "99"]))
    (True, False)
    """
    numbers = ids.cast(pl.Int64, strict=False)
    if not len(numbers) or numbers.null_count() or numbers[0] not in (0, 1):
        return False
    in_order = bool((numbers.diff().drop_nulls() > 0).all())
    return in_order and int(numbers[-1]) <= 1.05 * len(numbers) + 1


def settle_ids(
    rows: pl.DataFrame, sources: Sequence[Source]
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Give every row an id of its own and the group of its item.

    Ids that only count rows get the split's name in front, so that row 7 of train is not taken for
    row 7 of test. The same id in several languages is one item: a group, its rows told apart by
    the language behind the id. The same id twice in one language is a duplicate, of which the
    first stays; only where files disagree about what most such ids stand for are these not the
    same rows, and the files' names are put in front.

    Args:
        rows: Raw `id` and `group`, `text`, `lang`, `ROW` and `PLACE` (the index into `sources`).
        sources: What is known about each file.

    Returns:
        Rows with `id`, `group_id`, `original_id`, and with `input_id` where ids had to be changed;
        the duplicates as rejects; notes.
    """
    notes = []
    stems = _of_file(_stems(sources))
    rows = _prefixed(rows.with_columns(stem=stems), sources)
    if any(source.counted and source.split for source in sources):
        notes.append(
            "ids only count the rows, so the same id in another split is another item "
            "(--group names a column that says otherwise)"
        )
    if _files_disagree(rows):
        notes.append("ids of several files clash, so each file's name is put in front of its ids")
        behind = pl.col("stem") + "-"
        implied = pl.col("group").is_null()
        rows = _renamed(
            rows, behind + pl.col("id"), pl.when(implied).then(behind + pl.col("group_id"))
        )
    if _languages_share_ids(rows):
        notes.append("ids occur in several languages as one item, so the language is put behind")
        rows = _renamed(rows, pl.concat_str("id", "lang", separator="-", ignore_nulls=True))
    rows, rejects = _drop_duplicates(rows, sources)
    original = pl.col("original_id") if "original_id" in rows.columns else pl.lit(None, pl.String)
    rows = rows.with_columns(
        original_id=pl.when("own").then(pl.coalesce(original, "id")).otherwise("id")
    )
    changed = (rows["input_id"] != rows["id"]).any()
    unwanted = ["own", "stem", "group", *([] if changed else ["input_id"])]
    return rows.drop(unwanted), rejects, notes


def _prefixed(rows: pl.DataFrame, sources: Sequence[Source]) -> pl.DataFrame:
    """Rows with `id` and `group_id` that mean the same in every split, and what they were."""
    made = pl.concat_str("stem", pl.col(ROW).cast(pl.String), separator="-")
    splits = [f"{source.split}-" if source.split else "" for source in sources]
    of_id = _of_file(
        [
            split if source.counted or source.id is None else ""
            for split, source in zip(splits, sources, strict=True)
        ]
    )
    of_group = _of_file(
        [
            split if source.groups_counted else ""
            for split, source in zip(splits, sources, strict=True)
        ]
    )
    own = _of_file(["own" if source.own_form else "" for source in sources]) == "own"
    return rows.with_columns(
        input_id=pl.col("id"), id=of_id + pl.coalesce("id", made), own=own
    ).with_columns(group_id=pl.coalesce(of_group + pl.col("group"), "id"))


def _renamed(rows: pl.DataFrame, ids: pl.Expr, groups: pl.Expr | None = None) -> pl.DataFrame:
    """Rows with other ids and groups, but for those that Babelift made; null leaves one as is."""
    foreign = ~pl.col("own")
    changed = [pl.when(foreign).then(ids).otherwise("id").alias("id")]
    if groups is not None:
        changed.append(pl.coalesce(pl.when(foreign).then(groups), "group_id").alias("group_id"))
    return rows.with_columns(changed)


def _stems(sources: Sequence[Source]) -> list[str]:
    """A short name for each file; with its folders where two have the same.

    >>> _stems([Source("de/train.tsv", None), Source("fr/train.tsv", None), Source("b.csv", None)])
    ['de-train', 'fr-train', 'b']
    """
    paths = [Path(source.file.replace("#", "/").replace(":", "/")) for source in sources]
    stems = [path.name.removesuffix("".join(path.suffixes)) for path in paths]
    for depth in range(3):
        stems = [
            f"{path.parents[depth].name}-{stem}"
            if stems.count(stem) > 1 and len(path.parents) > depth
            else stem
            for path, stem in zip(paths, stems, strict=True)
        ]
    clash = len(set(stems)) < len(stems)
    return [f"{stem}-{place}" if clash else stem for place, stem in enumerate(stems, start=1)]


def _files_disagree(rows: pl.DataFrame) -> bool:
    """Whether most ids that files share in one language stand for different texts."""
    if rows[PLACE].n_unique() < 2:
        return False
    shared = (
        rows.filter(~pl.col("own"))
        .group_by("id", "lang")
        .agg(files=pl.col(PLACE).n_unique(), texts=pl.col("text").n_unique())
        .filter(pl.col("files") > 1)
    )
    return shared.filter(pl.col("texts") > 1).height > shared.height / 2


def _languages_share_ids(rows: pl.DataFrame) -> bool:
    if rows["lang"].n_unique() < 2:
        return False
    langs = rows.filter(~pl.col("own")).group_by("id").agg(pl.col("lang").n_unique())
    return bool((langs["lang"] > 1).any())


def _drop_duplicates(
    rows: pl.DataFrame, sources: Sequence[Source]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    first = rows["id"].is_first_distinct()
    if first.all():
        return rows, reject_frame([])
    rejects = rows.filter(~first).select(
        file=_of_file([source.file for source in sources]),
        row=pl.col(ROW),
        field=_of_file([source.id or "" for source in sources]),
        reason=pl.lit("duplicate id"),
        value=pl.coalesce("input_id", "id"),
        text=pl.col("text"),
    )
    return rows.filter(first), shorten(rejects.cast(pl.Schema(REJECTS)))


def _of_file(values: Sequence[str]) -> pl.Expr:
    """The value of each row's file."""
    return pl.col(PLACE).replace_strict(dict(enumerate(values)), return_dtype=pl.String)
