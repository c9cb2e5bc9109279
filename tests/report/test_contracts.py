"""What the other parts really write is what the report reads."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from babelift.corpus import audit_leakage
from babelift.corpus.rows import originals
from babelift.evaluation.metrics import evaluate_predictions
from babelift.prediction.rows import make_predictions
from babelift.report.pages.run import write_report
from babelift.translation.report import PairCounts, TranslationReport

MakeRun = Callable[..., Path]

LABELS = ["1", "2", "3"]


def rows(split: str, count: int = 60) -> pl.DataFrame:
    return originals(
        ids=[f"{split}{n}" for n in range(count)],
        texts=[f"Text number {n} of {split} says something of its own." for n in range(count)],
        labels=[LABELS[n % 3] for n in range(count)],
        langs=["en" if n < count // 2 else "de" for n in range(count)],
        split=split,
    )


def test_real_metrics_and_predictions_become_a_report(make_run: MakeRun) -> None:
    test = rows("test")
    generator = np.random.default_rng(0)
    frames = [
        make_predictions(test, name, LABELS, generator.dirichlet([1, 1, 1], test.height))
        for name in ("encoder", "linear")
    ]
    predictions = pl.concat(frames)
    metrics = evaluate_predictions(predictions, LABELS, ordinal=True, resamples=50)
    run = make_run(metrics=metrics.model_dump(), predictions=predictions, test=test)
    html = write_report(run).read_text(encoding="utf-8")
    assert "Text number" in html
    assert "linear baseline" in html


def test_a_real_translation_report_becomes_its_section(
    make_run: MakeRun, manifest: dict[str, Any]
) -> None:
    counts = PairCounts(rows=10, kept=8, dropped=1, missing=1, retried=2, repaired=1)
    report = TranslationReport("m2m100", "abc", None, pairs={"en>de": counts})
    report.add_faults(("en", "de"), ["Good."], ["Good."], [["copy"]])
    manifest["translation"] = report.to_dict()
    html = write_report(make_run()).read_text(encoding="utf-8")
    assert "8 (80 %)" in html
    assert "2 (1 mended)" in html
    assert "copy: left as it was, untranslated (1 example)" in html


def test_a_real_leakage_audit_is_put_in_words(make_run: MakeRun, manifest: dict[str, Any]) -> None:
    train = pl.concat([rows("train"), rows("test").with_columns(split=pl.lit("train"))[:2]])
    both = pl.concat([train.with_columns(id=pl.lit("x") + pl.col("id")), rows("test")])
    _, audit = audit_leakage(both, policy="warn", near_duplicates=0.95)
    manifest["leakage"] = asdict(audit)
    html = write_report(make_run()).read_text(encoding="utf-8")
    assert audit.total >= 2
    assert f"{audit.repeated['test']} test rows also occur in training" in html
