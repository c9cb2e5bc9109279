"""Train, validation and test from one table, never taking an item apart."""

from typing import Any

import numpy as np
import polars as pl

from babelift.corpus.similarity import normalise
from babelift.errors import ConfigError, DataError


def split_by_group(
    rows: pl.DataFrame, *, seed: int, validation: float = 0.1, test: float = 0.1
) -> pl.DataFrame:
    """Fill `split` at random, by group, in equal shares of every label and language.

    Rows of one group stay together, and so do groups that share a text (compared without case,
    punctuation and white space): what was split here must pass the leakage audit. The result does
    not depend on the order of the rows. Whatever `split` held before is replaced.

    Groups are lined up by label and language, at random within, and taken at even distances, so
    every label and language gets its share to within one group, and the shares of the whole are
    exact. One group of every label is always trained on.

    Args:
        rows: Rows with `group_id`, `text`, `label` and `lang`.
        seed: The same seed gives the same split.
        validation: Share of the groups, 0 to 1; none for 0.
        test: Share of the groups, 0 to 1; none for 0.

    Raises:
        ConfigError: The shares leave nothing to train on.
        DataError: There are too few groups.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise ConfigError(
            f"shares of validation and test must be 0 or more and together below 1. "
            f"Got {validation} and {test}."
        )
    units = _units(rows)
    line, forced = _line_up(units, seed)
    total = len(line)
    wanted = {
        name: max(1, round(share * total))
        for name, share in (("test", test), ("validation", validation))
        if share
    }
    free = line[~np.isin(line, forced)]
    if len(free) < len(wanted):
        raise DataError(
            f"{total} different items cannot be split into {', '.join(['train', *wanted][:-1])} "
            f"and {[*wanted][-1]}: one "
            f"of each of {len(forced)} labels is needed for training.",
            "Bring more rows, or name --validation and --test tables.",
        )
    names = np.full(total, "train", dtype=object)
    for place, (name, number) in enumerate(wanted.items()):
        spare = len(wanted) - place - 1
        chosen = _evenly(free, min(number, len(free) - spare))
        names[chosen] = name
        free = free[~np.isin(free, chosen)]
    return rows.with_columns(pl.Series("split", names[units["unit"].to_numpy()], dtype=pl.String))


def _units(rows: pl.DataFrame) -> pl.DataFrame:
    """Each row with the number of its unit: groups that share no text with another unit."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    plain = normalise(rows["text"])
    texts = pl.select(pl.when(plain != "").then(plain).otherwise(rows["text"])).to_series()
    group = _numbers(rows["group_id"])
    text = _numbers(texts) + int(group.max(initial=-1)) + 1
    size = int(text.max(initial=-1)) + 1
    links = coo_matrix((np.ones(len(group), dtype=bool), (group, text)), shape=(size, size))
    _, unit = connected_components(links, directed=False)
    frame = rows.select("group_id", "label", "lang").with_columns(unit=pl.Series(unit[group]))
    # Numbered by their smallest group id, so that the order of the rows does not matter.
    names = frame.group_by("unit").agg(pl.col("group_id").min()).sort("group_id")
    order = {old: new for new, old in enumerate(names["unit"].to_list())}
    return frame.with_columns(pl.col("unit").replace_strict(order, return_dtype=pl.Int64))


def _line_up(units: pl.DataFrame, seed: int) -> tuple[Any, Any]:
    """Units in the order they are taken from, and those that must be trained on.

    Returns:
        Unit numbers, (units,) int64, and the first unit of each label, (labels,) int64.
    """
    strata = (
        units.group_by("unit")
        .agg(pl.col("label", "lang").drop_nulls().unique().sort().str.join("\n"))
        .sort("unit")
    )
    chance = np.random.default_rng(seed).permutation(strata.height)
    line = strata.with_columns(chance=pl.Series(chance)).sort("label", "lang", "chance")["unit"]
    place = pl.Series(np.argsort(line.to_numpy()))
    labelled = units.filter(pl.col("label").is_not_null())
    first = (
        labelled.with_columns(place=place.gather(labelled["unit"]))
        .group_by("label")
        .agg(pl.col("place").min())["place"]
    )
    return line.to_numpy(), np.unique(line.to_numpy()[first.to_numpy()])


def _evenly(line: Any, number: int) -> Any:
    """`number` members of a line at even distances.

    >>> _evenly(np.arange(10), 2).tolist()
    [2, 7]
    """
    steps = (np.arange(number) + 0.5) * len(line) / max(number, 1)
    return line[np.floor(steps).astype(np.int64)]


def _numbers(values: pl.Series) -> Any:
    """A number for each distinct value, (rows,) int64, in the order of the values."""
    return values.rank("dense").to_numpy().astype(np.int64) - 1
