"""Poor translations for a pretrained encoder are told of once, before any work, by their kind."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from babelift.classifier import Classifier
from babelift.config import FitConfig
from babelift.corpus.rows import originals
from babelift.embedded import sample_references
from babelift.run.fit import fit, preview, run_fit
from babelift.translation.advice import PoorTranslationsWarning, fault_of, poor_translations
from babelift.translation.registry import TRANSLATORS, load_translator

WORDS = "source_lang,target_lang,source,target\nen,de,good,gut\nen,de,bad,schlecht\n"


class Started(Exception):  # noqa: N818
    """The work has begun."""


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A word list and a table in the folder of the test, in which no work is done."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.csv").write_text(WORDS)
    rows = "".join(
        f"{n},a {word} thing {n},{word}\n" for n in range(20) for word in ("good", "bad")
    )
    (tmp_path / "rows.csv").write_text("id,text,label\n" + rows)
    return tmp_path


def stop(*arguments: object, **named: object) -> None:
    raise Started


def warned(job: Callable[[], object], *errors: type[Exception]) -> list[str]:
    """What is warned of before a job starts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises((Started, *errors)):
            job()
    return [str(item.message) for item in caught if item.category is PoorTranslationsWarning]


def of_fit(monkeypatch: pytest.MonkeyPatch, **settings: object) -> list[str]:
    monkeypatch.setattr("babelift.run.fit.read_rows", stop)
    values = {"train": ("rows.csv",), "to": ("de",), "encoder": "mini", "force": True, **settings}
    return warned(lambda: fit(values.pop("train"), **values))


POOR = ["mini", "mini-lexicon", "lexicon:words.csv", "degraded:drop=0.3:m2m100",
        "degraded:drop=0:mini", "degraded:shuffle=0.1:lexicon:words.csv"]  # fmt: skip
NOT_KNOWN_TO_BE = ["m2m100", "opus-mt", "command:cat", "table:rows.csv#people",
                   "degraded:drop=0:m2m100"]  # fmt: skip


@pytest.mark.parametrize("translator", POOR)
def test_fit_says_so_before_it_reads_a_row(
    words: Path, monkeypatch: pytest.MonkeyPatch, translator: str
) -> None:
    [told] = of_fit(monkeypatch, translator=translator)
    assert f"translations by '{translator.partition(':')[0]}' are " in told
    for instead in ("m2m100", "opus-mt", "table:FILE#SYSTEM", "--arm zero-shot"):
        assert instead in told


@pytest.mark.parametrize("translator", NOT_KNOWN_TO_BE)
def test_of_other_translators_nothing_is_said(
    words: Path, monkeypatch: pytest.MonkeyPatch, translator: str
) -> None:
    assert of_fit(monkeypatch, translator=translator) == []


@pytest.mark.parametrize(
    "settings", [{"encoder": "scratch"}, {"arm": "zero-shot"}, {"arm": "original"}]
)
def test_nothing_is_said_where_no_pretrained_encoder_learns_from_translations(
    words: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    assert of_fit(monkeypatch, translator="mini", **settings) == []


def test_a_poor_fallback_is_told_of_by_its_name(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [told] = of_fit(monkeypatch, translator="m2m100", fallback="mini", quality="retry")
    assert told.startswith("translations by 'mini' are made word by word: ")


def test_the_command_says_it_once_and_the_report_keeps_it(
    words: Path, babelift: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **named: object) -> None:
        from babelift.errors import DataError

        raise DataError("no rows today.")

    monkeypatch.setattr("babelift.run.fit.read_rows", broken)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warnings, "filters", [])
        result = babelift("fit", "rows.csv", "--to", "de", "--translator", "mini",
                          "--encoder", "mini", "--out", "run")  # fmt: skip
    assert result.err.count("PoorTranslationsWarning: translations by 'mini' are made") == 1


def test_translations_that_came_with_the_table_are_told_of_by_their_translator(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"r{number}" for number in range(40)]
    english = originals(
        ids=ids,
        texts=[f"thing {number} of {number * 7919}" for number in range(40)],
        labels=["good", "bad"] * 20,
        langs=["en"] * 40,
        split="train",
    )
    german = english.with_columns(
        pl.concat_str("id", pl.lit("@de")).alias("id"),
        lang=pl.lit("de"),
        source_lang=pl.lit("en"),
        origin=pl.lit("machine"),
        translator=pl.lit("mini"),
    )
    pl.concat([english, german]).write_parquet(words / "translated.parquet")
    monkeypatch.setattr("babelift.run.translations._translate", stop)

    def told(translator: str, encoder: str, job: Callable = run_fit) -> list[str]:
        config = FitConfig(
            train=("translated.parquet",), to=("de",), encoder=encoder, translator=translator,
            near_duplicates=0, leakage="drop", out=Path(f"run-{translator}-{encoder}"),
        )  # fmt: skip
        monkeypatch.setattr("babelift.training.encoder.find_encoder", lambda name: Path())
        return warned(lambda: job(config))

    [sentence] = told("m2m100", "mini")
    assert sentence.startswith("translations by 'mini' are made word by word: ")
    kept = json.loads((words / "run-m2m100-mini" / "manifest.json").read_text())
    assert told("m2m100", "scratch") == []
    assert len(told("mini", "mini")) == 1  # of the settings, and not of the rows again
    assert kept["stages"].keys() == {"data"}

    def dry(config: FitConfig) -> None:
        preview(config)
        raise Started

    assert told("table:words.csv#none", "mini", dry) == [sentence]
    assert len(told("mini", "mini", dry)) == 1
    assert told("mini", "scratch", dry) == []


def test_the_demo_which_is_about_them_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    from babelift.run.demo import demo_arms

    monkeypatch.setattr("babelift.run.fit.read_rows", stop)
    config = demo_arms()["word-lists"]
    assert warned(lambda: run_fit(config, force=True, advise=False)) == []


@pytest.mark.parametrize("opened", [False, True])
def test_the_classifier_warns_too_and_names_its_own_way_out(
    monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    monkeypatch.setattr(Classifier, "_translate", stop)
    translator = load_translator("mini") if opened else "mini"

    def job(**changes: object) -> list[str]:
        classifier = Classifier(to=("de",), translator=translator, encoder="mini")
        return warned(lambda: classifier.set_params(**changes).fit(["good", "bad"], ["yes", "no"]))

    [told] = job()
    assert "made word by word" in told
    assert told.endswith("or none: to=().")
    assert job(to=()) == job(encoder="scratch") == job(translator=sample_references()) == []


@pytest.mark.parametrize("translator", ["mini", "lexicon:words.csv", "degraded:drop=0.3:mini",
                                        "degraded:drop=0:mini"])  # fmt: skip
def test_an_opened_translator_knows_of_itself_what_its_name_tells(
    words: Path, translator: str
) -> None:
    assert fault_of(load_translator(translator)) == fault_of(translator) != ""


def test_every_translator_that_is_poor_by_its_kind_is_one_of_words_or_spoilt() -> None:
    assert {name: entry.poor for name, entry in TRANSLATORS.items() if entry.poor} == {
        "mini": "made word by word",
        "mini-lexicon": "made word by word",
        "lexicon": "made word by word",
        "degraded": "spoilt on purpose",
    }


def test_several_are_told_of_together_by_what_is_wrong_with_them() -> None:
    faults = {"mini": "made word by word", "m2m": "", "drop .3": "spoilt on purpose",
              "drop .6": "spoilt on purpose"}  # fmt: skip
    told = poor_translations(faults, ["scratch", "xlm-roberta-base"], "the arm zero-shot")
    assert told.startswith(
        "translations by 'mini' are made word by word, by 'drop .3', 'drop .6' are spoilt on "
        "purpose: a pretrained encoder "
    )
