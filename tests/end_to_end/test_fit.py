"""The whole job on the sample that ships with the package, trained for a few steps only."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from babelift.config import FitConfig, PredictConfig
from babelift.corpus.rows import SCHEMA
from babelift.embedded import sample_config
from babelift.errors import ModelError, RunError
from babelift.run.fit import run_fit
from babelift.run.folder import Run

pytestmark = pytest.mark.slow

SIX = {"en", "de", "es", "fr", "ja", "zh"}
QUICK = {"epochs": None, "steps": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BABELIFT_CACHE", str(folder / "cache"))
        return run_fit(sample_config(folder / "demo").model_copy(update=QUICK))


def test_the_folder_holds_what_the_readme_says(run: Run) -> None:
    for name in (
        "config.yaml", "manifest.json", "data/train.parquet", "data/test.parquet",
        "model/model.safetensors", "model/config.json", "model/README.md",
        "predictions.parquet", "metrics.json", "report.html", "log.jsonl",
    ):  # fmt: skip
        assert (run.folder / name).stat().st_size > 0, name


def test_nothing_is_pickled(run: Run) -> None:
    endings = {file.suffix for file in run.folder.rglob("*") if file.is_file()}
    assert not endings & {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}


def test_every_language_is_measured_beside_the_linear_baseline(run: Run) -> None:
    metrics = json.loads((run.folder / "metrics.json").read_text())
    for part in ("languages", "linear"):
        assert set(metrics[part]) == SIX
        for scores in metrics[part].values():
            low, high = scores["f1_micro_interval"]
            assert low <= scores["f1_micro"] <= high
            assert scores["rows"] == 100
            assert scores["mae"] >= 0
    assert metrics["ordinal"] is True


def test_training_saw_english_originals_and_their_translations_only(run: Run) -> None:
    train = pl.read_parquet(run.folder / "data" / "train.parquet")
    assert train.columns[: len(SCHEMA)] == list(SCHEMA)
    assert set(train.filter(pl.col("origin") == "original")["lang"]) == {"en"}
    made = train.filter(pl.col("origin") != "original")
    assert set(made["lang"]) == SIX - {"en"}
    assert set(made["source_lang"]) == {"en"}
    originals = dict(zip(train["id"], train["label"], strict=True))
    assert all(originals[row["original_id"]] == row["label"] for row in made.to_dicts())


def test_the_same_command_again_does_nothing(run: Run) -> None:
    before = {file: file.stat().st_mtime_ns for file in run.folder.rglob("*") if file.is_file()}
    config = FitConfig.read(run.folder / "config.yaml")
    again = run_fit(config)
    assert again.finished
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_force_starts_over_beside_the_old_folder(run: Run, tmp_path: Path) -> None:
    old = tmp_path / "demo"
    shutil.copytree(run.folder, old)
    config = FitConfig.read(old / "config.yaml").model_copy(update={"out": old})
    new = run_fit(config, force=True)
    assert new.folder == tmp_path / "demo-2"
    assert (new.folder / "model" / "model.safetensors").read_bytes() == (
        old / "model" / "model.safetensors"
    ).read_bytes()


def test_a_changed_input_file_is_not_taken_for_the_old_one(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "reviews.csv"
    lines = [f"{n},{word} {n},{n % 2}" for n, word in enumerate(["good", "bad"] * 40)]
    table.write_text("id,text,label\n" + "\n".join(lines))
    config = FitConfig(
        train=(str(table),), lang="en", arm="zero-shot", encoder="scratch", steps=1,
        out=tmp_path / "run", leakage="warn",
    )  # fmt: skip
    run_fit(config)
    terms = tmp_path / "terms.txt"
    terms.write_text("good\n")
    with_terms = config.model_copy(update={"keep_terms": terms, "out": tmp_path / "terms"})
    run_fit(with_terms)
    terms.write_text("bad\n")
    with pytest.raises(RunError, match=r"terms\.txt' has changed"):
        run_fit(with_terms)
    table.write_text(table.read_text() + "\nnew,good,1\n")
    with pytest.raises(RunError, match=r"reviews\.csv' has changed"):
        run_fit(config)


def test_a_run_that_lost_its_last_stages_makes_only_those_again(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "demo"
    shutil.copytree(run.folder, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    for stage in ("evaluation", "report"):
        del manifest["stages"][stage]
    manifest["finished"] = None
    (copy / "manifest.json").write_text(json.dumps(manifest))
    (copy / "metrics.json").unlink()
    weights = (copy / "model" / "model.safetensors").stat().st_mtime_ns
    config = FitConfig.read(copy / "config.yaml").model_copy(update={"out": copy})
    run_fit(config)
    assert (copy / "metrics.json").read_text() == (run.folder / "metrics.json").read_text()
    assert (copy / "model" / "model.safetensors").stat().st_mtime_ns == weights


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_plain_transformers_gives_the_labels_that_predict_gives(run: Run, tmp_path: Path) -> None:
    from transformers import pipeline

    from babelift.prediction.job import run_predict

    test = pl.read_parquet(run.folder / "data" / "test.parquet")
    table = tmp_path / "test.jsonl"
    test.select("id", "text", "lang").write_ndjson(table)
    out = run_predict(
        PredictConfig(model=str(run.folder), input=(str(table),), out=tmp_path / "out.jsonl"), None
    )
    ours = pl.read_ndjson(out)
    classify = pipeline("text-classification", model=str(run.folder / "model"))
    theirs = [answer["label"] for answer in classify(test["text"].to_list(), batch_size=16)]
    assert ours["id"].to_list() == test["id"].to_list()
    assert ours["prediction"].cast(pl.String).to_list() == theirs


def test_the_report_is_one_file_that_asks_nothing_of_the_network(run: Run) -> None:
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    for mark in ('src="http', "src='http", "@import", 'href="http://', "<script src", "<link "):
        assert mark not in page
    for name in ("German", "Japanese"):
        assert name in page


def test_a_misspelt_encoder_is_refused_before_anything_is_translated(tmp_path: Path) -> None:
    config = sample_config(tmp_path / "run").model_copy(
        update={"encoder": "distilbert-multilingul"}
    )
    with pytest.raises(ModelError, match="did you mean 'distilbert-multilingual'"):
        run_fit(config)
    assert not Run.open(tmp_path / "run").done("translation")
