"""The summary's sentences follow from the numbers and never say more than they do."""

from typing import Any

from babelift.evaluation.metrics import Metrics
from babelift.report.words import findings, title
from babelift.run.manifest import Manifest
from tests.report.conftest import manifest_of, metrics_of, scores


def sentences(manifest: Manifest, metrics: Metrics) -> list[str]:
    return [finding.text for finding in findings(manifest, metrics)]


def train(**langs: dict[str, int]) -> Manifest:
    return manifest_of(**{"from": ["en"], "to": ["de"], "data": {"train": langs}})


def test_the_first_sentence_is_the_answer_with_its_interval() -> None:
    manifest = train(en={"original": 701}, de={"machine": 690})
    first, *_ = sentences(manifest, metrics_of({"de": scores(0.614, (0.55, 0.671))}))
    assert first == (
        "Trained on 701 English rows and 690 machine translations of them into German, the "
        "classifier reaches F1-micro .61 [.55, .67] in German, which it saw only in translation."
    )


def test_languages_are_told_apart_by_what_training_saw_of_them() -> None:
    manifest = train(en={"original": 10}, de={"machine": 10}, es={"machine": 9}, fr={"machine": 9})
    tested = {
        "en": scores(0.8, (0.7, 0.9)),
        "de": scores(0.6, (0.5, 0.7)),
        "es": scores(0.7, (0.6, 0.8)),
        "fr": scores(0.5, (0.4, 0.6)),
        "ja": scores(0.3, (0.2, 0.4)),
    }
    answers = [f.text for f in findings(manifest, metrics_of(tested)) if f.kind == "answer"]
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
    (only,) = sentences(train(en={"original": 1}), metrics_of({}))
    assert only == (
        "Trained on 1 English row, the classifier was not tested: there were no test rows, so its "
        "quality is not known."
    )


def test_without_a_manifest_nothing_is_claimed_about_training() -> None:
    first, *_ = sentences(Manifest.unknown(), metrics_of({"de": scores(0.6, (0.5, 0.7))}))
    assert first == "The classifier reaches F1-micro .60 [.50, .70] in German."


def test_ordinal_labels_get_their_distance(metrics: dict[str, Any]) -> None:
    for ordinal in (True, False):
        scored = Metrics.model_validate(metrics | {"ordinal": ordinal})
        text = " ".join(sentences(Manifest.unknown(), scored))
        assert ("(mean absolute error)" in text) is ordinal


def test_the_title_says_when_nothing_was_translated() -> None:
    assert title(train(en={"original": 5})) == "Trained on English, without translation"
    assert title(Manifest.unknown()) == "A classifier and how well it works"
