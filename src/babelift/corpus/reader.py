"""Tables into rows: the one way in, whole or slice by slice."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

import polars as pl

from babelift.config import Table
from babelift.corpus.arrow import PREFIX
from babelift.corpus.checks import as_string, check_rows
from babelift.corpus.columns import Columns, choose_columns
from babelift.corpus.datasets import file_split
from babelift.corpus.identity import PLACE, Source, is_counted, settle_ids
from babelift.corpus.labels import rows_of
from babelift.corpus.rejects import reject_frame
from babelift.corpus.rows import SPLITS, conform
from babelift.corpus.table import (
    ENDINGS,
    ROW,
    UTF8_BOM,
    Raw,
    check_file,
    check_is_text,
    ending,
    read_bytes,
)
from babelift.errors import ConfigError, DataError, did_you_mean

BLOCK: Final = 1 << 20
"""Bytes of a text table in one slice."""

_PARQUET: Final = (".parquet", ".pq")

ROWS: Final = 5_000
"""Rows of a Parquet table in one slice."""

_LONGEST_RECORD: Final = 16 * BLOCK


class Unsliced(Exception):  # noqa: N818
    """The table cannot be read slice by slice; it must be read whole."""


def raw_slices(file: str) -> Iterator[Raw]:
    """The slices of a table, as `read_raw` would have read them, one after the other.

    Raises:
        Unsliced: The table is in another form, or a slice has a fault that cannot be judged without
            the rest: quotation marks out of order, bytes that are not UTF-8.
    """
    path, kind = Path(file), "" if file.startswith(PREFIX) else ending(Path(file))
    if not path.is_file():
        raise Unsliced
    try:
        if kind in _PARQUET:
            yield from _parquet(path)
        elif kind in (".csv", ".tsv"):
            with _opened(path) as stream:
                yield from _delimited(stream, file, tab=kind == ".tsv")
        elif kind in (".jsonl", ".ndjson"):
            with _opened(path) as stream:
                yield from _jsonl(stream, file)
        else:
            raise Unsliced
    except (DataError, OSError, EOFError, ValueError) as error:
        # Read whole, the same fault is found again and told with all that is known about it.
        raise Unsliced from error


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _first_block(stream: IO[bytes], file: str) -> bytes:
    block = stream.read(BLOCK)
    if not block or block.isspace():
        raise Unsliced
    check_is_text(block, Path(file))
    return block.removeprefix(UTF8_BOM)


def _jsonl(stream: IO[bytes], file: str) -> Iterator[Raw]:
    from babelift.corpus.jsonl import read_jsonl

    block, lines = _first_block(stream, file), 0
    if block.lstrip().startswith(b"["):
        raise Unsliced
    while block:
        more = stream.read(BLOCK)
        cut = block.rfind(b"\n") + 1 if more else len(block)
        if not cut:
            block = _longer(block, more)
            continue
        part, block = block[:cut], block[cut:] + more
        part.decode("utf-8")
        if not part.isspace():
            yield _moved(read_jsonl(part, file), lines)
        lines += part.count(b"\n")


def _delimited(stream: IO[bytes], file: str, *, tab: bool) -> Iterator[Raw]:
    from babelift.corpus.delimited import find_delimiter, last_record_end, read_clean

    block = _first_block(stream, file)
    delimiter, notes = ("\t", ()) if tab else find_delimiter(block)
    end = block.find(b"\n") + 1
    header, block, lines = block[:end], block[end:], 1
    while block:
        more = stream.read(BLOCK)
        cut = last_record_end(block) if more else len(block)
        if not cut:
            block = _longer(block, more)
            continue
        part, block = block[:cut], block[cut:] + more
        if not part.isspace():
            clean = read_clean(header + part, file, delimiter)
            if clean is None:
                raise Unsliced
            yield _moved(Raw(file, clean, notes=notes), lines - 1)
        lines += part.count(b"\n")


def _longer(block: bytes, more: bytes) -> bytes:
    if len(block) > _LONGEST_RECORD:
        raise Unsliced
    return block + more


def _parquet(path: Path) -> Iterator[Raw]:
    import pyarrow as pa
    from pyarrow import parquet

    from babelift.corpus.arrow import from_arrow

    first = 0
    try:
        with path.open("rb") as file:
            for batch in parquet.ParquetFile(file).iter_batches(ROWS):
                table = pa.Table.from_batches([batch])
                yield _moved(Raw(str(path), from_arrow(table, str(path))), first)
                first += batch.num_rows
    except pa.ArrowException as error:
        raise Unsliced from error


def _moved(raw: Raw, by: int) -> Raw:
    """The slice with its rows counted from the table's start."""
    rejects = tuple(reject._replace(row=reject.row + by) for reject in raw.rejects)
    frame = raw.frame.with_columns(pl.col(ROW) + by)
    return replace(raw, frame=frame, rejects=rejects)


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
    files = list(dict.fromkeys(str(path) for path in paths))
    if not files:
        raise DataError("no table was given.", "Name at least one file.")
    notes: dict[str, list[str]] = {}
    parts: list[pl.DataFrame] = []
    rejects: list[pl.DataFrame] = []
    sources: list[Source] = []
    for place, file in enumerate(files):
        raw = with_rows(read_raw(file))
        columns = choose_columns(raw, table, labelled=labelled, lang_required=lang_required)
        checked = check_rows(
            raw, columns, split=split, labelled=labelled, lang_required=lang_required
        )
        for note in (*raw.notes, *checked.notes):
            notes.setdefault(note, []).append(file)
        parts.append(checked.rows.with_columns(pl.lit(place, pl.Int32).alias(PLACE)))
        rejects.append(checked.rejects)
        counted = columns.id is not None and is_counted(ids_of(raw, columns))
        sources.append(source_of(file, columns, split, counted=counted))
    rows, duplicates, id_notes = settle_ids(stack(parts), sources)
    counts = dict(rows.group_by(PLACE).len().iter_rows())
    return Corpus(
        rows=conformed(rows),
        rejects=pl.concat([*rejects, duplicates]) if rejects else reject_frame([]),
        notes=(*of_files(notes, files), *id_notes),
        files={file: counts.get(place, 0) for place, file in enumerate(files)},
    )


def read_raw(file: str) -> Raw:
    """Read one table as it stands, by the ending of its name.

    Raises:
        DataError: It cannot be read, or no table has such an ending.
    """
    if file.startswith(PREFIX):
        from babelift.corpus.arrow import read_hub

        return read_hub(file)
    path = Path(file)
    kind = ending(path)
    if kind in _PARQUET:
        from babelift.corpus.arrow import read_parquet

        return read_parquet(path)
    if kind not in ENDINGS:
        check_file(path)
        allowed = (".csv", ".tsv", ".jsonl", ".parquet")
        raise DataError(
            f"{path}: tables that end in '{kind}' cannot be read"
            f"{did_you_mean(kind, allowed) or '.'}",
            f"Save it as one of {', '.join(allowed)}; text tables may be gzip'd (.gz).",
        )
    if kind == ".txt":
        from babelift.corpus.delimited import read_text_and_labels

        return read_text_and_labels(path)
    data = read_bytes(path)
    if kind in (".csv", ".tsv"):
        from babelift.corpus.delimited import read_delimited

        return read_delimited(data, file, tab=kind == ".tsv")
    from babelift.corpus.jsonl import read_jsonl

    return read_jsonl(data, file)


def with_rows(raw: Raw) -> Raw:
    """The table, which must have rows.

    Raises:
        DataError: It has none that can be read.
    """
    if raw.frame.height:
        return raw
    if not raw.rejects:
        raise DataError(f"{raw.file}: has no rows.")
    first = raw.rejects[0]
    raise DataError(
        f"{raw.file}: none of its {rows_of(len(raw.rejects))} can be read. "
        f"Row {first.row}: {first.reason}."
    )


def ids_of(raw: Raw, columns: Columns) -> pl.Series:
    """The ids that stand in a table, as text."""
    return raw.frame.select(as_string(raw.frame, str(columns.id), raw.file)).to_series()


def source_of(file: str, columns: Columns, split: str | None, *, counted: bool) -> Source:
    """What is known about the ids of a file, whose ids may only count its rows."""
    if columns.own_form:
        return Source(file, columns.id, own_form=True)
    if columns.known is None:
        return Source(file, columns.id, counted, split=split)
    numbered = columns.known.numbered
    split = split or (file_split(file) if numbered else None)
    return Source(file, columns.id, numbered, numbered, split=split)


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


def conformed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with settled ids in the form of `corpus.rows.SCHEMA`."""
    if "origin" not in rows.columns:
        rows = rows.with_columns(origin=pl.lit(None, pl.String))
    rows = rows.with_columns(pl.col("origin").fill_null("original"))
    return conform(rows.drop(ROW, PLACE))


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
