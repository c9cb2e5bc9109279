"""Parquet, and any other Arrow table, as raw columns."""

from pathlib import Path
from typing import Any

import polars as pl

from babelift.corpus.files import check_file
from babelift.corpus.raw import ROW, Raw, check_columns
from babelift.errors import DataError


def read_parquet(path: Path) -> Raw:
    """Read a Parquet file.

    Raises:
        DataError: The file is missing, a folder, unreadable, or not Parquet.
    """
    from pyarrow import ArrowException
    from pyarrow import parquet as arrow

    check_file(path)
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: is empty.")
        with path.open("rb") as file:
            table = arrow.ParquetFile(file).read()
    except (ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: is not a readable Parquet file: {_first_line(error)}") from error
    return Raw(str(path), from_arrow(table, str(path)))


def from_arrow(table: Any, file: str) -> pl.DataFrame:
    """An Arrow table as a polars frame with `ROW`, its text known to be UTF-8.

    Raises:
        DataError: A column's type or content cannot be used.
    """
    from pyarrow import ArrowException

    names = check_columns([str(name) for name in table.column_names], file)
    try:
        table = table.rename_columns(names)
        table.validate(full=True)
        frame = pl.from_arrow(table)
    except (ArrowException, ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{file}: holds columns that cannot be read: {_first_line(error)}"
        ) from error
    except pl.exceptions.PanicException as error:
        raise DataError(f"{file}: holds columns of a type that cannot be read.") from error
    assert isinstance(frame, pl.DataFrame)
    return frame.with_row_index(ROW, offset=1).select(*names, pl.col(ROW).cast(pl.Int64))


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:300]
