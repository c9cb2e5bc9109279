"""Many tests at once: Holm's adjustment, with weights."""

from collections.abc import Sequence
from typing import Final

import numpy as np

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
    # Not statsmodels' `multipletests`: it knows no weights, and it collects garbage at every call,
    # a tenth of a second in a process that holds torch. The tests compare the two.
    values = _probabilities(p_values)
    heavy = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if heavy.shape != values.shape or not ((heavy > 0) & np.isfinite(heavy)).all():
        raise DataError("weights must be numbers above 0, one for each p-value.")
    order = np.argsort(values / heavy, kind="stable")
    left = np.cumsum(heavy[order][::-1])[::-1]
    steps = values[order] / heavy[order] * left
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _probabilities(p_values: Sequence[float] | Floats) -> Floats:
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise DataError("p-values must be a list of numbers from 0 to 1.")
    return values
