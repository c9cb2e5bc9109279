"""Files: written whole or not at all, hashed; and where the cache is."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babelift.errors import BabeliftError, ConfigError, RunError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

FORMS: Final = (".parquet", ".jsonl", ".csv")


def check_form(path: Path) -> None:
    """Refuse an output file whose ending is not one of `FORMS`.

    Raises:
        ConfigError: The ending is not known.

    >>> check_form(Path("rows.parquet"))
    """
    if path.suffix.lower() not in FORMS:
        ending = path.suffix or path.name
        raise ConfigError(
            f"output '{path}': ending '{ending}' is not known{did_you_mean(ending, FORMS)}",
            f"Endings that can be written: {', '.join(FORMS)}.",
        )


def check_place(path: Path) -> None:
    """Make the output's folder and see that files can be written there, before any work.

    Raises:
        RunError: The folder cannot be made or written.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = partial_of(path)
        probe.touch()
        probe.unlink()


def partial_of(path: Path) -> Path:
    """The hidden file beside `path` that is written first; one that a kill left is written over."""
    return path.with_name(f".{path.name}.partial")


def is_partial(path: Path) -> bool:
    """Whether a file is one that `partial_of` names.

    >>> is_partial(partial_of(Path("run/manifest.json"))), is_partial(Path("run/manifest.json"))
    (True, False)
    """
    return path.name.startswith(".") and path.name.endswith(".partial")


def write_rows(rows: "pl.DataFrame", path: Path) -> None:
    """Write rows in the form that the file's ending says; the same rows give the same bytes.

    CSV holds no lists: flags are joined by `|`, other nested columns become JSON.
    """
    with rows_file(path) as append:
        append(rows)


@contextmanager
def rows_file(path: Path) -> "Iterator[Callable[[pl.DataFrame], None]]":
    """A file of rows, written frame by frame; put in its place, whole, when the block ends.

    All frames have the columns of the first, which may be without rows. CSV holds no lists: flags
    are joined by `|`, other nested columns become JSON.

    Raises:
        RunError: The file cannot be written: disk full, no permission.

    >>> import polars as pl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.csv"
    ...     with rows_file(path) as append:
    ...         append(pl.DataFrame({"id": ["1"]}))
    ...         append(pl.DataFrame({"id": ["2"]}))
    ...     path.read_text()
    'id\\n1\\n2\\n'
    """
    forms = {".parquet": _parquet_file, ".jsonl": _jsonl_file, ".csv": _csv_file}
    partial = partial_of(path)
    try:
        with ExitStack() as stack:
            with _explained(path):
                write = stack.enter_context(forms[path.suffix.lower()](partial))

            def append(frame: "pl.DataFrame") -> None:
                with _explained(path):
                    write(frame)

            yield append
            with _explained(path):
                stack.close()
                _put(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def _parquet_file(path: Path) -> "Iterator[Callable[[pl.DataFrame], None]]":
    import polars as pl
    from pyarrow import parquet

    with ExitStack() as stack:
        writer: Any = None

        def append(frame: pl.DataFrame) -> None:
            nonlocal writer
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = parquet.ParquetWriter(path, table.schema, compression="zstd")
                stack.callback(writer.close)
            if frame.height:
                writer.write_table(table)

        yield append


@contextmanager
def _jsonl_file(path: Path) -> "Iterator[Callable[[pl.DataFrame], None]]":
    with path.open("wb") as file:
        yield lambda frame: frame.write_ndjson(file)


@contextmanager
def _csv_file(path: Path) -> "Iterator[Callable[[pl.DataFrame], None]]":
    with path.open("wb") as file:
        yield lambda frame: flattened(frame).write_csv(file, include_header=not file.tell())


def flattened(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Rows without nested columns, as CSV needs it.

    >>> import polars as pl
    >>> flattened(pl.DataFrame({"flags": [["copy", "length"], []], "own": [[1], None]})).rows()
    [('copy|length', '[1]'), ('', None)]
    """
    import polars as pl

    columns = []
    for name, dtype in rows.schema.items():
        if name == "flags":
            columns.append(pl.col(name).list.join("|"))
        elif dtype.is_nested():
            values = [None if value is None else _json(value) for value in rows[name].to_list()]
            columns.append(pl.Series(name, values, dtype=pl.String))  # type: ignore[arg-type]
        elif dtype == pl.Binary:
            columns.append(pl.col(name).bin.encode("base64"))
        else:
            columns.append(pl.col(name))
    return rows.select(columns)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def write_json(value: Any, path: Path) -> None:
    """Write plain values as indented JSON."""
    write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", path)


def write_text(text: str, path: Path) -> Path:
    """Write UTF-8 text; a lone surrogate, possible in JSON, becomes a question mark."""
    data = text.encode("utf-8", errors="replace")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda partial: partial.write_bytes(data))
    return path


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its place, then put it there in one move.

    Raises:
        RunError: The file cannot be written: disk full, no permission.
    """
    partial = partial_of(path)
    with _explained(path):
        try:
            write(partial)
            _put(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _put(partial: Path, path: Path) -> None:
    """Move a finished file to its place, once it is on the disk."""
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def job_key(settings: Any, inputs: Sequence[str]) -> str:
    """Hash of a job's settings and its input's content: the same job gives the same output.

    Args:
        settings: Plain values.
        inputs: Paths; a name that is no file stands for itself.
    """
    hashes = [file_hash(Path(name)) if Path(name).is_file() else name for name in inputs]
    return hashlib.sha256(json.dumps([settings, hashes], sort_keys=True).encode()).hexdigest()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        with full_disk_explained(path):
            yield
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    except Exception as error:
        # polars says "Invalid thrift" and the like where the disk fills up in mid-file.
        if type(error).__module__.startswith("polars"):
            raise _unwritable(path, str(error)) from error
        raise


_NO_ROOM: Final = ("No space left on device", "Disk quota exceeded")


@contextmanager
def full_disk_explained(path: Path) -> Iterator[None]:
    """Name a full disk as what it is, whichever library ran into it and whatever it raised.

    Raises:
        RunError: The disk is full.
    """
    try:
        yield
    except BabeliftError:
        raise
    except Exception as error:
        # polars, safetensors and tokenizers each have an exception of their own for it.
        if why := next((words for words in _NO_ROOM if words in str(error)), None):
            raise _unwritable(path, why) from error
        raise


def _unwritable(path: Path, why: str) -> RunError:
    return RunError(
        f"'{path}' cannot be written: {why}.",
        "Choose another --out, or make room or permission there and run the same command again; "
        "what was finished is kept.",
    )


def cache_dir() -> Path:
    """The cache folder: `BABELIFT_CACHE`, else the platform's own, made if it is missing.

    Raises:
        ConfigError: The folder cannot be made.
    """
    from platformdirs import user_cache_path

    chosen = os.environ.get("BABELIFT_CACHE")
    folder = Path(chosen).expanduser() if chosen else user_cache_path("babelift")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cache folder '{folder}' cannot be made: {error.strerror or error}.",
            "Point BABELIFT_CACHE at a folder that can be written.",
        ) from error
    return folder
