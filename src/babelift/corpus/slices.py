"""Tables as they stand in their files, before anybody knows which column is what."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from babelift.corpus.arrow import PREFIX
from babelift.corpus.labels import rows_of
from babelift.corpus.rejects import readable
from babelift.corpus.table import (
    BLOCK,
    ENDINGS,
    ROW,
    UTF8_BOM,
    Raw,
    blocks,
    check_file,
    check_is_text,
    ending,
    read_bytes,
)
from babelift.errors import DataError, UnreadableError, did_you_mean

PARQUET: Final = (".parquet", ".pq")

_LONGEST_RECORD: Final = 16 * BLOCK


class Unsliced(Exception):  # noqa: N818
    """The table cannot be read slice by slice; it must be read whole."""


def raw_slices(file: str) -> Iterator[Raw]:
    """The slices of a table, as `read_raw` would have read them, one after the other.

    Raises:
        Unsliced: The table is in another form, or a slice has a fault that cannot be judged without
            the rest: quotation marks out of order, bytes that are not UTF-8.
        UnreadableError: As `table.blocks`.
    """
    path, kind = Path(file), "" if file.startswith(PREFIX) else ending(Path(file))
    if not path.is_file():
        raise Unsliced
    try:
        if kind in PARQUET:
            yield from _parquet(path)
        elif kind in (".csv", ".tsv"):
            yield from _delimited(blocks(path, BLOCK), file, tab=kind == ".tsv")
        elif kind in (".jsonl", ".ndjson"):
            yield from _jsonl(blocks(path, BLOCK), file)
        else:
            raise Unsliced
    except UnreadableError:
        raise
    except (DataError, ValueError) as error:
        # Read whole, the same fault is found again and told with all that is known about it.
        raise Unsliced from error


def _first_block(stream: Iterator[bytes], file: str) -> bytes:
    block = next(stream, b"")
    if not block or block.isspace():
        raise Unsliced
    check_is_text(block, Path(file))
    return block.removeprefix(UTF8_BOM)


def _jsonl(stream: Iterator[bytes], file: str) -> Iterator[Raw]:
    from babelift.corpus.jsonl import read_jsonl

    block, lines = _first_block(stream, file), 0
    if block.lstrip().startswith(b"["):
        raise Unsliced
    for part in _whole_records(block, stream, lambda data: data.rfind(b"\n") + 1):
        part.decode("utf-8")
        if not part.isspace():
            yield _moved(read_jsonl(part, file), lines)
        lines += part.count(b"\n")


def _delimited(stream: Iterator[bytes], file: str, *, tab: bool) -> Iterator[Raw]:
    from babelift.corpus.delimited import find_delimiter, last_record_end, read_clean
    from babelift.corpus.quoting import doubtful_lines

    block = _first_block(stream, file)
    delimiter, notes = ("\t", ()) if tab else find_delimiter(block)
    end = block.find(b"\n") + 1
    header, block, lines = block[:end], block[end:], 1
    for part in _whole_records(block, stream, last_record_end):
        if not part.isspace():
            clean = read_clean(header + part, file, delimiter)
            if clean is None:
                raise Unsliced
            doubtful = doubtful_lines(header + part, delimiter)
            yield _moved(Raw(file, clean, notes=notes, doubtful=doubtful), lines - 1)
        lines += part.count(b"\n")


def _whole_records(
    block: bytes, stream: Iterator[bytes], end: Callable[[bytes], int]
) -> Iterator[bytes]:
    """What a stream holds from `block` on, each part up to the `end` of its last whole record."""
    while block:
        more = next(stream, b"")
        cut = end(block) if more else len(block)
        if not cut and len(block) > _LONGEST_RECORD:
            raise Unsliced
        part, block = block[:cut], block[cut:] + more
        if part:
            yield part


def _parquet(path: Path) -> Iterator[Raw]:
    from babelift.corpus.arrow import from_arrow, parquet_tables

    first = 0
    for table in parquet_tables(path):
        if table.num_rows:
            yield _moved(Raw(str(path), from_arrow(table, str(path))), first)
            first += table.num_rows


def _moved(raw: Raw, by: int) -> Raw:
    """The slice with its rows counted from the table's start."""
    rejects = tuple(reject._replace(row=reject.row + by) for reject in raw.rejects)
    frame = raw.frame.with_columns(pl.col(ROW) + by)
    doubtful = tuple(line + by for line in raw.doubtful)
    return replace(raw, frame=frame, rejects=rejects, doubtful=doubtful)


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
    if kind in PARQUET:
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
        from babelift.corpus.text_files import read_text_and_labels

        return read_text_and_labels(path)
    data = read_bytes(path)
    if kind in (".csv", ".tsv"):
        from babelift.corpus.delimited import read_delimited

        return read_delimited(data, file, tab=kind == ".tsv")
    from babelift.corpus.jsonl import read_jsonl

    return read_jsonl(data, file)


def written_rows(files: Sequence[str], rejects: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows that were taken of some tables, slice by slice, as they stand in their files.

    Args:
        files: The tables, as they were named when they were read.
        rejects: The rows that were not taken (`corpus.rejects.REJECTS`).

    Yields:
        Frames with the file's own columns, in the order of `reader.read_parts`.

    Raises:
        DataError: A table cannot be read.

    >>> import tempfile
    >>> from babelift.corpus.rejects import reject_frame
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "reviews.csv"
    ...     _ = path.write_text("Stars,Body\\n5,Good\\n1,\\n")
    ...     pl.concat(written_rows([str(path)], reject_frame([]))).rows()
    [('5', 'Good'), ('1', '')]
    """
    rejected = dict(rejects.group_by("file").agg("row").iter_rows())
    for file in dict.fromkeys(files):
        gone = rejected.get(readable(file), [])
        for frame in _frames(file):
            yield frame.filter(~pl.col(ROW).is_in(gone)).drop(ROW)


def _frames(file: str) -> Iterator[pl.DataFrame]:
    done = 0
    try:
        for raw in raw_slices(file):
            yield raw.frame
            done += raw.frame.height
    except Unsliced:
        yield read_raw(file).frame[done:]


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
