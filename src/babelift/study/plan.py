"""From a study's settings to its tasks: what each needs, what identifies it, what is shared."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from babelift.config import Training
from babelift.errors import LanguageError
from babelift.progress import Progress
from babelift.store import file_hash
from babelift.study.cache import Engine, Need, Shelf, code_version, find_engines
from babelift.study.condition import Grid, Job
from babelift.study.rows import Tables, read_added, read_tables, reference_rows
from babelift.study.spec import TRANSLATING, StudySpec
from babelift.study.task import OWN_TEXT, Task

_SHAPES_OUTCOME = ("training", "prediction", "precision.py", "study/task.py")
"""Parts of the package whose code shapes what comes out of a task. What this module decides is in
the task's identity by its content."""


@dataclass(frozen=True)
class Plan:
    """A study laid out: nothing is translated or trained yet.

    Attributes:
        spec: The study.
        tables: Its rows.
        added: Predictions made elsewhere, by the name of their arm.
        engines: Its translators, by name.
        grid: Its conditions and jobs.
        tasks: One for every job of the grid, in its order.
        needs: For every task, the translations it needs.
        shelf: Where tables and translations are kept.
    """

    spec: StudySpec
    tables: Tables
    added: Mapping[str, pl.DataFrame]
    engines: Mapping[str, Engine]
    grid: Grid
    tasks: tuple[Task, ...]
    needs: tuple[tuple[Need, ...], ...]
    shelf: Shelf


def make_plan(
    spec: StudySpec, data: Path, store: Path, progress: Progress, *, run_code: bool = True
) -> Plan:
    """Read the rows, find the translators, lay out the grid, and say what each job needs.

    Whatever is wrong with the study is found here, before anything long starts.

    Args:
        spec: The study.
        data: Folder that the names of its tables start from.
        store: Folder for rows, translations and runs, shared between studies.
        progress: Where notes are shown.
        run_code: Whether packages of others may be loaded, see `find_engines`.

    Raises:
        BabeliftError: A table, language, translator or encoder cannot be used as the study says.
    """
    encoders = {path: _encoder_identity(path) for path in spec.encoders.values()}
    tables = read_tables(spec, data, progress)
    added = read_added(spec, tables, data)
    translating = set(spec.arms) & set(TRANSLATING)
    engines = find_engines(spec, data, run_code=run_code) if translating else {}
    grid = Grid.of(spec, {name: engine.pairs for name, engine in engines.items()})
    for engine in engines.values():
        _check_pairs(spec, engine, grid, progress)
    shelf = Shelf(store / "rows", tables, engines, spec.quality)
    learnt = {(lang, job.rows) for job in grid.jobs for lang in job.originals}
    steps = _steps(spec, [shelf.originals("train", lang, rows) for lang, rows in learnt])
    maker = _Maker(spec, tables, shelf, encoders, steps, store / "runs")
    needs = tuple(maker.needs(job) for job in grid.jobs)
    tasks = tuple(maker.task(job, needed) for job, needed in zip(grid.jobs, needs, strict=True))
    return Plan(spec, tables, added, engines, grid, tasks, needs, shelf)


def _check_pairs(spec: StudySpec, engine: Engine, grid: Grid, progress: Progress) -> None:
    reached = {
        lang
        for place, _ in grid.places
        if place.condition.translator == engine.name
        for lang in place.langs
    }
    if not reached:
        raise LanguageError(
            f"translator '{engine.name}' has no pair that the study asks for: from "
            f"{', '.join(spec.sources)} into {', '.join(spec.targets)}.",
            "Take it out of the study, or see its pairs with 'babelift models'.",
        )
    if lacking := [lang for lang in spec.targets if lang not in reached
                   and lang not in spec.sources]:  # fmt: skip
        progress.say(f"translator '{engine.name}' has no pair for {', '.join(lacking)}: it is "
                     f"tried in {', '.join(sorted(reached))} alone")  # fmt: skip


def _steps(spec: StudySpec, shelved: Sequence[Path]) -> int:
    """Updates of every training: as many as the largest table of originals needs.

    All arms take the same number, so that none is better for having been trained longer.
    """
    settings = Training.from_mapping(spec.settings)
    if settings.steps is not None:
        return settings.steps
    from babelift.training.encoder import default_epochs

    epochs = settings.epochs or max(map(default_epochs, spec.encoders.values()))
    largest = max(pl.read_parquet(path, columns=["id"]).height for path in shelved)
    return epochs * math.ceil(largest / max(settings.batch_size // 2, 1))


@dataclass(frozen=True)
class _Maker:
    """Makes tasks of jobs."""

    spec: StudySpec
    tables: Tables
    shelf: Shelf
    encoders: Mapping[str, str]
    steps: int
    runs: Path
    pairs: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def task(self, job: Job, needs: Sequence[Need]) -> Task:
        settings = job.settings.model_copy(update={"steps": self.steps, "epochs": None})
        originals = tuple(self.shelf.originals("train", lang, job.rows) for lang in job.originals)
        learnt = tuple(need.path for need in needs if need.split == "train")
        tests = {OWN_TEXT: tuple(self.shelf.originals("test", lang) for lang in job.tested)}
        for name in job.tested_by:
            tests[name] = tuple(
                need.path for need in needs if (need.translator, need.split) == (name, "test")
            )
        pairs = self._pairs(job)
        identity = {
            "code": code_version(*_SHAPES_OUTCOME),
            "encoder": self.encoders[settings.encoder],
            "settings": settings.model_dump(mode="json", exclude={"encoder"}),
            "labels": self.tables.labels,
            "originals": [path.name for path in originals],
            "translations": [path.name for path in learnt],
            "tests": {name: [path.name for path in found] for name, found in tests.items()},
            "pairs": pairs and pairs.name,
        }
        key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:24]
        about = {
            "identity": identity,
            "originals": list(job.originals),
            "translate_from": list(job.translate_from),
            "translate_to": list(job.translate_to),
            "translator": job.translator,
            "rows": job.rows,
        }
        return Task(key, self.runs / key, settings, self.tables.labels, originals, learnt, tests,
                    pairs, about)  # fmt: skip

    def needs(self, job: Job) -> tuple[Need, ...]:
        learnt = [
            self.shelf.need(job.translator, "train", source, target, job.rows)
            for source in job.translate_from
            for target in job.translate_to
            if job.translator is not None
        ]
        tested = [
            self.shelf.need(name, "test", lang, job.originals[0])
            for name in job.tested_by
            for lang in job.tested
            if lang not in job.originals
        ]
        return (*learnt, *tested)

    def _pairs(self, job: Job) -> Path | None:
        """Test items in the source and in the other languages, to look at vectors of.

        Where the data set is not parallel, the training's own pairs are looked at.
        """
        if not self.spec.parallel:
            return None
        source, *_ = job.originals
        tables = self.tables.test
        others = [lang for lang in job.tested if lang != source]
        langs = (source, *others)
        if langs not in self.pairs:
            found = [reference_rows(tables[source], tables[lang]) for lang in others]
            self.pairs[langs] = self.shelf.put(pl.concat([tables[source], *found]))
        return self.pairs[langs]


def _encoder_identity(spec: str) -> str:
    from babelift.hub import weight_files
    from babelift.training.encoder import SCRATCH, find_encoder

    if spec == SCRATCH:
        return SCRATCH
    return " ".join(map(file_hash, weight_files(find_encoder(spec))))
