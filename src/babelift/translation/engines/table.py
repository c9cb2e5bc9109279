"""Serves translations that already exist in a file."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import polars as pl

from babelift.config import Translating
from babelift.corpus.rejects import Reject
from babelift.corpus.slices import read_raw
from babelift.corpus.table import ROW, ending, read_bytes
from babelift.errors import (
    ConfigError,
    DataError,
    LanguageError,
    MissingTranslationError,
    did_you_mean,
    quoted,
)
from babelift.languages import find, reductions, resolve
from babelift.store import file_hash
from babelift.translation.protocol import Translation, check_pair

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
        reduced: Which of its languages are those of `babelift.languages` in part only.
    """

    frame: pl.DataFrame
    notes: tuple[str, ...]
    hash: str
    reduced: tuple[str, ...] = ()

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
    written = [whole[name].unique(maintain_order=True) for name in ("source_lang", "target_lang")]
    reduced = tuple(f"{path}: {note}" for note in reductions(pl.concat(written)))
    tags = [_tags(whole, name, path) for name in ("source_lang", "target_lang")]
    return PairFile(whole.with_columns(tags), tuple(notes), file_hash(path), reduced)


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

    None where that reader is needed: polars reads half a surrogate pair as NUL.
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
            tags[value] = resolve(find(value) or value)
        except LanguageError as error:
            raise LanguageError(f"{path}: column '{name}': {error.message}", error.hint) from error
    return pl.col(name).replace_strict(tags, return_dtype=pl.String)


TRUSTED: Final = frozenset({"reference", "human"})
"""Systems whose translations count as trusted: their rows have the origin `reference`."""


def load(argument: str, config: Translating) -> "Table":
    """The translator `table:FILE#SYSTEM`; `#SYSTEM` may be absent where the file has only one.

    Raises:
        ConfigError: Its system is not known, or has to be named.
        DataError: The file cannot be read or lacks a column.
        LanguageError: A language in the file is not known.
    """
    file, _, system = argument.rpartition("#")
    if not file or Path(argument).is_file():
        file, system = argument, ""
    return Table(Path(file), system or None, missing=config.missing)


class Table:
    """Looks texts up in a file with `source_lang, target_lang, source_text, target_text`.

    A text is found by itself or, failing that, without regard to white space and Unicode's
    normal forms. Only the directions that stand in the file are possible. Where the file has
    two translations for one text, the first counts.

    Args:
        path: A csv, tsv, jsonl (also .gz) or parquet file, optionally with the column `system`.
        system: Whose translations; None where the file has only one system's.
        missing: `error` or `drop`: what to do with a text that is not in the file.

    Raises:
        ConfigError: The system is not in the file, or has to be named.
        DataError: The file cannot be read or lacks a column.
        LanguageError: A language in the file is not known.

    Attributes:
        origin: `reference` where the system is one of `TRUSTED`, else `machine`.
    """

    indivisible = True
    unit: Literal["sentence", "text"] = "text"
    license: str | None = None

    def __init__(
        self, path: Path, system: str | None = None, *, missing: Literal["error", "drop"] = "error"
    ) -> None:
        file = read_pair_file(path, ("source_text", "target_text"), optional=("system",))
        self.path = path
        self.missing = missing
        self._frame, self.system = _of_system(file.frame, system, path)
        self._notes = [*file.notes, *file.reduced]
        self._pairs = frozenset(
            self._frame.select("source_lang", "target_lang").unique().iter_rows()
        )
        self._exact: dict[Pair, dict[str, str]] = {}
        self._normal: dict[Pair, dict[str, str]] = {}
        self.name = self.system or path.name.split(".")[0]
        self.origin: Literal["machine", "reference"] = (
            "reference" if (self.system or "").lower() in TRUSTED else "machine"
        )
        self.fingerprint = f"table/1:{file.hash[:16]}#{self.system or ''}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about rows of the file that were left out."""
        return tuple(self._notes)

    def pairs(self) -> frozenset[Pair]:
        """The pairs that stand in the file."""
        return self._pairs

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Look texts up, one result per text, in order.

        Raises:
            LanguageError: The pair is not in the file.
            MissingTranslationError: A text is not in the file, unless missing ones are dropped.
        """
        pair = (source_lang, target_lang)
        check_pair(self.name, *pair, self._pairs)
        translations = [self._find(text, pair) for text in texts]
        lacking = [text for text, answer in zip(texts, translations, strict=True) if answer is None]
        if lacking and self.missing == "error":
            system = f" by '{self.system}'" if self.system else ""
            raise MissingTranslationError(
                f"{self.path}: {len(lacking)} of {len(texts)} texts have no translation "
                f"{source_lang}>{target_lang}{system}; the first is {quoted(lacking[0])}.",
                "Pass --missing drop to leave such rows out, or add them to the file.",
            )
        return map(Translation, translations)

    def close(self) -> None:
        """Forget what was looked up; safe to call twice."""
        self._exact.clear()
        self._normal.clear()

    def _find(self, text: str, pair: Pair) -> str | None:
        if pair not in self._exact:
            self._exact[pair] = self._read_pair(pair)
        exact = self._exact[pair]
        if text in exact:
            return exact[text]
        if pair not in self._normal:
            normal: dict[str, str] = {}
            for source, target in exact.items():
                normal.setdefault(_normalise(source), target)
            self._normal[pair] = normal
        return self._normal[pair].get(_normalise(text))

    def _read_pair(self, pair: Pair) -> dict[str, str]:
        rows = self._frame.filter(
            (pl.col("source_lang") == pair[0]) & (pl.col("target_lang") == pair[1])
        ).select("source_text", "target_text")
        first = rows.unique("source_text", keep="first", maintain_order=True)
        conflicts = rows.unique().height - first.height
        if conflicts:
            self._notes.append(
                f"{self.path}: {conflicts} more translations {pair[0]}>{pair[1]} of texts that "
                "have one already were left out."
            )
        return dict(zip(first["source_text"], first["target_text"], strict=True))


def _of_system(
    frame: pl.DataFrame, system: str | None, path: Path
) -> tuple[pl.DataFrame, str | None]:
    """The rows of one system, and its name."""
    if "system" not in frame.columns:
        if system is not None:
            raise ConfigError(
                f"{path}: has no column 'system', so '{system}' cannot be chosen.",
                f"Write table:{path}.",
            )
        return frame, None
    systems = sorted(frame["system"].drop_nulls().unique())
    if system is None and len(systems) == 1:
        system = systems[0]
    if system is None:
        raise ConfigError(
            f"{path}: holds translations by {len(systems)} systems: {', '.join(systems)}.",
            f"Choose one: table:{path}#{systems[0]}" if systems else "Name the system in each row.",
        )
    if system not in systems:
        raise ConfigError(
            f"{path}: holds no translations by '{system}'{did_you_mean(system, systems)}",
            f"It has: {', '.join(systems)}.",
        )
    return frame.filter(pl.col("system") == system).drop("system"), system


def _normalise(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()
