"""The output of one job: written once, known again when complete, never in place of another."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from babelift.errors import RunError
from babelift.files import check_form, file_hash, rows_file, write_json


@dataclass(frozen=True, slots=True)
class JobOutput:
    """A file that a job writes, with its report beside it.

    Attributes:
        path: The file.
        job: Identifies the settings and the input.
    """

    path: Path
    job: str

    @property
    def report(self) -> Path:
        """The report: counts, and the job that made the output."""
        return self.path.with_name(f"{self.path.name}.report.json")

    def check(self) -> None:
        """Refuse, before any work, a file that another job or the user made.

        Raises:
            ConfigError: The file's ending is not one that can be written.
            RunError: The file exists and is not this job's.
        """
        check_form(self.path)
        if self.path.is_dir():
            raise RunError(f"output '{self.path}' is a folder.", "Name a file with --out.")
        if not self.path.exists():
            return
        try:
            known: Any = json.loads(self.report.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = None
        if not isinstance(known, dict) or "job" not in known:
            self._refuse("was not written by 'babelift translate'")
        if known["job"] != self.job:
            self._refuse("was written with other settings or from another input")

    def write(self, frames: Iterable[pl.DataFrame], report: Callable[[], dict[str, Any]]) -> bool:
        """Put the rows in place; what stands there already must be the same to the byte.

        Args:
            frames: The rows, all of the same columns.
            report: Gives the counts, once all rows have been taken.

        Returns:
            Whether anything was written.

        Raises:
            RunError: The file cannot be written, or is not what the job makes now.
        """
        exists = self.path.exists()
        fresh = self.path.with_name(f".{self.path.stem}.again{self.path.suffix}")
        with rows_file(fresh if exists else self.path) as append:
            for frame in frames:
                append(frame)
            if not exists:
                write_json({"job": self.job, **report()}, self.report)
        if exists:
            same = file_hash(fresh) == file_hash(self.path)
            fresh.unlink()
            if not same:
                self._refuse("is not what this job makes now: it or the translator has changed")
        return not exists

    def _refuse(self, why: str) -> NoReturn:
        raise RunError(
            f"output '{self.path}' exists and {why}; it is not overwritten.",
            "Choose another --out, or move that file away.",
        )
