"""The parity gate: does an export give the labels of the classifier that it was made from?"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.evaluation.differences import paired_differences
from babelift.evaluation.intervals import wilson
from babelift.prediction.onnx import Parity

Floats = npt.NDArray[np.float64]

LEVEL: Final = 1e-3
"""Two best labels whose log odds are closer than this are level: rounding may turn them round."""

_ERRORS: Final = 1.96


def measure_parity(
    rows: pl.DataFrame, labels: Sequence[str], before: Floats, after: Floats
) -> list[Parity]:
    """How an export agrees with its original, by language.

    Args:
        rows: What both labelled: `lang`, `group_id`, and `label` where it is known.
        labels: Label names in the order of the columns.
        before: `(rows, labels)` probabilities of the original.
        after: `(rows, labels)` those of the export.

    >>> rows = pl.DataFrame({"lang": ["de"] * 3, "group_id": ["1", "2", "3"],
    ...     "label": ["a", "b", "a"]})
    >>> original = np.array([[.9, .1], [.2, .8], [.5, .5]])
    >>> [german] = measure_parity(rows, ["a", "b"], original, original[:, ::-1])
    >>> german.level, german.equal, german.share, german.before
    (1, 0, 0.0, 1.0)
    """
    best = np.sort(before, axis=1)
    level = np.log(best[:, -1] / np.maximum(best[:, -2], 1e-300)) < LEVEL
    equal = before.argmax(axis=1) == after.argmax(axis=1)
    names = np.array(labels)
    found = []
    for lang in rows["lang"].fill_null("?").unique(maintain_order=True):
        mine = (rows["lang"].fill_null("?") == lang).to_numpy()
        judged = mine & ~level
        number = int(judged.sum())
        share = float(equal[judged].mean()) if number else 1.0
        one = Parity(
            lang=lang,
            rows=int(mine.sum()),
            level=int((mine & level).sum()),
            equal=int(equal[judged].sum()),
            interval=wilson(share, number, _ERRORS) if number else (0.0, 1.0),
            change=round(float(np.abs(after[mine] - before[mine]).max()), 6),
        )
        known = mine & rows["label"].is_not_null().to_numpy()
        if known.any():
            truth = rows["label"].filter(pl.Series(known)).to_numpy()
            was, is_ = (names[part[known].argmax(axis=1)] == truth for part in (before, after))
            groups = rows["group_id"].filter(pl.Series(known)).to_numpy()
            one = one.model_copy(update={"before": float(was.mean()), "after": float(is_.mean())})
            if len(set(groups.tolist())) > 1:
                mean = paired_differences([is_], [was], [lang] * len(truth), groups).mean
                one = one.model_copy(update={"difference": (mean.delta, *mean.interval)})
        found.append(one)
    return found


def fallen(languages: Sequence[Parity], parity: float) -> list[Parity]:
    """The languages in which an export gives other labels more often than it may."""
    return [one for one in languages if one.share < parity]
