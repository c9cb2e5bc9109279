"""Which vector a classifier's head reads, and how it comes to read the mean.

The classifiers of BERT and XLM-R read the first token. An encoder whose sentence vector is the mean
of its last layer has learnt nothing for its first token, and no class of transformers that computes
what BERT computes reads the mean. One more layer can: with queries of zero its attention is the
same for all tokens, values and outputs of the identity pass the mean on, and what it adds outweighs
what the token was. The folder stays plain, and training is free to make something else of it.
"""

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import nn

from babelift.errors import ConfigError
from babelift.model_folder import POOLING, read_json
from babelift.training.data import TokenCache

Reads = Literal["cls", "mean"]

_WEIGHT: Final = 30.0
"""How much the mean outweighs the token itself, which the layer's residual adds to it."""

_DENSE: Final = 0.5
"""The head's own layer starts as tanh of this many times its input, nearly a straight line."""

_PROBE: Final = ("1 2 3", "1 2 3 4 5 6 7 8 9 10")
"""Texts of different length, so that there is padding."""

_MODES: Final = {"cls_token": "cls", "cls": "cls", "mean_tokens": "mean", "mean": "mean",
                 "mean_sqrt_len_tokens": "mean", "mean_sqrt_len": "mean"}  # fmt: skip
"""What the file's words mean here. The mean times a number has the mean's direction."""


def find_pooling(model: Any, tokenizer: Any) -> Reads | None:
    """The vector of the last layer that a classifier's head reads, found by trying.

    Of two texts it is seen how the logits move with each token's vector: with the first alone, or
    with all but the padding in equal parts.

    Args:
        model: A `...ForSequenceClassification`, in evaluation mode.
        tokenizer: Its tokenizer.

    Returns:
        `cls` or `mean`; None where the head reads something else.
    """
    ids, mask = TokenCache(tokenizer, _PROBE, _longest(tokenizer)).batch(np.arange(len(_PROBE)))
    with torch.enable_grad():
        output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        layers = getattr(output, "hidden_states", None)
        if not layers or not layers[-1].requires_grad:
            return None
        # Labels with unlike weights, since the sum of all may not move at all.
        weights = torch.linspace(1, 2, output.logits.shape[1])
        total = (output.logits * weights).sum()
        slopes = torch.autograd.grad(total, layers[-1], allow_unused=True)[0]
    if slopes is None or slopes.shape[:2] != mask.shape:
        return None
    return _reads(slopes, mask.bool())


def _reads(slopes: torch.Tensor, mask: torch.Tensor) -> Reads | None:
    """What the slopes `(rows, tokens, dim)` of the logits say.

    >>> mask = torch.tensor([[True, True, False]])
    >>> _reads(torch.tensor([[[2.0], [0], [0]]]), mask), _reads(torch.ones(1, 3, 1), mask)
    ('cls', None)
    >>> _reads(torch.tensor([[[2.0], [2], [0]]]), mask)
    'mean'
    """
    first, small = slopes[:, :1], 1e-4 * slopes.abs().amax()
    if not bool((first.abs().amax(dim=2) > small).all()):
        return None
    if bool((slopes[:, 1:].abs() <= small).all()):
        return "cls"
    equal = (slopes - first).abs()[mask].amax() <= small
    unread = slopes[~mask].abs().sum() <= small
    return "mean" if bool(equal and unread) else None


def _longest(tokenizer: Any) -> int:
    return int(min(tokenizer.model_max_length, 32))


def chosen_pooling(setting: str, found: Reads | None, *, otc: bool) -> tuple[Reads, str | None]:
    """The vector that OTC compares, and what the user must know of it.

    Args:
        setting: `auto`, or what the user said, which wins.
        found: What the head reads, as `find_pooling` gives it.
        otc: Whether OTC is trained with; else the vectors are only looked at.

    Raises:
        ConfigError: `auto`, and the head reads neither of what can be compared.

    >>> chosen_pooling("auto", "mean", otc=True)
    ('mean', None)
    >>> chosen_pooling("cls", "mean", otc=True)[1]
    "OTC compares the first token's vector, as 'pooling: cls' says, but the head of this encoder \
reads the mean of all tokens. 'pooling: auto' compares what it reads."
    """
    if setting == "auto":
        if found is None and otc:
            raise ConfigError(
                "the head of this encoder reads neither the first token of its last layer nor the "
                "mean of all, so that what OTC shall compare cannot be told.",
                "Say '--pooling mean' or '--pooling cls', leave OTC out (--no-otc), or take "
                "another --encoder.",
            )
        return found or "cls", None
    said: Reads = "mean" if setting == "mean" else "cls"
    if found == said or not otc:
        return said, None
    names = {"cls": "the first token", "mean": "the mean of all tokens", None: "neither"}
    of = {"cls": "the first token's vector", "mean": "the mean of all tokens"}
    hint = " 'pooling: auto' compares what it reads." if found else ""
    return said, (
        f"OTC compares {of[said]}, as 'pooling: {said}' says, but the head of this encoder reads "
        f"{names[found]}.{hint}"
    )


def sentence_pooling(folder: Path) -> str | None:
    """How a sentence encoder makes its vector of the last layer's, by its folder.

    Returns:
        `cls`, `mean`, or the file's own word for what is neither; None where it is none.

    Raises:
        ModelError: The file cannot be read.

    >>> sentence_pooling(Path("nowhere"))
    """
    values = read_json(folder / POOLING, missing_ok=True)
    if not values:
        return None
    mode = values.get("pooling_mode")
    said = [mode] if isinstance(mode, str) else list(mode) if isinstance(mode, list) else []
    prefix = "pooling_mode_"
    said += [
        key.removeprefix(prefix) for key, on in values.items() if key.startswith(prefix) and on
    ]
    known = {_MODES.get(str(word), str(word)) for word in said}
    return " and ".join(sorted(known)) or "cls"


def takes_mean_layer(model: Any) -> bool:
    """Whether `start_as_mean` can do its work in a classifier: BERT's kin, and XLM-R's."""
    try:
        layer = model.base_model.encoder.layer[-1]
        attention, output = layer.attention.self, layer.attention.output
        linear = (attention.query, attention.key, attention.value, output.dense, _dense(model))
        return all(isinstance(part, nn.Linear) for part in (*linear, layer.output.dense))
    except (AttributeError, TypeError, IndexError):
        return False


def _dense(model: Any) -> Any:
    """The layer between the last token vectors and the classifier: BERT's pooler, or the head's."""
    pooler = getattr(model.base_model, "pooler", None)
    return pooler.dense if pooler is not None else model.classifier.dense


def start_as_mean(model: Any) -> None:
    """Set the last layer of a classifier to give each token the mean over all tokens.

    Padding is left out of the mean, as attention leaves it out. What is given on is the mean after
    layer normalisation: its direction, at one length. The head's own layer starts as the identity,
    squashed by its tanh, so that the head reads the mean from the first update on. Keys and the
    inner feed-forward weights stay as they were drawn: with both ends at zero they could learn
    nothing.

    Args:
        model: One that `takes_mean_layer`; changed in place.
    """
    layer, identity = model.base_model.encoder.layer[-1], torch.eye(model.config.hidden_size)
    attention, output = layer.attention.self, layer.attention.output
    with torch.no_grad():
        for part, weight in (
            (attention.query, 0.0 * identity),
            (attention.value, _WEIGHT**0.5 * identity),
            (output.dense, _WEIGHT**0.5 * identity),
            (_dense(model), _DENSE * identity),
        ):
            part.weight.copy_(weight)
            part.bias.zero_()
        attention.key.bias.zero_()
        layer.output.dense.weight.zero_()
        layer.output.dense.bias.zero_()
        for norm in (output.LayerNorm, layer.output.LayerNorm):
            norm.weight.fill_(1.0)
            norm.bias.zero_()
