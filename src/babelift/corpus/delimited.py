"""csv and tsv, and pairs of text files, with each row that cannot be read located."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from babelift.corpus.labels import label_strings
from babelift.corpus.rejects import UNDECODABLE, Reject, readable
from babelift.corpus.table import ROW, Raw, check_columns, decode, read_bytes
from babelift.errors import DataError

_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_CHUNK: Final = 50_000
_SAMPLE: Final = 64 * 1024
_SAMPLE_LINES: Final = 50

_BROKEN: Final = "broken quoting"
_LONGEST_BREAK: Final = 100
_MOST_ROWS_IN_TEXT: Final = 10
"""Lines of a text that may all look like rows by chance."""

# What ends a quoted field, and what begins speech in one that is not quoted.
_ENDS_QUOTE: Final = re.compile(r'(?<!")(?:"")*"$')
_BEGINS_SPEECH: Final = re.compile(r'(?<!\S)"(?=\S)[^"]*$')

TEXTS: Final = "_text.txt"
LABELS: Final = "_labels.txt"
MAPPING: Final = "mapping.txt"
"""Stands beside TweetEval's texts and labels and names these: `0<tab>negative`."""

_MOST_NAMED: Final = 20


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
        with _any_field_size():
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
    newlines = np.flatnonzero(content == ord("\n"))
    ends_record = np.searchsorted(quotes, newlines) % 2 == 0
    starts = np.concatenate([[0], newlines[ends_record] + 1])
    lines = np.concatenate([[1], np.flatnonzero(ends_record) + 2])
    filled = starts < len(content)
    starts, lines = starts[filled], lines[filled]
    blank = (content[starts] == ord("\n")) | (content[starts] == ord("\r"))
    return lines[~blank]


def last_record_end(data: bytes) -> int:
    r"""The end of the last whole record in `data`, which begins with a record; 0 without one.

    >>> last_record_end(b'"two\nlines",5\nhalf a li')
    14
    """
    content = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(content == ord('"'))
    newlines = np.flatnonzero(content == ord("\n"))
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return int(ends[-1]) + 1 if len(ends) else 0


def doubtful_lines(data: bytes, delimiter: str) -> tuple[int, ...]:
    r"""The lines of a faultless table in which a record starts that holds whole records.

    Every line of such a record is a row by itself: two stray quotation marks may have made them
    one.

    >>> doubtful_lines(b'text,label\n"one,a\ntwo,b\nthree",a\n"four\nlines",b\n', ",")
    (2,)
    """
    content = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(content == ord("\n"))
    quotes = np.flatnonzero(content == ord('"'))
    inside = np.flatnonzero(np.searchsorted(quotes, newlines) % 2)
    if not len(inside):
        return ()
    begins = np.concatenate([[0], newlines + 1, [len(data)]])
    # Runs of line ends within one field: one below the other, all in quotation marks.
    runs = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
    width = _width(data[: begins[1]].decode("utf-8", "replace"), delimiter)
    doubtful = []
    for run in runs:
        first, last = int(run[0]), int(run[-1]) + 1
        lines = data[begins[first] : begins[last + 1]].decode("utf-8", "replace")
        if _holds_rows(lines.split("\n")[: last + 1 - first], delimiter, width):
            doubtful.append(first + 1)
    return tuple(doubtful)


def _are_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether each of several lines, but for blank ones, has as many fields as the table.

    A mark that stands doubled in them was doubled by a writer, who quoted all of them as one field.
    """
    return (
        not any('""' in line for line in lines)
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
    doubtful: list[int] = []
    frame, rejects = read_exact(lines, file, delimiter, doubtful=doubtful)
    if tab:
        plain, plain_rejects = read_exact(lines, file, delimiter, quoted=False)
        fewer = len(plain_rejects) - len(rejects)
        breaks = any("\n" in str(reject.text).rstrip() for reject in rejects)
        if fewer < 0 or (fewer == 0 and not breaks and not _is_quoted(plain)):
            frame, rejects = plain, plain_rejects
            notes = (*notes, "quotation marks are read as part of the text")
    return Raw(file, frame, tuple(rejects), notes, doubtful=tuple(doubtful))


def _is_quoted(plain: pl.DataFrame) -> bool:
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


def read_exact(
    lines: list[str],
    file: str,
    delimiter: str,
    *,
    quoted: bool = True,
    doubtful: list[int] | None = None,
) -> tuple[pl.DataFrame, list[Reject]]:
    """Read record by record: the good ones with the line they start in, and the others.

    Args:
        lines: The table's lines.
        file: Its name, for messages.
        delimiter: What separates the columns.
        quoted: Quotation marks stand around fields.
        doubtful: Takes the lines in which records start that hold whole records.

    Raises:
        DataError: The header cannot be used, or the quoting is broken throughout.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with _any_field_size():
        feed = _Lines(lines)
        records = _records(feed, file, delimiter, quoting, [] if doubtful is None else doubtful)
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
    return pl.concat(parts), rejects


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
    mender: _Mender | None = None
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
            mender = _Mender(feed.lines, delimiter, len(fields), doubtful)
        yield start + 1, fields


class _Mender:
    """Says where a record ends whose quotes are broken.

    A quote that is opened and never properly closed would swallow the rows below it, and a record
    that breaks in its midst would leave rows behind that nobody wrote. So a broken record ends in
    the line in which its quote may have been meant to close, and one fault costs one row.
    """

    def __init__(self, lines: list[str], delimiter: str, width: int, doubtful: list[int]) -> None:
        self._lines, self._delimiter, self._width = lines, delimiter, width
        self._doubtful = doubtful
        self._strays: set[int] = set()

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
        last = self._last_line(start, is_broken=fields is None)
        if swallows and last == start:
            self._strays.add(end - 1)
        is_whole = fields is not None and not swallows and start not in self._strays
        if is_whole and (last == start or len(fields or ()) > self._width):
            return fields, end
        return None, last + 1

    def _last_line(self, start: int, *, is_broken: bool) -> int:
        """The last line of a broken record that begins in line `start`, both from 0.

        Where all lines between are rows, and more than a text is likely to have, the quotes that
        open and close are two faults, and what stands between them are rows.
        """
        first = self._lines[start]
        if not (_opens(first, self._delimiter) or (is_broken and first.count('"') % 2)):
            return start
        rows = 0
        for last in range(start + 1, min(start + _LONGEST_BREAK, len(self._lines))):
            line = self._lines[last]
            if _closes(line, self._delimiter):
                if rows == last - start - 1 > _MOST_ROWS_IN_TEXT:
                    self._strays.add(last)
                    return start
                return last
            width = _width(line, self._delimiter)
            if width == self._width and '"' in line and not _opens(line, self._delimiter):
                return start
            rows += width == self._width
        return start


def _opens(line: str, delimiter: str) -> bool:
    """Whether a quote is opened in a line that begins outside of one, and not closed in it."""
    inside = False
    for field in line.rstrip("\r\n").split(delimiter):
        if inside:
            inside = not _ENDS_QUOTE.search(field)
        elif field.startswith('"'):
            inside = not _ENDS_QUOTE.search(field[1:])
        elif field.count('"') % 2 and _BEGINS_SPEECH.search(field):
            return True
    return inside


def _closes(line: str, delimiter: str) -> bool:
    """Whether a line that should begin outside of quotes closes one that it has not opened."""
    inside = False
    for field in line.rstrip("\r\n").split(delimiter):
        if inside:
            inside = not _ENDS_QUOTE.search(field)
        elif field.startswith('"'):
            inside = not _ENDS_QUOTE.search(field[1:])
        elif _ends_speech(field):
            return True
    return False


def _ends_speech(field: str) -> bool:
    """Whether a field without quotes around it ends some that it has not begun; inches do not.

    >>> _ends_speech('way" then"'), _ends_speech('he said "hi"'), _ends_speech('a 5" screen')
    (True, False, False)
    """
    depth = 0
    for mark in re.finditer('"', field):
        before, after = field[: mark.start()], field[mark.end() :]
        if not before or before[-1].isspace():
            depth += 1
        elif not (before[-1].isdigit() and after):
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


def read_text_and_labels(path: Path) -> Raw:
    """Read `train_text.txt` with the `train_labels.txt` beside it.

    UMSAB and TweetEval are published so, and many other sets: what their labels mean is only known
    where a `mapping.txt` stands beside them.

    Raises:
        DataError: The other file is missing, or the two have different numbers of lines.
    """
    name = path.name.removesuffix(".gz")
    packed = path.name.removeprefix(name)
    if not name.endswith(TEXTS):
        meant = name.removesuffix(LABELS) + TEXTS if name.endswith(LABELS) else None
        raise DataError(
            f"{path}: a .txt file is read only as NAME{TEXTS} with NAME{LABELS} beside it.",
            f"Name {path.with_name(meant + packed)} instead." if meant else None,
        )
    texts, escaped = _lines(path)
    labels, _ = _lines(path.with_name(name.removesuffix(TEXTS) + LABELS + packed))
    if len(texts) != len(labels):
        raise DataError(
            f"{path}: has {len(texts):,} lines, but its labels have {len(labels):,}.",
            "Line n of one file must belong to line n of the other.",
        )
    rejects = []
    keep = list(range(len(texts)))
    if escaped:
        damaged = {place for place in keep if UNDECODABLE.search(texts[place])}
        rejects = [
            Reject(str(path), place + 1, "text", "not UTF-8", text=readable(texts[place]))
            for place in sorted(damaged)
        ]
        keep = [place for place in keep if place not in damaged]
    frame = pl.DataFrame(
        {
            "text": [texts[place] for place in keep],
            "label": [readable(labels[place]) for place in keep],
            ROW: [place + 1 for place in keep],
        },
        schema={"text": pl.String, "label": pl.String, ROW: pl.Int64},
    )
    names, notes = _label_names(path, frame["label"])
    return Raw(str(path), frame, tuple(rejects), notes, {"label": names} if names else {})


def _label_names(path: Path, labels: pl.Series) -> tuple[dict[str, str], tuple[str, ...]]:
    """The label names in the `mapping.txt` beside some texts, and what to say of them."""
    file = path.with_name(MAPPING)
    if not file.is_file():
        return {}, ()
    try:
        pairs = [line.split("\t") for line in _lines(file)[0] if line.strip()]
    except DataError:
        pairs = []
    numbers = label_strings(pl.Series([pair[0] for pair in pairs], dtype=pl.String)).to_list()
    if not pairs or any(not "".join(pair[1:2]).strip() for pair in pairs) or _repeats(numbers):
        form = "'LABEL<tab>NAME' lines, each label once"
        return {}, (f"{MAPPING} beside it does not hold {form}; labels stay as they are",)
    names = {str(number): pair[1].strip() for number, pair in zip(numbers, pairs, strict=True)}
    listed = ", ".join(f"{number} is '{name}'" for number, name in names.items())
    notes = [f"labels are named after {MAPPING}: {listed} (move it away to keep the numbers)"]
    unnamed = set(label_strings(labels).drop_nulls()) - set(names)
    if unnamed:
        without = ", ".join(f"'{label[:60]}'" for label in sorted(unnamed)[:_MOST_NAMED])
        notes.append(f"{MAPPING} names no label {without}, which stays as it is")
    return names, tuple(notes)


def _repeats(values: list[str | None]) -> bool:
    return None in values or len(set(values)) < len(values)


def _lines(path: Path) -> tuple[list[str], bool]:
    text, escaped = decode(read_bytes(path), str(path))
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return (lines[:-1] if lines[-1] == "" else lines), escaped
