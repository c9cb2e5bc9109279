"""A classifier in use: texts in, probabilities out."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.errors import DataError, ModelError
from babelift.hub import without_progress_bars
from babelift.precision import choose_precision
from babelift.prediction.model import OpenModel, export_folder, open_classifier, valid_unicode
from babelift.progress import Progress, Task, quiet
from babelift.training.cuts import Cut
from babelift.training.data import by_length, padded_width

Floats: TypeAlias = npt.NDArray[np.float64]

_CHARACTERS: Final = 200
"""Characters of a text that are looked at for each token that the model reads."""

BATCHES_AT_A_TIME: Final = 128
"""Batches whose texts are tokenised, and sorted by length, together."""

_WORKERS: Final = 8
"""Most batches at a time on a processor."""

_LEVEL: Final = 1e-4
"""Logits of the two best labels that are closer than this depend on a batch's padding: several
times what rounding was seen to do in float32."""

_SAMPLE: Final = 64
"""Texts on which the rounding of bfloat16 is measured; with less than twice as many it is left."""

_DEVIATIONS: Final = 4.0
"""Standard deviations of that rounding within which two labels count as level."""


class Predictor:
    """Gives each text a probability per label, as transformers' own pipeline would.

    Texts are sorted by length and padded together; on a processor every core has a batch of its
    own. Rounding differs a little with the company a text is padded in, so texts whose two best
    labels are almost level are computed once more on their own, in float32: the label does not
    depend on the batch, and is the one that `pipeline("text-classification")` gives.

    With bfloat16 the model is held twice. How much rounding there moves logits is measured on the
    first 128 texts or more that come together; fewer are computed in float32. Texts whose label
    rounding might turn round are computed again in float32: the same labels in less time, the less
    the surer the model is; probabilities agree to some hundredths.

    Attributes:
        labels: Label names in the order of the columns of `predict_proba`.
    """

    def __init__(self, opened: OpenModel, precision: str = "fp32") -> None:
        import torch

        cpu = torch.device("cpu")
        self.labels = opened.labels
        self._opened = opened
        self._device = (torch.accelerator.current_accelerator(check_available=True)) or cpu
        self._exact = opened.model.to(self._device)
        self._bf16: Any = None
        self._doubt: float | None = None
        self._precision = choose_precision(precision, self._device)

    @classmethod
    def load(cls, model: str | Path, *, precision: str = "fp32") -> Self:
        """Open a model folder, a run folder, an export or a model from the hub.

        Args:
            model: The folder or the model's id.
            precision: `fp32`, `bf16`, or `auto`: bf16 where the hardware has it.

        Raises:
            ModelError: It cannot be opened or is not a classifier.
        """
        if cls is Predictor and export_folder(model):
            from babelift.prediction.onnx import OnnxPredictor

            return cast("Self", OnnxPredictor.load(model))
        return cls(open_classifier(model), precision)

    def save(self, folder: Path) -> None:
        """Write a `save_pretrained` folder: safetensors weights, settings and tokenizer."""
        with without_progress_bars():
            self._exact.save_pretrained(folder)
        self._opened.tokenizer.save_pretrained(folder)

    def predict_proba(
        self, texts: Sequence[str], *, batch_size: int = 32, progress: Progress | None = None
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
        batch_size: int = 32,
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

    def predict(self, texts: Sequence[str], *, batch_size: int = 32) -> list[str]:
        """The most probable label of each text; of level ones the first.

        Raises:
            DataError, ModelError: As `predict_proba`.
        """
        best = self.predict_proba(texts, batch_size=batch_size).argmax(axis=1)
        return [self.labels[number] for number in best]

    def vectors(
        self, texts: Sequence[str], *, batch_size: int = 32, progress: Progress | None = None
    ) -> npt.NDArray[np.float32]:
        """Sentence vectors: of the last layer, what the classifier's head reads of it.

        That is the first token or the mean of all; the mean also where the head reads neither.

        Args:
            texts: As in `predict_proba`.
            batch_size: Texts that are computed together.
            progress: Where progress is shown; None for nowhere.

        Returns:
            `(texts, dim) float32`, each of length 1.

        Raises:
            DataError, ModelError: As `predict_proba`.
        """
        import torch

        from babelift.training.pooling import find_pooling

        check_texts(texts)
        tokens = self._tokenize(texts) if texts else []
        reads = find_pooling(self._exact.to("cpu"), self._opened.tokenizer)
        model = self._exact.to(self._device)
        vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
        with (progress or quiet()).task("reading", len(texts), unit="texts") as task:
            for rows in by_length(np.array([len(ids) for ids in tokens]), batch_size):
                batch = [tokens[row] for row in rows]
                output, mask = self._output(model, batch, output_hidden_states=True)
                states, weights = output.hidden_states[-1], mask.unsqueeze(2)
                mean = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
                pooled = states[:, 0] if reads == "cls" else mean
                vectors[rows] = self._finite(torch.nn.functional.normalize(pooled, dim=1))
                task.advance(len(rows))
        return vectors

    def cuts(
        self, texts: Sequence[str], rows: pl.DataFrame | None = None, split: str | None = None
    ) -> tuple[Cut, ...]:
        """Count the texts that are longer than the model reads, as `OpenModel.cuts` does."""
        return self._opened.cuts(texts, rows, split)

    def _probabilities(self, texts: Sequence[str], batch_size: int, task: Task) -> Floats:
        check_texts(texts)
        logits = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        window = batch_size * BATCHES_AT_A_TIME
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
        doubt = self._rounding(tokens, batch_size)
        model = self._exact if doubt is None else self._fast()
        for rows, batch_logits in self._forward_all(model, everything, tokens, batch_size):
            logits[rows] = batch_logits
            task.advance(len(rows))
        if doubt is not None:
            unsure = _level(logits, doubt)
            for rows, batch_logits in self._forward_all(self._exact, unsure, tokens, batch_size):
                logits[rows] = batch_logits
        for rows, batch_logits in self._forward_all(self._exact, _level(logits, _LEVEL), tokens, 1):
            logits[rows] = batch_logits
        return logits

    def _rounding(self, tokens: list[list[int]], batch_size: int) -> float | None:
        """How close two logits must be for bfloat16 to swap them; None to work in float32."""
        if self._precision == "fp32":
            return None
        if self._doubt is None:
            if len(tokens) < 2 * _SAMPLE:
                return None
            order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
            sample = order[:: len(order) // _SAMPLE]
            exact, fast = (
                np.concatenate(
                    [logits for _, logits in self._forward_all(model, sample, tokens, batch_size)]
                )
                for model in (self._exact, self._fast())
            )
            errors = fast - exact
            errors -= errors.mean(axis=1, keepdims=True)
            variance = float(np.square(errors).sum(axis=1).mean()) / (len(self.labels) - 1)
            # The difference of two logits has twice the variance of one.
            self._doubt = max(_DEVIATIONS * (2 * variance) ** 0.5, _LEVEL)
        return self._doubt

    def _fast(self) -> Any:
        """The model with weights in bfloat16."""
        import torch

        if self._bf16 is None:
            self._bf16 = deepcopy(self._exact).to(torch.bfloat16)
        return self._bf16

    def _forward_all(
        self, model: Any, rows: Sequence[int], tokens: list[list[int]], batch_size: int
    ) -> Iterator[tuple[list[int], npt.NDArray[np.float32]]]:
        """Batches of those rows, longest first, with the logits of each."""
        import torch

        threads = torch.get_num_threads()
        workers = min(threads, _WORKERS) if self._device.type == "cpu" else 1
        lengths = np.array([len(tokens[row]) for row in rows])
        batches = [[rows[place] for place in part] for part in by_length(lengths, batch_size)]

        def work(batch: list[int]) -> npt.NDArray[np.float32]:
            return self._forward(model, [tokens[row] for row in batch])

        # A text on its own has all threads, as in the pipeline: their number moves the last digits.
        if workers == 1 or len(batches) == 1 or batch_size == 1:
            yield from zip(batches, map(work, batches), strict=True)
            return
        yield from zip(batches, _pool(workers, threads // workers).map(work, batches), strict=True)

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        limit = self._opened.max_length
        # What is cut off anyway is not split into tokens first: of ten million characters, that
        # takes a minute and gigabytes.
        encoded = self._opened.tokenizer(
            [valid_unicode(text[: limit and limit * _CHARACTERS]) for text in texts],
            truncation=limit is not None,
            max_length=limit,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _forward(self, model: Any, tokens: list[list[int]]) -> npt.NDArray[np.float32]:
        """Logits `(texts, labels) float32` of tokenised texts, padded together."""
        output, _ = self._output(model, tokens)
        return self._finite(output.logits)

    def _output(self, model: Any, tokens: list[list[int]], **options: Any) -> tuple[Any, Any]:
        """What a model gives for tokenised texts, padded together, and their mask."""
        import torch

        ids_on_device, mask_on_device = (
            torch.from_numpy(array).to(self._device) for array in padded(tokens, self._opened)
        )
        with torch.inference_mode():
            output = model(input_ids=ids_on_device, attention_mask=mask_on_device, **options)
        return output, mask_on_device

    def _finite(self, output: Any) -> npt.NDArray[np.float32]:
        """A model's output as float32 numbers, all of them finite."""
        return check_finite(output.float().cpu().numpy(), self._opened.name)


def padded(
    tokens: Sequence[Sequence[int]], opened: OpenModel
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Token ids and mask of tokenised texts, `(texts, width) int64` each."""
    tokenizer = opened.tokenizer
    longest = max(1, *(len(ids) for ids in tokens))
    width = longest if len(tokens) == 1 else padded_width(longest, opened.max_length)
    numbers = np.full((len(tokens), width), tokenizer.pad_token_id, dtype=np.int64)
    mask = np.zeros((len(tokens), width), dtype=np.int64)
    left = tokenizer.padding_side == "left"
    for row, ids in enumerate(tokens):
        place = slice(width - len(ids), width) if left else slice(len(ids))
        numbers[row, place], mask[row, place] = ids, 1
    return numbers, mask


def check_finite(numbers: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float32]:
    """Refuse outputs that are not all finite.

    Raises:
        ModelError: One is not.
    """
    if not np.isfinite(numbers).all():
        raise ModelError(
            f"model '{name}' gives outputs that are not finite numbers.",
            "Its weights are damaged or its training diverged; train it again.",
        )
    return numbers


@cache
def _pool(workers: int, threads: int) -> ThreadPoolExecutor:
    """A pool that is kept, with its memory; each worker has so many threads for an operation."""
    import torch

    return ThreadPoolExecutor(workers, initializer=partial(torch.set_num_threads, threads))


if hasattr(os, "register_at_fork"):  # a forked process has none of them
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _level(logits: npt.NDArray[np.float32], within: float) -> list[int]:
    """Rows whose two best labels are closer than that."""
    best = np.partition(logits, -2, axis=1)
    rows: list[int] = np.flatnonzero(best[:, -1] - best[:, -2] < within).tolist()
    return rows


def check_texts(texts: Sequence[str]) -> None:
    """Refuse what is not a string.

    Raises:
        DataError: A text is not one.
    """
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise DataError(f"text {number} must be a string. Got {text!r}.")


def _softmax(logits: npt.NDArray[np.float32]) -> Floats:
    """Softmax in float32, as transformers' pipeline does it, so that ties fall alike."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
