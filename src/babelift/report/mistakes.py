"""The classifier's surest mistakes: what it gets wrong while claiming to be sure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from babelift.errors import RunError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong prediction."""

    lang: str
    text: str
    label: str
    prediction: str
    probability: float


def surest_mistakes(
    predictions: "pl.DataFrame", test: "pl.DataFrame", per_language: int = 2
) -> list[Mistake]:
    """The wrong predictions with the highest probability, a few per language.

    Args:
        predictions: Columns `id, model, lang, label, prediction, probability`.
        test: Columns `id, text`.
        per_language: At most so many of each language.

    Raises:
        RunError: A column is missing.
    """
    import polars as pl

    columns = ["id", "model", "lang", "label", "prediction", "probability"]
    _require(predictions, columns, "predictions.parquet")
    _require(test, ["id", "text"], "data/test.parquet")
    wrong = (
        predictions.select(columns)
        .filter(
            (pl.col("model") == "encoder")
            & (pl.col("prediction") != pl.col("label"))
            & pl.col("probability").is_not_null()
        )
        .sort(["probability", "id"], descending=[True, False])
        .group_by("lang", maintain_order=True)
        .head(per_language)
        .join(test.select("id", "text").unique("id"), on="id", how="inner", maintain_order="left")
    )
    return [
        Mistake(
            lang=str(row["lang"]),
            text=str(row["text"]),
            label=str(row["label"]),
            prediction=str(row["prediction"]),
            probability=float(row["probability"]),
        )
        for row in wrong.iter_rows(named=True)
    ]


def _require(frame: "pl.DataFrame", columns: list[str], where: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise RunError(
            f"{where}: column '{missing[0]}' is missing.",
            "Run the same 'babelift fit' command again, or delete the file to do without it.",
        )
