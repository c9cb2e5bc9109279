"""A vectorised reader for csv without a single fault; whatever has one is left to the exact one."""

import csv
from typing import Any

import numpy as np
import polars as pl

from babelift.corpus.raw import ROW, check_columns


def read_clean(data: bytes, file: str, delimiter: str) -> pl.DataFrame | None:
    """Read a faultless table, each row with the line it starts in; None where there is a fault.

    Gives the same as `delimited.read_exact`, many times faster.

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
    fine = np.zeros(256, dtype=bool)
    fine[[ord('"'), ord(delimiter), ord("\n"), ord("\r")]] = True
    before, after = quotes[0::2] - 1, quotes[1::2] + 1
    before, after = before[before >= 0], after[after < len(content)]
    if not (fine[content[before]].all() and fine[content[after]].all()):
        return None
    newlines = np.flatnonzero(content == ord("\n"))
    ends_record = np.searchsorted(quotes, newlines) % 2 == 0
    starts = np.concatenate([[0], newlines[ends_record] + 1])
    lines = np.concatenate([[1], np.flatnonzero(ends_record) + 2])
    filled = starts < len(content)
    starts, lines = starts[filled], lines[filled]
    blank = (content[starts] == ord("\n")) | (content[starts] == ord("\r"))
    return lines[~blank]


def last_record_end(data: bytes) -> int:
    r"""Where the last record that ends in `data`, which begins with one, ends; 0 where none does.

    >>> last_record_end(b'"two\nlines",5\nhalf a li')
    14
    """
    content = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(content == ord('"'))
    newlines = np.flatnonzero(content == ord("\n"))
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return int(ends[-1]) + 1 if len(ends) else 0
