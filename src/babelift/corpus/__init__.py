"""Rows: reading, checking, splitting, leakage."""

from babelift.corpus.labels import check_labels, label_set, label_strings, require_classes
from babelift.corpus.leakage import LeakageReport, audit_leakage
from babelift.corpus.lookalikes import label_notes, odd_labels
from babelift.corpus.parts import stack
from babelift.corpus.reader import Corpus, read_corpus
from babelift.corpus.rejects import check_budget, count_reasons, report_rejects, write_rejects
from babelift.corpus.split import split_by_group

__all__ = [
    "Corpus", "LeakageReport", "audit_leakage", "check_budget", "check_labels", "count_reasons",
    "label_notes", "label_set", "label_strings", "odd_labels", "read_corpus", "report_rejects",
    "require_classes", "split_by_group", "stack", "write_rejects",
]  # fmt: skip
