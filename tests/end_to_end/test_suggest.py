"""From a run to rows that are worth a label, and back into training."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from babelift.run.folder import Run

pytestmark = pytest.mark.slow

THINGS = ("book", "phone", "lamp", "chair", "clock", "radio", "camera", "bottle", "shoe", "kettle")
DINGE = ("Buch", "Telefon", "Lampe", "Stuhl", "Uhr", "Radio", "Kamera", "Flasche", "Schuh", "Topf")


def english(number: int) -> str:
    word = "good" if number % 2 else "bad"
    return f"The {THINGS[number % 10]} number {number * 7919} is {word} and has {number**2} parts."


def german(number: int) -> str:
    return f"{DINGE[number % 10]} Nummer {number * 6700417} hat {number**3} Teile und gefällt mir."


@pytest.fixture
def run(babelift: Callable, tmp_path: Path) -> Path:
    table = pl.DataFrame({
        "stars": [str(n % 2) for n in range(140)], "review": [english(n) for n in range(140)],
    })  # fmt: skip
    table.write_csv(tmp_path / "reviews.csv")
    result = babelift(
        "fit", "reviews.csv", "--lang", "en", "--label", "stars", "--arm", "zero-shot",
        "--encoder", "scratch", "--steps", "2", "--out", "runs/reviews",
    )  # fmt: skip
    assert result.code == 0, result.err
    return tmp_path / "runs" / "reviews"


def unlabelled(path: Path) -> pl.DataFrame:
    """German rows, two that the run knows, one twice, and one without a text."""
    texts = [german(n) for n in range(30)]
    texts += [english(4), english(5).upper(), f"  {german(7)}", ""]
    table = pl.DataFrame({
        "shop": [f"s{n % 3}" for n in range(34)], "review": texts,
        "id": [f"row {n}" for n in range(34)], "price": [n / 4 for n in range(34)],
    })  # fmt: skip
    table.write_csv(path)
    return table


def test_rows_are_suggested_labelled_and_learnt_from(
    babelift: Callable, tmp_path: Path, run: Path
) -> None:
    check = Run.open(run).manifest.label_check
    assert check is not None
    assert check.doubted is not None
    assert pl.read_csv(run / "label_errors.csv").height == check.contradicted
    assert "Labels that look wrong" in (run / "report.html").read_text(encoding="utf-8")

    table = unlabelled(tmp_path / "new.csv")
    result = babelift(
        "suggest", run, "new.csv", "--lang", "de", "--rows", "10", "--max-rejects", ".1",
        "--out", "suggested.csv",
    )  # fmt: skip
    assert result.code == 0, result.err
    said = " ".join((result.out + result.err).split())
    assert "10 of 33 rows" in said
    assert "2 repeat rows of the run" in said
    assert "1 repeats another row" in said
    assert "20 were not chosen" in said
    assert "cannot be known from one run" in said

    suggested = pl.read_csv(tmp_path / "suggested.csv")
    assert suggested.columns == [
        *table.columns, "stars", "lang", "prediction", "probability", "why"
    ]  # fmt: skip
    own = suggested.select(table.columns)
    assert own.height == 10
    assert own.join(table, on=table.columns, how="semi").height == 10
    assert not set(own["review"]) & {english(4), english(5).upper()}
    assert suggested["stars"].null_count() == 10

    labelled = suggested.with_columns(stars=pl.Series([n % 2 for n in range(10)]))
    labelled.write_csv(tmp_path / "labelled.csv")
    result = babelift(
        "fit", "reviews.csv", "labelled.csv", "--lang", "en", "--label", "stars", "--from", "en",
        "--to", "de", "--arm", "original", "--encoder", "scratch", "--steps", "2",
        "--out", "runs/more",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert Run.open(tmp_path / "runs" / "more").manifest.data["train"]["de"]["original"] > 0

    # What is labelled by then is not suggested again.
    result = babelift(
        "suggest", "runs/more", "new.csv", "--lang", "de", "--rows", "40", "--max-rejects", ".1",
    )  # fmt: skip
    assert result.code == 0, result.err
    again = pl.read_csv(tmp_path / "new-suggested.csv")
    assert again.height == 20
    assert not set(again["id"]) & set(suggested["id"])
