"""Labels: which there are, in which order, and whether test and train agree on them."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from babelift.corpus.lookalikes import looks, odd_letters
from babelift.errors import DataError, did_you_mean

_WHOLE: Final = re.compile(r"[+-]?\d{1,18}")

# White space and invisible format characters: marks of byte order and direction, spaces of no
# width. The tags that end a flag such as Scotland's are format characters too, and not noise.
_ENDS: Final = r"[\s\p{Z}[\p{Cf}&&\p{Default_Ignorable_Code_Point}]--\x{E0020}-\x{E007F}]+"

_MANY: Final = 50


def as_labels(values: pl.Expr) -> pl.Expr:
    """Strings as labels, spelt by the one rule that holds wherever labels are read.

    White space and invisible format characters at the ends go, letters are composed (NFC), a whole
    number has no decimal point (pandas writes those of a column with gaps as `5.0`), and the two
    truth values are `True` and `False`, as Python and pandas write them, however they are written.
    Null where nothing is left.
    """
    clean = values.str.normalize("NFC").str.replace(f"^{_ENDS}", "").str.replace(f"{_ENDS}$", "")
    clean = clean.str.replace(r"^([+-]?[0-9]+)\.0+$", "${1}").str.replace(r"^-(0+)$", "${1}")
    lower = clean.str.to_lowercase()
    return (
        pl.when(lower == "true")
        .then(pl.lit("True"))
        .when(lower == "false")
        .then(pl.lit("False"))
        .when(clean != "")
        .then(clean)
    )


def label_strings(column: pl.Series) -> pl.Series:
    """A column of any one type as labels, see `as_labels`.

    Raises:
        DataError: It holds lists or objects.

    >>> label_strings(pl.Series([1.0, None, 5.0])).to_list()
    ['1', None, '5']
    >>> label_strings(pl.Series(["1.0", "true", "pos\u200b", "ne\u0301ant", " "])).to_list()
    ['1', 'True', 'pos', 'n\xe9ant', None]
    """
    if column.dtype.is_nested() or column.dtype == pl.Object:
        raise DataError(
            f"column '{column.name}' holds lists or objects; each row needs one label there.",
            "Name another column, or write one row per label.",
        )
    values = column.alias("label").to_frame()
    return spelt(values.select(values_as_text(pl.col("label"), column.dtype)).to_series()).alias(
        column.name
    )


def spelt(values: pl.Series) -> pl.Series:
    """Strings as labels, see `as_labels`; each different one is looked at once."""
    pairs = values.alias("written").to_frame().unique().drop_nulls()
    pairs = pairs.with_columns(as_labels(pl.col("written")).alias("label"))
    return values.replace_strict(
        pairs["written"], pairs["label"], default=None, return_dtype=pl.String
    )


def values_as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A column that is not nested as text: whole numbers without a decimal point, NaN as null."""
    if dtype == pl.Boolean:
        # As Python and pandas write them in csv, so that one label has one name in every form.
        return pl.when(column).then(pl.lit("True")).when(~column).then(pl.lit("False"))
    if dtype.is_float():
        whole = (column == column.floor()) & (column.abs() < 2**53)
        text = pl.when(column.is_finite()).then(column.cast(pl.String))
        number = column.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(number).otherwise(text)
    return column.cast(pl.String, strict=False)


def label_set(labels: Iterable[str | None]) -> tuple[tuple[str, ...], bool]:
    """The distinct labels in order, and whether they are ordinal.

    Labels that are all whole numbers are ordered by size, others by the alphabet. Three or more
    whole numbers count as ordinal, such as stars; two are taken for yes and no.

    >>> label_set(["10", "9", "1", "9"])
    (('1', '9', '10'), True)
    >>> label_set(["1", "0"]), label_set(["b", "a", None])
    ((('0', '1'), False), (('a', 'b'), False))
    """
    names = {label for label in labels if label is not None}
    if names and all(_WHOLE.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name))), len(names) >= 3
    return tuple(sorted(names)), False


def require_classes(rows: pl.DataFrame) -> None:
    """Make sure that there is something to tell apart.

    Raises:
        DataError: No row, one label only, or labels that are no classes because nearly every row
            has its own.
    """
    labels = rows["label"].drop_nulls()
    names, _ = label_set(labels.unique().to_list())
    if not names:
        raise DataError("there are no labelled rows to train on.")
    if len(names) == 1:
        raise DataError(
            f"all {len(labels):,} training rows have the label '{names[0]}'; a classifier needs "
            "at least two labels.",
            "Check that --label names the right column.",
        )
    if len(names) > _MANY and len(names) > len(labels) / 2:
        raise DataError(
            f"{len(labels):,} training rows have {len(names):,} different labels, such as "
            f"'{names[0][:40]}' and '{names[1][:40]}'; these are no classes.",
            "Check that --label names the right column.",
        )


def check_labels(train: pl.DataFrame, other: pl.DataFrame, name: str) -> None:
    """Make sure that every label of `other` can be learnt from `train`.

    Args:
        train: Training rows.
        other: Validation or test rows.
        name: What to call them in the error.

    Raises:
        DataError: Labels that `train` lacks, with the nearest ones it has.
    """
    known, _ = label_set(train["label"].unique().to_list())
    unknown = [label for label in label_set(other["label"].to_list())[0] if label not in known]
    if not unknown:
        return
    counts = dict(other["label"].value_counts().iter_rows())
    listed = "; ".join(
        f"'{label[:60]}' ({rows_of(counts[label])}){_nearest(label, known)}"
        for label in unknown[:5]
    )
    more = f"; and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    raise DataError(
        f"{name} rows have labels that no training row has: {listed}{more}.",
        f"Labels in training: {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}.",
    )


def _nearest(label: str, known: Sequence[str]) -> str:
    """The label that may have been meant; where both look the same, what they differ in."""
    alike = next((name for name in known if looks(name) == looks(label)), None)
    if alike is not None and (letters := odd_letters(label) or odd_letters(alike)):
        return f", which looks like '{alike[:60]}' but for {letters}"
    return did_you_mean(label, known).removesuffix("?")


def rows_of(number: int) -> str:
    """A number of rows in words.

    >>> rows_of(1), rows_of(1234)
    ('1 row', '1,234 rows')
    """
    return f"{number:,} row{'' if number == 1 else 's'}"
