"""`babelift compare` as a user types it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import babelift as library
from babelift.evaluation.comparison import Comparison
from babelift.store import read_record


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files of predictions, the second one better and without one row."""
    paths = []
    for name, wrong in (("old", 4), ("new", 9)):
        labels = [str(number % 3) for number in range(60)]
        rows = pl.DataFrame(
            {
                "id": [f"r{number}" for number in range(60)],
                "lang": ["de", "ja"] * 30,
                "label": labels,
                "prediction": [
                    "0" if number % wrong == 1 else label for number, label in enumerate(labels)
                ],
            }
        )
        paths.append(str(tmp_path / f"{name} [1].csv"))
        rows.head(60 if name == "old" else 59).write_csv(paths[-1])
    return paths


def test_the_terminal_says_what_was_gained_what_was_left_out_and_the_scores(
    babelift: Callable, files: list[str]
) -> None:
    result = babelift("compare", *files)
    words = " ".join(result.out.split())
    assert result.code == 0
    assert "new [1].csv" in words
    assert words.startswith("Each side is one training, which does not say which way to train")
    assert "on average over 2 languages: +." in words
    assert "1 row of old [1].csv (Japanese)" in words
    assert "would be told apart four times in five" in words
    assert "these very weights" in words
    assert "German" in result.out


def test_json_is_the_record_and_nothing_else(babelift: Callable, files: list[str]) -> None:
    result = babelift("compare", *files, "--json")
    shown = Comparison.model_validate(json.loads(result.out))
    assert shown == library.compare(files)


def test_out_holds_the_record_and_a_page_and_may_be_written_again(
    babelift: Callable, files: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "there"
    for _ in range(2):
        assert babelift("compare", *files, "--out", str(out)).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["comparison.html", "comparison.json"]
    assert read_record(out / "comparison.json", Comparison) == library.compare(files)
    other = babelift("compare", *reversed(files), "--out", str(out))
    assert other.code == 1
    assert "holds the comparison of other predictions" in other.err


def test_names_columns_and_averages_are_taken_from_the_flags(
    babelift: Callable, files: list[str]
) -> None:
    for path in files:
        pl.read_csv(path, glob=False).rename({"label": "stars", "id": "key"}).write_csv(path)
    flags = ["--names", "before", "after", "--over", "de", "--label", "stars", "--id", "key"]
    shown = json.loads(babelift("compare", *files, *flags, "--json").out)
    assert [side["name"] for side in shown["sides"]] == ["before", "after"]
    assert shown["over"] == ["de"]
    assert shown["contrasts"][0]["arm"] == "after"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "two or more sides"),
        (["{0}"], "two or more sides"),
        (["{0}", "{folder}/nowhere"], "nowhere"),
        (["{0}", "{folder}"], "is no run"),
        (["{0}", "{1}", "--names", "x"], "1 names for 2 sides"),
        (["{0}", "{1}", "--over", "fr"], "'fr' is no language that all sides"),
        (["{0}", "{1}", "--out", "{folder}"], "holds"),
        (["{0}", "{1}", "--out", "{0}"], "is a file"),
        (["{0}", "{1}", "--label", "lable"], "column 'lable' is missing"),
        (["{0}", "{1}", "--margin", "2"], "a margin must be a share of test rows above 0"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message(
    babelift: Callable, files: list[str], tmp_path: Path, arguments: list[str], said: str
) -> None:
    filled = [argument.format(*files, folder=tmp_path) for argument in arguments]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = babelift("compare", *filled)
    assert result.code == 1
    assert said in result.err
    assert "Traceback" not in result.err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_runs_may_stand_beside_files(babelift: Callable, files: list[str], tmp_path: Path) -> None:
    run = tmp_path / "evaluation"
    assert babelift("evaluate", files[0], "--out", str(run)).code == 0
    result = babelift("compare", str(run), files[1], "--json")
    assert result.code == 0
    assert json.loads(result.out)["rows"] == {"de": 30, "ja": 29}


def test_files_with_several_seeds_and_a_margin_say_whether_translating_is_good_enough(
    babelift: Callable, tmp_path: Path
) -> None:
    rng = np.random.default_rng(4)
    hard = {lang: rng.random(400) for lang in ("de", "ja")}
    paths = []
    for name, losses in (("native", (0.2, 0.2)), ("translated", (0.2, 0.3))):
        tables = []
        for seed in range(3):
            for (lang, rows), loss in zip(hard.items(), losses, strict=True):
                right = rows + rng.normal(0, 0.02, 400) > loss
                tables.append(
                    pl.DataFrame(
                        {
                            "id": [f"{lang}{number}" for number in range(400)],
                            "lang": lang,
                            "label": ["a", "b"] * 200,
                            "prediction": [
                                "ab"[(number % 2) ^ (not mark)] for number, mark in enumerate(right)
                            ],
                            "seed": seed,
                        }
                    )
                )
        paths.append(str(tmp_path / f"{name}.csv"))
        pl.concat(tables).write_csv(paths[-1])
    out = tmp_path / "page"
    result = babelift("compare", *paths, "--margin", ".05", "--out", str(out))
    words = " ".join(result.out.split())
    assert result.code == 0
    assert words.startswith(
        "translated.csv did worse than native.csv on average over 2 languages: −.04 accuracy ["
    )
    assert (
        "Held to .05 in each language, translated.csv against native.csv: the same within .05 in "
        "German; worse in Japanese (after Holm)." in words
    )
    assert "and 3 seeds, a true difference of .0" in words
    assert "one training" not in words
    record = read_record(out / "comparison.json", Comparison)
    assert record == library.compare(paths, margin=0.05)
    assert (record.version, record.about, record.margin) == (2, "trainings", 0.05)
    (contrast,) = record.contrasts
    held = [claim.margin.verdict for claim in contrast.claims.values() if claim.margin]
    assert held == ["same", "at most above"]
    other = babelift("compare", *paths, "--margin", ".04", "--out", str(out))
    assert "holds the comparison of other predictions" in other.err
    older = json.loads((out / "comparison.json").read_text()) | {"version": 1}
    (out / "comparison.json").write_text(json.dumps(older))
    refused = babelift("compare", *paths, "--margin", ".05", "--out", str(out))
    assert refused.code == 1
    assert "written by an older Babelift" in refused.err
