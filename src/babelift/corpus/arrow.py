"""Parquet, data sets of a hub, and any other Arrow table, as raw columns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from babelift.corpus.table import (
    MAX_COLUMNS,
    MAX_DEPTH,
    MAX_RATIO,
    MAY_EXPAND,
    ROW,
    Raw,
    check_columns,
    check_file,
)
from babelift.errors import DataError, MissingDependencyError, did_you_mean, first_line, quoted
from babelift.store import cache_dir

PREFIX: Final = "hub:"

_SAVED: Final = ("dataset_dict.json", "state.json")


ROWS: Final = 5_000
"""Rows of a Parquet table in one slice."""

_SLICE: Final = 64 << 20
"""Bytes of one slice, where rows are large: tables with images."""

_PROBE: Final = 8


def read_parquet(path: Path) -> Raw:
    """Read a Parquet file whole.

    Raises:
        DataError: As `parquet_tables`.
    """
    from pyarrow import concat_tables

    return Raw(str(path), from_arrow(concat_tables(parquet_tables(path)), str(path)))


def parquet_tables(path: Path) -> Iterator[Any]:
    """The rows of a Parquet file as Arrow tables, the first of them empty.

    Raises:
        DataError: The file is missing, no file, empty, not Parquet, has too many columns or too
            deep ones, or expands beyond all measure.
    """
    from pyarrow import ArrowException, Table, parquet

    check_file(path)
    try:
        with path.open("rb") as file:
            if not file.peek(1):
                raise DataError(f"{path}: is empty.")
            opened = parquet.ParquetFile(file)
            _check_form(opened, path)
            yield opened.schema_arrow.empty_table()
            for group in range(opened.num_row_groups):
                for batch in opened.iter_batches(_batch_rows(opened, group), row_groups=[group]):
                    yield Table.from_batches([batch])
    except DataError:
        raise
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: is not a readable Parquet file: {first_line(error)}") from error


def _check_form(opened: Any, path: Path) -> None:
    """See by its last bytes, which describe it, whether a Parquet file can be read."""
    if opened.metadata.num_columns > MAX_COLUMNS:
        raise DataError(
            f"{path}: has {opened.metadata.num_columns:,} columns; at most {MAX_COLUMNS:,} can be "
            "read."
        )
    for field in opened.schema_arrow:
        if _depth(field.type, MAX_DEPTH) > MAX_DEPTH:
            raise DataError(
                f"{path}: column {quoted(field.name, 60)} is nested more than {MAX_DEPTH} levels "
                "deep.",
                "Leave the column out, or write it as JSON text.",
            )
    for group in range(opened.num_row_groups):
        for column in range(opened.metadata.num_columns):
            chunk = opened.metadata.row_group(group).column(column)
            allowed = max(MAY_EXPAND, MAX_RATIO * chunk.total_compressed_size)
            if chunk.total_uncompressed_size > allowed:
                raise DataError(
                    f"{path}: column {quoted(chunk.path_in_schema, 60)} expands to more than "
                    f"{MAX_RATIO} times its size, as no table does.",
                    "Leave the column out, or write the file without compression.",
                )


def _depth(dtype: Any, most: int) -> int:
    if not dtype.num_fields or not most:
        return 1
    return 1 + max(_depth(dtype.field(place).type, most - 1) for place in range(dtype.num_fields))


def _batch_rows(opened: Any, group: int) -> int:
    """Rows of a row group that make a slice: few where they are large, in the file or unpacked."""
    described = opened.metadata.row_group(group)
    probe = next(opened.iter_batches(_PROBE, row_groups=[group]), None)
    if probe is None or not probe.num_rows:
        return ROWS
    size = max(probe.nbytes / probe.num_rows, described.total_byte_size / described.num_rows)
    return max(1, min(ROWS, int(_SLICE / max(size, 1))))


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
            f"{file}: holds columns that cannot be read: {first_line(error)}"
        ) from error
    except pl.exceptions.PanicException as error:
        raise DataError(f"{file}: holds columns of a type that cannot be read.") from error
    assert isinstance(frame, pl.DataFrame)
    return frame.with_row_index(ROW, offset=1).select(*names, pl.col(ROW).cast(pl.Int64))


class HubName(NamedTuple):
    """The parts of `hub:NAME[#config][:split]`."""

    name: str
    config: str | None
    split: str | None


def parse_hub(source: str) -> HubName:
    """Take `hub:NAME[#config][:split]` apart.

    Raises:
        DataError: There is no name.

    >>> parse_hub("hub:Davlan/sib200#deu_Latn:test")
    HubName(name='Davlan/sib200', config='deu_Latn', split='test')
    >>> parse_hub("hub:data/reviews:train").name, parse_hub("hub:C:/reviews").name
    ('data/reviews', 'C:/reviews')
    """
    name, _, after = source.removeprefix(PREFIX).partition("#")
    config, _, split = after.partition(":")
    if not after:
        head, _, tail = name.rpartition(":")
        # A colon before a slash belongs to a path, not to a split.
        if head and not {"/", "\\"} & set(tail):
            name, split = head, tail
    if not name:
        raise DataError(
            f"'{source}' names no data set.", "Write hub:NAME or hub:NAME#config:split."
        )
    return HubName(name, config or None, split or None)


def read_hub(source: str) -> Raw:
    """Load a data set from a hub or from a folder that `datasets` can open.

    Without a split all splits are read, and a column `split` says which.

    Raises:
        MissingDependencyError: The library `datasets` is not installed.
        DataError: The data set cannot be found or opened, or has no such split.
    """
    wanted = parse_hub(source)
    try:
        import datasets
    except ImportError as error:
        raise MissingDependencyError(
            f"{source}: reading hub data sets needs the library 'datasets'.",
            "Install it: pip install 'babelift[hub]'",
        ) from error
    try:
        loaded = _load(datasets, wanted)
    # The library raises whatever its many parts raise: a missing set, no network, a bad file.
    except Exception as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise DataError(
            f"{source}: the data set cannot be loaded: {why}",
            "Check the name, the config after '#', and the connection.",
        ) from error
    parts = dict(loaded) if hasattr(loaded, "keys") else {wanted.split or "": loaded}
    if wanted.split is not None:
        if wanted.split not in parts:
            raise DataError(
                f"{source}: there is no split '{wanted.split}'"
                f"{did_you_mean(wanted.split, parts) or '.'}",
                f"Its splits are: {', '.join(parts)}.",
            )
        parts = {wanted.split: parts[wanted.split]}
    return _to_raw(datasets, source, parts)


def _load(datasets: Any, wanted: HubName) -> Any:
    folder = Path(wanted.name)
    if folder.is_dir() and any((folder / name).is_file() for name in _SAVED):
        return datasets.load_from_disk(str(folder))
    cache = cache_dir() / "datasets"
    return datasets.load_dataset(wanted.name, wanted.config, cache_dir=str(cache))


def _to_raw(datasets: Any, source: str, parts: dict[str, Any]) -> Raw:
    frames = []
    names: dict[str, dict[str, str]] = {}
    for split, part in parts.items():
        for column, feature in part.features.items():
            if isinstance(feature, datasets.ClassLabel):
                names[column] = {str(number): name for number, name in enumerate(feature.names)}
        frame = from_arrow(part.with_format("arrow")[:], source)
        if len(parts) > 1 and "split" not in frame.columns:
            frame = frame.with_columns(split=pl.lit(split))
        frames.append(frame)
    try:
        frame = pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{source}: its splits have columns of different types.",
            f"Name one of the splits: {', '.join(parts)}.",
        ) from error
    numbers = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True)
    licenses = {str(part.info.license).strip() for part in parts.values() if part.info.license}
    notes = tuple(f"the data set's licence is '{name}'" for name in sorted(licenses))
    return Raw(source, frame.with_columns(numbers.alias(ROW)), notes=notes, names=names)
