"""`babelift models` says what each model is, whose it is, where it is, and how good it was."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from babelift import embedded

MEASURED = {
    "command": "python -m models.measure encoder",
    "results": [
        {"what": "Tatoeba retrieval, X→en", "unit": "accuracy", "values": {"de": 0.94, "ja": 0.9}},
        {"what": "Held-out text", "unit": "chrF", "values": {"en>de": 51.27}},
    ],
    "date": "2026-01-01",
}


def measured(folder: Path) -> dict:
    """Writes measurements of the model that lies in the folder."""
    measurements = {"of": embedded.identity(folder), **MEASURED}
    (folder / "measurements.json").write_text(json.dumps(measurements))
    return measurements


@pytest.fixture
def listed(babelift: Callable, stand_ins: Path) -> Callable[[], dict[str, dict]]:
    """What `--json` gives, by name and kind."""

    def entries() -> dict[str, dict]:
        found = json.loads(babelift("models", "--json").out)
        return {f"{entry['kind']} {entry['name']}": entry for entry in found}

    return entries


def test_embedded_models_come_with_place_size_and_measurements(
    listed: Callable, stand_ins: Path
) -> None:
    folder = stand_ins / "encoder"
    measurements = measured(folder)
    entry = listed()["encoder mini"]
    assert entry["where"] == str(folder)
    assert entry["license"] == "MIT"
    assert entry["measurements"] == measurements
    megabytes = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    assert entry["size"] == f"0 M weights, {megabytes:.1f} MB"


def test_measurements_are_shown_in_words(
    babelift: Callable, stand_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    measured(stand_ins / "encoder")
    out = babelift("models").out
    assert "Tatoeba retrieval, X→en, accuracy: de .94, ja .90" in out
    assert "Held-out text, chrF: en→de 51.3" in out


def test_an_embedded_model_that_is_missing_says_so(listed: Callable) -> None:
    entry = listed()["translator mini"]
    assert entry["where"] == "missing from this installation"
    assert entry["size"] is None
    assert entry["measurements"] is None


def test_damaged_measurements_are_one_clear_error(babelift: Callable, stand_ins: Path) -> None:
    for damaged in ("{", '{"command": "x"}', '{"command": "x", "results": [{"what": 1}]}'):
        (stand_ins / "encoder" / "measurements.json").write_text(damaged)
        result = babelift("models")
        assert result.code == 1
        assert "measurements.json' cannot be read" in result.err


def test_models_of_the_hub_say_whether_they_are_at_hand(
    listed: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_hand = {"google-bert/bert-base-multilingual-cased": Path("/hub/mbert")}
    monkeypatch.setattr("babelift.hub.on_disk", at_hand.get)
    entries = listed()
    assert entries["encoder mbert"]["where"] == "/hub/mbert"
    fetched = "fetched from FacebookAI/xlm-roberta-base on first use"
    assert entries["encoder xlm-roberta-base"]["where"] == fetched
    assert entries["encoder scratch"]["where"] == "made from the run's own texts"
    assert all(entry["where"] and entry["description"] for entry in entries.values())
