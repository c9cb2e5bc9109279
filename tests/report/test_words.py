"""The summary's sentences follow from the numbers and never say more than they do."""

from typing import Any

import pytest

from babelift.evaluation.metrics import Metrics
from babelift.report.words import baseline, chance, findings, otc, title
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


def steps(*values: float | None, otc_loss: float | None = 1.0) -> list[dict[str, Any]]:
    return [
        {"kind": "step", "step": n, "otc": otc_loss, "retrieval_at_1": value}
        for n, value in enumerate(values)
    ]


def test_a_language_at_or_below_the_most_frequent_label_is_named() -> None:
    found = metrics_of(
        {
            "de": scores(0.5, (0.4, 0.6), confusion=[[50, 50], [50, 50]]),
            "ja": scores(0.55, (0.45, 0.65), confusion=[[60, 40], [50, 50]]),
            "en": scores(0.9, (0.85, 0.95), confusion=[[90, 10], [10, 90]]),
        }
    )
    assert chance(found) == [
        "It does no better than always giving the most frequent test label in German "
        "(.50 against .50).",
        "It cannot be told from always giving the most frequent test label, whose score lies "
        "inside the interval, in Japanese (.55 against .50).",
        "It does better than always giving the most frequent test label (.50) in the other "
        "languages.",
    ]


def test_chance_is_the_majority_share_and_not_one_over_the_labels() -> None:
    found = metrics_of({"de": scores(0.85, (0.8, 0.9), confusion=[[85, 5], [10, 0]])})
    assert chance(found) == [
        "It does no better than always giving the most frequent test label in German "
        "(.85 against .90)."
    ]


def test_beating_the_baseline_is_counted_and_overlap_is_said() -> None:
    found = metrics_of(
        {
            "de": scores(0.7, (0.65, 0.75)),
            "fr": scores(0.6, (0.5, 0.7)),
            "ja": scores(0.4, (0.3, 0.5)),
        },
        linear={
            "de": scores(0.5, (0.45, 0.55)),
            "fr": scores(0.58, (0.5, 0.66)),
            "ja": scores(0.6, (0.55, 0.65)),
        },
    )
    assert baseline(found) == [
        "It beats the linear baseline in 2 of 3 languages (German and French), with intervals "
        "apart in German. The baseline is ahead in Japanese, with intervals apart in Japanese."
    ]


def test_where_all_intervals_overlap_neither_is_called_better() -> None:
    found = metrics_of(
        {"de": scores(0.6, (0.5, 0.7)), "fr": scores(0.6, (0.5, 0.7))},
        linear={"de": scores(0.5, (0.4, 0.6)), "fr": scores(0.6, (0.5, 0.7))},
    )
    (text,) = baseline(found)
    assert text.startswith("It beats the linear baseline in 1 of 2 languages (German)")
    assert text.endswith("No interval is apart from its rival's, so neither is shown to be better.")


def test_one_language_is_compared_with_its_baseline_by_number() -> None:
    found = metrics_of({"de": scores(0.7, (0.65, 0.75))}, linear={"de": scores(0.5, (0.45, 0.55))})
    assert baseline(found) == [
        "The linear baseline reaches .50 [.45, .55] in German: the intervals are apart."
    ]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (steps(0.06, 0.07, 0.05, 0.06), "OTC had no visible effect in training"),
        (steps(0.1, 0.5, 0.9), "OTC drew originals and their translations together"),
        (steps(0.97, 1.0, 1.0), "OTC had little to do"),
        (steps(0.8, 0.5, 0.2), "OTC did not hold the pairs together"),
    ],
)
def test_what_otc_did_is_read_from_retrieval(log: list[dict[str, Any]], said: str) -> None:
    (text,) = otc(log)
    assert text.startswith(said)


def test_rising_retrieval_is_not_called_an_improvement_of_the_scores() -> None:
    (text,) = otc(steps(0.1, 0.9))
    assert text.endswith("Whether that helped the scores only a run with --no-otc can tell.")


@pytest.mark.parametrize(
    "log",
    [[], steps(0.1, 0.9, otc_loss=None), steps(None, None), [{"kind": "validation"}, {}]],
    ids=["no log", "OTC off", "no pairs", "no steps"],
)
def test_without_otc_nothing_is_said_of_it(log: list[dict[str, Any]]) -> None:
    assert otc(log) == []


def test_batches_of_one_pair_are_not_taken_for_otc_switched_off() -> None:
    log = [line | {"ce": 0.5, "loss": 0.5} for line in steps(1.0, 1.0, otc_loss=0.0)]
    assert otc(log) == [
        "OTC had nothing to do: no batch had another pair to tell a pair from. Use a larger "
        "--batch-size."
    ]


def test_a_run_without_otc_is_not_credited_with_its_work() -> None:
    log = [line | {"loss": 1.5, "ce": 1.5} for line in steps(0.1, 0.9)]
    (text,) = otc(log)
    assert text == (
        "OTC was switched off; in-batch retrieval was still watched (.10 at the start, .90 at the "
        "end)."
    )
