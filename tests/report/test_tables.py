"""Table rows: order, wording, and what is shown where something is not known."""

from typing import Any

from babelift.evaluation.alignment import paired
from babelift.evaluation.metrics import Metrics
from babelift.report.pages.run import alignments
from babelift.report.tables import confusions, data_rows, in_order, language_rows
from babelift.run.manifest import Manifest
from tests.report.conftest import metrics_of, scores


def test_sources_come_before_targets_before_others(manifest: dict[str, Any]) -> None:
    run = Manifest.model_validate(manifest)
    assert in_order(run, ["zh", "it", "de", "en"]) == ["en", "de", "zh", "it"]


def test_a_language_row_says_where_test_text_and_training_rows_came_from(
    manifest: dict[str, Any], metrics: dict[str, Any]
) -> None:
    rows = language_rows(Manifest.model_validate(manifest), Metrics.model_validate(metrics))
    english, *_, chinese, mean = rows
    assert (english.saw, english.text, english.translated) == ("701 originals", "native", False)
    assert (chinese.saw, chinese.text) == ("662 translations", "machine-translated")
    assert chinese.translated
    assert (mean.name, str(mean.micro), mean.rows) == ("Mean", ".56", "")


def test_a_mean_over_a_language_without_the_score_is_not_given() -> None:
    languages = {"de": scores(0.5, mae=1.0), "fr": scores(0.7)}
    mean = language_rows(Manifest.unknown(), metrics_of(languages))[-1]
    assert (str(mean.micro), mean.mae) == (".60", "–")


def test_one_language_needs_no_mean() -> None:
    assert len(language_rows(Manifest.unknown(), metrics_of({"de": scores()}))) == 1


def test_confusion_cells_hold_counts_and_shares_of_the_true_label() -> None:
    found = metrics_of({"de": scores(confusion=[[3, 1], [0, 0]])})
    ((_, cells), (_, empty)) = confusions(Manifest.unknown(), found)[0].matrix
    assert [(cell.count, cell.share, cell.right) for cell in cells] == [
        (3, 0.75, True), (1, 0.25, False),
    ]  # fmt: skip
    assert [cell.share for cell in empty] == [0, 0]


def test_data_is_counted_by_split_language_and_origin(manifest: dict[str, Any]) -> None:
    origins, rows = data_rows(Manifest.model_validate(manifest))
    assert origins == ["original", "machine"]
    assert rows[:2] == [("train", "en", {"original": 701}), ("train", "de", {"machine": 690})]


def test_alignment_has_a_row_per_pair_with_both_stages(make_run: Any) -> None:
    import polars as pl

    frame = pl.read_parquet(make_run() / "data" / "vectors.parquet")
    first = alignments(paired(frame))["en>de"]
    assert (first["after"].pairs, first["after"].chance) == (40, 1 / 40)
    assert first["before"].cosine < first["after"].cosine
    only_after = alignments(paired(frame.filter(pl.col("stage") == "after")))
    assert only_after["en>de"].keys() == {"after"}
