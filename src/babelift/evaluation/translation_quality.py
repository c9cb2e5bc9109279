"""Quality of translations: chrF and BLEU against references, and similarity to the originals."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.errors import DataError, did_you_mean, require
from babelift.evaluation.alignment import unit_rows

Encode: TypeAlias = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Makes `(texts, dim) float32` vectors of texts of any language."""

_PAIR: Final = ("translator", "source_lang", "lang")
_ITEM: Final = ("original_id", "lang")
_QUALITIES: Final = {
    **dict.fromkeys(_PAIR, pl.String()),
    "rows": pl.Int64(),
    "unscored": pl.Int64(),
    **dict.fromkeys(("chrf", "bleu", "similarity"), pl.Float64()),
}


class Quality(NamedTuple):
    """chrF and BLEU by sacrebleu, 0 to 100."""

    chrf: float
    bleu: float


def bleu_tokenizer(lang: str) -> str:
    """The name of sacrebleu's tokenizer for a target language.

    Chinese is cut by `zh`. Japanese is cut into characters: sacrebleu's own way for it needs
    MeCab and a dictionary, and gives other figures with each of them. BLEU of characters is higher
    than BLEU of words, so that figures of different languages cannot be compared; chrF's, which
    are of characters in all of them, can with less harm.

    >>> [bleu_tokenizer(lang) for lang in ("zh", "ja", "de")]
    ['zh', 'char', '13a']
    """
    return {"zh": "zh", "yue": "zh", "ja": "char"}.get(lang, "13a")


def text_quality(translations: Sequence[str], references: Sequence[str], lang: str) -> Quality:
    """chrF (Popović 2015) and BLEU (Papineni et al. 2002) of a whole set.

    BLEU counts runs of one to four words over all sentences; a set of sentences of which none has
    four words has a BLEU of 0, whatever they say.

    Args:
        translations: An empty one where there is none.
        references: One human translation of each.
        lang: Tag of their language, which decides how BLEU cuts words.

    Returns:
        Both rounded to three decimals.

    Raises:
        DataError: There are none, or the two lists differ in length.

    >>> text_quality(["Das ist ein gutes Buch."], ["Das ist ein gutes Buch."], "de")
    Quality(chrf=100.0, bleu=100.0)
    """
    require("the quality of translations", "study", "sacrebleu")
    from sacrebleu import corpus_bleu, corpus_chrf

    _check_aligned(translations, references, "references")
    hypotheses, reference_sets = list(translations), [list(references)]
    chrf = corpus_chrf(hypotheses, reference_sets)
    # Without force it warns of points that stand alone, as they do in French.
    bleu = corpus_bleu(hypotheses, reference_sets, tokenize=bleu_tokenizer(lang), force=True)
    return Quality(round(chrf.score, 3), round(bleu.score, 3))


def sentence_similarity(
    translations: Sequence[str], originals: Sequence[str], encode: Encode
) -> npt.NDArray[np.float64]:
    """How near each translation is to its original: the cosine of their vectors.

    It needs no reference, but an encoder that knows both languages; what the encoder cannot tell
    apart it cannot either. A translation without any letter or digit has a similarity of 0.

    Args:
        translations: Texts of one or several languages.
        originals: What each was made from.
        encode: Makes vectors of texts; asked once, for each different text.

    Returns:
        `(texts,) float64`, -1 to 1.

    Raises:
        DataError: There are none, the two lists differ in length, or `encode` does not give one
            vector for each text.

    >>> vectors = {"good": [1, 0], "gut": [1, 0], "naja": [3, 4]}
    >>> encode = lambda texts: np.array([vectors[text] for text in texts], dtype=np.float32)
    >>> sentence_similarity(["gut", "naja", ""], ["good", "good", "good"], encode).round(3).tolist()
    [1.0, 0.6, 0.0]
    """
    _check_aligned(translations, originals, "originals")
    worded = np.array([any(map(str.isalnum, text)) for text in translations], dtype=np.bool_)
    cosines = np.zeros(len(worded))
    if not worded.any():
        return cosines
    places: dict[str, int] = {}
    translation_places, original_places = (
        [places.setdefault(texts[row], len(places)) for row in np.flatnonzero(worded).tolist()]
        for texts in (translations, originals)
    )
    vectors = _unit_vectors(list(places), encode)
    cosines[worded] = np.einsum("ij,ij->i", vectors[translation_places], vectors[original_places])
    return np.clip(cosines, -1.0, 1.0)


def quality_by_pair(rows: pl.DataFrame, *, encode: Encode | None = None) -> pl.DataFrame:
    """The quality of every translator into every language, out of a table of rows.

    A translation is held against the row of the origin `reference` that has the same
    `original_id` and `lang`, and against the original that has that `id`.

    Args:
        rows: Originals, references and machine translations in the form of `corpus.rows.SCHEMA`.
        encode: Makes vectors of texts, for the similarity; null where absent.

    Returns:
        One row for each `translator`, `source_lang` and `lang`, in that order: `rows` that have a
        reference and are scored, `unscored` that have none, `chrf` and `bleu` (0 to 100; null
        where no row is scored), and `similarity`, the mean over all rows whose original is there
        (-1 to 1; null where none is).

    Raises:
        DataError: A column is missing, an item has two references in one language, or two
            originals have one id.
    """
    for name in ("id", "text", "origin", "original_id", *_PAIR):
        if name not in rows.columns:
            raise DataError(f"column '{name}' is missing{did_you_mean(name, rows.columns)}")
    translated = (
        rows.filter(pl.col("origin") == "machine")
        .select(*_PAIR, "original_id", pl.col("text").fill_null(""))
        .join(_references(rows), on=_ITEM, how="left", maintain_order="left")
        .join(_originals(rows), on="original_id", how="left", maintain_order="left")
        .sort(*_PAIR, maintain_order=True)
    )
    similarities = _similarities(translated, encode)
    parts = translated.with_columns(similarities).partition_by(*_PAIR, maintain_order=True)
    return pl.DataFrame([_scored(part) for part in parts], schema=_QUALITIES)


def _references(rows: pl.DataFrame) -> pl.DataFrame:
    references = rows.filter((pl.col("origin") == "reference") & pl.col("text").is_not_null())
    twice = references.filter(references.select(_ITEM).is_duplicated())
    if twice.height:
        raise DataError(
            f"item '{twice['original_id'][0]}' has two references in '{twice['lang'][0]}'.",
            "Keep one of them.",
        )
    return references.select(*_ITEM, reference="text")


def _originals(rows: pl.DataFrame) -> pl.DataFrame:
    originals = rows.filter((pl.col("origin") == "original") & pl.col("text").is_not_null())
    twice = originals.filter(originals["id"].is_duplicated())
    if twice.height:
        raise DataError(f"two originals have the id '{twice['id'][0]}'.", "Give each its own id.")
    return originals.select(original_id="id", original="text")


def _similarities(translated: pl.DataFrame, encode: Encode | None) -> pl.Series:
    """Each translation's similarity to its original; null without an original or an encoder."""
    values = np.full(translated.height, np.nan)
    known = translated["original"].is_not_null().to_numpy()
    if encode is not None and known.any():
        pairs = translated.filter(pl.col("original").is_not_null())
        values[known] = sentence_similarity(
            pairs["text"].to_list(), pairs["original"].to_list(), encode
        )
    return pl.Series("similarity", values).fill_nan(None)


def _scored(part: pl.DataFrame) -> dict[str, Any]:
    """The row of one translator and pair."""
    items = part.filter(pl.col("reference").is_not_null())
    named = part.row(0, named=True)
    quality = None
    if items.height:
        texts, references = items["text"].to_list(), items["reference"].to_list()
        quality = text_quality(texts, references, named["lang"])
    return {
        **{name: named[name] for name in _PAIR},
        "rows": items.height,
        "unscored": part.height - items.height,
        "chrf": quality and quality.chrf,
        "bleu": quality and quality.bleu,
        "similarity": part["similarity"].mean(),
    }


def _unit_vectors(texts: Sequence[str], encode: Encode) -> npt.NDArray[np.float64]:
    """Vectors of length one; one without a length stays as it is."""
    vectors = np.asarray(encode(texts), dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise DataError(
            f"the encoder made vectors of the shape {vectors.shape} of {len(texts)} texts.",
            "It must make one vector for each text.",
        )
    return unit_rows(vectors)


def _check_aligned(translations: Sequence[str], others: Sequence[str], name: str) -> None:
    if len(translations) != len(others):
        raise DataError(
            f"{len(translations)} translations, but {len(others)} {name}.",
            "There must be one of each.",
        )
    if not translations:
        raise DataError("there are no translations to score.")
