import json
from pathlib import Path

import pytest

from babelift.config import FitConfig
from babelift.errors import RunError
from babelift.run.fit import run_fit
from babelift.run.folder import STAGES, Run, fresh_folder

CONFIG = FitConfig(train=("a.csv",), to=("de",))


def started(path: Path) -> Run:
    run = Run.start(path, CONFIG, ["babelift", "fit"])
    finish(run, "data")
    return run


def finish(run: Run, stage: str) -> None:
    run.do(stage, leave_files, stage)


def leave_files(run: Run, stage: str) -> None:
    for name in STAGES[stage]:
        (run.folder / name).parent.mkdir(exist_ok=True)
        (run.folder / name).write_text("x")


def test_a_run_is_taken_up_where_it_stopped(tmp_path: Path) -> None:
    started(tmp_path / "run")
    again = Run.start(tmp_path / "run", CONFIG, ["babelift", "fit"])
    assert again.done("data")
    assert not again.done("training")
    assert not again.finished


def test_a_stage_whose_files_are_gone_is_not_done(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    (run.folder / "data" / "originals.parquet").unlink()
    assert not Run.open(run.folder).done("data")


def test_a_run_without_its_report_is_not_finished(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    for stage in ("translation", "training", "evaluation"):
        finish(run, stage)
    run.finish(None)
    assert not Run.open(run.folder).finished
    finish(run, "report")
    assert Run.open(run.folder).finished


def test_a_kill_before_the_settings_were_written_does_no_harm(tmp_path: Path) -> None:
    Run.start(tmp_path / "run", CONFIG, [])
    (tmp_path / "run" / "config.yaml").unlink()
    Run.start(tmp_path / "run", CONFIG, [])
    assert FitConfig.read(tmp_path / "run" / "config.yaml") == CONFIG
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".manifest.json.partial").write_text("{")
    Run.start(tmp_path / "new", CONFIG, [])


def test_other_settings_in_the_same_folder_are_refused_and_named(tmp_path: Path) -> None:
    started(tmp_path / "run")
    other = CONFIG.model_copy(update={"otc_weight": 0.1})
    with pytest.raises(RunError, match=r"otc_weight was 0.4, is 0.1"):
        Run.start(tmp_path / "run", other, [])


def test_settings_may_change_before_anything_was_done(tmp_path: Path) -> None:
    Run.start(tmp_path / "run", CONFIG, [])
    other = CONFIG.model_copy(update={"otc_weight": 0.1})
    Run.start(tmp_path / "run", other, [])
    assert FitConfig.read(tmp_path / "run" / "config.yaml") == other


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match=r"holds something else: thesis\.tex"):
        run_fit(CONFIG.model_copy(update={"train": ("in.csv",), "out": tmp_path}))
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run"
    file.write_text("x")
    with pytest.raises(RunError, match="is a file"):
        run_fit(CONFIG.model_copy(update={"train": ("in.csv",), "out": file}))


def test_a_stage_that_fails_is_not_marked(tmp_path: Path) -> None:
    run = Run.start(tmp_path / "run", CONFIG, [])
    with pytest.raises(ZeroDivisionError):
        run.do("training", lambda run: 1 / 0)
    assert not Run.open(tmp_path / "run").done("training")


def test_starting_over_never_takes_an_old_folder(tmp_path: Path) -> None:
    for expected in ("run", "run-2", "run-3"):
        path = fresh_folder(tmp_path / "run")
        assert path.name == expected
        path.mkdir()


def test_the_manifest_is_plain_json(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    run.finish(None)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["finished"]
