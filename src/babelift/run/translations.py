"""The second stage of a run: its rows' translations, those that came with the tables included."""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from babelift.config import FitConfig, QualityAction
from babelift.corpus import label_set
from babelift.corpus.rows import SPLITS, round_trips
from babelift.errors import DataError
from babelift.progress import Progress, quiet
from babelift.run.data import only_languages, read_rows, write_split
from babelift.run.folder import Run
from babelift.run.manifest import Viewed, count_rows
from babelift.run.self_training import TABLE as UNLABELLED
from babelift.store import read_table, write_rows
from babelift.translation.advice import (
    PoorTranslationsWarning,
    fault_of,
    fault_of_name,
    poor_translations,
)
from babelift.translation.coverage import LabelCounts, gap_sentences
from babelift.translation.report import TranslationReport
from babelift.translation.segments import Tally

if TYPE_CHECKING:
    from babelift.prediction.views import Seen
    from babelift.translation.driver import TranslatedRows

VIEWS: Final = "data/views.parquet"
"""Test and unlabelled rows' translations into the language of training, where these are judged."""

_ORIGINAL: Final = pl.col("origin") == "original"


def translate_rows(run: Run, config: FitConfig, progress: Progress, *, fresh: bool = False) -> None:
    """Translate what the arm needs; write `data/{train,validation,test}.parquet`.

    Training and validation rows are translated into the arm's targets. Test rows are translated
    only into targets that have no test rows of their own, and are never dropped for their quality.
    Where translations of test rows are judged, `data/views.parquet` has these.

    Raises:
        DataError: No training row has a translation that can be used, or a label has no rows left.
        TranslationError: The translator failed.
        ModelError: There is no encoder or translator of that name.
    """
    from babelift.training.encoder import find_encoder

    if config.encoder != "scratch":
        find_encoder(config.encoder)  # hours of translating must not end at a misspelt name
    splits, brought = _read(run)
    targets = run.manifest.translate_to
    learnt, tested = _needed(run, config, splits, brought)
    done = _translate(learnt, tested, config, progress, fresh)
    report, test_report = done.reports
    for split in SPLITS:
        new = [rows.filter(pl.col("split") == split) for rows in done.rows]
        if split == "train" and done.back is not None:
            new = [done.back]
        splits[split] = pl.concat([splits[split], *new], how="diagonal_relaxed")
    if brought.height:
        taken = learnt.have.height + tested.have.height
        run.note(
            f"translations that came with the tables: {taken:,} are used, "
            f"{brought.height - taken:,} are left out",
            progress,
        )
    if targets and (splits["train"]["origin"] == "original").all():
        raise _nothing_translated(report)
    for note in dict.fromkeys(
        note for part in (report, test_report) if part for note in part.notes
    ):
        run.note(note, progress)
    counts = LabelCounts(() if config.arm == "round-trip" else targets)
    train = splits["train"]
    sources = only_languages(train, run.manifest.translate_from)
    counts.add_originals(sources.filter(_ORIGINAL))
    counts.add_translations(train.filter(~_ORIGINAL))
    gaps = counts.gaps()
    for sentence in gap_sentences(gaps):
        progress.say(sentence)
    if len(label_set(splits["train"]["label"].to_list())[0]) < len(run.manifest.labels):
        raise DataError("no rows are left of some labels.")
    if config.judged != "own":
        _translate_views(run, config, splits["test"], progress, fresh)
    for split, rows in splits.items():
        write_split(rows, run, split)
    run.update(
        translation=report,
        translation_test=test_report,
        label_gaps=gaps,
        data={split: count_rows(rows) for split, rows in splits.items()},
    )


def warn_of_poor_translators(
    config: FitConfig, run: Run | None = None, brought: Iterable[str] = ()
) -> None:
    """Say, once in a job, that a pretrained encoder is to learn from poor translations.

    What can be told from the settings is told before any work.

    Args:
        config: The job's settings.
        run: Where it is kept for the report; None for nowhere.
        brought: Translators of the translations that came with the tables, once these are read.
    """
    learnt = "translated" in config.arm or config.arm == "round-trip"
    if not learnt and config.judged == "own":
        return
    used = filter(None, (config.translator, config.fallback))
    faults = {spec.partition(":")[0]: fault_of(spec) for spec in used}
    if brought:
        told = any(faults.values())
        faults = {} if told else {name: fault_of_name(name) for name in sorted(brought)}
    if sentence := poor_translations(
        faults, [config.encoder], "--arm zero-shot" if learnt else "--view own"
    ):
        warnings.warn(sentence, PoorTranslationsWarning, stacklevel=3)
        if run is not None:
            run.note(sentence, quiet())


def preview(config: FitConfig, progress: Progress, *, fresh: bool = False) -> list[str]:
    """What a run would have translated and at what price, in sentences; nothing is sent or kept.

    Raises:
        BabeliftError: The rows cannot be used as the settings say.
    """
    from babelift.translation.estimate import Estimate

    estimate = Estimate(config, fresh=fresh)
    with TemporaryDirectory() as folder:
        run = Run.start(Path(folder) / "run", config, ())
        read_rows(run, config, progress)
        for part in _needed(run, config, *_read(run)):
            for rows, to in part.jobs:
                rows = rows.filter(_ORIGINAL)
                estimate.add([rows], rows["lang"].unique(maintain_order=True).to_list(), to)
        if config.judged != "own":
            viewed = [_read(run)[0]["test"]]
            if config.unlabelled:
                viewed.append(read_table(run.folder / UNLABELLED))
            for rows in viewed:
                langs = rows["lang"].unique(maintain_order=True).to_list()
                estimate.add([rows], langs, [run.manifest.from_[0]])
    lines = estimate.lines()
    if config.arm == "round-trip":
        lines.append("the way back is not counted: it is about as much as the training rows' way")
    return lines


def _read(run: Run) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """The run's originals by split, and the translations that came with the tables."""
    originals = read_table(run.folder / "data" / "originals.parquet")
    splits = {split: originals.filter(pl.col("split") == split) for split in SPLITS}
    return splits, read_table(run.folder / "data" / "given.parquet")


def _needed(
    run: Run, config: FitConfig, splits: Mapping[str, pl.DataFrame], brought: pl.DataFrame
) -> tuple["Completion", "Completion"]:
    """What there is and what is to be made: for training and validation rows, and for test rows."""
    learning = pl.concat([splits["train"], splits["validation"]])
    learning = only_languages(learning, run.manifest.translate_from)
    lacking = [lang for lang in run.manifest.to if lang not in set(splits["test"]["lang"])]
    test = only_languages(splits["test"], run.manifest.from_).filter(_ORIGINAL)
    learnt = complete(learning, run.manifest.translate_to, brought, config.quality)
    if brought_by := learnt.have["translator"].drop_nulls().unique().to_list():
        warn_of_poor_translators(config, run, brought_by)
    return learnt, complete(test, lacking, brought, "keep")


class Completion(NamedTuple):
    """What there is of the translations that a run needs, and what is to be translated.

    Attributes:
        have: Translations that are taken.
        jobs: Originals, and the languages they are still to be translated into.
    """

    have: pl.DataFrame
    jobs: list[tuple[pl.DataFrame, list[str]]]


def complete(
    originals: pl.DataFrame, targets: Sequence[str], brought: pl.DataFrame, quality: QualityAction
) -> Completion:
    """Take the translations that came with the tables, and say what is missing.

    They count as if they had just been made: those with a fault are kept, dropped,
    or made again, as `quality` says.

    Args:
        originals: Rows to be translated.
        targets: Languages to translate them into.
        brought: Translations that came with the tables, as the first stage left them.
        quality: What becomes of those with a fault.

    >>> from babelift.corpus.rows import originals
    >>> rows = originals(ids=["a", "b"], texts=["x", "y"], labels=["1", "2"], langs=["en", "en"])
    >>> german = rows.head(1).with_columns(id=pl.lit("a@de"), lang=pl.lit("de"))
    >>> have, jobs = complete(rows, ["de", "ja"], german, "drop")
    >>> have["id"].to_list(), [(part["id"].to_list(), to) for part, to in jobs]
    (['a@de'], [(['b'], ['de']), (['a', 'b'], ['ja'])])
    """
    have = brought.filter(
        pl.col("lang").is_in(list(targets))
        & pl.col("original_id").is_in(originals["id"].to_list())
        & (pl.col("lang") != pl.col("source_lang")).fill_null(True)
    )
    # A translation that was cut is still one.
    sound = pl.col("flags").list.set_difference(["truncated"]).list.len() == 0
    if quality == "retry":
        have = have.filter(sound)
    jobs: dict[tuple[str, ...], list[str]] = {}
    for target in targets:
        covered = have.filter(pl.col("lang") == target)["original_id"].to_list()
        missing = originals.filter(~pl.col("id").is_in(covered))
        if (missing["lang"] != target).any():
            jobs.setdefault(tuple(missing["id"].to_list()), []).append(target)
    if quality == "drop":
        have = have.filter(sound)
    return Completion(
        have, [(originals.filter(pl.col("id").is_in(ids)), to) for ids, to in jobs.items()]
    )


class Done(NamedTuple):
    """The translations of a run.

    Attributes:
        rows: Of training, validation and test rows, also those that came with the tables.
        back: Of the training rows their translations translated back, with the arm round-trip.
        reports: On training and validation rows, and on test rows.
    """

    rows: list[pl.DataFrame]
    back: pl.DataFrame | None = None
    reports: tuple[TranslationReport | None, TranslationReport | None] = (None, None)


def _translate(
    learnt: Completion, tested: Completion, config: FitConfig, progress: Progress, fresh: bool
) -> Done:
    """Translate what is missing of training (and validation) and test rows."""
    from babelift.translation.driver import translating

    have, round_trip = [learnt.have, tested.have], config.arm == "round-trip"
    if not (learnt.jobs or tested.jobs or round_trip):
        return Done(have)
    actions: tuple[QualityAction, QualityAction] = (config.quality, "keep")
    made: list[list[TranslatedRows]] = []
    back = None
    with translating(config.translator, config, fallback=config.fallback, fresh=fresh) as opened:
        for part, quality in zip((learnt, tested), actions, strict=True):
            made.append(
                [
                    opened.translate_rows(
                        rows.filter(pl.col("origin") == "original"),
                        to,
                        quality=quality,
                        batch_tokens=config.batch_tokens,
                        progress=progress,
                    )
                    for rows, to in part.jobs
                ]
            )
        if round_trip:
            there = pl.concat([learnt.have, *(result.rows for result in made[0])])
            returned = [
                opened.translate_rows(
                    rows,
                    [str(source)],
                    quality=config.quality,
                    batch_tokens=config.batch_tokens,
                    progress=progress,
                )
                for (source,), rows in there.filter(split="train").group_by(
                    "source_lang", maintain_order=True
                )
            ]
            back = round_trips(there, pl.concat([result.rows for result in returned]))
            made[0] += returned
    reports = (_merged([result.report for result in part]) for part in made)
    rows = [result.rows for result in made[0][: len(learnt.jobs)] + made[1]]
    return Done([*have, *rows], back, (next(reports), next(reports)))


def _translate_views(
    run: Run, config: FitConfig, test: pl.DataFrame, progress: Progress, fresh: bool
) -> None:
    """Translate test rows, and unlabelled ones, into the language of training, to be judged so."""
    from babelift.prediction.views import Judged, Views
    from babelift.translation.driver import translating

    judged = Judged.of(config.judged, run.manifest.from_[0], config)
    with translating(config.translator, config, fresh=fresh) as opened:
        views = Views(judged, opened, progress)
        views.require([*run.manifest.to, *test["lang"].unique()])
        found = views.translations(test)
        told = Viewed(
            view=judged.view,
            into=judged.into,
            translator=opened.translator.name,
            license=opened.translator.license,
            translated=dict(views.translated),
            untranslated=dict(views.untranslated),
        )
        for sentence in views.sentences()[1:]:
            run.note(sentence, progress)
        if config.unlabelled:
            more = read_table(run.folder / UNLABELLED)
            found += views.translations(more)
            test = pl.concat([test.select("id"), more.select("id")])
    table = test.select("id").with_columns(translation=pl.Series(found, dtype=pl.String))
    write_rows(table, run.folder / VIEWS)
    run.update(view=told)


def seen_of(run: Run, rows: pl.DataFrame) -> "Seen":
    """The texts of test or unlabelled rows in both views, where a run judges translations."""
    from babelift.prediction.views import Seen

    translations = rows.select("id").join(
        read_table(run.folder / VIEWS), on="id", how="left", maintain_order="left"
    )
    return Seen.of("both", rows["text"].to_list(), translations["translation"].to_list())


def _merged(reports: Sequence[TranslationReport]) -> TranslationReport | None:
    """One report of jobs that have no language pair in common."""
    if not reports:
        return None
    merged, *others = reports
    for report in others:
        merged.seconds += report.seconds
        for count in fields(Tally):
            total = getattr(merged.tally, count.name) + getattr(report.tally, count.name)
            setattr(merged.tally, count.name, total)
        merged.pairs |= report.pairs
        merged.examples += report.examples
        merged.notes += report.notes
        for name, usage in report.usage.items():
            merged.usage[name] = dict(Counter(merged.usage.get(name, {})) + Counter(usage))
    return merged


def _nothing_translated(report: TranslationReport | None) -> DataError:
    flags: Counter[str] = Counter()
    for counts in report.pairs.values() if report else ():
        flags.update(counts.flags)
    why = ", ".join(f"{name} {number:,}" for name, number in flags.most_common())
    return DataError(
        f"no training row has a translation that can be used ({why or 'none was made'}).",
        "Take another translator, or keep faulty translations with --quality keep.",
    )
