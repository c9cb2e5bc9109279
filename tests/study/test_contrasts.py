"""From predictions to answers: which conditions are paired, and what is said of them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from babelift.errors import DataError
from babelift.evaluation.multiple_tests import holm
from babelift.study.answers import (
    answers,
    cell_name,
    failures,
    opening,
    otc_regressions,
    primary_question,
    questions,
    verdict,
)
from babelift.study.condition import OWN, Condition
from babelift.study.family import one_family
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


def worded(spec, scores):
    return one_family(answers(spec, scores), {}, None, scores.conditions()).answers


def test_a_clear_gain_is_said_with_its_size_and_languages():
    first, second = worded(spec_of(), study({ZERO: 0.6, PLAIN: 0.75, WITH: 0.75}))
    assert first.primary
    assert verdict(first).startswith(
        "Training on translations beats zero-shot in 2 of 2 languages: +.1"
    )
    assert "no effect seen" in verdict(second)
    assert "this study could have seen" in verdict(second)
    assert verdict(second).startswith("OTC adds")
    assert len(opening(first)) == 3
    assert first.by_language_sentence.startswith("From +.1")
    assert first.by_language_sentence.endswith("; German and Japanese truly gain.")


def test_no_difference_is_not_called_a_tie_but_what_could_have_been_seen_is_said():
    found = worded(spec_of(otc="off"), study({ZERO: 0.7, PLAIN: 0.7}))[0]
    assert "cannot be told apart" in verdict(found)
    seen = found.could_have_seen
    assert 0.01 < seen.interval[0] <= seen.effect < 0.1 < seen.interval[1] < 0.5
    assert "3 seeds do not tell how far trainings differ" in found.sentence


def test_a_loss_is_said_as_one():
    found = worded(spec_of(otc="off"), study({ZERO: 0.8, PLAIN: 0.6}))[0]
    assert verdict(found).startswith("Training on translations does worse than zero-shot in 2 of 2")


def test_what_otc_adds_says_to_which_of_several_conditions():
    levels = {ZERO: 0.6, **{replace(cell, ratio=ratio): 0.7 for cell in (PLAIN, WITH)
                            for ratio in ("1:1", "1:2")}}  # fmt: skip
    scores = study(levels)
    said = [
        verdict(one, scores.conditions())
        for one in worded(spec_of(ratios=["1:1", "1:2"]), scores)
        if one.question.kind == "otc"
    ]
    assert [text.split(" adds")[0] for text in said] == ["OTC (1:1)", "OTC (1:2)"]


def test_what_otc_costs_is_said_without_a_sign():
    found = worded(spec_of(), study({ZERO: 0.5, PLAIN: 0.8, WITH: 0.6}))[1]
    assert verdict(found).startswith("OTC costs .2")
    low, high = found.differences.mean.interval
    assert f"[{-high:.2f}, {-low:.2f}]".replace("0.", ".") in verdict(found)


def test_a_gain_that_does_not_stand_beside_the_others_is_not_claimed():
    found = worded(spec_of(), study({ZERO: 0.6, PLAIN: 0.75, WITH: 0.65}))[1]
    sure, unsure = replace(found, adjusted_p=0.05), replace(found, adjusted_p=0.06)
    assert verdict(sure).startswith("OTC costs")
    assert "no effect that is sure; by itself that would be sure, beside all" in verdict(unsure)
    assert verdict(unsure).endswith("(p = .060 after Holm).")


def test_all_that_is_claimed_but_the_primary_is_adjusted_together():
    levels = {ZERO: 0.6, PLAIN: 0.7, WITH: 0.72, replace(PLAIN, arm="reference",
              translator="reference"): 0.75}  # fmt: skip
    scores = study(levels)
    raw = answers(spec_of(), scores)
    family = one_family(raw, {}, None, scores.conditions())
    first, *others = family.answers
    assert first.adjusted_p == first.differences.mean.p
    assert {one.question.kind for one in others} == {"otc", "arm", "reference"}
    # By hand: a mean weighs as much as its two languages together.
    p = [gain.p for one in raw for gain in one.languages.values()]
    p += [one.differences.mean.p for one in raw[1:]]
    expected = holm(p, [1] * 2 * len(raw) + [2] * len(others)).tolist()
    assert family.tests == len(p)
    assert [
        *(value for one in family.answers for value in one.adjusted_p_by_language.values()),
        *(one.adjusted_p for one in others),
    ] == pytest.approx(expected)


def test_with_one_training_each_nothing_is_claimed():
    scores = study({ZERO: 0.3, PLAIN: 0.9, WITH: 0.5}, seeds=1)
    family = one_family(answers(spec_of(), scores), {}, None, scores.conditions())
    first, second = family.answers
    assert opening(first)[0] == (
        "Each condition was trained once, and another training gives other scores: take five "
        "seeds (seeds: 5) before you conclude which way of training is better."
    )
    assert first.sentence.startswith(
        "Training on translations gave more right labels than zero-shot, each trained once: +."
    )
    assert second.sentence.startswith(
        "Training on translations with OTC gave fewer right labels than training on translations,"
    )
    for one in family.answers:
        assert (one.sure, one.sure_languages(1), one.sure_languages(-1)) == (0, [], [])
        assert one.could_have_seen is None
        assert "truly" not in one.by_language_sentence


def test_sides_that_agree_on_every_row_are_said_to():
    scores = study({ZERO: 1.5, PLAIN: 1.5})
    found = worded(spec_of(otc="off"), scores)[0]
    assert found.sentence == (
        "Training on translations and zero-shot are right and wrong on the very same rows."
    )


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


def scores_of(cells, value):
    """A table of results: `value(otc, lang, seed)` for each of the conditions."""
    return pl.DataFrame(
        [
            {**cell.to_dict(), "run": f"{cell} {seed}", "source": "en", "seed": seed, "lang": lang,
             "metric": "f1_micro", "value": value(cell.otc == "on", lang, seed)}
            for cell in cells for seed in range(3) for lang in LANGS
        ],
        schema=RESULTS,
    )  # fmt: skip


def test_the_regression_finds_what_otc_adds():
    scores = study({ZERO: 0.6, PLAIN: 0.6, WITH: 0.75})
    answered = answers(spec_of(), scores)
    table = scores_of(
        [ZERO, PLAIN, WITH],
        lambda otc, lang, seed: (
            0.6 + 0.036 * otc + 0.02 * LANGS.index(lang) + 0.002 * ((2 * seed + 7 * otc) % 5)
        ),
    )
    found = otc_regressions(table, answered)
    assert list(found) == ["on, translated"]
    own = found["on, translated"]
    assert own.mixed.coefficient == pytest.approx(0.036, abs=0.003)
    assert own.mixed.freedom == 2  # six trainings less OTC, three seeds: as a paired t test
    assert own.mixed.p > 5 * own.plain.p
    family = one_family(answered, found, None, scores.conditions())
    said = family.regressions["on, translated"].sentence
    assert "with a term for the training" in said
    assert "the paper's form, which takes the scores of one training for independent" in said


def test_a_regression_claims_no_more_than_the_rows_do():
    # Scores without any luck, and predictions that hardly differ.
    scores = study({ZERO: 0.6, PLAIN: 0.6, WITH: 0.6})
    answered = answers(spec_of(), scores)
    table = scores_of([PLAIN, WITH], lambda otc, lang, seed: 0.6 + 0.1 * otc)
    (found,) = otc_regressions(table, answered).values()
    assert found.mixed.p == 0
    assert found.adjusted_p == answered[1].differences.mean.p > 0.05


def test_failures_are_grouped_by_reason():
    assert failures({"a": "X: no", "b": "X: no", "c": "Y: bad"}) == [
        "2 runs failed: X: no", "1 run failed: Y: bad",
    ]  # fmt: skip
