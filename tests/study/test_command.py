"""`babelift study`: what it prints, what it leaves, and how it refuses."""

import sys

import pytest
import yaml


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


def test_a_study_answers_in_words_and_leaves_its_results(babelift, file, toy, tmp_path):
    done = babelift("study", file, "--data", toy, "--size", "quick", "--workers", "1")
    assert done.code == 0, done.err
    assert "zero-shot" in done.out
    assert (tmp_path / "runs" / "toy-quick" / "results.parquet").is_file()
    again = babelift("study", file, "--data", toy, "--size", "quick", "--dry-run")
    assert "6 are done, 0 are to do" in again.out


def test_a_misspelt_size_or_file_is_refused(babelift, file, toy):
    assert "did you mean 'quick'" in babelift("study", file, "--size", "quik").err
    assert "cannot be read" in babelift("study", "nothing.yaml").err


def test_ray_is_named_where_it_is_not_installed(babelift, file, toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = babelift("study", file, "--data", toy, "--on", "ray")
    assert done.code == 1
    assert "pip install 'babelift[ray]'" in done.err
