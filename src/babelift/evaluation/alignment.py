"""How near originals and their translations lie to each other, before and after training."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from babelift.errors import RunError

if TYPE_CHECKING:
    import polars as pl

Vectors = NDArray[np.float64]

STAGES: Final = ("before", "after")

COLUMNS: Final = (
    "original_id", "source_lang", "lang", "label", "stage", "original", "translation",
)  # fmt: skip

_TIE = 1e-6
"""Cosines nearer to each other than this are one and the same in float32."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How well the sampled pairs of two languages match at one stage.

    Attributes:
        cosine: Mean cosine between an original and its translation.
        retrieval: Share of translations whose nearest original is their own.
        chance: What retrieval would be if all vectors were equal.
        pairs: Number of pairs.
    """

    cosine: float
    retrieval: float
    chance: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """The sampled pairs of two languages at one stage, vectors `(pairs, dim)`."""

    source_lang: str
    lang: str
    stage: str
    labels: tuple[str, ...]
    originals: Vectors
    translations: Vectors


def paired(frame: "pl.DataFrame") -> list[Pairs]:
    """The rows of `vectors.parquet` as arrays, one `Pairs` per language pair and stage.

    Args:
        frame: Columns as in `COLUMNS`; `original` and `translation` are lists of one length.

    Raises:
        RunError: A column is missing or the vectors have no common length or are not finite.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise _damaged(f"column '{missing[0]}' is missing")
    pairs = []
    groups = frame.sort("original_id").partition_by(
        "source_lang", "lang", "stage", as_dict=True, maintain_order=True
    )
    for (source, lang, stage), rows in sorted(groups.items(), key=lambda item: str(item[0])):
        originals, translations = _matrix(rows["original"]), _matrix(rows["translation"])
        if originals.shape != translations.shape:
            raise _damaged("'original' and 'translation' differ in length")
        labels = tuple(str(label) for label in rows["label"])
        pairs.append(Pairs(str(source), str(lang), str(stage), labels, originals, translations))
    return pairs


def alignment(originals: Vectors, translations: Vectors) -> Alignment:
    """Mean paired cosine and retrieval@1 of pairs that stand in the same rows.

    Where several originals are equally near, the find counts in part, so that vectors which have
    all become one score chance and no more.

    Args:
        originals: `(pairs, dim)`.
        translations: `(pairs, dim)`.

    >>> eye = np.eye(2)
    >>> alignment(eye, eye)
    Alignment(cosine=1.0, retrieval=1.0, chance=0.5, pairs=2)
    >>> alignment(eye, eye[::-1]).retrieval
    0.0
    >>> alignment(np.ones((4, 2)), np.ones((4, 2))).retrieval
    0.25
    """
    cosines = unit_rows(translations) @ unit_rows(originals).T
    own = np.diagonal(cosines)
    nearest = cosines >= cosines.max(axis=1, keepdims=True) - _TIE
    hits = np.diagonal(nearest) / nearest.sum(axis=1)
    mean = float(np.clip(np.round(own.mean(), 12), -1, 1))
    return Alignment(mean, float(hits.mean()), 1 / len(originals), len(originals))


def uniformity(vectors: Vectors) -> float:
    """How evenly vectors spread over the sphere (Wang & Isola 2020); lower is more even.

    `log mean exp(-2 |u - v|^2)` over all pairs of different rows, of normalised vectors;
    0 where all are one.

    Args:
        vectors: `(n, dim)`, at least two.

    >>> uniformity(np.ones((3, 2)))
    0.0
    >>> uniformity(np.array([[1.0, 0], [-1, 0]]))
    -8.0
    """
    unit = unit_rows(vectors)
    squared = 2 - 2 * (unit @ unit.T)
    others = ~np.eye(len(unit), dtype=bool)
    return float(np.round(np.log(np.exp(-2 * np.clip(squared[others], 0, 4)).mean()), 12) + 0.0)


def linear_cka(one: Vectors, other: Vectors) -> float:
    """Linear centred kernel alignment of two sets of vectors (Kornblith et al. 2019), 0 to 1.

    1 where one is the other turned, mirrored or scaled: it asks whether two languages lie alike,
    not whether they lie in the same place. 0 where a set has no spread.

    Args:
        one: `(n, dim)`.
        other: `(n, dim)`, the same items in the same order.

    >>> points = np.array([[0.0, 0], [1, 0], [0, 2]])
    >>> round(linear_cka(points, 3 * points[:, ::-1] + 1), 6)
    1.0
    """
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    shared = np.linalg.norm(other.T @ one) ** 2
    spread = np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other)
    return float(shared / spread) if spread > 0 else 0.0


def unit_rows(vectors: Vectors) -> Vectors:
    """Rows of length one; those without a length stay as they are."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.where(norms == 0, 1, norms)
    return unit


def _matrix(column: "pl.Series") -> Vectors:
    try:
        matrix = np.array(column.to_list(), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _damaged(f"'{column.name}' must hold lists of numbers of one length") from error
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise _damaged(f"'{column.name}' must hold lists of numbers of one length")
    if not np.isfinite(matrix).all():
        raise _damaged(f"'{column.name}' holds a value that is not finite")
    return matrix


def _damaged(reason: str) -> RunError:
    return RunError(
        f"data/vectors.parquet: {reason}.",
        "Delete the file to have the report without the picture of vectors.",
    )
