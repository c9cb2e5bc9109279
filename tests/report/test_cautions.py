"""Every doubt that the files give reason for is said, and no other."""

from typing import Any

from babelift.evaluation.label_errors import LabelCheck
from babelift.evaluation.metrics import Metrics
from babelift.report.cautions import (
    beaten,
    calibration,
    cautions,
    doubted_labels,
    leakage,
    licences,
    small_tests,
    translation_quality,
    unpaired,
)
from babelift.report.cautions import labels_tested as lacking_labels
from babelift.report.cautions import test_origins as origins_of_tests
from tests.report.conftest import manifest_of, metrics_of, scores


def metrics(**languages: dict[str, Any]) -> Metrics:
    return metrics_of({lang: scores(**changes) for lang, changes in languages.items()})


def test_translated_test_text_is_marked_plainly() -> None:
    found = metrics(
        de={"origin": "machine"},
        fr={"origin": "machine"},
        es={"origin": "reference"},
        ja={"origin": "mixed"},
        en={"origin": "original"},
    )
    assert origins_of_tests(found) == [
        "German and French: tested on machine-translated text, which says little about native "
        "text.",
        "Japanese: tested partly on translated text, which says little about native text.",
        "Spanish: tested on trusted translations, not on text written in the language.",
    ]


def test_labels_that_look_wrong_are_counted_with_how_far_to_believe_it() -> None:
    check = LabelCheck(rows=701, doubted=38)
    assert doubted_labels(manifest_of(label_check=check)) == [
        "38 of 701 training labels look wrong beside the other rows; label_errors.csv has them, "
        "the likeliest errors first. Look at the first ones, mend what is wrong and train again."
    ]
    assert doubted_labels(manifest_of(label_check=LabelCheck(rows=99))) == [
        "99 labelled rows are too few to tell which labels look wrong."
    ]
    assert doubted_labels(manifest_of(label_check=LabelCheck(rows=701, doubted=0))) == []
    assert doubted_labels(manifest_of()) == []


def test_native_test_text_raises_no_doubt() -> None:
    assert origins_of_tests(metrics(de={})) == []


def test_few_rows_are_named_with_what_they_can_show() -> None:
    assert small_tests(metrics(de={"micro": 0.5, "rows": 99}, en={"rows": 100})) == [
        "Small test sets: German (99 rows). Two models, each tested on so many rows of its own, "
        "must differ by .19 to be told apart four times in five; on the same rows somewhat less "
        "will do (see babelift compare)."
    ]
    (said,) = small_tests(metrics(de={"micro": 0.5, "rows": 3}, en={"rows": 30}))
    assert "German (3 rows) and English (30 rows)" in said
    assert "cannot be told apart four times in five, however they differ" in said


def test_a_perfect_score_of_few_rows_is_no_reason_to_be_silent() -> None:
    (said,) = small_tests(metrics(de={"micro": 1.0, "interval": (1.0, 1.0), "rows": 20}))
    assert "must differ by .31 to be told apart" in said


def test_rows_of_one_item_count_for_what_they_are_worth() -> None:
    found = metrics(de={"micro": 0.8, "rows": 300, "effective_rows": 60.0}, en={})
    (said,) = small_tests(found)
    assert "German (300 rows, which know as much as 60 of their own)" in said


def test_poor_calibration_names_the_languages_and_the_worst() -> None:
    found = metrics(de={"calibration_error": 0.2}, fr={"calibration_error": 0.3}, en={})
    assert calibration(found) == [
        "Its probabilities cannot be read as chances in German and French: on average they miss "
        "the share of right labels by up to .30 (French)."
    ]
    assert calibration(metrics(de={"calibration_error": 0.05})) == []


def test_translation_faults_are_counted_by_pair() -> None:
    found = manifest_of(
        translation={
            "pairs": {
                "en>de": {"rows": 100, "kept": 99, "dropped": 1, "faulty": 1, "truncated": 1},
                "en>ja": {
                    "rows": 100,
                    "kept": 70,
                    "dropped": 28,
                    "missing": 2,
                    "faulty": 30,
                },
            },
        }
    )
    assert translation_quality(found) == [
        "The checks found many faults in the translations: English → Japanese 30 in 100.",
        "29 translations of 200 (14.5 %) failed a check and were left out.",
        "1 translation was cut short: the text was too long.",
        "For 2 texts there was no translation.",
    ]


def test_clean_translations_raise_no_doubt() -> None:
    clean = manifest_of(translation={"pairs": {"en>de": {"rows": 9, "kept": 9}, "en>fr": {}}})
    assert translation_quality(clean) == []
    assert translation_quality(manifest_of()) == []


def test_unpaired_originals_are_counted_only_where_there_were_translations() -> None:
    some = {"unpaired": 3, "originals": 10, "translations": 7}
    assert unpaired(manifest_of(training=some)) == [
        "3 rows of 10 had no partner in the other language and so no part in OTC."
    ]
    assert unpaired(manifest_of(training=some | {"translations": 0})) == []
    fewer = {"recycled": 1, "unpaired_steps": 2, "steps": 60}
    assert unpaired(manifest_of(training=some | fewer)) == [
        "3 rows of 10 had no partner in the other language and so no part in OTC. To keep the "
        "ratio, rows were taken again 1 time. 2 updates of 60 had no pair and learnt from "
        "originals alone; with a larger --batch-size each has one."
    ]


def test_non_commercial_terms_are_said_loudly() -> None:
    found = manifest_of(
        licenses=[
            {"what": "encoder", "name": "x", "license": "MIT"},
            {"what": "translator", "name": "nllb-600m", "license": "CC-BY-NC-4.0"},
        ]
    )
    assert licences(found) == [
        "Non-commercial use only: translator nllb-600m (CC-BY-NC-4.0). Treat the classifier as "
        "bound by this."
    ]


def test_that_intervals_leave_out_the_seed_is_always_said() -> None:
    found = metrics(de={})
    assert cautions(manifest_of(seed=7), found) == [
        "This is one training (seed 7). The intervals cover the choice of test rows only; another "
        "seed gives other numbers."
    ]


def test_leakage_that_was_left_in_is_said_and_dropped_leakage_is_not() -> None:
    audit = {"policy": "warn", "repeated": {"test": 12}}
    assert leakage(manifest_of(leakage=audit)) == [
        "12 test rows also occur in training or validation: the scores are likely too high."
    ]
    assert leakage(manifest_of(leakage=audit | {"policy": "drop"})) == []
    assert leakage(manifest_of()) == []


def test_a_language_tested_on_one_label_is_named_with_what_that_means() -> None:
    found = metrics(it={"confusion": [[0, 0], [5, 15]]}, de={})
    assert lacking_labels(found) == [
        "Italian has test rows of one label alone (b): F1-macro says nothing there and is left out "
        "of the means, and F1-micro is the share of b that is recognised."
    ]
    assert lacking_labels(metrics(de={})) == []


def test_labels_without_test_rows_are_counted_by_language() -> None:
    three = {"labels": ["a", "b", "c"]}
    german = scores(**three, confusion=[[5, 0, 0], [0, 5, 0], [0, 0, 0]])
    french = scores(**three, confusion=[[5, 0, 0], [0, 5, 0], [0, 0, 5]])
    found = metrics_of({"de": german, "fr": french}, **three)
    assert lacking_labels(found) == [
        "Some labels have no test row: German 1 of 3. F1-macro is over the labels that occur, so "
        "that languages with other labels do not compare."
    ]


def test_a_baseline_that_is_clearly_ahead_is_said_with_where_to_look() -> None:
    low, high = {"interval": (0.4, 0.6)}, {"micro": 0.9, "interval": (0.85, 0.95)}
    linear = {"de": scores(**high), "fr": scores(micro=0.55, interval=(0.45, 0.65))}
    found = metrics_of({"de": scores(**low), "fr": scores(**low)}, linear=linear)
    (said,) = beaten(found)
    assert said.startswith(
        "A bag of words, the linear baseline, does better than this model by .40 in German. "
    )
    ahead = metrics_of({"de": scores(**high)}, linear={"de": scores(**low)})
    assert beaten(ahead) == []


def test_cut_texts_of_training_and_test_are_said() -> None:
    part = {"lang": "en", "origin": "original", "rows": 10, "cut": 5, "lost": 100, "limit": 128}
    manifest = manifest_of(training={"cuts": [{**part, "split": "train"}]})
    found = metrics_of({"en": scores()}, cuts=[{**part, "split": "test"}])
    said = cautions(manifest, found)
    assert [text[:26] for text in said[:2]] == [
        "5 of 10 training texts (50",
        "5 of 10 test texts (50 %) ",
    ]


def test_labels_without_translations_are_said() -> None:
    gap = {"lang": "de", "label": "neg", "kept": 0, "rows": 40}
    said = cautions(manifest_of(label_gaps=[gap]), metrics(de={}))
    assert "German has no translation labelled neg: none of 40 is left." in said
