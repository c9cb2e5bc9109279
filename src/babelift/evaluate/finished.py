"""Predictions that are finished, kept until the table that they belong to is written."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from babelift.files import replace_file, write_text


class Finished:
    """Probabilities of the first parts of a table, in a hidden folder beside the output.

    What another job left there is begun anew.

    Args:
        out: The output.
        job: Identifies model, settings and input.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = Path(folder) / "labelled.csv"
    ...     Finished(out, "job").append(np.array([[0.25, 0.75]]))
    ...     [part.tolist() for part in Finished(out, "job")], len(Finished(out, "another"))
    ([[[0.25, 0.75]]], 0)
    """

    def __init__(self, out: Path, job: str) -> None:
        self._folder = out.with_name(f".{out.name}.finished")
        self._job = job
        name = self._folder / "job"
        known = name.read_text(encoding="utf-8") if name.is_file() else None
        self._count = len(list(self._folder.glob("*.npy"))) if known == job else 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[npt.NDArray[np.float64]]:
        for number in range(self._count):
            yield np.load(self._part(number), allow_pickle=False)

    def append(self, proba: npt.NDArray[np.float64]) -> None:
        """Keep one more part.

        Raises:
            RunError: It cannot be written: disk full, no permission.
        """
        if not self._count:
            self.clear()
            self._folder.mkdir()
            write_text(self._job, self._folder / "job")
        replace_file(self._part(self._count), lambda file: _save(file, proba))
        self._count += 1

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _part(self, number: int) -> Path:
        return self._folder / f"{number:06}.npy"


def _save(file: Path, proba: npt.NDArray[np.float64]) -> None:
    with file.open("wb") as opened:
        np.save(opened, proba, allow_pickle=False)
