"""Predictions compared on shared rows: numbers worked by hand, laws, and what is left out."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from babelift.errors import ConfigError, DataError, RunError
from babelift.evaluation.comparison import Comparison, compare
from babelift.evaluation.multiple_tests import holm
from babelift.store import read_record, write_record

RIGHT = {
    # Two seeds of four items: who is right on which.
    ("de", "0"): ("1100", "0000"),
    ("de", "1"): ("1010", "0000"),
    ("ja", "0"): ("1100", "1100"),
    ("ja", "1"): ("1100", "1100"),
}


def side(right, *, seed=None, first=0, lang="de", **columns):
    """Predictions that are right where `right` has a 1; labels a, b, a, b ..."""
    labels = ["ab"[number % 2] for number in range(len(right))]
    other = {"a": "b", "b": "a"}
    table = pl.DataFrame(
        {
            "id": [f"{lang}-{first + number}" for number in range(len(right))],
            "lang": [lang] * len(right),
            "label": labels,
            "prediction": [
                label if mark == "1" else other[label]
                for label, mark in zip(labels, right, strict=True)
            ],
        }
    )
    table = table if seed is None else table.with_columns(seed=pl.lit(seed))
    return table.with_columns(**{name: pl.lit(value) for name, value in columns.items()})


@pytest.fixture
def seeds():
    """Arm and base of `RIGHT`."""
    return [
        pl.concat(
            side(answers[number], seed=seed, lang=lang) for (lang, seed), answers in RIGHT.items()
        )
        for number in (1, 0)
    ]


def test_two_seeds_of_four_items_in_two_languages_worked_by_hand(seeds):
    comparison = compare(seeds, names=["base", "arm"])
    (contrast,) = comparison.contrasts
    assert (contrast.arm, contrast.base) == ("arm", "base")
    assert comparison.seeds == ("0", "1")
    assert comparison.rows == {"de": 4, "ja": 4}
    # German: 2 of 4 with each seed, so .5; Japanese 0; on average .25.
    assert contrast.languages["de"].delta == 0.5
    assert contrast.languages["ja"].delta == 0.0
    assert contrast.mean.delta == 0.25
    # German items' means are 1, .5, .5, 0, so squares of deviations .5; (4/3) / (2 * 4)^2 of it is
    # 1/96. Seeds agree, and all of that is residual; half of what the items say is the floor.
    assert contrast.mean.standard_error == pytest.approx((1 / 192) ** 0.5)
    # Eight items of two languages leave six degrees of freedom.
    reach = t.ppf(0.975, 6) * (1 / 192) ** 0.5
    assert contrast.mean.interval == pytest.approx((0.25 - reach, 0.25 + reach))
    # Below .05 p falls as Student's t of the two seeds does.
    of_mean = 2 * t.sf(0.25 / reach * t.ppf(0.975, 1), 1)
    assert contrast.mean.p == pytest.approx(of_mean)
    # German alone: (4/3) * .5 / 16 is 1/24, and half of it the floor; three degrees of freedom.
    reach = t.ppf(0.975, 3) * (1 / 48) ** 0.5
    of_german = 2 * t.sf(0.5 / reach * t.ppf(0.975, 1), 1)
    assert contrast.languages["de"].p == pytest.approx(of_german)
    # Holm with weights 1, 1 and 2: the mean, p .035, by 4 / 2; then German, p .046, by 2 / 1.
    assert comparison.tests == 3
    assert comparison.about == "trainings"
    assert contrast.claim.adjusted_p == pytest.approx(2 * of_mean)
    assert contrast.claim.verdict == "not sure"
    assert contrast.claims["de"].adjusted_p == pytest.approx(2 * of_german)
    assert contrast.claims["de"].verdict == "not sure"
    assert contrast.claims["ja"].adjusted_p == 1.0
    assert [one.mean.value for one in comparison.sides] == [0.25, 0.5]


def test_a_score_of_one_training_has_wilson_s_interval_with_student_s_t():
    comparison = compare([side("1111"), side("1101")])
    always, often = (one.languages["de"] for one in comparison.sides)
    z = t.ppf(0.975, 3)
    assert (always.value, often.value) == (1.0, 0.75)
    assert always.interval == pytest.approx((1 / (1 + z * z / 4), 1.0))
    centre, half = (0.75 + z * z / 8) / (1 + z * z / 4), z * (0.75 / 16 + z * z / 64) ** 0.5
    assert often.interval[1] - often.interval[0] == pytest.approx(
        2 * (z * (0.75 * 0.25 / 4 + z * z / 64) ** 0.5) / (1 + z * z / 4)
    )
    assert sum(often.interval) / 2 == pytest.approx(centre)
    assert half > 0


def test_a_side_against_itself_differs_by_nothing():
    comparison = compare([side("1101"), side("1101")])
    (contrast,) = comparison.contrasts
    assert (contrast.mean.delta, contrast.mean.interval) == (0.0, (0.0, 0.0))
    assert (contrast.mean.p, contrast.claim.adjusted_p) == (1.0, 1.0)


answers = st.lists(st.text("01", min_size=6, max_size=6), min_size=2, max_size=2)


@given(answers, answers)
@settings(max_examples=25, deadline=None)
def test_swapping_the_sides_turns_the_differences_round(german, japanese):
    one, other = (
        pl.concat([side(german[number]), side(japanese[number], lang="ja")]) for number in (0, 1)
    )
    (there,) = compare([one, other]).contrasts
    (back,) = compare([other, one]).contrasts
    for lang in ("de", "ja"):
        assert there.languages[lang].delta == -back.languages[lang].delta
    assert there.mean.delta == -back.mean.delta
    low, high = back.mean.interval
    assert there.mean.interval == pytest.approx((-high, -low))
    assert there.claim.adjusted_p == pytest.approx(back.claim.adjusted_p)


def numbers(comparison: Comparison) -> dict:
    return comparison.model_dump(exclude={"sides": {"__all__": {"rows", "unpaired", "unanswered"}}})


@given(st.text("01", min_size=1, max_size=5), st.text("01", min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_rows_of_one_side_only_change_nothing_and_are_counted(first, second):
    one, other = side("110101"), side("101001")
    more = [
        pl.concat([one, side(first, first=50), side(first, lang="fr")]),
        pl.concat([side(second, first=70), other]),
    ]
    plain, extended = compare([one, other]), compare(more)
    assert numbers(plain) == numbers(extended)
    left = [part.unpaired for part in extended.sides]
    assert left == [{"de": len(first), "fr": len(first)}, {"de": len(second)}]
    assert [part.rows for part in extended.sides] == [6 + 2 * len(first), 6 + len(second)]


def test_the_order_of_rows_is_nothing(seeds):
    shuffled = [rows.sample(fraction=1.0, shuffle=True, seed=1) for rows in seeds]
    assert compare(shuffled) == compare(seeds)


def test_rows_without_an_answer_are_counted_and_left_out():
    blank = side("1101").with_columns(
        prediction=pl.when(pl.col("id") == "de-2").then(None).otherwise("prediction")
    )
    comparison = compare([side("1101"), blank])
    assert comparison.rows == {"de": 3}
    assert [part.unanswered for part in comparison.sides] == [0, 1]
    assert [part.unpaired for part in comparison.sides] == [{"de": 1}, {}]


def test_one_seed_on_each_side_pairs_nothing_whatever_it_is_called():
    comparison = compare([side("1101", seed=0), side("1001", seed=7)])
    assert comparison.seeds == ()
    assert comparison.about == "weights"
    assert not comparison.contrasts[0].mean.seeds_seen


def test_one_seed_in_common_is_one_training_though_a_side_has_more(seeds):
    comparison = compare([seeds[0].filter(pl.col("seed") == "1"), seeds[1]])
    assert comparison.seeds == ("1",)
    assert comparison.about == "weights"
    assert comparison.sides[1].unpaired == {"de": 4, "ja": 4}


def test_a_language_that_one_side_lacks_is_left_out_and_counted():
    comparison = compare([pl.concat([side("1101"), side("11", lang="fr")]), side("1001")])
    assert comparison.rows == {"de": 4}
    assert [part.unpaired for part in comparison.sides] == [{"fr": 2}, {}]


def test_a_seed_that_comes_twice_is_refused_and_one_that_answers_as_another_is_named(seeds):
    with pytest.raises(DataError, match="row 17 of the predictions of 'B'"):
        compare([seeds[0], pl.concat([seeds[1], seeds[1].filter(pl.col("seed") == "1")])])
    copied = pl.concat(
        rows.with_columns(seed=pl.lit(seed))
        for seed in ("1", "2", "3")
        for rows in [seeds[1].filter(pl.col("seed") == "1")]
    )
    other = pl.concat(
        [seeds[1], seeds[1].filter(pl.col("seed") == "0").with_columns(seed=pl.lit("2"))]
    )
    comparison = compare([copied, other])
    assert comparison.seeds == ("1", "2")
    assert [part.copies for part in comparison.sides] == [(("1", "2"),), ()]


def test_three_sides_are_one_family_in_which_means_weigh_as_much_as_their_languages():
    def both(right):
        return pl.concat([side(right), side(right[::-1], lang="ja")])

    sides = [both("1000" * 20), both("1100" * 20), both("1110" * 20)]
    comparison = compare(sides)
    assert comparison.tests == 6
    p, weights = [], []
    for contrast in comparison.contrasts:
        p += [contrast.mean.p, *(each.p for each in contrast.languages.values())]
        weights += [2, 1, 1]
    adjusted = holm(p, weights).tolist()
    for contrast, own in zip(comparison.contrasts, (adjusted[:3], adjusted[3:]), strict=True):
        assert [
            contrast.claim.adjusted_p,
            *(one.adjusted_p for one in contrast.claims.values()),
        ] == (pytest.approx(own))
    # The mean of one of two contrasts has a quarter of the level, 2 of 8.
    seen = comparison.contrasts[0].could_have_seen
    reach = t.ppf(1 - 0.0125 / 2, 158) + norm.ppf(0.8)
    assert seen.effect == pytest.approx(
        reach * comparison.contrasts[0].mean.standard_error, rel=0.02
    )


def test_a_margin_is_held_to_in_the_same_family_and_takes_nothing_from_the_first_step():
    rng = np.random.default_rng(5)
    first = rng.random(600) < 0.7
    other = np.where(rng.random(600) < 0.05, ~first, first)
    sides = [side("".join("01"[int(mark)] for mark in marks)) for marks in (first, other)]
    plain, held = (compare(sides, margin=margin).contrasts[0] for margin in (None, 0.05))
    assert plain.claim.margin is None
    assert held.claim.adjusted_p == plain.claim.adjusted_p == plain.mean.p
    margin = held.claim.margin
    assert margin.verdict == "same"
    low, high = margin.interval
    assert -0.05 < low < held.mean.delta < high < 0.05
    by_hand = (held.mean.standard_error**2 + 1 / 600**2) ** 0.5
    assert margin.adjusted_p_below == pytest.approx(
        t.sf((held.mean.delta + 0.05) / by_hand, 599), rel=1e-6
    )
    assert margin.adjusted_p_above == pytest.approx(
        t.sf((0.05 - held.mean.delta) / by_hand, 599), rel=1e-6
    )
    with pytest.raises(ConfigError, match="a margin must be a share"):
        compare(sides, margin=2)


def test_a_side_may_be_sure_to_be_better_and_be_so_by_less_than_the_margin():
    sides = [side("1" * 1000 + "0" * 1000), side("1" * 1020 + "0" * 980)]
    claim = compare(sides, margin=0.02).contrasts[0].claim
    assert (claim.verdict, claim.margin.verdict) == ("better", "same")
    claim = compare(sides[::-1], margin=0.02).contrasts[0].claim
    assert (claim.verdict, claim.margin.verdict) == ("worse", "same")


def test_a_side_that_is_no_further_below_than_the_margin_need_not_be_the_same():
    # 76 of 400 rows gained, 68 lost: +.02 with a standard error of .03.
    sides = [side("1" * 100 + "0" * 300), side("0" * 68 + "1" * 108 + "0" * 224)]
    claim = compare(sides, margin=0.05).contrasts[0].claim
    assert (claim.verdict, claim.margin.verdict) == ("not sure", "at most below")
    claim = compare(sides[::-1], margin=0.05).contrasts[0].claim
    assert (claim.verdict, claim.margin.verdict) == ("not sure", "at most above")


def test_seeds_of_one_side_only_are_left_out(seeds):
    extra = pl.concat([seeds[0], side("1111", seed="2")])
    comparison = compare([extra, seeds[1]], names=["base", "arm"])
    assert comparison.seeds == ("0", "1")
    assert comparison.sides[0].unpaired == {"de": 4}
    assert numbers(comparison) == numbers(compare(seeds, names=["base", "arm"]))


def test_a_row_that_lacks_one_seed_is_left_out_with_all_its_seeds(seeds):
    fewer = seeds[0].filter(~((pl.col("seed") == "1") & (pl.col("id") == "ja-3")))
    comparison = compare([fewer, seeds[1]])
    assert comparison.rows == {"de": 4, "ja": 3}
    assert [part.unpaired for part in comparison.sides] == [{"ja": 1}, {"ja": 2}]


def test_languages_with_one_shared_item_are_left_out_and_named():
    one = pl.concat([side("1101"), side("1", lang="ko")])
    comparison = compare([one, one])
    assert comparison.too_few == ("ko",)
    assert comparison.rows == {"de": 4}


def test_averages_are_over_the_languages_asked_for(seeds):
    comparison = compare(seeds, over=["ja"])
    assert comparison.over == ("ja",)
    assert comparison.contrasts[0].mean.delta == 0.0
    assert comparison.contrasts[0].languages["de"].delta == 0.5
    assert comparison.tests == 2
    with pytest.raises(ConfigError, match="'fr' is no language that all sides were tested in"):
        compare(seeds, over=["fr"])


def test_each_later_side_is_measured_against_the_first_unless_said_otherwise():
    sides = [side("1000"), side("1100"), side("1110")]
    first = compare(sides, names=["x", "y", "z"]).contrasts
    assert [(part.arm, part.base, part.mean.delta) for part in first] == [
        ("y", "x", 0.25), ("z", "x", 0.5),
    ]  # fmt: skip
    (asked,) = compare(sides, names=["x", "y", "z"], contrasts=[("z", "y")]).contrasts
    assert asked.mean.delta == 0.25
    with pytest.raises(ConfigError, match="'yy' is none of the sides; did you mean 'y'"):
        compare(sides, names=["x", "y", "z"], contrasts=[("z", "yy")])


def test_a_third_side_leaves_its_missing_rows_out_of_all():
    comparison = compare([side("1101"), side("1001"), side("110")])
    assert comparison.rows == {"de": 3}
    assert [part.unpaired for part in comparison.sides] == [{"de": 1}, {"de": 1}, {}]


def test_baselines_that_answer_alike_are_one():
    linear = side("0011", model="linear")
    sides = [
        pl.concat([side(right, model="encoder"), baseline], how="diagonal")
        for right, baseline in (
            ("1101", linear), ("1111", linear), ("1111", side("1011", model="linear")),
        )
    ]  # fmt: skip
    comparison = compare(sides, names=["x", "y", "z"])
    assert [part.sides for part in comparison.baselines] == [("x", "y"), ("z",)]
    assert comparison.over_baseline["y"].delta == 0.5
    assert comparison.tests == 2


def test_parallel_items_are_drawn_as_one():
    def parallel(right):
        return pl.concat(
            side(right, lang=lang).with_columns(group_id=pl.col("id").str.slice(3))
            for lang in ("de", "ja")
        )

    together = compare([parallel("110100"), parallel("000101")]).contrasts[0].mean
    apart = compare([pl.concat([side(right), side(right, lang="ja")]) for right in
                     ("110100", "000101")]).contrasts[0].mean  # fmt: skip
    assert together.delta == apart.delta
    assert together.standard_error == pytest.approx(apart.standard_error * 2**0.5)


def test_the_record_comes_back_from_its_file_as_it_was(seeds, tmp_path):
    comparison = compare(seeds)
    write_record(comparison, tmp_path / "comparison.json")
    assert read_record(tmp_path / "comparison.json", Comparison) == comparison
    held = compare(seeds, margin=0.1)
    write_record(held, tmp_path / "comparison.json")
    assert read_record(tmp_path / "comparison.json", Comparison) == held


def test_a_record_of_the_first_form_says_what_to_do(seeds, tmp_path):
    older = compare(seeds).model_dump(mode="json") | {"version": 1}
    (tmp_path / "comparison.json").write_text(json.dumps(older))
    with pytest.raises(RunError, match="written by an older Babelift"):
        read_record(tmp_path / "comparison.json", Comparison)
