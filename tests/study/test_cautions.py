"""A study says what was cut, which labels lack translations, and which languages have one label."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from babelift.corpus.rows import conform, originals
from babelift.progress import quiet
from babelift.store import write_record, write_rows
from babelift.study.cache import TranslatedTable, TranslationRecord
from babelift.study.condition import OWN_TEXT
from babelift.study.plan import make_plan
from babelift.study.run import gap_cautions, preview, run_study
from babelift.study.spec import StudySpec
from babelift.study.summary import cut_cautions, one_class_cautions
from tests.study.conftest import drawn


def record(encoder: str = "mini", cut: int = 5, **more: Any) -> dict[str, Any]:
    part = {"split": "train", "lang": "en", "origin": "original", "rows": 10, "cut": cut,
            "lost": 10 * cut, "limit": 128, "most": 256}  # fmt: skip
    return {"training": {"encoder": encoder, "cuts": [part]}, "cuts": [], **more}


def test_trainings_on_the_same_rows_are_told_of_once_and_the_worst_stands_for_all():
    said = cut_cautions([record(cut=2), record(cut=5), record(cut=3)])
    assert [text[:24] for text in said] == ["5 of 10 training texts ("]


def test_test_texts_are_told_of_too_and_each_encoder_by_its_name():
    test = {"split": "test", "lang": "de", "origin": "original", "rows": 4, "cut": 1, "lost": 9,
            "limit": 256, "most": 256}  # fmt: skip
    said = cut_cautions([record(cuts=[test]), record("large", cut=0)])
    assert [text[:28] for text in said] == [
        "mini: 5 of 10 training texts",
        "mini: 1 of 4 test texts (25 ",
    ]


def test_records_of_before_say_nothing_of_cuts():
    assert cut_cautions([{"training": {"encoder": "mini", "truncated": 3}}]) == []


def table(folder: Path, kept: list[str], split: Any = "train") -> TranslatedTable:
    rows = originals(
        ids=["a", "b", "c"], texts=["x", "y", "z"], labels=["neg", "pos", "neg"], langs=["en"] * 3
    )
    german = rows.filter(pl.col("id").is_in(kept)).with_columns(lang=pl.lit("de"))
    made = TranslatedTable("m2m", split, "en", "de", folder / "en.parquet", folder / "de.parquet")
    write_rows(conform(rows), made.originals)
    write_rows(conform(german), made.path)
    write_record(TranslationRecord(kept=len(kept)), made.path.with_suffix(".json"))
    return made


def test_a_label_without_translations_is_named_with_translator_and_pair(tmp_path):
    assert gap_cautions([table(tmp_path, ["b"])] * 2) == [
        "m2m, from English: German has no translation labelled neg: none of 2 is left."
    ]
    assert gap_cautions([table(tmp_path, ["a", "b", "c"])]) == []
    assert gap_cautions([table(tmp_path, ["b"], split="test")]) == []


def test_a_test_language_of_one_label_is_named():
    rows = {"lang": ["de", "de", "it", "it"], "label": ["a", "b", "a", "a"]}
    predictions = pl.DataFrame({**rows, "text_by": OWN_TEXT})
    (said,) = one_class_cautions(predictions)
    assert said.startswith("Italian has test rows of one label alone (a): F1-macro and QWK")


def test_poor_translators_are_told_of_in_the_plan_before_the_work_and_in_the_report(
    settings, toy, tmp_path, capsys
):
    good = settings["translators"]["good"]
    poor = StudySpec.from_mapping(
        settings
        | {"translators": {"good": good, "words": "mini", "spoilt": f"degraded:drop=.5:{good}"}}
    )
    [caution] = make_plan(poor, toy, tmp_path / "store", quiet()).cautions
    assert caution.startswith(
        "translations by 'words' are made word by word, by 'spoilt' are spoilt on purpose: "
    )
    assert caution in preview(poor, data=toy, store=tmp_path / "store")
    run_study(poor, tmp_path / "out", data=toy, store=tmp_path / "store", execute=drawn)
    for file in ("runs.json", "report.json"):
        assert json.loads((tmp_path / "out" / file).read_text())["cautions"].count(caution) == 1
    assert "made word by word" in (tmp_path / "out" / "report.html").read_text()


def test_of_good_translators_arms_without_and_encoders_without_a_past_nothing_is_told(
    settings, toy, tmp_path
):
    words = settings | {"translators": {"words": "mini"}}
    primary = {"primary": {"arm": "original", "over": "zero-shot"}}
    for changed in (
        settings,
        words | {"arms": ["zero-shot", "original"]} | primary,
        words | {"encoders": ["scratch"]},
    ):
        spec = StudySpec.from_mapping(changed)
        assert make_plan(spec, toy, tmp_path / "store", quiet()).cautions == []
