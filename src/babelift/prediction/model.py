"""Finding and opening a trained classifier: a plain transformers folder, read without pickle."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.errors import ModelError, did_you_mean
from babelift.hub import (
    MODEL_FILES,
    fetch,
    longest_text,
    most_positions,
    open_model,
    open_tokenizer,
)
from babelift.training.cuts import Cut, count_cuts, lost_tokens
from babelift.translation.engines.model_files import identity

_KIND: Final = "classifier"
EXPORT: Final = "export.json"
"""The file that makes a folder an export."""
HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
"""What the id of a model on the hub looks like, with or without its owner."""


@dataclass(frozen=True)
class OpenModel:
    """A classifier in memory.

    Attributes:
        name: What it was opened from.
        model: The transformers model, in float32 and evaluation mode.
        tokenizer: Its tokenizer.
        labels: Label names in the order of the model's outputs.
        max_length: Most tokens per text, special ones included, as in training; None where there is
            no limit.
    """

    name: str
    model: Any
    tokenizer: Any
    labels: list[str]
    max_length: int | None

    def cuts(
        self, texts: Sequence[str], rows: pl.DataFrame | None = None, split: str | None = None
    ) -> tuple[Cut, ...]:
        """Count the texts that are longer than the model reads, by language and origin.

        Args:
            texts: The texts.
            rows: Their rows, with the columns `lang` and `origin` where these are known.
            split: Which rows these are; None for rows to be labelled.
        """
        lost = lost_tokens(self.tokenizer, list(map(valid_unicode, texts)), self.max_length)
        rows = pl.DataFrame() if rows is None else rows
        most = most_positions(self.model)
        return count_cuts(rows, lost, limit=self.max_length, most=most, split=split)


def valid_unicode(text: str) -> str:
    """The text with lone surrogates, which no encoding has, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def find_model(model: str | Path) -> Path:
    """The `save_pretrained` folder that a user's words mean.

    Args:
        model: A model folder, a run folder (its `model/` is taken) or the id of a model on the hub.

    Raises:
        ModelError: There is no such model.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        for folder in (path, path / "model"):
            if (folder / "config.json").is_file():
                return fetch(folder, kind=_KIND)
        raise _no_model_in(path)
    if path.exists():
        raise ModelError(
            f"'{path}' is a file, not a model.", "Name the folder that holds its config.json."
        )
    is_local = isinstance(model, Path) or (path.parent.is_dir() and path.parent != Path())
    if is_local or not HUB_ID.fullmatch(str(model)):
        neighbours = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ModelError(
            f"model '{model}' does not exist{did_you_mean(path.name, neighbours)}",
            "Name a run folder, a model folder or a hub id.",
        )
    return fetch(str(model), kind=_KIND)


def export_folder(model: str | Path) -> Path | None:
    """The folder of an export that a user's words mean; None where it is none."""
    path = Path(model).expanduser()
    return path if (path / EXPORT).is_file() else None


def model_identity(model: str | Path) -> str:
    """SHA-256 of the names and contents of a model's files: weights, settings, tokenizer.

    Args:
        model: As in `find_model`.

    Raises:
        ModelError: There is no such model.
    """
    if folder := export_folder(model):
        return identity(folder, ("*.onnx", "*.json"))
    return identity(find_model(model), MODEL_FILES)


def _no_model_in(path: Path) -> ModelError:
    if (path / "manifest.json").is_file() or (path / "checkpoints").is_dir():
        return ModelError(
            f"run '{path}' has no model yet.", "Repeat its 'babelift fit' command to finish it."
        )
    inside = sorted(config.parent for config in path.glob("*/config.json"))
    inside += sorted(config.parent.parent for config in path.glob("*/model/config.json"))
    nearest = f"; did you mean '{inside[0]}'?" if inside else ""
    return ModelError(
        f"folder '{path}' holds no model: it has no config.json{nearest}",
        "Name a run folder or a folder that save_pretrained wrote.",
    )


def open_classifier(model: str | Path) -> OpenModel:
    """Open a classifier for use on the CPU, in float32.

    Only safetensors weights are read, and no code that comes with a model is run.

    Args:
        model: As in `find_model`.

    Raises:
        ModelError: There is no such model, it cannot be opened, or it is not a classifier that
            gives each text one of several labels.
    """
    folder = find_model(model)
    from transformers import AutoModelForSequenceClassification

    tokenizer = open_tokenizer(folder)
    network, report = open_model(AutoModelForSequenceClassification, folder)
    labels = _labels(folder, network.config)
    _check_whole(folder, network, tokenizer, report)
    return OpenModel(
        name=str(model),
        model=network,
        tokenizer=tokenizer,
        labels=labels,
        max_length=longest_text(network, tokenizer),
    )


def _labels(folder: Path, config: Any) -> list[str]:
    if config.num_labels < 2 or config.problem_type in ("regression", "multi_label_classification"):
        raise ModelError(
            f"model '{folder}' does not give each text one of several labels "
            f"(outputs: {config.num_labels}, problem type: {config.problem_type})."
        )
    labels = [str(config.id2label[number]) for number in range(config.num_labels)]
    if len(set(labels)) < len(labels):
        raise ModelError(f"model '{folder}' has two outputs of one name: {', '.join(labels)}.")
    return labels


def _check_whole(folder: Path, network: Any, tokenizer: Any, report: dict[str, Any]) -> None:
    absent = sorted(str(name) for name in report["missing_keys"])
    if absent:
        raise ModelError(
            f"model '{folder}' lacks weights: {', '.join(absent[:4])}.",
            "An encoder that was never trained to classify has no head; train one with "
            "'babelift fit --encoder'.",
        )
    words = network.get_input_embeddings().num_embeddings
    if len(tokenizer) > words:
        raise ModelError(
            f"model '{folder}' does not fit its tokenizer, which has {len(tokenizer)} tokens for "
            f"{words} vectors."
        )
    if tokenizer.pad_token is None:
        raise ModelError(f"the tokenizer of model '{folder}' has no padding token.")
