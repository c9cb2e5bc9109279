"""The job behind `babelift translate`: tables in, one file of translated rows out."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import polars as pl

from babelift.config import (
    ASKING,
    BATCH_TOKENS,
    Distributed,
    QualityAction,
    TranslateConfig,
    Translating,
)
from babelift.corpus import label_notes, label_strings, report_rejects
from babelift.corpus.checks import MAX_TEXT
from babelift.corpus.columns import language_of_frame
from babelift.corpus.parts import Spool, parts_folder
from babelift.corpus.reader import read_parts
from babelift.corpus.rows import conform
from babelift.errors import BabeliftWarning, ConfigError, DataError, RunError
from babelift.languages import reductions, resolve
from babelift.progress import Progress, quiet
from babelift.store import (
    OutputFile,
    changed_columns,
    claim_file,
    file_hash,
    job_key,
    replace_file,
    rows_file,
    write_json,
)
from babelift.translation.checks import ASKED_AGAIN
from babelift.translation.coverage import LabelCounts, gap_sentences
from babelift.translation.driver import translating
from babelift.translation.memory import Memory
from babelift.translation.protocol import Translator
from babelift.translation.registry import load_translator
from babelift.translation.report import TranslationReport


def run_translate(
    config: TranslateConfig, progress: Progress | None = None, *, fresh: bool = False
) -> TranslationReport:
    """Translate tables and write the rows to `config.out`.

    Beside the output stand `<out>.report.json` with the counts and, where rows could not be read,
    `<out>.rejects.jsonl`. Run again after a kill, it goes on with what is missing; run again when
    all is done, it finds everything in the memory and leaves the output as it is. Where answers
    failed (see `checks.ASKED_AGAIN`) it asks for them again, and mends the output. Rows go from
    file to file in parts: how many there are does not change how much memory is used.

    Args:
        config: What to translate, how, and where to write it.
        progress: Where to show how far it is.
        fresh: Translate everything anew, and put it in the memory's place.

    Returns:
        What became of the rows.

    Raises:
        ConfigError: A setting that cannot be used.
        RejectsError: Too many rows cannot be read.
        RunError: The output exists and was not made by this very job, or cannot be written.
        TranslationError: A translator or the memory failed; finished translations are kept.
    """
    progress = progress or quiet()
    out = _checked_output(config)
    inputs = [*config.input, *_terms(config), config.translator, config.fallback or ""]
    with claim_file(out, inputs) as output, parts_folder(out) as folder:
        job = _job_key(config)
        if exists := out.exists():
            output.check_job(job)
        for note in config.notes:
            progress.say(note)
        rows = read_parts(config.input, config, folder, labelled=False)
        report_rejects(rows, output.rejects, config.max_rejects, progress)
        for note in changed_columns(rows.form, out):
            progress.say(note)
        with (
            _loader(config) as load,
            translating(
                config.translator, config, fallback=config.fallback, fresh=fresh, load=load
            ) as opened,
        ):
            report = opened.report(config.quality)
            report.reading = list(dict.fromkeys([*config.notes, *rows.notes]))
            numbers = count()
            translations = opened.translate_parts(
                rows,
                rows.langs,
                config.to,
                report=report,
                quality=config.quality,
                batch_tokens=config.batch_tokens,
                progress=progress,
                spool=lambda: Spool(folder / f"pair-{next(numbers)}"),
            )
            labels = LabelCounts(config.to)
            for part in rows:
                labels.add_originals(part)
            written = folder / f"again{out.suffix}" if exists else out
            with rows_file(written, excel_safe=config.excel_safe) as append:
                for frame in chain([rows.form], rows if config.with_originals else ()):
                    append(frame)
                for frame in translations:
                    labels.add_translations(frame)
                    append(frame)
                report.notes += gap_sentences(labels.gaps())
                if rejected := rows.rejects.height:
                    report.notes.append(f"rejected rows: {rejected:,}; see {output.rejects}")
                if not exists:
                    write_json({"job": job, **report.to_dict()}, output.report)
            same = exists and file_hash(written) == file_hash(out)
            if exists and not same:
                if not _may_be_mended(output):
                    raise RunError(
                        f"'{out}' is not what this job makes now: it or the translator has "
                        "changed; it is not overwritten.",
                        "Choose another --out, or move that file away.",
                    )
                replace_file(out, written.replace)
            known = {"job": job, **report.to_dict()}
            if not same and (exists or _asks_again(known)):
                write_json(known | {"written": file_hash(out)}, output.report)
    for note in report.notes:
        progress.say(note)
    if same:
        progress.say(f"{out} is complete already; nothing was changed.")
    return report


def preview(
    config: TranslateConfig, progress: Progress | None = None, *, fresh: bool = False
) -> list[str]:
    """What `run_translate` would send and at what price, in sentences; nothing is sent or kept.

    Raises:
        ConfigError: A setting that cannot be used.
        RejectsError: Too many rows cannot be read.
    """
    from babelift.translation.estimate import Estimate

    _check_job(config)
    progress = progress or quiet()
    estimate = Estimate(config, fresh=fresh)
    with TemporaryDirectory() as folder:
        rows = read_parts(config.input, config, Path(folder), labelled=False)
        report_rejects(rows, None, config.max_rejects, progress)
        estimate.add(rows, rows.langs, config.to)
    return [*config.notes, *estimate.lines()]


def _asks_again(report: Mapping[str, Any]) -> bool:
    """Whether a report is of translations of which the next run asks for some again."""
    flags = {flag for counts in report["pairs"].values() for flag in counts["flags"]}
    return bool(report.get("failed") or flags & ASKED_AGAIN)


def _may_be_mended(output: OutputFile) -> bool:
    """Whether a table is as its job left it, and that asks for some answers again."""
    report = json.loads(output.report.read_bytes())
    return report.get("written") == file_hash(output.path) and _asks_again(report)


def _check_job(config: TranslateConfig) -> None:
    if not config.input:
        raise ConfigError("no table to translate is given.", "Name one or more files.")
    if not config.to:
        raise ConfigError("no target language is given.", "Name one or more with --to.")


def _checked_output(config: TranslateConfig) -> Path:
    _check_job(config)
    if config.out is None:
        raise ConfigError("no output file is given.", "Name one with --out FILE.parquet.")
    return Path(config.out)


@contextmanager
def _loader(place: Distributed) -> Iterator[Callable[..., Translator]]:
    """What opens translators where texts are to be translated."""
    if place.on == "ray":
        from babelift.cluster.ray import Pool
        from babelift.translation.on_ray import TranslatingWorker, load_on_ray

        with Pool(TranslatingWorker, place.workers) as pool:
            yield partial(load_on_ray, pool)
    else:
        yield load_translator


def _terms(config: TranslateConfig) -> list[str]:
    return [str(config.keep_terms)] if config.keep_terms else []


_NOT_CONTENT = (
    "keep_terms", "input", "batch_tokens", "max_rejects", "on", "workers", *ASKING,
)  # fmt: skip
"""Settings that do not change what is in the output."""


def _job_key(config: TranslateConfig) -> str:
    """Of the settings that change what is in the output."""
    return job_key(config.content(*_NOT_CONTENT), [*config.input, *_terms(config)])


def _check_lengths(rows: pl.DataFrame) -> None:
    """Refuse a text that would take hours, as the readers of tables do."""
    if rows.schema.get("text") == pl.String:
        lengths = rows["text"].str.len_chars()
        if (longest := lengths.arg_max()) is not None and lengths[longest] > MAX_TEXT:
            raise DataError(
                f"row {longest} has a text of {lengths[longest]:,} characters; at most "
                f"{MAX_TEXT:,} can be translated.",
                "Split it, or leave the row out.",
            )


def translate(
    rows: pl.DataFrame,
    to: str | Sequence[str],
    translator: str | Translator = "m2m100",
    *,
    lang: str | None = None,
    quality: QualityAction = "keep",
    fallback: str | Translator | None = None,
    batch_tokens: int = BATCH_TOKENS,
    keep_terms: str | Path | None = None,
    memory: Memory | None = None,
    fresh: bool = False,
    on: Literal["local", "ray"] = "local",
    workers: int | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Translate a frame of rows.

    Args:
        rows: Needs a column `text`, and `lang` unless that is given as an argument. `id` is made
            from the row's number where it is missing; all other columns are copied.
        to: Tags of the languages to translate into.
        translator: As on the command line, see 'babelift models'; or any `Translator`, which is
            left open.
        lang: The language of all rows, or a column with the language of each. A column `lang` that
            names languages wins over one language for all, and a warning says so.
        quality: What to do with faulty translations: `keep`, `drop` or `retry`.
        fallback: Second translator, for `retry`.
        batch_tokens: Tokens sent to the translator at a time.
        keep_terms: File with a term on each line, in UTF-8, that stays as it is in translations.
        memory: Where finished translations are kept; the one in the cache folder if absent.
        fresh: Translate everything anew, and put it in the place of what the memory in the cache
            folder holds.
        on: Where texts are translated: `local`, in this process, or `ray`, on a Ray cluster.
        workers: Processes on the Ray cluster; as many as it has room for if absent.
        progress: Where to show how far it is.

    Returns:
        The translations in the form of `corpus.rows.SCHEMA`, one row for each row and target
        language; faults in the column `flags`.

    Raises:
        ConfigError: A setting that cannot be used; a translator for Ray is given by its name.
        LanguageError: A language that is not known, or a pair that the translator cannot do.
        MissingDependencyError: Ray is wanted and not installed.
        TranslationError: The translator or the memory failed.

    >>> from babelift.testing import FunctionTranslator
    >>> words = {"It is good.": "Es ist gut.", "It broke.": "Es ging kaputt."}
    >>> dictionary = FunctionTranslator(lambda text, source, target: words[text])
    >>> rows = pl.DataFrame({"text": ["It is good. It broke."], "label": ["3"]})
    >>> translate(rows, "de", dictionary, lang="en").select("id", "text", "label", "lang").rows()
    [('0@de', 'Es ist gut. Es ging kaputt.', '3', 'de')]
    """
    notes: tuple[str, ...] = ()
    if lang is not None:
        rows, notes = language_of_frame(rows, lang, "the rows")
    _check_lengths(rows)
    if "id" not in rows.columns:
        rows = rows.with_row_index("id").with_columns(pl.col("id").cast(pl.String))
    if "label" in rows.columns:
        rows = rows.with_columns(label_strings(rows["label"]))
    for name in ("group_id", "original_id"):
        if name not in rows.columns:
            rows = rows.with_columns(pl.col("id").alias(name))
    for note in label_notes([conform(rows)]):
        (progress or quiet()).say(note)
    asked = (to,) if isinstance(to, str) else tuple(to)
    config = Translating.from_mapping(
        {
            "to": [resolve(tag) for tag in asked],
            "quality": quality,
            "batch_tokens": batch_tokens,
            "keep_terms": keep_terms,
        },
        where="translate",
    )
    place = Distributed.from_mapping({"on": on, "workers": workers}, where="translate")
    if fresh and memory is not None:
        raise ConfigError(
            "'fresh' is of the memory in the cache folder, but 'memory' is set too.",
            "Open it as Memory(path, fresh=True) instead.",
        )
    for choice in (translator, fallback):
        if on == "ray" and choice is not None and not isinstance(choice, str):
            raise ConfigError(
                f"translator '{choice.name}' is open already: it cannot be sent to Ray.",
                "Give it by its name, or leave on='ray' out.",
            )
    with (
        _loader(place) as load,
        translating(
            translator, config, fallback=fallback, memory=memory, fresh=fresh, load=load
        ) as opened,
    ):
        result = opened.translate_rows(
            rows, config.to, quality=quality, batch_tokens=batch_tokens, progress=progress
        )
    for note in dict.fromkeys([*notes, *reductions(asked), *result.report.reading]):
        warnings.warn(note, BabeliftWarning, stacklevel=2)
    for note in result.report.notes:
        (progress or quiet()).say(note)
    return result.rows
