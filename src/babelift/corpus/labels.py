"""Labels: which there are, in which order, and whether test and train agree on them."""

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from babelift.errors import DataError, did_you_mean

_WHOLE: Final = re.compile(r"[+-]?\d{1,18}")

_MANY: Final = 50

_MISSING: Final = frozenset({"nan", "null", "none", "n/a", "na", "?"})


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


def odd_labels(labels: Iterable[str]) -> list[str]:
    """What is odd about some labels but may be meant, as sentences for the user.

    >>> odd_labels(["good", "Good", "NaN"])
    ["labels 'Good' and 'good' differ only in case and count as two", \
"label 'NaN' counts as a label like any other"]
    """
    names = sorted(labels)
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(" ".join(name.casefold().split()), []).append(name)
    differing = [
        f"labels '{same[0][:60]}' and '{same[1][:60]}' differ only in case and count as two"
        for same in folded.values()
        if len(same) > 1
    ]
    odd = [name for name in names if name.casefold() in _MISSING]
    return [*differing, *(f"label '{name}' counts as a label like any other" for name in odd)]


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
        f"'{label[:60]}' ({rows_of(counts[label])}){did_you_mean(label, known).removesuffix('?')}"
        for label in unknown[:5]
    )
    more = f"; and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    raise DataError(
        f"{name} rows have labels that no training row has: {listed}{more}.",
        f"Labels in training: {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}.",
    )


def rows_of(number: int) -> str:
    """A number of rows in words.

    >>> rows_of(1), rows_of(1234)
    ('1 row', '1,234 rows')
    """
    return f"{number:,} row{'' if number == 1 else 's'}"
