"""A classifier that runs on onnxruntime: a folder that `babelift export` wrote."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel

from babelift.errors import ModelError, first_line, require
from babelift.prediction.model import EXPORT, OpenModel, export_folder, valid_unicode
from babelift.prediction.predictor import Predictor, check_finite, padded
from babelift.store import file_hash, read_record
from babelift.training.cuts import Cut, count_cuts, lost_tokens
from babelift.training.data import by_length

GRAPH: Final = "model.onnx"
TOKENS: Final = "tokenizer.json"


class Parity(BaseModel, frozen=True):
    """How an export agrees with the classifier that it was made from, in one language.

    Attributes:
        lang: The language.
        rows: Rows that both labelled, those that are level included.
        level: Rows whose two best labels lay within rounding in the original.
        equal: Of the others, those that both gave the same label.
        interval: Of that share, 95 %.
        change: Largest change of a probability.
        before: Share of labelled rows that the original is right about; None without labels.
        after: The same of the export.
        difference: `after - before` with its 95 % interval over rows.
    """

    lang: str
    rows: int
    level: int
    equal: int
    interval: tuple[float, float]
    change: float
    before: float | None = None
    after: float | None = None
    difference: tuple[float, float, float] | None = None

    @property
    def share(self) -> float:
        """Of the rows that are not level, those with the same label; 1 where there are none."""
        judged = self.rows - self.level
        return self.equal / judged if judged else 1.0


class Export(BaseModel, frozen=True):
    """What an export is; `export.json` in JSON.

    Attributes:
        babelift: Version that made it.
        to: Its form.
        precision: Its arithmetic.
        labels: Label names in the order of the graph's outputs.
        max_length: Most tokens of a text, special ones included; None for no limit.
        most: Tokens that the encoder could read.
        pad: Id of the padding token.
        padding_side: Where it goes, `right` or `left`.
        at_parity: Whether it passed the gate.
        parity: Share of equal labels that was asked for.
        languages: How it agrees, by language.
        tested: Name of the table that was compared on.
        of: SHA-256 of the model's files that it was made from.
        sha256: Of the graph.
        versions: Of the packages that made it.
    """

    version: int = 1
    babelift: str
    to: str
    precision: str
    labels: tuple[str, ...]
    max_length: int | None
    most: int | None
    pad: int
    padding_side: str
    at_parity: bool
    parity: float
    languages: tuple[Parity, ...]
    tested: str
    of: str
    sha256: str
    versions: dict[str, str]


class Encoded(dict[str, list[list[int]]]):
    """Token ids of texts, as transformers' tokenizers give them; with what was cut off."""

    encodings: list[Any]


class Tokens:
    """A tokenizer of the library `tokenizers` with as much of transformers' manners as is needed.

    transformers' own would bring torch with it.

    Args:
        file: `tokenizer.json`.
        export: What it is a part of.

    Attributes:
        backend_tokenizer: The tokenizer.
        pad_token_id: Id of the padding token.
        padding_side: Where that goes.

    Raises:
        ModelError: The file cannot be read.
    """

    def __init__(self, file: Path, export: Export) -> None:
        from tokenizers import Tokenizer

        try:
            self.backend_tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises plain ones
            raise ModelError(
                f"'{file}' cannot be read: {first_line(error)}",
                "Export it again with 'babelift export'.",
            ) from error
        self.backend_tokenizer.no_padding()
        self.pad_token_id, self.padding_side = export.pad, export.padding_side

    def __call__(
        self, texts: list[str], *, truncation: bool = False, max_length: int | None = None, **_: Any
    ) -> Encoded:
        """The ids of texts, cut where that is asked for."""
        if truncation and max_length is not None:
            self.backend_tokenizer.enable_truncation(max_length)
        else:
            self.backend_tokenizer.no_truncation()
        encodings = self.backend_tokenizer.encode_batch(texts)
        encoded = Encoded(input_ids=[text.ids for text in encodings])
        encoded.encodings = encodings
        return encoded

    def num_special_tokens_to_add(self) -> int:
        """Special tokens of every text."""
        return int(self.backend_tokenizer.num_special_tokens_to_add(False))


class OnnxPredictor(Predictor):
    """Gives each text a probability per label, without torch.

    Texts that are level are computed once more on their own, as `Predictor` does.
    """

    def __init__(self, folder: Path, export: Export) -> None:
        require("an ONNX export", "export", "onnxruntime")
        import onnxruntime

        self.labels = list(export.labels)
        self.export = export
        self._precision = "fp32"
        self._exact = None
        try:
            if file_hash(folder / GRAPH) != export.sha256:
                raise ModelError(
                    f"'{folder / GRAPH}' is not the file that was made: damaged or replaced.",
                    "Export it again with 'babelift export'.",
                )
            options = onnxruntime.SessionOptions()
            affinity = getattr(os, "sched_getaffinity", None)
            options.intra_op_num_threads = len(affinity(0)) if affinity else os.cpu_count() or 1
            options.log_severity_level = 3
            self._session = onnxruntime.InferenceSession(
                folder / GRAPH, options, providers=["CPUExecutionProvider"]
            )
        except ModelError:
            raise
        except Exception as error:  # onnxruntime's kinds share no base
            raise ModelError(
                f"export '{folder}' cannot be opened: {first_line(error)}",
                "Export it again with 'babelift export'.",
            ) from error
        tokenizer = Tokens(folder / TOKENS, export)
        self._opened = OpenModel(str(folder), None, tokenizer, self.labels, export.max_length)

    @classmethod
    def load(cls, model: str | Path, *, precision: str = "fp32") -> Self:
        """Open an export.

        Args:
            model: Its folder.
            precision: Not read: an export has its own.

        Raises:
            ModelError: It is none, or damaged.
            MissingDependencyError: onnxruntime is not installed.
        """
        folder = export_folder(model)
        if folder is None:
            raise ModelError(f"'{model}' is no export: it has no {EXPORT}.")
        return cls(folder, read_record(folder / EXPORT, Export))

    def save(self, folder: Path) -> NoReturn:
        """Refuse: an export is not trained on."""
        raise ModelError("an export cannot be saved as a model; keep the run it was made from.")

    def vectors(self, texts: Sequence[str], **_: Any) -> NoReturn:
        """Refuse: the graph gives logits alone."""
        raise ModelError(
            "an export gives no vectors of texts.", "Name the run that it was made from."
        )

    def cuts(
        self, texts: Sequence[str], rows: pl.DataFrame | None = None, split: str | None = None
    ) -> tuple[Cut, ...]:
        """Count the texts that are longer than the model reads, as `OpenModel.cuts` does."""
        limit = self.export.max_length
        lost = lost_tokens(self._opened.tokenizer, list(map(valid_unicode, texts)), limit)
        table = pl.DataFrame() if rows is None else rows
        return count_cuts(table, lost, limit=limit, most=self.export.most, split=split)

    def _forward_all(
        self, model: Any, rows: Sequence[int], tokens: list[list[int]], batch_size: int
    ) -> Iterator[tuple[list[int], npt.NDArray[np.float32]]]:
        lengths = np.array([len(tokens[row]) for row in rows])
        for part in by_length(lengths, batch_size):
            chosen = [rows[place] for place in part]
            yield chosen, self._forward(model, [tokens[row] for row in chosen])

    def _forward(self, model: Any, tokens: list[list[int]]) -> npt.NDArray[np.float32]:
        ids, mask = padded(tokens, self._opened)
        [logits] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return check_finite(np.asarray(logits, dtype=np.float32), self._opened.name)
