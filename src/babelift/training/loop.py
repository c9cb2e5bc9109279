"""The training loop: updates, validations and checkpoints, each at a place that can be resumed."""

import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Self

from babelift.config import Training
from babelift.errors import NonFiniteLossError
from babelift.progress import Progress, Task
from babelift.training.checkpoint import Checkpoints, State, Tensors
from babelift.training.data import Rows
from babelift.training.learner import Learner
from babelift.training.log import Log
from babelift.training.sampler import PairSampler

if TYPE_CHECKING:
    from accelerate import Accelerator


class Interrupt:
    """While open, the first Ctrl-C only sets `requested`; a second one interrupts at once.

    Signals reach the main thread only; opened in another thread this does nothing.

    >>> with Interrupt() as interrupt:
    ...     interrupt.requested
    False
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: object = signal.SIG_IGN

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            # A process that was started with Ctrl-C ignored (by nohup, say) goes on ignoring it.
            if self._before is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not signal.SIG_IGN:
            before = self._before if self._before is not None else signal.default_int_handler
            signal.signal(signal.SIGINT, before)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


class Stopped(Exception):  # noqa: N818
    """Ctrl-C was pressed and a safe point reached."""


class Loop:
    """Trains step by step.

    Every update depends on the state, the seed and the data alone, so that a loop taken up from a
    checkpoint ends with the same weights as one that was never interrupted.

    Args:
        accelerator: Device and processes.
        learner: What is trained.
        sampler: Which rows make up each update.
        rows: Training rows.
        validation: Validation rows, None for none.
        settings: How to train.
        steps: Updates in all.
        checkpoints: Where states are kept.

    Attributes:
        state: Where the training stands.
    """

    def __init__(
        self,
        accelerator: "Accelerator",
        learner: Learner,
        sampler: PairSampler,
        rows: Rows,
        validation: Rows | None,
        settings: Training,
        steps: int,
        checkpoints: Checkpoints,
    ) -> None:
        self.state = State()
        self._accelerator, self._learner, self._sampler = accelerator, learner, sampler
        self._rows, self._validation = rows, validation
        self._settings, self._steps, self._checkpoints = settings, steps, checkpoints
        self._saved = 0

    def resume(self, state: State, tensors: Tensors) -> None:
        """Take up a checkpoint."""
        self.state, self._saved = state, state.step
        self._learner.load_weights(tensors)
        self._learner.load_moments(tensors)
        self._learner.parts = state.parts

    def run(self, log: Log | None, progress: Progress) -> None:
        """Train to the end.

        Args:
            log: Where updates are logged; None in all but the first of several processes, which
                write nothing.
            progress: Where progress is shown.

        Raises:
            KeyboardInterrupt: Ctrl-C; a checkpoint has been written.
            NonFiniteLossError: The loss or its gradient is NaN or infinite.
            TrainingError: A file cannot be written, or not even one text fits into memory.
        """
        state = self.state
        began = time.monotonic() - state.seconds
        with Interrupt() as interrupt, progress.task("training", self._steps, "updates") as task:
            task.advance(state.step)
            try:
                while not self._finished(interrupt, log, task):
                    state.seconds = time.monotonic() - began
                    if (
                        state.step > self._saved
                        and not state.step % self._settings.checkpoint_every
                    ):
                        self._save(log)
                    self._update(log)
                    task.advance(1)
            except Stopped:
                state.seconds = time.monotonic() - began
                self._save(log)
                progress.say(
                    f"Stopped after update {state.step} of {self._steps}; everything so far is "
                    "kept. Run the same command again to go on from here."
                )
                raise KeyboardInterrupt from None
        state.seconds = time.monotonic() - began

    def _finished(self, interrupt: Interrupt, log: Log | None, task: Task) -> bool:
        self._stop_if_asked(interrupt)
        state = self.state
        at_end = state.step >= self._steps
        due = state.step > 0 and (at_end or state.step % self._sampler.steps_per_epoch == 0)
        if self._validation is not None and due and state.validated < state.step:
            self._validate(self._validation, interrupt, log, task)
        return at_end or state.stopped_early

    def _stop_if_asked(self, interrupt: Interrupt) -> None:
        if self._learner.anyone(interrupt.requested):
            raise Stopped

    def _update(self, log: Log | None) -> None:
        began = time.perf_counter()
        state = self.state
        epoch, within = divmod(state.step, self._sampler.steps_per_epoch)
        batch = self._sampler.batch(epoch, within)
        try:
            values = self._learner.update(batch, state.step)
        except NonFiniteLossError as error:
            last = f"checkpoint of update {self._saved}" if self._saved else "start"
            raise NonFiniteLossError(
                f"update {state.step + 1} (epoch {epoch + 1}): {error.message}",
                f"The {last} is kept. Look at these rows, or try in a new run folder a lower "
                "--learning-rate, a higher --temperature, or --precision fp32.",
            ) from None
        state.step += 1
        state.parts = self._learner.parts
        state.tokens += int(self._rows.tokens.lengths[batch.rows].sum())
        state.recycled += batch.recycled
        state.unpaired_steps += self._sampler.batch_translations > 0 and not len(batch.partners)
        if log is not None:
            speed = round(len(batch.rows) / (time.perf_counter() - began), 1)
            log.write(
                "step",
                {"step": state.step, "epoch": epoch + 1, **values, "rows_per_second": speed},
            )

    def _validate(self, rows: Rows, interrupt: Interrupt, log: Log | None, task: Task) -> None:
        """Keep the weights if they are the best so far, and stop if they have not been for long."""
        state, per_epoch = self.state, self._sampler.steps_per_epoch
        alone = self._accelerator.num_processes == 1
        scores, ce = self._learner.score(
            rows, lambda: self._stop_if_asked(interrupt) if alone else None
        )
        mean = sum(scores.values()) / len(scores)
        best = mean > state.best_score
        if best:
            if log is not None:
                self._checkpoints.save_best(state.step, self._learner.weights())
            state.best_step, state.best_score = state.step, mean
        if self._settings.patience is not None:
            waited = state.step - state.best_step
            state.stopped_early = waited >= self._settings.patience * per_epoch
        state.validated = state.step
        epoch = -(-state.step // per_epoch)
        task.describe(f"training (epoch {epoch}, F1 {mean:.2f})")
        if log is not None:
            values = {"f1_micro": scores, "mean": mean, "ce": ce, "best": best}
            log.write("validation", {"step": state.step, "epoch": epoch, **values})

    def _save(self, log: Log | None) -> None:
        if log is not None:
            log.sync()
            tensors = {**self._learner.weights(), **self._learner.moments()}
            self._checkpoints.save(self.state, tensors)
        self._saved = self.state.step
