"""Translators are measured on tiny data, with translators that are made up."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from babelift.errors import MissingDependencyError
from babelift.testing import FunctionTranslator
from babelift.translation.protocol import Translator
from models import measure_translators
from models.data import PAIRS
from models.measuring.translating import shared, stored, translated
from tests.support import SENTENCES

pytestmark = pytest.mark.slow


def perfect(text: str, source: str, target: str) -> str:
    """What people wrote in the target, for any of the fixture's sentences."""
    for one, other in zip(SENTENCES[source], SENTENCES[target], strict=True):
        text = text.replace(one, other)
    return text


def pick_up(text: str, source: str, target: str) -> str | None:
    return None if text == SENTENCES["en"][1] else text


@pytest.fixture
def translators(monkeypatch: pytest.MonkeyPatch) -> dict[str, Translator]:
    """Made-up translators under real names."""
    found: dict[str, Translator] = {
        "mini": FunctionTranslator(perfect, name="mini"),
        "copying": FunctionTranslator(pick_up, name="copying"),
    }

    def load(spec: str) -> Translator:
        if spec not in found:
            raise MissingDependencyError(f"{spec} is not installed.")
        return found[spec]

    monkeypatch.setattr(measure_translators, "load_translator", load)
    return found


def held(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame([(*row, "toy") for row in rows], schema=PAIRS, orient="row")


def test_translations_that_are_missing_are_empty_and_counted() -> None:
    output = translated(
        FunctionTranslator(pick_up), [SENTENCES["en"][0], SENTENCES["en"][1]], ("en", "de")
    )
    assert output.texts == [SENTENCES["en"][0], ""]
    assert (output.missing, output.truncated) == (1, 0)


def test_two_languages_are_paired_through_the_english_they_share() -> None:
    rows = held(
        ("de", "Hund", "dog"), ("ja", "犬", "dog"), ("de", "Katze", "cat"), ("ja", "家", "house")
    )
    items = shared(rows, ("de", "ja"))
    assert (items.texts, items.references) == (["Hund"], ["犬"])
    items = shared(rows, ("en", "de"))
    assert (items.texts, items.references) == (["dog", "cat"], ["Hund", "Katze"])


def test_stored_translations_are_found_by_system_pair_and_sentence(tiny_data: Path) -> None:
    found = stored(tiny_data)
    assert sorted(found) == ["argos", "bergamot-base-memory"]
    assert list(found["argos"]) == [("en", "de")]
    assert len(found["argos"]["en", "de"]) == 40


def test_tables_show_translators_beside_stored_systems_and_are_kept(
    tiny_data: Path, embedded_root: Path, translators: object, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("mini", "copying", "lacking")
    measure_translators.main(["--data", str(tiny_data), "--translator", *names])
    printed = capsys.readouterr().out
    assert "lacking is left out" in printed
    lines = [line for line in printed.splitlines() if line.startswith("| en>de ")]
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert (cells[1], cells[4]) == ("100.0", "100.0")
    assert float(cells[2]) < 50
    assert cells[2] == cells[3]  # argos leaves the text as it is, as `copying` does
    kept = json.loads((embedded_root / "lexicon" / "measurements.json").read_text())["results"]
    assert set(kept[0]["values"]) == {">".join(pair) for pair in measure_translators.PAIRS}
    assert kept[0]["command"] == "python -m models.measure_translators --translator mini"
    assert [result["unit"] for result in kept][-1] == "sentences per second"


def test_some_pairs_alone_are_not_kept(
    tiny_data: Path, embedded_root: Path, translators: object, capsys: pytest.CaptureFixture[str]
) -> None:
    measure_translators.main(
        ["--data", str(tiny_data), "--translator", "mini", "--pairs", "de>fr", "ja>en"]
    )
    assert "| de>fr " in capsys.readouterr().out
    assert not list(embedded_root.rglob("measurements.json"))


@pytest.mark.parametrize("text", ["en", "en>en", "en>xx", "en-de", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    refuse: Callable[[str], object] = measure_translators._pair
    with pytest.raises(argparse.ArgumentTypeError, match="not a pair"):
        refuse(text)
