"""csv and tsv: a vectorised reader for clean files, an exact one that finds every fault."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import polars as pl

from babelift.corpus.files import UNDECODABLE, decode, readable
from babelift.corpus.raw import ROW, Raw, check_columns
from babelift.corpus.rejects import Reject
from babelift.errors import DataError

_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_CHUNK: Final = 50_000
_BARE_QUOTE: Final = re.compile(r'(?:^|\t)[^"\t\n][^\t\n]*"', re.MULTILINE)


def read_delimited(data: bytes, file: str, *, tab: bool) -> Raw:
    """Read a csv or tsv table; every column is text.

    A csv file may use semicolons, tabs or bars instead of commas, if its first line does. A tsv
    file may be quoted as csv is, or not at all, as most published ones are.

    Args:
        data: UTF-8 bytes without a byte-order mark.
        file: Its name, for messages.
        tab: It is a tsv file.

    Raises:
        DataError: No header, a header that cannot be used, no rows, or another encoding.
    """
    delimiter, notes = ("\t", ()) if tab else _find_delimiter(data, file)
    fast = read_clean(data, file, delimiter)
    if fast is not None and not (tab and b'"' in data):
        return Raw(file, fast, notes=notes)
    text, _ = decode(data, file)
    lines = list(io.StringIO(text, newline=""))
    frame, rejects = read_exact(lines, file, delimiter, csv.QUOTE_MINIMAL)
    if tab and (rejects or _BARE_QUOTE.search(text)):
        plain, plain_rejects = read_exact(lines, file, delimiter, csv.QUOTE_NONE)
        if len(plain_rejects) <= len(rejects):
            frame, rejects = plain, plain_rejects
            notes = (*notes, "quotation marks are read as part of the text")
    if not frame.height and not rejects:
        raise DataError(f"{file}: has a header but no rows.")
    return Raw(file, frame, tuple(rejects), notes)


def read_clean(data: bytes, file: str, delimiter: str) -> pl.DataFrame | None:
    """Read a file without a single fault in vectorised code; None where it has one."""
    from pyarrow import ArrowException, BufferReader, string
    from pyarrow import csv as arrow

    if b"\x00" in data or data.count(b"\r") != data.count(b"\r\n"):
        return None
    starts = _record_lines(data, delimiter)
    if starts is None or len(starts) < 2:
        return None
    first = data.split(b"\n", 1)[0]
    if b'"' in first or not first.strip():
        return None
    try:
        names = check_columns(first.decode("utf-8").rstrip("\r").split(delimiter), file)
        table = arrow.read_csv(
            BufferReader(data),
            arrow.ReadOptions(column_names=names, skip_rows=1, block_size=1 << 24),
            arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(names, string()), strings_can_be_null=False
            ),
        )
    except (ArrowException, UnicodeDecodeError):
        return None
    if table.num_rows != len(starts) - 1:
        return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.Series(ROW, starts[1:], dtype=pl.Int64))


def read_exact(
    lines: list[str], file: str, delimiter: str, quoting: int
) -> tuple[pl.DataFrame, list[Reject]]:
    """Read row by row, with each row that cannot be read located and rejected."""
    with _any_field_size():
        records = _records(lines, file, delimiter, quoting)
        number, header = next(records, (1, "there is no header"))
        if isinstance(header, str) or any(UNDECODABLE.search(name) for name in header):
            why = header if isinstance(header, str) else "it is not UTF-8"
            raise DataError(f"{file}: the column names in line {number} cannot be read: {why}.")
        names = check_columns(header, file)
        rejects: list[Reject] = []
        parts: list[pl.DataFrame] = []
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, fields in records:
            fault = _fault(file, number, fields, names)
            if fault is not None:
                rejects.append(fault)
                continue
            numbers.append(number)
            rows.append(fields)  # type: ignore[arg-type]
            if len(rows) == _CHUNK:
                parts.append(_frame(names, numbers, rows))
                numbers, rows = [], []
    parts.append(_frame(names, numbers, rows))
    return pl.concat(parts), rejects


def _find_delimiter(data: bytes, file: str) -> tuple[str, tuple[str, ...]]:
    first = data.split(b"\n", 1)[0].decode("utf-8", "replace")
    if "," in first:
        return ",", ()
    found = max(_DELIMITERS, key=first.count)
    if not first.count(found):
        return ",", ()
    return found, (f"columns are separated by {_DELIMITERS[found]}",)


def _record_lines(data: bytes, delimiter: str) -> np.ndarray | None:
    """The line in which each record starts; None where the quoting has a fault.

    A quotation mark must open a field, close one, or stand doubled in a quoted one. The marks
    alternate between opening and closing, so each need only be held against its neighbour byte.
    """
    content = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(content == ord('"'))
    if len(quotes) % 2:
        return None
    fine = np.zeros(256, dtype=bool)
    fine[[ord('"'), ord(delimiter), ord("\n"), ord("\r")]] = True
    padded = np.concatenate([[ord("\n")], content, [ord("\n")]])
    if not (fine[padded[quotes[0::2]]].all() and fine[padded[quotes[1::2] + 2]].all()):
        return None
    newlines = np.flatnonzero(content == ord("\n"))
    ends_record = np.searchsorted(quotes, newlines) % 2 == 0
    starts = np.concatenate([[0], newlines[ends_record] + 1])
    lines = np.concatenate([[1], np.flatnonzero(ends_record) + 2])
    filled = starts < len(content)
    starts, lines = starts[filled], lines[filled]
    blank = content[starts] == ord("\n")
    blank |= (content[starts] == ord("\r")) & (padded[starts + 2] == ord("\n"))
    return np.asarray(lines[~blank])


class _Lines:
    """An iterator over lines that can be set back."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.position = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.position >= len(self.lines):
            raise StopIteration
        self.position += 1
        return self.lines[self.position - 1]


def _records(
    lines: list[str], file: str, delimiter: str, quoting: int
) -> Iterator[tuple[int, list[str] | str]]:
    """Each record's line and fields, or what is wrong with it.

    A quote that is opened and never properly closed would swallow the rows below it. Reading goes
    on at the line after the one that opened it, so that one fault costs one row.
    """
    feed = _Lines(lines)
    reader = csv.reader(feed, delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
    wasted, allowed = 0, 20 * len(lines) + 100_000
    while True:
        start = feed.position
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            wasted += feed.position - start
            if wasted > allowed:
                raise DataError(
                    f"{file}: quotation marks are broken from line {start} on."
                ) from error
            feed.position = start + 1
            yield start + 1, "broken quoting"
            continue
        if fields:
            yield start + 1, fields


def _fault(file: str, number: int, fields: list[str] | str, names: list[str]) -> Reject | None:
    if isinstance(fields, str):
        return Reject(file, number, None, fields)
    if len(fields) != len(names):
        reason = f"{len(fields)} fields where the header has {len(names)}"
        return Reject(file, number, None, reason, text=readable("; ".join(fields)))
    for name, value in zip(names, fields, strict=True):
        if UNDECODABLE.search(value):
            return Reject(file, number, name, "not UTF-8", text=readable(value))
    return None


def _frame(names: list[str], numbers: list[int], rows: list[list[str]]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    data = [
        pl.Series(name, column, dtype=pl.String)
        for name, column in zip(names, columns, strict=True)
    ]
    return pl.DataFrame([*data, pl.Series(ROW, numbers, dtype=pl.Int64)])


@contextmanager
def _any_field_size() -> Iterator[None]:
    """Let the csv module read fields of any size; how long is too long is decided by the checks."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
