"""Encoders: those known by name, and how one is opened as a classifier.

`BertForSequenceClassification` reads the first token through a pooler. An encoder whose sentence
vector is the mean of its last layer has learnt nothing for its first token, and no class of
transformers that computes what BERT computes reads the mean. One more BERT layer can: with queries
of zero its attention is the same for all tokens, values and outputs of the identity pass the mean
on, and what it adds outweighs what the token was. The folder stays plain BERT, and training is free
to make something else of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from babelift.errors import ConfigError, ModelError, did_you_mean
from babelift.progress import size_in_words
from babelift.redaction import LEFT_OUT

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_WEIGHT: Final = 30.0
"""How much the mean outweighs the token itself, which the layer's residual adds to it."""

_POOLER: Final = 0.5
"""The pooler starts as tanh of this many times its input, nearly a straight line."""


def start_as_mean(model: "PreTrainedModel") -> None:
    """Set the last layer of a BERT classifier to give each token the mean over all tokens.

    Padding is left out of the mean, as attention leaves it out. What is given on is the mean after
    layer normalisation: its direction, at one length. The pooler starts as the identity, squashed
    by its tanh, so that the head reads the mean from the first update on. Keys and the inner
    feed-forward weights stay as they were drawn: with both ends at zero they could learn nothing.

    Args:
        model: A `BertForSequenceClassification`; changed in place.
    """
    bert: Any = model.base_model
    layer, identity = bert.encoder.layer[-1], torch.eye(model.config.hidden_size)
    attention, output = layer.attention.self, layer.attention.output
    with torch.no_grad():
        for part, weight in (
            (attention.query, 0.0 * identity),
            (attention.value, _WEIGHT**0.5 * identity),
            (output.dense, _WEIGHT**0.5 * identity),
            (bert.pooler.dense, _POOLER * identity),
        ):
            part.weight.copy_(weight)
            part.bias.zero_()
        attention.key.bias.zero_()
        layer.output.dense.weight.zero_()
        layer.output.dense.bias.zero_()
        for norm in (output.LayerNorm, layer.output.LayerNorm):
            norm.weight.fill_(1.0)
            norm.bias.zero_()


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """An encoder that is known by name.

    Attributes:
        name: What a user writes.
        description: One line for a table.
        hub_id: Where it is on the hub; None where it is not.
        license: SPDX id of the weights, None where there is none to note.
        parameters: Number of weights; 0 where its files say.
        size: Bytes of the download.
        learning_rate: Peak rate that works for fine-tuning it.
        epochs: Passes over the originals that are enough.
        embedded: Which of the package's own folders holds it, None for none.
        reads_mean: Its sentence vector is the mean of its last layer, so that is what the head
            must read; see `start_as_mean`.
    """

    name: str
    description: str = ""
    hub_id: str | None = None
    license: str | None = None
    parameters: int = 0
    size: int = 0
    learning_rate: float = 2e-5
    epochs: int = 3
    embedded: str | None = None
    reads_mean: bool = False


SCRATCH: Final = "scratch"
MINI: Final = "mini"

ENCODERS: Final[dict[str, EncoderEntry]] = {
    entry.name: entry
    for entry in (
        EncoderEntry(
            "distilbert-multilingual",
            "the paper's encoder, 6 layers, 104 languages",
            hub_id="distilbert/distilbert-base-multilingual-cased",
            license="Apache-2.0",
            parameters=134_734_080,
            size=542_000_000,
        ),
        EncoderEntry(
            "xlm-roberta-base",
            "stronger and slower, 12 layers, 100 languages",
            hub_id="FacebookAI/xlm-roberta-base",
            license="MIT",
            parameters=278_043_648,
            size=1_120_000_000,
        ),
        EncoderEntry(
            "mbert",
            "multilingual BERT, 12 layers, 104 languages",
            hub_id="google-bert/bert-base-multilingual-cased",
            license="Apache-2.0",
            parameters=177_853_440,
            size=714_000_000,
        ),
        EncoderEntry(
            MINI,
            "multilingual-e5-small in four bits, some 20 languages; ships with Babelift",
            license="MIT",
            learning_rate=1e-4,
            embedded="encoder",
            reads_mean=True,
        ),
        EncoderEntry(
            SCRATCH,
            "small, trained on the run's own texts alone; needs no download",
            parameters=1_800_000,
            learning_rate=1e-3,
            epochs=12,
        ),
    )
}
"""Encoders by name."""

NO_LIMIT: Final = 1_000_000
"""Most tokens of a text where neither model nor tokenizer has a limit."""

_OTHER: Final = EncoderEntry("")


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder with a classification head, ready to be trained.

    Attributes:
        name: As the user wrote it.
        license: SPDX id of the weights it starts from, None where not known.
        model: A `...ForSequenceClassification` of transformers.
        tokenizer: Its tokenizer.
        learning_rate: Recommended peak learning rate.
        epochs: Recommended number of epochs.
    """

    name: str
    license: str | None
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    learning_rate: float
    epochs: int


def describe() -> list[dict[str, Any]]:
    """The named encoders for a table: name, kind, license, size, where, description.

    Those that ship with Babelift also have their `measurements`; see `babelift.embedded`.
    """
    return [_description(entry) for entry in ENCODERS.values()]


def _description(entry: EncoderEntry) -> dict[str, Any]:
    description: dict[str, Any] = {
        "name": entry.name,
        "kind": "encoder",
        "license": entry.license,
        "size": f"{entry.parameters / 1e6:.0f} M weights"
        + (f", {size_in_words(entry.size)}" if entry.size else ""),
        "where": "made from the run's own texts",
        "description": entry.description,
    }
    if entry.embedded:
        from babelift.embedded import describe_part

        description |= describe_part(entry.embedded)
    if entry.hub_id:
        from babelift.hub import on_disk

        folder = on_disk(entry.hub_id)
        description["where"] = str(folder or f"fetched from {entry.hub_id} on first use")
    return description


def load_encoder(
    spec: str,
    labels: Sequence[str],
    *,
    seed: int,
    texts: Sequence[str] = (),
    documents: Sequence[int] = (),
    tokenizer_folder: Path | None = None,
) -> Encoder:
    """Open an encoder and give it a head for `labels`.

    The encoder's own weights are those published; the head's are drawn from `seed`. For `scratch`
    all weights come from the seed and the texts, and `mini` gets one more layer, through which the
    head reads its sentence vector.

    Args:
        spec: A name from `ENCODERS`, a folder, or a hub id.
        labels: Label names, in the order of their ids.
        seed: Seed of new weights.
        texts: The run's training texts; used by `scratch` alone.
        documents: Number of the item that each text renders; used by `scratch` alone.
        tokenizer_folder: Where `scratch` finds a tokenizer made before, or keeps the one it makes.

    Raises:
        ModelError: The name is not known, or the model cannot be fetched or opened.
    """
    from babelift.hub import longest_text

    entry = ENCODERS.get(spec, _OTHER)
    if spec == SCRATCH:
        from babelift.training.scratch import build

        model, tokenizer = build(
            texts, documents, seed=seed, labels=labels, tokenizer_folder=tokenizer_folder
        )
        license_ = entry.license
    else:
        folder = find_encoder(spec)
        model, tokenizer = _open(folder, labels, seed, reads_mean=entry.reads_mean)
        license_ = entry.license or _license(folder)
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: number for number, label in enumerate(labels)}
    model.config.problem_type = "single_label_classification"
    _check_tokenizer(spec, tokenizer)
    tokenizer.model_max_length = longest_text(model, tokenizer) or NO_LIMIT
    return Encoder(spec, license_, model, tokenizer, entry.learning_rate, entry.epochs)


def default_epochs(spec: str) -> int:
    """Passes over the originals that are enough for an encoder.

    >>> default_epochs("distilbert-multilingual")
    3
    """
    return ENCODERS.get(spec, _OTHER).epochs


def find_encoder(spec: str) -> Path:
    """The folder of a named encoder, a folder or a hub id, fetched where it is not at hand.

    Raises:
        ConfigError: It is what `redaction` shows of a folder.
        ModelError: The name is not known, or the model cannot be fetched.
    """
    from babelift.hub import fetch

    if spec.startswith(LEFT_OUT):
        raise ConfigError(
            f"encoder '{spec}' is only what is shown of one: the way to its folder was left out.",
            "Name the folder in full.",
        )
    entry = ENCODERS.get(spec)
    if entry is None and "/" not in spec and not Path(spec).is_dir():
        raise ModelError(
            f"encoder '{spec}' is not known{did_you_mean(spec, ENCODERS)}",
            f"Known encoders: {', '.join(ENCODERS)}; or a folder, or a hub id (owner/model).",
        )
    source: str | Path = entry.hub_id if entry and entry.hub_id else spec
    if entry and entry.embedded:
        from babelift.embedded import model_folder

        source = model_folder(entry.embedded)
    return fetch(source, kind="encoder", known=list(ENCODERS))


def _open(
    folder: Path, labels: Sequence[str], seed: int, *, reads_mean: bool = False
) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    from transformers import AutoModelForSequenceClassification

    from babelift.hub import open_config, open_model, open_tokenizer

    options: dict[str, Any] = {"num_labels": len(labels), "ignore_mismatched_sizes": True}
    new = [".pooler."]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if reads_mean:
            config = open_config(folder, kind="encoder")
            options["num_hidden_layers"] = config.num_hidden_layers + 1
            new.append(f".encoder.layer.{config.num_hidden_layers}.")
        tokenizer = open_tokenizer(folder, kind="encoder")
        model, loading = open_model(
            AutoModelForSequenceClassification, folder, kind="encoder", **options
        )
    if reads_mean:
        start_as_mean(model)
    _check_weights(folder, model, loading, new)
    return model, tokenizer


def _check_weights(folder: Path, model: Any, loading: dict[str, Any], new: Sequence[str]) -> None:
    """New weights are only allowed in the head, and in the parts named `new`."""
    prefix = f"{model.base_model_prefix}."
    missing = {str(name) for name in loading["missing_keys"]}
    missing |= {str(fault[0]) for fault in loading["mismatched_keys"]}
    lost = sorted(
        name
        for name in missing
        if name.startswith(prefix) and not any(part in name for part in new)
    )
    if lost:
        raise ModelError(
            f"encoder '{folder}' lacks {len(lost)} of its weights, or has them in another shape: "
            f"{lost[0]}, ...",
            "Fetch it again, or check that config.json and model.safetensors belong together.",
        )


def _check_tokenizer(spec: str, tokenizer: Any) -> None:
    if tokenizer.pad_token_id is None:
        raise ModelError(
            f"encoder '{spec}': its tokenizer has no token for padding.",
            "Choose an encoder (BERT, RoBERTa, DistilBERT, ...), not a model that writes text.",
        )


def _license(folder: Path) -> str | None:
    """The licence that the front matter of a folder's README.md names."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    front = re.match(r"---\n(.*?)\n---", card, flags=re.DOTALL)
    if front is None:
        return None
    license_ = re.search(r"^license: *['\"]?([^\s'\"]+)", front[1], flags=re.MULTILINE)
    return license_[1] if license_ else None
