"""Ids that are unique and groups that mean the same item, whatever the files brought."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import polars as pl

from babelift.corpus.rejects import REJECTS, readable, reject_frame, shorten
from babelift.corpus.table import ROW

PLACE: Final = "__babelift_file"
"""Column with the number of the file that a row comes from."""

GROUP: Final = "__babelift_group"
"""Column with the group that stands in a table, null where it has none."""

OWN: Final = "__babelift_own"
"""Column that says whether Babelift made a row."""

_ID: Final = "__babelift_id"  # as it stands in the table

TAG: Final = "__babelift_tag"
"""Column with the canonical language tag, of which `lang` is what translators know."""


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


class Counting:
    """Whether ids only count the rows: whole numbers in order from 0 or 1, hardly any left out.

    >>> counting = Counting()
    >>> counting.add(pl.Series(["1", "2"]))
    >>> counting.add(pl.Series(["3"]))
    >>> counting.holds
    True
    """

    def __init__(self) -> None:
        self._number = 0
        self._last: int | None = None
        self._in_order = True

    def add(self, ids: pl.Series) -> None:
        """See the ids of some more rows."""
        numbers = ids.cast(pl.Int64, strict=False)
        if not len(numbers) or not self._in_order:
            return
        first = numbers[0]
        if numbers.null_count() or (self._last is None and first not in (0, 1)):
            self._in_order = False
            return
        follows = self._last is None or first > self._last
        self._in_order = follows and bool((numbers.diff().drop_nulls() > 0).all())
        self._last = int(numbers[-1])
        self._number += len(numbers)

    @property
    def holds(self) -> bool:
        """Whether all that was seen only counts."""
        return self._in_order and self._last is not None and self._last <= 1.05 * self._number + 1


@dataclass(frozen=True)
class Naming:
    """How the ids of several files are told apart; decided over all rows.

    Attributes:
        stems: A short name for each file.
        files_clash: The same id means other rows in other files: the file's name goes in front.
        languages_share: The same id stands in several languages: the language goes behind.
        regional: Languages in which an id stands in several regions or scripts, which go behind.
        notes: The same in words.
    """

    stems: tuple[str, ...]
    files_clash: bool
    languages_share: bool
    regional: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def decide(cls, rows: pl.DataFrame, sources: Sequence[Source]) -> Self:
        """Decide from all rows what their ids mean.

        Args:
            rows: From `prefixed`; of its columns `id`, `lang`, `TAG`, `text`, `OWN` and `PLACE`.
            sources: What is known about each file.
        """
        notes = []
        if any(source.counted and source.split for source in sources):
            notes.append(
                "ids only count the rows, so the same id in another split is another item "
                "(--group names a column that says otherwise)"
            )
        stems = stems_of(sources)
        clash = _files_disagree(rows)
        if clash:
            notes.append(
                "ids of several files clash, so each file's name is put in front of its ids"
            )
            rows = _renamed(rows, _of_file(stems) + "-" + pl.col("id"))
        share = _shared_ids(rows, ["id"])
        if share.height:
            notes.append(
                "ids occur in several languages as one item, so the language is put behind"
            )
        regional = _shared_ids(rows, ["id", "lang"])["lang"].drop_nulls().unique().sort()
        return cls(tuple(stems), clash, bool(share.height), tuple(regional), tuple(notes))


def prefixed(rows: pl.DataFrame, sources: Sequence[Source], stems: Sequence[str]) -> pl.DataFrame:
    """Rows with `id` and `group_id` that mean the same in every split, and what they were."""
    numbered = pl.concat_str(_of_file(stems), pl.col(ROW).cast(pl.String), separator="-")

    def split_where(counted: Iterable[bool]) -> pl.Expr:
        """What goes in front of what only counts the rows of a split."""
        return _of_file(
            [
                f"{source.split}-" if source.split and counts else ""
                for source, counts in zip(sources, counted, strict=True)
            ]
        )

    of_id = split_where(source.counted or source.id is None for source in sources)
    of_group = split_where(source.groups_counted for source in sources)
    own = _of_file(["own" if source.own_form else "" for source in sources]) == "own"
    return rows.with_columns(
        pl.col("id").alias(_ID), own.alias(OWN), id=of_id + pl.coalesce("id", numbered)
    ).with_columns(group_id=pl.coalesce(of_group + pl.col(GROUP), "id"))


def named(rows: pl.DataFrame, naming: Naming) -> pl.DataFrame:
    """Rows of `prefixed` with the ids and groups that were decided on."""
    if naming.files_clash:
        behind = _of_file(naming.stems) + "-"
        implied = pl.col(GROUP).is_null()
        rows = _renamed(
            rows, behind + pl.col("id"), pl.when(implied).then(behind + pl.col("group_id"))
        )
    if naming.languages_share:
        regional = pl.col("lang").is_in(list(naming.regional))
        lang = pl.when(regional).then(TAG).otherwise("lang")
        rows = _renamed(rows, pl.concat_str("id", lang, separator="-", ignore_nulls=True))
    return rows


def was_changed(rows: pl.DataFrame) -> bool:
    """Whether some id differs from the one in its file."""
    return bool((rows[_ID] != rows["id"]).any())


def free_name(name: str, columns: Sequence[str]) -> str:
    """A name for a column of ours beside the user's own columns.

    >>> free_name("input_lang", ["text"]), free_name("input_lang", ["text", "input_lang"])
    ('input_lang', 'input_input_lang')
    """
    while name in columns:
        name = f"input_{name}"
    return name


def was_reduced(rows: pl.DataFrame) -> bool:
    """Whether some language is not the whole of its tag."""
    return bool((rows["lang"] != rows[TAG]).any())


def settled(rows: pl.DataFrame, *, changed: bool, reduced: bool) -> pl.DataFrame:
    """Rows of `named` with `original_id`, and what ids and languages were where they were changed.

    Args:
        rows: The rows.
        changed: Some id of the table was changed: `input_id` keeps what it was.
        reduced: Some language was reduced: `input_lang` keeps its canonical tag.
    """
    original = pl.col("original_id") if "original_id" in rows.columns else pl.lit(None, pl.String)
    rows = rows.with_columns(
        original_id=pl.when(OWN).then(pl.coalesce(original, "id")).otherwise("id")
    )
    for name, kept, ours in (("input_lang", reduced, TAG), ("input_id", changed, _ID)):
        rows = rows.rename({ours: free_name(name, rows.columns)}) if kept else rows.drop(ours)
    return rows.drop(OWN, GROUP)


def repeats(rows: pl.DataFrame, sources: Sequence[Source]) -> pl.DataFrame:
    """Rows whose id occurred before, as rejects."""
    if not rows.height:
        return reject_frame([])
    rejects = rows.select(
        file=_of_file([readable(source.file) for source in sources]),
        row=pl.col(ROW),
        field=_of_file([source.id or "" for source in sources]),
        reason=pl.lit("duplicate id"),
        value=pl.coalesce(_ID, "id"),
        text=pl.col("text"),
    )
    return shorten(rejects.cast(pl.Schema(REJECTS)))


def _renamed(rows: pl.DataFrame, ids: pl.Expr, groups: pl.Expr | None = None) -> pl.DataFrame:
    """Rows with other ids and groups, but for those that Babelift made; null leaves one as is."""
    foreign = ~pl.col(OWN)
    changed = [pl.when(foreign).then(ids).otherwise("id").alias("id")]
    if groups is not None:
        changed.append(pl.coalesce(pl.when(foreign).then(groups), "group_id").alias("group_id"))
    return rows.with_columns(changed)


def stems_of(sources: Sequence[Source]) -> list[str]:
    """A short name for each file; with its folders where two have the same.

    >>> stems_of([Source(file, None) for file in ("de/train.tsv", "fr/train.tsv", "b.csv")])
    ['de-train', 'fr-train', 'b']
    """
    names = (readable(source.file) for source in sources)  # polars holds UTF-8 only
    paths = [Path(name.replace("#", "/").replace(":", "/")) for name in names]
    stems = [path.name.removesuffix("".join(path.suffixes)) for path in paths]
    for depth in range(3):
        counts = Counter(stems)
        stems = [
            f"{path.parents[depth].name}-{stem}"
            if counts[stem] > 1 and len(path.parents) > depth
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
        rows.filter(~pl.col(OWN))
        .group_by("id", TAG)
        .agg(files=pl.col(PLACE).n_unique(), texts=pl.col("text").n_unique())
        .filter(pl.col("files") > 1)
    )
    return shared.filter(pl.col("texts") > 1).height > shared.height / 2


def _shared_ids(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The keys of rows, of those that Babelift did not make, that stand in several languages."""
    if rows[TAG].n_unique() < 2:
        return rows.head(0)
    shared = rows.filter(~pl.col(OWN)).group_by(key).agg(pl.col(TAG).n_unique())
    return shared.filter(pl.col(TAG) > 1)


def _of_file(values: Sequence[str]) -> pl.Expr:
    """The value of each row's file."""
    return pl.col(PLACE).replace_strict(dict(enumerate(values)), return_dtype=pl.String)
