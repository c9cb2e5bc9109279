"""The commands of the README on real data, trained for a few steps only."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

pytestmark = pytest.mark.slow

SIX = ["de", "en", "es", "fr", "ja", "zh"]


@pytest.mark.parametrize("arm", ["translated", "zero-shot"])
def test_sib200_from_english_into_five_languages(
    babelift: Callable, data_dir: Path, arm: str
) -> None:
    sib = data_dir / "sib200"
    result = babelift(
        "fit", sib / "en.train.jsonl.gz", "--validation", sib / "en.validation.jsonl.gz",
        "--test", *sorted(sib.glob("*.test.jsonl.gz")), "--to", "de", "es", "fr", "ja", "zh",
        "--translator", f"table:{sib / 'translations.jsonl.gz'}#bergamot-base-memory",
        "--encoder", "scratch", "--steps", "3", "--arm", arm, "--out", "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert sorted(metrics["languages"]) == SIX
    assert {scores["rows"] for scores in metrics["languages"].values()} == {204}
    assert {scores["origin"] for scores in metrics["languages"].values()} == {"original"}
    train = pl.read_parquet("run/data/train.parquet")
    seen = SIX if arm == "translated" else ["en"]
    assert sorted(train["lang"].unique()) == seen
    assert train.filter(pl.col("origin") == "original").height == 701


def test_targets_without_test_rows_are_tested_on_translations_and_marked(
    babelift: Callable, data_dir: Path
) -> None:
    sib = data_dir / "sib200"
    result = babelift(
        "fit", sib / "en.train.jsonl.gz", "--test", sib / "en.test.jsonl.gz", "--to", "de",
        "--translator", f"table:{sib / 'translations.jsonl.gz'}#bergamot-base-memory",
        "--encoder", "scratch", "--steps", "2", "--out", "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    languages = json.loads(Path("run/metrics.json").read_text())["languages"]
    assert languages["en"]["origin"] == "original"
    assert languages["de"]["origin"] == "machine"
    assert "machine" in Path("run/report.html").read_text()


def test_m_absa_stops_at_sentences_that_training_and_test_share(
    babelift: Callable, data_dir: Path
) -> None:
    absa = data_dir / "m_absa"
    command = (
        "fit", absa / "en.train.jsonl.gz", "--test", absa / "en.test.jsonl.gz", "--arm",
        "zero-shot", "--encoder", "scratch", "--steps", "1", "--out", "run",
    )  # fmt: skip
    stopped = babelift(*command)
    assert stopped.code == 1
    assert "LeakageError" in stopped.err
    assert not Path("run/model").exists()

    dropped = babelift(*command, "--leakage", "drop")
    assert dropped.code == 0, dropped.err
    manifest = json.loads(Path("run/manifest.json").read_text())
    leakage = manifest["leakage"]
    assert leakage["dropped"]["train"] > 0
    train = pl.read_parquet("run/data/train.parquet")
    test = pl.read_parquet("run/data/test.parquet")
    assert not set(train["text"]) & set(test["text"])
    assert train.height == 8796 - leakage["dropped"]["train"] - manifest["rejects"]["count"]
