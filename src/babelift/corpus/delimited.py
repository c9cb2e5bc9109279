"""csv and tsv, and pairs of text files, with each row that cannot be read located."""

import csv
import io
from collections.abc import Iterator
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

TEXTS: Final = "_text.txt"
LABELS: Final = "_labels.txt"
MAPPING: Final = "mapping.txt"
"""Stands beside TweetEval's texts and labels and names these: `0<tab>negative`."""

_MOST_NAMED: Final = 20


def read_clean(data: bytes, file: str, delimiter: str) -> pl.DataFrame | None:
    """Read a faultless table, each row with the line it starts in; None where there is a fault.

    Gives the same as `read_exact`, many times faster.

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
        return Raw(file, clean, notes=notes)
    text, _ = decode(data, file)
    lines = list(io.StringIO(text, newline=""))
    frame, rejects = read_exact(lines, file, delimiter)
    if tab and (rejects or record_lines(data, delimiter) is None):
        plain, plain_rejects = read_exact(lines, file, delimiter, quoted=False)
        if len(plain_rejects) <= len(rejects):
            frame, rejects = plain, plain_rejects
            notes = (*notes, "quotation marks are read as part of the text")
    return Raw(file, frame, tuple(rejects), notes)


def read_exact(
    lines: list[str], file: str, delimiter: str, *, quoted: bool = True
) -> tuple[pl.DataFrame, list[Reject]]:
    """Read record by record: the good ones with the line they start in, and the others.

    Raises:
        DataError: The header cannot be used, or the quoting is broken throughout.
    """
    with _any_field_size():
        records = _records(lines, file, delimiter, csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        number, header = next(records, (1, "there are none"))
        if isinstance(header, str) or any(UNDECODABLE.search(name) for name in header):
            why = header if isinstance(header, str) else "not UTF-8"
            raise DataError(f"{file}: the column names in line {number} cannot be read: {why}.")
        names = check_columns(header, file)
        rejects: list[Reject] = []
        parts: list[pl.DataFrame] = []
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, fields in records:
            if isinstance(fields, str):
                rejects.append(Reject(file, number, None, fields, text=readable(lines[number - 1])))
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
    lines: list[str], file: str, delimiter: str, quoting: Literal[0, 3]
) -> Iterator[tuple[int, list[str] | str]]:
    """Each record's line and fields, or what is wrong with it.

    A quote that is opened and never properly closed would swallow the rows below it. Reading goes
    on at the line after the one that opened it, so that one fault costs one row.
    """
    feed = _Lines(lines)
    reader = csv.reader(feed, delimiter=delimiter, quoting=quoting, strict=True)
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
                    f"{file}: quotation marks are broken from line {start + 1} on."
                ) from error
            feed.position = start + 1
            yield start + 1, "broken quoting"
            continue
        if fields:
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
