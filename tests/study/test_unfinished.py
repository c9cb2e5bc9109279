"""What a study cannot do is said: before anything runs where it can be known, else at its end."""

import json
import sys

import pytest
import yaml

from babelift.errors import BabeliftError, ConfigError, DataError
from babelift.study.run import run_study
from babelift.study.spec import StudySpec
from tests.study.conftest import LANGS, drawn, sentences, write_jsonl


def run(settings, toy, folder, execute=drawn, **changes):
    spec = StudySpec.from_mapping({**settings, "seeds": 1, "otc": "off", **changes})
    return run_study(spec, folder / "out", data=toy, store=folder / "store", execute=execute)


def refuse(tasks):
    raise AssertionError(f"{len(tasks)} tasks were run")


def spoilt_table(toy, folder, spoilt):
    """A table of translations of which those that `spoilt(source, target)` are copies."""
    rows = [json.loads(line) for line in (toy / "table.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        if spoilt(row["source_lang"], row["target_lang"]):
            row["target_text"] = row["source_text"]
    path = write_jsonl(folder / "spoilt.jsonl", rows)
    return f"table:{path}#good"


def test_a_study_whose_translations_are_all_dropped_is_refused_before_it_trains(
    settings, toy, tmp_path
):
    bad = spoilt_table(toy, tmp_path, lambda *_: True)
    with pytest.raises(DataError) as refused:
        run(settings, toy, tmp_path, refuse, translators={"bad": bad})
    assert "no training row has a translation that can be used (copy 48" in str(refused.value)
    assert "quality: keep" in str(refused.value)
    kept = run(settings, toy, tmp_path, translators={"bad": bad}, quality="keep")
    assert not kept.failed


@pytest.mark.parametrize(
    ("changes", "spoilt", "failed"),
    [
        ({}, ("en", "de"), 0),
        ({"together": False}, ("en", "de"), 1),
        ({"sources": ["en", "ja"], "targets": ["de"]}, ("ja", "de"), 1),
    ],
    ids=["one target of a training", "one target", "one source"],
)  # fmt: skip
def test_translations_that_are_all_dropped_in_part_are_reported(
    settings, toy, tmp_path, changes, spoilt, failed
):
    bad = spoilt_table(toy, tmp_path, lambda *pair: pair == spoilt)
    study = run(settings, toy, tmp_path, translators={"bad": bad}, **changes)
    assert len(study.failed) == failed
    for error in study.failed.values():
        assert f"that can be used, from {spoilt[0]} into {spoilt[1]} (copy 24" in error
    runs = json.loads((study.folder / "runs.json").read_text("utf-8"))
    note = (
        f"no train row in {spoilt[0]} has a translation by 'bad' into {spoilt[1]} that can be used"
    )
    assert [text for text in runs["notes"] if note in text]
    assert "that can be used" in (study.folder / "report.html").read_text("utf-8")


def test_test_rows_without_any_translation_are_reported_and_cost_nothing_else(
    settings, toy, tmp_path
):
    script = tmp_path / "none.py"
    script.write_text(
        "import json, sys\nfor line in sys.stdin:\n"
        "    print(json.dumps({'id': json.loads(line)['id'], 'translation': None}), flush=True)\n"
    )
    study = run(
        settings, toy, tmp_path, arms=["zero-shot", "translate-test"], targets=["de"],
        translators={"mute": f"command:{sys.executable} {script}"},
        primary={"arm": "translate-test", "over": "zero-shot"},
    )  # fmt: skip
    assert set(study.results["arm"]) == {"zero-shot"}
    runs = json.loads((study.folder / "runs.json").read_text("utf-8"))
    assert any("no test row in de has a translation by 'mute' into en" in n for n in runs["notes"])


def a_service(folder, answer):
    """A translator that gives an expression's value, in which `text` is what a good one gives."""
    script = folder / "service.py"
    script.write_text(
        "import json, os, sys\nfor line in sys.stdin:\n    asked = json.loads(line)\n"
        "    text = 'das ' + asked['text'][::-1]\n"
        f"    print(json.dumps({{'id': asked['id'], 'translation': {answer}}}), flush=True)\n"
    )
    return f"command:{sys.executable} {script}"


def test_translations_of_a_service_that_is_down_are_not_kept(settings, toy, tmp_path):
    down = tmp_path / "down"
    service = a_service(tmp_path, f"'' if os.path.exists({str(down)!r}) else text")
    changes = {
        "translators": {"service": service},
        "targets": ["de"], "quality": "keep", "seeds": 1, "otc": "off",
    }  # fmt: skip
    down.touch()
    study = run(settings, toy, tmp_path, **changes)
    assert [error for error in study.failed.values() if "24 of 24 answers were no" in error]
    down.unlink()
    assert not run(settings, toy, tmp_path, **changes).failed


def test_fresh_makes_anew_what_the_store_lacks_and_the_memory_has(settings, toy, tmp_path):
    log = tmp_path / "log"
    service = a_service(tmp_path, f"open({str(log)!r}, 'a').write('.') and text")
    spec = StudySpec.from_mapping(
        {**settings, "seeds": 1, "otc": "off", "targets": ["de"], "quality": "keep",
         "translators": {"service": service}}
    )  # fmt: skip
    asked = []
    for store, fresh in (("a", False), ("b", False), ("c", True), ("c", True)):
        run_study(
            spec, tmp_path / f"out-{store}", data=toy, store=tmp_path / store, execute=drawn,
            fresh=fresh,
        )  # fmt: skip
        asked.append(len(log.read_text()))
    assert asked == [24, 24, 48, 48]


def test_one_translator_of_two_that_gives_nothing_costs_its_own_runs_alone(settings, toy, tmp_path):
    bad = spoilt_table(toy, tmp_path, lambda *_: True)
    study = run(settings, toy, tmp_path, translators={"bad": bad, **settings["translators"]})
    assert len(study.failed) == 1
    assert set(study.results["translator"].drop_nulls()) == {"good"}
    (lacking,) = study.lacking
    assert lacking.startswith("translated, otc off, 1:1, translator bad, encoder tiny, from en")


def test_failed_runs_are_named_and_the_command_ends_with_an_error(
    babelift, settings, toy, tmp_path
):
    bad = spoilt_table(toy, tmp_path, lambda *_: True)
    values = {**settings, "seeds": 1, "otc": "off", "settings": {"steps": 2, "batch_size": 8},
              "translators": {"bad": bad, **settings["translators"]}}  # fmt: skip
    file = tmp_path / "toy.yaml"
    file.write_text(yaml.safe_dump(values))
    done = babelift("study", file, "--data", toy, "--workers", "1", "--out", tmp_path / "out")
    assert done.code == 1
    assert "1 training failed, so that the report lacks" in done.err
    assert "translator bad" in done.err
    assert "can be used" in done.err
    assert (tmp_path / "out" / "report.html").is_file()


def test_all_runs_but_the_failed_ones_are_in_the_results(settings, toy, tmp_path):
    def one_fails(tasks):
        for number, task in enumerate(tasks):
            yield (task, "ValueError: no") if number == 1 else next(drawn([task]))

    study = run(settings, toy, tmp_path, one_fails, seeds=2)
    assert len(study.failed) == 1
    assert len(study.lacking) == 1
    assert study.lacking[0].endswith("ValueError: no")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"group": "itm"}, "did you mean 'item'"),
        ({"id": "idd"}, "did you mean 'id'"),
        ({"text": "txt"}, "did you mean 'text'"),
        ({"train": "{lang}.trian.jsonl"}, "en.trian.jsonl' is not there"),
        ({"test": "nothing/{lang}.jsonl"}, "is not there"),
        ({"added": {"theirs": "theirs.csv"}}, "theirs.csv"),
        ({"rows": [999]}, "asks for 999 training rows"),
        ({"arms": ["zero-shot", "translated", "original"], "native_rows": [999]},
         "asks for 999 training rows"),
        ({"translators": {"x": "table:{data}/none.jsonl#good"}}, "none.jsonl"),
        ({"encoders": {"x": "none/here"}}, "none/here"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_before_anything_runs(settings, toy, tmp_path, changes, said):
    with pytest.raises(BabeliftError) as refused:
        run(settings, toy, tmp_path, refuse, **changes)
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_parallel_set_without_shared_items_is_refused_before_anything_runs(
    settings, toy, tmp_path
):
    for number, lang in enumerate(LANGS):
        for split, numbers in (("train", range(24)), ("test", range(100, 112))):
            rows = [{**row, "item": f"{row['item']}-{number}"} for row in sentences(lang, numbers)]
            write_jsonl(tmp_path / f"{lang}.{split}.jsonl", rows)
    with pytest.raises(DataError) as refused:
        run(settings, tmp_path, tmp_path, refuse, arms=["zero-shot", "translated", "reference"],
            translators={"good": f"table:{toy}/table.jsonl#good"})  # fmt: skip
    assert "no item is in both" in str(refused.value)
    assert "'group'" in str(refused.value)


def test_a_size_that_is_needed_is_asked_for(settings, toy, tmp_path):
    outer = {name: value for name, value in settings.items() if name != "train"}
    sizes = {"quick": {"train": settings["train"]}, "full": {"train": settings["train"]}}
    file = tmp_path / "toy.yaml"
    file.write_text(yaml.safe_dump({**outer, "sizes": sizes}))
    with pytest.raises(ConfigError) as refused:
        run_study(file, tmp_path / "out", data=toy, execute=refuse)
    assert "'train' is needed" in str(refused.value)
    assert "--size: full, quick" in str(refused.value)


def test_two_studies_at_once_in_one_store_make_everything_once(settings, toy, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    spec = StudySpec.from_mapping({**settings, "seeds": 1, "otc": "off"})

    def one(number):
        return run_study(spec, tmp_path / f"out{number}", data=toy, store=tmp_path / "store",
                         execute=drawn)  # fmt: skip

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(one, range(4))
    assert all(study.results.equals(first.results) for study in others)
    assert all(not study.failed for study in others)
