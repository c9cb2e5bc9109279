"""Quotation marks that are out of order in a csv or tsv table, and what was meant by them."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import polars as pl

_LONGEST_BREAK: Final = 100
_MISSING_QUOTE: Final = 4
"""Lines in which a record may break, and in which one does whose first quote is missing."""
_MOST_ROWS_IN_TEXT: Final = 10
"""Lines of a text that may all look like rows by chance."""

# What ends a quoted field, and what begins speech in one that is not quoted.
_ENDS_QUOTE: Final = re.compile(r'(?<!")(?:"")*"$')
_BEGINS_SPEECH: Final = re.compile(r'(?<!\S)"(?=\S)[^"]*$')


@contextmanager
def any_field_size() -> Iterator[None]:
    """Let the csv module read fields of any size; how long is too long is decided by the checks."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def doubtful_lines(data: bytes, delimiter: str) -> tuple[int, ...]:
    r"""The lines of a faultless table in which a record starts that holds whole records.

    Every line of such a record is a row by itself: two stray quotation marks may have made them
    one.

    >>> doubtful_lines(b'text,label\n"one,a\ntwo,b\nthree",a\n"four\nlines",b\n', ",")
    (2,)
    """
    newlines, in_quotes = line_ends(data)
    inside = np.flatnonzero(in_quotes)
    if not len(inside):
        return ()
    begins = np.concatenate([[0], newlines + 1, [len(data)]])
    # Runs of line ends within one field: one below the other, all in quotation marks.
    runs = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
    doubtful = []
    with any_field_size():
        width = _width(data[: begins[1]].decode("utf-8", "replace"), delimiter)
        for run in runs:
            first, last = int(run[0]), int(run[-1]) + 1
            lines = data[begins[first] : begins[last + 1]].decode("utf-8", "replace")
            if _holds_rows(lines.split("\n")[: last + 1 - first], delimiter, width):
                doubtful.append(first + 1)
    return tuple(doubtful)


def line_ends(data: bytes) -> tuple[Any, Any]:
    r"""The places of line ends, (lines,) int64, and which stand in quotation marks, (lines,) bool.

    >>> [found.tolist() for found in line_ends(b'"two\nlines",5\n')]
    [[4, 13], [True, False]]
    """
    content = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(content == ord("\n"))
    quotes = np.flatnonzero(content == ord('"'))
    return newlines, np.searchsorted(quotes, newlines) % 2 == 1


def _are_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether each of several lines, but for blank ones, has as many fields as the table.

    A mark that stands doubled in them was doubled by a writer, who quoted all of them as one field.
    """
    return (
        width > 1
        and not any('""' in line for line in lines)
        and sum(map(bool, map(str.strip, lines))) > 1
        and all(not line.strip() or _width(line, delimiter) == width for line in lines)
    )


def _holds_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether the lines of a record that can be read look like rows; prose has `, ` for `,`."""
    is_prose = delimiter != "\t" and any(f"{delimiter} " in f"{line.rstrip()} " for line in lines)
    return not is_prose and _are_rows(lines, delimiter, width)


def _width(line: str, delimiter: str) -> int:
    """The number of fields of one line, whatever stands above it."""
    line = line.rstrip("\r\n")
    if delimiter != "\t" and '"' in line and line.count('"') % 2 == 0:
        return len(next(csv.reader([line], delimiter=delimiter)))
    return line.count(delimiter) + 1


def is_quoted(plain: pl.DataFrame) -> bool:
    """Whether most fields that begin with a quotation mark look as a csv writer writes them.

    Args:
        plain: The table with its quotation marks.
    """
    fields = pl.col(pl.String)
    opened, quoted, doubled = (
        sum(plain.select(fields.str.contains(form).sum()).row(0))
        for form in ('^"', '^"([^"]|"")*"$', '^"([^"]|"")*""([^"]|"")*"$')
    )
    # A mark that was doubled was doubled by a writer that quotes.
    return bool(2 * quoted + min(doubled, 1) > opened)


class Mender:
    """Says where a record ends whose quotes are broken.

    A quote that is opened and never properly closed would swallow the rows below it, and a record
    that breaks in its midst would leave rows behind that nobody wrote. So a broken record ends in
    the line in which its quote may have been meant to close, and one fault costs one row.
    """

    def __init__(self, lines: list[str], delimiter: str, width: int, doubtful: list[int]) -> None:
        self._lines, self._delimiter, self._width = lines, delimiter, width
        self._doubtful = doubtful
        self._strays: set[int] = set()
        self._counts: list[Counter[str] | None] | None = None
        # What may be looked through again for the ends of broken records, in characters.
        self._budget = 1_000_000 + 5 * sum(map(len, lines))

    def mended(
        self, start: int, end: int, fields: list[str] | None
    ) -> tuple[list[str] | None, int]:
        """A record as it was meant, None where that cannot be known, and where it ends.

        Args:
            start: Lines above it.
            end: Lines that were read with it.
            fields: As they were read, None where they could not be.
        """
        fits = fields is not None and len(fields) == self._width and start not in self._strays
        if fits and end == start + 1:
            return fields, end
        tab = self._delimiter == "\t"
        lines = self._lines[start:end]
        swallows = fields is not None and _are_rows(lines, self._delimiter, self._width)
        if fits and not (swallows and tab):
            if swallows and _holds_rows(lines, self._delimiter, self._width):
                self._doubtful.append(start + 1)
            return fields, end
        plain = lines[0].rstrip("\r\n").split("\t")
        if tab and len(plain) == self._width:
            return [_unquoted(field) for field in plain], start + 1
        is_whole = fields is not None and not swallows and start not in self._strays
        if is_whole and (end > start + 1 or len(fields or ()) > self._width):
            return fields, end
        last = self._last_line(start, fields)
        if swallows and last == start:
            self._strays.add(end - 1)
        if is_whole and last == start:
            return fields, end
        return None, last + 1

    def _last_line(self, start: int, fields: list[str] | None) -> int:
        """The last line of a broken record that begins in line `start`, both from 0.

        Where all lines between are rows, and more than a text is likely to have, the quotes that
        open and close are two faults, and what stands between them are rows.
        """
        first, broken = self._lines[start], fields is None
        short = _width(first, self._delimiter) < self._width
        opens = _opens(first, self._delimiter) or (broken and first.count('"') % 2)
        reach = _LONGEST_BREAK if opens else _MISSING_QUOTE if short else 0
        rows, foreign = 0, start
        for last in range(start + 1, min(start + reach, len(self._lines))):
            line = self._lines[last]
            self._budget -= len(line)
            if self._budget < 0:
                break
            if self._ends(last):
                if rows == last - start - 1 > _MOST_ROWS_IN_TEXT:
                    self._strays.add(last)
                    break
                return last + 1 if self._ends(last + 1) else last
            if not opens and '"' in line:
                break
            width = _width(line, self._delimiter)
            if width == self._width and '"' in line and not _opens(line, self._delimiter):
                break
            rows += width == self._width
            if broken and short and last - start <= _MOST_ROWS_IN_TEXT and self._is_foreign(line):
                foreign = last
        return foreign

    def _ends(self, place: int) -> bool:
        """Whether a line closes a quote that it has not opened, and opens none."""
        line = "".join(self._lines[place : place + 1])
        return _closes(line, self._delimiter) and not _opens(line, self._delimiter)

    def _is_foreign(self, line: str) -> bool:
        """Whether a row has a value that no other has, in a column of few values: a false class."""
        if self._counts is None:
            fields = (row.rstrip("\r\n").split(self._delimiter) for row in self._lines)
            columns = zip(*(row for row in fields if len(row) == self._width), strict=True)
            counts = (Counter(column) for column in columns)
            self._counts = [c if c.total() >= 10 * len(c) else None for c in counts]
        values = line.rstrip("\r\n").split(self._delimiter)
        return len(values) == self._width and any(
            count is not None and count[value] == 1
            for count, value in zip(self._counts, values, strict=False)
        )


def _opens(line: str, delimiter: str) -> bool:
    """Whether a quote is opened in a line that begins outside of one, and not closed in it."""
    plain, inside = _plain_fields(line, delimiter)
    return inside or any(field.count('"') % 2 and _BEGINS_SPEECH.search(field) for field in plain)


def _closes(line: str, delimiter: str) -> bool:
    """Whether a line that should begin outside of quotes closes one that it has not opened."""
    return any(map(_ends_speech, _plain_fields(line, delimiter)[0]))


def _plain_fields(line: str, delimiter: str) -> tuple[list[str], bool]:
    """The fields of a line that have no quotes around them, and whether one with is left open."""
    plain, inside = [], False
    for field in line.rstrip("\r\n").split(delimiter):
        if inside or field.startswith('"'):
            inside = not _ENDS_QUOTE.search(field if inside else field[1:])
        else:
            plain.append(field)
    return plain, inside


def _ends_speech(field: str) -> bool:
    """Whether a field without quotes around it ends some that it has not begun; inches do not.

    >>> _ends_speech('way" then"'), _ends_speech('he said "hi"'), _ends_speech('a 5" screen')
    (True, False, False)
    """
    depth = 0
    for mark in re.finditer('"', field):
        before = field[mark.start() - 1 : mark.start()]
        if not before or before.isspace():
            depth += 1
        elif not before.isdigit() or mark.end() == len(field):
            depth -= 1
        if depth < 0:
            return True
    return False


def _unquoted(field: str) -> str:
    """A field without the quotes around it, where they are more than part of the text.

    >>> [_unquoted(field) for field in ('"a ""b"" c"', '"5" wide"', '"Foo" or "Bar"', '5" wide')]
    ['a "b" c', '5" wide', '"Foo" or "Bar"', '5" wide']
    """
    inner = field[1:-1]
    if len(field) < 2 or field[0] != '"' or field[-1] != '"':
        return field
    single = inner.replace('""', "").count('"')
    return inner.replace('""', '"') if single % 2 or not single else field
