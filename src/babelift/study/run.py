"""The chain behind `babelift study`: plan, translate, train what is missing, gather, report."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.errors import RunError, require
from babelift.progress import Progress, quiet
from babelift.store import cache_dir, claim_folder, write_json, write_rows, write_text
from babelift.study.plan import Plan, make_plan
from babelift.study.quality import qualities
from babelift.study.results import RESULTS, added_results, check_shared, run_results
from babelift.study.rows import Tables
from babelift.study.runner import Execute, local, share_cores
from babelift.study.spec import StudySpec
from babelift.study.summary import write_study_page
from babelift.study.task import PREDICTIONS, Task

FILES: Final = {
    "study.yaml", "runs.json", "results.parquet", "predictions.parquet", "report.html",
    "report.json", "texts.parquet",
}  # fmt: skip
"""What a study's folder holds."""


@dataclass(frozen=True)
class Study:
    """A study that has been run.

    Attributes:
        folder: Where its results are.
        results: The tidy table; see `results.RESULTS`.
        failed: Runs that could not be done: key to error.
    """

    folder: Path
    results: pl.DataFrame
    failed: Mapping[str, str]


def run_study(
    spec: StudySpec,
    out: Path,
    *,
    data: Path = Path(),
    store: Path | None = None,
    execute: Execute | None = None,
    progress: Progress | None = None,
) -> Study:
    """Do a study, or what is missing of it.

    Args:
        spec: What it compares.
        out: Folder for its results.
        data: Folder that the names of its tables start from.
        store: Folder of rows, translations and runs, shared between studies; by default in the
            cache.
        execute: How the trainings are run; by default in processes of this machine.
        progress: Where progress is shown.

    Raises:
        BabeliftError: The study cannot be done as its settings say, or `out` holds something else.
    """
    progress = progress or quiet()
    require("a study", "study", "statsmodels", "sacrebleu")
    with claim_folder(out, FILES, inputs=[data / file for file in spec.added.values()]):
        plan = make_plan(spec, data, store or cache_dir() / "studies", progress)
        write_text(spec.to_yaml(), out / "study.yaml")
        failed = train_missing(plan, execute or local(), progress)
        return gather(plan, failed, out, progress)


def preview(
    spec: StudySpec,
    *,
    data: Path = Path(),
    store: Path | None = None,
    workers: int | None = None,
) -> list[str]:
    """What a study would do and about how long it would take, in sentences.

    No program and no package that the user named runs; what only they could tell is said.

    Args:
        spec: What it compares.
        data: As in `run_study`.
        store: As in `run_study`.
        workers: Trainings at a time; by default one for each core, as far as memory goes.

    Raises:
        BabeliftError: The study cannot be done as its settings say.
    """
    from babelift.study.estimate import estimate

    plan = make_plan(spec, data, store or cache_dir() / "studies", quiet(), run_code=False)
    number, threads = share_cores(len(plan.tasks), workers)
    return [*plan.tables.notes, *estimate(plan, number, threads=threads).lines()]


def train_missing(plan: Plan, execute: Execute, progress: Progress) -> dict[str, str]:
    """Translate and train what is not in the store; returns errors by run.

    A run that failed before is tried again.
    """
    missing = [number for number, task in enumerate(plan.tasks) if task.record is None]
    done = len(plan.tasks) - len(missing)
    progress.say(f"{len(plan.grid.places)} conditions and seeds need {len(plan.tasks)} trainings; "
                 f"{done} are done already")  # fmt: skip
    unmade = plan.shelf.make([need for one in missing for need in plan.needs[one]], progress)
    failed: dict[str, str] = {}
    ready: list[Task] = []
    for number in missing:
        task = plan.tasks[number]
        lacking = next((unmade[need] for need in plan.needs[number] if need in unmade), None)
        if lacking is None:
            ready.append(task)
        else:
            failed[task.key] = lacking
    if not ready:
        return failed
    with progress.task("training", len(ready), unit="runs") as bar:
        for task, error in execute(ready):
            bar.advance()
            if error is not None:
                failed[task.key] = error
                progress.say(f"run {task.key} failed: {error}")
    return failed


def gather(plan: Plan, failed: Mapping[str, str], out: Path, progress: Progress) -> Study:
    """Write the results of all runs that are done.

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
    shared = check_shared(records)
    tables = plan.tables
    predictions = {
        key: pl.read_parquet(task.folder / PREDICTIONS)
        for task in plan.tasks
        if (key := task.key) in records
    }
    found, places = [], []
    for place, number in plan.grid.places:
        key = plan.tasks[number].key
        places.append(
            {**place.condition.to_dict(), "seed": place.seed, "langs": place.langs, "run": key}
        )
        if key in records:
            size = records[key]["training"]["originals"]
            own = predictions[key]
            found.append(run_results(place, key, size, own, tables.labels, ordinal=tables.ordinal))
    kept = [rows.with_columns(run=pl.lit(key)) for key, rows in predictions.items()]
    for name, rows in plan.added.items():
        found.append(added_results(name, rows, tables.labels, ordinal=tables.ordinal))
        kept.append(rows.drop("seed"))
    results = pl.concat(found) if found else pl.DataFrame(schema=RESULTS)
    write_rows(results, out / "results.parquet")
    write_rows(pl.concat(kept, how="diagonal_relaxed"), out / "predictions.parquet")
    write_json(_runs(plan, records, failed, places, shared, progress), out / "runs.json")
    write_rows(_texts(tables), out / "texts.parquet")
    write_study_page(out)
    return Study(out, results, failed)


def _texts(tables: Tables) -> pl.DataFrame:
    """The test rows' texts, for examples in the report."""
    return pl.concat(tables.test.values()).select("lang", "id", "group_id", "text")


def _runs(
    plan: Plan,
    records: Mapping[str, Any],
    failed: Mapping[str, str],
    places: list[dict[str, Any]],
    shared: list[str],
    progress: Progress,
) -> dict[str, Any]:
    from babelift.run.manifest import machine, versions

    needs = {need for needed in plan.needs for need in needed if need.made}
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "labels": list(plan.tables.labels),
        "ordinal": plan.tables.ordinal,
        "notes": list(plan.tables.notes),
        "shared": shared,
        "machine": machine(),
        "versions": versions(),
        "translators": [
            {"name": one.name, "spec": one.spec, "license": one.license}
            for one in plan.engines.values()
        ],
        "translations": [
            {
                "translator": need.translator,
                "split": need.split,
                "source": need.source,
                "target": need.target,
                "report": need.report,
            }
            for need in sorted(needs, key=lambda one: str(one.path))
        ],
        "quality": qualities(plan, progress),
        "places": places,
        "failed": dict(failed),
        "runs": records,
    }
