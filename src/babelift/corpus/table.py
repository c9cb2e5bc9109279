"""A table as it stands in its file: bytes, and columns before anybody knows which is what."""

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from babelift.corpus.rejects import Reject
from babelift.errors import DataError, UnreadableError, did_you_mean, quoted
from babelift.store import not_a_file

BLOCK: Final = 1 << 20
"""Bytes of a text table that are read at a time."""

WHOLE: Final = max(256 << 20, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 20)
"""Bytes of a text table that may be held at once: its values take up to ten times that, which is
half of this machine's memory."""

MAY_EXPAND: Final = 32 << 20
"""Bytes that any gzip file may expand to."""

MAX_RATIO: Final = 100
"""How many times its size a larger one may; tables reach 5 to 20, a bomb 1,030."""

_RESERVED: Final = "__babelift_"
"""Begins the names of columns of ours that stand beside the user's while rows are made."""

ROW: Final = f"{_RESERVED}row"
"""Column that holds where a raw row stands: its line in a text file, else its number."""

MAX_COLUMNS: Final = 2_000
"""Columns a table may have; more is a table that is turned on its side, or not a table."""

MAX_NAME: Final = 1_000
"""Characters of a column's name, a label or an id; longer is a text in the wrong place."""

MAX_DEPTH: Final = 32
"""Levels of a nested value; the time that polars takes for one grows with their square and more."""

ENDINGS: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt")
"""Endings of text tables; each may be followed by `.gz`."""

_MAGIC: Final = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "gzip-compressed",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"(\xb5/\xfd": "zstd-compressed",
    b"%PDF": "a PDF",
}

UTF8_BOM: Final = b"\xef\xbb\xbf"
"""The mark that Excel puts before UTF-8 text."""
_WIDE_BOMS: Final = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}

# A file in one other encoding has it in every row that is not plain ASCII; a file with a few
# damaged rows does not. Below this share of all lines, damaged rows are rejected one by one.
_SYSTEMATIC: Final = 0.01


@dataclass(frozen=True)
class Raw:
    """A table as it was read.

    Attributes:
        file: How the user named it, for messages.
        frame: Its columns, under the file's own names, and `ROW`.
        rejects: Rows that could not be read.
        notes: What the reader found out by itself.
        names: Label names by what stands in the column, of columns that hold class numbers (from
            a hub data set, or a `mapping.txt`).
        doubtful: Lines in which a record starts that holds whole records.
    """

    file: str
    frame: pl.DataFrame
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    doubtful: tuple[int, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The file's own column names."""
        return [name for name in self.frame.columns if name != ROW]


def check_columns(names: list[str], file: str) -> list[str]:
    """Column names that can be used: stripped, and numbered where they are empty.

    Raises:
        DataError: A name occurs twice or is too long, there are too many, or they are no names.

    >>> check_columns([" text", ""], "a.csv")
    ['text', 'column_2']
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{file}: has {len(names):,} columns; at most {MAX_COLUMNS:,} can be read.")
    clean = [name.strip() or f"column_{place}" for place, name in enumerate(names, start=1)]
    for place, name in enumerate(clean, start=1):
        if len(name) > MAX_NAME:
            raise DataError(
                f"{file}: the name of column {place} has {len(name):,} characters; at most "
                f"{MAX_NAME:,} can be read. It begins {quoted(name, 60)}.",
                "The first line must name the columns.",
            )
        if "\x00" in name:
            raise DataError(f"{file}: is not a text table: its first line holds NUL characters.")
        if clean.count(name) > 1:
            raise DataError(
                f"{file}: column '{name}' occurs {clean.count(name)} times.",
                "The first line must name the columns, each once.",
            )
        if name.startswith(_RESERVED):
            raise DataError(f"{file}: a column cannot be called '{name[:60]}'.")
    return clean


def ending(path: Path) -> str:
    """The ending that says what a file is, in lower case and without `.gz`.

    >>> ending(Path("data/Reviews.CSV.gz"))
    '.csv'
    """
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def check_file(path: Path) -> None:
    """Make sure that there is a file at `path`.

    Raises:
        UnreadableError: There is nothing there, a folder, or a pipe or device, which may never end.
    """
    names: list[str] = []
    try:
        kind = not_a_file(path) if path.exists() else "missing"
        if kind == "missing" and path.parent.is_dir():
            names = [other.name for other in path.parent.iterdir()]
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{str(path)!r}: cannot be read: {_why(error)}.") from error
    if kind == "missing":
        raise UnreadableError(f"{path}: no such file{did_you_mean(path.name, names) or '.'}")
    if kind == "a folder":
        raise UnreadableError(
            f"{path}: is a folder, not a file.",
            f"Name the files in it, or hub:{path} for a folder that 'datasets' can open.",
        )
    if kind is not None:
        raise UnreadableError(
            f"{path}: is {kind}; only files can be read.",
            "Save what it gives as a file, and name that.",
        )


def blocks(path: Path, size: int) -> Iterator[bytes]:
    """The content of a file, decompressed, block by block; no more than a block is held.

    Args:
        path: The file; one that ends in `.gz` is decompressed.
        size: Bytes of a block; the last may have fewer.

    Raises:
        UnreadableError: The file is missing, no file, unreadable, a broken gzip, or expands beyond
            all measure.
    """
    check_file(path)
    packed = path.name.lower().endswith(".gz")
    if packed:  # a bomb shows itself before a row of it is looked at
        for _ in islice(_blocks(path, BLOCK, packed), MAY_EXPAND // BLOCK + 1):
            pass
    yield from _blocks(path, size, packed)


def _blocks(path: Path, size: int, packed: bool) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            stream = gzip.GzipFile(fileobj=file) if packed and file.peek(1) else file
            total = 0
            while block := stream.read(size):
                total += len(block)
                if packed and total > max(MAY_EXPAND, MAX_RATIO * file.tell()):
                    raise UnreadableError(
                        f"{path}: expands to more than {MAX_RATIO} times its size, as no table "
                        f"does; reading stopped after {file.tell():,} bytes.",
                        "If it is what you want to read, decompress it first: gunzip -k FILE",
                    )
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableError(
            f"{path}: is not a whole gzip file: {_why(error)}.",
            "Fetch or pack it again; see 'gzip -t FILE'.",
        ) from error
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read: {_why(error)}.") from error


class TooLargeError(DataError):
    """A table must be read whole, and is larger than `WHOLE`."""


def read_bytes(path: Path) -> bytes:
    """The content of a text table, decompressed and without a byte-order mark.

    Raises:
        DataError: As `blocks`; or the file is empty, not text, in UTF-16, or larger than `WHOLE`.
    """
    content = bytearray()
    for block in blocks(path, BLOCK):
        content += block
        if len(content) > WHOLE:
            raise TooLargeError(
                f"{path}: must be read whole, and has more than {WHOLE >> 20:,} MiB. Tables of "
                "that size are read in slices, which takes sound quotation marks, UTF-8, and "
                "columns that keep their type.",
                "Split it into smaller files, or save it as Parquet.",
            )
    data = bytes(content)
    if not data or data.isspace():
        raise DataError(f"{path}: is empty.")
    check_is_text(data, path)
    return data.removeprefix(UTF8_BOM)


def decode(data: bytes, file: str) -> tuple[str, bool]:
    """Text from bytes, and whether any of them were not UTF-8.

    Undecodable bytes become lone surrogates (`UNDECODABLE`), for the reader to reject their rows.

    Raises:
        DataError: The file as a whole is in another encoding.
    """
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        _check_is_utf8(data, file)
        return data.decode("utf-8", "surrogateescape"), True


def check_is_text(data: bytes, path: Path) -> None:
    """See by its start that a file is text in an encoding that can be read.

    Raises:
        DataError: It is a known kind of binary file, or in UTF-16 or UTF-32.
    """
    for bom, name in _WIDE_BOMS.items():
        if data.startswith(bom):
            raise _wrong_encoding(str(path), name, name)
    for magic, what in _MAGIC.items():
        if data.startswith(magic):
            raise DataError(
                f"{path}: is {what}, not a text table.",
                "Give the file the ending it needs, or save it as UTF-8 csv.",
            )
    sample = data[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) > 0.15 * len(sample) > 20 * min(even, odd):
        raise _wrong_encoding(str(path), "UTF-16", "UTF-16LE" if odd > even else "UTF-16BE")


def _check_is_utf8(data: bytes, file: str) -> None:
    lines = data.split(b"\n")
    bad, good, first = 0, 0, (0, 0)
    for number, line in enumerate(lines, start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            good += 1
        except UnicodeDecodeError as error:
            bad += 1
            first = first if bad > 1 else (number, line[error.start])
    if bad <= good or bad < _SYSTEMATIC * len(lines):
        return
    high = sum(byte > 127 for byte in data[:100_000]) / len(data[:100_000])
    if high > 0.3:
        looks, codec = "a multi-byte encoding such as Shift-JIS or GB18030", "ENCODING"
    else:
        looks, codec = "Latin-1 or Windows-1252", "WINDOWS-1252"
    where = f" (byte 0x{first[1]:02x} in line {first[0]})"
    raise _wrong_encoding(file, looks, codec, where)


def _wrong_encoding(file: str, looks: str, codec: str, where: str = "") -> DataError:
    return DataError(
        f"{file}: is not UTF-8{where}; it looks like {looks}.",
        f"Save it as UTF-8, for example: iconv -f {codec} -t UTF-8 IN > OUT",
    )


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
