"""Arms that translate what is tested, or training rows there and back, as a user meets them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import babelift
from babelift.config import FitConfig
from babelift.run.fit import preview, run_fit
from babelift.run.folder import Run
from babelift.translation.advice import PoorTranslationsWarning

pytestmark = pytest.mark.slow

ENGLISH = {"bad": ("dreadful", "awful", "filthy"), "good": ("perfect", "lovely", "spotless")}
GERMAN = {"bad": ("grauenhaft", "furchtbar", "dreckig"), "good": ("perfekt", "reizend", "sauber")}


def sentence(words: dict[str, tuple[str, ...]], number: int) -> tuple[str, str]:
    label = ("bad", "good")[number % 2]
    word = words[label][number // 2 % 3]
    if words is ENGLISH:
        return f"Room {number} was {word}.", label
    return f"Zimmer {number} war {word}.", label


def rows(words: dict[str, tuple[str, ...]], lang: str, start: int, n: int) -> list[dict[str, str]]:
    made = (sentence(words, number) for number in range(start, start + n))
    return [{"text": text, "label": label, "lang": lang} for text, label in made]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tables")

    def write(name: str, table: list[dict[str, Any]]) -> str:
        path = folder / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table))
        return str(path)

    pairs = []
    for number in range(300):
        german, english = sentence(GERMAN, number)[0], sentence(ENGLISH, number)[0]
        back = english.replace("Room", "The room") if number < 120 else english
        if number != 201:  # one test row has no translation
            pairs.append(("de", "en", german, back))
        pairs.append(("en", "de", english, german))
    table = [
        {"source_lang": source, "target_lang": target, "source_text": text, "target_text": other}
        for source, target, text, other in pairs
    ]
    return {
        "train": write("train.jsonl", rows(ENGLISH, "en", 0, 120)),
        "test": (write("de.jsonl", rows(GERMAN, "de", 200, 40)),
                 write("en.jsonl", rows(ENGLISH, "en", 250, 20))),
        "translator": f"table:{write('pairs.jsonl', table)}", "missing": "drop", "to": ["de"],
        "encoder": "scratch", "steps": 80, "max_length": 32, "near_duplicates": 0,
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = FitConfig.from_mapping(
        {**settings, "arm": "translate-test", "out": tmp_path_factory.mktemp("r") / "run"}
    )
    return run_fit(config)


def test_a_classifier_of_english_reads_german_in_translation(run: Run) -> None:
    told = run.manifest.view
    assert told is not None
    assert (told.view, told.into, told.license) == ("translated", "en", None)
    assert told.translated == {"de": 39}
    assert told.untranslated == {"de": 1}
    scores = told.accuracy["de"]
    assert scores["translated"] > 0.9 > 0.7 > scores["own"]
    assert len(set(told.accuracy["en"].values())) == 1
    assert run.metrics.languages["de"].f1_micro == pytest.approx(scores["translated"], abs=1e-4)
    assert told.gain is not None
    assert told.gain[0] == pytest.approx(scores["translated"] - scores["own"], abs=1e-3)
    assert told.gain[1] > 0
    train = pl.read_parquet(run.folder / "data" / "train.parquet")
    assert set(train["origin"]) == {"original"}


def test_the_report_and_the_card_say_what_was_judged(run: Run) -> None:
    page = (run.folder / "report.html").read_text()
    for words in (
        "Translations that are judged", "judged by their own text alone: 1 in de",
        "F1-micro against the text alone", "F1-micro by what is judged",
    ):  # fmt: skip
        assert words in page, words
    assert "Nothing was translated" not in page
    card = (run.model / "README.md").read_text()
    assert "Plain transformers judges the text alone" in card


def test_whoever_uses_the_run_judges_as_it_did(run: Run, settings: dict[str, Any]) -> None:
    german = pl.DataFrame(rows(GERMAN, "de", 200, 40))
    predicted = babelift.predict(run.folder, german)
    written = pl.read_parquet(run.folder / "predictions.parquet").filter(
        (pl.col("model") == "encoder") & (pl.col("lang") == "de")
    )
    assert predicted["prediction"].to_list() == written["prediction"].to_list()
    metrics = babelift.evaluate(run.model, settings["test"][0])
    assert metrics.languages["de"].f1_micro == run.metrics.languages["de"].f1_micro
    assert run.manifest.view is not None
    own = babelift.evaluate(run.model, settings["test"][0], view="own")
    assert own.languages["de"].f1_micro == pytest.approx(
        run.manifest.view.accuracy["de"]["own"], abs=1e-4
    )


def test_the_same_command_again_changes_nothing(
    run: Run, settings: dict[str, Any], unchanged: Callable[[Path], AbstractContextManager[None]]
) -> None:
    with unchanged(run.folder):
        run_fit(FitConfig.from_mapping({**settings, "arm": "translate-test", "out": run.folder}))


def test_there_and_back(settings: dict[str, Any], tmp_path: Path) -> None:
    values = {**settings, "arm": "round-trip", "view": "both", "out": tmp_path / "run"}
    done = run_fit(FitConfig.from_mapping(values))
    train = pl.read_parquet(done.folder / "data" / "train.parquet")
    back = train.filter(origin="roundtrip")
    # One sentence's way back is missing from the table, and it is no training row.
    assert back.height == train.filter(origin="original").height > 90
    assert set(train["lang"]) == {"en"}
    assert back["text"].str.starts_with("The room").all()
    originals = train.filter(origin="original").select("id", "text", "label")
    pairs = back.join(originals, left_on="original_id", right_on="id", suffix="_first")
    assert pairs.height == back.height
    assert (pairs["label"] == pairs["label_first"]).all()
    assert (pairs["text"] == pairs["text_first"].str.replace("Room", "The room")).all()
    assert done.manifest.training is not None
    assert done.manifest.training.translations == back.height
    assert done.manifest.view is not None
    assert done.manifest.view.view == "both"
    page = (done.folder / "report.html").read_text()
    assert "round-trip translations of them, the classifier" in page


def test_unlabelled_rows_are_labelled_by_what_is_judged(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    table = tmp_path / "new.jsonl"
    unlabelled = [{"text": row["text"], "lang": "de"} for row in rows(GERMAN, "de", 120, 80)]
    table.write_text("".join(json.dumps(row) + "\n" for row in unlabelled))
    values = {**settings, "arm": "self-trained", "view": "translated", "rounds": 1, "steps": 200,
              "unlabelled": str(table), "out": tmp_path / "run"}  # fmt: skip
    done = run_fit(FitConfig.from_mapping(values))
    told = done.manifest.self_training
    assert told is not None
    assert told.rows == {"de": 80}
    assert (told.kept, told.refused) == (1, ())
    believed = pl.read_parquet(done.folder / "data" / "train.parquet").filter(origin="pseudo")
    truth = {row["text"]: row["label"] for row in rows(GERMAN, "de", 120, 80)}
    right = [truth[text] == label for text, label in believed.select("text", "label").iter_rows()]
    # The first model knows no German, so that its own text would tell it nothing.
    assert sum(right) / len(right) > 0.9
    assert done.manifest.view is not None
    assert done.manifest.view.accuracy["de"]["own"] > 0.7  # without these rows it is below
    assert done.manifest.view.translated == {"de": 39}


def test_one_row_of_a_language_has_a_score_and_no_interval(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    table = tmp_path / "one.jsonl"
    table.write_text(json.dumps(rows(GERMAN, "de", 202, 1)[0]) + "\n")
    values = {**settings, "test": str(table), "arm": "translate-test", "steps": 2,
              "out": tmp_path / "run"}  # fmt: skip
    done = run_fit(FitConfig.from_mapping(values))
    assert done.manifest.view is not None
    assert set(done.manifest.view.accuracy) == {"de"}
    assert done.manifest.view.gain is None


def test_what_would_be_sent_is_told_before(settings: dict[str, Any], tmp_path: Path) -> None:
    values = {**settings, "translator": "mini", "arm": "translate-test", "out": tmp_path / "run"}
    lines = preview(FitConfig.from_mapping(values))
    assert any(line.startswith("de>en: 40 rows") for line in lines)
    lines = preview(FitConfig.from_mapping({**values, "arm": "round-trip"}))
    assert any("the way back is not counted" in line for line in lines)


def test_a_target_that_the_translator_cannot_read_stops_it_before_training(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    table = tmp_path / "th.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows(GERMAN, "th", 200, 40)))
    values = {**settings, "test": str(table), "to": ["th"], "translator": "mini",
              "arm": "translate-test", "out": tmp_path / "run"}  # fmt: skip
    with pytest.raises(babelift.LanguageError, match="translates none of th into en"):
        run_fit(FitConfig.from_mapping(values))
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize(
    ("change", "instead"),
    [({"arm": "zero-shot", "view": "both"}, "--view own"), ({"arm": "round-trip"}, "--arm zero")],
)
def test_a_poor_translator_is_told_of_and_how_to_do_without(
    change: dict[str, Any], instead: str, settings: dict[str, Any]
) -> None:
    values = {**settings, **change, "translator": "mini", "encoder": "mini"}
    with pytest.warns(PoorTranslationsWarning, match=f"or none: {instead}"):
        preview(FitConfig.from_mapping(values))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arm": "translate-test", "view": "own"}, "use the arm zero-shot"),
        ({"arm": "translate-test", "from": ["en"], "to": ["en"]}, "stands in both"),
        ({"arm": "round-trip", "to": []}, "at least one language to translate into"),
        ({"view": "two"}, "'view'"),
    ],
)
def test_what_does_not_fit_together_is_an_error(
    change: dict[str, Any], message: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(babelift.BabeliftError, match=message):
        run_fit(FitConfig.from_mapping({**settings, **change, "out": tmp_path / "run"}))
