"""Tables as files: written all or nothing, read with errors that a user can act on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import polars as pl

from babelift.errors import ConfigError, DataError, did_you_mean

ENDINGS: Final = (".parquet", ".jsonl", ".csv")


def table_ending(path: Path) -> str:
    """The path's ending, which says how a table is written.

    Raises:
        ConfigError: The ending is none of `ENDINGS`.

    >>> table_ending(Path("out/tweets.csv"))
    '.csv'
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ConfigError(
            f"{path}: ending '{path.suffix}' is not one of {', '.join(ENDINGS)}"
            f"{did_you_mean(ending, ENDINGS)}",
            "The ending of the file says in which form it is written.",
        )
    return ending


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path to write to, moved to `path` at the end: a kill leaves no half-written file.

    Raises:
        DataError: The file cannot be written.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except FileExistsError as error:
        raise DataError(f"'{path}' cannot be written: '{error.filename}' is no folder.") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"'{path}' cannot be written: {reason}.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table as its path's ending says; in CSV, lists and structs become JSON.

    Raises:
        ConfigError: The ending is not known.
        DataError: The file cannot be written.
    """
    ending = table_ending(path)
    with written(path) as part:
        if ending == ".parquet":
            table.write_parquet(part)
        elif ending == ".jsonl":
            table.write_ndjson(part)
        else:
            _flat(table).write_csv(part)


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    nested = [name for name, dtype in table.schema.items() if dtype.is_nested()]
    as_json = [
        pl.col(name).map_elements(_json, return_dtype=pl.String, skip_nulls=True) for name in nested
    ]
    return table.with_columns(as_json)


def _json(value: object) -> str:
    plain = value.to_list() if isinstance(value, pl.Series) else value
    return json.dumps(plain, ensure_ascii=False, default=str)


def read_table(path: Path) -> pl.DataFrame:
    """Read a table: Parquet, JSON lines or CSV with a header, UTF-8.

    Raises:
        ConfigError: The ending is not known.
        DataError: The file is missing, empty or cannot be read as what its ending says.
    """
    ending = table_ending(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"{path}: {what}; a table was expected.")
    try:
        if ending == ".parquet":
            table = pl.read_parquet(path)
        elif ending == ".jsonl":
            table = pl.read_ndjson(path, infer_schema_length=None)
        else:
            table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: cannot be read as {ending[1:]}: {reason}") from error
    if table.is_empty():
        raise DataError(f"{path}: holds no rows.")
    return table
