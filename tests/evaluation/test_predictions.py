"""The job behind evaluate, from files to files."""

import json
from pathlib import Path

import polars as pl
import pytest

import babelift
from babelift.config import EvaluateConfig
from babelift.errors import (
    BabeliftError,
    BabeliftWarning,
    ConfigError,
    DataError,
    LanguageError,
    ModelError,
    RunError,
)
from babelift.evaluation.evaluate import evaluate, run_evaluate
from babelift.evaluation.metrics import Metrics
from babelift.prediction.predictor import Predictor
from babelift.store import read_record, write_rows
from tests.support import SENTENCES

LABELS = ["negative", "neutral", "positive"]
ROWS = [
    {"id": f"{lang}{number}", "text": text, "label": LABELS[number % 3], "lang": lang}
    for lang, texts in SENTENCES.items()
    for number, text in enumerate(texts)
]
TEXTS = [row["text"] for row in ROWS]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def read(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.read_csv(path) if path.suffix == ".csv" else pl.read_ndjson(path)


def measure(model: Path | str, *inputs: Path, **settings: object) -> Metrics:
    values = {"model": str(model), "input": tuple(map(str, inputs)), **settings}
    return run_evaluate(EvaluateConfig.from_mapping(values))


def test_evaluate_writes_metrics_and_predictions(
    model: Path, reviews: Path, tmp_path: Path
) -> None:
    out = tmp_path / "evaluated"
    metrics = measure(model, reviews, out=out)
    assert read_record(out / "metrics.json", Metrics) == metrics
    assert set(metrics.languages) == set(SENTENCES)
    predictions = pl.read_parquet(out / "predictions.parquet")
    assert predictions["prediction"].to_list() == Predictor.load(model).predict(TEXTS)
    with pytest.raises(RunError, match=r"holds a metrics\.json already"):
        measure(model, reviews, out=out)


def test_evaluate_counts_rows_that_cannot_be_used(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "test.csv", tmp_path / "out"
    file.write_text("text,label,lang\ngood,positive,en\nbad,,en\n")
    assert measure(model, file, out=out, max_rejects=0.5).languages["en"].rows == 1
    assert "missing label" in (out / "rejects.jsonl").read_text()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_a_file_of_predictions_gives_the_metrics_of_its_model(
    model: Path, reviews: Path, tmp_path: Path, ending: str
) -> None:
    metrics = measure(model, reviews, out=tmp_path / "evaluated")
    file = tmp_path / f"predictions.{ending}"
    write_rows(pl.read_parquet(tmp_path / "evaluated" / "predictions.parquet"), file)
    assert measure(file) == metrics


def test_predictions_of_another_tool_need_three_columns_under_any_name(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("gold,prediction\n1,1\n2,1\n3,3\n")
    metrics = measure(file, label="gold", lang="pt-BR")
    assert metrics.labels == ("1", "2", "3")
    assert metrics.ordinal is True
    assert metrics.languages["pt"].f1_micro == pytest.approx(2 / 3)
    assert metrics.languages["pt"].calibration_error is None
    assert measure(file, label="gold", lang="pt", ordinal=False).ordinal is False


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ("label,prediction\na,a\n", {}, "column 'lang' is missing"),
        ("label,predicted,lang\na,a,de\n", {}, "'prediction' is missing; did you mean 'predicted'"),
        ("label,prediction\na,a\n", {"lang": "jp"}, "'jp' is neither a column nor a language"),
        ("label,prediction,lang\na,a,de\n", {"label": "lable"}, "did you mean 'label'"),
        ("label,prediction,lang\na,a,de\nb\n", {}, "row 3 of .*other.csv"),
        ("label,prediction,lang\na,a,de\n", {"input": ("x.csv",)}, "nothing to predict"),
        ("label,prediction,lang\n,a,de\n", {}, "column 'label' is empty"),
        ("", {}, "empty"),
    ],
)
def test_faulty_files_of_predictions_are_refused(
    tmp_path: Path, content: str, settings: dict[str, object], message: str
) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content)
    with pytest.raises(BabeliftError, match=message):
        run_evaluate(EvaluateConfig.from_mapping({"model": str(file), **settings}))


def test_a_label_that_the_model_does_not_know_is_named(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "test.csv"
    file.write_text("id,text,label,lang\nr1,good,positive,en\nr2,bad,negativ,en\n")
    with pytest.raises(DataError, match=r"row 'r2' has the label 'negativ'.*mean 'negative'"):
        measure(model, file)


def test_a_missing_model_is_named(reviews: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        measure(tmp_path / "none", reviews)
    with pytest.raises(ConfigError, match="no model was given"):
        run_evaluate(EvaluateConfig.from_mapping({"input": (str(reviews),)}))
    with pytest.raises(DataError, match="no such file"):
        measure(tmp_path / "none.csv")


def test_rows_in_memory_give_what_files_give(model: Path, reviews: Path) -> None:
    from_files = evaluate(model, reviews)
    assert evaluate(Predictor.load(model), [reviews]) == from_files
    assert evaluate(model, pl.DataFrame(ROWS)) == from_files
    renamed = pl.DataFrame(ROWS).rename({"text": "body", "label": "stars"}).drop("lang")
    metrics = evaluate(model, renamed, text="body", label="stars", lang="en")
    assert list(metrics.languages) == ["en"]


def test_rows_in_memory_are_checked(model: Path) -> None:
    frame = pl.DataFrame(ROWS)
    with pytest.raises(DataError, match="'lang' is missing"):
        evaluate(model, frame.drop("lang"))
    with pytest.raises(LanguageError, match="'xx' is not known"):
        evaluate(model, frame.with_columns(lang=pl.lit("xx")))
    with pytest.raises(ConfigError, match="setting 'txt' is not known; did you mean 'text'"):
        evaluate(model, frame, txt="body")


def test_the_package_is_also_the_public_function(model: Path) -> None:
    assert babelift.evaluate(model, pl.DataFrame(ROWS)).labels == tuple(LABELS)


def test_the_same_id_in_two_regions_is_no_repetition(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("id,label,prediction,lang\n1,a,a,zh-CN\n1,b,a,zh-TW\n1,a,a,German\n")
    metrics = measure(file)
    assert {lang: scores.rows for lang, scores in metrics.languages.items()} == {"zh": 2, "de": 1}
    file.write_text("id,label,prediction,lang\n1,a,a,zh-CN\n1,b,a,zh_Hans_CN\n")
    with pytest.raises(DataError, match="occurs more than once"):
        measure(file)


def test_a_table_of_predictions_follows_the_rule_for_languages(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("label,prediction,lang\na,a,de\nb,a,fr\n")
    with pytest.warns(BabeliftWarning, match="not from --lang en"):
        assert set(measure(file, lang="en").languages) == {"de", "fr"}
    file.write_text("label,prediction,my_lang\na,a,de\nb,a,fr\n")
    assert set(measure(file, lang="my_lang").languages) == {"de", "fr"}
    with pytest.raises(LanguageError, match="did you mean 'my_lang'"):
        measure(file, lang="my_lan")


def test_labels_of_predictions_are_spelt_as_those_of_tables(tmp_path: Path) -> None:
    composed, apart = "n\xe9gatif", "ne\u0301gatif"
    rows = [(composed, apart), (apart, composed), ("pos\u200b", "pos"), ("\ufeffpos", composed)]
    lines = [f"{number},{label},{answer},en" for number, (label, answer) in enumerate(rows)]
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("\n".join(["id,label,prediction,lang", *lines]), "utf-8")
    frame = pl.DataFrame({"id": list("0123"), "label": [composed, composed, "pos", "pos"]})
    frame.with_columns(prediction=pl.lit("pos"), lang=pl.lit("en")).write_csv(second)
    metrics = evaluate(first)
    assert metrics.labels == (composed, "pos")
    assert metrics.languages["en"].f1_micro == 0.75
    sides = babelift.compare([first, second]).sides
    assert [side.mean.value for side in sides] == [0.75, 0.5]
