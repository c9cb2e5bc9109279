"""The command that a run's page and card show is the one that made the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from babelift import embedded
from babelift.run import fit as job
from babelift.run.fit import fit
from babelift.run.folder import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::babelift.translation.advice.PoorTranslationsWarning"),
]

WORDS = {"good": "fine and good", "bad": "poor and bad"}


@pytest.fixture
def table(tmp_path: Path, stand_ins: Path) -> Path:
    (stand_ins / "lexicon").symlink_to(Path(embedded.__file__).parent / "lexicon")
    rows = [
        {"body": f"{words} number {n}", "stars": label, "lang": lang}
        for n in range(8)
        for label, words in WORDS.items()
        for lang in ("en", "fr")
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "reviews.csv")
    return tmp_path / "reviews.csv"


QUICK = ("--encoder", "mini", "--translator", "mini", "--steps", "1", "--to", "fr")
COLUMNS = ("--text", "body", "--label", "stars")


def shown(run: Path) -> tuple[str, str]:
    """The page's and the card's words on where the run came from."""
    page, card = ((run / name).read_text() for name in ("report.html", "model/README.md"))
    return page.partition("To repeat this run")[2], card.partition("## Training")[2]


def test_a_first_try_that_failed_leaves_nothing_behind(
    babelift: Callable[..., Any], table: Path
) -> None:
    assert babelift("fit", table, *QUICK, "--label", "starz", "--out", "run").code == 1
    assert babelift("fit", table, *QUICK, *COLUMNS, "--out", "run").code == 0
    manifest = Run.open(Path("run")).manifest
    assert manifest.command[-4:] == ("--label", "stars", "--out", "run")
    assert len(manifest.invocations) == 1
    for words in shown(Path("run")):
        assert "--label stars" in words
        assert "starz" not in words
        assert "goes" not in words


def test_a_run_that_was_taken_up_shows_both_commands_and_what_each_did(
    babelift: Callable[..., Any], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job, "train", stopped)
        assert babelift("fit", table, *QUICK, *COLUMNS, "--out", "run").code == 130
    assert babelift("fit", "--out", "run", *COLUMNS, *QUICK, "--train", table).code == 0
    manifest = Run.open(Path("run")).manifest
    assert [done.stages for done in manifest.invocations] == [
        ("data", "translation"), ("training", "evaluation", "report"),
    ]  # fmt: skip
    assert manifest.command == manifest.invocations[1].command
    for words in shown(Path("run")):
        first, _, others = words.partition("2 goes")
        assert "babelift fit --out run --text body" in first
        assert "data, translation" in others
        assert f"babelift fit {table} --encoder mini" in others


def test_the_same_command_given_again_is_one(babelift: Callable[..., Any], table: Path) -> None:
    command = ("fit", table, *QUICK, *COLUMNS, "--out", "run")
    assert babelift(*command).code == 0
    Path("run/report.html").unlink()
    assert babelift(*command).code == 0
    assert len(Run.open(Path("run")).manifest.invocations) == 1


def test_a_run_from_python_can_be_repeated_by_its_settings(
    table: Path, tmp_path: Path, babelift: Callable[..., Any]
) -> None:
    settings = {"encoder": "mini", "translator": "mini", "steps": 1, "text": "body"}
    run = fit(table, to=["fr"], out=tmp_path / "run", label="stars", **settings)
    for words in shown(run.folder):
        assert "babelift fit --config config.yaml" in words
    assert run.metrics.languages.keys() == {"fr", "en"}
    assert (run.model / "model.safetensors").is_file()
    again = babelift("fit", "--config", run.folder / "config.yaml")
    assert (again.code, "complete already" in again.err) == (0, True)


def test_a_frame_is_a_table_too_and_the_same_one_goes_on(table: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(table)
    settings = {"encoder": "mini", "translator": "mini", "steps": 1, "text": "body"}
    first, second = (
        fit(frame, to=["fr"], out=tmp_path / "run", label="stars", **settings) for _ in range(2)
    )
    assert first.manifest.finished == second.manifest.finished
    rows = pl.read_parquet(first.folder / "data" / "originals.parquet")
    assert set(rows["text"]) <= set(frame["body"])
