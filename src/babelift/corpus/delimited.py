"""csv and tsv, with each row that cannot be read located."""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from babelift.corpus.quoting import Mender, any_field_size, doubtful_lines, is_quoted, line_ends
from babelift.corpus.rejects import UNDECODABLE, Reject, readable
from babelift.corpus.table import ROW, Raw, check_columns, decode
from babelift.errors import DataError

_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_CHUNK: Final = 50_000
_SAMPLE: Final = 64 * 1024
_SAMPLE_LINES: Final = 50

_BROKEN: Final = "broken quoting"


def read_clean(data: bytes, file: str, delimiter: str) -> pl.DataFrame | None:
    """Read a faultless table, each row with the line it starts in; None where there is a fault.

    Gives the same as `read_exact`, many times faster. A tsv field that holds whole records is a
    fault too: most such tables are not quoted at all, and two stray marks lie so far apart.

    Args:
        data: UTF-8 bytes without a byte-order mark.
        file: Its name, for messages.
        delimiter: What separates the columns.
    """
    from pyarrow import ArrowException, BufferReader, string
    from pyarrow import csv as arrow_csv

    first = data.split(b"\n", 1)[0].rstrip(b"\r")
    if first.count(b'"') % 2 or not first.strip() or b"\x00" in data:
        return None
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    starts = record_lines(data, delimiter)
    if starts is None or len(starts) < 2:
        return None
    try:
        with any_field_size():
            header = next(csv.reader([first.decode("utf-8")], delimiter=delimiter))
        names = check_columns(header, file)
        table = arrow_csv.read_csv(
            BufferReader(data),
            arrow_csv.ReadOptions(column_names=names, skip_rows=1, block_size=1 << 24),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, string()), strings_can_be_null=False
            ),
        )
    except (ArrowException, UnicodeDecodeError):
        return None
    if table.num_rows != len(starts) - 1:
        return None
    if delimiter == "\t" and doubtful_lines(data, delimiter):
        return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.Series(ROW, starts[1:], dtype=pl.Int64))


def record_lines(data: bytes, delimiter: str) -> Any:
    r"""The line in which each record starts; None where the quoting has a fault.

    A quotation mark must open a field, close one, or stand doubled in a quoted one. The marks
    alternate between opening and closing, so each need only be held against its neighbour byte.

    Returns:
        Line numbers from 1, (records,) int64, the header's first.

    >>> record_lines(b'text,label\n"two\nlines",5\n\nlast,4\n', ",").tolist()
    [1, 2, 5]
    >>> record_lines(b'text,label\nan inch (1") wide,5\n', ",") is None
    True
    """
    content = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(content == ord('"'))
    if len(quotes) % 2:
        return None
    may_touch_quote = np.zeros(256, dtype=bool)
    may_touch_quote[[ord('"'), ord(delimiter), ord("\n"), ord("\r")]] = True
    before, after = quotes[0::2] - 1, quotes[1::2] + 1
    before, after = before[before >= 0], after[after < len(content)]
    if not (may_touch_quote[content[before]].all() and may_touch_quote[content[after]].all()):
        return None
    newlines, in_quotes = line_ends(data)
    starts = np.concatenate([[0], newlines[~in_quotes] + 1])
    lines = np.concatenate([[1], np.flatnonzero(~in_quotes) + 2])
    filled = starts < len(content)
    starts, lines = starts[filled], lines[filled]
    blank = (content[starts] == ord("\n")) | (content[starts] == ord("\r"))
    return lines[~blank]


def last_record_end(data: bytes) -> int:
    r"""The end of the last whole record in `data`, which begins with a record; 0 without one.

    >>> last_record_end(b'"two\nlines",5\nhalf a li')
    14
    """
    newlines, in_quotes = line_ends(data)
    ends = newlines[~in_quotes]
    return int(ends[-1]) + 1 if len(ends) else 0


def read_delimited(data: bytes, file: str, *, tab: bool) -> Raw:
    """Read a csv or tsv table; every column is text.

    A csv file may use semicolons, tabs or bars instead of commas, which is found out. A tsv
    file may be quoted as csv is, or not at all, as most published ones are.

    Args:
        data: UTF-8 bytes without a byte-order mark.
        file: Its name, for messages.
        tab: It is a tsv file.

    Raises:
        DataError: No header, a header that cannot be used, or another encoding.
    """
    delimiter, notes = ("\t", ()) if tab else find_delimiter(data)
    clean = read_clean(data, file, delimiter)
    if clean is not None:
        return Raw(file, clean, notes=notes, doubtful=doubtful_lines(data, delimiter))
    text, _ = decode(data, file)
    lines = list(io.StringIO(text, newline=""))
    raw = read_exact(lines, file, delimiter)
    if tab:
        plain = read_exact(lines, file, delimiter, quoted=False)
        fewer = len(plain.rejects) - len(raw.rejects)
        breaks = any("\n" in str(reject.text).rstrip() for reject in raw.rejects)
        if fewer < 0 or (fewer == 0 and not breaks and not is_quoted(plain.frame)):
            return replace(plain, notes=("quotation marks are read as part of the text",))
    return replace(raw, notes=notes)


def read_exact(lines: list[str], file: str, delimiter: str, *, quoted: bool = True) -> Raw:
    """Read record by record: the good ones with the line they start in, and the others.

    Args:
        lines: The table's lines.
        file: Its name, for messages.
        delimiter: What separates the columns.
        quoted: Quotation marks stand around fields.

    Raises:
        DataError: The header cannot be used, or the quoting is broken throughout.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with any_field_size():
        feed, doubtful = _Lines(lines), list[int]()
        records = _records(feed, file, delimiter, quoting, doubtful)
        number, header = next(records, (1, []))
        if not header or any(UNDECODABLE.search(name) for name in header):
            why = "not UTF-8" if header else _BROKEN if lines else "there are none"
            raise DataError(f"{file}: the column names in line {number} cannot be read: {why}.")
        names = check_columns(header, file)
        rejects: list[Reject] = []
        parts: list[pl.DataFrame] = []
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, fields in records:
            if fields is None:
                broken = readable("".join(lines[number - 1 : feed.position]))
                rejects.append(Reject(file, number, None, _BROKEN, text=broken))
                continue
            fault = _fault(file, number, fields, names)
            if fault is not None:
                rejects.append(fault)
                continue
            numbers.append(number)
            rows.append(fields)
            if len(rows) == _CHUNK:
                parts.append(_frame(names, numbers, rows))
                numbers, rows = [], []
    parts.append(_frame(names, numbers, rows))
    return Raw(file, pl.concat(parts), tuple(rejects), doubtful=tuple(doubtful))


def find_delimiter(data: bytes) -> tuple[str, tuple[str, ...]]:
    """What separates the columns: the sign with which the first lines look most like a table.

    A comma in a column's name or in a text does not make a table of semicolons one of commas.
    """
    lines = data[:_SAMPLE].decode("utf-8", "replace").splitlines(keepends=True)
    sample = lines[:_SAMPLE_LINES]
    likeliest = max(_DELIMITERS, key=lambda delimiter: _likeness(sample, delimiter))
    if likeliest == "," or likeliest not in sample[0]:
        return ",", ()
    return likeliest, (f"columns are separated by {_DELIMITERS[likeliest]}",)


def _likeness(lines: list[str], delimiter: str) -> tuple[bool, float, int]:
    """How much lines look like a table: several columns, rows of one width, number of columns.

    >>> _likeness(["text;stars, all", "a, b;5", "c, d, e;4"], ";")
    (True, 1.0, 2)
    """
    with suppress(csv.Error):
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        width = len(rows[0]) if rows else 1
        alike = sum(len(row) == width for row in rows) / max(len(rows), 1)
        return width > 1, alike, width
    return False, 0.0, 1


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
    feed: _Lines, file: str, delimiter: str, quoting: Literal[0, 3], doubtful: list[int]
) -> Iterator[tuple[int, list[str] | None]]:
    """Each record's line and fields, None where its quotes are broken; the first is the header.

    Args:
        feed: The lines; stands behind the record that was given last.
        file: Their name, for messages.
        delimiter: What separates the columns.
        quoting: As the csv module calls it.
        doubtful: Takes the lines in which records start that hold whole records.
    """
    reader = csv.reader(feed, delimiter=delimiter, quoting=quoting, strict=True)
    wasted, allowed = 0, 20 * len(feed.lines) + 100_000
    mender: Mender | None = None
    while True:
        start = feed.position
        fields: list[str] | None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fields = None
            wasted += feed.position - start
            if wasted > allowed:
                raise DataError(
                    f"{file}: quotation marks are broken from line {start + 1} on."
                ) from error
        if fields == []:
            continue
        if mender is not None:
            fields, feed.position = mender.mended(start, feed.position, fields)
        elif fields is not None and quoting == csv.QUOTE_MINIMAL:
            mender = Mender(feed.lines, delimiter, len(fields), doubtful)
        yield start + 1, fields


def _fault(file: str, number: int, fields: list[str], names: list[str]) -> Reject | None:
    if len(fields) != len(names):
        reason = f"wrong number of fields: {len(fields)} instead of {len(names)}"
        return Reject(file, number, None, reason, text=readable("; ".join(fields)))
    for name, value in zip(names, fields, strict=True):
        if not value.isascii() and UNDECODABLE.search(value):
            return Reject(file, number, name, "not UTF-8", text=readable(value))
    return None


def _frame(names: list[str], numbers: list[int], rows: list[list[str]]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    schema = {**dict.fromkeys(names, pl.String), ROW: pl.Int64}
    return pl.DataFrame(dict(zip(schema, [*columns, numbers], strict=True)), schema)
