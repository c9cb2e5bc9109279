"""Ids that are unique and groups that mean the same item, whatever the files brought."""

from collections.abc import Mapping, Sequence
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
        counted: Ids are the rows' numbers within one split and say nothing about other splits.
        own_form: Ids were made by Babelift and are unique already.
        split: The split that the file holds, None where not known.
    """

    file: str
    id: str | None
    counted: bool
    own_form: bool
    split: str | None


def is_counted(ids: pl.Series) -> bool:
    """Whether ids only count the rows: whole numbers in order from 0 or 1, hardly any left out.

    >>> is_counted(pl.Series(["1", "2", "3"])), is_counted(pl.Series(["17", "4", "99"]))
    (True, False)
    """
    numbers = ids.cast(pl.Int64, strict=False)
    if not len(numbers) or numbers.null_count():
        return False
    steps = numbers.diff().drop_nulls()
    first, last = int(numbers[0]), int(numbers[-1])
    return first in (0, 1) and bool((steps > 0).all()) and last - first < 1.05 * len(numbers) + 1


def settle_ids(
    rows: pl.DataFrame, sources: Sequence[Source]
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Give every row an id of its own and the group of its item.

    Ids that count rows get the split's name in front, so that row 7 of train is not taken for row
    7 of test. The same id in several languages is one item: a group, its rows told apart by the
    language. The same id twice in one language is a duplicate, of which the first stays; only
    where files disagree about what an id stands for are the file's names put in front.

    Args:
        rows: Raw `id` and `group`, `text`, `lang`, `ROW` and `PLACE` (the index into `sources`).
        sources: What is known about each file.

    Returns:
        Rows with `id`, `group_id`, `original_id`, and `input_id` where ids had to be changed;
        the duplicates as rejects; notes.
    """
    notes: list[str] = []
    place = pl.col(PLACE)
    stems = _mapped(place, dict(enumerate(_stems(sources))))
    made = pl.concat_str([stems, pl.col(ROW).cast(pl.String)], separator="-")
    prefix = _mapped(
        place,
        {i: f"{s.split}-" for i, s in enumerate(sources) if s.split and (s.counted or not s.id)},
    ).fill_null("")
    own = _mapped(place, {i: str(s.own_form) for i, s in enumerate(sources)}) == "True"
    rows = rows.with_columns(
        input_id=pl.col("id"),
        id=prefix + pl.col("id").fill_null(made),
        own=own,
    )
    # A group that only counts must be told apart between splits just as an id.
    group_prefix = _mapped(
        place, {i: f"{s.split}-" for i, s in enumerate(sources) if s.split and s.counted}
    ).fill_null("")
    rows = rows.with_columns(
        group_id=pl.coalesce(
            pl.when("own").then(pl.col("group")), group_prefix + pl.col("group"), pl.col("id")
        )
    )
    implied = pl.col("group").is_null() & ~pl.col("own")
    if _files_disagree(rows):
        notes.append("ids of several files clash; each file's name is put in front of its ids")
        rows = rows.with_columns(
            id=pl.when(~pl.col("own")).then(stems + "-" + pl.col("id")).otherwise("id"),
            group_id=pl.when(implied).then(stems + "-" + pl.col("group_id")).otherwise("group_id"),
        )
    if _languages_share_ids(rows):
        notes.append("ids occur in several languages, as one item; the language is put behind them")
        rows = rows.with_columns(
            id=pl.when(~pl.col("own")).then(pl.col("id") + "-" + pl.col("lang")).otherwise("id")
        )
    rows, rejects = _drop_duplicates(rows, sources)
    original = pl.col("original_id") if "original_id" in rows.columns else pl.lit(None, pl.String)
    rows = rows.with_columns(
        original_id=pl.when("own").then(pl.coalesce(original, "id")).otherwise("id")
    )
    changed = (rows["input_id"].is_not_null() & (rows["input_id"] != rows["id"])).any()
    return rows.drop("own", "group", *([] if changed else ["input_id"])), rejects, notes


def _stems(sources: Sequence[Source]) -> list[str]:
    """A short name for each file; with its folder where two have the same."""
    paths = [Path(source.file.replace("#", "/").replace(":", "/")) for source in sources]
    stems = [path.name.split(".")[0] or path.name for path in paths]
    for depth in range(1, 4):
        if len(set(stems)) == len(stems):
            return stems
        stems = [
            f"{path.parents[depth - 1].name}-{stem}"
            if stems.count(stem) > 1 and len(path.parents) >= depth
            else stem
            for path, stem in zip(paths, stems, strict=True)
        ]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{stem}-{number}" for number, stem in enumerate(stems, start=1)]


def _files_disagree(rows: pl.DataFrame) -> bool:
    """Whether most ids that two files share in one language stand for different texts."""
    if rows[PLACE].n_unique() < 2:
        return False
    shared = (
        rows.filter(~pl.col("own"))
        .group_by("id", "lang")
        .agg(pl.col(PLACE).n_unique().alias("files"), pl.col("text").n_unique().alias("texts"))
        .filter(pl.col("files") > 1)
    )
    return bool(shared.height and (shared["texts"] > 1).mean() > 0.5)  # type: ignore[operator]


def _languages_share_ids(rows: pl.DataFrame) -> bool:
    langs = rows.filter(~pl.col("own")).group_by("id").agg(pl.col("lang").n_unique().alias("langs"))
    return bool((langs["langs"] > 1).any())


def _drop_duplicates(
    rows: pl.DataFrame, sources: Sequence[Source]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    first = rows["id"].is_first_distinct()
    if first.all():
        return rows, reject_frame([])
    rejects = rows.filter(~first).select(
        file=_mapped(pl.col(PLACE), {i: s.file for i, s in enumerate(sources)}),
        row=pl.col(ROW),
        field=_mapped(pl.col(PLACE), {i: s.id or "" for i, s in enumerate(sources)}),
        reason=pl.lit("duplicate id"),
        value=pl.coalesce("input_id", "id"),
        text=pl.col("text"),
    )
    return rows.filter(first), shorten(rejects.cast(pl.Schema(REJECTS)))


def _mapped(place: pl.Expr, values: Mapping[int, str]) -> pl.Expr:
    if not values:
        return pl.lit(None, pl.String)
    return place.replace_strict(dict(values), default=None, return_dtype=pl.String)
