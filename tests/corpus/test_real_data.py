"""Real data sets read without a fault, and the audit's verdict on them."""

from pathlib import Path

import polars as pl
import pytest

from babelift.config import Table
from babelift.corpus import audit_leakage, check_budget, read_corpus
from babelift.errors import LeakageError


def read(folder: Path, train: str, validation: str, test: str) -> pl.DataFrame:
    parts = []
    for split, pattern in (("train", train), ("validation", validation), ("test", test)):
        paths = sorted(folder.glob(f"{pattern}.{split}.jsonl.gz"))
        corpus = read_corpus(paths, Table(), split=split)
        check_budget(corpus, 0.01)
        parts.append(corpus.rows)
    return pl.concat(parts, how="diagonal_relaxed")


def test_sib200_in_english_against_six_languages_has_no_leak(data_dir: Path) -> None:
    rows = read(data_dir / "sib200", "en", "en", "*")
    assert rows.filter(pl.col("split") == "test")["lang"].n_unique() == 6
    _, report = audit_leakage(rows, policy="error", near_duplicates=0.9)
    assert report.total == 0


def test_english_tweets_against_spanish_and_french_ones_have_no_leak(data_dir: Path) -> None:
    rows = read(data_dir / "umsab", "en", "en", "[ef][sr]")
    _, report = audit_leakage(rows, policy="error", near_duplicates=0.9)
    assert report.total == 0


def test_m_absa_stops_for_sentences_in_train_and_test_and_drop_counts_them(data_dir: Path) -> None:
    rows = read(data_dir / "m_absa", "en", "en", "en")
    with pytest.raises(LeakageError, match="train repeats test in 73 rows: 15 with the same"):
        audit_leakage(rows, policy="error", near_duplicates=0.9)
    kept, report = audit_leakage(rows, policy="drop", near_duplicates=0.9)
    assert report.dropped == {"train": 117, "validation": 15}
    assert rows.height - kept.height == 132
    assert audit_leakage(kept, policy="error", near_duplicates=0.9)[1].total == 0


def test_m_absas_parallel_rows_leak_across_languages_by_group(data_dir: Path) -> None:
    table = Table()
    train = read_corpus([data_dir / "m_absa" / "de.test.jsonl.gz"], table, split="train").rows
    test = read_corpus([data_dir / "m_absa" / "en.test.jsonl.gz"], table, split="test").rows
    rows = pl.concat([train, test], how="diagonal_relaxed")
    _, report = audit_leakage(rows, policy="warn", near_duplicates=0.9)
    assert report.found["group"] == train.height


def test_pawsx_pairs_are_read_in_all_languages(data_dir: Path) -> None:
    corpus = read_corpus(sorted((data_dir / "pawsx").glob("*.test.jsonl.gz")), Table())
    assert not corpus.rejects.height
    assert corpus.rows["lang"].n_unique() == 6
    assert (corpus.rows["text"] == corpus.rows["text_a"] + "\n" + corpus.rows["text_b"]).all()
