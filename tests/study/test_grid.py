"""The grid: which conditions there are, and which share a training."""

from collections import Counter

from babelift.study.condition import Grid
from babelift.study.spec import ARMS, StudySpec


def grid_of(pairs=None, **changes):
    values = {
        "train": "a.csv", "test": "b.csv", "targets": ["de", "ja"], "parallel": True, "seeds": 1,
        "translators": ["mini"], "primary": {"arm": "translated", "otc": "on"},
        "arms": list(ARMS), **changes,
    }  # fmt: skip
    if "self-trained" in values["arms"]:
        values["unlabelled"] = "c.csv"
    return Grid.of(StudySpec.from_mapping(values), pairs or {})


def counted(grid):
    return Counter(place.condition.arm for place, _ in grid.places)


def test_otc_and_ratio_are_tried_in_arms_that_have_pairs_alone():
    assert counted(grid_of(ratios=["1:1", "1:2"])) == {
        "zero-shot": 1, "translated": 4, "original": 2, "original+translated": 8,
        "translate-test": 1, "round-trip": 4, "both-views": 1, "translated+both-views": 4,
        "self-trained": 1, "reference": 4,
    }  # fmt: skip


def test_one_training_on_the_source_serves_every_target_and_translate_test():
    grid = grid_of(arms=["zero-shot", "translated", "translate-test"])
    jobs = {place.condition.arm: job for place, job in grid.places}
    assert jobs["zero-shot"] == jobs["translate-test"] != jobs["translated"]
    assert grid.jobs[jobs["zero-shot"]].tested_by == ("mini",)


def test_a_target_trained_on_its_own_rows_is_the_zero_shot_source_of_others():
    grid = grid_of(arms=["zero-shot", "translated", "original"], sources=["en", "de", "ja"],
                   targets=["en", "de", "ja"])  # fmt: skip
    own = {place.langs[0]: job for place, job in grid.places if place.condition.arm == "original"}
    others = {
        place.condition.source: job
        for place, job in grid.places
        if place.condition.arm == "zero-shot"
    }
    assert own == others


def test_a_source_is_no_target_of_itself():
    grid = grid_of(arms=["translated"], sources=["en", "de"], targets=["en", "de", "ja"])
    assert {(place.condition.source, place.langs) for place, _ in grid.places} == {
        ("en", ("de", "ja")), ("de", ("en", "ja")),
    }  # fmt: skip


def test_a_classifier_for_each_target_is_trained_where_they_are_not_together():
    grid = grid_of(arms=["zero-shot", "translated"], together=False, otc=["off", "on"])
    langs = {place.langs for place, _ in grid.places if place.condition.arm == "translated"}
    assert langs == {("de",), ("ja",)}
    assert len(grid.jobs) == 1 + 4


def test_a_translator_is_tried_where_it_has_pairs():
    pairs = {"mini": frozenset({("en", "de"), ("ja", "en")})}
    grid = grid_of(pairs, arms=["translated", "translate-test"])
    assert {(place.condition.arm, place.langs) for place, _ in grid.places} == {
        ("translated", ("de",)), ("translate-test", ("ja",)),
    }  # fmt: skip


def test_native_rows_are_tried_for_the_arm_original_alone():
    grid = grid_of(arms=["translated", "original"], rows=[200], native_rows=[50, 100])
    sizes = {(place.condition.arm, place.condition.rows) for place, _ in grid.places}
    assert sizes == {("translated", 200), ("original", 200), ("original", 50), ("original", 100)}


def test_original_and_translated_adds_translations_into_the_target_to_its_own_rows():
    grid = grid_of(arms=["translated", "original+translated"])
    jobs = [
        grid.jobs[job] for place, job in grid.places if place.condition.arm == "original+translated"
    ]
    assert {(job.originals, job.translate_from, job.translate_to) for job in jobs} == {
        (("en", "de"), ("en",), ("de",)), (("en", "ja"), ("en",), ("ja",)),
    }  # fmt: skip


def test_the_conditions_of_a_larger_study_are_those_of_a_smaller_and_more():
    small, large = grid_of(seeds=1), grid_of(seeds=2)
    assert set(small.jobs) < set(large.jobs)
