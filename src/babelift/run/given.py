"""Translations that came with the user's tables: which of them a run takes, and what they lack."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from babelift.config import QualityAction

_NO_FAULT = ["truncated"]


class Completion(NamedTuple):
    """What there is of the translations that a run needs, and what is to be translated.

    Attributes:
        have: Given translations that are taken.
        jobs: Originals, and the languages they are still to be translated into.
    """

    have: pl.DataFrame
    jobs: list[tuple[pl.DataFrame, list[str]]]


def attach(given: pl.DataFrame, originals: pl.DataFrame) -> pl.DataFrame:
    """The given translations whose original is there, with its group, label and split.

    A translation follows its original wherever that goes, so that no translation of a test row is
    ever trained on.

    Args:
        given: Translations, in the form of `corpus.rows.SCHEMA`.
        originals: Originals.
    """
    of_original = ["group_id", "label", "split"]
    known = originals.select(pl.col("id").alias("original_id"), *of_original)
    return (
        given.drop(of_original)
        .join(known, on="original_id", how="inner", maintain_order="left")
        .select(given.columns)
    )


def complete(
    originals: pl.DataFrame, targets: Sequence[str], given: pl.DataFrame, quality: QualityAction
) -> Completion:
    """Take the given translations of originals into the targets and say what is missing.

    Given translations count as if they had just been made: those with a fault are kept, dropped,
    or made again, as `quality` says.

    Args:
        originals: Rows to be translated.
        targets: Languages to translate them into.
        given: Translations from `attach`.
        quality: What becomes of those with a fault.

    >>> from babelift.corpus.rows import originals
    >>> rows = originals(ids=["a", "b"], texts=["x", "y"], labels=["1", "2"], langs=["en", "en"])
    >>> german = rows.head(1).with_columns(id=pl.lit("a@de"), lang=pl.lit("de"))
    >>> have, jobs = complete(rows, ["de", "ja"], german, "drop")
    >>> have["id"].to_list(), [(part["id"].to_list(), to) for part, to in jobs]
    (['a@de'], [(['b'], ['de']), (['a', 'b'], ['ja'])])
    """
    have = given.filter(
        pl.col("lang").is_in(list(targets))
        & pl.col("original_id").is_in(originals["id"].to_list())
        & (pl.col("lang") != pl.col("source_lang")).fill_null(True)
    )
    sound = pl.col("flags").list.set_difference(_NO_FAULT).list.len() == 0
    if quality == "retry":
        have = have.filter(sound)
    jobs: dict[tuple[str, ...], list[str]] = {}
    for target in targets:
        covered = have.filter(pl.col("lang") == target)["original_id"].to_list()
        missing = originals.filter(~pl.col("id").is_in(covered))
        if (missing["lang"] != target).any():
            jobs.setdefault(tuple(missing["id"].to_list()), []).append(target)
    if quality == "drop":
        have = have.filter(sound)
    return Completion(
        have, [(originals.filter(pl.col("id").is_in(ids)), to) for ids, to in jobs.items()]
    )
