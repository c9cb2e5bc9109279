"""The driver: rows in, translated and checked rows out, one language pair after the other."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift.config import BATCH_TOKENS, QualityAction, Translating
from babelift.corpus.rows import conform, translation_id
from babelift.errors import (
    ConfigError,
    DataError,
    LanguageError,
    TranslationError,
    did_you_mean,
)
from babelift.languages import find, reductions, resolve
from babelift.progress import Progress, Task, quiet
from babelift.translation.checks import (
    Answers,
    Band,
    filled_ratios,
    find_faults,
    learn_band,
)
from babelift.translation.memory import Memory
from babelift.translation.protected import NOTHING, Protected, read_terms
from babelift.translation.protocol import Translator, complete
from babelift.translation.registry import load_translator
from babelift.translation.report import PairCounts, TranslationReport, usage_sentence
from babelift.translation.segments import Lane, count_segments, translate_texts


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


class Frames(Protocol):
    """Frames that are kept for a while; a list, or `corpus.parts.Spool` on disk."""

    def append(self, frame: pl.DataFrame, /) -> None:
        """Add a frame."""
        ...

    def __iter__(self) -> Iterator[pl.DataFrame]: ...


class OpenTranslators(NamedTuple):
    """What a job translates with, see `translating`.

    Attributes:
        translator: Translates.
        memory: Where finished translations are kept.
        fallback: Second translator, for `retry`.
        protected: What must stay as it is.
    """

    translator: Translator
    memory: Memory
    fallback: Translator | None = None
    protected: Protected = NOTHING

    def report(self, quality: QualityAction) -> TranslationReport:
        """An empty report of what is translated with them."""
        return TranslationReport.of(self.translator, self.fallback if quality == "retry" else None)

    def translate_rows(
        self,
        rows: pl.DataFrame,
        to: Sequence[str],
        *,
        quality: QualityAction = "drop",
        batch_tokens: int = BATCH_TOKENS,
        progress: Progress | None = None,
    ) -> TranslatedRows:
        """Translate every row into every target language other than its own.

        A segment that occurs twice is translated once, and one that is in the memory not at all;
        each finished batch is in the memory before the next is begun.

        Args:
            rows: Originals, in the form of `corpus.rows.SCHEMA`; `id`, `text` and `lang` are
                needed.
            to: Tags of the target languages.
            quality: What to do with translations that fail a check: `keep` them with their flags
                (but for characters that no table may hold), `drop` them, or `retry` them with the
                translator's variant, if it has one, and the fallback, and drop what fails again.
            batch_tokens: Tokens sent to the translator at a time.
            progress: Where to show how far it is.

        Raises:
            LanguageError: A pair that the translator cannot do, before any work.
            ConfigError: `retry` without anything to retry with.
            TranslationError: A translator failed; finished batches are kept.
            MemoryStoreError: The memory cannot be used.
        """
        report = self.report(quality)
        rows, report.reading = _resolved(rows)
        frames = self.translate_parts(
            [rows],
            rows["lang"].unique(maintain_order=True).to_list(),
            to,
            report=report,
            quality=quality,
            batch_tokens=batch_tokens,
            progress=progress or quiet(),
        )
        return TranslatedRows(pl.concat([rows.clear(), *frames]), report)

    def translate_parts(
        self,
        rows: Iterable[pl.DataFrame],
        langs: Sequence[str],
        to: Sequence[str],
        *,
        report: TranslationReport,
        quality: QualityAction,
        batch_tokens: int,
        progress: Progress,
        spool: Callable[[], Frames] = list,
    ) -> Iterator[pl.DataFrame]:
        """Translate rows that come in parts, as `translate_rows` does; at most a part is held.

        Args:
            rows: Frames in the form of `corpus.rows.SCHEMA`; gone through for every pair.
            langs: Their languages, in the order in which they are to be translated.
            to: Tags of the target languages.
            report: Filled in as the translations are taken.
            quality: What to do with translations that fail a check.
            batch_tokens: Tokens sent to the translator at a time.
            progress: Where to show how far it is.
            spool: Makes a place that holds one pair's translations until all of them are there:
                only then is their usual length known.

        Raises:
            LanguageError, ConfigError, TranslationError, MemoryStoreError: As `translate_rows`.
        """
        began = time.monotonic()
        to = list(dict.fromkeys(resolve(tag) for tag in to))
        _check_pairs(langs, to, self.translator)
        others = _alternatives(self.translator, self.fallback, quality)
        driver = _Driver(self, others, quality, batch_tokens, report, progress, spool)
        damaged = self.memory.damaged
        asked = _Asked((self.translator, *others), report)
        try:
            yield from driver.pairs(rows, langs, to)
        except TranslationError:
            asked.count(progress)
            raise
        except KeyboardInterrupt:
            asked.count(progress)
            done = report.tally.translated
            progress.say(
                f"Stopped. Finished translations ({done:,} in this run) are kept in "
                f"{self.memory.path}; run the same command again to go on from there."
            )
            raise
        report.seconds = time.monotonic() - began
        notes = [note for used in (self.translator, *others) for note in getattr(used, "notes", ())]
        asked.count()
        notes += [usage_sentence(name, usage) for name, usage in report.usage.items()]
        notes += _of_memory(self.memory.damaged - damaged, report.tally.failed)
        report.notes = list(dict.fromkeys(notes))


class _Asked:
    """What services are asked from now on, for the report."""

    def __init__(self, translators: Iterable[Translator], report: TranslationReport) -> None:
        services = [getattr(translator, "base", translator) for translator in translators]
        self._services = {one.name: one.usage for one in services if hasattr(one, "usage")}
        self._before = {name: Counter(usage.counts) for name, usage in self._services.items()}
        self._report = report

    def count(self, progress: Progress | None = None) -> None:
        """Put it into the report, and say it where the report will not be written."""
        for name, usage in self._services.items():
            if counts := dict(Counter(usage.counts) - self._before[name]):
                self._report.usage[name] = counts
                if progress is not None:
                    progress.say(usage_sentence(name, counts))


@contextmanager
def translating(
    translator: str | Translator,
    config: Translating | None = None,
    *,
    fallback: str | Translator | None = None,
    memory: Memory | None = None,
    fresh: bool = False,
    load: Callable[..., Translator] = load_translator,
) -> Iterator[OpenTranslators]:
    """Open translators and the memory for the length of a `with` block.

    What is given as an object stays open afterwards.

    Args:
        translator: As on the command line, or any `Translator`.
        config: Beam width, arithmetic and what else the back ends read, and the terms that stay;
            defaults if absent.
        fallback: Second translator, for `retry`.
        memory: The one in the cache folder if absent.
        fresh: Pass over what that one holds from before, and put new translations in its place.
        load: Opens a translator by its string.

    Raises:
        ConfigError: A translator is not known, or is none.
        ModelError: A model cannot be found, fetched, converted or opened.
        MissingDependencyError: A library or program is not installed.
        MemoryStoreError: The memory cannot be used.
    """
    protected = read_terms(config.keep_terms) if config and config.keep_terms else NOTHING
    with ExitStack() as stack:

        def opened(choice: str | Translator) -> Translator:
            if not isinstance(choice, str):
                return complete(choice)
            loaded = load(choice, config=config)
            stack.callback(loaded.close)
            return loaded

        first = opened(translator)
        second = opened(fallback) if fallback else None
        if memory is None:
            memory = stack.enter_context(Memory(fresh=fresh))
        yield OpenTranslators(first, memory, second, protected)


def _of_memory(damaged: int, failed: int) -> Iterator[str]:
    """What is to be known of the memory, in sentences."""
    if damaged:
        yield (
            f"translations that were damaged in the memory and were made again: {damaged:,}; the "
            "disk may be failing"
        )
    if failed:
        yield (
            f"answers that are no translations (empty, errors, unreadable): {failed:,}; they are "
            "not kept in the memory, and are asked for again the next time"
        )


def _resolved(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows with the tags that translators know, and what these leave out, in words."""
    for name in ("id", "text", "lang"):
        if name not in rows.columns:
            raise DataError(
                f"column '{name}' is missing{did_you_mean(name, rows.columns)}",
                f"Columns given: {', '.join(rows.columns)}.",
            )
        if rows[name].null_count():
            row = rows[name].is_null().arg_max()
            raise DataError(f"row {(row or 0) + 1}: column '{name}' is empty.")
    written = rows["lang"].unique(maintain_order=True).to_list()
    tags = {text: resolve(find(text) or text) for text in written}
    return conform(rows.with_columns(pl.col("lang").replace(tags))), [*reductions(written)]


def _check_pairs(langs: Sequence[str], to: Sequence[str], translator: Translator) -> None:
    possible = translator.pairs()
    for source in langs:
        for target in to:
            if possible is None or target == source or (source, target) in possible:
                continue
            targets = sorted(goal for start, goal in possible if start == source)
            sources = sorted({start for start, _ in possible})
            known = (
                f"from {source} it goes to: {', '.join(targets)}"
                if targets
                else f"it translates from: {', '.join(sources)}"
            )
            strange = min(
                (tag for pair in possible for tag in pair if find(tag) != tag), default=""
            )
            own = f" Its own '{strange}' is none of the tags of 'babelift languages'."
            raise LanguageError(
                f"translator '{translator.name}' cannot translate {source} to {target}; {known}.",
                "Choose other languages or another translator; see 'babelift models'."
                f"{own if strange else ''}",
            )


def _alternatives(
    translator: Translator, fallback: Translator | None, quality: QualityAction
) -> list[Translator]:
    """What faulty translations are retried with: other decoding first, then the fallback."""
    if quality != "retry":
        return []
    variant = getattr(translator, "variant", None)
    candidates = (variant() if variant is not None else None, fallback)
    others = [candidate for candidate in candidates if candidate is not None]
    if not others:
        raise ConfigError(
            f"quality 'retry' has nothing to retry with: translator '{translator.name}' knows no "
            "other decoding and no fallback is set.",
            "Name a second translator with --fallback, or use --quality drop.",
        )
    return others


@dataclass(frozen=True, slots=True)
class _Driver:
    opened: OpenTranslators
    alternatives: list[Translator]
    quality: QualityAction
    batch_tokens: int
    report: TranslationReport
    progress: Progress
    spool: Callable[[], Frames]

    def pairs(
        self, rows: Iterable[pl.DataFrame], langs: Sequence[str], to: Sequence[str]
    ) -> Iterator[pl.DataFrame]:
        """The translated rows of one pair after the other."""
        translator, memory, _, protected = self.opened
        since = memory.newest()
        for source in langs:
            targets = [target for target in to if target != source]
            if not targets:
                continue
            texts = (part["text"] for part in _of(rows, source))
            total = sum(count_segments(part, source, translator) for part in texts)
            for target in targets:
                lane = Lane(translator, memory, source, target, self.batch_tokens, since, protected)
                yield from self._pair(rows, lane, total)

    def _pair(self, rows: Iterable[pl.DataFrame], lane: Lane, total: int) -> Iterator[pl.DataFrame]:
        pair = lane.pair
        counts = self.report.pairs[">".join(pair)] = PairCounts()
        spooled = self.spool()
        ratios: list[NDArray[np.float32]] = []  # of every row: half the memory
        answers = Answers(lane.source_lang)
        with self._task(lane, total) as task:
            for part in _of(rows, lane.source_lang):
                translated = self._translated(part, lane, task)
                counts.rows += part.height
                counts.missing += part.height - translated.height
                spooled.append(translated)
                part_ratios = filled_ratios(translated["text"], translated[_TEXT], *pair)
                ratios.append(part_ratios.astype(np.float32))
                answers.add(translated["text"], translated[_TEXT])
        usual = _Usual(learn_band(np.concatenate([np.empty(0, np.float32), *ratios])), answers)
        for translated in spooled:
            yield self._judged(_checked(translated, lane, usual), lane, usual, counts)

    def _translated(self, part: pl.DataFrame, lane: Lane, task: Task) -> pl.DataFrame:
        """The rows that have a translation, with the translation in a column of its own."""
        results = translate_texts(part["text"].to_list(), lane, self.report.tally, task)
        texts, truncated, lost = zip(*results, strict=True)
        return part.with_columns(
            pl.Series(_TEXT, texts, dtype=pl.String),
            pl.Series(_TRUNCATED, truncated, dtype=pl.Boolean),
            pl.Series(_LOST, lost, dtype=pl.Boolean),
        ).filter(pl.col(_TEXT).is_not_null())

    def _judged(
        self, translated: pl.DataFrame, lane: Lane, usual: "_Usual", counts: PairCounts
    ) -> pl.DataFrame:
        """The rows of a part that pass the checks, as translations."""
        columns = (translated[name].to_list() for name in ("text", _TEXT, _FAULTS))
        self.report.add_faults(lane.pair, *columns)
        if self.alternatives:
            faulty = translated.filter(_FAULTY).height
            for alternative in self.alternatives:
                lane_again = replace(lane, translator=alternative)
                translated = self._retried(translated, lane_again, usual)
            counts.retried += faulty
            counts.repaired += faulty - translated.filter(_FAULTY).height
        kept = translated.filter(~(_UNWRITABLE if self.quality == "keep" else _FAULTY))
        counts.kept += kept.height
        counts.dropped += translated.height - kept.height
        counts.truncated += int(kept[_TRUNCATED].sum())
        return _as_rows(kept, lane.target_lang)

    def _task(self, lane: Lane, total: int) -> AbstractContextManager[Task]:
        return self.progress.task(" → ".join(lane.pair), total, unit="segments")

    def _retried(self, translated: pl.DataFrame, lane: Lane, usual: "_Usual") -> pl.DataFrame:
        """The rows, the faulty ones with another translator's translation where that passes."""
        faulty = translated.filter(_FAULTY)
        possible = lane.translator.pairs()
        if faulty.is_empty() or (possible is not None and lane.pair not in possible):
            return translated
        total = count_segments(faulty["text"], lane.source_lang, lane.translator)
        with self._task(lane, total) as task:
            retried = self._translated(faulty, lane, task)
        repaired = _checked(retried, lane, usual).filter(~_FAULTY)
        unchanged = translated.filter(~pl.col(_ROW).is_in(repaired[_ROW].to_list()))
        return pl.concat([unchanged, repaired]).sort(_ROW)


_TEXT: Final = "__babelift_text"
_TRUNCATED: Final = "__babelift_truncated"
_LOST: Final = "__babelift_lost"
_TRANSLATOR: Final = "__babelift_translator"
_ORIGIN: Final = "__babelift_origin"
_FAULTS: Final = "__babelift_faults"
_ROW: Final = "__babelift_row"

_FAULTY: Final = pl.col(_FAULTS).list.len() > 0

# No reader of ours would take such a row.
_UNWRITABLE: Final = pl.col(_FAULTS).list.contains("characters")


class _Usual(NamedTuple):
    """What a pair's translations are held against: their usual lengths, and all answers."""

    band: Band
    answers: Answers


def _of(rows: Iterable[pl.DataFrame], lang: str) -> Iterator[pl.DataFrame]:
    """The rows of one language, part by part."""
    parts = (part.filter(pl.col("lang") == lang) for part in rows)
    return (part for part in parts if part.height)


def _checked(translated: pl.DataFrame, lane: Lane, usual: "_Usual") -> pl.DataFrame:
    """Translated rows with their faults, who translated them, and their numbers."""
    faults = find_faults(
        translated["text"],
        translated[_TEXT],
        *lane.pair,
        usual.band,
        translated[_LOST].to_numpy(),
        lane.protected,
        usual.answers,
    )
    numbered = translated if _ROW in translated.columns else translated.with_row_index(_ROW)
    return numbered.with_columns(
        pl.Series(_FAULTS, faults, dtype=pl.List(pl.String)),
        pl.lit(lane.translator.name).alias(_TRANSLATOR),
        pl.lit(getattr(lane.translator, "origin", "machine")).alias(_ORIGIN),
    )


def _as_rows(translated: pl.DataFrame, target_lang: str) -> pl.DataFrame:
    """The originals' rows with the translations in their place."""
    ids = [translation_id(name, target_lang) for name in translated["id"]]
    cut = pl.concat_list(_FAULTS, pl.lit("truncated"))
    return translated.with_columns(
        pl.Series("id", ids, dtype=pl.String),
        pl.col(_TEXT).alias("text"),
        pl.lit(target_lang).alias("lang"),
        pl.col("lang").alias("source_lang"),
        pl.col(_ORIGIN).alias("origin"),
        pl.col(_TRANSLATOR).alias("translator"),
        pl.lit(None, dtype=pl.Float64).alias("score"),
        pl.when(_TRUNCATED).then(cut).otherwise(_FAULTS).alias("flags"),
        pl.col("id").alias("original_id"),
    ).drop(_TEXT, _TRUNCATED, _LOST, _TRANSLATOR, _ORIGIN, _FAULTS, _ROW)
