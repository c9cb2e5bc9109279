"""Tables larger than memory: read once into checked slices on disk, and from there as rows."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from babelift.config import Table
from babelift.corpus.checks import check_rows
from babelift.corpus.columns import Columns, choose_columns
from babelift.corpus.identity import (
    PLACE,
    Counting,
    Naming,
    Source,
    named,
    prefixed,
    repeats,
    settled,
    was_changed,
)
from babelift.corpus.reader import (
    Unsliced,
    conformed,
    ids_of,
    of_files,
    raw_slices,
    read_raw,
    source_of,
    stack,
    with_rows,
)
from babelift.corpus.rejects import reject_frame
from babelift.corpus.table import Raw
from babelift.errors import DataError, LanguageError
from babelift.store import explained, read_table

MOST: Final = 20_000
"""Rows of one part, also of a table that had to be read whole."""

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

    def cut(self, length: int) -> None:
        """Forget all frames after the first `length`."""
        for file in self._files[length:]:
            file.unlink()
        del self._files[length:]


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


class Parts:
    """The rows of some tables, in slices; can be gone through again and again.

    The same rows as `reader.read_corpus` gives, under one another.

    Attributes:
        height: Number of rows.
        langs: Tags of their languages, in the order in which they first occur.
        filled: Those of `text`, `label` and `lang` that some row has.
        rejects: Rows that cannot be used (`corpus.rejects.REJECTS`).
        notes: Sentences about what was guessed or decided, to be shown to the user.
    """

    def __init__(self, folder: Path, slices: Spool, read: "_Reader") -> None:
        self._slices, self._sources, self._forms = slices, read.sources, read.forms
        self.langs = list(read.langs)
        self._naming = self._decided()
        hashes = [pl.Series("id", [], pl.UInt64)]
        filled: set[str] = set()
        changed = False
        for rows in self._named():
            hashes.append(rows["id"].hash())
            filled |= {name for name in _FILLABLE if rows[name].null_count() < rows.height}
            changed |= was_changed(rows)
        all_first = self._first_of(pl.concat(hashes))
        self.height = int(all_first.sum())
        self.filled = [name for name in _FILLABLE if name in filled]
        self.notes = (*of_files(read.notes, read.files), *self._naming.notes)
        # Gone through once for every pair of languages: what can be done now is not done there.
        self._rows = Spool(folder)
        rejects = [reject_frame([]), *read.rejects]
        start = 0
        for rows in self._named():
            first = all_first[start : start + rows.height]
            start += rows.height
            rejects.append(repeats(rows.filter(~first), self._sources))
            if first.any():
                self._rows.append(conformed(settled(rows.filter(first), changed=changed)))
        self.rejects = pl.concat(rejects)
        slices.cut(0)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return iter(self._rows)

    def _decided(self) -> Naming:
        slices: Iterable[pl.DataFrame] = self._slices
        if len(self._sources) == len(self.langs) == 1:
            slices = ()  # nothing to decide between
        narrow = [
            self._prefixed(rows).select(
                "id",
                pl.col("lang").cast(pl.Categorical),
                pl.col("text").hash(),  # only compared
                "own",
                PLACE,
            )
            for rows in (stack(self._forms), *slices)
        ]
        return Naming.decide(pl.concat(narrow), self._sources)

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
        return prefixed(_alike(rows, self._forms), self._sources)

    def _named(self) -> Iterator[pl.DataFrame]:
        return (named(self._prefixed(rows), self._naming) for rows in self._slices)


def read_parts(
    paths: Sequence[str | Path],
    table: Table,
    folder: Path,
    *,
    labelled: bool = True,
    lang_required: bool = True,
) -> Parts:
    """Read tables into slices on disk; memory does not grow with the number of rows.

    csv, tsv, JSON lines and Parquet are read slice by slice as long as every slice looks like the
    first. A table in which that is not so, or with a fault that cannot be judged in a slice, is
    read whole, with the same result.

    Args:
        paths: As in `reader.read_corpus`.
        table: Which column is what.
        folder: A folder of its own for the slices; to be removed when they are no longer needed.
        labelled: Rows need a label.
        lang_required: Rows need a language.

    Raises:
        DataError, LanguageError, MissingDependencyError: As `reader.read_corpus`.
    """
    files = list(dict.fromkeys(str(path) for path in paths))
    if not files:
        raise DataError("no table was given.", "Name at least one file.")
    slices = Spool(folder / "slices")
    reader = _Reader(table, slices, labelled=labelled, lang_required=lang_required)
    for file in files:
        reader.read(file)
    return Parts(folder / "rows", slices, reader)


class _Form:
    """The columns that the slices of a file have in common.

    Attributes:
        types: Names, and the type of the first slice in which the column is not empty.
    """

    def __init__(self) -> None:
        self.types: dict[str, pl.DataType] = {}
        self._empty: set[str] = set()

    def add(self, frame: pl.DataFrame) -> None:
        """See one more slice.

        Raises:
            Unsliced: A column has another type than before.
        """
        for column in frame:
            name, filled = column.name, column.null_count() < len(column)
            known = self.types.get(name)
            if known is None or (filled and name in self._empty):
                self.types[name] = column.dtype
            elif filled and known != column.dtype:
                raise Unsliced
            if filled:
                self._empty.discard(name)
            elif known is None:
                self._empty.add(name)


def _alike(rows: pl.DataFrame, forms: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """A slice with the columns that all rows of all files have together."""
    if not rows.height:
        return rows
    own = forms[rows[PLACE][0]].schema
    empty = [name for name in rows.columns if rows[name].dtype != own[name]]
    return stack([*forms, rows.with_columns(pl.lit(None, own[name]).alias(name) for name in empty)])


class _Reader:
    """Reads files one after the other into slices.

    Attributes:
        files: Names of the files read.
        sources: What is known about the ids of each.
        forms: An empty frame of each, with its columns.
        rejects: Rows that cannot be used.
        notes: Each note with the files it is about.
        langs: Tags of the rows' languages.
    """

    def __init__(self, table: Table, slices: Spool, *, labelled: bool, lang_required: bool) -> None:
        self._table, self._slices = table, slices
        self._labelled, self._lang_required = labelled, lang_required
        self.files: list[str] = []
        self.sources: list[Source] = []
        self.forms: list[pl.DataFrame] = []
        self.rejects: list[pl.DataFrame] = []
        self.notes: dict[str, list[str]] = {}
        self.langs: dict[str, None] = {}

    def read(self, file: str) -> None:
        """Read one more file, in slices where that can be done."""
        slices, rejects, langs = len(self._slices), len(self.rejects), dict(self.langs)
        try:
            notes = self._add(file, raw_slices(file))
        except (Unsliced, DataError, LanguageError):
            self._slices.cut(slices)
            del self.rejects[rejects:]
            self.langs = langs
            notes = self._add(file, [with_rows(read_raw(file))])
        for note in notes:
            self.notes.setdefault(note, []).append(file)

    def _add(self, file: str, raws: Iterable[Raw]) -> dict[str, None]:
        columns: Columns | None = None
        raw_form, form, counting = _Form(), _Form(), Counting()
        notes: dict[str, None] = {}
        needs = {"labelled": self._labelled, "lang_required": self._lang_required}
        for raw in raws:
            raw_form.add(raw.frame)
            chosen = choose_columns(raw, self._table, **needs)
            if columns not in (None, chosen):
                raise Unsliced
            columns = chosen
            checked = check_rows(raw, columns, split=None, **needs)
            form.add(checked.rows)
            self.langs |= dict.fromkeys(checked.rows["lang"].drop_nulls())
            if columns.id is not None:
                counting.add(ids_of(raw, columns))
            notes |= dict.fromkeys([*raw.notes, *checked.notes])
            self.rejects += [checked.rejects] if checked.rejects.height else []
            place = pl.lit(len(self.sources), pl.Int32).alias(PLACE)
            for part in checked.rows.iter_slices(MOST):
                self._slices.append(part.with_columns(place))
        if columns is None:
            raise Unsliced
        self.files.append(file)
        self.sources.append(source_of(file, columns, None, counted=counting.holds))
        self.forms.append(pl.DataFrame(schema={**form.types, PLACE: pl.Int32()}))
        return notes
