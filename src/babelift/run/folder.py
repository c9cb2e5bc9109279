"""A run's folder: what is in it, what is finished, and whether it fits the settings."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec

from babelift.config import ASKING, FitConfig
from babelift.errors import RunError
from babelift.evaluation.metrics import Metrics
from babelift.progress import Progress
from babelift.redaction import is_withheld, shown, withheld
from babelift.run.manifest import Invocation, Manifest
from babelift.store import full_disk_explained, read_record, write_record, write_text

MANIFEST: Final = "manifest.json"
"""The file that makes a folder a run."""

LABEL_ERRORS: Final = "label_errors.csv"
"""The training rows whose label looks wrong; not there where there were too few rows to tell."""

STAGES: Final = {
    "data": ("data/originals.parquet", "data/given.parquet"),
    "translation": ("data/train.parquet", "data/validation.parquet", "data/test.parquet"),
    "training": ("model/config.json", "model/model.safetensors"),
    "evaluation": ("predictions.parquet", "metrics.json"),
    "report": ("report.html", "model/README.md"),
}
"""The stages of a run, in order, and the files that each leaves."""

P = ParamSpec("P")


class Run:
    """One run: its folder, and what `manifest.json` in it says.

    Attributes:
        folder: The folder.
        manifest: What is known of the run so far.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @property
    def model(self) -> Path:
        """Folder of the classifier, which transformers opens too."""
        return self.folder / "model"

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    @property
    def metrics(self) -> Metrics:
        """The scores, per language.

        Raises:
            RunError: The run was not evaluated yet, or `metrics.json` is damaged.
        """
        return read_record(self.folder / "metrics.json", Metrics)

    @classmethod
    def start(cls, folder: Path, config: FitConfig, command: Sequence[str]) -> "Run":
        """Make the folder, or take up one that was started with the same settings.

        Of an invocation that finished no stage nothing stays: it did nothing for the run.

        Raises:
            RunError: The folder holds a run with other settings.
        """
        settings = folder / "config.yaml"
        invocation = Invocation(command=tuple(command))
        if (folder / MANIFEST).is_file():
            run = cls.open(folder)
            if run.manifest.stages:
                _same_settings(run, FitConfig.read(settings), config)
                before = [done for done in run.manifest.invocations if done.stages]
                if not before or before[-1].command != invocation.command:
                    before.append(invocation)  # written once it has finished a stage
                run.update(invocations=tuple(before))
                return run
        values = _compared(config)
        kept = withheld(values, shown(values))
        run = cls(
            folder, Manifest(created=_now(), invocations=(invocation,), withheld=kept, stages={})
        )
        run.save()
        write_text(config.to_yaml(), settings)
        return run

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open an existing run.

        Raises:
            RunError: The folder is not a run, or its manifest is damaged.
        """
        file = folder / MANIFEST
        if not file.exists():
            raise RunError(
                f"'{folder}' is not a run: it has no manifest.json.",
                "Name a folder that 'babelift fit' wrote.",
            )
        return cls(folder, read_record(file, Manifest))

    @property
    def finished(self) -> bool:
        """Whether every stage is done."""
        return self.manifest.finished is not None and all(map(self.done, STAGES))

    def done(self, stage: str) -> bool:
        """Whether a stage is finished and its files are still there."""
        files = (self.folder / name for name in STAGES[stage])
        return stage in self.manifest.stages and all(file.is_file() for file in files)

    def do(
        self,
        stage: str,
        work: Callable[Concatenate["Run", P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Do a stage that is not done, time it and mark it finished; if it fails it is not marked.

        Raises:
            BabeliftError: Whatever stops it; RunError where the disk is full.
        """
        if self.done(stage):
            return
        started = time.perf_counter()
        with full_disk_explained(self.folder):
            work(self, *args, **kwargs)
        *before, now = self.manifest.invocations
        if stage not in now.stages:
            now = Invocation(command=now.command, stages=(*now.stages, stage))
        seconds = round(time.perf_counter() - started, 2)
        self.update(stages={**self.manifest.stages, stage: seconds}, invocations=(*before, now))
        self.save()

    def update(self, **fields: Any) -> None:
        """Change fields of the manifest; `save` writes it."""
        self.manifest = self.manifest.model_copy(update=fields)

    def note(self, sentence: str, progress: Progress) -> None:
        """Say something that a reader must know, and keep it for the report."""
        if sentence not in self.manifest.notes:  # a stage that was stopped says it again
            self.update(notes=(*self.manifest.notes, sentence))
        progress.say(sentence)

    def finish(self, energy_joules: float | None) -> None:
        """Mark the whole run finished."""
        self.update(finished=_now(), energy_joules=energy_joules)
        self.save()

    def save(self) -> None:
        """Write the manifest."""
        write_record(self.manifest, self.folder / MANIFEST)


def fresh_folder(path: Path) -> Path:
    """`path`, or where it is taken, the first free `path-2`, `path-3`, ...

    >>> fresh_folder(Path("no/such/run")).as_posix()
    'no/such/run'
    """
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def _compared(config: FitConfig) -> dict[str, Any]:
    """The settings in which two invocations of one run must agree."""
    return config.model_dump(mode="json", exclude={"out", *ASKING})


def _same_settings(run: Run, before: FitConfig, now: FitConfig) -> None:
    old, new, kept = _compared(before), _compared(now), run.manifest.withheld
    changed = []
    for name, value in new.items():
        if is_withheld(value, kept[name]) if name in kept else old[name] == value:
            continue
        was, is_ = shown(old[name]), shown(value)
        same = f"{name} {is_!r} differs in what is not shown of it"
        changed.append(same if was == is_ else f"{name} was {was!r}, is {is_!r}")
    if changed:
        raise RunError(
            f"'{run.folder}' holds a run with other settings: {'; '.join(changed)}.",
            "Choose another --out, or --force to start over in a new folder beside it.",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
