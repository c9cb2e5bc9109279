"""Raw columns into text, label, language and split, and the rows that have a fault in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from babelift.corpus.columns import Columns
from babelift.corpus.raw import ROW, Raw
from babelift.corpus.rejects import REJECTS, reject_frame, shorten
from babelift.corpus.rows import ORIGINS, SCHEMA
from babelift.errors import DataError, LanguageError
from babelift.languages import resolve

MAX_TEXT: Final = 100_000
"""Characters a text may have. No encoder reads more than a fraction; longer is a slipped quote."""

SPLIT_NAMES: Final = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "development": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What tables call the splits, in lower case."""

# Control characters that are not white space; those of Latin-1's upper half (0x80-0x9f) stay, for
# they are common in tweets and harm nothing.
_CONTROL: Final = r"[\x01-\x08\x0e-\x1b\x7f]"
_ANY_CONTROL: Final = r"[\x00-\x1f\x7f]"
_VISIBLE: Final = r"[^\p{Z}\p{Cc}\p{Cf}\s]"
_WHOLE_FLOAT: Final = r"^(-?\d+)\.0+$"


@dataclass(frozen=True)
class Checked:
    """Rows of one file that have no fault, and those that have.

    Attributes:
        rows: `text`, `label`, `lang`, `split`, raw `id` and `group` (null where there is none),
            `ROW`, in a table that Babelift wrote its further columns, then the user's own.
        rejects: The other rows.
        notes: What was decided, in words.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Fault:
    """A fault a row may have: where it holds, in which field, and what to say."""

    holds: pl.Expr
    field: str | None
    reason: str | pl.Expr
    value: pl.Expr | None = None


def check_rows(
    raw: Raw, columns: Columns, *, split: str | None, labelled: bool, lang_required: bool
) -> Checked:
    """Turn raw columns into columns of rows and reject every row with a fault.

    Raises:
        DataError: A column holds lists or objects where each row needs one value.
    """
    notes = list(columns.notes)
    langs = _languages(raw, columns)
    splits = _splits(raw, columns, split, notes)
    frame = raw.frame.select(
        pl.col(ROW),
        id=_text_of(raw, columns.id),
        group=_text_of(raw, columns.group),
        text=_joined(raw, columns.text),
        label=_label(raw, columns),
        lang=_language(raw, columns, langs),
        split=_split(raw, columns, split, splits),
        **_own_form(raw, columns),
        **_own_columns(raw, columns, keep_split=not splits and columns.split is not None),
    )
    faults = _text_faults(raw, columns)
    if labelled and columns.label is not None:
        faults.append(_Fault(pl.col("label").is_null(), columns.label, "missing label"))
    if columns.label is not None:
        faults.append(
            _Fault(
                pl.col("label").str.contains(_ANY_CONTROL), columns.label, "control character",
                pl.col("label"),
            )
        )  # fmt: skip
    if lang_required and columns.lang is not None:
        faults += _language_faults(raw, columns.lang, langs)
    if splits:
        said = _plain(raw, str(columns.split))
        fault = pl.col("split").is_null()
        faults.append(_Fault(fault & said.is_not_null(), columns.split, "unknown split", said))
        faults.append(_Fault(fault & said.is_null(), columns.split, "missing split"))
    if columns.own_form:
        known = pl.col("origin").is_in(list(ORIGINS))
        faults.append(_Fault(~known.fill_null(False), "origin", "unknown origin", pl.col("origin")))
    return Checked(*_separate(raw, frame, faults), tuple(notes))


def _separate(
    raw: Raw, frame: pl.DataFrame, faults: Sequence[_Fault]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows without a fault, and the rejects: those of the reader and these."""
    rejects = reject_frame(raw.rejects)
    # Fault conditions may look at the raw columns too, under names that cannot clash.
    both = pl.concat(
        [frame, raw.frame.rename(lambda name: _raw_name(name))], how="horizontal", strict=True
    )
    number = pl.coalesce(
        *(pl.when(fault.holds).then(pl.lit(i, pl.Int16)) for i, fault in enumerate(faults))
    )
    found = both.select(number.alias("fault"))["fault"]
    if found.null_count() == len(found):
        return frame, rejects
    parts = [rejects]
    for place, fault in enumerate(faults):
        rows = both.filter(found == place)
        if rows.height:
            reason = pl.lit(fault.reason) if isinstance(fault.reason, str) else fault.reason
            parts.append(
                rows.select(
                    file=pl.lit(raw.file),
                    row=pl.col(ROW),
                    field=pl.lit(fault.field, pl.String),
                    reason=reason,
                    value=pl.lit(None, pl.String) if fault.value is None else fault.value,
                    text=pl.col("text"),
                ).cast(pl.Schema(REJECTS))
            )
    return frame.filter(found.is_null()), shorten(pl.concat(parts)).sort("row", maintain_order=True)


def _text_faults(raw: Raw, columns: Columns) -> list[_Fault]:
    faults = []
    for name in columns.text:
        value = _plain(raw, name)
        faults.append(_Fault(value.is_null(), name, "missing text"))
        faults.append(_Fault(~value.str.contains(_VISIBLE), name, "empty text"))
        faults.append(_Fault(value.str.contains("\x00", literal=True), name, "NUL character"))
        faults.append(_Fault(value.str.contains(_CONTROL), name, "control character"))
    long = pl.col("text").str.len_chars() > MAX_TEXT
    faults.append(_Fault(long, columns.text[0], f"text longer than {MAX_TEXT:,} characters"))
    return faults


def _language_faults(raw: Raw, name: str, langs: Mapping[str, str | LanguageError]) -> list[_Fault]:
    value = _plain(raw, name)
    unknown = {tag: found.message for tag, found in langs.items() if not isinstance(found, str)}
    faults = [_Fault(value.is_null() | (value.str.strip_chars() == ""), name, "missing language")]
    if unknown:
        reason = value.replace_strict(unknown, default=None, return_dtype=pl.String)
        faults.append(_Fault(reason.is_not_null(), name, reason, value))
    return faults


def _languages(raw: Raw, columns: Columns) -> dict[str, str | LanguageError]:
    """Each value of the language column with its tag, or with what is wrong with it."""
    if columns.lang is None:
        return {}
    values = raw.frame.select(_as_string(raw.frame, columns.lang, raw.file)).to_series().unique()
    found: dict[str, str | LanguageError] = {}
    for value in values.drop_nulls().to_list():
        try:
            found[value] = resolve(value)
        except LanguageError as error:
            found[value] = error
    return found


def _language(raw: Raw, columns: Columns, langs: Mapping[str, str | LanguageError]) -> pl.Expr:
    if columns.lang is None:
        return pl.lit(columns.tag, pl.String)
    tags = {value: tag for value, tag in langs.items() if isinstance(tag, str)}
    value = _as_string(raw.frame, columns.lang, raw.file)
    if not tags:
        return pl.lit(None, pl.String)
    return value.replace_strict(tags, default=None, return_dtype=pl.String)


def _splits(raw: Raw, columns: Columns, split: str | None, notes: list[str]) -> dict[str, str]:
    """What the values of the split column mean, empty where the column is not used."""
    if columns.split is None:
        return {}
    values = raw.frame.select(_as_string(raw.frame, columns.split, raw.file)).to_series().unique()
    meant = {
        value: SPLIT_NAMES[value.strip().lower()]
        for value in values.drop_nulls().to_list()
        if value.strip().lower() in SPLIT_NAMES
    }
    if split is not None:
        if set(meant.values()) - {split}:
            notes.append(f"all rows count as {split}, whatever column '{columns.split}' says")
        return {}
    if meant and not columns.own_form:
        notes.append(f"splits are taken from column '{columns.split}'")
    return meant


def _split(raw: Raw, columns: Columns, split: str | None, splits: Mapping[str, str]) -> pl.Expr:
    if split is not None or not splits:
        return pl.lit(split, pl.String)
    value = _as_string(raw.frame, str(columns.split), raw.file)
    return value.replace_strict(splits, default=None, return_dtype=pl.String)


def _label(raw: Raw, columns: Columns) -> pl.Expr:
    if columns.label is None:
        return pl.lit(None, pl.String)
    label = _as_string(raw.frame, columns.label, raw.file).str.strip_chars()
    label = label.str.replace(_WHOLE_FLOAT, "${1}")
    if columns.names:
        label = label.replace(columns.names)
    return pl.when(label != "").then(label)


def _joined(raw: Raw, names: Sequence[str]) -> pl.Expr:
    return pl.concat_str([_as_string(raw.frame, name, raw.file) for name in names], separator="\n")


def _text_of(raw: Raw, name: str | None) -> pl.Expr:
    if name is None:
        return pl.lit(None, pl.String)
    value = _as_string(raw.frame, name, raw.file).str.strip_chars()
    return pl.when(value != "").then(value.str.replace(_WHOLE_FLOAT, "${1}"))


def _own_form(raw: Raw, columns: Columns) -> dict[str, pl.Expr]:
    """The further columns of a table that Babelift wrote."""
    if not columns.own_form:
        return {}
    return {
        name: _flags(raw.frame) if name == "flags" else _own_column(raw, name)
        for name in ("source_lang", "origin", "translator", "score", "flags", "original_id")
        if name in raw.columns
    }


def _own_column(raw: Raw, name: str) -> pl.Expr:
    value = _as_string(raw.frame, name, raw.file)
    value = pl.when(value != "").then(value)
    return value.cast(pl.Float64, strict=False) if name == "score" else value


def _flags(frame: pl.DataFrame) -> pl.Expr:
    if isinstance(frame["flags"].dtype, pl.List):
        return pl.col("flags").cast(pl.List(pl.String))
    # A csv file has no lists: flags stand in one field, as JSON or with separators.
    names = pl.col("flags").cast(pl.String).str.extract_all(r"[^\s,;|\[\]\"']+")
    return names.fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _own_columns(raw: Raw, columns: Columns, *, keep_split: bool) -> dict[str, pl.Expr]:
    """The user's own columns, renamed where the rows have a column of that name."""
    taken = set(SCHEMA) | {"group"}
    used = columns.used | (set(SCHEMA) if columns.own_form else set())
    if keep_split and not columns.own_form:
        used = used - {columns.split}
    own: dict[str, pl.Expr] = {}
    for name in raw.columns:
        if name in used:
            continue
        new = name
        while new in taken or (new != name and new in raw.columns):
            new = f"input_{new}"
        own[new] = pl.col(name)
    return own


def _as_string(frame: pl.DataFrame, name: str, file: str) -> pl.Expr:
    """A column as text; whole numbers without a decimal point, null for not-a-number.

    Raises:
        DataError: It holds lists or objects.
    """
    dtype = frame[name].dtype
    column = pl.col(name)
    if isinstance(dtype, pl.List | pl.Array | pl.Struct | pl.Object):
        raise DataError(
            f"{file}: column '{name}' holds lists or objects; each row needs one value there.",
            "Name another column, or write one row per value.",
        )
    if dtype.is_float():
        whole = column.is_finite() & (column == column.floor()) & (column.abs() < 2**53)
        text = column.cast(pl.String)
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(pl.when(column.is_finite()).then(text))
        )
    return column.cast(pl.String, strict=False)


def _raw_name(name: str) -> str:
    return f"raw:{name}"


def _plain(raw: Raw, name: str) -> pl.Expr:
    """A raw column as text, beside the rows it became."""
    renamed = raw.frame.rename(_raw_name)
    return _as_string(renamed, _raw_name(name), raw.file)
