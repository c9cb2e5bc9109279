"""Files: one way to write, to read and to hash them, and whether a path may be used at all.

Everything is written whole or not at all. A job holds its output while it works (`claim_file`,
`claim_folder`): a second one is refused, and so is a path that holds somebody else's files.
Paths are literal: `*`, `?`, `[`, `~` and `$` in a name are part of the name.
"""

import base64
import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, TypeVar

from babelift.errors import BabeliftError, ConfigError, RunError, did_you_mean, quoted
from babelift.redaction import scrubbed

if TYPE_CHECKING:
    import polars as pl
    from pydantic import BaseModel

    Record = TypeVar("Record", bound=BaseModel)

FORMS: Final = (".parquet", ".jsonl", ".csv")
"""Endings of the tables that can be written."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A table that a job writes, with the files beside it.

    Attributes:
        path: The table.
    """

    path: Path

    @property
    def report(self) -> Path:
        """Counts, and the job that made the table: what tells our tables from others."""
        return self.path.with_name(f"{self.path.name}.report.json")

    @property
    def rejects(self) -> Path:
        """The input's rows that could not be used."""
        return self.path.with_name(f"{self.path.name}.rejects.jsonl")

    def check_job(self, job: str) -> None:
        """Refuse the table that stands there where another job made it.

        Args:
            job: Identifies settings and input, as `job_key` does.

        Raises:
            RunError: Another job made it.
        """
        if _job_of(self.report) != job:
            _refuse(self.path, "exists and was written with other settings or from another input")

    def _check_ours(self) -> None:
        ours = _job_of(self.report) is not None
        if self.report.exists() and not ours:
            _refuse(self.report, "exists and is no report of Babelift's")
        if self.path.exists() and not ours:
            _refuse(self.path, "exists and has no report of Babelift's beside it")


@contextmanager
def claim_file(out: Path, inputs: Iterable[str | Path] = ()) -> Iterator[OutputFile]:
    """Hold a table and the files beside it for one job, from before its work to its end.

    Args:
        out: The table to be written; its folder is made.
        inputs: What the job reads: paths, also behind a word such as `lexicon:`; names that are
            no files are passed over.

    Raises:
        ConfigError: The table's ending is not one of `FORMS`.
        RunError: Another job is writing it, it is a folder, one of the inputs or somebody else's,
            or its folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with claim_file(Path(folder) / "rows.csv") as output:
    ...         output.report.name, output.rejects.name
    ('rows.csv.report.json', 'rows.csv.rejects.jsonl')
    """
    check_form(out)
    output = OutputFile(out)
    with explained(out):
        if out.is_dir():
            _refuse(out, "is a folder", "Name a file with --out.")
        check_no_input((out, output.report, output.rejects), inputs)
    with _lock(out):
        output._check_ours()
        _clear_partials(out.parent, (out.name, output.report.name, output.rejects.name))
        yield output


@contextmanager
def claim_folder(
    out: Path,
    own: Collection[str] | None = None,
    *,
    marker: str | None = None,
    inputs: Iterable[str | Path] = (),
) -> Iterator[None]:
    """Hold a folder for one job, from before its work to its end.

    Args:
        out: The folder; it is not made.
        own: Names that may stand in it. Where it holds anything else, it is somebody else's.
        marker: A file by which the folder is known as ours, whatever else it holds.
        inputs: As in `claim_file`.

    Raises:
        RunError: Another job is writing it, it is a file, holds something else or one of the
            inputs, or cannot be written.
    """
    with explained(out):
        if out.exists() and not out.is_dir():
            _refuse(out, "is a file", "--out must name a folder.")
        check_no_input((out,), inputs)
    with _lock(out):
        if own is not None and not (marker and (out / marker).is_file()) and out.is_dir():
            names = {path.name for path in out.iterdir() if not _is_ours(path)}
            if strange := sorted(names - set(own)):
                _refuse(out, f"holds something else: {', '.join(strange[:3])}")
        _clear_partials(out)
        yield


def check_model_name(folder: Path) -> None:
    """Refuse a folder for a model that tokenizers and safetensors could not write.

    Raises:
        RunError: Its path is not UTF-8.

    >>> check_model_name(Path("runs/exp[1]"))
    """
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as error:
        raise RunError(
            f"'{folder}' cannot hold a model: its name is not UTF-8, which tokenizers need.",
            "Choose another name.",
        ) from error


def not_a_file(path: Path) -> str | None:
    """What stands at a path in place of a file that can be read to its end; None for a file.

    A pipe or a device may never end, nor ever begin, and can be read but once.

    >>> not_a_file(Path("/dev/zero")), not_a_file(Path("/")), not_a_file(Path(__file__))
    ('a device', 'a folder', None)
    """
    mode = path.stat().st_mode
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_form(path: Path) -> None:
    """Refuse a table whose ending is not one of `FORMS`.

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


def _refuse(
    path: Path, why: str, hint: str = "Choose another --out, or move what is there away."
) -> NoReturn:
    raise RunError(f"'{path}' {why}; nothing there was touched.", hint)


def check_no_input(outputs: Iterable[Path], inputs: Iterable[str | Path]) -> None:
    """Refuse to write over an input, by whatever name it goes, or into a folder that holds it.

    Args:
        outputs: Files and folders that will be written; they need not exist.
        inputs: As in `claim_file`.

    Raises:
        RunError: One is or holds an input.
    """
    names = [part for name in inputs for part in (name, str(name).partition(":")[2])]
    known = [Path(name) for name in names if name and _is_there(name)]
    for output in outputs:
        place = Path(os.path.realpath(output))
        for path in known:
            if place in (real := Path(os.path.realpath(path)), *real.parents) or (
                output.exists() and output.samefile(path)
            ):
                what = "is" if output.is_file() else "holds"
                _refuse(output, f"{what} an input of this job, '{path}'", "Choose another --out.")


def _is_there(name: str | Path) -> bool:
    with suppress(OSError, ValueError):  # the words of a data set may be no possible path
        return Path(name).exists()
    return False


def _job_of(report: Path) -> str | None:
    try:
        values = json.loads(report.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    job = values.get("job") if isinstance(values, dict) else None
    return job if isinstance(job, str) else None


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """Hold the one lock of an output; a kill gives it back, and its file disturbs nobody.

    The lock is a hidden file beside the output's real place: another name of the same output
    finds it too. It is removed before it is given back, so one that was opened before that and
    locked after it holds nothing: hence the second look at which file it is.
    """
    from filelock import FileLock, Timeout

    place = Path(os.path.realpath(out))
    file = place.with_name(f".{place.name}.lock")
    if place.is_dir() and not os.access(place.parent, os.W_OK):
        file = place / ".lock"  # a mounted folder, in one that is not ours
    while True:
        with explained(out):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            inode = file.stat().st_ino
            lock = FileLock(file)
            try:
                lock.acquire(blocking=False)
            except Timeout as error:
                raise RunError(
                    f"'{out}' is being written by another job{_holder(file)}.",
                    "Wait until that one has ended, or choose another --out.",
                ) from error
        with suppress(FileNotFoundError):
            if file.stat().st_ino == inode:
                break
        lock.release()
    try:
        with explained(out):
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            file.write_text(f"process {os.getpid()} on {socket.gethostname()}, since {since}")
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release()


def _holder(lock: Path) -> str:
    with suppress(OSError, ValueError):
        if holder := lock.read_text(encoding="utf-8")[:200]:
            return f" ({holder})"
    return ""


_ADDED: Final = len(".01234567.partial")


def partial_of(path: Path) -> Path:
    """A new hidden file beside `path`, to be written first; two writers never share one."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")


def is_partial(path: Path) -> bool:
    """Whether a file is one that `partial_of` names.

    >>> is_partial(partial_of(Path("run/manifest.json"))), is_partial(Path("run/manifest.json"))
    (True, False)
    """
    return path.name.startswith(".") and path.name.endswith(".partial")


def _is_ours(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith((".partial", ".lock"))


def _clear_partials(folder: Path, names: Collection[str] = ()) -> None:
    """Remove what a kill left half written of some files, or of all; for who holds the lock."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if is_partial(path) and (not names or path.name[1:-_ADDED] in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif not names and path.is_dir() and not path.with_name(f".{path.name}.lock").exists():
            _clear_partials(path)


def write_rows(rows: "pl.DataFrame", path: Path) -> None:
    """Write rows in the form that the file's ending says; the same rows give the same bytes.

    What the form does not hold is written as `storable` says.
    """
    with rows_file(path) as append:
        append(rows)


@contextmanager
def rows_file(
    path: Path, *, excel_safe: bool = False
) -> "Iterator[Callable[[pl.DataFrame], None]]":
    """A file of rows, written frame by frame; put in its place, whole, when the block ends.

    All frames have the columns of the first, which may be without rows. What the form does not
    hold is written as `storable` says.

    Args:
        path: The file.
        excel_safe: Write CSV as `excel_safe_rows` says.

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
    form, partial = path.suffix.lower(), partial_of(path)
    try:
        with ExitStack() as stack:
            with explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                # An open file: pyarrow expands "~", takes names for addresses and knows UTF-8 only.
                file = stack.enter_context(partial.open("wb"))

            def write_csv(rows: "pl.DataFrame") -> None:
                rows = excel_safe_rows(rows) if excel_safe else rows
                rows.write_csv(file, include_header=not file.tell())

            writers: dict[str, Callable[[pl.DataFrame], None]] = {
                ".parquet": _parquet_writer(file, stack),
                ".jsonl": lambda rows: rows.write_ndjson(file),
                ".csv": write_csv,
            }
            write = writers[form]

            def append(frame: "pl.DataFrame") -> None:
                with explained(path):
                    write(storable(frame, form))

            yield append
            with explained(path):
                stack.close()
                _put(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _parquet_writer(file: BinaryIO, stack: ExitStack) -> "Callable[[pl.DataFrame], None]":
    """Writes frames into a Parquet file, which is finished when the stack closes."""
    writer: Any = None

    def write(rows: "pl.DataFrame") -> None:
        import polars as pl
        from pyarrow import parquet

        nonlocal writer
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            writer = parquet.ParquetWriter(file, table.schema, compression="zstd")
            stack.callback(writer.close)
        if rows.height:
            writer.write_table(table)

    return write


_FORMULA: Final = r"^(?:[\s\x{200b}\x{feff}]*[=+\-@＝＋－＠]|[\t\r\n])"
_NUMBER: Final = r"^ *[+-]?(?:\d+(?:[.,]\d+)*|[.,]\d+)(?:[eE][+-]?\d+)?%?\s*$"


def excel_safe_rows(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Rows of plain columns in which a spreadsheet finds no formula.

    Text and column names that begin with `=`, `+`, `-` or `@`, also after spaces, or with a tab or
    a line break, get an apostrophe in front; numbers stay numbers. Reading does not take it away.

    >>> import polars as pl
    >>> excel_safe_rows(pl.DataFrame({"=a": ["=1+1", "-1.5", "a=b"], "n": -1})).to_dicts()[:2]
    [{"'=a": "'=1+1", 'n': -1}, {"'=a": '-1.5', 'n': -1}]
    """
    import polars as pl

    text = pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)
    is_formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    rows = rows.with_columns(pl.when(is_formula).then(text.str.replace("^", "'")).otherwise(text))
    names = pl.Series(rows.columns, dtype=pl.String)
    renamed: dict[str, str] = {}
    for name in names.filter(names.str.contains(_FORMULA)):
        safe = f"'{name}"
        while safe in rows.columns or safe in renamed.values():
            safe = f"'{safe}"
        renamed[name] = safe
    return rows.rename(renamed)


def storable(rows: "pl.DataFrame", form: str) -> "pl.DataFrame":
    """Rows as a file of a form holds them, so that none fails after all the work is done.

    Bytes become base64 and durations ISO 8601 in text; what is nested becomes JSON in CSV, flags
    are joined by `|`. Parquet holds all but objects without fields and whole numbers of 128 bits,
    which become text.

    Args:
        rows: The rows.
        form: One of `FORMS`.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"flags": [["copy", "length"], []], "own": [[1], None]})
    >>> storable(rows, ".csv").rows()
    [('copy|length', '[1]'), ('', None)]
    >>> storable(pl.DataFrame({"x": [[b"ab"]]}), ".jsonl").rows()
    [(['YWI='],)]
    """
    import polars as pl

    columns: list[pl.Series] = []
    for column in rows:
        kinds = _kinds(column.dtype)
        if form == ".csv" and column.name == "flags":
            column = column.list.join("|")
        elif form == ".csv" and (column.dtype.is_nested() or kinds & {pl.Binary, pl.Duration}):
            column = _as_text(column)
        elif form == ".jsonl" and pl.Binary in kinds:
            plain, dtype = [_plain(value) for value in column.to_list()], _with_text(column.dtype)
            column = pl.Series(column.name, plain, dtype)
        elif form == ".parquet" and kinds & {None, pl.Int128}:
            column = _as_text(column)
        columns.append(column)
    return pl.DataFrame(columns)


def changed_columns(rows: "pl.DataFrame", path: Path) -> list[str]:
    """What `storable` will do to the user's columns, as sentences to be said before the work.

    >>> import polars as pl
    >>> changed_columns(pl.DataFrame({"image": [b"ab"]}), Path("rows.csv"))
    ["column 'image' holds bytes; .csv has them as base64, .parquet as they are"]
    """
    import polars as pl

    if path.suffix.lower() == ".parquet":
        return []
    return [
        f"column {quoted(name, 60)} holds bytes; {path.suffix} has them as base64, .parquet as "
        "they are"
        for name, dtype in rows.schema.items()
        if pl.Binary in _kinds(dtype)
    ]


def _kinds(dtype: Any) -> set[Any]:
    """The types that a type is built of; None for an object without fields."""
    import polars as pl

    if isinstance(dtype, pl.Struct):
        inner = [_kinds(field.dtype) for field in dtype.fields]
        return set().union(*inner) if inner else {None}
    return _kinds(dtype.inner) if isinstance(dtype, pl.List | pl.Array) else {dtype.base_type()}


def _with_text(dtype: Any) -> Any:
    """The type with text in place of bytes and durations."""
    import polars as pl

    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _with_text(field.dtype) for field in dtype.fields})
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(_with_text(dtype.inner))
    return pl.String() if dtype in (pl.Binary, pl.Duration) else dtype


def _as_text(column: "pl.Series") -> "pl.Series":
    import polars as pl

    plain = (_plain(value) for value in column.to_list())
    texts = [
        value
        if value is None or isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=str)
        for value in plain
    ]
    return pl.Series(column.name, texts, dtype=pl.String)


def _plain(value: Any) -> Any:
    """A value as JSON has it; others than bytes, durations and not-a-number stay as they are."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, timedelta):
        seconds = f"{abs(value.total_seconds()):.6f}".rstrip("0").rstrip(".")
        return f"{'-' if value < timedelta() else ''}PT{seconds}S"
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def write_json(value: Any, path: Path) -> None:
    """Write plain values as indented JSON.

    A lone surrogate, as file names that are not UTF-8 have them, is escaped, so that it is read
    back as it was. Sentences in it, such as errors, name no home folder and no token.
    """
    text = scrubbed(json.dumps(value, ensure_ascii=False, indent=1))
    text = re.sub("[\ud800-\udfff]", lambda lone: f"\\u{ord(lone[0]):04x}", text)
    write_text(f"{text}\n", path)


def write_record(record: "BaseModel", path: Path) -> None:
    """Write a record as indented JSON; `read_record` reads it."""
    write_json(record.model_dump(mode="json", by_alias=True), path)


def write_text(text: str, path: Path) -> Path:
    """Write UTF-8 text; a lone surrogate, possible in JSON, becomes a question mark."""
    data = text.encode("utf-8", errors="replace")
    replace_file(path, lambda partial: partial.write_bytes(data))
    return path


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its place, then put it there in one move.

    Raises:
        RunError: The file cannot be written: disk full, no permission.
    """
    partial = partial_of(path)
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(partial)
            _put(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def replace_folder(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a folder beside its place, then put it there, also where one stands already.

    Its files get the modes that the umask gives: safetensors, for one, makes them private.

    Args:
        path: The folder.
        write: Fills the folder that it is given; that is not made yet.

    Raises:
        RunError: The folder cannot be written: disk full, no permission.
    """
    check_model_name(path)
    partial, old = partial_of(path), partial_of(path)
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(partial)
            mode = _usual_mode(partial)
            for file in partial.rglob("*"):
                if file.is_file():
                    file.chmod(mode)
                    _flush(file)
            if path.exists():
                path.rename(old)
            partial.rename(path)
            _flush_name(path)
        finally:
            if old.exists() and not path.exists():
                old.rename(path)
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def cached_folder(
    folder: Path, write: Callable[[Path], Any], *, is_whole: Callable[[Path], bool] = Path.is_dir
) -> Path:
    """A folder of the cache, made by whoever needs it first; a kill leaves none or a whole one.

    Args:
        folder: In the cache, named after all that shapes its content.
        write: Fills the folder that it is given; that is not made yet.
        is_whole: Whether the folder is there, with all that belongs in it.

    Returns:
        `folder`.

    Raises:
        OSError: It cannot be written.
    """
    from filelock import FileLock

    if is_whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}.partial")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not is_whole(folder):
            for left in (partial, folder):
                shutil.rmtree(left, ignore_errors=True)
            try:
                write(partial)
                for file in filter(Path.is_file, partial.iterdir()):
                    _flush(file)
                partial.replace(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


def _usual_mode(folder: Path) -> int:
    """The mode that the umask gives a new file; read off one, as os tells it only by setting it."""
    probe = partial_of(folder / "mode")
    probe.touch()
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    return mode


def _put(partial: Path, path: Path) -> None:
    """Move a finished file to its place, once it is on the disk."""
    _flush(partial)
    partial.replace(path)
    _flush_name(path)


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _flush_name(path: Path) -> None:
    with suppress(OSError):  # some file systems cannot, and the content is safe already
        _flush(path.parent)


_AGAIN: Final = (
    "Take the file from a copy, or run the command that wrote it again, with another --out."
)


def read_table(path: Path, columns: Sequence[str] | None = None) -> "pl.DataFrame":
    """Read a Parquet file that Babelift wrote; by its literal name, where polars sees patterns.

    Args:
        path: The file.
        columns: Those to read; all by default.

    Raises:
        RunError: The file is missing or damaged.
    """
    import polars as pl

    try:
        with path.open("rb") as file:
            return pl.read_parquet(file, columns=None if columns is None else list(columns))
    except (OSError, pl.exceptions.PolarsError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise RunError(f"'{path}' cannot be read: {why}.", _AGAIN) from error


def read_record(path: Path, model: "type[Record]") -> "Record":
    """Read a record that `write_record` wrote.

    Args:
        path: The file.
        model: The record's type. Where it has a field `version`, its default is the newest one
            that can be read.

    Raises:
        RunError: The file is missing, damaged, or written by a newer Babelift.
    """
    from pydantic import ValidationError

    try:
        values = json.loads(path.read_bytes())
        version = values.get("version") if isinstance(values, dict) else None
        newest = model.model_fields["version"].default if "version" in model.model_fields else None
        if isinstance(version, int) and isinstance(newest, int) and version > newest:
            raise RunError(
                f"'{path}' was written by a newer Babelift: its form has version {version}, this "
                f"one reads up to {newest}.",
                "Update Babelift: pip install --upgrade babelift",
            )
        return model.model_validate(values)
    except OSError as error:
        raise RunError(f"'{path}' cannot be read: {error.strerror or error}.", _AGAIN) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        why = f"{field}: {first['msg']}" if field else first["msg"]
        raise RunError(f"'{path}' is damaged: {why}.", _AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"'{path}' is damaged: it is not JSON ({error}).", _AGAIN) from error


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
def explained(path: Path) -> Iterator[None]:
    """Name the file where writing it fails.

    Raises:
        RunError: It failed: disk full, no permission.
    """
    try:
        with full_disk_explained(path):
            yield
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    except BaseException as error:
        # polars says "Invalid thrift" and the like where the disk fills up in mid-file; where it
        # panics, what it raises is no Exception.
        if type(error).__module__.startswith(("polars", "pyarrow", "pyo3_runtime")):
            raise _unwritable(path, str(error)) from error
        raise


_NO_ROOM: Final = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))


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
