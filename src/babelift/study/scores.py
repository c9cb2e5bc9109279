"""A study's test results as arrays: was each condition right, by seed and test row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.study.task import OWN_TEXT

OWN: Final = "own"
"""The source of a condition that trains on the test language's own rows."""


class Cell(NamedTuple):
    """A condition over all its sources, languages and seeds.

    Attributes:
        arm: Arm, or the name of added predictions.
        otc: `off`, `on` or a variant.
        ratio: Originals to translations; None without pairs.
        translator: None where nothing is translated.
        encoder: Name of the encoder; None for added predictions, which go with any.
        rows: Labelled originals of a language that were asked for; None for all.
    """

    arm: str
    otc: str = "off"
    ratio: str | None = None
    translator: str | None = None
    encoder: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Scores:
    """Every prediction of a study, as right or wrong.

    Attributes:
        table: `arm, otc, ratio, translator, encoder, rows, source, seed, lang, id, group_id,
            right`; `source` is `own` for conditions that train on the test language's own rows.
    """

    table: pl.DataFrame

    @classmethod
    def of(cls, places: Iterable[Mapping[str, Any]], predictions: pl.DataFrame) -> "Scores":
        """Take the predictions that count for each condition.

        Args:
            places: Conditions as plain values, each with its `run`.
            predictions: All predictions of the study, with the columns `run` and `text_by`.
        """
        right = predictions.with_columns(
            right=pl.col("label") == pl.col("prediction"),
            lang=pl.when(pl.col("text_by") == OWN_TEXT)
            .then(pl.col("lang"))
            .otherwise(pl.coalesce("source_lang", "lang")),
        ).select("run", "text_by", "lang", "id", "group_id", "right")
        by_run = right.partition_by("run", as_dict=True)
        parts = []
        for place in places:
            rows = by_run.get((place["run"],))
            if rows is None:
                continue
            by = place["translator"] if place["arm"] == "translate-test" else OWN_TEXT
            kept = rows.filter(
                (pl.col("text_by") == by) & pl.col("lang").is_in(list(place["langs"]))
            )
            parts.append(kept.drop("run", "text_by").with_columns(**_about(place)))
        return cls(pl.concat(parts) if parts else pl.DataFrame())

    def cells(self) -> list[Cell]:
        """The conditions, in the order of the study."""
        found = self.table.select(Cell._fields).unique(maintain_order=True)
        return [Cell(*row) for row in found.iter_rows()]

    def of_cell(self, cell: Cell) -> pl.DataFrame:
        """The rows of one condition."""
        return self.table.filter(
            pl.col(name).eq_missing(pl.lit(value)) for name, value in cell._asdict().items()
        )

    def paired(self, arm: Cell, base: Cell) -> "Pairing | None":
        """Two conditions on the seeds, sources, languages and test rows that both have.

        A condition that trains on the test language's own rows goes with every source.
        """
        sides = [self.of_cell(cell) for cell in (arm, base)]
        sources = [[one for one in side["source"].unique() if one != OWN] for side in sides]
        shared = sorted({*sources[0], *sources[1]}) or [OWN]
        sides = [_with_sources(side, shared) for side in sides]
        on = ["source", "seed", "lang", "id"]
        both = sides[0].join(sides[1].select(*on, base="right"), on=on, maintain_order="left")
        if both.is_empty():
            return None
        both = both.sort(*on)
        seeds = sorted(both["seed"].unique())
        rows = both.group_by("source", "lang", "id", maintain_order=True).agg(
            "group_id", "right", "base", number=pl.len()
        )
        rows = rows.filter(pl.col("number") == len(seeds))
        if rows.is_empty():
            return None
        several = len(set(rows["source"])) > 1
        strata = rows.select(
            pl.format("{}>{}", "source", "lang") if several else pl.col("lang")
        ).to_series()
        return Pairing(
            np.array(rows["right"].to_list(), dtype=np.bool_).T,
            np.array(rows["base"].to_list(), dtype=np.bool_).T,
            strata.to_list(),
            rows["group_id"].list.first().to_list(),
            rows["lang"].to_list(),
            len(seeds),
        )


def _about(place: Mapping[str, Any]) -> dict[str, pl.Expr]:
    own = place["arm"] == "original"
    values = {
        **{name: place[name] for name in Cell._fields},
        "source": OWN if own else place["source"],
        "seed": place["seed"],
    }
    kinds = {"rows": pl.Int64, "seed": pl.Int64}
    return {name: pl.lit(value, dtype=kinds.get(name, pl.String)) for name, value in values.items()}


def _with_sources(side: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """Rows of the source `own`, repeated for each of the sources."""
    own = side.filter(pl.col("source") == OWN)
    if own.is_empty() or list(sources) == [OWN]:
        return side
    copies = [own.with_columns(source=pl.lit(source)) for source in sources]
    return pl.concat([side.filter(pl.col("source") != OWN), *copies])


@dataclass(frozen=True)
class Pairing:
    """Two conditions on shared seeds and test rows.

    Attributes:
        right_arm: `(seeds, rows) bool`.
        right_base: `(seeds, rows) bool`.
        strata: `(rows,)` the language of each row, or `source>lang` with several sources.
        groups: `(rows,)` the test item of each row.
        langs: `(rows,)` the test language of each row.
        seeds: Number of seeds.
    """

    right_arm: npt.NDArray[np.bool_]
    right_base: npt.NDArray[np.bool_]
    strata: list[str]
    groups: list[str]
    langs: list[str]
    seeds: int
