"""Which rows of a table can be used, and what is wrong with the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from babelift.corpus.columns import Columns
from babelift.corpus.raw import ROW, Raw
from babelift.corpus.rejects import REJECTS, reject_frame, shorten
from babelift.corpus.rows import ORIGINS
from babelift.corpus.values import as_string, beside, plain, to_values
from babelift.errors import LanguageError
from babelift.languages import from_name, resolve

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
_MOST_NAMED: Final = 12

_VISIBLE: Final = r"[^\p{Z}\p{Cc}\p{Cf}\s]"


@dataclass(frozen=True)
class Checked:
    """Rows of one file that can be used, and those that cannot.

    Attributes:
        rows: Values as `values.to_values` makes them.
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
    """Turn raw columns into the values of rows, and reject every row with a fault.

    Raises:
        DataError: A column holds lists or objects where each row needs one value.
    """
    notes = list(columns.notes)
    langs, unknown = _languages(raw, columns)
    named = sorted(value for value in langs if from_name(value))
    notes += [f"language '{name}' is read as '{langs[name]}'" for name in named[:_MOST_NAMED]]
    splits = None if split is not None else _splits(raw, columns)
    if columns.split is not None and not columns.own_form:
        if splits:
            notes.append(f"splits are taken from column '{columns.split}'")
        elif split is not None and set(_splits(raw, columns).values()) - {split}:
            notes.append(f"all rows count as {split}, whatever column '{columns.split}' says")
    values = to_values(raw, columns, langs, splits or split)
    faults = _text_faults(raw, columns)
    if columns.label is not None:
        faults += _label_faults(columns.label, labelled)
    if columns.lang is not None and lang_required:
        faults += _language_faults(raw, columns.lang, unknown)
    if columns.split is not None and splits:
        faults += _split_faults(raw, columns.split, may_lack=columns.own_form)
    if columns.own_form:
        known = pl.col("origin").is_in(list(ORIGINS)).fill_null(False)
        faults.append(_Fault(~known, "origin", "unknown origin", pl.col("origin")))
    return Checked(*_separate(raw, values, faults), tuple(notes))


def _text_faults(raw: Raw, columns: Columns) -> list[_Fault]:
    faults = []
    for name in columns.text:
        value = plain(raw, name)
        faults += [
            _Fault(value.is_null(), name, "missing text"),
            _Fault(~value.str.contains(_VISIBLE), name, "empty text"),
            _Fault(value.str.contains("\x00", literal=True), name, "NUL character"),
            _Fault(value.str.contains(_CONTROL), name, "control character"),
        ]
    long = pl.col("text").str.len_chars() > MAX_TEXT
    return [*faults, _Fault(long, columns.text[0], f"text longer than {MAX_TEXT:,} characters")]


def _label_faults(name: str, labelled: bool) -> list[_Fault]:
    label = pl.col("label")
    faults = [_Fault(label.str.contains(_ANY_CONTROL), name, "control character", label)]
    return [_Fault(label.is_null(), name, "missing label"), *faults] if labelled else faults


def _language_faults(raw: Raw, name: str, unknown: Mapping[str, str]) -> list[_Fault]:
    value = plain(raw, name)
    faults = [_Fault(value.is_null() | (value.str.strip_chars() == ""), name, "missing language")]
    if unknown:
        reason = value.replace_strict(unknown, default=None, return_dtype=pl.String)
        faults.append(_Fault(reason.is_not_null(), name, reason, value))
    return faults


def _split_faults(raw: Raw, name: str, *, may_lack: bool) -> list[_Fault]:
    said, lacks = plain(raw, name), pl.col("split").is_null()
    unknown = _Fault(lacks & said.is_not_null(), name, "unknown split", said)
    return [unknown] if may_lack else [unknown, _Fault(lacks, name, "missing split")]


def _languages(raw: Raw, columns: Columns) -> tuple[dict[str, str], dict[str, str]]:
    """What stands in the language column: with its tag, or with what is wrong with it."""
    known: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for value in _distinct(raw, columns.lang):
        try:
            known[value] = from_name(value) or resolve(value)
        except LanguageError as error:
            unknown[value] = error.message
    return known, unknown


def _splits(raw: Raw, columns: Columns) -> dict[str, str]:
    """What stands in the split column with the split it means; empty where that is not one."""
    said = {value: value.strip().lower() for value in _distinct(raw, columns.split)}
    return {value: SPLIT_NAMES[name] for value, name in said.items() if name in SPLIT_NAMES}


def _distinct(raw: Raw, name: str | None) -> list[str]:
    if name is None:
        return []
    values = raw.frame.select(as_string(raw.frame, name, raw.file)).to_series()
    return values.unique().drop_nulls().to_list()


def _separate(
    raw: Raw, values: pl.DataFrame, faults: Sequence[_Fault]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows without a fault, and the rejects: those of the reader and these."""
    rejects = reject_frame(raw.rejects)
    both = pl.concat([values, beside(raw)], how="horizontal")
    number = pl.coalesce(
        *(pl.when(fault.holds).then(pl.lit(i, pl.Int16)) for i, fault in enumerate(faults))
    )
    found = both.select(number.alias("fault")).to_series()
    if found.null_count() == len(found):
        return values, rejects
    parts = [rejects]
    for place in found.drop_nulls().unique().sort().to_list():
        fault = faults[place]
        rejected = both.filter(found == place).select(
            file=pl.lit(raw.file),
            row=pl.col(ROW),
            field=pl.lit(fault.field, pl.String),
            reason=pl.lit(fault.reason) if isinstance(fault.reason, str) else fault.reason,
            value=pl.lit(None, pl.String) if fault.value is None else fault.value,
            text=pl.col("text"),
        )
        parts.append(rejected.cast(pl.Schema(REJECTS)))
    kept = values.filter(found.is_null())
    return kept, shorten(pl.concat(parts)).sort("row", maintain_order=True)
