"""What translations give a classifier is measured with a tiny encoder, for one epoch."""

import json
from pathlib import Path

import polars as pl
import pytest

from models import measure_labels

pytestmark = pytest.mark.slow


def test_arms_are_compared_with_zero_shot_and_no_training_is_done_twice(
    tiny_data: Path, embedded_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "runs"
    words = ["--data", str(tiny_data), "--seeds", "2", "--epochs", "1", "--work", str(work)]
    measure_labels.main([*words, "--arms", "zero-shot", "human"])
    first = capsys.readouterr().out
    assert [line.split(":")[0] for line in first.splitlines()[:4]] == [
        "zero-shot-seed0", "human-seed0", "zero-shot-seed1", "human-seed1"
    ]  # fmt: skip
    assert "expected from low to high: zero-shot, human; found:" in first
    assert not list(work.rglob("*.safetensors"))

    [folder] = work.glob("human-seed0-*")
    rows = pl.read_parquet(folder / "data" / "train.parquet")
    counts = dict(rows.group_by("lang", "origin").len().select("origin", "len").iter_rows())
    assert counts == {"original": 24, "reference": 24}
    assert sorted(rows["lang"].unique()) == ["de", "en", "es", "fr", "ja", "zh"]

    kept = json.loads((embedded_root / "encoder" / "measurements.json").read_text())["results"]
    assert [result["what"] for result in kept] == [
        "SIB-200 from English, zero-shot", "SIB-200 from English, translated by people"
    ]  # fmt: skip

    measure_labels.main([*words, "--arms", "zero-shot", "human", "--otc", "off"])
    again = capsys.readouterr().out
    # Zero-shot has no pairs for OTC, so it is the same training.
    assert [line.split(": ")[1][:11] == "done before" for line in again.splitlines()[:4]] == [
        True, False, True, False
    ]  # fmt: skip


def test_a_classifier_for_each_target_is_tested_in_that_target_alone(
    tiny_data: Path, tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "runs"
    measure_labels.main(
        ["--data", str(tiny_data), "--encoder", str(tiny_encoder), "--seeds", "1", "--epochs", "1",
         "--arms", "zero-shot", "bergamot-base-memory", "--apart", "--work", str(work)]
    )  # fmt: skip
    assert len(list(work.glob("zero-shot-*"))) == 1
    [folder] = work.glob("bergamot-base-memory-ja-seed0-*")
    found = pl.read_parquet(folder / "predictions.parquet")
    assert set(found["lang"]) == {"ja"}
    assert "| bergamot-base-memory | " in capsys.readouterr().out
