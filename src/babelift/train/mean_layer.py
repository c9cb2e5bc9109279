"""A layer that starts as the mean over the tokens, so that a head of stock BERT reads that mean.

`BertForSequenceClassification` reads the first token through a pooler. An encoder whose sentence
vector is the mean of its last layer has learnt nothing for its first token, and no class of
transformers that computes what BERT computes reads the mean. One more BERT layer can: with queries
of zero its attention is the same for all tokens, values and outputs of the identity pass the mean
on, and what it adds outweighs what the token was. The folder stays plain BERT, and training is free
to make something else of it.
"""

from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

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
