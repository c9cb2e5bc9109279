"""Translations of one pair's rows, between the translator and the finished frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import polars as pl

from babelift.corpus.rows import translation_id
from babelift.translate.protocol import Translator
from babelift.translate.quality import Band, find_faults
from babelift.translate.texts import Lane, Result


@dataclass(slots=True)
class Outcome:
    """Parallel lists, one entry per row that has a translation.

    Attributes:
        sources: The originals' texts.
        texts: Their translations.
        truncated: Whether the translation was cut.
        lost: Whether a sentence came back empty.
        translators: Who made the translation.
        origins: How it came to be, see `corpus.rows.ORIGINS`.
        faults: Names of its faults.
    """

    sources: list[str]
    texts: list[str]
    truncated: list[bool]
    lost: list[bool]
    translators: list[str]
    origins: list[str]
    faults: list[list[str]] = field(default_factory=list)

    @classmethod
    def of(cls, sources: list[str], results: Sequence[Result], translator: Translator) -> Self:
        """What a translator made of some texts; results without a text count as empty."""
        return cls(
            sources=sources,
            texts=[result.text or "" for result in results],
            truncated=[result.truncated for result in results],
            lost=[result.lost_sentence for result in results],
            translators=[translator.name] * len(results),
            origins=[getattr(translator, "origin", "machine")] * len(results),
        )

    def check(self, lane: Lane, band: Band) -> None:
        """Find the faults of every row."""
        lost = np.array(self.lost, dtype=np.bool_)
        self.faults = find_faults(*self._series(), lane.source_lang, lane.target_lang, band, lost)

    def take(self, row: int, other: "Outcome", place: int) -> None:
        """Put another outcome's translation in the place of a row's own."""
        for name in ("texts", "truncated", "lost", "translators", "origins", "faults"):
            getattr(self, name)[row] = getattr(other, name)[place]

    def frame(self, rows: pl.DataFrame, target_lang: str) -> pl.DataFrame:
        """The originals' rows with the translations in their place."""
        flags = [
            [*found, "truncated"] if cut else found
            for found, cut in zip(self.faults, self.truncated, strict=True)
        ]
        ids = rows["id"].to_list()
        return rows.with_columns(
            _strings("id", [translation_id(one, target_lang) for one in ids]),
            _strings("text", self.texts),
            pl.lit(target_lang).alias("lang"),
            pl.col("lang").alias("source_lang"),
            _strings("origin", self.origins),
            _strings("translator", self.translators),
            pl.lit(None, dtype=pl.Float64).alias("score"),
            pl.Series("flags", flags, dtype=pl.List(pl.String)),
            _strings("original_id", ids),
        )

    def _series(self) -> tuple[pl.Series, pl.Series]:
        return _strings("source", self.sources), _strings("text", self.texts)


def _strings(name: str, values: list[str]) -> pl.Series:
    return pl.Series(name, values, dtype=pl.String)
