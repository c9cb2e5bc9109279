"""Raw columns into the values of rows: text, label, language, split, and the user's own columns."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from babelift.corpus.columns import Columns
from babelift.corpus.raw import ROW, Raw
from babelift.corpus.rows import SCHEMA
from babelift.errors import DataError

# pandas writes whole numbers of a column with gaps as 5.0; the same label elsewhere is 5.
_WHOLE_FLOAT: Final = r"^([+-]?\d+)\.0+$"

_OWN_FORM: Final = ("source_lang", "origin", "translator", "score", "flags", "original_id")


def to_values(
    raw: Raw, columns: Columns, langs: Mapping[str, str], splits: Mapping[str, str] | str | None
) -> pl.DataFrame:
    """The values that rows are made of, null where there is none.

    Args:
        raw: The table.
        columns: Which column is what.
        langs: Language tags by what stands in the language column.
        splits: Splits by what stands in the split column, or the one split of all rows.

    Returns:
        `ROW`, `id`, `group`, `text`, `label`, `lang`, `split`, in a table that Babelift wrote its
        further columns, and then the user's own.

    Raises:
        DataError: A column holds lists or objects where each row needs one value.
    """
    frame, file = raw.frame, raw.file
    texts = [as_string(frame, name, file) for name in columns.text]
    mapped = isinstance(splits, Mapping)
    return frame.select(
        pl.col(ROW),
        id=_key(frame, columns.id, file),
        group=_key(frame, columns.group, file),
        text=pl.concat_str(texts, separator="\n"),
        label=_label(frame, columns, file),
        lang=_looked_up(frame, columns.lang, file, langs) if columns.lang else _one(columns.tag),
        split=_looked_up(frame, columns.split, file, splits) if mapped else _one(splits),
        **(_own_form(frame, file) if columns.own_form else {}),
        **_own_columns(
            raw, columns, used=columns.used - (set() if mapped else {str(columns.split)})
        ),
    )


def as_string(frame: pl.DataFrame, name: str, file: str) -> pl.Expr:
    """A column as text; whole numbers without a decimal point, null for not-a-number.

    Raises:
        DataError: It holds lists or objects.
    """
    dtype = frame[name].dtype
    column = pl.col(name)
    if dtype.is_nested() or isinstance(dtype, pl.Object):
        raise DataError(
            f"{file}: column '{name.removeprefix(BESIDE)}' holds lists or objects; each row needs "
            "one value there.",
            "Name another column, or write one row per value.",
        )
    if dtype == pl.Binary:
        try:
            frame[name].cast(pl.String)
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{file}: column '{name.removeprefix(BESIDE)}' holds bytes that are not UTF-8 text."
            ) from error
    if dtype == pl.Boolean:
        # As Python and pandas write them in csv, so that one label has one name in every form.
        return pl.when(column).then(pl.lit("True")).when(~column).then(pl.lit("False"))
    if dtype.is_float():
        whole = (column == column.floor()) & (column.abs() < 2**53)
        text = pl.when(column.is_finite()).then(column.cast(pl.String))
        number = column.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(number).otherwise(text)
    return column.cast(pl.String, strict=False)


BESIDE: Final = "raw:"
"""What raw columns are called when they stand beside the rows they became."""


def beside(raw: Raw) -> pl.DataFrame:
    """The raw columns, under names that no column of rows has."""
    return raw.frame.rename(lambda name: f"{BESIDE}{name}")


def plain(raw: Raw, name: str) -> pl.Expr:
    """A raw column as text, of the frame that `beside` gives."""
    return as_string(beside(raw), f"{BESIDE}{name}", raw.file)


def _one(value: Any) -> pl.Expr:
    return pl.lit(value, pl.String)


def _looked_up(frame: pl.DataFrame, name: str | None, file: str, values: Any) -> pl.Expr:
    if not values:
        return _one(None)
    column = as_string(frame, str(name), file)
    return column.replace_strict(values, default=None, return_dtype=pl.String)


def _label(frame: pl.DataFrame, columns: Columns, file: str) -> pl.Expr:
    label = _key(frame, columns.label, file)
    if columns.names:
        label = label.replace(columns.names)
    return pl.when(label != "").then(label)


def _key(frame: pl.DataFrame, name: str | None, file: str) -> pl.Expr:
    if name is None:
        return _one(None)
    value = as_string(frame, name, file).str.strip_chars()
    return pl.when(value != "").then(value.str.replace(_WHOLE_FLOAT, "${1}"))


def _own_form(frame: pl.DataFrame, file: str) -> dict[str, pl.Expr]:
    """The further columns of a table that Babelift wrote."""
    found: dict[str, pl.Expr] = {}
    for name in _OWN_FORM:
        if name == "flags" and name in frame.columns:
            found[name] = _flags(frame, file)
        elif name in frame.columns:
            value = as_string(frame, name, file)
            value = pl.when(value != "").then(value)
            found[name] = value.cast(pl.Float64, strict=False) if name == "score" else value
    return found


def _flags(frame: pl.DataFrame, file: str) -> pl.Expr:
    if frame["flags"].dtype in (pl.List(pl.String), pl.List(pl.Null)):
        return pl.col("flags").cast(pl.List(pl.String))
    # A csv file has no lists: flags stand in one field, as JSON or with separators.
    names = as_string(frame, "flags", file).str.extract_all(r"[^\s,;|\[\]\"']+")
    return names.fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _own_columns(raw: Raw, columns: Columns, used: set[str]) -> dict[str, pl.Expr]:
    """The user's own columns, renamed where rows have a column of that name."""
    taken = {*SCHEMA, "group", "input_id"}
    own: dict[str, pl.Expr] = {}
    for name in raw.columns:
        if name in used or (columns.own_form and name in SCHEMA):
            continue
        new = name
        while new in taken or (new != name and new in raw.columns):
            new = f"input_{new}"
        own[new] = pl.col(name)
    return own
