"""The texts that the masked-language encoder learns from: sentences alone, never pairs."""

import zlib
from collections.abc import Iterator

import polars as pl

from models.data import sentence_key


def one_sided(pairs: pl.DataFrame) -> dict[str, list[str]]:
    """Sentences of each language, of which none is the translation of another.

    Half of the English sentences are kept, told by a checksum of their letters; the counterparts
    of the other half are kept in their own languages. What an encoder learns about two languages
    then comes from neither the same sentences nor the same stories told twice.

    Args:
        pairs: Rows of `training_pairs`.

    Returns:
        Language to sentences, each once, in the order of the pairs.

    >>> rows = [("de", "Ein Hund.", "A dog.", "toy"), ("fr", "Un chien.", "A dog.", "toy"),
    ...         ("de", "Zwei.", "Two.", "toy")]
    >>> from models.data import PAIRS
    >>> one_sided(pl.DataFrame(rows, schema=PAIRS, orient="row"))
    {'en': ['Two.'], 'de': ['Ein Hund.'], 'fr': ['Un chien.']}
    """
    kept: dict[str, dict[str, None]] = {"en": {}}
    for lang, text in _sides(pairs):
        kept.setdefault(lang, {})[text] = None
    return {lang: list(texts) for lang, texts in kept.items()}


def _sides(pairs: pl.DataFrame) -> Iterator[tuple[str, str]]:
    for lang, text, english in pairs.select("lang", "text", "text_en").iter_rows():
        if zlib.crc32(sentence_key(english).encode()) % 2:
            yield "en", english
        else:
            yield lang, text
