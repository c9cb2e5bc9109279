"""Checkpoints on disk: safetensors and JSON, complete or not there, the last two kept."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babelift.errors import RunError, TrainingError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT: Final = 2
KEPT: Final = 2

Tensors = Mapping[str, "Tensor"]


@dataclass
class State:
    """Where a training stands; with the tensors, all that is needed to go on.

    Attributes:
        step: Updates done.
        validated: Update at which the last validation was done.
        best_step: Update with the best validation score; 0 where there is none yet.
        best_score: That score.
        stopped_early: Patience ran out.
        recycled: Times so far that a row was taken again within an epoch.
        unpaired_steps: Updates so far without a pair, where others had some.
        tokens: Tokens so far, padding not counted.
        seconds: Time so far.
        parts: In how many parts batches are computed, since memory ran out.
    """

    step: int = 0
    validated: int = 0
    best_step: int = 0
    best_score: float = -1.0
    stopped_early: bool = False
    recycled: int = 0
    unpaired_steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    parts: int = 1


class Checkpoints:
    """The folder of one training's checkpoints.

    It belongs to one identity (settings, labels, data). Once it holds a checkpoint another is
    refused, so that no run goes on from weights that are not its own.

    Args:
        folder: Made if missing.
        identity: What must be equal for a training to go on, as plain JSON values.

    Raises:
        RunError: The folder holds the checkpoints of another training.
        TrainingError: The folder cannot be written.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder = folder
        self._about = folder / "training.json"
        known = _read_json(self._about) or {}
        self._result: dict[str, Any] | None = known.get("result")
        if (known.get("format"), known.get("identity")) == (FORMAT, identity):
            return
        if self._result is not None or self._all("step"):
            raise RunError(
                f"'{folder}' holds the checkpoints of another training"
                f"{_difference(known.get('identity'), identity)}.",
                "Give another run folder, or delete that one.",
            )
        # What is there stopped before its first checkpoint: nothing is lost by starting over.
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
        for leftover in (self.tokenizer, *self._all("best")):
            _remove(leftover)
        self._write_about({"format": FORMAT, "identity": identity, "result": None})

    @property
    def result(self) -> dict[str, Any] | None:
        """What a finished training left here; None where it is not finished."""
        return self._result

    @property
    def tokenizer(self) -> Path:
        """Where an encoder that makes its own tokenizer keeps it."""
        return self.folder / "tokenizer"

    def save(self, state: State, tensors: Tensors) -> None:
        """Write a checkpoint and drop those older than the last two.

        Raises:
            TrainingError: It cannot be written.
        """
        self._write_folder(self._name("step", state.step), tensors, asdict(state))
        self._prune()

    def save_best(self, step: int, tensors: Tensors) -> None:
        """Write the weights of the best update so far.

        Raises:
            TrainingError: They cannot be written.
        """
        self._write_folder(self._name("best", step), tensors, {"step": step})

    def latest(self) -> tuple[State, dict[str, "Tensor"]] | None:
        """The newest checkpoint that can be read, or None."""
        for path in reversed(self._all("step")):
            state = _read_json(path / "state.json")
            tensors = _read_tensors(path / "state.safetensors")
            if state is not None and tensors is not None:
                return State(**state), tensors
        return None

    def best(self, step: int) -> dict[str, "Tensor"]:
        """The weights written by `save_best(step, ...)`.

        Raises:
            TrainingError: They are missing or damaged.
        """
        path = self._name("best", step)
        tensors = _read_tensors(path / "state.safetensors")
        if tensors is None:
            raise TrainingError(
                f"'{path}', the best weights so far, is missing or damaged.",
                f"Delete '{self.folder}' to train again from the start.",
            )
        return tensors

    def finish(self, result: dict[str, Any]) -> None:
        """Mark the training as finished and drop what is no longer needed to go on."""
        self._result = result
        known = _read_json(self._about) or {}
        self._write_about({**known, "result": result})
        for path in [*self._all("step"), *self._all("best")]:
            _remove(path)

    def _name(self, kind: str, step: int) -> Path:
        return self.folder / f"{kind}-{step:09d}"

    def _all(self, kind: str) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"{kind}-*") if path.name[-9:].isdigit())

    def _prune(self) -> None:
        steps = self._all("step")
        needed = {
            self._name("best", (_read_json(path / "state.json") or {}).get("best_step", 0))
            for path in steps[-KEPT:]
        }
        for path in [*steps[:-KEPT], *(best for best in self._all("best") if best not in needed)]:
            _remove(path)

    def _write_about(self, values: dict[str, Any]) -> None:
        partial = self._about.with_name(f".{self._about.name}.{os.getpid()}.partial")
        with self._explained():
            _write_json(partial, values)
            partial.replace(self._about)

    def _write_folder(self, path: Path, tensors: Tensors, values: dict[str, Any]) -> None:
        from safetensors.torch import save_file

        partial = path.with_name(f"{path.name}.partial")
        with self._explained():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            save_file(dict(tensors), partial / "state.safetensors")
            _sync(partial / "state.safetensors")
            _write_json(partial / "state.json", values)
            if path.exists():
                _remove(path)
            partial.rename(path)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from safetensors import SafetensorError

        try:
            yield
        except (OSError, SafetensorError) as error:
            raise TrainingError(
                f"'{self.folder}' cannot be written: {getattr(error, 'strerror', None) or error}.",
                "Make room, or give a run folder that can be written. The last complete "
                "checkpoint is kept.",
            ) from error


def _difference(known: Any, wanted: Any, where: str = "") -> str:
    """The first thing that differs, in words."""
    if isinstance(known, dict) and isinstance(wanted, dict):
        for key in {**known, **wanted}:
            if known.get(key) != wanted.get(key):
                return _difference(known.get(key), wanted.get(key), key)
    if where in ("", "data"):
        return " (other rows)" if where else ""
    return f" ({where}: {known!r} there, {wanted!r} now)"


def _remove(path: Path) -> None:
    """Remove a checkpoint so that a kill on the way leaves nothing that looks whole."""
    (path / "state.json").unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def _write_json(path: Path, values: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(values, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _read_tensors(path: Path) -> "dict[str, Tensor] | None":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError):
        return None
