"""Test rows whose decision OTC turns: right in most trainings with it and wrong without, or not."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl
from pydantic import BaseModel, Field

from babelift.study.answers import stated_cell
from babelift.study.condition import OWN_TEXT, Condition
from babelift.study.spec import OFF, PAIRED, StudySpec

MOST: Final = 6
"""Rows shown of each direction."""


class Decision(BaseModel, frozen=True):
    """What most trainings answer, and the share of them that are right."""

    right: float
    says: str


class Flip(BaseModel, frozen=True, populate_by_name=True):
    """A test row whose decision OTC turns; with its source where the data set is parallel."""

    lang: str
    text: str | None
    label: str
    with_: Decision = Field(alias="with")
    without: Decision
    source_lang: str | None = None
    source_text: str | None = None


class Flips(BaseModel, frozen=True):
    """The rows that OTC turns in one arm.

    Attributes:
        arm: The arm.
        otc: Its OTC.
        rows: Test rows looked at.
        trainings: Most trainings with OTC that judged one of them.
        trainings_without: The same without; None in older records.
        counts: How many rows were `gained` and `lost`; `undecided`, right in just half of the
            trainings of a side; and of these `better`, right in a larger share of those with OTC,
            and `worse`, in a smaller one.
        gained: The clearest that only OTC gets right.
        lost: The clearest that only OTC gets wrong.
    """

    arm: str
    otc: str
    rows: int
    trainings: int
    trainings_without: int | None = None
    counts: dict[str, int]
    gained: list[Flip]
    lost: list[Flip]


_RIGHT = pl.col("label") == pl.col("prediction")


def flips(
    spec: StudySpec,
    places: Iterable[Mapping[str, Any]],
    predictions: pl.DataFrame,
    texts: pl.DataFrame | None,
) -> Flips | None:
    """What OTC gains and loses among the test rows, in the arm that the study is about.

    A row is gained where more than half of the trainings with OTC are right and more than half of
    those without are wrong, and lost the other way about. Where one side is right in just half of
    its trainings no majority turned, one way or the other: such rows, which an even number of
    trainings has, are counted apart by the way they lean. It goes by shares, so that the sides may
    have different numbers of trainings, and swapping the sides swaps the ways.

    Args:
        spec: The study.
        places: Conditions as plain values, each with its `run`.
        predictions: All predictions of the study.
        texts: `lang, id, group_id, text` of the test rows; None where they were not kept.

    Returns:
        Numbers of rows and the clearest of them, of every language as many; None where the arm has
        no runs with and without OTC.
    """
    sides = _sides(spec)
    if sides is None:
        return None
    places = list(places)
    tables = [_decisions(cell, places, predictions) for cell in sides]
    both = tables[0].join(tables[1], on=("lang", "id"), suffix="_without", maintain_order="left")
    if both.is_empty():
        return None
    with_otc, without = pl.col("right"), pl.col("right_without")
    undecided = both.filter((with_otc == 0.5) | (without == 0.5))
    ways = {
        "gained": both.filter((with_otc > 0.5) & (without < 0.5)),
        "lost": both.filter((with_otc < 0.5) & (without > 0.5)),
        "undecided": undecided,
        "better": undecided.filter(with_otc > without),
        "worse": undecided.filter(with_otc < without),
    }
    return Flips(
        arm=sides[0].arm,
        otc=sides[0].otc,
        rows=both.height,
        trainings=int(both["trainings"].to_numpy().max()),
        trainings_without=int(both["trainings_without"].to_numpy().max()),
        counts={way: rows.height for way, rows in ways.items()},
        gained=_shown(spec, ways["gained"], texts),
        lost=_shown(spec, ways["lost"], texts),
    )


def _sides(spec: StudySpec) -> tuple[Condition, Condition] | None:
    """The arm the study is about, with OTC and without."""
    arms = [arm for arm in (spec.primary.arm, *spec.arms) if arm in PAIRED]
    variants = [name for name in (spec.primary.otc, "on", *spec.otc) if name in spec.otc]
    variant = next((name for name in variants if name != OFF), None)
    if not arms or variant is None or OFF not in spec.otc:
        return None
    encoder = next(iter(spec.encoders))
    return stated_cell(spec, arms[0], variant, encoder), stated_cell(spec, arms[0], OFF, encoder)


def _decisions(
    cell: Condition, places: Iterable[Mapping[str, Any]], predictions: pl.DataFrame
) -> pl.DataFrame:
    """For every test row the share of trainings that are right, and what they say.

    That is the label where most are right, and else the commonest of the wrong answers.
    """
    kinds = {"run": pl.String(), "lang": pl.String()}
    counted = pl.DataFrame(
        [
            {"run": place["run"], "lang": lang}
            for place in places
            if Condition.of(place).over_sources() == cell
            for lang in place["langs"]
        ],
        schema=kinds,
    )
    rows = predictions.filter(pl.col("text_by") == OWN_TEXT).join(
        counted, on=("run", "lang"), how="semi"
    )
    wrong = pl.col("prediction").filter(~_RIGHT).mode().sort().first()
    return rows.group_by("lang", "id", maintain_order=True).agg(
        pl.col("label").first(),
        pl.when(_RIGHT.mean() > 0.5).then(pl.col("label").first()).otherwise(wrong).alias("says"),
        _RIGHT.mean().alias("right"),
        pl.len().alias("trainings"),
    )


def _shown(spec: StudySpec, turned: pl.DataFrame, texts: pl.DataFrame | None) -> list[Flip]:
    """The clearest rows, of every language as many."""
    if texts is None:
        return []
    size = (pl.col("right") - pl.col("right_without")).abs()
    chosen = (
        turned.sort(size, "lang", "id", descending=(True, False, False))
        .with_columns(turn=pl.int_range(pl.len()).over("lang"))
        .sort("turn", maintain_order=True)
        .join(texts, on=("lang", "id"), maintain_order="left")
        .head(MOST)
    )
    return [
        Flip(
            lang=row["lang"],
            text=row["text"],
            label=row["label"],
            with_=Decision(right=row["right"], says=row["says"]),
            without=Decision(right=row["right_without"], says=row["says_without"]),
            **_source(spec, row, texts),
        )
        for row in chosen.iter_rows(named=True)
    ]


def _source(spec: StudySpec, row: Mapping[str, Any], texts: pl.DataFrame) -> dict[str, Any]:
    """The same item in a source language, where the data set is parallel."""
    sources = [lang for source in spec.sources for lang in source.split("+")]
    other = next((lang for lang in sources if lang != row["lang"]), None)
    if not spec.parallel or other is None:
        return {}
    same = texts.filter((pl.col("lang") == other) & (pl.col("group_id") == row["group_id"]))
    return {"source_lang": other, "source_text": same["text"][0]} if same.height else {}
