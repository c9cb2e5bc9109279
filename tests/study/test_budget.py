"""The label budget: its ends are those of comparisons, silent where it cannot know."""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.errors import ConfigError, DataError
from babelift.evaluation.differences import paired_differences
from babelift.study.budget import LabelBudget, budgets, label_budget
from babelift.study.condition import OWN, Condition
from babelift.study.results import RESULTS, Scores
from babelift.study.spec import StudySpec

LAW = {50: 0.5, 100: 0.6, 200: 0.67, 400: 0.72, 800: 0.755}
"""About .83 - .33 * (n / 50) ** -.53."""


def right(scores, seeds=5, rows=1000, seed=0):
    """By size: right and wrong with these chances, each row and seed on its own."""
    generator = np.random.default_rng([seed, seeds, rows])
    return {size: generator.random((seeds, rows)) < score for size, score in scores.items()}


def budget(native, translated, *, price=None, items=None, **more) -> LabelBudget:
    drawn = right({**native, "translated": translated}, **more)
    theirs = drawn.pop("translated")
    return label_budget("ja", drawn, {600: theirs}, price=price, items=items)


def ends(found: LabelBudget):
    (worth,) = found.worth
    return [(end.value, end.bound) for end in worth.interval]


def number(found: LabelBudget):
    (worth,) = found.worth
    return worth.labels and (worth.labels.value, worth.labels.bound)


def test_the_sentence_has_the_number_with_its_interval_and_says_what_each_end_means():
    found = budget(LAW, 0.64, price=0.25, seed=1)
    low, high = (value for value, _ in ends(found))
    value, bound = number(found)
    assert found.native.kind == "power-law"
    assert bound == "exact"
    assert 50 < low < value < high < 400
    assert low < 142 < high  # where the curve has .64
    assert found.sentence.startswith(
        f"In Japanese the translations are worth {value} native labels [{low}, {high}]: below "
        f"{low} labels ({low / 4:.0f} at 0.25 each) translating is the better, above {high} "
        f"({high / 4:.0f}) annotating; in between it cannot be told. Between 400 and 800 labels, "
        "100 more added +.0"
    )


@pytest.mark.parametrize("translated", [0.4, 0.52, 0.6, 0.65, 0.8])
@pytest.mark.parametrize("seeds", [2, 5])
def test_with_few_sizes_the_ends_are_those_that_comparisons_tell_apart(translated, seeds):
    drawn = right({50: 0.5, 200: 0.6, 800: 0.7, 0: translated}, seeds, 300)
    theirs = drawn.pop(0)
    found = label_budget("ja", drawn, {600: theirs})
    told = [
        paired_differences(native, theirs, ["ja"] * 300, range(300)).mean.interval
        for native in drawn.values()
    ]
    (low, low_bound), (high, high_bound) = ends(found)
    for size, (lower, upper) in zip(drawn, told, strict=True):
        assert (upper < 0) == (size <= low and low_bound != "below")
        assert (lower > 0) == (size >= high and high_bound != "above")


def test_test_rows_are_part_of_the_luck():
    # seeds that all agree: the spread is that of the rows alone, and more of them narrow it
    widths = []
    for rows in (200, 2000):
        drawn = right({**LAW, 0: 0.64}, 1, rows)
        drawn = {size: np.repeat(own, 5, axis=0) for size, own in drawn.items()}
        theirs = drawn.pop(0)
        (worth,) = label_budget("ja", drawn, {600: theirs}).worth
        low, high = worth.score_interval
        assert high - low == pytest.approx(2 * 1.97 * (0.64 * 0.36 / rows) ** 0.5, rel=0.05)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_rows_of_one_item_count_once():
    once = right({**LAW, 0: 0.64}, 1, 300)
    once = {size: np.repeat(own, 3, axis=0) for size, own in once.items()}
    twice = {size: np.tile(own, 2) for size, own in once.items()}
    alone, doubled = (
        label_budget("ja", dict(list(side.items())[:-1]), {600: side[0]}, items=items)
        for side, items in ((once, list(range(300))), (twice, list(range(300)) * 2))
    )
    assert doubled.worth == alone.worth
    taken_apart = label_budget("ja", dict(list(twice.items())[:-1]), {600: twice[0]})
    wide, narrow = (np.diff(side.native.intervals[0])[0] for side in (alone, taken_apart))
    assert narrow == pytest.approx(wide / 2**0.5, rel=0.01)


def test_one_seed_gives_no_number_and_no_interval():
    found = budget(LAW, 0.64, seeds=1, price=0.25)
    (worth,) = found.worth
    assert (worth.labels, worth.interval, worth.score_interval) == (None,) * 3
    assert (found.native.intervals, found.gain, found.seeds) == ((), None, 1)
    assert found.sentence == (
        "In Japanese it cannot be said how many native labels the translations are worth: one "
        "training per condition does not show how much of a score is its luck. Take 5 seeds."
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.2, 0.9), min_size=3, max_size=3), st.integers(2, 4), st.integers(0, 99))
def test_two_sizes_never_give_a_number(scores, seeds, seed):
    few, many, translated = scores
    found = budget({100: few, 400: many}, translated, seeds=seeds, rows=200, seed=seed)
    worth = number(found)
    assert worth is None or worth in ((100, "below"), (400, "above"))
    assert "[" not in found.sentence.partition(":")[0]


def test_two_sizes_say_that_it_is_in_between():
    found = budget({100: 0.4, 400: 0.8}, 0.6, price=0.25)
    assert ends(found) == [(100, "exact"), (400, "exact")]
    assert found.sentence.startswith(
        "In Japanese the translations are worth between 100 and 400 native labels: below 100 "
        "labels (25 at 0.25 each) translating is the better, above 400 (100) annotating; in "
        "between it cannot be told. Between 100 and 400 labels, 100 more added +.14 [.1"
    )
    assert "2 numbers of labels show no curve between them" in found.notes[1]


def test_where_one_end_is_open_it_is_said_on_which_side_one_knows():
    above = budget({100: 0.4, 400: 0.6}, 0.59)
    below = budget({100: 0.41, 400: 0.6}, 0.4)
    assert above.sentence.startswith(
        "In Japanese the translations are worth 100 native labels or more: below 100 labels "
        "translating is the better; above, it cannot be told. Between"
    )
    assert below.sentence.startswith(
        "In Japanese the translations are worth 400 native labels or fewer: above 400 labels "
        "annotating is the better; below, it cannot be told. Between"
    )


def test_above_all_native_scores_only_a_bound_is_given():
    found = budget(LAW, 0.9, price=0.25)
    assert number(found) == (800, "above")
    assert found.sentence.startswith(
        "In Japanese the translations are worth more than 800 native labels, the most tried: up "
        "to 800 labels (200 at 0.25 each) translating is the better. Between 400"
    )


def test_below_all_native_scores_only_a_bound_is_given():
    found = budget(LAW, 0.3, price=0.25)
    assert number(found) == (50, "below")
    assert found.sentence.startswith(
        "In Japanese the translations are worth fewer than 50 native labels, the fewest tried: "
        "50 labels (12 at 0.25 each) already beat translating. Between"
    )


def test_where_luck_drowns_the_curve_nothing_is_said():
    found = budget({50: 0.5, 100: 0.51, 200: 0.52, 400: 0.53}, 0.515, rows=100, price=1)
    assert number(found) is None
    assert not found.worth[0].known
    assert found.sentence.startswith(
        "In Japanese it cannot be said what the translations are worth: anything from fewer than "
        "50 to more than 400 native labels. Between"
    )


def test_a_step_ends_at_sizes_that_were_tried():
    found = budget({50: 0.4, 150: 0.75, 450: 0.75, 1350: 0.76}, 0.6)
    assert ends(found) == [(50, "exact"), (150, "exact")]
    assert found.native.kind == "tried"
    assert found.notes[1].startswith("The native scores rise as in one step")


def test_a_late_jump_is_not_smoothed_away():
    late = {50: 0.4, 100: 0.4, 200: 0.4, 400: 0.7, 800: 0.72}
    found = budget(late, 0.55)
    assert ends(found) == [(200, "exact"), (400, "exact")]
    assert number(found) == (pytest.approx(283, abs=15), "exact")
    assert found.notes[1].startswith("The native scores are not seen to follow a power law")


def test_where_scores_fall_no_one_number_is_given():
    dip = {50: 0.4, 100: 0.65, 200: 0.5, 400: 0.7, 800: 0.75}
    found = budget(dip, 0.58)
    assert ends(found) == [(50, "exact"), (400, "exact")]
    assert number(found) is None
    assert "worth between 50 and 400 native labels:" in found.sentence
    assert found.notes[2].startswith("From 100 to 200 labels the score fell: −.1")
    high = budget(dip, 0.73)  # met where nothing falls
    assert number(high) is not None


def test_every_number_of_translated_rows_has_its_worth_and_the_largest_is_told():
    drawn = right({**LAW, "few": 0.55, "many": 0.7})
    few, many = drawn.pop("few"), drawn.pop("many")
    found = label_budget("de", drawn, {800: many, 200: few})
    assert [worth.size for worth in found.worth] == [200, 800]
    first, second = (worth.labels.value for worth in found.worth)
    assert first < 100 < 200 < second
    assert f"worth {second} native" in found.sentence


def test_the_gain_is_what_the_last_labels_that_were_tried_added():
    found = budget({100: 0.5, 400: 0.7}, 0.6, rows=5000)
    assert (found.gain.since, found.gain.at) == (100, 400)
    assert found.gain.per_100 == pytest.approx(0.2 / 3, abs=0.005)
    low, high = found.gain.interval
    assert low < 0.2 / 3 < high


def test_one_size_gives_a_bound_or_nothing():
    assert number(budget({100: 0.5}, 0.8)) == (100, "above")
    assert number(budget({1: 0.5}, 0.2)) == (1, "below")
    assert "1 label already beats translating." in budget({1: 0.5}, 0.2).sentence
    assert not budget({100: 0.5}, 0.5).worth[0].known


def test_the_record_can_be_written_as_json_and_the_order_of_sizes_does_not_matter():
    drawn = right({**LAW, 0: 0.64})
    theirs = {600: drawn.pop(0)}
    found = label_budget("de", drawn, theirs, price=0.1)
    written = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert written["native"]["power_law"]["exponent"] > 0
    assert written["worth"][0]["labels"]["bound"] == "exact"
    assert found == label_budget("de", dict(reversed(drawn.items())), theirs, price=0.1)


@pytest.mark.parametrize(
    ("native", "translated", "items", "said"),
    [
        ({}, {9: [[1, 0]]}, None, "German: there is no score of the native arm"),
        ({9: [[1, 0]]}, {}, None, "German: there is no score of the translated arm"),
        ({0: [[1, 0]]}, {9: [[1, 0]]}, None, "German, native, size 0: a size must be at least 1"),
        ({9: [1, 0]}, {9: [[1, 0]]}, None, "must be \\(seeds, rows\\)"),
        ({9: [[]]}, {9: [[1, 0]]}, None, "must be \\(seeds, rows\\)"),
        ({9: [[1, 0]]}, {9: [[1, 0, 1]]}, None, "is \\(1, 3\\) where others are \\(1, 2\\)"),
        ({9: [[1, 2]]}, {9: [[1, 0]]}, None, "values must lie between 0"),
        ({9: [[1, float("nan")]]}, {9: [[1, 0]]}, None, "values must lie between 0"),
        ({9: [[1, 0]]}, {9: [[1, 0]]}, ["a"], "there are 1 items for 2 rows"),
        ({9: [[1, 0]]}, {9: [[1, 0]]}, ["a", "a"], "fewer than two test items"),
    ],
)
def test_hostile_input_is_refused_with_its_place(native, translated, items, said):
    with pytest.raises(DataError, match=said):
        label_budget("de", native, translated, items=items)


def test_a_level_out_of_range_is_refused():
    with pytest.raises(ConfigError, match="level must be between 0 and 1"):
        label_budget("de", {9: [[1, 0]]}, {9: [[1, 0]]}, level=95)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_any_rows_give_bounded_answers_that_can_be_written(data):
    seeds, rows = data.draw(st.integers(1, 3)), data.draw(st.integers(2, 6))
    cell = st.lists(
        st.lists(st.sampled_from([0, 0.5, 1]), min_size=rows, max_size=rows),
        min_size=seeds, max_size=seeds,
    )  # fmt: skip
    native = data.draw(st.dictionaries(st.integers(1, 10**6), cell, min_size=1, max_size=6))
    theirs = data.draw(st.dictionaries(st.integers(1, 10**6), cell, min_size=1, max_size=2))
    found = label_budget("ja", native, theirs, price=1)
    json.dumps(asdict(found), allow_nan=False)
    order = {"below": -1, "exact": 0, "above": 1}
    for worth in found.worth:
        if worth.interval is None:
            assert seeds == 1
            continue
        low, high = worth.interval
        assert min(native) <= low.value <= high.value <= max(native)
        assert order[low.bound] <= order[high.bound]
        if worth.labels:
            assert low.value <= worth.labels.value <= high.value


SPEC = StudySpec(
    train="a.csv", test="b.csv", sources=["en", "fr"], targets=["ja"], seeds=3, otc="off",
    arms=["zero-shot", "translated", "original"], native_rows=[100, 400], price=0.25,
    primary={"over": "zero-shot"},
)  # fmt: skip


def study(seeds=3, rows=60, without=()):
    """Results and predictions of `SPEC`; `without` names runs that failed: arm, source, seed."""
    generator = np.random.default_rng(4)
    (encoder,), (translator,) = SPEC.encoders, SPEC.translators
    arms = [
        *(("original", OWN, number, None, None, score)
          for number, score in ((100, 0.4), (400, 0.8), (None, 0.9))),
        *(("translated", source, None, SPEC.ratios[0], translator, 0.6) for source in ("en", "fr")),
        ("zero-shot", "en", None, None, None, 0.5),
    ]  # fmt: skip
    results, predictions = [], []
    for arm, source, number, ratio, engine, score in arms:
        for seed in range(seeds):
            if (arm, source, seed) in without:
                continue
            condition = Condition(arm, "off", ratio, engine, encoder, source, number).to_dict()
            size = number or 701
            run = {"run": f"{arm}{source}{number}{seed}", **condition, "size": size, "seed": seed}
            results.append({**run, "lang": "ja", "metric": "f1_micro", "value": score})
            predictions += [
                {**condition, "seed": seed, "lang": "ja", "id": f"r{row}", "group_id": f"g{row}",
                 "right": bool(generator.random() < score)}
                for row in range(rows)
            ]  # fmt: skip
    table = pl.DataFrame(predictions, schema_overrides={"rows": pl.Int64}, infer_schema_length=None)
    return pl.DataFrame(results, schema=RESULTS), Scores(table)


def test_a_study_s_budget_is_that_of_its_rows_over_sources():
    results, scores = study()
    (found,) = budgets(SPEC, results, scores)

    def cell(**chosen):
        rows = scores.table.filter(**chosen).group_by("seed", "id").agg(pl.col("right").mean())
        return rows.sort("seed", "id")["right"].to_numpy().reshape(3, 60)

    by_hand = label_budget(
        "ja",
        {100: cell(rows=100), 400: cell(rows=400),
         701: cell_of_all(scores)},
        {701: cell(arm="translated")},
        price=0.25,
    )  # fmt: skip
    assert found == by_hand
    assert found.native.sizes == (100, 400, 701)
    assert found.seeds == 3


def cell_of_all(scores):
    rows = scores.table.filter(pl.col("arm") == "original", pl.col("rows").is_null())
    return rows.sort("seed", "id")["right"].to_numpy().reshape(3, 60).astype(float)


def test_a_seed_that_lacks_a_source_is_left_out_and_said():
    (found,) = budgets(SPEC, *study(without=[("translated", "fr", 1)]))
    assert found.seeds == 2
    assert found.notes[-1] == "1 seed of 3 without all trainings: left out."


def test_without_sizes_or_translations_there_is_no_budget():
    results, scores = study()
    assert budgets(SPEC, results.filter(pl.col("rows").is_null()), scores) == []
    assert budgets(SPEC, results.filter(arm="original"), scores) == []
    assert budgets(SPEC, *study(without=[("original", OWN, seed) for seed in range(3)])) == []
