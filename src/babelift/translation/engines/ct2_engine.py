"""CTranslate2's engine: opened on first use, fed ahead of its results, in less when memory ends."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from babelift.errors import ModelError, TranslationError

STEP_TOKENS: Final = 1024
"""Source tokens in one step of the engine: enough for a core, and several steps for several."""

AHEAD: Final = 2
"""Batches handed to the engine before the one that is waited for has come back."""

_NO_MEMORY: Final = re.compile(r"out of memory|failed to allocated? memory|alloc_failed", re.I)
"""What CTranslate2, MKL, CUDA and cuBLAS say in a RuntimeError; C++'s own is a MemoryError."""


@dataclass(frozen=True, slots=True)
class Started:
    """Sources that the engine has been given.

    Attributes:
        name: What to call the translator in an error.
        sources: Their tokens, none empty.
        options: Arguments of CTranslate2's `translate_batch`.
        step: Source tokens in one step.
        results: What comes back, one per source; or the error that starting them ended in.
    """

    name: str
    sources: Sequence[list[str]]
    options: Mapping[str, Any]
    step: int
    results: Sequence[Any] | MemoryError


class Engine:
    """The loaded weights, and how much they are given at a time.

    Where memory runs out in a step, what was in it is given again in steps of half the tokens, as
    is all that comes later.

    Args:
        folder: A model in CTranslate2's form.
        compute_type: CTranslate2's arithmetic.

    Attributes:
        step: Source tokens in one step.
        notes: A sentence about steps that were made smaller, where they were.
    """

    def __init__(self, folder: Path, compute_type: str) -> None:
        self.step = STEP_TOKENS
        self.notes: tuple[str, ...] = ()
        self._folder = folder
        self._compute_type = compute_type
        self._loaded: Any = None

    def start(self, name: str, sources: Sequence[list[str]], options: Mapping[str, Any]) -> Started:
        """Hand over sources without waiting for their translations.

        Args:
            name: What to call the translator in an error.
            sources: Their tokens, none empty.
            options: Arguments of `translate_batch`; `target_prefix` is the prefix of each source.

        Raises:
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        if not sources:
            return Started(name, sources, options, self.step, ())
        engine = self._open(name)
        prefix = options["target_prefix"]
        results: Sequence[Any] | MemoryError
        try:
            # The engine itself sorts by length, longest first, and gives the results in order.
            results = engine.translate_batch(
                list(sources),
                **{**options, "target_prefix": [prefix] * len(sources) if prefix else None},
                max_batch_size=self.step,
                batch_type="tokens",
                asynchronous=True,
            )
        except MemoryError as error:
            results = error
        except (RuntimeError, ValueError) as error:
            raise _failed(name, error) from error
        return Started(name, sources, options, self.step, results)

    def finish(self, started: Started) -> list[list[str]]:
        """Wait for the output tokens of each source.

        Raises:
            TranslationError: The engine failed, or a source alone does not fit in memory.
        """
        sources = started.sources
        found: list[list[str]] = [[]] * len(sources)
        left = list(range(len(sources)))
        while left:
            failed = []
            for place, number in enumerate(left):
                try:
                    found[number] = _tokens(started, place)
                except (MemoryError, RuntimeError, ValueError) as error:
                    if not is_out_of_memory(error):
                        raise _failed(started.name, error) from error
                    failed.append(number)
                    reason = error
            left = failed
            if left:
                again = [sources[number] for number in left]
                self._give_less(started, min(map(len, again)), reason)
                started = self.start(started.name, again, started.options)
        return found

    def close(self) -> None:
        """Let go of the weights; waits for what has been started."""
        self._loaded = None

    def _give_less(self, failed: Started, shortest: int, reason: BaseException) -> None:
        """Halve the steps, unless each held one source already."""
        if failed.step < 2 * shortest:
            raise TranslationError(
                f"{failed.name}: memory ran out on a single text of {shortest} tokens: {reason}.",
                "Close other programs, use a smaller model, or a narrower --beam-size.",
            ) from reason
        self.step = min(self.step, failed.step // 2)
        self.notes = (
            f"{failed.name}: memory ran out, so it was given {self.step} tokens at a time instead "
            f"of {STEP_TOKENS}; nothing was lost.",
        )

    def _open(self, name: str) -> Any:
        import ctranslate2

        if self._loaded is None:
            inter, intra = threads()
            try:
                with _torch_threads_kept():
                    self._loaded = ctranslate2.Translator(
                        str(self._folder),
                        device=device(),
                        compute_type=self._compute_type,
                        inter_threads=inter,
                        intra_threads=intra,
                        max_queued_batches=-1,  # how much is under way is bounded by AHEAD
                    )
            except (MemoryError, RuntimeError, ValueError) as error:
                raise ModelError(
                    f"{name}: '{self._folder}' cannot be opened: {error}.",
                    "It does not fit in memory: close other programs or use a smaller model."
                    if is_out_of_memory(error)
                    else "If Babelift made the folder, delete it; it is made again.",
                ) from error
        return self._loaded


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of the engine says that memory ran out.

    >>> is_out_of_memory(RuntimeError("mkl_malloc: failed to allocate memory"))
    True
    >>> is_out_of_memory(RuntimeError("CUDA failed with error out of memory"))
    True
    >>> is_out_of_memory(RuntimeError("CUDA failed with error invalid argument"))
    False
    """
    return isinstance(error, MemoryError) or bool(_NO_MEMORY.search(str(error)))


def device() -> str:
    """`cuda` where CTranslate2 sees a GPU, else `cpu`."""
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def threads() -> tuple[int, int]:
    """Translations at a time and threads of each: OMP_NUM_THREADS, else all cores we may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    cores = int(asked) if asked.isdigit() and int(asked) > 0 else _cores()
    inter = min(cores, 4)
    return inter, cores // inter


def _tokens(started: Started, place: int) -> list[str]:
    if isinstance(started.results, MemoryError):
        raise started.results
    tokens: list[str] = started.results[place].result().hypotheses[0]
    return tokens


def _failed(name: str, error: BaseException) -> TranslationError:
    return TranslationError(f"{name}: the engine failed: {error}.")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _torch_threads_kept() -> Iterator[None]:
    """Undo what opening an engine does to torch: both share OpenMP's number of threads."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)
