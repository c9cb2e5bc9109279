"""The log of a training: one JSON object per update and per validation, in log.jsonl."""

import json
import os
from pathlib import Path
from typing import Any, Self, TextIO

from babelift.errors import TrainingError

OURS = ("step", "validation")
"""Kinds of lines that training writes; others in the same file are left alone."""


class Log:
    """Appends lines to log.jsonl.

    Opening it drops the lines after the point from which training goes on, and a last line that
    was cut by a kill, so that each update is logged once.

    Args:
        path: The file; made if missing.
        step: Last update that is kept.
        validated: Last update whose validation is kept.
    """

    def __init__(self, path: Path, *, step: int = 0, validated: int = 0) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                _drop_after(path, step, validated)
            self._file: TextIO = path.open("a", encoding="utf-8")
        except OSError as error:
            raise self._failure(error) from error

    def write(self, kind: str, values: dict[str, Any]) -> None:
        """Append one line.

        Raises:
            TrainingError: The file cannot be written.
        """
        try:
            self._file.write(json.dumps({"kind": kind, **values}, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from error

    def sync(self) -> None:
        """Wait until the lines are on the disk."""
        os.fsync(self._file.fileno())

    def _failure(self, error: OSError) -> TrainingError:
        return TrainingError(
            f"'{self._path}' cannot be written: {error.strerror or error}.",
            "Make room or give a folder that can be written; training goes on from its last "
            "checkpoint.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _drop_after(path: Path, step: int, validated: int) -> None:
    last = {"step": step, "validation": validated}
    partial = path.with_name(f".{path.name}.partial")
    with (
        path.open(encoding="utf-8", errors="replace") as old,
        partial.open("w", encoding="utf-8") as new,
    ):
        for line in old:
            try:
                values = json.loads(line)
                late = values["kind"] in OURS and values["step"] > last[values["kind"]]
            except (ValueError, KeyError, TypeError):
                late = not line.endswith("\n")
            if not late:
                new.write(line)
    partial.replace(path)
