"""What a training did: its log, its result, and vectors of some pairs before and after."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self, TextIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift.errors import RunError, TrainingError
from babelift.store import read_table
from babelift.training.cuts import Cut

OURS = ("step", "validation")
"""Kinds of lines that training writes; others in the same file are left alone."""

PER_LANGUAGE: Final = 60
"""Most pairs kept per target language."""

Stage = Literal["before", "after"]
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


class Log:
    """Appends lines to log.jsonl.

    Opening it drops the lines after the point from which training goes on, and a last line that
    was cut by a kill, so that each update is logged once.

    Args:
        path: The file; made if missing.
        step: Last update that is kept.
        validated: Last update whose validation is kept.
    """

    def __init__(self, path: Path, *, step: int = 0, validated: int = 0) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                _drop_after(path, step, validated)
            self._file: TextIO = path.open("a", encoding="utf-8")
        except OSError as error:
            raise self._failure(error) from error

    def write(self, kind: str, values: dict[str, Any]) -> None:
        """Append one line.

        Raises:
            TrainingError: The file cannot be written.
        """
        try:
            self._file.write(json.dumps({"kind": kind, **values}, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from error

    def sync(self) -> None:
        """Wait until the lines are on the disk."""
        os.fsync(self._file.fileno())

    def _failure(self, error: OSError) -> TrainingError:
        return TrainingError(
            f"'{self._path}' cannot be written: {error.strerror or error}.",
            "Make room or give a folder that can be written; training goes on from its last "
            "checkpoint.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _drop_after(path: Path, step: int, validated: int) -> None:
    last = {"step": step, "validation": validated}
    partial = path.with_name(f".{path.name}.partial")
    with (
        path.open(encoding="utf-8", errors="replace") as old,
        partial.open("w", encoding="utf-8") as new,
    ):
        for line in old:
            try:
                values = json.loads(line)
                late = values["kind"] in OURS and values["step"] > last[values["kind"]]
            except (ValueError, KeyError, TypeError):
                late = not line.endswith("\n")
            if not late:
                new.write(line)
    partial.replace(path)


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The outcome of one training.

    Attributes:
        encoder: As the user wrote it.
        license: Licence of the weights it started from, None where none is known.
        parameters: Number of weights of the written model, head included.
        vocabulary: Tokens of the written model.
        steps: Updates done.
        epochs: Passes over the originals.
        best_step: Update whose weights were kept.
        originals: Originals trained on.
        translations: Translations trained on.
        unpaired: Originals without a translation, where others have one.
        recycled: Times a row was taken again within an epoch, over all updates; see `Batch`.
        precision: `bf16` or `fp32`.
        seconds: Time spent, over all resumptions.
        resumed_from: Update of the checkpoint it went on from, None where it was not resumed.
        batch_originals: Most originals in a batch.
        batch_translations: Most translations in a batch.
        learning_rate: Peak learning rate.
        stopped_early: Patience ran out.
        tokens: Tokens read, padding not counted.
        truncated: Training texts that were cut at `max_length`.
        initial_weights: SHA-256 of the weights it started from, head included.
        order: SHA-256 of the originals' ids in the order of the first epoch.
        validation: Best mean F1-micro over the validation languages, None without validation.
        parts: In how many parts batches were computed at the end; more than 1 where memory ran out.
        unpaired_steps: Updates without a pair, where others had some.
        cuts: The training and validation texts that were cut, by language and origin.
        pooling: The vector that OTC compared, `cls` or `mean`; None in a result of before it was
            kept.
    """

    encoder: str
    license: str | None
    parameters: int
    vocabulary: int
    steps: int
    epochs: float
    best_step: int
    originals: int
    translations: int
    unpaired: int
    recycled: int
    precision: str
    seconds: float
    resumed_from: int | None
    batch_originals: int
    batch_translations: int
    learning_rate: float
    stopped_early: bool
    tokens: int
    truncated: int
    initial_weights: str
    order: str
    validation: float | None
    parts: int
    unpaired_steps: int = 0
    cuts: tuple[Cut, ...] = ()
    pooling: str | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """The result that `to_dict` gave."""
        return cls(**{**values, "cuts": tuple(Cut(**part) for part in values.get("cuts", ()))})

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {**asdict(self), "cuts": [part.model_dump() for part in self.cuts]}


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
    originals = rows.filter(is_original).select("original_id", original="text")
    pairs = (
        rows.filter(~is_original)
        .join(originals, on="original_id", how="inner", maintain_order="left")
        .select("original_id", "source_lang", "lang", "label", "original", translation="text")
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
    texts = list(dict.fromkeys([*pairs["original"], *pairs["translation"]]))
    vectors = dict(zip(texts, encode(texts).tolist(), strict=True))
    return pairs.select(
        *("original_id", "source_lang", "lang", "label"),
        pl.lit(stage).alias("stage"),
        *(
            pl.Series(side, [vectors[text] for text in pairs[side]], dtype=pl.List(pl.Float32))
            for side in ("original", "translation")
        ),
    )


def read_vectors(path: Path) -> pl.DataFrame | None:
    """The vectors written before, or None where there are none that can be read."""
    try:
        return read_table(path)
    except RunError:
        return None
