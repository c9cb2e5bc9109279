"""A study's folder, its page, and the page made again from the folder alone."""

import json
import re

import pytest

from babelift.cli.report import command
from babelift.errors import RunError
from babelift.report.pages.study import write_study_page
from babelift.study.run import FILES, run_study
from babelift.study.spec import StudySpec
from babelift.study.summary import is_study
from tests.study.conftest import inline


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """What is trained for one test serves the others."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def study(settings, toy, store, tmp_path):
    spec = StudySpec.from_mapping({**settings, "title": "Toys", "seeds": 1, "targets": ["de"]})
    return run_study(spec, tmp_path / "out", data=toy, store=store, execute=inline)


def test_a_study_leaves_a_page_that_can_be_made_again(study, capsys):
    assert {path.name for path in study.folder.iterdir()} == FILES
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    numbers = json.loads((study.folder / "report.json").read_text(encoding="utf-8"))
    assert numbers["opening"][0] in re.sub(r"<[^>]+>", "", page)
    assert {row["lang"] for row in numbers["means"]} == {"de", None}
    assert numbers["flips"]["rows"] == 12
    assert numbers["translating"][0]["segments"] > 0
    (study.folder / "report.html").unlink()
    (study.folder / "report.json").unlink()
    command(study.folder)
    assert (study.folder / "report.html").read_text(encoding="utf-8") == page
    assert str(study.folder / "report.html") in capsys.readouterr().out


def test_a_study_that_was_never_finished_is_said_to_be_so(tmp_path):
    (tmp_path / "study.yaml").write_text("title: x\n")
    assert is_study(tmp_path)
    with pytest.raises(RunError, match="not a finished study"):
        write_study_page(tmp_path)


@pytest.mark.parametrize("damaged", ["[]", "{}", "null", '{"places": 5}', "{", ""])
def test_a_damaged_account_of_the_runs_is_named(damaged, tmp_path):
    (tmp_path / "study.yaml").write_text("title: x\n")
    (tmp_path / "runs.json").write_text(damaged)
    with pytest.raises(RunError, match=r"runs\.json' is damaged"):
        write_study_page(tmp_path)


def test_texts_that_are_damaged_are_named(study):
    (study.folder / "texts.parquet").write_text("no parquet")
    with pytest.raises(RunError, match=r"texts\.parquet"):
        write_study_page(study.folder)


def test_a_page_can_be_made_without_texts(study):
    (study.folder / "texts.parquet").unlink()
    assert write_study_page(study.folder).is_file()


def test_another_folder_is_no_study(tmp_path):
    assert not is_study(tmp_path)
