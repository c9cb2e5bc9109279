"""What a study keeps is found again as long as nothing changes it, and only so long."""

import shutil
from pathlib import Path

import pytest

import babelift
from babelift.progress import quiet
from babelift.study import cache, plan, quality
from babelift.study.plan import encoder_identity, make_plan
from babelift.study.run import run_study
from babelift.study.spec import StudySpec
from babelift.training.encoder import LEAST_UPDATES
from tests.study.conftest import drawn, inline


@pytest.fixture
def laid_out(settings, toy, tmp_path):
    """Lays a study out; the keys of its trainings and the names of its translations."""

    def lay(**changes):
        spec = StudySpec.from_mapping({**settings, "seeds": 1, "otc": "off", **changes})
        made = make_plan(spec, toy, tmp_path / "store", quiet())
        return {task.key for task in made.tasks}, {table.path.name for table in made.needs}

    return lay


@pytest.mark.parametrize(
    ("where", "name", "value", "translations_too"),
    [
        (plan, "REVISION", -1, False),
        (cache, "REVISION", -1, True),
        (plan, "version", lambda package: f"{package} 99", False),
        (plan, "resolved_precision", lambda setting: "other", False),
        (plan, "encoder_identity", lambda spec: "other", False),
    ],
    ids=["training's revision", "checks' revision", "library", "precision", "encoder"],
)
def test_each_ingredient_changes_the_key(
    laid_out, monkeypatch, where, name, value, translations_too
):
    trainings, translations = laid_out()
    monkeypatch.setattr(where, name, value)
    others, other_translations = laid_out()
    assert trainings.isdisjoint(others) or (
        # Of the checks' revision only what trains on translations depends.
        name == "REVISION" and translations_too and len(trainings & others) == 1
    )
    assert translations.isdisjoint(other_translations) == translations_too


def test_only_one_librarys_version_is_enough(laid_out, monkeypatch):
    trainings, _ = laid_out()
    real = plan.version
    for package in ("torch", "transformers", "tokenizers"):
        monkeypatch.setattr(
            plan, "version", lambda name, odd=package: "0" if name == odd else real(name)
        )
        assert trainings.isdisjoint(laid_out()[0])


def test_code_that_changes_without_a_revision_changes_no_key(settings, toy, tmp_path, monkeypatch):
    """Another version of the package, and sources with other comments, are not read at all."""
    opened = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (opened.append(path), read_bytes(path))[1])
    monkeypatch.setattr(babelift, "__version__", "99")
    first = make_plan(StudySpec.from_mapping(settings), toy, tmp_path, quiet())
    monkeypatch.undo()
    second = make_plan(StudySpec.from_mapping(settings), toy, tmp_path, quiet())
    assert [task.key for task in first.tasks] == [task.key for task in second.tasks]
    assert not [path for path in opened if path.suffix == ".py"]


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_every_file_of_an_encoder_identifies_it(toy, tmp_path, name):
    folder = shutil.copytree(toy / "encoder", tmp_path / "encoder")
    same = encoder_identity(str(folder))
    assert same == encoder_identity(str(toy / "encoder"))
    content = (folder / name).read_bytes()
    # One weight, or a space that says nothing: the file still opens.
    weight = content[:-1] + bytes([content[-1] ^ 1])
    (folder / name).write_bytes(weight if name.endswith("safetensors") else content + b" ")
    assert encoder_identity(str(folder)) != same


def test_quality_is_kept_by_everything_it_depends_on(settings, toy, tmp_path, monkeypatch):
    """Two studies that differ in one thing show each its own quality, whichever was first."""
    settings |= {"otc": "off", "seeds": 1, "settings": {"steps": 2}}
    other = {"small": str(toy / "encoder2")}

    def similarities(store, **changes):
        spec = StudySpec.from_mapping({**settings, **changes})
        study = run_study(spec, tmp_path / f"out{len(list(tmp_path.iterdir()))}", data=toy,
                          store=tmp_path / store, execute=drawn)  # fmt: skip
        made = make_plan(spec, toy, tmp_path / store, quiet())
        assert not study.failed
        return [row.similarity for row in quality.qualities(made, quiet())]

    alone = similarities("a", encoders=other)
    assert similarities("b") != alone
    assert similarities("b", encoders=other) == alone
    # Whether the data set has translations to compare with is part of it, too.
    parallel = similarities("c")
    assert similarities("c", parallel=False) == parallel
    monkeypatch.setattr(quality, "REVISION", 2)
    judged = []
    real = quality._judge
    monkeypatch.setattr(quality, "_judge", lambda *parts: judged.append(1) or real(*parts))
    similarities("c")
    assert judged


def test_a_damaged_record_of_the_store_is_made_again(settings, toy, tmp_path):
    spec = StudySpec.from_mapping({**settings, "seeds": 1, "otc": "off"})

    def run(execute):
        return run_study(spec, tmp_path / "out", data=toy, store=tmp_path / "store",
                         execute=execute)  # fmt: skip

    first = run(drawn)
    for record in (tmp_path / "store").rglob("*.json"):
        record.write_text('{"version": 1')
    assert run(drawn).results.equals(first.results)


def test_a_training_that_is_kept_is_the_one_that_was_done(settings, toy, tmp_path):
    spec = StudySpec.from_mapping(
        {**settings, "seeds": 1, "otc": "off", "arms": ["zero-shot"],
         "primary": {"arm": "zero-shot", "over": "zero-shot"}, "settings": {"steps": 2}}
    )  # fmt: skip
    done = make_plan(spec, toy, tmp_path, quiet()).tasks[0]
    assert [error for _, error in inline([done])] == [None]
    assert done.record.identity["settings"]["steps"] == 2
    assert done.record.training.steps == 2


def test_small_tables_get_the_updates_that_training_needs(settings, toy, tmp_path):
    shared = {**settings["settings"], "epochs": None}
    spec = StudySpec.from_mapping({**settings, "seeds": 1, "settings": shared})
    steps = {task.job.settings.steps for task in make_plan(spec, toy, tmp_path, quiet()).tasks}
    assert len(steps) == 1
    assert steps.pop() >= LEAST_UPDATES


def test_the_terms_that_stay_are_part_of_the_key_and_their_files_name_is_not(laid_out, toy):
    _, without = laid_out()
    for name, terms in {"a.txt": "New York\n", "b.txt": "New York\n", "c.txt": "York\n"}.items():
        (toy / name).write_text(terms, encoding="utf-8")
    (_, first), (_, same), (_, other) = (laid_out(keep_terms=f"{name}.txt") for name in "abc")
    assert first == same
    assert first.isdisjoint(other)
    assert first.isdisjoint(without)
