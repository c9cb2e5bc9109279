"""The values of rows from raw columns: which rows can be used, what is wrong with the others."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from babelift.corpus.columns import Columns
from babelift.corpus.identity import GROUP, TAG
from babelift.corpus.labels import as_labels, spelt, values_as_text
from babelift.corpus.rejects import REJECTS, UNDECODABLE, readable, reject_frame, shorten
from babelift.corpus.rows import ORIGINS, SCHEMA
from babelift.corpus.table import MAX_NAME, ROW, Raw
from babelift.errors import DataError, LanguageError
from babelift.languages import canonical, find, is_name, resolve

# pandas writes whole numbers of a column with gaps as 5.0; the same group elsewhere is 5.
_WHOLE_FLOAT: Final = r"^([+-]?\d+)\.0+$"

_OWN_FORM: Final = ("source_lang", "origin", "translator", "score", "flags", "original_id")

_RAW: Final = "raw:"
"""Begins the names of raw columns where they stand beside the rows they became."""

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
_NUMBER: Final = r"^[+-]?[0-9]+(\.0*)?$"
_ANY_CONTROL: Final = r"[\x00-\x1f\x7f]"
_MOST_NAMED: Final = 12

_MOST_LIKENED: Final = 100
"""Unknown languages of a slice for which the nearest known one is looked up, which takes time."""

# As a name may stand in a header that was joined on: with quotes, spaces, a byte-order mark.
_AROUND_NAMES: Final = "^[\\s\"'\ufeff\u200b]+|[\\s\"'\ufeff\u200b]+$"

_VISIBLE: Final = r"[^\p{Z}\p{Cc}\p{Cf}\s]"
_INVISIBLE: Final = ("Zs", "Zl", "Zp", "Cc", "Cf")

_NUL: Final = "NUL character"
_LONE: Final = "lone surrogate"
_TOO_LONG: Final = f"text longer than {MAX_TEXT:,} characters"


def text_fault(text: str) -> str | None:
    """What keeps a text out of the rows, in the words of a reject; None where it may be one.

    The rule that tables are read by: a text that passes here can be written and read back.

    >>> text_fault("Very good."), text_fault("\\u200b "), text_fault("a\\x00b")
    (None, 'empty text', 'NUL character')
    """
    if UNDECODABLE.search(text):
        return _LONE
    if all(unicodedata.category(character) in _INVISIBLE for character in text):
        return "empty text"
    if "\x00" in text:
        return _NUL
    if re.search(_CONTROL, text):
        return "control character"
    return _TOO_LONG if len(text) > MAX_TEXT else None


def unusable_text(text: str) -> str | None:
    """What makes a text one that no file or model can take, whatever it is for; None for others.

    >>> unusable_text(""), unusable_text("\\ud83d"), unusable_text("x" * 100_001)
    (None, 'lone surrogate', 'text longer than 100,000 characters')
    """
    if UNDECODABLE.search(text):
        return _LONE
    return _TOO_LONG if len(text) > MAX_TEXT else None


def to_values(
    raw: Raw, columns: Columns, langs: Mapping[str, str], splits: Mapping[str, str] | str | None
) -> pl.DataFrame:
    """The values that rows are made of, null where there is none.

    Args:
        raw: The table.
        columns: Which column is what.
        langs: Canonical language tags by what stands in the language column.
        splits: Splits by what stands in the split column, or the one split of all rows.

    Returns:
        `ROW`, `TAG`, `GROUP`, `id`, `text`, `label`, `lang`, `split`, in a table that Babelift
        wrote its further columns, and then the user's own.

    Raises:
        DataError: A column holds lists or objects where each row needs one value.
    """
    texts = [as_string(raw, name) for name in columns.text]
    mapped = isinstance(splits, Mapping)
    tags = _looked_up(raw, columns.lang, langs) if columns.lang else _constant(columns.tag)
    reduced = {tag: resolve(tag) for tag in (*langs.values(), columns.tag) if tag is not None}
    return raw.frame.select(
        pl.col(ROW),
        tags.alias(TAG),
        _key(raw, columns.group).str.replace(_WHOLE_FLOAT, "${1}").alias(GROUP),
        id=_key(raw, columns.id),
        text=pl.concat_str(texts, separator="\n"),
        label=_label(raw, columns),
        lang=tags.replace(reduced),
        split=_looked_up(raw, columns.split, splits) if mapped else _constant(splits),
        **(_own_form(raw) if columns.own_form else {}),
        **_own_columns(
            raw, columns, used=columns.used - (set() if mapped else {str(columns.split)})
        ),
    )


def as_string(raw: Raw, name: str, prefix: str = "") -> pl.Expr:
    """A column as text; whole numbers without a decimal point, null for not-a-number.

    Args:
        raw: The table that has it.
        name: Its name.
        prefix: What stands before the name in the frame that is asked.

    Raises:
        DataError: It holds lists or objects.
    """
    dtype = raw.frame[name].dtype
    if dtype.is_nested() or isinstance(dtype, pl.Object):
        raise DataError(
            f"{raw.file}: column '{name}' holds lists or objects; each row needs one value there.",
            "Name another column, or write one row per value.",
        )
    if dtype == pl.Binary:
        try:
            raw.frame[name].cast(pl.String)
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{raw.file}: column '{name}' holds bytes that are not UTF-8 text."
            ) from error
    return values_as_text(pl.col(f"{prefix}{name}"), dtype)


def text_values(raw: Raw, name: str) -> pl.Series:
    """The values of a column, as `as_string` gives them."""
    return raw.frame.select(as_string(raw, name)).to_series()


def _constant(value: Any) -> pl.Expr:
    return pl.lit(value, pl.String)


def _looked_up(raw: Raw, name: str | None, values: Any) -> pl.Expr:
    if not values:
        return _constant(None)
    column = as_string(raw, str(name))
    return column.replace_strict(values, default=None, return_dtype=pl.String)


def _label(raw: Raw, columns: Columns) -> pl.Expr | pl.Series:
    if columns.label is None:
        return _constant(None)
    label = spelt(text_values(raw, columns.label))
    return spelt(label.replace(columns.names)) if columns.names else label


def _key(raw: Raw, name: str | None) -> pl.Expr:
    if name is None:
        return _constant(None)
    value = as_string(raw, name).str.strip_chars()
    return pl.when(value != "").then(value)


def _own_form(raw: Raw) -> dict[str, pl.Expr]:
    """The further columns of a table that Babelift wrote."""
    own: dict[str, pl.Expr] = {}
    for name in _OWN_FORM:
        if name == "flags" and name in raw.columns:
            own[name] = _flags(raw)
        elif name in raw.columns:
            value = as_string(raw, name)
            value = pl.when(value != "").then(value)
            own[name] = value.cast(pl.Float64, strict=False) if name == "score" else value
    return own


def _flags(raw: Raw) -> pl.Expr:
    if raw.frame["flags"].dtype in (pl.List(pl.String), pl.List(pl.Null)):
        return pl.col("flags").cast(pl.List(pl.String))
    # A csv file has no lists: flags stand in one field, as JSON or with separators.
    names = as_string(raw, "flags").str.extract_all(r"[^\s,;|\[\]\"']+")
    return names.fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _own_columns(raw: Raw, columns: Columns, used: set[str]) -> dict[str, pl.Expr]:
    """The user's own columns, renamed where rows have a column of that name."""
    taken = set(SCHEMA)
    own: dict[str, pl.Expr] = {}
    for name in raw.columns:
        if name in used or (columns.own_form and name in SCHEMA):
            continue
        new = name
        while new in taken or (new != name and new in raw.columns):
            new = f"input_{new}"
        own[new] = pl.col(name)
    return own


@dataclass(frozen=True)
class Checked:
    """Rows of one file that can be used, and those that cannot.

    Attributes:
        rows: Values as `to_values` makes them.
        rejects: The other rows.
        notes: What was decided, in words.
        written: Language tags as the file has them.
        respelt: Labels by how they are written, where more than white space or the form of a
            number differs.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    notes: tuple[str, ...]
    written: tuple[str, ...]
    respelt: dict[str, str]


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
    named = sorted(value for value in langs if is_name(value))
    notes += [f"language '{name}' is read as '{langs[name]}'" for name in named[:_MOST_NAMED]]
    if columns.flags:
        notes.append(f"other columns are named with {', '.join(columns.flags)}")
    splits = None if split is not None else _splits(raw, columns)
    if columns.split is not None and not columns.own_form:
        if splits:
            notes.append(f"splits are taken from column '{columns.split}'")
        elif split is not None and set(_splits(raw, columns).values()) - {split}:
            notes.append(f"all rows count as {split}, whatever column '{columns.split}' says")
    values = to_values(raw, columns, langs, splits or split)
    headers = pl.col(ROW).is_in(_headers_again(raw))
    faults = [_Fault(headers, None, "the header again"), *_text_faults(raw, columns)]
    faults += [
        _too_long(column, name, what)
        for what, column, name in (("id", "id", columns.id), ("group", GROUP, columns.group))
        if name is not None
    ]
    if columns.label is not None:
        faults += _label_faults(columns.label, labelled)
    if columns.lang is not None and lang_required:
        faults += _language_faults(raw, columns.lang, unknown)
    if columns.split is not None and splits:
        faults += _split_faults(raw, columns.split, may_lack=columns.own_form)
    if columns.own_form:
        known = pl.col("origin").is_in(list(ORIGINS)).fill_null(False)
        faults.append(_Fault(~known, "origin", "unknown origin", pl.col("origin")))
    written = (*langs, *filter(None, [columns.tag]))
    kept, rejects = _separate(raw, values, faults)
    return Checked(kept, rejects, tuple(notes), written, _respelt(raw, columns))


def _respelt(raw: Raw, columns: Columns) -> dict[str, str]:
    if columns.label is None:
        return {}
    written = text_values(raw, columns.label).str.strip_chars().alias("written").unique()
    both = written.to_frame().with_columns(as_labels(pl.col("written")).alias("label"))
    differ = pl.col("written") != pl.col("label")
    numbers = pl.col("written").str.contains(_NUMBER)
    return dict(both.filter(differ & ~numbers).iter_rows())


def _headers_again(raw: Raw) -> list[int]:
    """The rows that only hold the names of their columns, as where tables were joined.

    Raises:
        DataError: The names stand there in another order, so that the rows below would be misread.
    """
    names = [
        "" if name == f"column_{place}" else _bare(name)
        for place, name in enumerate(raw.columns, start=1)
    ]
    if len(names) < 2 or any(dtype != pl.String for dtype in raw.frame.drop(ROW).dtypes):
        return []
    # Most rows go at once: their first field is longer than any name.
    longest = max(len(name.encode()) for name in raw.columns) + 16
    rows = raw.frame.filter(pl.col(raw.columns[0]).str.len_bytes() <= longest)
    for name in raw.columns:
        value = pl.col(name).str.replace_all(_AROUND_NAMES, "").str.to_lowercase()
        rows = rows.filter(value.is_in(names) | pl.col(name).is_in(raw.columns))
        if rows.is_empty():
            return []
    again = []
    for row in rows.iter_rows(named=True):
        place = row.pop(ROW)
        values = ["" if value == name else _bare(value) for name, value in row.items()]
        own = [
            "" if value == name else bare
            for (name, value), bare in zip(row.items(), names, strict=True)
        ]
        if values == own:
            again.append(place)
        elif sorted(values) == sorted(own):
            raise DataError(
                f"{raw.file}: row {place} names the columns again, in another order: "
                f"{', '.join(row.values())}; the rows below it would be misread.",
                "Give the tables that were joined one by one, or bring their columns into one "
                "order.",
            )
    return again


def _bare(name: str) -> str:
    return re.sub(_AROUND_NAMES, "", name).lower()


def _text_faults(raw: Raw, columns: Columns) -> list[_Fault]:
    faults = []
    for name in columns.text:
        value = as_string(raw, name, _RAW)
        faults += [
            _Fault(value.is_null(), name, "missing text"),
            _Fault(~value.str.contains(_VISIBLE), name, "empty text"),
            _Fault(value.str.contains("\x00", literal=True), name, _NUL),
            _Fault(value.str.contains(_CONTROL), name, "control character"),
        ]
    long = pl.col("text").str.len_chars() > MAX_TEXT
    return [*faults, _Fault(long, columns.text[0], _TOO_LONG)]


def _label_faults(name: str, labelled: bool) -> list[_Fault]:
    label = pl.col("label")
    faults = [
        _Fault(label.str.contains(_ANY_CONTROL), name, "control character", label),
        _too_long("label", name, "label"),
    ]
    return [_Fault(label.is_null(), name, "missing label"), *faults] if labelled else faults


def _too_long(column: str, name: str, what: str) -> _Fault:
    value = pl.col(column)
    reason = f"{what} longer than {MAX_NAME:,} characters"
    return _Fault(value.str.len_chars() > MAX_NAME, name, reason, value)


def _language_faults(raw: Raw, name: str, unknown: Mapping[str, str]) -> list[_Fault]:
    value = as_string(raw, name, _RAW)
    faults = [_Fault(value.is_null() | (value.str.strip_chars() == ""), name, "missing language")]
    if unknown:
        reason = value.replace_strict(unknown, default=None, return_dtype=pl.String)
        faults.append(_Fault(reason.is_not_null(), name, reason, value))
    return faults


def _split_faults(raw: Raw, name: str, *, may_lack: bool) -> list[_Fault]:
    value, lacks = as_string(raw, name, _RAW), pl.col("split").is_null()
    unknown = _Fault(lacks & value.is_not_null(), name, "unknown split", value)
    return [unknown] if may_lack else [unknown, _Fault(lacks, name, "missing split")]


def _languages(raw: Raw, columns: Columns) -> tuple[dict[str, str], dict[str, str]]:
    """The values of the language column: some with canonical tags, the others with their faults."""
    values = _distinct(raw, columns.lang)
    known = {value: tag for value in values if (tag := find(value))}
    others = [value for value in values if value not in known]
    unknown = dict.fromkeys(others, "language is not known")
    for value in others[:_MOST_LIKENED]:
        if len(value) > MAX_NAME:
            continue  # the tags that it is like are not looked for: it is no tag
        try:
            canonical(value)
        except LanguageError as error:
            unknown[value] = error.message
    return known, unknown


def _splits(raw: Raw, columns: Columns) -> dict[str, str]:
    """The values of the split column with the splits they mean, without those that mean none."""
    names = {value: value.strip().lower() for value in _distinct(raw, columns.split)}
    return {value: SPLIT_NAMES[name] for value, name in names.items() if name in SPLIT_NAMES}


def _distinct(raw: Raw, name: str | None) -> list[str]:
    if name is None:
        return []
    return text_values(raw, name).unique(maintain_order=True).drop_nulls().to_list()


def _separate(
    raw: Raw, values: pl.DataFrame, faults: Sequence[_Fault]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows without a fault, and the rejects: those of the reader and these."""
    rejects = reject_frame(raw.rejects)
    prefixed = raw.frame.rename(lambda name: f"{_RAW}{name}")
    both = pl.concat([values, prefixed], how="horizontal")
    number = pl.coalesce(
        *(pl.when(fault.holds).then(pl.lit(i, pl.Int16)) for i, fault in enumerate(faults))
    )
    first_fault = both.select(number.alias("fault")).to_series()
    if first_fault.null_count() == len(first_fault):
        return values, rejects
    parts = [rejects]
    for place in first_fault.drop_nulls().unique().sort().to_list():
        fault = faults[place]
        rejected = both.filter(first_fault == place).select(
            file=pl.lit(readable(raw.file)),
            row=pl.col(ROW),
            field=pl.lit(fault.field, pl.String),
            reason=pl.lit(fault.reason) if isinstance(fault.reason, str) else fault.reason,
            value=pl.lit(None, pl.String) if fault.value is None else fault.value,
            text=pl.col("text"),
        )
        parts.append(rejected.cast(pl.Schema(REJECTS)))
    kept = values.filter(first_fault.is_null())
    return kept, shorten(pl.concat(parts)).sort("row", maintain_order=True)
