"""Many tests at once: Holm's adjustment, with weights, and for hypotheses that exclude others."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from babelift.errors import DataError
from babelift.evaluation.metrics import Floats

LEVEL: Final = 0.05
"""An adjusted p above it claims nothing."""


def holm(
    p_values: Sequence[float] | Floats, weights: Sequence[float] | Floats | None = None
) -> Floats:
    """Adjust p-values so that the chance of any false claim among them stays at the level.

    Holm 1979, "A simple sequentially rejective multiple test procedure", with the weights of its
    section 5; holds however the tests depend on one another.

    Args:
        p_values: `(tests,)`.
        weights: `(tests,)`, positive: a test of twice the weight may have twice the p. By default
            all weigh alike.

    Returns:
        `(tests,)` in the same order; reject those at or below the level.

    Raises:
        DataError: A value that is no probability, or weights that are not one for each, above 0.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    >>> holm([0.02, 0.02, 0.5], [2, 1, 1]).round(3).tolist()
    [0.04, 0.04, 0.5]
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1:
        raise DataError(f"p-values must be a list of numbers from 0 to 1; got {values.shape}.")
    return holm_of_exclusive(values[:, None], weights).ravel()


def holm_of_exclusive(
    p_values: npt.ArrayLike, weights: Sequence[float] | Floats | None = None
) -> Floats:
    """Holm's adjustment where each difference has several hypotheses, of which one holds at most.

    That a difference is zero, that it is the margin or more below, and that it is so far above
    exclude one another, so each difference needs to be counted once only (Goeman, Solari & Stijnen
    2010, "Three-sided hypothesis testing"; Shaffer 1986, "Modified sequentially rejective multiple
    test procedures"). In order of p over weight, each is multiplied by the weights of all
    differences that have a hypothesis left. With one hypothesis each it is `holm`.

    Args:
        p_values: `(differences, hypotheses)`.
        weights: `(differences,)`, positive; by default all weigh alike.

    Returns:
        `(differences, hypotheses)`; reject those at or below the level.

    Raises:
        DataError: A value that is no probability, or weights that are not one for each, above 0.

    >>> holm_of_exclusive([[0.01, 0.5, 0.001], [0.2, 0.03, 0.02]]).round(3).tolist()
    [[0.02, 0.5, 0.002], [0.4, 0.06, 0.04]]
    """
    # Not statsmodels' `multipletests`: it knows no weights, and it collects garbage at every call,
    # a tenth of a second in a process that holds torch. The tests compare the two.
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 2 or not ((values >= 0) & (values <= 1)).all():
        raise DataError("p-values must be numbers from 0 to 1.")
    heavy = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if heavy.shape != values.shape[:1] or not ((heavy > 0) & np.isfinite(heavy)).all():
        raise DataError("weights must be numbers above 0, one for each test.")
    scaled = (values / heavy[:, None]).ravel()
    owner = np.repeat(np.arange(len(values)), values.shape[1])
    order = np.argsort(scaled, kind="stable")
    # A difference counts up to the last of its hypotheses in this order.
    backwards = owner[order][::-1]
    last = np.zeros(len(order))
    last[np.unique(backwards, return_index=True)[1]] = heavy
    left = np.cumsum(last)[::-1]
    adjusted = np.empty_like(scaled)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled[order] * left), 1)
    return adjusted.reshape(values.shape)
