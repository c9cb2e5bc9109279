"""From predictions to answers: which conditions are paired, and what is said of them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from babelift.errors import DataError
from babelift.study.answers import (
    answers,
    best_and_worst,
    cell_name,
    failures,
    opening,
    otc_regressions,
    primary_question,
    questions,
    verdict,
)
from babelift.study.condition import OWN, Condition
from babelift.study.results import RESULTS, Scores
from babelift.study.spec import StudySpec

LANGS = ("de", "ja")
ITEMS = 200


def spec_of(**changes):
    values = {
        "train": "a.csv", "test": "b.csv", "targets": list(LANGS), "translators": ["mini"],
        "encoders": ["mini"], "seeds": 3, "primary": {"arm": "translated", "over": "zero-shot"},
        **changes,
    }  # fmt: skip
    return StudySpec.from_mapping(values)


def study(levels, *, seeds=3, seed=0):
    """Scores of conditions that are right with given probabilities: cell to probability."""
    random = np.random.default_rng(seed)
    luck = random.random((len(LANGS), ITEMS))
    places, tables = [], []
    for cell, level in levels.items():
        for number in range(seeds):
            run = f"{cell} {number}"
            places.append(
                {
                    **cell.to_dict(),
                    "run": run,
                    "seed": number,
                    "source": cell.source or "en",
                    "langs": LANGS,
                }
            )
            for lang, own in zip(LANGS, luck, strict=True):
                wobble = random.normal(scale=0.1, size=ITEMS)
                right = own + wobble < level
                tables.append(pl.DataFrame({
                    "run": run, "text_by": "own", "lang": lang, "source_lang": None,
                    "id": [f"{lang}:{n}" for n in range(ITEMS)],
                    "group_id": [str(n) for n in range(ITEMS)],
                    "label": "a", "prediction": np.where(right, "a", "b"),
                }, schema_overrides={"source_lang": pl.String}))  # fmt: skip
    return Scores.of(places, pl.concat(tables))


ZERO = Condition("zero-shot", encoder="mini")
PLAIN = Condition("translated", ratio="1:1", translator="mini", encoder="mini")
WITH = replace(PLAIN, otc="on")


def test_a_clear_gain_is_said_with_its_size_and_languages():
    first, second = answers(spec_of(), study({ZERO: 0.6, PLAIN: 0.75, WITH: 0.75}))
    assert first.primary
    assert verdict(first).startswith(
        "Training on translations beats zero-shot in 2 of 2 languages: +.1"
    )
    assert "no effect seen" in verdict(second)
    assert "this study could have seen" in verdict(second)
    assert verdict(second).startswith("OTC adds")
    assert len(opening(first)) == 3
    assert best_and_worst(first).startswith("From +.1")


def test_no_difference_is_not_called_a_tie_but_what_could_have_been_seen_is_said():
    found = answers(spec_of(otc="off"), study({ZERO: 0.7, PLAIN: 0.7}))[0]
    assert "cannot be told apart" in verdict(found)
    assert 0.01 < found.could_have_seen < 0.2


def test_a_loss_is_said_as_one():
    found = answers(spec_of(otc="off"), study({ZERO: 0.8, PLAIN: 0.6}))[0]
    assert verdict(found).startswith("Training on translations does worse than zero-shot in 2 of 2")


def test_what_otc_adds_says_to_which_of_several_conditions():
    levels = {ZERO: 0.6, **{replace(cell, ratio=ratio): 0.7 for cell in (PLAIN, WITH)
                            for ratio in ("1:1", "1:2")}}  # fmt: skip
    scores = study(levels)
    said = [
        verdict(one, scores.conditions())
        for one in answers(spec_of(ratios=["1:1", "1:2"]), scores)
        if one.question.kind == "otc"
    ]
    assert [text.split(" adds")[0] for text in said] == ["OTC (1:1)", "OTC (1:2)"]


def test_what_otc_costs_is_said_without_a_sign():
    found = answers(spec_of(), study({ZERO: 0.5, PLAIN: 0.8, WITH: 0.6}))[1]
    assert verdict(found).startswith("OTC costs .2")
    low, high = found.differences.mean.interval
    assert f"[{-high:.2f}, {-low:.2f}]".replace("0.", ".") in verdict(found)


def test_a_gain_that_does_not_stand_beside_the_others_may_be_chance():
    found = answers(spec_of(), study({ZERO: 0.6, PLAIN: 0.75, WITH: 0.65}))[1]
    sure, unsure = replace(found, adjusted_p=0.04), replace(found, adjusted_p=0.06)
    assert "chance" not in verdict(sure)
    assert verdict(unsure).endswith("; among so many questions that may be chance.")
    assert "chance" not in verdict(replace(unsure, primary=True))


def test_all_questions_but_the_primary_are_adjusted_together():
    levels = {ZERO: 0.6, PLAIN: 0.7, WITH: 0.72, replace(PLAIN, arm="reference",
              translator="reference"): 0.75}  # fmt: skip
    first, *others = answers(spec_of(), study(levels))
    assert first.adjusted_p == first.differences.mean.p
    assert all(one.adjusted_p >= one.differences.mean.p for one in others)
    assert {one.question.kind for one in others} == {"otc", "arm", "reference"}


def test_native_rows_are_compared_with_translations_from_every_source():
    cells = [ZERO, PLAIN, Condition("original", encoder="mini")]
    asked = list(questions(spec_of(arms=["zero-shot", "translated", "original"]), cells))
    assert {(one.arm.arm, one.base.arm) for one in asked} == {
        ("translated", "zero-shot"), ("translated", "original"), ("original", "zero-shot"),
    }  # fmt: skip
    scores = study({ZERO: 0.6, PLAIN: 0.7})
    own = scores.of_condition(ZERO).with_columns(arm=pl.lit("original"), source=pl.lit(OWN))
    both = Scores(pl.concat([scores.table, own]))
    pairing = both.paired(PLAIN, Condition("original", encoder="mini"))
    assert pairing is not None
    assert pairing.right_arm.shape == (3, 2 * ITEMS)


def test_only_seeds_and_rows_that_both_sides_have_are_compared():
    scores = study({ZERO: 0.6, PLAIN: 0.7})
    lacking = Scores(scores.table.filter(
        ~((pl.col("arm") == "translated") & ((pl.col("seed") == 2) | (pl.col("id") == "ja:7")))
    ))  # fmt: skip
    pairing = lacking.paired(PLAIN, ZERO)
    assert pairing is not None
    assert pairing.right_arm.shape == pairing.right_base.shape == (2, 2 * ITEMS - 1)
    assert pairing.seeds == 2


def test_sources_are_told_apart_and_languages_counted_once():
    scores = study({ZERO: 0.6, PLAIN: 0.7})
    other = scores.table.with_columns(source=pl.lit("fr"))
    found = answers(spec_of(otc="off"), Scores(pl.concat([scores.table, other])))[0]
    assert set(found.differences.languages) == {"en>de", "en>ja", "fr>de", "fr>ja"}
    assert set(found.by_language) == {"de", "ja"}


def test_without_the_primary_contrast_the_others_are_answered():
    found = answers(
        spec_of(primary={"arm": "translated", "otc": "on"}), study({ZERO: 0.6, PLAIN: 0.7})
    )
    assert [one.primary for one in found] == [False]
    assert "cannot be judged" in opening(None)[0]


def test_a_primary_contrast_without_results_is_refused():
    with pytest.raises(DataError, match="no run of translated"):
        primary_question(spec_of(), [ZERO])


def test_conditions_are_named_by_what_varies():
    other = replace(PLAIN, translator="apertium", ratio="1:2")
    assert cell_name(PLAIN, [PLAIN]) == "training on translations"
    assert cell_name(PLAIN, [PLAIN, other]) == "training on translations (1:1, mini)"
    assert cell_name(replace(PLAIN, otc="cosine")) == "training on translations with OTC (cosine)"


def test_the_regression_finds_what_otc_adds():
    cells = [(lang, seed, otc) for lang in "abcdef" for seed in range(3) for otc in ("off", "on")]
    rows = [
        {"arm": "translated", "otc": otc, "ratio": "1:1", "seed": seed, "source": "en",
         "lang": lang, "metric": "f1_micro",
         "value": 0.6 + 0.036 * (otc == "on") + 0.02 * "abcdef".index(lang) + 0.001 * seed
         + 0.002 * ((7 * number) % 5 - 2)}
        for number, (lang, seed, otc) in enumerate(cells)
    ]  # fmt: skip
    table = pl.DataFrame(rows, schema={**RESULTS, "run": pl.String})
    found = otc_regressions(table, ["on", "cosine"])
    assert list(found) == ["on, translated"]
    assert found["on, translated"].mixed.coefficient == pytest.approx(0.036, abs=0.003)


def test_failures_are_grouped_by_reason():
    assert failures({"a": "X: no", "b": "X: no", "c": "Y: bad"}) == [
        "2 runs failed: X: no", "1 run failed: Y: bad",
    ]  # fmt: skip
