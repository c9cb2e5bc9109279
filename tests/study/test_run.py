"""A study from its file to its results: shared, restartable, and failing one run at a time."""

import json
from dataclasses import replace

import polars as pl
import pytest

from babelift.errors import BabeliftError, ConfigError, DataError, LanguageError, RunError
from babelift.progress import quiet
from babelift.study.plan import make_plan
from babelift.study.results import RESULTS, check_shared
from babelift.study.run import run_study
from babelift.study.runner import local, run_locked
from babelift.study.spec import ARMS, StudySpec
from babelift.study.task import TrainingRecord
from tests.study.conftest import drawn, inline


def spec_of(toy_settings, **changes):
    return StudySpec.from_mapping({**toy_settings, **changes})


def run(spec, toy, folder, execute=inline, **more):
    return run_study(
        spec, folder / "out", data=toy, store=folder / "store", execute=execute, **more
    )


def test_every_arm_of_a_small_study_gets_its_scores(settings, toy, tmp_path):
    changes = {"arms": list(ARMS), "seeds": 1, "unlabelled": "{lang}.new.jsonl"}
    study = run(spec_of(settings, **changes), toy, tmp_path)
    assert study.failed == {}
    assert study.results.schema == RESULTS
    f1 = study.results.filter(metric="f1_micro")
    conditions = f1.group_by("arm", "otc").agg(pl.col("lang").sort())
    assert set(conditions["arm"]) == set(ARMS)
    assert all(langs.to_list() == ["de", "ja"] for langs in conditions["lang"])
    assert f1["value"].is_between(0, 1).all()
    kept = pl.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert set(kept["run"]) == set(study.results["run"])
    assert not list((tmp_path / "store").rglob("*.safetensors"))


def test_a_second_time_nothing_is_trained_and_the_results_are_the_same(spec, toy, tmp_path):
    first = run(spec, toy, tmp_path)

    def refuse(tasks):
        raise AssertionError(f"{len(tasks)} tasks were run again")

    assert run(spec, toy, tmp_path, refuse).results.equals(first.results)


def test_a_study_grows_by_what_is_missing_alone(settings, toy, tmp_path):
    run(spec_of(settings), toy, tmp_path)
    ran = []

    def watched(tasks):
        ran.extend(tasks)
        yield from inline(tasks)

    run(spec_of(settings, seeds=3), toy, tmp_path, watched)
    assert {task.job.settings.seed for task in ran} == {2}
    ran.clear()
    german = {"german": "table:{data}/table.jsonl#german", **settings["translators"]}
    run(spec_of(settings, seeds=3, translators=german), toy, tmp_path, watched)
    assert {task.job.translator for task in ran} == {"german"}


def test_two_studies_share_runs_and_translations(settings, toy, tmp_path):
    one = make_plan(spec_of(settings), toy, tmp_path, quiet())
    other = make_plan(spec_of(settings, otc="off", arms=["translated", "zero-shot"]), toy, tmp_path,
                      quiet())  # fmt: skip
    assert {task.key for task in other.tasks} < {task.key for task in one.tasks}


def test_what_changes_an_outcome_changes_the_key(settings, toy, tmp_path):
    def keys(**changes):
        plan = make_plan(spec_of(settings, seeds=1, **changes), toy, tmp_path, quiet())
        return {task.key for task in plan.tasks}

    shared = settings["settings"]
    assert not keys() & keys(settings={**shared, "learning_rate": 1e-3})
    assert not keys() & keys(settings={**shared, "epochs": 2})
    assert not keys() & keys(rows=12)
    assert len(keys() & keys(quality="keep")) == 1  # zero-shot has no translations


def test_arms_share_updates_weights_and_order(settings, toy, tmp_path):
    run(spec_of(settings, seeds=1), toy, tmp_path)
    runs = json.loads((tmp_path / "out" / "runs.json").read_text())
    assert len(runs["runs"]) == 3
    assert len({record["training"]["initial_weights"] for record in runs["runs"].values()}) == 1
    assert len({record["training"]["order"] for record in runs["runs"].values()}) == 1
    assert "all 3 trainings took 6 updates" in runs["shared"]
    records = [TrainingRecord.model_validate(record) for record in runs["runs"].values()]
    first, *others = records
    for field, value in (("steps", 7), ("initial_weights", "0"), ("order", "0")):
        spoilt = first.model_copy(update={"training": replace(first.training, **{field: value})})
        with pytest.raises(DataError, match="do not share their"):
            check_shared([spoilt, *others])


def test_a_run_that_fails_is_recorded_and_the_others_go_on(spec, toy, tmp_path):
    def one_fails(tasks):
        for number, task in enumerate(tasks):
            broken = replace(task, labels=("food", "other")) if number == 1 else task
            yield task, run_locked(broken)

    study = run(spec, toy, tmp_path, one_fails)
    assert len(study.failed) == 1
    assert "'sport' is not one of" in next(iter(study.failed.values()))
    assert study.results["run"].n_unique() == 5
    mended = run(spec, toy, tmp_path)
    assert mended.failed == {}
    assert mended.results["run"].n_unique() == 6


def test_translations_that_cannot_be_made_fail_the_runs_that_need_them(settings, toy, tmp_path):
    lines = (toy / "table.jsonl").read_text().splitlines()
    (tmp_path / "short.jsonl").write_text("\n".join(lines[:5]))
    short = {"short": f"table:{tmp_path / 'short.jsonl'}#good"}
    study = run(spec_of(settings, seeds=1, translators=short, targets=["de"]), toy, tmp_path)
    assert len(study.failed) == 2
    assert all("MissingTranslationError" in said for said in study.failed.values())
    assert set(study.results["arm"]) == {"zero-shot"}


def theirs(folder, **changes):
    rows = [
        {"id": f"i{n}", "lang": lang, "label": ("food", "sport")[n % 2], "prediction": "food",
         "seed": seed, **changes}
        for lang in ("de", "ja") for n in range(100, 112) for seed in (0, 1)
    ]  # fmt: skip
    pl.DataFrame(rows).unique(maintain_order=True).write_csv(folder / "theirs.csv")
    return {"theirs": str(folder / "theirs.csv")}


def test_predictions_of_another_tool_are_an_arm_compared_with_all_others(settings, toy, tmp_path):
    study = run(spec_of(settings, added=theirs(tmp_path)), toy, tmp_path, drawn)
    added = study.results.filter(arm="theirs", metric="f1_micro")
    assert added["value"].to_list() == [0.5] * 4
    assert sorted(added["seed"].unique()) == [0, 1]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    asked = [answer["question"] for answer in report["answers"]]
    assert {question["base"]["arm"] for question in asked if question["kind"] == "added"} == {
        "zero-shot", "translated",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"id": "i7"}, "row 'i7' is no test row of the study in 'de'"),
     ({"lang": "fr"}, "no test row of the study in 'fr'"),
     ({"label": "food"}, "is labelled 'food', in the study's own test rows 'sport'")],
)  # fmt: skip
def test_predictions_that_are_not_for_the_studys_rows_are_refused_before_anything_runs(
    settings, toy, tmp_path, changes, said
):
    added = theirs(tmp_path, **changes)
    if "id" in changes:
        table = pl.read_csv(added["theirs"]).unique("lang", maintain_order=True)
        table.write_csv(added["theirs"])
    with pytest.raises(DataError) as refused:
        run(spec_of(settings, added=added), toy, tmp_path)
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"translators": {"x": "table:{data}/table.jsonl#goood"}}, BabeliftError, "good"),
        ({"translators": ["m2m10"]}, ConfigError, "did you mean 'm2m100'"),
        ({"encoders": ["distilbert-multilingua"]}, BabeliftError, "distilbert-multilingual"),
        ({"targets": ["de", "es"]}, ConfigError, "there are no test rows in 'es'"),
        ({"sources": ["de"], "targets": ["ja"],
          "translators": {"german": "table:{data}/table.jsonl#german"}}, LanguageError, "no pair"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_before_anything_runs(
    settings, toy, tmp_path, changes, kind, said
):
    with pytest.raises(kind) as refused:
        run(spec_of(settings, **changes), toy, tmp_path)
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_is_left_alone(spec, toy, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match=r"thesis\.txt"):
        run(spec, toy, tmp_path)


def test_two_processes_at_once_give_what_one_gives(spec, toy, tmp_path):
    alone = run(spec, toy, tmp_path / "alone")
    together = run(spec, toy, tmp_path / "together", local(2))
    assert together.results.equals(alone.results)


def test_a_process_that_dies_costs_its_own_run_alone(spec, toy, tmp_path, monkeypatch):
    plan = make_plan(spec, toy, tmp_path / "store", quiet())
    plan.cache.make(plan.needs, quiet())
    deadly = replace(plan.tasks[0], identity=_Deadly())
    ends = {task.key: error for task, error in local(2)([deadly, *plan.tasks[1:]])}
    assert "the process died" in ends.pop(deadly.key)
    assert set(ends.values()) == {None}


class _Deadly:
    """Kills the process that unpacks it."""

    def __reduce__(self):
        return eval, ("__import__('os').kill(__import__('os').getpid(), 9)",)
