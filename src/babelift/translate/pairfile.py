"""Reads files of texts or words and their translations, by language pair."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import polars as pl

from babelift.corpus.files import ending, read_bytes
from babelift.corpus.raw import ROW
from babelift.corpus.read import read_raw
from babelift.corpus.rejects import Reject
from babelift.errors import DataError, LanguageError, did_you_mean
from babelift.languages import resolve

Pair = tuple[str, str]

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class PairFile:
    """A table with a source and a target language in every row.

    Attributes:
        frame: The columns asked for, as text, without rows that lack a required one; languages
            are the tags of `babelift.languages`. An optional column that the file lacks is absent.
        notes: Sentences about rows that were left out.
        hash: SHA-256 of the file, hexadecimal.
    """

    frame: pl.DataFrame
    notes: tuple[str, ...]
    hash: str

    def pairs(self) -> frozenset[Pair]:
        """The (source, target) tags that occur."""
        return frozenset(self.frame.select("source_lang", "target_lang").unique().iter_rows())


def read_pair_file(path: Path, texts: Sequence[str], optional: Sequence[str] = ()) -> PairFile:
    """Read csv, tsv, jsonl (also .gz) or parquet with `source_lang`, `target_lang` and more.

    Args:
        path: The file.
        texts: Required columns besides the languages; only the last may be empty in a row.
        optional: Columns that are taken where they are there.

    Raises:
        DataError: The file cannot be read, or lacks a column, or has no usable row.
        LanguageError: A language in it is not known.
    """
    required = ["source_lang", "target_lang", *texts]
    frame, rejects = _read(path, required, optional)
    for name in required:
        if name not in frame.columns:
            present = [column for column in frame.columns if column != ROW]
            raise DataError(
                f"{path}: lacks the column '{name}'{did_you_mean(name, present)}",
                f"Needed: {', '.join(required)}. Found: {', '.join(present)}.",
            )
    chosen = [*required, *(name for name in optional if name in frame.columns)]
    # Texts that are numbers are read as numbers; a csv file cannot say that a value is missing.
    frame = frame.select(pl.col(chosen).cast(pl.String)).with_columns(
        pl.col(name).replace("", None) for name in chosen if name != required[-1]
    )
    whole = frame.drop_nulls(required)
    if whole.is_empty():
        raise DataError(f"{path}: has no row with all of {', '.join(required)}.")
    notes = []
    if rejects:
        first = rejects[0]
        notes.append(
            f"{path}: {len(rejects)} rows cannot be read; the first is row {first.row}: "
            f"{first.reason}."
        )
    if whole.height < frame.height:
        notes.append(f"{path}: {frame.height - whole.height} rows are not complete.")
    tags = [_tags(whole, name, path) for name in ("source_lang", "target_lang")]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PairFile(whole.with_columns(tags), tuple(notes), digest)


def _read(
    path: Path, required: Sequence[str], optional: Sequence[str]
) -> tuple[pl.DataFrame, tuple[Reject, ...]]:
    if ending(path) in (".jsonl", ".ndjson"):
        whole = _read_fast(read_bytes(path), [*required, *optional])
        if whole is not None and set(required) <= set(whole.columns):
            return whole, ()
    raw = read_raw(str(path))
    return raw.frame, raw.rejects


def _read_fast(data: bytes, columns: Sequence[str]) -> pl.DataFrame | None:
    """The columns that are there, five times as fast as the reader that can locate faults.

    None where that one must have its say: polars reads half a surrogate pair as NUL.
    """
    if _SURROGATE.search(data):
        return None
    try:
        frame = pl.read_ndjson(BytesIO(data), schema=dict.fromkeys(columns, pl.String))
    except pl.exceptions.PolarsError:
        return None
    # A column that the file lacks is there, and null.
    return frame.select(column for column in frame if column.null_count() < len(column))


def _tags(frame: pl.DataFrame, name: str, path: Path) -> pl.Expr:
    tags = {}
    for value in frame[name].unique(maintain_order=True):
        try:
            tags[value] = resolve(value)
        except LanguageError as error:
            raise LanguageError(f"{path}: column '{name}': {error.message}", error.hint) from error
    return pl.col(name).replace_strict(tags, return_dtype=pl.String)
