"""Rows in parts, in memory or on disk: ids are settled over all of them, none is ever whole."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from babelift.corpus.arrow import PREFIX
from babelift.corpus.identity import (
    OWN,
    PLACE,
    TAG,
    Naming,
    Source,
    free_name,
    named,
    prefixed,
    repeats,
    settled,
    stems_of,
    was_changed,
    was_reduced,
)
from babelift.corpus.rejects import reject_frame
from babelift.corpus.rows import conform
from babelift.corpus.table import ROW
from babelift.languages import find, reductions
from babelift.store import explained, read_table

_FILLABLE: Final = ("text", "lang", "label")


class Spool:
    """Frames of like columns in a folder, which is made, in the order in which they were added."""

    def __init__(self, folder: Path) -> None:
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: list[Path] = []

    def append(self, frame: pl.DataFrame) -> None:
        """Add a frame."""
        file = self._folder / f"{len(self._files):06}.parquet"
        with explained(file), file.open("wb") as opened:
            frame.write_parquet(opened, compression="lz4")
        self._files.append(file)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return (read_table(file) for file in self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __delitem__(self, which: slice) -> None:
        for file in self._files[which]:
            file.unlink()
        del self._files[which]


@contextmanager
def parts_folder(out: Path) -> Iterator[Path]:
    """A hidden folder beside an output for what is made on the way to it; removed in the end.

    One that a kill left is begun anew.
    """
    folder = out.with_name(f".{out.name}.parts")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


Frames = list[pl.DataFrame] | Spool
"""Where frames are kept: in memory, or on disk."""


@dataclass
class Slices:
    """Checked rows of some files, slice by slice, with the ids that stand in the files.

    Attributes:
        frames: The rows; `PLACE` says from which file.
        sources: What is known about the ids of each file.
        forms: An empty frame of each file, with the columns of all its slices.
        rejects: Rows that cannot be used.
        notes: Each note with the files it is about.
        langs: Tags of the rows' languages, in the order in which they first occur.
        written: Languages as the files name them.
    """

    frames: Frames
    sources: list[Source] = field(default_factory=list)
    forms: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    langs: dict[str, None] = field(default_factory=dict)
    written: dict[str, None] = field(default_factory=dict)


class Parts:
    """The rows of some tables, in slices; can be gone through again and again.

    Every row has an id of its own and the group of its item. Ids that only count rows get the
    split's name in front, so that row 7 of train is not taken for row 7 of test. The same id in
    several languages is one item: a group, its rows told apart by the language behind the id. The
    same id twice in one language is a duplicate, of which the first stays; only where files
    disagree about what most such ids stand for are these not the same rows, and the files' names
    are put in front.

    Args:
        slices: The rows as they were checked; taken away bit by bit.
        rows: Where the settled ones are kept.

    Attributes:
        form: An empty frame with the columns of all rows.
        height: Number of rows.
        files: Rows taken from each file, by its name as the user gave it.
        langs: Tags of their languages, in the order in which they first occur.
        filled: Those of `text`, `label` and `lang` that some row has.
        rejects: Rows that cannot be used (`corpus.rejects.REJECTS`).
        notes: Sentences about what was guessed or decided, to be shown to the user.
    """

    def __init__(self, slices: Slices, rows: Frames) -> None:
        self._slices, self._rows = slices, rows
        self.langs = list(slices.langs)
        self._stems = stems_of(slices.sources)
        self._forms = list({tuple(form.schema.items()): form for form in slices.forms}.values())
        self._naming = self._decided()
        hashes = [pl.Series("id", [], pl.UInt64)]
        filled: set[str] = set()
        changed = reduced = False
        for part in self._named():
            hashes.append(part["id"].hash())
            filled |= {name for name in _FILLABLE if part[name].null_count() < part.height}
            changed = changed or was_changed(part)
            reduced = reduced or was_reduced(part)
        all_first = self._first_of(pl.concat(hashes))
        self.height = int(all_first.sum())
        self.filled = [name for name in _FILLABLE if name in filled]
        files = [source.file for source in slices.sources]
        self.files = dict.fromkeys(files, 0)
        form = named(self._prefixed(stack(self._forms)), self._naming)
        kept = (
            f"; column '{free_name('input_lang', form.columns)}' keeps the whole tags"
            if reduced
            else ""
        )
        of_tags = [f"{note}{kept}" for note in reductions(slices.written)]
        self.notes = (*of_files(slices.notes, files), *of_tags, *self._naming.notes)
        rejects = [reject_frame([]), *slices.rejects]
        self.form = self._settled(form, changed, reduced)
        # Gone through once for every pair of languages: what can be done now is not done there.
        start = 0
        for part in self._named():
            first = all_first[start : start + part.height]
            start += part.height
            rejects.append(repeats(part.filter(~first), slices.sources))
            if first.any():
                self.files[files[part[PLACE][0]]] += int(first.sum())
                rows.append(self._settled(part.filter(first), changed, reduced))
        self.rejects = pl.concat(rejects)
        del slices.frames[:]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return iter(self._rows)

    def _decided(self) -> Naming:
        slices: Iterable[pl.DataFrame] = self._slices.frames
        tags = set(map(find, self._slices.written))
        if len(self._slices.sources) == 1 and len(tags) <= 1:
            slices = ()  # nothing to decide between
        narrow = [
            self._prefixed(rows).select(
                "id",
                pl.col("lang", TAG).cast(pl.Categorical),
                pl.col("text").hash(),  # only compared
                OWN,
                PLACE,
            )
            for rows in (stack(self._forms), *slices)
        ]
        return Naming.decide(pl.concat(narrow), self._slices.sources)

    def _first_of(self, hashes: pl.Series) -> pl.Series:
        """Where each id occurs for the first time, `(rows,) bool`, from the ids' hashes."""
        first = hashes.is_first_distinct()
        if first.all():
            return first
        doubted = hashes.is_in(hashes.filter(~first).unique().implode())
        start = 0
        ids: list[pl.Series] = []
        for rows in self._named():
            ids.append(rows["id"].filter(doubted[start : start + rows.height]))
            start += rows.height
        return first.scatter(doubted.arg_true(), pl.concat(ids).is_first_distinct())

    def _prefixed(self, rows: pl.DataFrame) -> pl.DataFrame:
        return prefixed(self._alike(rows), self._slices.sources, self._stems)

    def _alike(self, rows: pl.DataFrame) -> pl.DataFrame:
        """A slice with the columns that all rows of all files have together."""
        if not rows.height:
            return rows
        own = self._slices.forms[rows[PLACE][0]].schema
        empty = [name for name in rows.columns if rows[name].dtype != own[name]]
        filled = rows.with_columns(pl.lit(None, own[name]).alias(name) for name in empty)
        return stack([*self._forms, filled])

    def _named(self) -> Iterator[pl.DataFrame]:
        return (named(self._prefixed(rows), self._naming) for rows in self._slices.frames)

    def _settled(self, rows: pl.DataFrame, changed: bool, reduced: bool) -> pl.DataFrame:
        """Rows with settled ids in the form of `corpus.rows.SCHEMA`."""
        rows = conform(settled(rows, changed=changed, reduced=reduced).drop(ROW, PLACE))
        return rows.with_columns(pl.col("origin").fill_null("original"))


def stack(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All parts under one another; own columns of different types become text."""
    try:
        return pl.concat(parts, how="diagonal_relaxed")
    except pl.exceptions.PolarsError:
        types: dict[str, set[pl.DataType]] = {}
        for part in parts:
            for name, dtype in part.schema.items():
                types.setdefault(name, set()).add(dtype)
        mixed = {name for name, dtypes in types.items() if len(dtypes) > 1}
        return pl.concat([_as_text(part, mixed) for part in parts], how="diagonal")


def _as_text(part: pl.DataFrame, names: set[str]) -> pl.DataFrame:
    from babelift.corpus.jsonl import as_text

    return part.with_columns(
        pl.Series(name, [as_text(value) for value in part[name].to_list()], dtype=pl.String)
        for name in part.columns
        if name in names
    )


def of_files(notes: Mapping[str, Sequence[str]], files: Sequence[str]) -> list[str]:
    """Each note with the files that it is about."""
    return [f"{_some(_short(names, files))}: {note}" for note, names in notes.items()]


def _short(names: Sequence[str], files: Sequence[str]) -> list[str]:
    """Names of files for a note, without their folders where that leaves no doubt.

    >>> _short(["a/en.csv"], ["a/en.csv", "a/de.csv"]), _short(["a/x.csv"], ["a/x.csv", "b/x.csv"])
    (['en.csv'], ['a/x.csv'])
    """
    bare = {file: file if file.startswith(PREFIX) else Path(file).name for file in files}
    taken = list(bare.values())
    return [bare[name] if taken.count(bare[name]) == 1 else name for name in names]


def _some(files: Sequence[str]) -> str:
    """Names of files for a note, at most two of them.

    >>> _some(["a", "b", "c", "d"])
    'a, b and 2 more'
    """
    shown = ", ".join(files[:2])
    return f"{shown} and {len(files) - 2} more" if len(files) > 2 else shown
