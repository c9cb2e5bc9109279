"""A table read slice by slice, so that memory does not grow with its length."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

import polars as pl

from babelift.corpus.files import check_is_text, ending
from babelift.corpus.hub import PREFIX
from babelift.corpus.raw import ROW, Raw
from babelift.errors import DataError

BLOCK: Final = 1 << 20
"""Bytes of a text table in one slice."""

ROWS: Final = 5_000
"""Rows of a Parquet table in one slice."""

_UTF8_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_RECORD: Final = 16 * BLOCK


class Unsliced(Exception):  # noqa: N818
    """The table cannot be read slice by slice; it must be read whole."""


def raw_slices(file: str) -> Iterator[Raw]:
    """The slices of a table, as `read.read_raw` would have read them, one after the other.

    Raises:
        Unsliced: The table is in another form, or a slice has a fault that cannot be judged without
            the rest: quotation marks out of order, bytes that are not UTF-8.
    """
    path, kind = Path(file), "" if file.startswith(PREFIX) else ending(Path(file))
    if not path.is_file():
        raise Unsliced
    try:
        if kind in (".parquet", ".pq"):
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
    return block.removeprefix(_UTF8_BOM)


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
    from babelift.corpus.clean_csv import last_record_end, read_clean
    from babelift.corpus.delimited import find_delimiter

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
    from pyarrow import parquet as arrow

    from babelift.corpus.parquet import from_arrow

    first = 0
    try:
        with path.open("rb") as file:
            for batch in arrow.ParquetFile(file).iter_batches(ROWS):
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
