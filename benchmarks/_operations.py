"""How much arithmetic a translation, a prediction or an update takes, whoever does it.

A multiplication and an addition count as two operations. What is left out (normalisation, softmax,
embeddings, the optimiser) is small beside the matrices.
"""

from _models import Classifying, Translating


def translating(
    shape: Translating, texts: int, tokens_in: int, tokens_out: int, *, beam: int = 1
) -> float:
    """Operations to translate texts without any padding.

    Args:
        shape: Of the model.
        texts: How many.
        tokens_in: Of all sources.
        tokens_out: Of all outputs.
        beam: Hypotheses followed at a time.

    >>> from _models import M2M100_418M
    >>> round(translating(M2M100_418M, 1, 40, 40) / 1e9)  # 418 million weights, twice, 40 tokens
    39
    """
    width = shape.width
    source, target = tokens_in / texts, tokens_out / texts
    encoding = 12 * width**2 + 2 * source * width
    # Keys and values of the source are made once for all hypotheses.
    remembering = 2 * width**2
    decoding = 14 * width**2 + 2 * (source + target / 2) * width
    per_source = shape.layers * (encoding + remembering)
    per_target = shape.layers * decoding + shape.vocabulary * width
    return 2 * (tokens_in * per_source + tokens_out * beam * per_target)


def classifying(shape: Classifying, texts: int, tokens: int, *, training: bool = False) -> float:
    """Operations of one pass over texts without any padding; training takes three times as many.

    >>> from _models import DISTILBERT_MULTILINGUAL
    >>> round(classifying(DISTILBERT_MULTILINGUAL, 1, 50) / 1e9, 2)
    4.29
    """
    width = shape.width
    forward = 2 * tokens * shape.layers * (12 * width**2 + 2 * tokens / texts * width)
    return forward * (3 if training else 1)
