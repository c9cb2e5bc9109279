"""`babelift study`: what it prints, what it leaves, and how it refuses."""

import sys

import pytest
import yaml

from tests.support.service import Service


@pytest.fixture
def file(settings, tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump({**settings, "sizes": {"quick": {"seeds": 2}}}))
    return path


def test_a_dry_run_says_what_would_be_done_and_does_nothing(babelift, file, toy, tmp_path):
    done = babelift("study", file, "--data", toy, "--size", "quick", "--dry-run")
    assert done.code == 0, done.err
    assert "6 conditions and seeds: 2 zero-shot, 4 translated" in done.out
    assert "6 trainings serve them, each of 6 updates" in done.out
    assert "48 texts are to translate" in done.out
    assert "about" in done.out.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


MARKS = "open({!r}, 'w').close()\n"


@pytest.mark.parametrize("kind", ["command", "degraded", "package"])
def test_a_dry_run_runs_nothing_that_the_user_named_and_says_what_it_could_not_ask(
    babelift, settings, toy, tmp_path, monkeypatch, kind
):
    ran = tmp_path / "ran"
    site = tmp_path / "site"
    (site / "theirs-1.0.dist-info").mkdir(parents=True)
    points = "[babelift.translators]\ntheirs = theirs_translator:load\n"
    (site / "theirs-1.0.dist-info" / "entry_points.txt").write_text(points)
    (site / "theirs-1.0.dist-info" / "METADATA").write_text("Name: theirs\nVersion: 1.0\n")
    (site / "theirs_translator.py").write_text(MARKS.format(str(ran)))
    monkeypatch.syspath_prepend(str(site))
    program = tmp_path / "mt.py"
    program.write_text(MARKS.format(str(ran)))
    command = f"command:{sys.executable} {program}"
    spec = {"command": command, "degraded": f"degraded:drop=0.5:{command}", "package": "theirs:x"}
    file = tmp_path / "theirs.yaml"
    file.write_text(yaml.safe_dump({**settings, "translators": {"mine": spec[kind]}}))
    done = babelift("study", file, "--data", toy, "--dry-run")
    assert done.code == 0, done.err
    assert not ran.exists()
    assert "how long 'mine' takes for 48 texts" in done.out
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_asks_no_service(babelift, settings, toy, tmp_path):
    with Service() as service:
        file = tmp_path / "services.yaml"
        translators = {"a": service.chat, "b": f"deepl:{service.url}"}
        file.write_text(yaml.safe_dump({**settings, "translators": translators}))
        done = babelift("study", file, "--data", toy, "--dry-run")
        assert done.code == 0, done.err
        assert service.requests == []
    assert "how long 'a' takes for 48 texts" in done.out
    assert "how long 'b' takes for 48 texts" in done.out


def test_a_study_answers_in_words_and_leaves_its_results(babelift, file, toy, tmp_path):
    done = babelift("study", file, "--data", toy, "--size", "quick", "--workers", "1")
    assert done.code == 0, done.err
    assert "zero-shot" in done.out
    assert (tmp_path / "runs" / "toy-quick" / "results.parquet").is_file()
    again = babelift("study", file, "--data", toy, "--size", "quick", "--dry-run")
    assert "6 are done, 0 are to do" in again.out


def test_terms_that_stay_are_named_on_the_command_line(babelift, file, toy):
    (toy / "terms.txt").write_text("good\n", encoding="utf-8")
    terms = ("--keep-terms", "terms.txt", "--dry-run")
    assert babelift("study", file, "--data", toy, "--size", "quick", *terms).code == 0
    (toy / "terms.txt").write_text("", encoding="utf-8")
    refused = babelift("study", file, "--data", toy, "--size", "quick", *terms)
    assert refused.code != 0
    assert "holds no term" in refused.err


def test_a_misspelt_size_or_file_is_refused(babelift, file, toy):
    assert "did you mean 'quick'" in babelift("study", file, "--size", "quik").err
    assert "cannot be read" in babelift("study", "nothing.yaml").err


def test_ray_is_named_where_it_is_not_installed(babelift, file, toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = babelift("study", file, "--data", toy, "--on", "ray")
    assert done.code == 1
    assert "pip install 'babelift[ray]'" in done.err
