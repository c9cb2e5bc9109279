"""A classifier in use: texts in, probabilities out."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from babelift.deploy.load import OpenModel, open_model
from babelift.errors import DataError, ModelError
from babelift.hub import without_progress_bars
from babelift.precision import Precision, choose_precision
from babelift.progress import Progress, Task, quiet

Floats: TypeAlias = npt.NDArray[np.float64]

_BATCHES_AT_A_TIME = 128
_DOUBT: dict[Precision, float] = {"fp32": 1e-4, "bf16": 0.25}
"""Logits of the two best labels that are closer than this are computed again in float32: several
times the largest difference that rounding was seen to make (0.07 in bfloat16, six layers)."""


class Predictor:
    """Gives each text a probability per label, as transformers' own pipeline would.

    Texts are sorted by length and padded together. Rounding differs a little with the company a
    text is padded in, so texts whose two best labels are almost level are computed once more on
    their own, in float32: the label does not depend on the batch, and is the one that
    `pipeline("text-classification")` gives. With bfloat16 texts are computed in a third of the
    time, and more of them twice; probabilities then agree with float32 to about .02.

    Attributes:
        labels: Label names in the order of the columns of `predict_proba`.
    """

    def __init__(self, opened: OpenModel, precision: str = "fp32") -> None:
        import torch

        cpu = torch.device("cpu")
        self.labels = opened.labels
        self._opened = opened
        self._device = (torch.accelerator.current_accelerator(check_available=True)) or cpu
        self._model = opened.model.to(self._device)
        self._precision = choose_precision(precision, self._device)

    @classmethod
    def load(cls, model: str | Path, *, precision: str = "fp32") -> Self:
        """Open a model folder, a run folder or a model from the hub.

        Args:
            model: The folder or the model's id.
            precision: `fp32`, `bf16`, or `auto`: bf16 where the hardware has it.

        Raises:
            ModelError: It cannot be opened or is not a classifier.
        """
        return cls(open_model(model), precision)

    def save(self, folder: Path) -> None:
        """Write a `save_pretrained` folder: safetensors weights, settings and tokenizer."""
        with without_progress_bars():
            self._model.save_pretrained(folder)
        self._opened.tokenizer.save_pretrained(folder)

    def predict_proba(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Progress | None = None
    ) -> Floats:
        """Probabilities of the labels.

        Args:
            texts: Any texts, empty ones included; longer ones than the model takes are cut.
            batch_size: Texts that are computed together.
            progress: Where progress is shown; None for nowhere.

        Returns:
            `(texts, labels) float64`, rows in the order of the texts, each adding up to 1.

        Raises:
            DataError: A text is not a string.
            ModelError: The model's output is not finite.
        """
        with (progress or quiet()).task("predicting", len(texts), unit="texts") as task:
            return self._probabilities(texts, batch_size, task)

    def stream_proba(
        self,
        parts: Iterable[Sequence[str]],
        total: int | None = None,
        *,
        batch_size: int = 64,
        progress: Progress | None = None,
    ) -> Iterator[Floats]:
        """Probabilities of texts that come in parts, so that they need not all be in memory.

        Args:
            parts: Texts, some at a time.
            total: Their number, for the progress; None where not known.
            batch_size: Texts that are computed together.
            progress: Where progress is shown; None for nowhere.

        Yields:
            What `predict_proba` gives, for one part after the other.

        Raises:
            DataError, ModelError: As `predict_proba`.
        """
        with (progress or quiet()).task("predicting", total, unit="texts") as task:
            for texts in parts:
                yield self._probabilities(texts, batch_size, task)

    def predict(self, texts: Sequence[str], *, batch_size: int = 64) -> list[str]:
        """The most probable label of each text; of level ones the first.

        Raises:
            DataError, ModelError: As `predict_proba`.
        """
        best = self.predict_proba(texts, batch_size=batch_size).argmax(axis=1)
        return [self.labels[number] for number in best]

    def _probabilities(self, texts: Sequence[str], batch_size: int, task: Task) -> Floats:
        _check_texts(texts)
        logits = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        window = batch_size * _BATCHES_AT_A_TIME
        for start in range(0, len(texts), window):
            tokens = self._tokenize(texts[start : start + window])
            logits[start : start + window] = self._logits(tokens, batch_size, task)
        return _softmax(logits)

    def _logits(
        self, tokens: list[list[int]], batch_size: int, task: Task
    ) -> npt.NDArray[np.float32]:
        """Logits `(texts, labels) float32` of tokenised texts, such that the best label is sure."""
        logits = np.empty((len(tokens), len(self.labels)), dtype=np.float32)
        everything = range(len(tokens))
        with self._arithmetic(self._precision):
            for rows in _batches(everything, tokens, batch_size):
                logits[rows] = self._forward([tokens[row] for row in rows])
                task.advance(len(rows))
        if self._precision == "bf16":
            with self._arithmetic("fp32"):
                for rows in _batches(_level(logits, "bf16"), tokens, batch_size):
                    logits[rows] = self._forward([tokens[row] for row in rows])
        with self._arithmetic("fp32"):
            for row in _level(logits, "fp32"):
                logits[row] = self._forward([tokens[row]])[0]
        return logits

    @contextmanager
    def _arithmetic(self, precision: Precision) -> Iterator[None]:
        """For many batches at once: weights are cast to bfloat16 but once in such a block."""
        import torch

        bf16 = precision == "bf16"
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=bf16),
        ):
            yield

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        limit = self._opened.max_length
        encoded = self._opened.tokenizer(
            [_valid_unicode(text) for text in texts],
            truncation=limit is not None,
            max_length=limit,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _forward(self, tokens: list[list[int]]) -> npt.NDArray[np.float32]:
        """Logits `(texts, labels) float32` of tokenised texts, padded together."""
        import torch

        tokenizer = self._opened.tokenizer
        width = max(1, *(len(ids) for ids in tokens))
        padded = np.full((len(tokens), width), tokenizer.pad_token_id, dtype=np.int64)
        mask = np.zeros((len(tokens), width), dtype=np.int64)
        for row, ids in enumerate(tokens):
            place = (
                slice(width - len(ids), width)
                if tokenizer.padding_side == "left"
                else slice(len(ids))
            )
            padded[row, place] = ids
            mask[row, place] = 1
        output: Any = self._model(
            input_ids=torch.from_numpy(padded).to(self._device),
            attention_mask=torch.from_numpy(mask).to(self._device),
        )
        logits: npt.NDArray[np.float32] = output.logits.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise ModelError(
                f"model '{self._opened.name}' gives outputs that are not finite numbers.",
                "Its weights are damaged or its training diverged; train it again.",
            )
        return logits


def _level(logits: npt.NDArray[np.float32], precision: Precision) -> list[int]:
    """Rows whose two best labels are so close that rounding might change their order."""
    best = np.partition(logits, -2, axis=1)
    found: list[int] = np.flatnonzero(best[:, -1] - best[:, -2] < _DOUBT[precision]).tolist()
    return found


def _check_texts(texts: Sequence[str]) -> None:
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise DataError(f"text {number} must be a string. Got {text!r}.")


def _valid_unicode(text: str) -> str:
    """The text with lone surrogates, which no encoding has, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _batches(
    rows: Sequence[int], tokens: Sequence[Sequence[int]], size: int
) -> Iterator[list[int]]:
    """Rows in batches of like lengths, longest first, so that memory runs out at once."""
    order = sorted(rows, key=lambda row: -len(tokens[row]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _softmax(logits: npt.NDArray[np.float32]) -> Floats:
    """Softmax in float32, as transformers' pipeline does it, so that ties fall alike."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
