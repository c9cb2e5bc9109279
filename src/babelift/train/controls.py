"""Controls for OTC: pairs that are none, to tell aligning from regularising."""

import numpy as np
import polars as pl


def shuffled_pairs(rows: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """The same rows, every translation dealt to another original than its own.

    Text and label of a translation stay, so that the classifier learns from the same rows; only
    OTC, which ties a translation to its `original_id`, is misled. In each language translations
    change places among themselves, so that originals have as many as before; one that is alone
    in its language stays.

    Args:
        rows: Originals and translations, in the form of `corpus.rows.SCHEMA`.
        seed: Seed of the dealing.

    >>> rows = pl.DataFrame({"id": ["a", "b", "a@de", "b@de"], "original_id": ["a", "b", "a", "b"],
    ...     "group_id": ["1", "2", "1", "2"], "lang": ["en", "en", "de", "de"]})
    >>> shuffled_pairs(rows, seed=0).select("id", "original_id", "group_id").rows()
    [('a', 'a', '1'), ('b', 'b', '2'), ('a@de', 'b', '2'), ('b@de', 'a', '1')]
    """
    random = np.random.default_rng([seed, 70])
    giver = np.arange(rows.height)
    translated = (rows["id"] != rows["original_id"]).to_numpy()
    for lang in rows["lang"].unique().sort():
        chosen = np.flatnonzero(translated & (rows["lang"] == lang).to_numpy())
        # Along one random circle, so that nobody keeps their own (Sattolo 1986).
        circle = random.permutation(chosen)
        giver[circle] = np.roll(circle, 1)
    return rows.with_columns(rows["original_id"][giver], rows["group_id"][giver])
