"""What self-training is worth on frozen vectors: `python -m models.measure_self_training`.

A stand-in that takes minutes: the encoder's vectors stay as they are, and logistic regression takes
the place of fine-tuning. Which rows are believed is decided by the function that `fit` uses. Each
seed draws four fifths of the English rows (half of SIB-200's, whose other items are the unlabelled
text); English validation rows are the rest.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from scipy import stats
from sklearn.linear_model import LogisticRegression

from babelift.training.encoder import find_encoder
from babelift.training.self_training import UNSURE, believe, worse
from models.data import rows_of
from models.measuring.results import number, print_table
from models.measuring.vectors import open_encoder

TWEETS: Final = ("en", "de", "es", "fr", "it", "pt")
TOPICS: Final = ("en", "de", "es", "fr", "ja", "zh")
ROUNDS: Final = 2
STRENGTH: Final = 10.0
"""C of the logistic regression."""


class Part(NamedTuple):
    """Rows of one table.

    Attributes:
        vectors: `(rows, dim) float32`.
        labels: `(rows,)` strings.
        items: `(rows,)` names of the items.
    """

    vectors: np.ndarray
    labels: np.ndarray
    items: np.ndarray

    def take(self, chosen: np.ndarray) -> "Part":
        """Some of the rows."""
        return Part(self.vectors[chosen], self.labels[chosen], self.items[chosen])


Tables = dict[str, Part]


def main(words: Sequence[str] | None = None) -> None:
    """Print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoder", default="mini")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, help="of each table, to try it; default: all")
    arguments = parser.parse_args(words)
    encode = open_encoder(find_encoder(arguments.encoder))

    def read(name: str, langs: Sequence[str], part: str) -> Tables:
        return {
            lang: _part(arguments.data / name / f"{lang}.{part}.jsonl.gz", encode, arguments.rows)
            for lang in langs
        }

    topics = read("sib200", TOPICS, "train")
    for title, langs, train, test, share in (
        (
            "UMSAB, tweets",
            TWEETS,
            read("umsab", TWEETS, "train"),
            read("umsab", TWEETS, "test"),
            0.8,
        ),
        ("SIB-200, topics", TOPICS, topics, read("sib200", TOPICS, "test"), 0.5),
    ):
        found = [trial(train, test, topics, share, seed) for seed in range(arguments.seeds)]
        rows = {}
        for arm in found[0]:
            gains = np.array([one[arm] - one["zero-shot"] for one in found])[:, 1:].mean(axis=1)
            scores = np.mean([one[arm] for one in found], axis=0)
            half = (
                stats.t.ppf(0.975, len(gains) - 1) * stats.sem(gains) if len(gains) > 1 else np.nan
            )
            gain = "" if arm == "zero-shot" else f"{gains.mean():+.3f} ± {number(float(half))}"
            rows[arm] = [*map(number, scores), number(float(scores[1:].mean())), gain]
        columns = [*langs, f"mean of {' '.join(langs[1:])}", "over zero-shot"]
        print_table(
            f"{title}, trained on English: accuracy, {arguments.seeds} seeds", columns, rows
        )
    print("\n± half the 95 % interval over seeds (Student's t)")


def _part(path: Path, encode: Callable[[Sequence[str]], np.ndarray], most: int | None) -> Part:
    rows = list(rows_of(path))[:most]
    return Part(
        encode([row["text"] for row in rows]),
        np.array([row["label"] for row in rows]),
        np.array([row.get("parallel_id", row["id"]) for row in rows]),
    )


def trial(
    train: Tables, test: Tables, topics: Tables, share: float, seed: int
) -> dict[str, np.ndarray]:
    """Accuracies in every language of each arm, by name.

    Args:
        train: Rows of every language; of all but English the labels are not read.
        test: Test rows.
        topics: Rows of another kind in some of the languages.
        share: Of the English rows that are trained on.
        seed: Which those are.
    """
    source, *others = train
    order = np.random.default_rng(seed).permutation(len(train[source].labels))
    cut = int(share * len(order))
    learnt, held = train[source].take(order[:cut]), train[source].take(order[cut:])
    unlabelled = {
        lang: train[lang].take(~np.isin(train[lang].items, learnt.items)) for lang in others
    }
    first = str(np.unique(learnt.labels)[0])
    one_label = {lang: part.take(part.labels == first) for lang, part in unlabelled.items()}
    strange = {lang: topics[lang] for lang in others if lang in topics}

    def accuracies(model: LogisticRegression) -> np.ndarray:
        return np.array(
            [(model.predict(part.vectors) == part.labels).mean() for part in test.values()]
        )

    zero = _fit([learnt])
    result = {
        "zero-shot": accuracies(zero),
        "self-trained": accuracies(self_trained(learnt, held, unlabelled)),
        "by confidence alone": accuracies(self_trained(learnt, held, unlabelled, guarded=False)),
        f"unlabelled rows all '{first}'": accuracies(self_trained(learnt, held, one_label)),
        "the same, by confidence alone": accuracies(
            self_trained(learnt, held, one_label, guarded=False)
        ),
        "those rows with their labels": accuracies(_fit([learnt, *unlabelled.values()])),
    }
    if topics is not train:
        result["rows of another kind"] = accuracies(self_trained(learnt, held, strange))
        result["the same, by confidence"] = accuracies(
            self_trained(learnt, held, strange, guarded=False)
        )
    return result


def _fit(parts: Sequence[Part]) -> LogisticRegression:
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    return model.fit(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def self_trained(
    learnt: Part, held: Part, unlabelled: Tables, *, guarded: bool = True
) -> LogisticRegression:
    """The model after `ROUNDS` rounds, or before the first that is worse on held-out rows.

    Args:
        learnt: Labelled rows.
        held: Validation rows.
        unlabelled: Rows of the other languages.
        guarded: As `fit` does it; else the surest half of each language is believed.
    """
    vectors = np.concatenate([part.vectors for part in unlabelled.values()])
    langs = [lang for lang, part in unlabelled.items() for _ in part.labels]
    rows = pl.DataFrame({"row": np.arange(len(langs)), "lang": langs})
    kept = zero = _fit([learnt])
    for _ in range(ROUNDS):
        found = kept.predict_proba(vectors)
        labels = kept.classes_.tolist()
        if guarded:
            shares = np.array([(learnt.labels == label).mean() for label in labels])
            sure = kept.predict_proba(held.vectors).max(axis=1)
            believed, _ = believe(
                rows, found, labels, shares,
                least=float(np.quantile(sure, UNSURE)), most=len(learnt.labels),
            )  # fmt: skip
            chosen, given = believed["row"].to_numpy(), believed["label"].to_numpy()
        else:
            surest = rows.with_columns(sure=found.max(axis=1)).with_columns(
                rank=pl.col("sure").rank("ordinal", descending=True).over("lang"),
                number=pl.len().over("lang"),
            )
            chosen = surest.filter(2 * pl.col("rank") <= pl.col("number"))["row"].to_numpy()
            given = kept.classes_[found[chosen].argmax(axis=1)]
        if not len(chosen):
            return kept
        now = _fit([learnt, Part(vectors[chosen], given, given)])
        if guarded and worse(*(one.predict(held.vectors) == held.labels for one in (now, zero))):
            return kept
        kept = now
    return kept


if __name__ == "__main__":
    main()
