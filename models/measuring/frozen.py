"""What an encoder's vectors are good for as they are: retrieval, similarity, classifying."""

from pathlib import Path
from typing import Final

import numpy as np

from models.data import LANGUAGES, rows_of
from models.measuring.vectors import Encode

SIX: Final = ("en", *LANGUAGES)
FIFTEEN: Final = (
    "ar", "el", "fi", "he", "hi", "id", "it", "ko", "pl", "pt", "ru", "sw", "th", "tr", "vi",
)  # fmt: skip
"""Languages of `sib200_more`, none of them among the training pairs."""

GRID: Final = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Values of C, the inverse of how much a linear classifier is held back."""


def retrieval(data: Path, encode: Encode) -> tuple[dict[str, float], dict[str, float]]:
    """Share of `tatoeba_test` sentences whose counterpart is the nearest of its language's.

    As usual for this test, only the counterpart itself counts, not another sentence that says the
    same (Artetxe & Schwenk 2019, "Massively Multilingual Sentence Embeddings").

    Returns:
        By language, from it to English and from English to it.
    """
    there, back = {}, {}
    for lang in LANGUAGES:
        rows = list(rows_of(data / "tatoeba_test" / f"{lang}-en.test.jsonl.gz"))
        vectors = encode([row["text"] for row in rows] + [row["text_en"] for row in rows])
        cosines = vectors[: len(rows)] @ vectors[len(rows) :].T
        own = np.arange(len(rows))
        there[lang] = float((cosines.argmax(1) == own).mean())
        back[lang] = float((cosines.argmax(0) == own).mean())
    return there, back


def similarity(data: Path, encode: Encode) -> dict[str, float]:
    """Spearman's correlation of the vectors' cosine and people's score, on STS's test pairs."""
    from scipy.stats import spearmanr

    found = {}
    for lang in SIX:
        rows = list(rows_of(data / "stsb" / f"{lang}.test.jsonl.gz"))
        vectors = encode([row["text"] for row in rows])
        place = {(row["pair"], row["side"]): number for number, row in enumerate(rows)}
        score = {row["pair"]: row["score"] for row in rows}
        one, other = ([place[pair, side] for pair in score] for side in (1, 2))
        cosines = (vectors[one] * vectors[other]).sum(1)
        found[lang] = float(spearmanr(cosines, list(score.values())).statistic)
    return found


def classifier(data: Path, encode: Encode) -> tuple[dict[str, float], float]:
    """Accuracy on SIB-200 of logistic regression on the vectors, trained on English.

    Returns:
        By language, and the C of `GRID` that was best on English validation rows, of equals the
        smallest.
    """
    from sklearn.linear_model import LogisticRegression

    train, validation = (_labelled(data, "en", split) for split in ("train", "validation"))
    vectors, judged = encode(train[0]), encode(validation[0])
    models = [LogisticRegression(C=c, max_iter=5000).fit(vectors, train[1]) for c in GRID]
    best = max(models, key=lambda model: model.score(judged, validation[1]))
    found = {}
    for lang in (*SIX, *FIFTEEN):
        texts, labels = _labelled(data, lang, "test")
        found[lang] = float(best.score(encode(texts), labels))
    return found, float(best.C)


def linear_baseline(data: Path) -> dict[str, float]:
    """Accuracy on SIB-200 of the package's linear baseline, trained on English."""
    from babelift.evaluation.baseline import linear_baseline

    texts, labels = _labelled(data, "en", "train")
    names = sorted(set(labels))
    found = {}
    for lang in SIX:
        tested, truth = _labelled(data, lang, "test")
        guesses = linear_baseline(texts, labels, tested, names).argmax(1)
        found[lang] = float(np.mean([names[g] == t for g, t in zip(guesses, truth, strict=True)]))
    return found


def _labelled(data: Path, lang: str, split: str) -> tuple[list[str], list[str]]:
    folder = "sib200_more" if lang in FIFTEEN else "sib200"
    rows = list(rows_of(data / folder / f"{lang}.{split}.jsonl.gz"))
    return [row["text"] for row in rows], [row["label"] for row in rows]
