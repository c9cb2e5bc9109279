"""The summary's sentences follow from the numbers and never say more than they do."""

from typing import Any

import pytest

from babelift.errors import RunError
from babelift.report.records import Manifest, Metrics
from babelift.report.words import findings, summary_sentences, title


def scores(micro: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {"f1_micro": micro, "f1_micro_interval": [low, high], "rows": 200} | more


def metrics(languages: dict[str, Any], **more: Any) -> Metrics:
    return Metrics.model_validate({"labels": ["a", "b"], "languages": languages} | more)


def train(**langs: dict[str, int]) -> dict[str, Any]:
    return {"from": ["en"], "to": ["de"], "data": {"train": langs}}


def test_the_first_sentence_is_the_answer_with_its_interval() -> None:
    manifest = train(en={"original": 701}, de={"machine": 690})
    first, *_ = summary_sentences(manifest, metrics({"de": scores(0.614, 0.55, 0.671)}))
    assert first == (
        "Trained on 701 English rows and 690 machine translations of them into German, the "
        "classifier reaches F1-micro .61 [.55, .67] in German, which it saw only in translation."
    )


def test_languages_are_told_apart_by_what_training_saw_of_them() -> None:
    manifest = train(en={"original": 10}, de={"machine": 10}, es={"machine": 9}, fr={"machine": 9})
    tested = {
        "en": scores(0.8, 0.7, 0.9),
        "de": scores(0.6, 0.5, 0.7),
        "es": scores(0.7, 0.6, 0.8),
        "fr": scores(0.5, 0.4, 0.6),
        "ja": scores(0.3, 0.2, 0.4),
    }
    answers = [f.text for f in findings(manifest, metrics(tested)) if f.kind == "answer"]
    assert answers[0].endswith(
        "the classifier reaches F1-micro .80 [.70, .90] in English, which it saw in the original."
    )
    assert answers[1] == (
        "It averages F1-micro .60 over the 3 languages it saw only in translation: from "
        ".50 [.40, .60] in French to .70 [.60, .80] in Spanish."
    )
    assert answers[2] == (
        "It reaches F1-micro .30 [.20, .40] in Japanese, which it did not see in training."
    )


def test_without_test_rows_the_quality_is_said_to_be_unknown() -> None:
    (only,) = summary_sentences(train(en={"original": 1}), metrics({}))
    assert only == (
        "Trained on 1 English row, the classifier was not tested: there were no test rows, so its "
        "quality is not known."
    )


def test_without_a_manifest_nothing_is_claimed_about_training() -> None:
    first, *_ = summary_sentences({}, metrics({"de": scores(0.6, 0.5, 0.7)}))
    assert first == "The classifier reaches F1-micro .60 [.50, .70] in German."


def test_ordinal_labels_get_their_distance(metrics: dict[str, Any]) -> None:
    text = " ".join(summary_sentences({}, metrics))
    assert "(mean absolute error)" in text
    assert "(mean absolute error)" not in " ".join(
        summary_sentences({}, metrics | {"ordinal": False})
    )


def test_a_score_that_is_not_a_number_counts_as_not_known() -> None:
    found = metrics({"de": scores(float("nan"), 0.1, 0.2)})
    assert (
        summary_sentences({}, found)[0] == "The classifier reaches F1-micro – [.10, .20] in German."
    )


def test_wrong_metrics_name_the_field() -> None:
    with pytest.raises(RunError, match=r"metrics\.json: 'languages\.de\.rows'"):
        summary_sentences({}, {"languages": {"de": {"f1_micro": 0.5, "rows": -1}}})


def test_a_confusion_matrix_of_the_wrong_size_is_refused() -> None:
    bad = {"labels": ["a", "b"], "languages": {"de": scores(0.5, 0.4, 0.6, confusion=[[1]])}}
    with pytest.raises(RunError, match="'confusion' of 'de' must be 2 x 2"):
        summary_sentences({}, bad)


def test_the_title_says_when_nothing_was_translated() -> None:
    manifest = Manifest.model_validate(train(en={"original": 5}) | {"arm": "zero-shot"})
    assert title(manifest) == "Trained on English, without translation"
    assert title(Manifest()) == "A classifier and how well it works"
