"""The driver: rows in, translated and checked rows out, one language pair after the other."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift.config import QualityAction, Translating
from babelift.corpus.rows import conform, translation_id
from babelift.errors import ConfigError, DataError, LanguageError, did_you_mean
from babelift.languages import resolve
from babelift.progress import Progress, Task, quiet
from babelift.translation.checks import Band, filled_ratios, find_faults, learn_band
from babelift.translation.memory import Memory
from babelift.translation.protocol import Translator, complete
from babelift.translation.registry import load_translator
from babelift.translation.report import PairCounts, TranslationReport
from babelift.translation.segments import Lane, Result, count_segments, translate_texts


@dataclass(slots=True)
class Outcome:
    """Parallel lists, one entry per row that has a translation.

    Attributes:
        sources: The originals' texts.
        texts: Their translations.
        truncated: Whether the translation was cut.
        lost: Whether a sentence came back empty.
        translators: Who made the translation.
        origins: How it came to be, see `corpus.rows.ORIGINS`.
        faults: Names of its faults.
    """

    sources: list[str]
    texts: list[str]
    truncated: list[bool]
    lost: list[bool]
    translators: list[str]
    origins: list[str]
    faults: list[list[str]] = field(default_factory=list)

    @classmethod
    def of(cls, sources: list[str], results: Sequence[Result], translator: Translator) -> Self:
        """What a translator made of some texts; results without a text count as empty."""
        return cls(
            sources=sources,
            texts=[result.text or "" for result in results],
            truncated=[result.truncated for result in results],
            lost=[result.lost_sentence for result in results],
            translators=[translator.name] * len(results),
            origins=[getattr(translator, "origin", "machine")] * len(results),
        )

    def check(self, lane: Lane, band: Band) -> None:
        """Find the faults of every row."""
        lost = np.array(self.lost, dtype=np.bool_)
        self.faults = find_faults(*self._series(), lane.source_lang, lane.target_lang, band, lost)

    def take(self, row: int, other: "Outcome", place: int) -> None:
        """Put another outcome's translation in the place of a row's own."""
        for name in ("texts", "truncated", "lost", "translators", "origins", "faults"):
            getattr(self, name)[row] = getattr(other, name)[place]

    def frame(self, rows: pl.DataFrame, target_lang: str) -> pl.DataFrame:
        """The originals' rows with the translations in their place."""
        flags = [
            [*found, "truncated"] if cut else found
            for found, cut in zip(self.faults, self.truncated, strict=True)
        ]
        ids = rows["id"].to_list()
        return rows.with_columns(
            _strings("id", [translation_id(one, target_lang) for one in ids]),
            _strings("text", self.texts),
            pl.lit(target_lang).alias("lang"),
            pl.col("lang").alias("source_lang"),
            _strings("origin", self.origins),
            _strings("translator", self.translators),
            pl.lit(None, dtype=pl.Float64).alias("score"),
            pl.Series("flags", flags, dtype=pl.List(pl.String)),
            _strings("original_id", ids),
        )

    def _series(self) -> tuple[pl.Series, pl.Series]:
        return _strings("source", self.sources), _strings("text", self.texts)


def _strings(name: str, values: list[str]) -> pl.Series:
    return pl.Series(name, values, dtype=pl.String)


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
    rows = conform(_checked(rows))
    report = TranslationReport.of(translator, fallback if quality == "retry" else None)
    frames = translate_parts(
        [rows],
        _sources(rows),
        to,
        translator,
        report=report,
        memory=memory,
        quality=quality,
        fallback=fallback,
        batch_tokens=batch_tokens,
        progress=progress,
    )
    return TranslatedRows(pl.concat([rows.clear(), *frames]), report)


class OpenTranslators(NamedTuple):
    """What a job translates with, see `translating`.

    Attributes:
        translator: Translates.
        fallback: Second translator, for `retry`.
        memory: Where finished translations are kept.
    """

    translator: Translator
    fallback: Translator | None
    memory: Memory

    def translate_rows(
        self,
        rows: pl.DataFrame,
        to: Sequence[str],
        *,
        quality: QualityAction,
        batch_tokens: int = BATCH_TOKENS,
        progress: Progress | None = None,
    ) -> TranslatedRows:
        """As the function of this name."""
        return translate_rows(
            rows, to, self.translator, memory=self.memory, quality=quality,
            fallback=self.fallback, batch_tokens=batch_tokens, progress=progress,
        )  # fmt: skip


@contextmanager
def translating(
    translator: str | Translator,
    config: Translating | None = None,
    *,
    fallback: str | Translator | None = None,
    memory: Memory | None = None,
    load: Callable[..., Translator] = load_translator,
) -> Iterator[OpenTranslators]:
    """Open translators and the memory for the length of a `with` block.

    What is given as an object stays open afterwards.

    Args:
        translator: As on the command line, or any `Translator`.
        config: Beam width, arithmetic and what else the back ends read; defaults if absent.
        fallback: Second translator, for `retry`.
        memory: The one in the cache folder if absent.
        load: Opens a translator by its string.

    Raises:
        ConfigError: A translator is not known, or is none.
        ModelError: A model cannot be found, fetched, converted or opened.
        MissingDependencyError: A library or program is not installed.
        MemoryStoreError: The memory cannot be used.
    """
    with ExitStack() as stack:

        def opened(given: str | Translator) -> Translator:
            if not isinstance(given, str):
                return complete(given)
            loaded = load(given, config=config)
            stack.callback(loaded.close)
            return loaded

        first = opened(translator)
        second = opened(fallback) if fallback else None
        yield OpenTranslators(
            first, second, memory if memory is not None else stack.enter_context(Memory())
        )


class Frames(Protocol):
    """Frames that are kept for a while; a list, or `corpus.parts.Spool` on disk."""

    def append(self, frame: pl.DataFrame, /) -> None:
        """Add a frame."""
        ...

    def __iter__(self) -> Iterator[pl.DataFrame]: ...


def translate_parts(
    rows: Iterable[pl.DataFrame],
    langs: Sequence[str],
    to: Sequence[str],
    translator: Translator,
    *,
    report: TranslationReport,
    memory: Memory,
    quality: QualityAction = "drop",
    fallback: Translator | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
    shelf: Callable[[], Frames] = list,
) -> Iterator[pl.DataFrame]:
    """Translate rows that come in parts, as `translate_rows` does; no more than a part is held.

    Args:
        rows: Frames in the form of `corpus.rows.SCHEMA`; gone through for every pair.
        langs: Their languages, in the order in which they are to be translated.
        to: Tags of the target languages.
        translator: Translates.
        report: Filled in as the translations are taken.
        memory: Where finished translations are kept.
        quality: What to do with translations that fail a check.
        fallback: Second translator, for `retry`.
        batch_tokens: Tokens sent to the translator at a time.
        progress: Where to show how far it is.
        shelf: Makes a place for one pair's translations until all of them are there, for how long
            they usually are is only known then.

    Raises:
        LanguageError, ConfigError, TranslationError, MemoryStoreError: As `translate_rows`.
    """
    began = time.monotonic()
    to = list(dict.fromkeys(resolve(tag) for tag in to))
    _check_pairs(langs, to, translator)
    others = _alternatives(translator, fallback, quality)
    progress = progress or quiet()
    driver = _Driver(translator, others, memory, quality, batch_tokens, report, progress, shelf)
    try:
        yield from driver.pairs(rows, langs, to)
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


def _check_pairs(langs: Sequence[str], to: Sequence[str], translator: Translator) -> None:
    possible = translator.pairs()
    for source in langs:
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
    shelf: Callable[[], Frames]

    def pairs(
        self, rows: Iterable[pl.DataFrame], langs: Sequence[str], to: Sequence[str]
    ) -> Iterator[pl.DataFrame]:
        """The translated rows of one pair after the other."""
        since = self.memory.newest()
        for source in langs:
            targets = [target for target in to if target != source]
            if not targets:
                continue
            texts = (part["text"] for part in _of(rows, source))
            total = sum(count_segments(part, source, self.translator) for part in texts)
            for target in targets:
                lane = Lane(self.translator, self.memory, source, target, self.batch_tokens, since)
                yield from self._pair(rows, lane, total)

    def _pair(self, rows: Iterable[pl.DataFrame], lane: Lane, total: int) -> Iterator[pl.DataFrame]:
        pair = (lane.source_lang, lane.target_lang)
        counts = self.report.pairs[">".join(pair)] = PairCounts()
        translated = self.shelf()
        ratios: list[NDArray[np.float32]] = []  # of every row: half the memory
        with self._task(lane, total) as task:
            for part in _of(rows, lane.source_lang):
                texts = part["text"].to_list()
                results = list(translate_texts(texts, lane, self.report.tally, task))
                found = part.with_columns(_columns(results)).filter(pl.col(_TEXT).is_not_null())
                counts.rows += part.height
                counts.missing += part.height - found.height
                translated.append(found)
                sides = found["text"], found[_TEXT]
                ratios.append(filled_ratios(*sides, *pair).astype(np.float32))
        band = learn_band(np.concatenate([np.empty(0, np.float32), *ratios]))
        for part in translated:
            yield self._judged(part, lane, band, counts)

    def _judged(
        self, part: pl.DataFrame, lane: Lane, band: Band, counts: PairCounts
    ) -> pl.DataFrame:
        """The rows of a part that pass the checks, as translations."""
        made = _outcome(part, lane)
        made.check(lane, band)
        self.report.add_faults(
            (lane.source_lang, lane.target_lang), made.sources, made.texts, made.faults
        )
        if self.alternatives:
            faulty = sum(map(bool, made.faults))
            for other in self.alternatives:
                self._retry(made, replace(lane, translator=other), band)
            counts.retried += faulty
            counts.repaired += faulty - sum(map(bool, made.faults))
        keep = [self.quality == "keep" or not found for found in made.faults]
        counts.kept += sum(keep)
        counts.dropped += len(keep) - sum(keep)
        counts.truncated += sum(cut for cut, kept in zip(made.truncated, keep, strict=True) if kept)
        rows = part.drop(_TEXT, _TRUNCATED, _LOST)
        return made.frame(rows, lane.target_lang).filter(pl.Series(keep, dtype=pl.Boolean))

    def _task(self, lane: Lane, total: int) -> AbstractContextManager[Task]:
        title = f"{lane.source_lang} → {lane.target_lang}"
        return self.progress.task(title, total, unit="segments")

    def _retry(self, made: Outcome, lane: Lane, band: Band) -> None:
        """Translate the faulty rows with another translator and take what passes."""
        bad = [row for row, found in enumerate(made.faults) if found]
        possible = lane.translator.pairs()
        pair = (lane.source_lang, lane.target_lang)
        if not bad or (possible is not None and pair not in possible):
            return
        sources = [made.sources[row] for row in bad]
        total = count_segments(sources, lane.source_lang, lane.translator)
        with self._task(lane, total) as task:
            results = list(translate_texts(sources, lane, self.report.tally, task))
        again = Outcome.of(sources, results, lane.translator)
        again.check(lane, band)
        for place, row in enumerate(bad):
            if results[place].text is not None and not again.faults[place]:
                made.take(row, again, place)


_TEXT: Final = "__babelift_text"
_TRUNCATED: Final = "__babelift_truncated"
_LOST: Final = "__babelift_lost"


def _of(rows: Iterable[pl.DataFrame], lang: str) -> Iterator[pl.DataFrame]:
    """The rows of one language, part by part."""
    parts = (part.filter(pl.col("lang") == lang) for part in rows)
    return (part for part in parts if part.height)


def _columns(results: Sequence[Result]) -> list[pl.Series]:
    """Results as columns that stand beside the rows they were made from."""
    texts, truncated, lost = zip(*results, strict=True)
    return [
        pl.Series(_TEXT, texts, dtype=pl.String),
        pl.Series(_TRUNCATED, truncated, dtype=pl.Boolean),
        pl.Series(_LOST, lost, dtype=pl.Boolean),
    ]


def _outcome(part: pl.DataFrame, lane: Lane) -> Outcome:
    results = [Result(*row) for row in part.select(_TEXT, _TRUNCATED, _LOST).iter_rows()]
    return Outcome.of(part["text"].to_list(), results, lane.translator)
