"""Arms that judge translations of the test text, or learn from unlabelled rows."""

import json

import numpy as np
import polars as pl
import pytest

from babelift.errors import ConfigError
from babelift.progress import quiet
from babelift.study.condition import Condition, Grid
from babelift.study.plan import make_plan
from babelift.study.results import of_condition
from babelift.study.run import preview, run_study
from babelift.study.spec import StudySpec
from babelift.study.task import training_rows
from tests.study.conftest import inline, write_jsonl

VIEWS = ["zero-shot", "translated", "translate-test", "both-views", "translated+both-views"]


def spec_of(settings, **changes):
    return StudySpec.from_mapping({**settings, "otc": "off", "seeds": 1, **changes})


def done(spec, toy, folder):
    return run_study(spec, folder / "out", data=toy, store=folder / "store", execute=inline)


def test_both_views_are_the_mean_of_two_and_cost_no_training_of_their_own(settings, toy, tmp_path):
    spec = spec_of(settings, arms=VIEWS)
    assert len(Grid.of(spec).jobs) == 2
    done(spec, toy, tmp_path)
    tables = pl.read_parquet(tmp_path / "out" / "predictions.parquet")
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    for run in tables["run"].unique():
        mine = tables.filter(pl.col("run") == run).sort("id")
        by = {name: mine.filter(text_by=name) for name in ("own", "good", "own and good")}
        german = {name: rows.filter(pl.col("id").str.starts_with("de:"))
                  for name, rows in by.items()}  # fmt: skip
        columns = pl.col("^p_.*$")
        own, good, both = (german[name].select(columns).to_numpy() for name in by)
        np.testing.assert_allclose(both, (own + good) / 2)
        assert set(german["own and good"]["lang"]) == {"de"}
        english = by["own and good"].filter(lang="en").select(columns)
        assert english.equals(by["own"].filter(lang="en").select(columns))
    for arm, base in (("both-views", "zero-shot"), ("translated+both-views", "translated")):
        rows = results.filter((pl.col("arm") == arm) & (pl.col("metric") == "f1_micro"))
        assert sorted(rows["lang"]) == ["de", "ja"]
        of_base = results.filter((pl.col("arm") == base) & (pl.col("metric") == "f1_micro"))
        assert set(rows["run"]) == set(of_base["run"])
        by_arm = tables.filter(
            (pl.col("run") == rows["run"][0]) & (pl.col("text_by") == "own and good")
        )
        for lang, value in rows.select("lang", "value").iter_rows():
            right = by_arm.filter(pl.col("lang") == lang).select(
                (pl.col("label") == pl.col("prediction")).mean()
            )
            assert value == pytest.approx(right.item())
    page = (tmp_path / "out" / "report.html").read_text()
    assert "judging the test text and its translation" in page
    assert "Not weighed here: translate-test, both-views and translated+both-views" in page


def test_both_directions_are_needed_where_both_are_used(settings):
    pairs = {"good": frozenset({("en", "de"), ("de", "en"), ("en", "ja")})}
    grid = Grid.of(spec_of(settings, arms=VIEWS), pairs)
    langs = {place.condition.arm: place.langs for place, _ in grid.places}
    assert langs["translated"] == ("de", "ja")
    assert langs["both-views"] == langs["translate-test"] == ("de",)
    assert langs["translated+both-views"] == ("de",)


def test_training_rows_go_there_and_back(settings, toy, tmp_path):
    spec = spec_of(settings, arms=["zero-shot", "round-trip"],
                   primary={"arm": "round-trip", "over": "zero-shot"})  # fmt: skip
    plan = make_plan(spec, toy, tmp_path / "store", quiet())
    study = done(spec, toy, tmp_path)
    assert study.failed == {}
    [task] = [task for task in plan.tasks if task.job.back]
    rows = training_rows(task)
    back = rows.filter(origin="roundtrip")
    # The table translates word by word, so that what comes back is what was sent.
    assert back.height == 2 * rows.filter(origin="original").height == 48
    assert set(back["lang"]) == {"en"}
    texts = dict(rows.filter(origin="original").select("id", "text").iter_rows())
    assert all(
        texts[first] == text for first, text in back.select("original_id", "text").iter_rows()
    )
    about = json.loads((tmp_path / "out" / "runs.json").read_text())
    assert sorted((part["source"], part["target"]) for part in about["translations"]) == [
        ("de", "en"), ("en", "de"), ("en", "ja"), ("ja", "en"),
    ]  # fmt: skip
    rows = of_condition(study.results, Condition("round-trip", "off", "1:1", "good", "tiny", "en"))
    assert sorted(rows.filter(metric="f1_micro")["lang"]) == ["de", "ja"]
    assert preview(spec, data=toy, store=tmp_path / "store2")


LEARNT = {"arms": ["zero-shot", "self-trained"], "unlabelled": "{lang}.new.jsonl", "rounds": 1,
          "primary": {"arm": "self-trained", "over": "zero-shot"}}  # fmt: skip


def test_self_training_learns_from_other_items_than_those_with_labels(settings, toy, tmp_path):
    plan = make_plan(spec_of(settings, **LEARNT), toy, tmp_path, quiet())
    [task] = [task for task in plan.tasks if task.unlabelled]
    rows = pl.concat([pl.read_parquet(path) for path in task.unlabelled])
    assert set(rows["lang"]) == {"de", "ja"}
    # Of items 20 to 59 the first four have labels in English.
    assert sorted(set(rows["group_id"])) == sorted(f"i{number}" for number in range(24, 60))
    assert rows["label"].null_count() == rows.height
    assert task.rounds == 1
    twice = make_plan(spec_of(settings, **LEARNT | {"rounds": 2}), toy, tmp_path, quiet())
    keys, others = ({task.key for task in one.tasks} for one in (plan, twice))
    assert len(keys & others) == 1


def test_test_rows_among_the_unlabelled_ones_are_left_out_and_told(settings, toy, tmp_path):
    tested = [json.loads(line) for line in (toy / "de.test.jsonl").read_text().splitlines()]
    new = [json.loads(line) for line in (toy / "de.new.jsonl").read_text().splitlines()]
    file = write_jsonl(tmp_path / "leaky.jsonl", [*new, *tested])
    spec = spec_of(settings, **LEARNT | {"unlabelled": str(file), "targets": "de"})
    plan = make_plan(spec, toy, tmp_path, quiet())
    assert plan.tables.unlabelled["de"].height == len(new)
    assert any(f"validation or test rows, or nearly: {len(tested)}" in note
               for note in plan.tables.notes)  # fmt: skip


def test_what_was_believed_is_told(settings, toy, tmp_path):
    study = done(spec_of(settings, **LEARNT), toy, tmp_path)
    assert study.failed == {}
    about = json.loads((tmp_path / "out" / "runs.json").read_text())
    [learnt] = [run["self_training"] for run in about["runs"].values() if run["self_training"]]
    assert learnt["kept"] in (0, 1)
    assert 1 <= len(learnt["validation"]) <= 2
    assert any(note.startswith("self-training kept") for note in about["notes"])
    rows = of_condition(study.results, Condition("self-trained", encoder="tiny", source="en"))
    assert sorted(rows.filter(metric="f1_micro")["lang"]) == ["de", "ja"]
    assert not list((tmp_path / "store").rglob("work"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": ["zero-shot", "self-trained"]}, "needs 'unlabelled'"),
        ({"unlabelled": "{lang}.new.jsonl"}, "only used with the arm 'self-trained'"),
        (LEARNT | {"rounds": 0}, "rounds"),
        (LEARNT | {"unlabelled": "{lang}.gone.jsonl"}, "no unlabelled rows in 'de'"),
    ],
)
def test_what_does_not_fit_together_is_an_error(change, message, settings, toy, tmp_path):
    with pytest.raises(ConfigError, match=message):
        make_plan(spec_of(settings, **change), toy, tmp_path, quiet())
