"""The chain behind `babelift study`: plan, translate, train what is missing, gather, report."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.errors import DataError, RunError, require
from babelift.progress import Progress, quiet
from babelift.redaction import shown
from babelift.report.numbers import counted, language_name
from babelift.report.pages.study import write_study_page
from babelift.store import cache_dir, claim_folder, read_table, write_json, write_rows, write_text
from babelift.study.cache import TranslatedTable
from babelift.study.plan import Plan, make_plan
from babelift.study.quality import qualities
from babelift.study.results import added_results, check_shared, run_results
from babelift.study.runner import Execute, local, share_cores
from babelift.study.spec import StudySpec, read_spec
from babelift.study.task import PREDICTIONS, Task, TrainingRecord
from babelift.training.cuts import cut_sentences
from babelift.translation.coverage import LabelCounts, gap_sentences

FILES: Final = {
    "study.yaml", "runs.json", "results.parquet", "predictions.parquet", "report.html",
    "report.json", "texts.parquet",
}  # fmt: skip
"""What a study's folder holds."""


@dataclass(frozen=True)
class Study:
    """A study that has been run.

    Attributes:
        folder: Where its results and its page are.
        results: The tidy table; see `results.RESULTS`.
        failed: Trainings that could not be done: key to error.
        lacking: What is missing in the results for that: a sentence for every condition and seed.
    """

    folder: Path
    results: pl.DataFrame
    failed: Mapping[str, str]
    lacking: tuple[str, ...]


def run_study(
    spec: StudySpec | str | Path,
    out: str | Path,
    *,
    size: str | None = None,
    data: str | Path = Path(),
    store: str | Path | None = None,
    keep_terms: str | None = None,
    workers: int | None = None,
    execute: Execute | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Do a study, or what is missing of it: a grid of trainings, its statistics and its report.

    Translations and trainings are kept in `store` and used again by every study that needs them.
    A study that was stopped goes on after whatever is finished.

    Args:
        spec: What it compares, or the path of a study's YAML file.
        out: Folder for its results; one that holds something else is left alone.
        size: One of the sizes that the file knows, such as `quick`.
        data: Folder that the names of its tables start from.
        store: Folder of rows, translations and runs, shared between studies; by default in the
            cache.
        keep_terms: Takes precedence over the setting of this name.
        workers: Trainings at a time; by default one for each core, as far as memory goes.
        execute: How the trainings are run; by default in processes of this machine.
        fresh: Make the translations that the store lacks anew, and put them in the place of what
            the translation memory holds.
        progress: Where progress is shown.

    Returns:
        The tidy table of results, where everything is written, and what could not be done.

    Raises:
        BabeliftError: The study cannot be done as its settings say, or `out` holds something else.
    """
    progress = progress or quiet()
    out = Path(out)
    require("a study", "study", "statsmodels", "sacrebleu")
    settings, data = _read(spec, size, keep_terms), Path(data)
    inputs = [data / file for file in (*settings.added.values(), settings.keep_terms) if file]
    if not isinstance(spec, StudySpec):
        inputs.append(Path(spec))
    with claim_folder(out, FILES, inputs=inputs):
        plan = make_plan(settings, data, _store(store), progress)
        for caution in plan.cautions:
            progress.say(caution)
        write_text(plan.spec.to_yaml(), out / "study.yaml")
        failed, notes = train_missing(plan, execute or local(workers), progress, fresh=fresh)
        return gather(plan, failed, notes, out, progress)


def preview(
    spec: StudySpec | str | Path,
    *,
    size: str | None = None,
    data: str | Path = Path(),
    store: str | Path | None = None,
    keep_terms: str | None = None,
    workers: int | None = None,
) -> list[str]:
    """What a study would do and about how long it would take, in sentences.

    No program and no package that the user named runs; what only they could tell is said.

    Args:
        spec: As in `run_study`.
        size: As in `run_study`.
        data: As in `run_study`.
        store: As in `run_study`.
        keep_terms: As in `run_study`.
        workers: As in `run_study`.

    Raises:
        BabeliftError: The study cannot be done as its settings say.
    """
    from babelift.study.estimate import estimate

    settings = _read(spec, size, keep_terms)
    plan = make_plan(settings, Path(data), _store(store), quiet(), run_code=False)
    number, threads = share_cores(len(plan.tasks), workers)
    return [*plan.tables.notes, *plan.cautions, *estimate(plan, number, threads=threads).lines()]


def _read(spec: StudySpec | str | Path, size: str | None, keep_terms: str | None) -> StudySpec:
    changes = {"keep_terms": keep_terms} if keep_terms else {}
    if isinstance(spec, StudySpec):
        return spec.model_copy(update=changes)
    return read_spec(Path(spec), size=size, changes=changes)


def _store(folder: str | Path | None) -> Path:
    return Path(folder) if folder is not None else cache_dir() / "studies"


def train_missing(
    plan: Plan, execute: Execute, progress: Progress, *, fresh: bool = False
) -> tuple[dict[str, str], list[str]]:
    """Translate and train what is not in the store. A run that failed before is tried again.

    Returns:
        Errors by run; and what is to be known of the translations.

    Raises:
        DataError: Nothing is left of all translations of the training rows.
    """
    missing = [task for task in plan.tasks if task.record is None]
    done = len(plan.tasks) - len(missing)
    progress.say(f"{len(plan.places)} conditions and seeds need {len(plan.tasks)} trainings; "
                 f"{done} are done already")  # fmt: skip
    needs = [table for task in missing for table in task.needs]
    unmade = plan.cache.make(needs, progress, fresh=fresh)
    notes = unusable(plan)
    for note in (*notes, *gap_cautions(plan.needs)):
        progress.say(note)
    failed: dict[str, str] = {}
    ready: list[Task] = []
    for task in missing:
        lacking = next((unmade[table] for table in task.needs if table in unmade), None)
        lacking = lacking or _nothing_to_learn(task)
        if lacking is None:
            ready.append(task)
        else:
            failed[task.key] = lacking
    if not ready:
        return failed, notes
    told: set[str] = set()
    with progress.task("training", len(ready), unit="runs") as bar:
        for task, error in execute(ready):
            bar.advance()
            if task.job.settings.encoder not in told and (record := task.record) is not None:
                told.add(task.job.settings.encoder)
                for sentence in cut_sentences(record.training.cuts):
                    progress.say(sentence)
            if error is not None:
                failed[task.key] = error
                progress.say(f"run {task.key} failed: {error}")
    return failed, notes


def gap_cautions(tables: Iterable[TranslatedTable]) -> list[str]:
    """Labels that have few training translations in a language, or none, by translator."""
    sentences: dict[str, None] = {}
    read = cache(lambda path: read_table(path, ["lang", "label"]))  # originals serve many targets
    for table in tables:
        if table.split != "train" or table.record is None:
            continue
        counts = LabelCounts([table.target])
        counts.add_originals(read(table.originals))
        counts.add_translations(read(table.path))
        for sentence in gap_sentences(counts.gaps()):
            where = f"{table.translator}, from {language_name(table.source)}"
            sentences[f"{where}: {sentence}"] = None
    return list(sentences)


def unusable(plan: Plan) -> list[str]:
    """Which tables of translations are empty, because none was made or passed the checks.

    Raises:
        DataError: All that were to be trained on are: what is left of the study is not what it
            asks.
    """
    kept = {table: record.kept for table in plan.needs if (record := table.record) is not None}
    learnt = [table for table in kept if table.split == "train"]
    if learnt and not any(kept[table] for table in learnt):
        raise DataError(
            f"no training row has a translation that can be used{_faults(learnt)}.",
            "Take another translator, or keep faulty translations with 'quality: keep'.",
        )
    notes = [
        f"no {table.split} row in {table.source} has a translation by '{table.translator}' into "
        f"{table.target} that can be used{_faults([table])}"
        for table, rows in kept.items()
        if not rows
    ]
    return list(dict.fromkeys(notes))


def _nothing_to_learn(task: Task) -> str | None:
    """Why a task whose translations are all unusable is not trained."""
    tables = task.translations
    if not tables or any(table.record is None or table.record.kept for table in tables):
        return None
    pairs = ", ".join(f"{table.source} into {table.target}" for table in tables)
    return (
        f"DataError: no training row has a translation by '{task.job.translator}' that can be "
        f"used, from {pairs}{_faults(tables)}"
    )


def _faults(tables: Sequence[TranslatedTable]) -> str:
    counts: Counter[str] = Counter()
    for table in tables:
        counts.update(table.counts.get("flags", {}))
        counts.update({"missing": table.counts.get("missing", 0)})
    return f" ({', '.join(f'{name} {n}' for name, n in counts.items() if n)})" if +counts else ""


def gather(
    plan: Plan, failed: Mapping[str, str], notes: list[str], out: Path, progress: Progress
) -> Study:
    """Write the results of all runs that are done.

    Args:
        plan: The study.
        failed: Errors by run.
        notes: What the report tells beside the notes on the rows.
        out: Folder for the results.
        progress: Where progress is shown.

    Raises:
        RunError: No run is done.
        DataError: Arms did not share what they must.
    """
    records = {task.key: record for task in plan.tasks if (record := task.record) is not None}
    if not records:
        raise RunError(
            f"none of the {len(plan.tasks)} trainings could be done. The first failed with: "
            f"{next(iter(failed.values()), 'unknown')}"
        )
    shared = check_shared(records.values())
    tables = plan.tables
    predictions = {
        task.key: read_table(task.folder / PREDICTIONS)
        for task in plan.tasks
        if task.key in records
    }
    results = [
        run_results(
            place, task.key, records[task.key].training.originals, predictions[task.key],
            tables.labels, ordinal=tables.ordinal,
        )
        for place, task in plan.places
        if task.key in records
    ]  # fmt: skip
    kept = [rows.with_columns(run=pl.lit(key)) for key, rows in predictions.items()]
    for name, rows in plan.added.items():
        results.append(added_results(name, rows, tables.labels, ordinal=tables.ordinal))
        kept.append(rows.drop("seed"))
    table = pl.concat(results)
    texts = pl.concat(tables.test.values()).select("lang", "id", "group_id", "text")
    write_rows(table, out / "results.parquet")
    write_rows(pl.concat(kept, how="diagonal_relaxed"), out / "predictions.parquet")
    write_rows(texts, out / "texts.parquet")
    about = {
        **_about(plan, records, progress),
        "notes": [*tables.notes, *notes, *believed(records.values())],
        "cautions": [*plan.cautions, *gap_cautions(plan.needs)],
        "shared": shared,
        "failed": dict(failed),
    }
    write_json(about, out / "runs.json")
    write_study_page(out)
    lacking = [
        f"{place.condition}, seed {place.seed}: {failed.get(task.key, 'not run')}"
        for place, task in plan.places
        if task.key not in records
    ]
    return Study(out, table, failed, tuple(lacking))


def believed(records: Iterable[TrainingRecord]) -> list[str]:
    """What self-training believed, in sentences."""
    learnt = [record.self_training for record in records if record.self_training]
    if not learnt:
        return []
    rounds = Counter(one.kept for one in learnt)
    kept = ", ".join(
        f"{'the first model' if number == 0 else f'round {number}'} in {times}"
        for number, times in sorted(rounds.items())
    )
    sums: Counter[str] = Counter()
    for one in learnt:
        sums.update(one.believed)
    rows = ", ".join(f"{total / len(learnt):,.0f} in {lang}" for lang, total in sums.items())
    refused = dict.fromkeys(sentence for one in learnt for sentence in one.refused)
    return [
        f"self-training kept {kept} of {counted(len(learnt), 'training')}; on average so many "
        f"unlabelled rows were believed: {rows or 'none'}",
        *(f"not believed by a first model, {sentence}" for sentence in refused),
    ]


def _about(plan: Plan, records: Mapping[str, TrainingRecord], progress: Progress) -> dict[str, Any]:
    """What `runs.json` says of the study but for what went wrong."""
    from babelift.run.manifest import machine, versions

    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "labels": list(plan.tables.labels),
        "ordinal": plan.tables.ordinal,
        "machine": machine(),
        "versions": versions(),
        "translators": [
            {
                "name": translator.name,
                "spec": shown(translator.spec),
                "license": translator.license,
            }
            for translator in plan.translators.values()
        ],
        "translations": [
            {
                "translator": table.translator,
                "split": table.split,
                "source": table.source,
                "target": table.target,
                "report": record.report,
            }
            for table in sorted(plan.needs, key=lambda table: table.path)
            if (record := table.record) is not None
        ],
        "characters": _characters(plan),
        "quality": [quality.model_dump(mode="json") for quality in qualities(plan, progress)],
        "places": [{**place.to_dict(), "run": task.key} for place, task in plan.places],
        "runs": {key: record.model_dump(mode="json") for key, record in records.items()},
    }


def _characters(plan: Plan) -> list[dict[str, Any]]:
    """How many characters of training rows had to be translated, by language and rows asked for."""
    sent = {(lang, task.job.rows) for task in plan.tasks for lang in task.job.translate_from}

    def characters(lang: str, rows: int | None) -> int:
        texts = read_table(plan.cache.originals("train", lang, rows), ["text"])["text"]
        return int(texts.str.len_chars().sum())

    return [
        {"lang": lang, "rows": rows, "characters": characters(lang, rows)}
        for lang, rows in sorted(sent, key=str)
    ]
