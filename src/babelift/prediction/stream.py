"""Rows predicted as a stream, and kept until the table that they belong to is written."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from babelift.prediction.predictor import Predictor
from babelift.progress import Progress
from babelift.store import replace_file, write_text


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


def predict_proba(
    model: str | Path,
    texts: Sequence[str],
    *,
    batch_size: int = 32,
    precision: str = "fp32",
    progress: Progress | None = None,
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Probabilities of a saved classifier's labels.

    Args:
        model: Run folder, model folder or hub id.
        texts: Texts, in any order of length.
        batch_size: Texts that are computed together.
        precision: `fp32`, `bf16`, or `auto`: bf16 where the hardware has it. The labels are the
            same; probabilities agree to some hundredths.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The labels, in the model's order, and `(texts, labels) float64` probabilities in the order
        of the texts.

    Raises:
        ModelError: The model cannot be opened or is not a classifier.
        DataError: A text is not a string.
    """
    predictor = Predictor.load(model, precision=precision)
    return predictor.labels, predictor.predict_proba(
        texts, batch_size=batch_size, progress=progress
    )
