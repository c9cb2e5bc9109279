"""The one table of rows: its columns, their types, and how rows are made.

Every stage, from the first reader to the last report, passes a polars frame with these columns.
Columns of the user's own may follow them and are carried along untouched.
"""

from typing import Final

import polars as pl

ORIGINS: Final = ("original", "machine", "reference", "roundtrip")
"""How a text came to be: by its author, a machine, a trusted translator, or there and back."""

PSEUDO: Final = "pseudo"
"""The origin of a row whose label a model gave; no table has such rows."""

SPLITS: Final = ("train", "validation", "test")

SCHEMA: Final[dict[str, pl.DataType]] = {
    "id": pl.String(),
    "group_id": pl.String(),
    "text": pl.String(),
    "label": pl.String(),
    "lang": pl.String(),
    "source_lang": pl.String(),
    "origin": pl.String(),
    "translator": pl.String(),
    "score": pl.Float64(),
    "flags": pl.List(pl.String()),
    "split": pl.String(),
    "original_id": pl.String(),
}
"""Column name to type, in order.

`id` is unique in a table. `group_id` is the unit of splitting and of leakage: rows that are the
same item, in whatever language. `original_id` is the row's own id for an original, and for a
translation the id of the row it was made from. `source_lang`, `translator` and `score` are null
for originals; `flags` is an empty list where no fault was found.
"""


def translation_id(original_id: str, target: str) -> str:
    """The id of the translation of row `original_id` into `target`.

    >>> translation_id("r7", "de")
    'r7@de'
    """
    return f"{original_id}@{target}"


def originals(
    *,
    ids: list[str],
    texts: list[str],
    labels: list[str | None],
    langs: list[str],
    groups: list[str] | None = None,
    split: str | None = None,
) -> pl.DataFrame:
    """A frame of original rows from plain lists of one length.

    >>> originals(ids=["1"], texts=["Good."], labels=["5"], langs=["en"])["origin"].to_list()
    ['original']
    """
    frame = pl.DataFrame(
        {
            "id": ids,
            "group_id": groups if groups is not None else ids,
            "text": texts,
            "label": labels,
            "lang": langs,
            "original_id": ids,
        },
        schema_overrides={"label": pl.String},
    )
    return conform(
        frame.with_columns(pl.lit("original").alias("origin"), pl.lit(split).alias("split"))
    )


def round_trips(there: pl.DataFrame, back: pl.DataFrame) -> pl.DataFrame:
    """Translations of translations, as translations of the originals into their own language.

    Args:
        there: Translations of originals.
        back: Translations of these into their originals' languages.

    >>> frame = {"text": "x", "label": "1", "lang": "de", "original_id": "a"}
    >>> there = conform(pl.DataFrame({**frame, "id": "a@de"}))
    >>> english = {"id": "a@de@en", "original_id": "a@de", "lang": "en"}
    >>> back = there.with_columns(pl.lit(value).alias(name) for name, value in english.items())
    >>> round_trips(there, back).select("id", "original_id", "lang", "origin").row(0)
    ('a@de@en', 'a', 'en', 'roundtrip')
    """
    first = there.select(original_id="id", first="original_id")
    rows = back.join(first, on="original_id", how="left", maintain_order="left")
    return rows.with_columns(
        original_id="first", source_lang="lang", origin=pl.lit("roundtrip")
    ).drop("first")


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column of `SCHEMA`, in order and of its type, the user's own after them.

    Missing columns are filled with null (`flags` with empty lists).
    """
    own = [name for name in frame.columns if name not in SCHEMA]
    columns = {
        name: pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype)
        for name, dtype in SCHEMA.items()
    }
    columns["flags"] = columns["flags"].fill_null(pl.lit([], SCHEMA["flags"]))
    return frame.select(*(column.alias(name) for name, column in columns.items()), *own)
