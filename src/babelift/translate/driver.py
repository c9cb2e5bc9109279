"""The driver: rows in, translated and checked rows out, one language pair after the other."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from babelift.config import QualityAction
from babelift.corpus.rows import conform
from babelift.errors import ConfigError, DataError, LanguageError, did_you_mean
from babelift.languages import resolve
from babelift.progress import Progress, quiet
from babelift.translate.memory import Memory
from babelift.translate.outcome import Outcome
from babelift.translate.protocol import Translator
from babelift.translate.quality import Band
from babelift.translate.report import PairCounts, TranslationReport
from babelift.translate.texts import Lane, Result, count_segments, translate_texts

BATCH_TOKENS: Final = 4096
"""Tokens sent to the translator at a time, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class TranslatedRows:
    """Translations and what became of the rows.

    Attributes:
        rows: Translations in the form of `corpus.rows.SCHEMA`, the user's own columns after.
            Ordered by source language (as they first occur), target (as asked for), original row.
        report: Counts and examples.
    """

    rows: pl.DataFrame
    report: TranslationReport


def translate_rows(
    rows: pl.DataFrame,
    to: Sequence[str],
    translator: Translator,
    *,
    memory: Memory,
    quality: QualityAction = "drop",
    fallback: Translator | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> TranslatedRows:
    """Translate every row into every target language other than its own.

    A segment that occurs twice is translated once, and one that is in the memory not at all; each
    finished batch is in the memory before the next is begun.

    Args:
        rows: Originals, in the form of `corpus.rows.SCHEMA`; `id`, `text` and `lang` are needed.
        to: Tags of the target languages.
        translator: Translates.
        memory: Where finished translations are kept.
        quality: What to do with translations that fail a check: `keep` them with their flags,
            `drop` them, or `retry` them with the translator's variant, if it has one, and the
            fallback, and drop what fails again.
        fallback: Second translator, for `retry`.
        batch_tokens: Tokens sent to the translator at a time.
        progress: Where to show how far it is.

    Raises:
        LanguageError: A pair that the translator cannot do, before any work.
        ConfigError: `retry` without anything to retry with.
        TranslationError: A translator failed; finished batches are kept.
        MemoryStoreError: The memory cannot be used.
    """
    began = time.monotonic()
    rows = conform(_checked(rows))
    to = list(dict.fromkeys(resolve(tag) for tag in to))
    _check_pairs(rows, to, translator)
    others = _alternatives(translator, fallback, quality)
    report = TranslationReport.of(translator, fallback if quality == "retry" else None)
    progress = progress or quiet()
    driver = _Driver(translator, others, memory, quality, batch_tokens, report, progress)
    try:
        frames = list(driver.pairs(rows, to))
    except KeyboardInterrupt:
        done = report.tally.translated
        progress.say(
            f"Stopped. Finished translations ({done:,} in this run) are kept in {memory.path}; "
            "run the same command again to go on from there."
        )
        raise
    report.seconds = time.monotonic() - began
    said = (note for one in (translator, *others) for note in getattr(one, "notes", ()))
    report.notes = list(dict.fromkeys(said))
    return TranslatedRows(pl.concat([rows.clear(), *frames]), report)


def _checked(rows: pl.DataFrame) -> pl.DataFrame:
    for name in ("id", "text", "lang"):
        if name not in rows.columns:
            raise DataError(
                f"column '{name}' is missing{did_you_mean(name, rows.columns)}",
                f"Columns given: {', '.join(rows.columns)}.",
            )
        if rows[name].null_count():
            row = rows[name].is_null().arg_max()
            raise DataError(f"row {(row or 0) + 1}: column '{name}' is empty.")
    tags = {tag: resolve(tag) for tag in rows["lang"].unique()}
    return rows.with_columns(pl.col("lang").replace(tags))


def _sources(rows: pl.DataFrame) -> list[str]:
    return rows["lang"].unique(maintain_order=True).to_list()


def _check_pairs(rows: pl.DataFrame, to: Sequence[str], translator: Translator) -> None:
    possible = translator.pairs()
    for source in _sources(rows):
        for target in to:
            if possible is None or target == source or (source, target) in possible:
                continue
            targets = sorted(other for one, other in possible if one == source)
            sources = sorted({one for one, _ in possible})
            known = (
                f"from {source} it goes to: {', '.join(targets)}"
                if targets
                else f"it translates from: {', '.join(sources)}"
            )
            raise LanguageError(
                f"translator '{translator.name}' cannot translate {source} to {target}; {known}.",
                "Choose other languages or another translator; see 'babelift models'.",
            )


def _alternatives(
    translator: Translator, fallback: Translator | None, quality: QualityAction
) -> list[Translator]:
    """What faulty translations are retried with: other decoding first, then the fallback."""
    if quality != "retry":
        return []
    variant = getattr(translator, "variant", None)
    found = [variant() if variant is not None else None, fallback]
    others = [other for other in found if other is not None]
    if not others:
        raise ConfigError(
            f"quality 'retry' has nothing to retry with: translator '{translator.name}' knows no "
            "other decoding and no fallback is set.",
            "Name a second translator with --fallback, or use --quality drop.",
        )
    return others


@dataclass(frozen=True, slots=True)
class _Driver:
    translator: Translator
    alternatives: list[Translator]
    memory: Memory
    quality: QualityAction
    batch_tokens: int
    report: TranslationReport
    progress: Progress

    def pairs(self, rows: pl.DataFrame, to: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The translated rows of one pair after the other."""
        since = self.memory.newest()
        for source in _sources(rows):
            part = rows.filter(pl.col("lang") == source)
            targets = [target for target in to if target != source]
            if not targets:
                continue
            total = count_segments(part["text"], source, self.translator)
            for target in targets:
                lane = Lane(self.translator, self.memory, source, target, self.batch_tokens, since)
                yield self._pair(part, lane, total)

    def _pair(self, rows: pl.DataFrame, lane: Lane, total: int) -> pl.DataFrame:
        pair = (lane.source_lang, lane.target_lang)
        counts = self.report.pairs[">".join(pair)] = PairCounts(rows=rows.height)
        results = self._translated(rows["text"].to_list(), lane, total)
        have = [row for row, result in enumerate(results) if result.text is not None]
        counts.missing = rows.height - len(have)
        rows = rows[have]
        made = Outcome.of(rows["text"].to_list(), [results[row] for row in have], lane.translator)
        band = made.band(lane)
        made.check(lane, band)
        self.report.add_faults(pair, made.sources, made.texts, made.faults)
        if self.alternatives:
            counts.retried = sum(map(bool, made.faults))
            for other in self.alternatives:
                self._retry(made, replace(lane, translator=other), band)
            counts.repaired = counts.retried - sum(map(bool, made.faults))
        keep = [self.quality == "keep" or not found for found in made.faults]
        counts.kept, counts.dropped = sum(keep), len(keep) - sum(keep)
        counts.truncated = sum(cut for cut, kept in zip(made.truncated, keep, strict=True) if kept)
        return made.frame(rows, lane.target_lang).filter(pl.Series(keep, dtype=pl.Boolean))

    def _translated(self, texts: Sequence[str], lane: Lane, total: int) -> list[Result]:
        title = f"{lane.source_lang} → {lane.target_lang}"
        with self.progress.task(title, total, unit="segments") as task:
            return list(translate_texts(texts, lane, self.report.tally, task))

    def _retry(self, made: Outcome, lane: Lane, band: Band) -> None:
        """Translate the faulty rows with another translator and take what passes."""
        bad = [row for row, found in enumerate(made.faults) if found]
        possible = lane.translator.pairs()
        pair = (lane.source_lang, lane.target_lang)
        if not bad or (possible is not None and pair not in possible):
            return
        sources = [made.sources[row] for row in bad]
        total = count_segments(sources, lane.source_lang, lane.translator)
        results = self._translated(sources, lane, total)
        again = Outcome.of(sources, results, lane.translator)
        again.check(lane, band)
        for place, row in enumerate(bad):
            if results[place].text is not None and not again.faults[place]:
                made.take(row, again, place)
