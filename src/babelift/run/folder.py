"""A run's folder: what is in it, what is finished, and whether it fits the settings."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from babelift.config import FitConfig
from babelift.errors import RunError
from babelift.store import is_partial, write_json, write_text

STAGES: Final = {
    "data": ("data/originals.parquet", "data/given.parquet"),
    "translation": ("data/train.parquet", "data/validation.parquet", "data/test.parquet"),
    "training": ("model/config.json", "model/model.safetensors"),
    "evaluation": ("predictions.parquet", "metrics.json"),
    "report": ("report.html", "model/README.md"),
}
"""The stages of a run, in order, and the files that each leaves."""


class Run:
    """One run's folder and its manifest.

    Attributes:
        path: The folder.
        manifest: What is known of the run so far, as in `manifest.json`.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def start(cls, path: Path, config: FitConfig, command: list[str]) -> "Run":
        """Make the folder, or take up one that was started with the same settings.

        Raises:
            RunError: The folder holds something else, or a run with other settings.
        """
        if path.exists() and not path.is_dir():
            raise RunError(f"'{path}' is a file.", "--out must name a folder.")
        settings = path / "config.yaml"
        if (path / "manifest.json").is_file():
            run = cls.open(path)
            if run.manifest["stages"]:
                _same_settings(path, FitConfig.read(settings), config)
            else:
                write_text(config.to_yaml(), settings)
            return run
        if path.is_dir() and any(not is_partial(file) for file in path.iterdir()):
            raise RunError(
                f"'{path}' is not empty and holds no run.",
                "Choose another --out; nothing there was touched.",
            )
        run = cls(
            path,
            {"command": command, "created": _now(), "finished": None, "stages": {}, "notes": []},
        )
        run.save()
        write_text(config.to_yaml(), settings)
        return run

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Open an existing run.

        Raises:
            RunError: The folder is not a run.
        """
        manifest = path / "manifest.json"
        try:
            return cls(path, json.loads(manifest.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise RunError(
                f"'{path}' is not a run: it has no manifest.json.",
                "Name a folder that 'babelift fit' wrote.",
            ) from error
        except (OSError, ValueError) as error:
            raise RunError(f"'{manifest}' cannot be read: {error}") from error

    @property
    def finished(self) -> bool:
        """Whether every stage is done."""
        return self.manifest["finished"] is not None and all(map(self.done, STAGES))

    def done(self, stage: str) -> bool:
        """Whether a stage is finished and its files are still there."""
        files = (self.path / name for name in STAGES[stage])
        return stage in self.manifest["stages"] and all(file.is_file() for file in files)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and mark it finished; a stage that fails is not marked."""
        started = time.perf_counter()
        yield
        self.manifest["stages"][name] = round(time.perf_counter() - started, 2)
        self.save()

    def finish(self) -> None:
        """Mark the whole run finished."""
        self.manifest["finished"] = _now()
        self.save()

    def save(self) -> None:
        """Write the manifest."""
        write_json(self.manifest, self.path / "manifest.json")


def fresh_folder(path: Path) -> Path:
    """`path`, or where it is taken, the first free `path-2`, `path-3`, ...

    >>> fresh_folder(Path("no/such/run")).as_posix()
    'no/such/run'
    """
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def _same_settings(path: Path, before: FitConfig, now: FitConfig) -> None:
    old, new = (config.model_dump(mode="json", exclude={"out"}) for config in (before, now))
    changed = [
        f"{name} was {old[name]!r}, is {new[name]!r}" for name in new if old[name] != new[name]
    ]
    if changed:
        raise RunError(
            f"'{path}' holds a run with other settings: {'; '.join(changed)}.",
            "Choose another --out, or --force to start over in a new folder beside it.",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
