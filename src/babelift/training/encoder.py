"""Encoders: those known by name, and how one is opened as a classifier."""

import re
import tomllib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from babelift.config import DEFAULT_ENCODER
from babelift.errors import BabeliftWarning, ConfigError, ModelError, did_you_mean
from babelift.progress import size_in_words
from babelift.redaction import LEFT_OUT, shown
from babelift.training.pooling import (
    Reads,
    find_pooling,
    sentence_pooling,
    start_as_mean,
    takes_mean_layer,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """An encoder that is known by name.

    Attributes:
        name: What a user writes.
        description: What tells it from the others, on one line of a narrow terminal.
        hub_id: Where it is on the hub; None where it is not.
        license: SPDX id of the weights, None where there is none to note.
        parameters: Number of weights, without a head; 0 where its files say.
        size: Bytes of the download.
        languages: How many languages, or which.
        year: When it was published.
        reads: What its classifier's head reads of the last layer.
        known: A published figure, with its source.
        learning_rate: Peak rate that works for fine-tuning it.
        epochs: Passes over the originals that are enough, where a pass has updates enough.
        gpu_memory: Gigabytes of a GPU's memory from which it is recommended, None for never.
        embedded: Which of the package's own folders holds it, None for none.
        reads_mean: Its sentence vector is the mean of its last layer, so that is what the head
            must read, also where no file in its folder says so; see `pooling.start_as_mean`.
    """

    name: str
    description: str = ""
    hub_id: str | None = None
    license: str | None = None
    parameters: int = 0
    size: int = 0
    languages: str = ""
    year: int | None = None
    reads: str = ""
    known: str | None = None
    learning_rate: float = 2e-5
    epochs: int = 3
    gpu_memory: int | None = None
    embedded: str | None = None
    reads_mean: bool = False


SCRATCH: Final = "scratch"
MINI: Final = "mini"

_TABLE: Final = Path(__file__).with_name("encoders.toml")

ENCODERS: Final = {
    name: EncoderEntry(name, **entry)
    for name, entry in tomllib.loads(_TABLE.read_text("utf-8")).items()
}
"""Encoders by name."""

NO_LIMIT: Final = 1_000_000
"""Most tokens of a text where neither model nor tokenizer has a limit."""

LEAST_UPDATES: Final = 80
"""Updates that a training has by default at least."""

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
        pooling: The vector of the last layer that the head reads, `cls` or `mean`; None for others.
    """

    name: str
    license: str | None
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    learning_rate: float
    pooling: Reads | None


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
        "languages": entry.languages,
        "year": entry.year,
        "reads": entry.reads,
        "known": entry.known,
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


def recommended(gpu_memory: float) -> str:
    """The named encoder that is the best a machine carries well.

    Args:
        gpu_memory: Gigabytes of its GPU's memory; 0 where it has none.

    >>> recommended(0), recommended(12), recommended(80)
    ('mmbert-small', 'mmbert-base', 'xlm-roberta-large')
    """
    fitting = [
        (entry.gpu_memory, name)
        for name, entry in ENCODERS.items()
        if entry.gpu_memory is not None and entry.gpu_memory <= gpu_memory
    ]
    return max(fitting)[1]


def recommendation() -> str:
    """Which encoder to take on this machine, in a sentence.

    >>> "mini needs no download" in recommendation()
    True
    """
    memory = 0.0
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    machine = f"a GPU of {memory:.0f} GB" if memory else "no GPU"
    best = recommended(memory)
    default = "the default" if best == DEFAULT_ENCODER else f"--encoder {best}"
    others = ", ".join(
        f"{name} from {entry.gpu_memory} GB of GPU memory on"
        for name, entry in sorted(ENCODERS.items(), key=lambda item: item[1].gpu_memory or 0)
        if entry.gpu_memory
    )
    return (
        f"Recommended for this machine, which has {machine}: {best} ({default}). Else: {others}; "
        f"{MINI} needs no download."
    )


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
    all weights come from the seed and the texts. A sentence encoder whose vector is the mean of its
    last layer, as `mini`'s is, gets a head that reads it, through one more layer where need be.

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
    pooling = find_pooling(model, tokenizer)
    return Encoder(spec, license_, model, tokenizer, entry.learning_rate, pooling)


def default_epochs(specs: Iterable[str], per_epoch: int) -> int:
    """Passes over the originals that are enough for each of some encoders.

    A small table has few updates to a pass, and an encoder that was fine-tuned for fewer than
    `LEAST_UPDATES` falls behind a linear classifier, so that it is read more often.

    Args:
        specs: Encoders, as for `load_encoder`.
        per_epoch: Updates of one pass.

    >>> default_epochs(["distilbert-multilingual"], 400), default_epochs(["mini"], 13)
    (3, 7)
    """
    epochs = max(ENCODERS.get(spec, _OTHER).epochs for spec in specs)
    return max(epochs, -(-LEAST_UPDATES // per_epoch))


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

    config = open_config(folder, kind="encoder")
    options: dict[str, Any] = {"num_labels": len(labels), "ignore_mismatched_sizes": True}
    new = [".pooler."]
    # What was trained as a classifier before has a head that reads what it reads.
    trained = any("SequenceClassification" in name for name in config.architectures or ())
    vector = None if trained else "mean" if reads_mean else sentence_pooling(folder)
    can_choose = hasattr(config, "classifier_pooling") and vector in ("cls", "mean")
    if can_choose:
        options["classifier_pooling"] = vector
    one_more = vector == "mean" and not can_choose and takes_mean_layer(_shape_of(config))
    if one_more:
        options["num_hidden_layers"] = config.num_hidden_layers + 1
        new.append(f".encoder.layer.{config.num_hidden_layers}.")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, loading = open_model(
            AutoModelForSequenceClassification, folder, kind="encoder", **options
        )
    if one_more:
        start_as_mean(model)
    elif vector not in (None, "cls") and not can_choose:
        warnings.warn(
            f"encoder '{shown(str(folder))}' makes its sentence vector in a way ({vector}) that a "
            f"{type(model).__name__} does not read: its head starts from another, which may have "
            "learnt little. Encoders of BERT's, XLM-R's and ModernBERT's kind keep theirs.",
            BabeliftWarning,
            stacklevel=4,
        )
    _check_weights(folder, model, loading, new)
    return model, open_tokenizer(folder, kind="encoder")


def _shape_of(config: Any) -> Any:
    """A classifier without its weights: only what it is made of."""
    from transformers import AutoModelForSequenceClassification

    shapes: Any = AutoModelForSequenceClassification
    with torch.device("meta"):
        return shapes.from_config(config)


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
