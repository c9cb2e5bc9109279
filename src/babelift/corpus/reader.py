"""Tables into rows: the one way in, slice by slice; all in memory, or larger than that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from babelift.config import Table
from babelift.corpus.checks import check_rows, text_values
from babelift.corpus.columns import Columns, choose_columns
from babelift.corpus.datasets import file_split
from babelift.corpus.identity import PLACE, Counting, Source
from babelift.corpus.lookalikes import label_notes, respelling
from babelift.corpus.parts import Parts, Slices, Spool
from babelift.corpus.rows import SPLITS
from babelift.corpus.slices import PARQUET, Unsliced, raw_slices, read_raw, with_rows
from babelift.corpus.table import Raw, TooLargeError, ending
from babelift.errors import ConfigError, DataError, LanguageError, UnreadableError

MOST: Final = 20_000
"""Rows of one part, also of a table that had to be read whole."""


@dataclass(frozen=True)
class Corpus:
    """Rows that were read, and those that could not be.

    Attributes:
        rows: The rows (`corpus.rows.SCHEMA`, then the user's own columns).
        rejects: The others (`corpus.rejects.REJECTS`).
        notes: Sentences about what was guessed or decided, to be shown to the user.
        files: Rows taken from each file, by its name as the user gave it.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    notes: tuple[str, ...] = ()
    files: dict[str, int] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Number of rows taken."""
        return self.rows.height


def read_corpus(
    paths: Sequence[str | Path],
    table: Table,
    *,
    split: str | None = None,
    labelled: bool = True,
    lang_required: bool = True,
) -> Corpus:
    """Read tables into one set of rows.

    Rows with a fault are not taken but listed in `rejects`, each with its file, row, field and
    reason; `check_budget` says whether they are too many.

    Args:
        paths: Files (csv, tsv, jsonl, each also with `.gz`; parquet), or `hub:NAME#config:split`.
        table: Which column is what.
        split: The split of all rows; None to take it from a column `split`, if there is one.
        labelled: Rows need a label.
        lang_required: Rows need a language; without, one that cannot be found is null.

    Raises:
        DataError: A file cannot be read, or a column cannot be found.
        LanguageError: The table's language is neither a column nor a known tag.
        MissingDependencyError: `hub:` without the library `datasets`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "reviews.csv"
    ...     _ = path.write_text("stars,review_body,language\\n5,Very good,en\\n,Bad,en\\n")
    ...     corpus = read_corpus([path], Table())
    >>> corpus.rows.select("text", "label", "lang").rows()
    [('Very good', '5', 'en')]
    >>> corpus.rejects.select("row", "field", "reason").rows()
    [(3, 'stars', 'missing label')]
    """
    if split is not None and split not in SPLITS:
        raise ConfigError(f"split '{split}' is not one of {', '.join(SPLITS)}.")
    slices = Slices([])
    _Reader(slices, table, split, labelled, lang_required).read_all(paths)
    parts = Parts(slices, [])
    rows = pl.concat([parts.form, *parts])
    return Corpus(rows, parts.rejects, (*parts.notes, *label_notes([rows])), parts.files)


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
    slices = Slices(Spool(folder / "slices"))
    _Reader(slices, table, None, labelled, lang_required).read_all(paths)
    parts = Parts(slices, Spool(folder / "rows"))
    if lang_required:  # else rows are to be labelled, whatever label they have
        parts.notes = (*parts.notes, *label_notes(parts))
    return parts


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


@dataclass(frozen=True)
class _Reader:
    """Reads files one after the other into slices; the rest is as in `read_corpus`."""

    slices: Slices
    table: Table
    split: str | None
    labelled: bool
    lang_required: bool

    def read_all(self, paths: Sequence[str | Path]) -> None:
        """Read files, each of them once."""
        if not paths:
            raise DataError("no table was given.", "Name at least one file.")
        for file in dict.fromkeys(map(str, paths)):
            self._read(file)

    def _read(self, file: str) -> None:
        """Read one more file, in slices where that can be done."""
        slices = self.slices
        frames, rejects = len(slices.frames), len(slices.rejects)
        langs, written = dict(slices.langs), dict(slices.written)
        try:
            notes = self._add(file, raw_slices(file))
        except UnreadableError:
            raise
        except (Unsliced, DataError, LanguageError) as fault:
            known = not isinstance(fault, Unsliced)
            if known and ending(Path(file)) in PARQUET:
                raise  # its columns are the same in every slice
            del slices.frames[frames:]
            del slices.rejects[rejects:]
            slices.langs, slices.written = langs, written
            try:
                notes = self._add(file, [with_rows(read_raw(file))])
            except TooLargeError:
                if known:  # that fault, not the size, is what to mend
                    raise fault from None
                raise
        for note in notes:
            slices.notes.setdefault(note, []).append(file)

    def _add(self, file: str, raws: Iterable[Raw]) -> dict[str, None]:
        slices = self.slices
        columns: Columns | None = None
        raw_form, form, counting = _Form(), _Form(), Counting()
        notes: dict[str, None] = {}
        doubtful: list[int] = []
        respelt: dict[str, str] = {}
        needs = {"labelled": self.labelled, "lang_required": self.lang_required}
        for raw in raws:
            raw_form.add(raw.frame)
            chosen = choose_columns(raw, self.table, **needs)
            if columns not in (None, chosen):
                raise Unsliced
            columns = chosen
            checked = check_rows(raw, columns, split=self.split, **needs)
            form.add(checked.rows)
            langs = checked.rows["lang"].drop_nulls().unique(maintain_order=True)
            slices.langs |= dict.fromkeys(langs)
            slices.written |= dict.fromkeys(checked.written)
            if columns.id is not None:
                counting.add(text_values(raw, columns.id))
            notes |= dict.fromkeys([*raw.notes, *checked.notes])
            doubtful += raw.doubtful
            respelt |= checked.respelt
            slices.rejects += [checked.rejects] if checked.rejects.height else []
            place = pl.lit(len(slices.sources), pl.Int32).alias(PLACE)
            for part in checked.rows.iter_slices(MOST):
                slices.frames.append(part.with_columns(place))
        if columns is None:
            raise Unsliced
        if respelt:
            notes[respelling(respelt)] = None
        if doubtful:
            notes[
                f"a field in line {doubtful[0]} holds lines that look like whole rows"
                f"{f', and so do {len(doubtful) - 1:,} more' if doubtful[1:] else ''}; see whether "
                "a quotation mark is missing there or too much"
            ] = None
        slices.sources.append(_source_of(file, columns, self.split, counted=counting.holds))
        slices.forms.append(pl.DataFrame(schema={**form.types, PLACE: pl.Int32()}))
        return notes


def _source_of(file: str, columns: Columns, split: str | None, *, counted: bool) -> Source:
    """What is known about the ids of a file, whose ids may only count its rows."""
    if columns.own_form:
        return Source(file, columns.id, own_form=True)
    if columns.known is None:
        return Source(file, columns.id, counted, split=split)
    numbered = columns.known.numbered
    split = split or (file_split(file) if numbered else None)
    return Source(file, columns.id, numbered, numbered, split=split)
