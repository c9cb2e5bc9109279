"""The one table of predictions: its columns, how it is made, and what is checked of anybody's."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.corpus.labels import label_strings
from babelift.corpus.rows import ORIGINS
from babelift.errors import DataError, LanguageError, did_you_mean
from babelift.languages import canonical, find, resolve

ENCODER: Final = "encoder"
BASELINE: Final = "linear"
"""What the column `model` says of the fine-tuned encoder's rows and of the linear baseline's."""


def probability_column(label: str) -> str:
    """The name of the column with a label's probability.

    >>> probability_column("5")
    'p_5'
    """
    return f"p_{label}"


def make_predictions(
    rows: pl.DataFrame,
    model_name: str,
    labels: Sequence[str],
    proba: npt.NDArray[np.float64],
) -> pl.DataFrame:
    """The table of predictions that evaluation, reports and files share.

    Args:
        rows: Rows as in `corpus.rows.SCHEMA`.
        model_name: `encoder`, or `linear` for the baseline.
        labels: Labels in the order of the columns of `proba`.
        proba: `(rows, labels) float64` probabilities.

    Returns:
        `id, group_id, lang, source_lang, origin, label, model, prediction, probability` and one
        `p_<label>` column per label; of level labels the first is the prediction.

    >>> from babelift.corpus.rows import originals
    >>> rows = originals(ids=["1"], texts=["Good."], labels=["pos"], langs=["en"])
    >>> table = make_predictions(rows, "encoder", ["neg", "pos"], np.array([[0.25, 0.75]]))
    >>> table.select("prediction", "probability", "p_neg").row(0)
    ('pos', 0.75, 0.25)
    """
    table = rows.select("id", "group_id", "lang", "source_lang", "origin", "label")
    return table.with_columns(
        pl.lit(model_name).alias("model"), *prediction_columns(labels, proba, rows.height)
    )


def prediction_columns(
    labels: Sequence[str], proba: npt.NDArray[np.float64], rows: int
) -> list[pl.Series]:
    """The columns `prediction`, `probability` and one `p_<label>` per label.

    Raises:
        DataError: `proba` is not of the shape `(rows, labels)`.
    """
    if proba.shape != (rows, len(labels)):
        raise DataError(
            f"probabilities must be {rows} rows by {len(labels)} labels. Got {proba.shape}."
        )
    best = proba.argmax(axis=1)
    return [
        pl.Series("prediction", [labels[number] for number in best], dtype=pl.String),
        pl.Series("probability", proba[np.arange(rows), best], dtype=pl.Float64),
        *(
            pl.Series(probability_column(label), proba[:, number], dtype=pl.Float64)
            for number, label in enumerate(labels)
        ),
    ]


def check_predictions(
    table: pl.DataFrame,
    labels: Sequence[str],
    where: str = "the predictions",
    *,
    also: Sequence[str] = (),
) -> pl.DataFrame:
    """The table in the form that scoring takes: known columns, labels and languages, in order.

    Args:
        table: Needs `label`, `prediction` and `lang`. `id`, `group_id`, `origin`, `model` are
            filled in where absent: each row an item of its own, original, by the encoder. The
            probability of the prediction is `probability`, else the `p_<label>` column of the
            predicted label, else null.
        labels: All labels.
        where: What to call the table in an error.
        also: Further string columns that tell rows of one id apart, such as `seed`; kept.

    Returns:
        String columns `id, group_id, lang, origin, model, label, prediction` and `probability`
        (Float64, null where not known), one row per row of the table.

    Raises:
        DataError: A column is missing, or a row has no label, a label that is not in `labels`, a
            probability outside 0 to 1, or an id that another row of its model and language has.
        LanguageError: A row's language is not known.
    """
    for column in ("label", "prediction", "lang"):
        if column not in table.columns:
            raise DataError(
                f"{where}: column '{column}' is missing{did_you_mean(column, table.columns)}",
                "A table of predictions needs the columns label, prediction and lang.",
            )
    if table.is_empty():
        raise DataError(f"{where}: no rows.")
    number = pl.int_range(1, table.height + 1, dtype=pl.Int64, eager=True).cast(pl.String)
    ids = _column(table, "id", number)
    langs, tags = _languages(table["lang"].cast(pl.String), where)
    checked = pl.DataFrame(
        {
            "id": _of_regions(ids, langs, tags),
            "group_id": _column(table, "group_id", ids),
            "lang": langs,
            "origin": _known(_column(table, "origin", _all(table, "original")), ORIGINS, where),
            "model": _column(table, "model", _all(table, ENCODER)),
            "label": _known(_labels(table["label"], labels), labels, where),
            "prediction": _known(_labels(table["prediction"], labels), labels, where),
            **{name: table[name] for name in also},
        }
    )
    _check_models(checked, where)
    _check_ids(checked, where, ["model", "lang", "id", *also])
    probability = _probability(table, checked["prediction"], labels, where)
    return checked.with_columns(probability.alias("probability"))


def _labels(column: pl.Series, labels: Sequence[str]) -> pl.Series:
    """A column of labels; an empty one stands for none where that is among them."""
    strings = label_strings(column)
    return strings.fill_null("") if "" in labels else strings


def _all(table: pl.DataFrame, value: str) -> pl.Series:
    return pl.repeat(value, table.height, dtype=pl.String, eager=True)


def _column(table: pl.DataFrame, name: str, default: pl.Series) -> pl.Series:
    """A string column, with `default` where the table has none or a null in it."""
    if name not in table.columns:
        return default.alias(name)
    column = table[name].cast(pl.String)
    return column.zip_with(column.is_not_null(), default).alias(name)


def _known(column: pl.Series, allowed: Sequence[str], where: str) -> pl.Series:
    bad = (~column.is_in(list(allowed))).fill_null(True).arg_true()
    if len(bad) == 0:
        return column
    row, value = int(bad[0]), column[int(bad[0])]
    if value is None:
        raise DataError(f"row {row + 1} of {where}: column '{column.name}' is empty.")
    raise DataError(
        f"row {row + 1} of {where}: {column.name} '{value}' is not known"
        f"{did_you_mean(value, allowed)}",
        f"Allowed: {', '.join(allowed)}.",
    )


def _languages(column: pl.Series, where: str) -> tuple[pl.Series, pl.Series]:
    """The languages, and their canonical tags."""
    tags: dict[str, str] = {}
    for row, tag in zip(
        column.arg_unique().sort(), column.unique(maintain_order=True), strict=True
    ):
        if tag is None:
            raise DataError(f"row {row + 1} of {where}: column 'lang' is empty.")
        try:
            tags[tag] = find(tag) or canonical(tag)
        except LanguageError as error:
            raise LanguageError(f"row {row + 1} of {where}: {error.message}", error.hint) from error
    full = column.replace_strict(tags, return_dtype=pl.String)
    reduced = {tag: resolve(tag) for tag in tags.values()}
    return full.replace_strict(reduced, return_dtype=pl.String).alias("lang"), full


def _of_regions(ids: pl.Series, langs: pl.Series, tags: pl.Series) -> pl.Series:
    """Ids with the tag behind where they stand in several regions of one language."""
    rows = pl.DataFrame([ids.alias("id"), langs.alias("lang"), tags.alias("tag")])
    several = pl.col("tag").n_unique().over("id", "lang") > 1
    named = pl.concat_str("id", "tag", separator="-")
    return rows.select(pl.when(several).then(named).otherwise("id")).to_series()


def _check_models(checked: pl.DataFrame, where: str) -> None:
    models = sorted(set(checked["model"]) - {BASELINE})
    if len(models) > 1:
        raise DataError(
            f"{where}: column 'model' names more than one model: {', '.join(models)}.",
            f"Evaluate one at a time; only '{BASELINE}' may stand beside it, as the baseline.",
        )


def _check_ids(checked: pl.DataFrame, where: str, key: Sequence[str]) -> None:
    again = checked.select(~pl.struct(key).is_first_distinct()).to_series()
    if again.any():
        row = int(again.arg_true()[0])
        first = checked.row(row, named=True)
        raise DataError(
            f"row {row + 1} of {where}: id '{first['id']}' occurs more than once "
            f"in language '{first['lang']}'."
        )


def _probability(
    table: pl.DataFrame, prediction: pl.Series, labels: Sequence[str], where: str
) -> pl.Series:
    """The probability of each row's prediction, null where the table does not give it."""
    if "probability" in table.columns:
        return _numbers(table["probability"], where)
    chosen = pl.repeat(None, table.height, dtype=pl.Float64, eager=True)
    for label in labels:
        if (name := probability_column(label)) in table.columns:
            chosen = _numbers(table[name], where).zip_with(prediction == label, chosen)
    return chosen


def _numbers(column: pl.Series, where: str) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    odd = column.is_not_null() & ~numbers.is_between(0, 1).fill_null(False)
    bad = odd.arg_true()
    if len(bad):
        raise DataError(
            f"row {int(bad[0]) + 1} of {where}: {column.name} '{column[int(bad[0])]}' "
            "is not a number between 0 and 1."
        )
    return numbers
