"""From a study's settings to its trainings: what each needs, what identifies it, what is shared."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import polars as pl

from babelift.config import Training
from babelift.errors import LanguageError
from babelift.progress import Progress
from babelift.store import file_hash, read_table
from babelift.study.cache import Cache, StudyTranslator, TranslatedTable, find_translators, key_of
from babelift.study.condition import OWN_TEXT, Grid, Job, Place
from babelift.study.rows import Tables, read_added, read_tables, reference_rows
from babelift.study.spec import TRANSLATING, StudySpec
from babelift.study.task import Task
from babelift.training import REVISION
from babelift.translation.advice import fault_of, poor_translations
from babelift.translation.protected import NOTHING, read_terms

_LIBRARIES = ("torch", "transformers", "tokenizers")
"""Packages that a training comes out differently with."""


@dataclass(frozen=True)
class Plan:
    """A study laid out: nothing is translated or trained yet.

    Attributes:
        spec: The study.
        tables: Its rows.
        added: Predictions made elsewhere, by the name of their arm.
        translators: By name.
        encoders: What identifies each encoder's weights, by name.
        places: Places in the grid, each with the training that serves it.
        tasks: The trainings, none twice.
        cache: Where tables and translations are kept.
    """

    spec: StudySpec
    tables: Tables
    added: Mapping[str, pl.DataFrame]
    translators: Mapping[str, StudyTranslator]
    encoders: Mapping[str, str]
    places: tuple[tuple[Place, Task], ...]
    tasks: tuple[Task, ...]
    cache: Cache

    @property
    def cautions(self) -> list[str]:
        """What is to be known of the translators before anything is done."""
        if not {"translated", "original+translated"} & set(self.spec.arms):
            return []
        faults = {name: fault_of(known.spec) for name, known in self.translators.items()}
        encoders = self.spec.encoders.values()
        return list(filter(None, [poor_translations(faults, encoders, "the arm zero-shot")]))

    @property
    def needs(self) -> list[TranslatedTable]:
        """All translations that the study needs, none twice."""
        return list(dict.fromkeys(table for task in self.tasks for table in task.needs))


def make_plan(
    spec: StudySpec, data: Path, store: Path, progress: Progress, *, run_code: bool = True
) -> Plan:
    """Read the rows, find the translators, lay out the grid, and say what each training needs.

    Whatever is wrong with the study is found here, before anything long starts.

    Args:
        spec: The study.
        data: Folder that the names of its tables start from.
        store: Folder for rows, translations and runs, shared between studies.
        progress: Where notes are shown.
        run_code: Whether packages of others may be loaded, see `find_translators`.

    Raises:
        BabeliftError: A table, language, translator or encoder cannot be used as the study says.
    """
    protected = read_terms(data / spec.keep_terms) if spec.keep_terms else NOTHING
    encoders = {name: encoder_identity(path) for name, path in spec.encoders.items()}
    tables = read_tables(spec, data, progress)
    added = read_added(spec, tables, data)
    translating = set(spec.arms) & set(TRANSLATING)
    translators = find_translators(spec, data, run_code=run_code) if translating else {}
    grid = Grid.of(spec, {name: translator.pairs for name, translator in translators.items()})
    for translator in translators.values():
        _check_pairs(spec, translator, grid, progress)
    cache = Cache(store / "rows", tables, translators, spec.quality, protected)
    learnt = {(lang, job.rows) for job in grid.jobs for lang in job.originals}
    steps = _steps(spec, [cache.originals("train", lang, rows) for lang, rows in learnt])
    tasks = _Tasks(spec, tables, cache, encoders, steps, store / "runs")
    by_job = [tasks.of(job) for job in grid.jobs]
    # Jobs of another number of rows are one training where a table has no more of them.
    by_key = {task.key: task for task in by_job}
    places = tuple((place, by_key[by_job[number].key]) for place, number in grid.places)
    return Plan(spec, tables, added, translators, encoders, places, tuple(by_key.values()), cache)


def _check_pairs(
    spec: StudySpec, translator: StudyTranslator, grid: Grid, progress: Progress
) -> None:
    reached = {
        lang
        for place, _ in grid.places
        if place.condition.translator == translator.name
        for lang in place.langs
    }
    if not reached:
        raise LanguageError(
            f"translator '{translator.name}' has no pair that the study asks for: from "
            f"{', '.join(spec.sources)} into {', '.join(spec.targets)}.",
            "Take it out of the study, or see its pairs with 'babelift models'.",
        )
    if lacking := [lang for lang in spec.targets if lang not in reached
                   and lang not in spec.sources]:  # fmt: skip
        progress.say(f"translator '{translator.name}' has no pair for {', '.join(lacking)}: it is "
                     f"tried in {', '.join(sorted(reached))} alone")  # fmt: skip


def _steps(spec: StudySpec, originals: Sequence[Path]) -> int:
    """Updates of every training: as many as the largest table of originals needs.

    All arms take the same number, so that none is better for having been trained longer.
    """
    settings = Training.from_mapping(spec.settings)
    if settings.steps is not None:
        return settings.steps
    from babelift.training.encoder import default_epochs

    largest = max(read_table(path, columns=["id"]).height for path in originals)
    per_epoch = math.ceil(largest / max(settings.batch_size // 2, 1))
    return per_epoch * (settings.epochs or default_epochs(spec.encoders.values(), per_epoch))


@dataclass(frozen=True)
class _Tasks:
    """Makes tasks of jobs."""

    spec: StudySpec
    tables: Tables
    cache: Cache
    encoders: Mapping[str, str]
    steps: int
    runs: Path
    pairs: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def of(self, job: Job) -> Task:
        settings = job.settings.model_copy(update={"steps": self.steps, "epochs": None})
        job = replace(job, settings=settings)
        originals = tuple(self.cache.originals("train", lang, job.rows) for lang in job.originals)
        needs = self._needs(job)
        tests = {OWN_TEXT: tuple(self.cache.originals("test", lang) for lang in job.tested)}
        for name in job.tested_by:
            tests[name] = tuple(
                need.path for need in needs if (need.translator, need.split) == (name, "test")
            )
        pairs = self._pairs(job)
        unlabelled = self._unlabelled(job, originals)
        encoder = next(
            self.encoders[name]
            for name, path in self.spec.encoders.items()
            if path == settings.encoder
        )
        identity = {
            "revision": REVISION,
            "versions": library_versions(*_LIBRARIES),
            "precision": resolved_precision(settings.precision),
            "encoder": encoder,
            "settings": settings.model_dump(mode="json", exclude={"encoder"}),
            "labels": self.tables.labels,
            "originals": [path.name for path in originals],
            "translations": [need.path.name for need in needs if need.split == "train"],
            "tests": {name: [path.name for path in paths] for name, paths in tests.items()},
            "pairs": pairs and pairs.name,
        }
        rounds = self.spec.rounds if unlabelled else 0
        if unlabelled:
            identity |= {"unlabelled": [path.name for path in unlabelled], "rounds": rounds}
        key = key_of(**identity)
        return Task(key, identity, self.runs / key, job, self.tables.labels, originals, needs,
                    tests, pairs, unlabelled, rounds)  # fmt: skip

    def _unlabelled(self, job: Job, originals: Sequence[Path]) -> tuple[Path, ...]:
        """The unlabelled rows that a job may learn from: other items than its labelled ones."""
        if not job.unlabelled:
            return ()
        items = pl.concat([read_table(path, ["group_id"]) for path in originals])["group_id"]
        tables = [
            self.tables.unlabelled[lang].filter(~pl.col("group_id").is_in(items.implode()))
            for lang in job.unlabelled
        ]
        return tuple(self.cache.put(rows) for rows in tables if rows.height)

    def _needs(self, job: Job) -> tuple[TranslatedTable, ...]:
        learnt = [
            self.cache.translated(job.translator, "train", source, target, job.rows)
            for source in job.translate_from
            for target in job.translate_to
            if job.translator is not None
        ]
        if job.back:
            learnt += [self.cache.back(there) for there in learnt]
        tested = [
            self.cache.translated(name, "test", lang, job.originals[0])
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
        langs = (source, *(lang for lang in job.tested if lang != source))
        if langs not in self.pairs:
            others = [reference_rows(tables[source], tables[lang]) for lang in langs[1:]]
            self.pairs[langs] = self.cache.put(pl.concat([tables[source], *others]))
        return self.pairs[langs]


def library_versions(*packages: str) -> dict[str, str]:
    """The installed versions of packages, as part of a key."""
    return {package: version(package) for package in packages}


def resolved_precision(setting: str) -> str:
    """The arithmetic that trainings on this machine are done in: that of its accelerator."""
    import torch

    from babelift.precision import choose_precision

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return choose_precision(setting, accelerator or torch.device("cpu"))


def encoder_identity(spec: str) -> str:
    """What identifies an encoder: hashes of its weights, tokenizer and configuration."""
    from babelift.hub import weight_files
    from babelift.training.encoder import SCRATCH, find_encoder

    if spec == SCRATCH:
        return SCRATCH
    folder = find_encoder(spec)
    others = (path for end in ("json", "txt", "model") for path in folder.glob(f"*.{end}"))
    files = [*weight_files(folder), *sorted(others), *sorted(folder.glob("*/config.json"))]
    return key_of(files={str(path.relative_to(folder)): file_hash(path) for path in files})
