"""Self-training: a first model labels unlabelled rows, the surest of which are learnt from.

Round after round from the encoder's own weights (Yarowsky 1995). What a model believes of itself
can be wrong in ways that it does not see, so that each step has a guard: rows that are test rows,
repeat others or are in another language are left out; in each language the labels that are believed
have the shares that they have in training; a row has to be as sure as validation rows are; a
language in which the labels come out in other shares is left out; and a round that is worse on
validation rows than the first model is undone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift import corpus
from babelift.cluster.launched import is_first
from babelift.corpus.rows import PSEUDO, conform
from babelift.corpus.similarity import normalise
from babelift.progress import Progress
from babelift.store import read_table, write_rows
from babelift.training.log import TrainResult

if TYPE_CHECKING:
    from babelift.prediction.predictor import Floats, Predictor

SHARE: Final = 0.5
"""Of the rows of a language so many are believed, if they are sure enough."""

UNSURE: Final = 0.25
"""A row must be as sure as all but this share of the validation rows are."""

UNLIKE: Final = 0.25
"""Where fewer rows than this are that sure, a language is not believed at all."""

OTHER_SHARES: Final = 0.2
"""Where the shares of the labels differ from those of training by more, a language is not believed.

Half the sum of the differences (total variation), and what it is by chance. It was .06 to .14 in
eleven languages of UMSAB and SIB-200, .25 and more where the rows were of another kind, and .47 and
more where SIB-200's had one label alone (`models.measure_self_training`, one draw).
"""

EXPECTED: Final = 5
"""A label of which so many rows would be believed may not be missing among the sure ones."""

LOOKED_AT: Final = 4
"""For each training row at most so many unlabelled ones are labelled, in each language."""


def usable(
    rows: pl.DataFrame,
    used: pl.DataFrame,
    langs: Sequence[str],
    source: str,
    *,
    near_duplicates: float,
    seed: int,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Leave out the unlabelled rows that must not be learnt from.

    Args:
        rows: Unlabelled rows; those of one item have one `group_id`.
        used: Labelled rows, with `split`.
        langs: Languages that the classifier is wanted for.
        source: Language of its training rows.
        near_duplicates: Shingle similarity from which texts count as near-duplicates.
        seed: Of the choice, where there are more than are looked at.

    Returns:
        What is left, in the form of `corpus.rows.SCHEMA`; and how many were left out, by reason.
    """
    # The names of other rows are taken.
    rows = rows.with_columns(
        id=pl.format("unlabelled {}", "id"),
        label=pl.lit(None, pl.String),
        origin=pl.lit(PSEUDO),
        plain=normalise(rows["text"]),
    ).with_columns(original_id="id")
    left_out: dict[str, int] = {}

    def leave(kept: pl.DataFrame, reason: str) -> pl.DataFrame:
        if kept.height < rows.height:
            left_out[reason] = rows.height - kept.height
        return kept

    rows = leave(rows.filter(pl.col("lang").is_in(list(langs))), "not in a language that is wanted")
    rows = leave(rows.filter(~_in_another_language(rows, source)), "written in another language")
    rows = leave(rows.unique("plain", keep="first", maintain_order=True), "the same text again")
    tested = used.filter(pl.col("split") != "train")
    rows = leave(_clean(rows, tested, near_duplicates), "validation or test rows, or nearly")
    known = normalise(used["text"]).implode()
    rows = leave(rows.filter(~pl.col("plain").is_in(known)), "training rows too").drop("plain")
    most = LOOKED_AT * used.filter(pl.col("split") == "train").height
    place = pl.int_range(pl.len()).shuffle(seed=seed).over("lang")
    rows = leave(rows.filter(place < most), f"more than {most:,} of a language")
    return conform(rows), left_out


def _in_another_language(rows: pl.DataFrame, source: str) -> pl.Series:
    """Whether a text is surely not in its row's language."""
    from babelift.translation.checks import wrong_language, wrong_script

    wrong = np.zeros(rows.height, dtype=np.bool_)
    for lang in rows["lang"].unique():
        mine = (rows["lang"] == lang).to_numpy()
        texts = rows["text"].filter(pl.Series(mine))
        wrong[mine] = wrong_script(texts, texts, lang) | wrong_language(texts, source, lang)
    return pl.Series(wrong)


def _clean(rows: pl.DataFrame, tested: pl.DataFrame, near: float) -> pl.DataFrame:
    """Rows that are none of those that are tested or validated on, nor nearly."""
    columns = ["id", "group_id", "text", "split"]
    # One that is like no other, since the audit refuses to leave nothing at all.
    other = pl.DataFrame({"id": "", "group_id": "", "text": "\0", "split": "train"})
    both = pl.concat([rows.select(columns), tested.select(columns), other])
    kept, _ = corpus.audit_leakage(both, policy="drop", near_duplicates=near)
    return rows.join(kept.filter(pl.col("split") == "train"), on="id", how="semi")


Label: TypeAlias = Callable[["Predictor", pl.DataFrame], "Floats"]
"""Gives `(rows, labels)` probabilities of unlabelled rows' labels by a trained model."""


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        kept: Number of the round whose model is kept; 0 for the first model.
        folder: Of that model.
        result: What its training did.
        scores: F1-micro on all validation rows of the first model, then of each round.
        believed: What the kept model was trained on beside the labelled rows.
        refused: Sentences about languages of which no row was believed.
    """

    kept: int
    folder: Path
    result: TrainResult
    scores: tuple[float, ...]
    believed: pl.DataFrame
    refused: tuple[str, ...]


def self_train(
    labelled: pl.DataFrame,
    unlabelled: pl.DataFrame,
    validation: pl.DataFrame,
    labels: Sequence[str],
    folders: Sequence[Path],
    fit: Callable[[pl.DataFrame, Path], TrainResult],
    progress: Progress,
    label: Label | None = None,
) -> Outcome:
    """Train the first model, believe the surest of what it says, and train again.

    Takes up what is finished. Every process of several does the same; the first writes.

    Args:
        labelled: Training rows.
        unlabelled: Rows in the languages that the classifier is wanted for.
        validation: Labelled rows that no model is trained on.
        labels: All labels, in order.
        folders: Of the first model and of each round.
        fit: Trains on rows, into a folder.
        progress: Where progress is shown.
        label: How the unlabelled rows are labelled; from their texts if absent.

    Raises:
        BabeliftError: Whatever stops a training.
    """
    from babelift.prediction.predictor import Predictor

    joined = [labelled.clear()]
    scores, results, right = list[float](), list[TrainResult](), list[NDArray[np.bool_]]()
    kept, refused = 0, list[str]()
    truth = validation["label"].to_numpy()
    for number, folder in enumerate(folders):
        progress.say(f"self-training, {f'round {number}' if number else 'first model'}")
        results.append(fit(pl.concat([labelled, joined[number]], how="diagonal_relaxed"), folder))
        predictor = Predictor.load(folder / "model", precision="auto")
        judged = predictor.predict_proba(validation["text"].to_list())
        right.append(np.array(labels)[judged.argmax(axis=1)] == truth)
        scores.append(round(float(right[number].mean()), 4))
        if worse(right[number], right[0]):
            break
        kept = number
        if folder == folders[-1]:
            break
        table = folder / "believed.parquet"
        if not table.is_file():
            found = (
                label(predictor, unlabelled)
                if label
                else predictor.predict_proba(unlabelled["text"].to_list(), progress=progress)
            )
            shares = [(labelled["label"] == label).mean() for label in labels]
            believed, refused = believe(
                unlabelled, found, labels, np.array(shares, dtype=np.float64),
                least=float(np.quantile(judged.max(axis=1), UNSURE)), most=labelled.height,
            )  # fmt: skip
            if is_first():
                write_rows(believed, table)
        else:
            believed = read_table(table)
        if believed.is_empty():
            break
        joined.append(believed)
    return Outcome(kept, folders[kept], results[kept], tuple(scores), joined[kept], tuple(refused))


def worse(now: NDArray[np.bool_], before: NDArray[np.bool_]) -> bool:
    """Whether a model is worse by more than the standard error of the difference.

    By less it is as good as anyone can tell: to undo every round that is a row behind would undo
    good ones by chance.

    Args:
        now: `(rows,)` whether it is right.
        before: `(rows,)` the same of the other model.

    >>> before = np.array([True] * 8 + [False] * 2)
    >>> worse(np.array([True] * 7 + [False] * 3), before)
    False
    >>> worse(np.array([True] * 4 + [False] * 6), before)
    True
    """
    gain = now.astype(np.float64) - before
    error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else 0.0
    return bool(gain.mean() < -error - 1e-9)


def believe(
    rows: pl.DataFrame,
    probabilities: NDArray[np.floating[Any]],
    labels: Sequence[str],
    shares: NDArray[np.float64],
    *,
    least: float,
    most: int,
) -> tuple[pl.DataFrame, list[str]]:
    """The surest rows of each language, their labels in the shares that they have in training.

    Args:
        rows: Unlabelled rows.
        probabilities: `(rows, labels)` as the model gives them.
        labels: The labels.
        shares: `(labels,)` share of each among the training rows.
        least: Least probability of a row that is believed.
        most: Most rows of a language.

    Returns:
        The rows, with `label` and the probability as `score`; and a sentence about each language
        of which none are believed.

    >>> rows = pl.DataFrame({"id": list("abcd"), "lang": ["de"] * 4})
    >>> found = np.array([[.9, .1], [.8, .2], [.3, .7], [.4, .6]])
    >>> believe(rows, found, ["bad", "good"], np.array([.5, .5]), least=.5, most=9)[0].rows()
    [('a', 'de', 'bad', 0.9), ('c', 'de', 'good', 0.7)]
    """
    best, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen, refused = np.zeros(rows.height, dtype=np.bool_), []
    for lang in sorted(set(rows["lang"])):
        mine = (rows["lang"] == lang).to_numpy()
        sure = mine & (surest >= least)
        wanted = shares * min(SHARE * mine.sum(), most)
        there = np.bincount(best[sure], minlength=len(labels))
        if sure.sum() < UNLIKE * mine.sum():
            refused.append(
                f"{lang}: {sure.sum() / mine.sum():.0%} of the rows are as sure as "
                f"{1 - UNSURE:.0%} of the validation rows; they are unlike what was learnt"
            )
            continue
        needed = wanted >= EXPECTED
        if sentence := _other_shares(best[mine], labels, shares):
            refused.append(f"{lang}: {sentence}")
            continue
        scale = min((there[needed] / wanted[needed]).tolist(), default=1.0)
        if scale == 0:
            lacking = ", ".join(
                f"'{labels[number]}'" for number in np.flatnonzero(needed & (there == 0)).tolist()
            )
            refused.append(f"{lang}: no row is surely {lacking}")
            continue
        for number, share in enumerate(wanted * min(scale, 1.0)):
            those = np.flatnonzero(sure & (best == number))
            order = those[np.argsort(-surest[those], kind="stable")]
            chosen[order[: int(share + 1e-9)]] = True
    believed = rows.with_columns(
        label=pl.Series([labels[number] for number in best], dtype=pl.String),
        score=pl.Series(surest, dtype=pl.Float64),
    ).filter(pl.Series(chosen))
    return believed, refused


def _other_shares(
    best: NDArray[np.intp], labels: Sequence[str], shares: NDArray[np.float64]
) -> str:
    """What the labels' shares are instead of those of training; empty where they are near."""
    found = np.bincount(best, minlength=len(labels)) / len(best)
    by_chance = np.sqrt(shares * (1 - shares) / (2 * np.pi * len(best))).sum()
    if np.abs(found - shares).sum() / 2 <= OTHER_SHARES + by_chance:
        return ""
    most = int(np.abs(found - shares).argmax())
    return (
        f"'{labels[most]}' would be the label of {found[most]:.0%} of the rows, in training it is "
        f"that of {shares[most]:.0%}"
    )
