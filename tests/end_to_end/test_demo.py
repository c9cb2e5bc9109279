"""The demo: four runs and the page that compares them, trained for a few steps only."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from babelift.embedded import SAMPLE_LANGUAGES, sample_references
from babelift.errors import RunError
from babelift.run.demo import NAMES, demo_arms, run_demo

pytestmark = pytest.mark.slow

ARMS = ("zero-shot", "word-lists", "good-translations", "good-translations-otc")
QUICK = {"encoder": "scratch", "steps": 3}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BABELIFT_CACHE", str(folder / "cache"))
        return run_demo(folder / "demo", **QUICK)[0]


def manifest(demo: Path, arm: str) -> dict:
    return json.loads((demo / arm / "manifest.json").read_text())


def test_the_command_asks_nothing_of_a_network(
    stand_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from babelift.training.encoder import load_encoder

    def refuse(*arguments: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    for name, config in demo_arms().items():
        good = name.startswith("good-translations")
        assert (config.encoder, config.translator) == (
            "mini", sample_references() if good else "mini"
        )  # fmt: skip
        assert load_encoder(config.encoder, ["1", "5"], seed=0).model.config.num_labels == 2


def test_every_arm_is_an_ordinary_run_with_its_report(demo: Path) -> None:
    for arm in ARMS:
        for name in ("report.html", "model/model.safetensors", "metrics.json", "config.yaml"):
            assert (demo / arm / name).stat().st_size > 0, (arm, name)
    assert sorted(path.name for path in demo.iterdir()) == sorted(
        (*ARMS, "comparison.json", "report.html")
    )


def test_the_arms_share_seed_updates_originals_and_translations(demo: Path) -> None:
    found = [manifest(demo, arm) for arm in ARMS]
    for field in ("seed", "labels", "from", "to", "files"):
        assert all(run[field] == found[0][field] for run in found), field
    for field in ("steps", "originals", "batch_originals", "learning_rate"):
        assert len({run["training"][field] for run in found}) == 1, field
    rows = [pl.read_parquet(demo / arm / "data/train.parquet") for arm in ARMS]
    zero, words, good, otc = rows
    for other in rows:
        assert zero.equals(other.filter(pl.col("origin") == "original"))
    assert good.equals(otc)
    assert set(words["origin"]) == {"original", "machine"}
    assert set(good["origin"]) == {"original", "reference"}
    assert good.height == 200 * len(SAMPLE_LANGUAGES)
    assert found[2]["translation"]["fingerprint"] == found[3]["translation"]["fingerprint"]
    assert found[1]["translation"]["fingerprint"] != found[2]["translation"]["fingerprint"]


def test_word_lists_are_what_the_demo_shows_so_it_does_not_warn_of_them(demo: Path) -> None:
    # That it makes no warning the fixture shows, where warnings are errors.
    assert "word by word" not in (demo / "word-lists" / "report.html").read_text("utf-8")


def test_only_the_last_arm_was_trained_with_otc(demo: Path) -> None:
    for arm in ARMS:
        lines = (demo / arm / "log.jsonl").read_text().splitlines()
        steps = [entry for entry in map(json.loads, lines) if entry["kind"] == "step"]
        contrasted = [entry["loss"] > entry["ce"] for entry in steps]
        assert all(contrasted) if arm == "good-translations-otc" else not any(contrasted)


def test_the_page_answers_for_five_languages(demo: Path) -> None:
    numbers = json.loads((demo / "comparison.json").read_text())
    assert numbers["over"] == list(SAMPLE_LANGUAGES[1:])
    assert numbers["rows"] == dict.fromkeys(sorted(SAMPLE_LANGUAGES), 100)
    page = (demo / "report.html").read_text(encoding="utf-8")
    first = r"<h1>[^<]+</h1>\n<div class=\"lead\">\n<p>Each side is one training, which "
    assert re.search(first, page)
    assert "on average over 5 languages" in page
    assert "synthetic" in page
    for side in NAMES.values():
        assert page.count(side) > 3, side
    asked = [(contrast["arm"], contrast["base"]) for contrast in numbers["contrasts"]]
    assert asked == [
        ("word lists", "zero-shot"),
        ("good translations", "zero-shot"),
        ("good translations", "word lists"),
        ("good translations with OTC", "good translations"),
    ]
    for arm in ARMS:
        assert f'href="{arm}/report.html"' in page


def test_the_same_command_again_changes_nothing_and_a_lost_page_is_written_again(
    demo: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "demo"
    shutil.copytree(demo, copy)
    for arm in ARMS:  # settings name the folder; they are compared without it
        assert (copy / arm / "config.yaml").is_file()
    (copy / "report.html").unlink()
    before = {file: file.stat().st_mtime_ns for arm in ARMS for file in (copy / arm).rglob("*")}
    folder, _ = run_demo(copy, **QUICK)
    assert folder == copy
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert (copy / "report.html").read_bytes() == (demo / "report.html").read_bytes()


def test_an_arm_that_was_stopped_is_finished_and_the_others_are_kept(
    demo: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "demo"
    shutil.copytree(demo, copy)
    shutil.rmtree(copy / "good-translations-otc")
    kept = (copy / "word-lists" / "model" / "model.safetensors").stat().st_mtime_ns
    run_demo(copy, **QUICK)
    weights = "good-translations-otc/model/model.safetensors"
    assert (copy / weights).read_bytes() == (demo / weights).read_bytes()
    assert (copy / "word-lists" / "model" / "model.safetensors").stat().st_mtime_ns == kept


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match=r"holds something else: manifest\.json"):
        run_demo(folder, **QUICK)
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        run_demo(tmp_path / "file", **QUICK)


def test_the_command_prints_the_answer_and_the_path(
    babelift: Callable, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from babelift.run.demo import demo_page

    asked = []

    def finished(out: Path, **options: object) -> object:
        asked.append((out, options["force"]))
        return out, demo_page(demo)

    monkeypatch.setattr("babelift.run.demo.run_demo", finished)
    result = babelift("demo")
    assert result.code == 0
    lines = [line for line in result.out.splitlines() if line]
    assert lines[0].startswith("Each side is one training, which ")
    assert lines[-1] == "report   runs/demo/report.html"
    babelift("demo", "--out", "there", "--force")
    assert asked == [(Path("runs/demo"), False), (Path("there"), True)]
