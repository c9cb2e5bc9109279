"""The page of a comparison, made from nothing but the run folders."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from babelift.errors import DataError, RunError
from babelift.evaluation.comparison import compare
from babelift.evaluation.metrics import evaluate_predictions
from babelift.report.comparison import Wording, cautions, comparison_table
from babelift.report.folder import read_run
from babelift.report.pages.comparison import (
    ComparisonPage,
    comparison_page,
    settings,
    write_comparison,
)
from babelift.store import write_record
from tests.report.conftest import TRAINING

LABELS = ["1", "2", "3"]
TARGETS = ["de", "ja"]
CONTRASTS = {
    ("translated", "zero-shot"): Wording("Translating", rival="zero-shot"),
    ("translated-otc", "translated"): Wording("OTC"),
}
RIGHT = {"zero-shot": 0.5, "translated": 0.7, "translated-otc": 0.7}


def predictions(right: float, linear: float, seed: int) -> pl.DataFrame:
    """Ninety rows in each of three languages; the same luck for every arm, so that they pair."""
    frames = []
    for lang in ("en", *TARGETS):
        luck = np.random.default_rng(len(frames)).random(90)
        for model, share in (("encoder", right), ("linear", linear)):
            wrong = luck + (seed if model == "encoder" else 0) * 0.05 > share
            truth = np.arange(90) % 3
            frames.append(
                pl.DataFrame(
                    {
                        "id": [f"{lang}-{row}" for row in range(90)],
                        "group_id": [f"{lang}-{row}" for row in range(90)],
                        "lang": lang,
                        "source_lang": None,
                        "origin": "original",
                        "label": [LABELS[number] for number in truth],
                        "model": model,
                        "prediction": [LABELS[number] for number in (truth + wrong) % 3],
                        "probability": 0.6,
                    }
                )
            )
    return pl.concat(frames)


def write_run(folder: Path, arm: str, seed: int, **manifest: Any) -> Path:
    """A run folder with what a comparison reads."""
    folder.mkdir(parents=True)
    table = predictions(RIGHT[arm], 0.4 if arm == "zero-shot" else 0.45, seed)
    table.write_parquet(folder / "predictions.parquet")
    metrics = evaluate_predictions(table, LABELS, ordinal=False, resamples=10)
    values = {
        "babelift": "0.1.0",
        "arm": arm,
        "from": ["en"],
        "to": TARGETS,
        "seed": 0,
        "finished": "2026-01-02T03:04:05+00:00",
        "data": {"train": {"en": {"original": 200}}},
        "training": TRAINING | {"encoder": "mini", "steps": 78, "learning_rate": 1e-4},
        "created": "2026-01-02T03:04:05+00:00",
        "invocations": [],
        "stages": {"training": 40.5, "evaluation": 2.0},
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(values))
    write_record(metrics, folder / "metrics.json")
    own = {"arm": arm, "otc": arm == "translated-otc", "to": TARGETS, "fallback": None}
    (folder / "config.yaml").write_text(yaml.safe_dump({**own, "out": str(folder)}))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Path]:
    return {
        arm: write_run(tmp_path / "study" / arm, arm, number) for number, arm in enumerate(RIGHT)
    }


@pytest.fixture
def compared(runs: dict[str, Path], tmp_path: Path) -> Callable[[], ComparisonPage]:
    def write() -> ComparisonPage:
        comparison = compare(list(runs.values()), contrasts=list(CONTRASTS), over=TARGETS)
        page = comparison_page(
            comparison,
            words=list(CONTRASTS.values()),
            title="Does it help?",
            notes=["Made up & <b>bold</b>."],
        )
        write_comparison(page, tmp_path / "study", "report.html")
        return page

    return write


@pytest.fixture
def page(compared: Callable[[], ComparisonPage], tmp_path: Path) -> str:
    compared()
    return (tmp_path / "study" / "report.html").read_text(encoding="utf-8")


def visible(page: str) -> str:
    """The page's words, tags and styles left out."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_the_page_opens_with_the_answer(compared: Callable[[], ComparisonPage], page: str) -> None:
    found = compared()
    first, answer, otc = (finding.text for finding in found.findings()[:3])
    assert first.startswith("Each side is one training, which does not say which way to train is ")
    assert answer.startswith("These weights of translated gave more test rows the right label than")
    assert otc.startswith("These weights of translated-otc gave fewer test rows the right label")
    words = visible(page)
    assert words.index("Does it help?") < words.index("Each side is one training")
    assert words.index("Each side is one training") < words.index("Read with care")
    assert "by how much the accuracy of these very weights differs" in words
    for word in ("beat", "adds to accuracy", "Translating"):
        assert word not in words


def test_numbers_on_the_page_are_those_of_the_file_and_of_the_runs(
    page: str, runs: dict[str, Path], tmp_path: Path
) -> None:
    numbers = json.loads((tmp_path / "study" / "comparison.json").read_text())
    assert numbers["over"] == TARGETS
    sides = {side["name"]: side for side in numbers["sides"]}
    for arm, folder in runs.items():
        metrics = read_run(folder).metrics
        for lang, scores in metrics.languages.items():
            shown = sides[arm]["languages"][lang]["value"]
            assert shown == pytest.approx(scores.f1_micro)
            assert f">{shown:.2f}".replace("0.", ".") in page
    for contrast in numbers["contrasts"]:
        scores = [sides[contrast[side]]["mean"]["value"] for side in ("arm", "base")]
        assert contrast["mean"]["delta"] == pytest.approx(scores[0] - scores[1])


def test_it_links_to_each_runs_own_report(page: str) -> None:
    for arm in RIGHT:
        assert f'<a href="{arm}/report.html">{arm}</a>' in page


def test_arms_trained_on_the_same_rows_share_a_baseline(page: str) -> None:
    assert "translated and translated-otc</th>" in page
    assert page.count('colspan="2" scope="colgroup" class="first">Linear baseline') == 1


def test_chance_is_named_beside_the_scores(page: str) -> None:
    assert "the most frequent test label would score .33." in visible(page)


def test_settings_that_differ_are_set_apart(page: str, runs: dict[str, Path]) -> None:
    found = settings({arm: read_run(folder) for arm, folder in runs.items()})
    assert found.differ == {
        "arm": ["zero-shot", "translated", "translated-otc"], "otc": ["no", "no", "yes"],
    }  # fmt: skip
    assert found.shared == {"to": "de ja", "fallback": "–"}
    assert "translated-otc" in visible(page)


def test_it_asks_nothing_of_the_network_and_shows_text_as_text(page: str) -> None:
    for mark in ('src="', "@import", "http://", "https://", "<script", "<link "):
        assert mark not in page
    assert "Made up &amp; &lt;b&gt;bold&lt;/b&gt;." in page


def test_every_tag_is_closed(page: str) -> None:
    void = {"meta", "br", "line", "circle", "rect", "path"}

    class Balance(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag not in void:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in void:
                assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_the_same_runs_give_the_same_page(
    compared: Callable[[], ComparisonPage], tmp_path: Path
) -> None:
    compared()
    first = (tmp_path / "study" / "report.html").read_bytes()
    compared()
    assert (tmp_path / "study" / "report.html").read_bytes() == first


def test_arms_that_differ_in_more_than_their_rows_are_told_apart(
    runs: dict[str, Path], compared: Callable[[], ComparisonPage]
) -> None:
    def cautions() -> str:
        return " ".join(item.text for item in compared().findings() if item.kind == "caution")

    assert "differ in more" not in cautions()
    manifest = json.loads((runs["translated"] / "manifest.json").read_text())
    manifest["training"]["steps"] = 80
    (runs["translated"] / "manifest.json").write_text(json.dumps(manifest | {"seed": 3}))
    assert (
        "The runs differ in more than the rows they were trained on: seeds (0, 3) and numbers of "
        "updates (78, 80)." in cautions()
    )


def test_the_terminal_gets_the_same_scores_in_eighty_columns(
    compared: Callable[[], ComparisonPage],
) -> None:
    from rich.console import Console

    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(comparison_table(compared().comparison))
    lines = console.export_text().splitlines()
    assert lines[0].split() == ["Linear", "Linear"]
    assert lines[1].split() == ["Language", *RIGHT, "zero-shot", "translated"]
    assert any(line.startswith("Mean") for line in lines)
    assert "…" not in "".join(lines)


def test_where_the_terminal_is_narrow_the_baselines_go_and_no_score_is_broken(
    compared: Callable[[], ComparisonPage],
) -> None:
    from rich.console import Console

    def lines(width: int) -> list[str]:
        console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
        console.print(comparison_table(compared().comparison, width))
        return console.export_text().splitlines()

    assert any("Linear" in line for line in lines(80))
    narrow = lines(60)
    assert not any("Linear" in line for line in narrow)
    [german] = [line for line in narrow if line.startswith("German")]
    assert len(re.findall(r"\.\d\d \[\.\d\d, \.\d\d\]", german)) == len(RIGHT)


def test_rows_that_a_run_lacks_are_counted_on_the_page(
    runs: dict[str, Path], compared: Callable[[], ComparisonPage]
) -> None:
    table = pl.read_parquet(runs["translated"] / "predictions.parquet")
    table.filter(pl.col("id") != "de-3").write_parquet(runs["translated"] / "predictions.parquet")
    cautions = [item.text for item in compared().findings() if item.kind == "caution"]
    assert (
        "Left out, for they are not on every side: 1 row of zero-shot (German) and 1 row of "
        "translated-otc (German)." in cautions
    )


def test_runs_that_do_not_fit_together_are_refused(
    runs: dict[str, Path], compared: Callable[[], ComparisonPage]
) -> None:
    (runs["translated"] / "predictions.parquet").unlink()
    with pytest.raises(RunError, match=r"translated' is an unfinished run"):
        compared()
    write_run(runs["translated"].parent / "again", "translated", 1)
    runs["translated"] = runs["translated"].parent / "again"
    metrics = json.loads((runs["translated"] / "metrics.json").read_text())
    metrics |= {"labels": ["a"], "languages": {}, "linear": {}}
    (runs["translated"] / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(DataError, match="have other labels: 1, 2, 3; and a"):
        compare(list(runs.values()))


def test_files_have_a_page_without_runs(tmp_path: Path) -> None:
    files = []
    for number, name in enumerate(("old", "new")):
        files.append(tmp_path / f"{name}.csv")
        table = predictions(0.5 + number / 5, 0.4, 0).filter(pl.col("model") == "encoder")
        table.drop("model", "source_lang").write_csv(files[-1])
    page = write_comparison(comparison_page(compare(files)), tmp_path)
    words = visible(page.read_text(encoding="utf-8"))
    assert page == tmp_path / "comparison.html"
    assert "old.csv and new.csv: one training each" in words
    assert "These weights of new.csv gave more test rows the right label" in words
    assert "The runs" not in words


def test_several_seeds_and_a_margin_are_drawn_and_said(tmp_path: Path) -> None:
    sides = []
    for number in range(2):
        tables = [
            predictions(0.5 + number / 5, 0.4, seed).with_columns(seed=pl.lit(str(seed)))
            for seed in range(3)
        ]
        sides.append(pl.concat(tables).filter(pl.col("model") == "encoder"))
    page = comparison_page(compare(sides, names=["old", "new"], margin=0.05))
    text = write_comparison(page, tmp_path).read_text(encoding="utf-8")
    words = visible(text)
    assert "Is new as good as old?" in words
    assert "new beat old on average over 3 languages: +." in words
    assert "Broken lines stand at ±.05." in words
    assert text.count('class="margin"') == 2 * 4
    assert "Within .05?" in words


def test_a_language_tested_on_one_label_is_named() -> None:
    rows = {"id": ["1", "2", "3", "4"], "lang": ["de", "de", "it", "it"]}
    labels = {"label": ["a", "b", "a", "a"]}
    sides = [
        pl.DataFrame({**rows, **labels, "prediction": given})
        for given in (["a", "b", "a", "b"], ["a", "a", "a", "a"])
    ]
    comparison = compare(sides)
    assert comparison.one_label == {"it": "a"}
    said = " ".join(cautions(comparison))
    assert "Italian has test rows of one label alone (a): its scores are the share of a" in said
    assert "German has" not in said
