"""Vectors of some pairs before and after training, for a picture of what OTC does."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

PER_LANGUAGE: Final = 60
"""Most pairs kept per target language."""

Stage = Literal["before", "after"]
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def sample_pairs(rows: pl.DataFrame, *, seed: int, limit: int = PER_LANGUAGE) -> pl.DataFrame:
    """Some originals and their translations, at most `limit` per target language.

    Args:
        rows: Originals and translations.
        seed: Seed of the choice.
        limit: Most pairs per target language.

    Returns:
        Columns `original_id`, `source_lang`, `lang`, `label`, `original`, `translation` (texts).
    """
    is_original = pl.col("id") == pl.col("original_id")
    originals = rows.filter(is_original).select("original_id", pl.col("text").alias("original"))
    pairs = (
        rows.filter(~is_original)
        .select("original_id", "source_lang", "lang", "label", pl.col("text").alias("translation"))
        .join(originals, on="original_id", how="inner", maintain_order="left")
        .select("original_id", "source_lang", "lang", "label", "original", "translation")
    )
    order = np.random.default_rng([seed, 60]).permutation(pairs.height)
    return (
        pairs[order].group_by("lang", maintain_order=True).head(limit).sort("lang", "original_id")
    )


def vectors_frame(pairs: pl.DataFrame, stage: Stage, encode: Encode) -> pl.DataFrame:
    """The pairs' vectors at one stage, as rows of vectors.parquet.

    Args:
        pairs: From `sample_pairs`.
        stage: `before` or `after` training.
        encode: Texts to `(texts, dim)` normalised vectors.
    """
    dtype = pl.List(pl.Float32)
    texts = [*pairs["original"], *pairs["translation"]]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    vectors = encode(list(distinct))[[distinct[text] for text in texts]]
    halves = vectors[: pairs.height], vectors[pairs.height :]
    original, translation = (
        pl.Series(name, half.tolist(), dtype=dtype)
        for name, half in zip(("original", "translation"), halves, strict=True)
    )
    return pairs.select(
        "original_id", "source_lang", "lang", "label", pl.lit(stage).alias("stage")
    ).with_columns(original, translation)


def read_vectors(path: Path) -> pl.DataFrame | None:
    """The vectors written before, or None where there are none that can be read."""
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        return None


def write_vectors(path: Path, frame: pl.DataFrame) -> None:
    """Write vectors.parquet, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    frame.write_parquet(partial)
    partial.replace(path)
