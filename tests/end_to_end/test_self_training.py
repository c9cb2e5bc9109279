"""The whole job with unlabelled rows, in two languages that are written almost alike."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from babelift.config import FitConfig
from babelift.run.fit import run_fit
from babelift.run.folder import Run
from babelift.training import trainer

pytestmark = pytest.mark.slow

WORDS = {"bad": ("katastrofalt", "elendigt", "surt"), "good": ("perfekt", "fantastisk", "fint")}


def rows(lang: str, start: int, number: int, *, labelled: bool) -> list[dict[str, Any]]:
    made = []
    for n in range(start, start + number):
        label = ("bad", "good")[n % 2]
        text = f"Hotel nummer {n} var {WORDS[label][n // 2 % 3]}, og det har vi sagt til alle."
        made.append({"text": text, "lang": lang} | ({"label": label} if labelled else {}))
    return made


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tables")

    def write(name: str, table: list[dict[str, Any]]) -> str:
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table))
        return str(path)

    tests = rows("da", 2000, 40, labelled=True)
    return {
        "train": write("train", rows("nb", 0, 120, labelled=True)),
        "test": write("test", tests),
        # Some of the test rows are among the unlabelled ones.
        "unlabelled": write("new", rows("da", 1000, 100, labelled=False) + [
            {"text": row["text"], "lang": "da"} for row in tests[:7]]),
        "arm": "self-trained", "to": ["da"], "encoder": "scratch", "steps": 80, "rounds": 1,
        "max_length": 32, "near_duplicates": 0,
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_fit(FitConfig.from_mapping({**settings, "out": tmp_path_factory.mktemp("r") / "a"}))


def weights(run: Run) -> bytes:
    return (run.model / "model.safetensors").read_bytes()


def test_unlabelled_rows_join_the_training_and_none_of_the_test_rows_does(
    run: Run, settings: dict[str, Any]
) -> None:
    told = run.manifest.self_training
    assert told is not None
    assert told.left_out == {"validation or test rows, or nearly": 7}
    assert told.rows == {"da": 100}
    assert told.kept == 1
    train = pl.read_parquet(run.folder / "data" / "train.parquet")
    believed = train.filter(pl.col("origin") == "pseudo")
    assert 0 < believed.height <= 50
    assert believed["label"].value_counts().sort("label")["count"].to_list() == [
        part.rows for part in told.believed
    ]
    tested = {json.loads(line)["text"] for line in Path(settings["test"]).read_text().splitlines()}
    assert not tested & set(train["text"])
    assert run.metrics.languages["da"].f1_micro > 0.8
    assert not (run.folder / "rounds").exists()


def test_the_report_says_what_was_believed(run: Run) -> None:
    page = (run.folder / "report.html").read_text()
    for words in (
        "Rows that were believed", "rows in Danish that a first model labelled",
        "it saw only with labels of a first model", "labelled by a first model",
    ):  # fmt: skip
        assert words in page, words


def test_the_same_command_again_changes_nothing(
    run: Run, settings: dict[str, Any], unchanged: Callable[[Path], AbstractContextManager[None]]
) -> None:
    with unchanged(run.folder):
        run_fit(FitConfig.from_mapping({**settings, "out": run.folder}))


def test_a_job_that_was_stopped_goes_on_and_ends_alike(
    run: Run, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = FitConfig.from_mapping({**settings, "out": tmp_path / "run"})
    train, do, trained = trainer.train_classifier, Run.do, []

    def until_the_second(*args: Any, **kwargs: Any) -> Any:
        trained.append(kwargs["run_dir"].name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(*args, **kwargs)

    def unmarked(self: Run, stage: str, work: Any, *args: Any, **kwargs: Any) -> None:
        if stage == "training":
            work(self, *args, **kwargs)
            raise KeyboardInterrupt
        do(self, stage, work, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_classifier", until_the_second)
        with pytest.raises(KeyboardInterrupt):
            run_fit(config)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "do", unmarked)
        with pytest.raises(KeyboardInterrupt):
            run_fit(config)
    assert trained == ["0", "1"]
    again = run_fit(config)
    assert weights(again) == weights(run)
    assert again.manifest.self_training == run.manifest.self_training
    assert again.manifest.data == run.manifest.data
