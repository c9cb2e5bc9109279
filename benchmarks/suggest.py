"""Which rows to label next, and labels that look wrong: simulated on rows whose labels are known.

A stand-in for the whole: the sentence vectors of the frozen `mini`, and logistic regression on them
in the place of fine-tuning, which takes a second where a training takes minutes. So it says which
way of choosing is the better one, not how high a run will score.
"""

import argparse
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from _data import data_folder
from _timing import table
from babelift.evaluation.label_errors import cross_validated, doubted
from babelift.labelling.choice import SHORTLIST, farthest_first, shares, uncertainty

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]

SETS: Final = {"umsab": ("de", "es", "fr", "it"), "sib200": ("de", "es", "fr")}
"""Languages that rows are labelled in; English is what the run has been trained on."""

ROWS: Final = 600
"""Rows of a table that are read, of English training rows 1,000; of SIB-200 all."""

NUMBERS: Final = (50, 100, 200)
FIRST: Final = (10, 20, 50)
RATES: Final = (0.0, 0.05, 0.2)


@dataclass(frozen=True)
class Rows:
    """Vectors, labels, items and languages of some rows."""

    vectors: Vectors
    labels: npt.NDArray[Any]
    items: npt.NDArray[Any]
    langs: npt.NDArray[Any]

    def __getitem__(self, rows: npt.NDArray[Any]) -> "Rows":
        return Rows(self.vectors[rows], self.labels[rows], self.items[rows], self.langs[rows])


def read(name: str, lang: str, split: str, cache: Path) -> Rows:
    """Rows of one table with their vectors, which are kept in the cache."""
    most = None if name == "sib200" else 1000 if (lang, split) == ("en", "train") else ROWS
    with gzip.open(
        data_folder() / name / f"{lang}.{split}.jsonl.gz", "rt", encoding="utf-8"
    ) as file:
        rows = [json.loads(line) for line in file][:most]
    kept = cache / f"{name}.{lang}.{split}.npy"
    if not kept.is_file():
        np.save(kept, encoded([row["text"] for row in rows]))
    items = [row.get("parallel_id", row["id"]) for row in rows]
    labels, langs = np.array([row["label"] for row in rows]), np.array([lang] * len(rows))
    return Rows(np.load(kept), labels, np.array(items), langs)


def encoded(texts: list[str]) -> Vectors:
    """Sentence vectors of the frozen `mini`."""
    from babelift.prediction.model import OpenModel
    from babelift.prediction.predictor import Predictor
    from babelift.training.encoder import load_encoder

    encoder = load_encoder("mini", ["0", "1"], seed=0)
    model = encoder.model.eval()
    return Predictor(OpenModel("mini", model, encoder.tokenizer, ["0", "1"], 128)).vectors(texts)


class Classifier:
    """Logistic regression on centred vectors."""

    def __init__(self, rows: Rows) -> None:
        from sklearn.linear_model import LogisticRegression

        self._mean = rows.vectors.mean(axis=0)
        self._spread = np.linalg.norm(rows.vectors - self._mean, axis=1).mean()
        self._model = LogisticRegression(C=3.0, max_iter=300, tol=1e-3)
        self._model.fit(self._scaled(rows.vectors), rows.labels)

    def _scaled(self, vectors: Vectors) -> Vectors:
        return (vectors - self._mean) / self._spread

    def proba(self, vectors: Vectors) -> Floats:
        """`(rows, labels)` probabilities."""
        return np.asarray(self._model.predict_proba(self._scaled(vectors)))

    def accuracy(self, rows: Rows) -> float:
        """Share of rows given the right label."""
        return float((self._model.predict(self._scaled(rows.vectors)) == rows.labels).mean())


Ints = npt.NDArray[np.int64]
Choose = Callable[[Rows, Floats, int, np.random.Generator], Ints]


def at_random(pool: Rows, proba: Floats, number: int, generator: np.random.Generator) -> Ints:
    """Any rows."""
    return generator.permutation(len(pool.vectors))[:number]


def least_sure(pool: Rows, proba: Floats, number: int, generator: np.random.Generator) -> Ints:
    """The rows that the classifier is least sure of."""
    return np.argsort(-uncertainty(proba), kind="stable")[:number]


def suggested(
    pool: Rows, proba: Floats, number: int, generator: np.random.Generator, *, even: bool = True
) -> Ints:
    """What `babelift suggest` does, by default or with `--languages unsure`."""
    unsure, chosen = uncertainty(proba), []
    own = {lang: np.flatnonzero(pool.langs == lang) for lang in np.unique(pool.langs).tolist()}
    weights = {
        lang: 1.0 if even else 1 - proba[rows].max(axis=1).mean() for lang, rows in own.items()
    }
    quota = shares(number, {lang: len(rows) for lang, rows in own.items()}, weights)
    for lang, rows in own.items():
        short = rows[np.argsort(-unsure[rows], kind="stable")[: SHORTLIST * quota[lang]]]
        picked, _ = farthest_first(pool.vectors[short], 0, quota[lang])
        chosen.append(short[picked])
    return np.concatenate(chosen)


WAYS: Final[dict[str, Choose]] = {
    "at random": at_random,
    "least sure": least_sure,
    "suggest": suggested,
    "suggest, unsure": partial(suggested, even=False),
}


def trial(name: str, start: int | None, seed: int, cache: Path) -> dict[tuple[str, int], float]:
    """Mean accuracy over languages after so many labels chosen in each way, and before any.

    Args:
        name: Of the data set.
        start: Labelled rows of the languages themselves that there are; None for English ones.
        seed: Of the draw of the pool, and of the start.
        cache: Folder of the vectors.
    """
    langs, generator = SETS[name], np.random.default_rng(seed)
    train = {lang: read(name, lang, "train", cache) for lang in ("en", *langs)}
    test = [read(name, lang, "test", cache) for lang in langs]
    # No item is there in two languages: a translation of what is labelled is worth little.
    drawn = generator.permutation(
        np.unique(np.concatenate([rows.items for rows in train.values()]))
    )
    share = np.array_split(drawn[len(drawn) // 4 :], len(langs))
    if name == "sib200":
        own = dict(zip(langs, share, strict=True)) | {"en": drawn[: len(drawn) // 4]}
        train = {lang: rows[np.isin(rows.items, own[lang])] for lang, rows in train.items()}
    pool = joined([train[lang] for lang in langs])
    begun = train["en"]
    if start is not None:
        first = generator.permutation(len(pool.labels))
        begun, pool = pool[first[:start]], pool[first[start:]]

    def accuracy(rows: Rows) -> float:
        classifier = Classifier(rows)
        return float(np.mean([classifier.accuracy(part) for part in test]))

    proba = Classifier(begun).proba(pool.vectors)
    scores = {("before", 0): accuracy(begun)}
    for number in NUMBERS:
        for way, choose in WAYS.items():
            chosen = choose(pool, proba, number, generator)
            scores[way, number] = accuracy(joined([begun, pool[chosen]]))
    return scores


def joined(parts: list[Rows]) -> Rows:
    """All rows under one another."""
    return Rows(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.langs for part in parts]),
    )


def with_interval(values: list[float], sign: str = "") -> str:
    """A mean over seeds with its 95 % interval (t)."""
    mean, seeds = float(np.mean(values)), len(values)
    reach = stats.t.ppf(0.975, seeds - 1) * np.std(values, ddof=1) / seeds**0.5
    return f"{mean:{sign}.3f} ± {reach:.3f}"


def choosing(
    seeds: int, cache: Path, sets: tuple[str, ...], starts: tuple[int | None, ...]
) -> None:
    """Print what each way of choosing gives."""
    rows = []
    for name in sets:
        for start in starts:
            trials = [trial(name, start, seed, cache) for seed in range(seeds)]
            had = "English rows" if start is None else f"{start} rows of these languages"
            for number in NUMBERS:
                random = [scores["at random", number] for scores in trials]
                gains = [
                    with_interval([scores[way, number] - scores["at random", number]
                                   for scores in trials], "+")
                    for way in WAYS if way != "at random"
                ]  # fmt: skip
                before = with_interval([scores["before", 0] for scores in trials])
                rows.append([name, had, before, str(number), with_interval(random), *gains])
    ways = [f"{way}, gain over random" for way in WAYS if way != "at random"]
    table(["data", "trained on", "before", "new labels", "at random", *ways], rows)


def planted(
    rows: Rows, rate: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Labels as numbers, so many of them changed to any other, and which."""
    names, given = np.unique(rows.labels, return_inverse=True)
    generator = np.random.default_rng(seed)
    wrong = np.zeros(len(given), dtype=bool)
    wrong[generator.permutation(len(given))[: round(rate * len(given))]] = True
    given[wrong] += generator.integers(1, len(names), int(wrong.sum()))
    return given % len(names), wrong


def wrong_labels(seeds: int, cache: Path, sets: tuple[str, ...]) -> None:
    """Print how many planted errors are found."""
    lines = []
    for name in sets:
        rows = read(name, "en", "train", cache)
        for rate in RATES:
            found: dict[str, list[float]] = {}
            for seed in range(seeds):
                given, wrong = planted(rows, rate, seed)
                proba = cross_validated(rows.vectors, given, rows.items)
                errors, number = doubted(proba, given)
                told = {
                    "told": float(number),
                    "recall": float(wrong[errors[:number]].sum() / max(wrong.sum(), 1)),
                }
                told |= {f"first {first}": float(wrong[errors[:first]].mean()) for first in FIRST}
                for what, value in told.items():
                    found.setdefault(what, []).append(value)
            told_number = f"{np.mean(found.pop('told')):.0f}"
            shares = [with_interval(values) if rate else "–" for values in found.values()]
            lines.append([name, str(len(rows.labels)), f"{wrong.sum()}", told_number, *shares])
    head = [f"planted among the first {first}" for first in FIRST]
    table(["data", "rows", "planted", "told", "share of the planted that is told", *head], lines)


def main() -> None:
    """Simulate both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=Path("vectors"), help="of sentence vectors")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    wrong_labels(given.seeds, given.cache, tuple(SETS))
    choosing(given.seeds, given.cache, tuple(SETS), (None, 50))


if __name__ == "__main__":
    main()
