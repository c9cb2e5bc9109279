"""Rows labelled: a frame by the function, files by the command, which goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from babelift.config import PredictConfig
from babelift.corpus import reader
from babelift.errors import BabeliftError, ConfigError, RejectsError, RunError
from babelift.prediction.job import predict, run_predict
from babelift.prediction.predictor import Predictor
from tests.support import SENTENCES, tiny_classifier

LABELS = ["bad", "good", "so-so"]
OF_MODEL = ["negative", "neutral", "positive"]
ROWS_READ = [
    {"id": f"{lang}{number}", "text": text, "label": OF_MODEL[number % 3], "lang": lang}
    for lang, texts in SENTENCES.items()
    for number, text in enumerate(texts)
]
TEXTS = [row["text"] for row in ROWS_READ]
PART = 4
ROWS = 22


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS_READ))
    return path


def read(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.read_csv(path) if path.suffix == ".csv" else pl.read_ndjson(path)


def label(model: Path, *inputs: Path, **settings: object) -> Path:
    values = {"model": str(model), "input": tuple(map(str, inputs)), **settings}
    return run_predict(PredictConfig.from_mapping(values))


def write_table(file: Path, rows: int) -> Path:
    texts = (f"The coffee {number} was good, the cup {number % 7} cold." for number in range(rows))
    file.write_text("".join(json.dumps({"id": n, "text": t}) + "\n" for n, t in enumerate(texts)))
    return file


class Stopped:
    """A predictor that can be stopped, and says how many texts it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stop_after: int | None = None
        self.seen = 0
        whole = Predictor.stream_proba

        def stream(
            predictor: Predictor, given: Iterable[Sequence[str]], *options: Any, **more: Any
        ) -> Iterator[Any]:
            for number, proba in enumerate(whole(predictor, given, *options, **more)):
                if number == self.stop_after:
                    raise KeyboardInterrupt
                self.seen += len(proba)
                yield proba

        monkeypatch.setattr(Predictor, "stream_proba", stream)

    def run(
        self, model: Path, table: Path, out: Path, stop_after: int | None = None, **more: Any
    ) -> int:
        """Predict; how many texts were given to the model."""
        self.stop_after, self.seen = stop_after, 0
        settings = {"model": str(model), "input": str(table), "out": out, **more}
        config = PredictConfig.from_mapping(settings)
        if stop_after is None:
            run_predict(config)
        else:
            with pytest.raises(KeyboardInterrupt):
                run_predict(config)
        return self.seen


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    monkeypatch.setattr(reader, "MOST", PART)
    return Stopped(monkeypatch)


def test_finished_parts_are_not_computed_again(predictor: Stopped, tmp_path: Path) -> None:
    model = tiny_classifier(tmp_path / "model", LABELS)
    table = write_table(tmp_path / "in.jsonl", ROWS)
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert predictor.run(model, table, whole) == ROWS
    assert predictor.run(model, table, out, stop_after=2) == 2 * PART
    assert not out.exists()
    assert predictor.run(model, table, out, stop_after=1) == PART
    assert predictor.run(model, table, out) == ROWS - 3 * PART
    assert out.read_bytes() == whole.read_bytes()
    tables = {"out.csv", "whole.csv"}
    names = {"in.jsonl", "model", *tables, *(f"{table}.report.json" for table in tables)}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize("changed", ["model", "table", "setting"])
def test_what_belongs_to_another_job_is_begun_anew(
    changed: str, predictor: Stopped, tmp_path: Path
) -> None:
    model = tiny_classifier(tmp_path / "model", LABELS)
    table = write_table(tmp_path / "in.jsonl", ROWS)
    predictor.run(model, table, tmp_path / "out.csv", stop_after=2)
    more: dict[str, Any] = {}
    if changed == "model":
        tiny_classifier(model, LABELS, seed=1)
    elif changed == "table":
        table.write_text(table.read_text().replace("cold", "warm"))
    else:
        more = {"batch_size": 2}
    assert predictor.run(model, table, tmp_path / "out.csv", **more) == ROWS


def test_a_kill_costs_the_part_under_way(tmp_path: Path) -> None:
    model = tiny_classifier(tmp_path / "model", LABELS)
    table = write_table(tmp_path / "in.jsonl", 20_000)

    def start(out: str) -> subprocess.Popen[str]:
        program = "from babelift.cli import main; main()"
        command = [sys.executable, "-c", program, "predict", str(model), str(table), "--out", out]
        environment = {**os.environ, "BABELIFT_CACHE": str(tmp_path / "cache")}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
        )

    begun = start("out.csv")
    while len(list(tmp_path.glob(".out.csv.finished/*.npy"))) < 2:
        assert begun.poll() is None, begun.communicate()
        time.sleep(0.01)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    assert not (tmp_path / "out.csv").exists()
    runs = {out: start(out) for out in ("out.csv", "whole.csv")}
    said = {out: "".join(run.communicate()) for out, run in runs.items()}
    assert [run.returncode for run in runs.values()] == [0, 0], said
    assert "rows are finished already" in said["out.csv"]
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_predict_labels_every_row_in_the_order_of_the_input(
    model: Path, reviews: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / "out" / f"labelled.{ending}"
    assert label(model, reviews, out=out) == out
    table = read(out)
    assert table.columns[:3] == ["id", "prediction", "probability"]
    assert table["id"].to_list() == [row["id"] for row in ROWS_READ]
    assert table["text"].to_list() == TEXTS
    assert table["prediction"].to_list() == Predictor.load(model).predict(TEXTS)
    assert table.select(f"p_{label}" for label in OF_MODEL).sum_horizontal().to_list() == (
        pytest.approx([1.0] * len(ROWS_READ))
    )


def test_predict_needs_neither_label_nor_language(model: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("review,product\nvery good,lamp\nvery bad,chair\n")
    out = label(model, tmp_path / "new.csv", out=tmp_path / "out.jsonl", text="review")
    table = read(out)
    assert "lang" not in table.columns
    assert "label" not in table.columns
    assert table["product"].to_list() == ["lamp", "chair"]


def test_predictions_of_a_labelled_file_again_lose_nothing(
    model: Path, reviews: Path, tmp_path: Path
) -> None:
    once = label(model, reviews, out=tmp_path / "once.csv")
    twice = read(label(model, once, out=tmp_path / "twice.csv"))
    assert twice["prediction"].to_list() == twice["prediction_given"].to_list()
    assert {"p_neutral", "p_neutral_given"} <= set(twice.columns)


def test_rows_that_cannot_be_read_go_to_a_file_beside(model: Path, tmp_path: Path) -> None:
    (tmp_path / "new.jsonl").write_text('{"text": "good"}\n{"text": null}\n')
    out = tmp_path / "out.csv"
    label(model, tmp_path / "new.jsonl", out=out, max_rejects=0.5)
    assert read(out).height == 1
    rejects = (tmp_path / "out.csv.rejects.jsonl").read_text().splitlines()
    assert json.loads(rejects[0])["row"] == 2


def test_too_many_bad_rows_stop_before_the_model_is_opened(tmp_path: Path) -> None:
    (tmp_path / "new.jsonl").write_text('{"text": "good"}\n{"text": null}\n')
    with pytest.raises(RejectsError):
        label(tmp_path / "no-model", tmp_path / "new.jsonl", out=tmp_path / "out.csv")


def test_predict_overwrites_nothing(model: Path, reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine")
    with pytest.raises(RunError, match="exists and has no report"):
        label(model, reviews, out=out)
    assert out.read_text() == "mine"


def test_predict_run_again_says_that_it_is_done(model: Path, reviews: Path, tmp_path: Path) -> None:
    out = label(model, reviews, out=tmp_path / "out.csv")
    before = out.stat().st_mtime_ns
    assert label(model, reviews, out=out) == out
    assert out.stat().st_mtime_ns == before
    with pytest.raises(RunError, match="other settings"):
        label(model, reviews, out=out, batch_size=7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "no file to write"),
        ({"out": "out.xlsx"}, "'.xlsx' is not known"),
        ({"out": "out.csv", "input": ()}, "no input table"),
    ],
)
def test_predict_says_which_setting_is_missing(
    model: Path, reviews: Path, settings: dict[str, object], message: str, tmp_path: Path
) -> None:
    if "out" in settings:
        settings["out"] = tmp_path / str(settings["out"])
    with pytest.raises(ConfigError, match=message):
        run_predict(
            PredictConfig.from_mapping({"model": str(model), "input": (str(reviews),), **settings})
        )


def test_a_frame_comes_back_with_predictions_at_its_end(model: Path) -> None:
    frame = pl.DataFrame({"shop": range(len(TEXTS)), "text": TEXTS, "p_neutral": "mine"})
    labelled = predict(model, frame, batch_size=2)
    predictor = Predictor.load(model)
    assert labelled.columns == [
        *("shop", "text", "p_neutral_given", "prediction", "probability"),
        *(f"p_{label}" for label in OF_MODEL),
    ]
    assert labelled["shop"].to_list() == list(range(len(TEXTS)))
    assert labelled["p_neutral_given"].unique().to_list() == ["mine"]
    assert labelled["prediction"].to_list() == predictor.predict(TEXTS, batch_size=2)
    proba = labelled.select(f"p_{label}" for label in OF_MODEL).to_numpy()
    assert np.array_equal(proba, predictor.predict_proba(TEXTS, batch_size=2))
    assert labelled["probability"].to_list() == proba.max(axis=1).tolist()


def test_texts_and_a_file_are_labelled_as_a_frame_is(model: Path, reviews: Path) -> None:
    predictor = Predictor.load(model)
    frame = predict(predictor, pl.DataFrame({"body": TEXTS}), text="body")
    predictions = frame.drop("body")
    assert predict(predictor, TEXTS).drop("text").equals(predictions)
    for path in (reviews, str(reviews)):
        labelled = predict(predictor, path)
        assert labelled["text"].to_list() == TEXTS
        assert labelled.select(predictions.columns).equals(predictions)


@pytest.mark.parametrize("texts", [[], ["good", None, "bad"], [None]])
def test_a_row_without_text_has_no_prediction(model: Path, texts: list[str | None]) -> None:
    frame = pl.DataFrame({"text": texts, "n": range(len(texts))}, schema_overrides={"text": str})
    labelled = predict(model, frame)
    assert labelled.select("text", "n").equals(frame)
    for name in ("prediction", "probability", "p_neutral"):
        assert labelled[name].is_null().to_list() == [text is None for text in texts]


def test_rows_that_cannot_be_labelled_are_refused(model: Path, tmp_path: Path) -> None:
    for rows, options, message in [
        (pl.DataFrame({"txt": ["good"]}), {}, "no column 'text'; did you mean 'txt'"),
        (pl.DataFrame({"text": [1]}), {}, "must hold strings"),
        (["good", 3], {}, "text 2 must be a string"),
        (tmp_path / "none.csv", {}, "no such file"),
        (["good"], {"precision": "fp8"}, "precision"),
        (["good"], {"workers": 2}, "only used with on 'ray'"),
    ]:
        with pytest.raises(BabeliftError, match=message):
            predict(model, rows, **options)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cannot be sent to Ray"):
        predict(Predictor.load(model), ["good"], on="ray")


def test_what_a_late_kill_left_is_removed(model: Path, reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "labelled.csv"
    label(model, reviews, out=out)
    before = sorted(path.name for path in tmp_path.iterdir())
    for name in (".labelled.csv.parts/rows", ".labelled.csv.finished"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "000000.parquet").write_bytes(b"left")
    label(model, reviews, out=out)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
