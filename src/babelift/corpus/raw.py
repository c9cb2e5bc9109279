"""A table as it stands in its file, before anybody knows which column is what."""

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from babelift.corpus.rejects import Reject
from babelift.errors import DataError

ROW: Final = "__babelift_row"
"""Column that holds where a raw row stands: its line in a text file, else its number."""

MAX_COLUMNS: Final = 2_000
"""Columns a table may have; more is a table that is turned on its side, or not a table."""


@dataclass(frozen=True)
class Raw:
    """A table as it was read.

    Attributes:
        file: How the user named it, for messages.
        frame: Its columns, under the file's own names, and `ROW`.
        rejects: Rows that could not be read.
        notes: What the reader found out by itself.
        names: Label names of columns that hold class numbers (from a hub data set).
    """

    file: str
    frame: pl.DataFrame
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    names: dict[str, list[str]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The file's own column names."""
        return [name for name in self.frame.columns if name != ROW]


def check_columns(names: list[str], file: str) -> list[str]:
    """Column names that can be used: stripped, and numbered where they are empty.

    Raises:
        DataError: A name occurs twice, there are too many, or they are no names at all.

    >>> check_columns([" text", ""], "a.csv")
    ['text', 'column_2']
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{file}: has {len(names):,} columns; at most {MAX_COLUMNS:,} can be read.")
    clean = [name.strip() or f"column_{place}" for place, name in enumerate(names, start=1)]
    for name in clean:
        if "\x00" in name:
            raise DataError(f"{file}: is not a text table: its first line holds NUL characters.")
        if clean.count(name) > 1:
            raise DataError(
                f"{file}: column '{name}' occurs {clean.count(name)} times.",
                "The first line must name the columns, each once.",
            )
        if name == ROW:
            raise DataError(f"{file}: a column cannot be called '{ROW}'.")
    return clean
