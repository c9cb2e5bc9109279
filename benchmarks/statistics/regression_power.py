"""What the regression of scores on OTC can see in a balanced design, such as the paper's."""

import math
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import nctdtr, stdtrit

from babelift.errors import ConfigError

PAPER_ROWS: Final = 6 * 6 * 2 * 3
"""Scores in the paper's likely design: sources, test languages, OTC off and on, seeds."""


def regression_power(
    coefficient: float,
    residual: float,
    *,
    rows: int = PAPER_ROWS,
    effects: int = 0,
    level: float = 0.05,
) -> float:
    """Probability that a true coefficient of a 0/1 contrast is claimed, two-sided noncentral t.

    In a balanced design languages, sources and seeds cancel out of the coefficient, which then has
    the standard error `2 * residual / sqrt(rows)`, whatever their variances.

    Args:
        coefficient: True effect of the contrast.
        residual: Standard deviation of a score that language, source and seed leave unexplained.
            For plain OLS it includes them: the standard deviation within a condition.
        rows: Scores, half of them with the contrast on.
        effects: Degrees of freedom that the kept random effects take: levels less one of each.
        level: Two-sided level of the test.

    Raises:
        ConfigError: Numbers that no design can have.

    >>> round(regression_power(0.036, 0.094, effects=12), 2)
    0.8
    >>> round(regression_power(0.0, 0.094), 3)
    0.05
    """
    freedom = _freedom(residual, rows, effects, level)
    return _regression_power_of(abs(coefficient) * math.sqrt(rows) / (2 * residual), freedom, level)


def smallest_coefficient(
    residual: float,
    *,
    rows: int = PAPER_ROWS,
    effects: int = 0,
    power: float = 0.8,
    level: float = 0.05,
) -> float:
    """The smallest true coefficient that is claimed with the given power.

    Args:
        residual: Standard deviation of a score, as in `regression_power`.
        rows: Scores, half of them with the contrast on.
        effects: Degrees of freedom that the kept random effects take.
        power: Probability of claiming it, above `level` and below 1.
        level: Two-sided level of the test.

    Raises:
        ConfigError: Numbers that no design can have.

    >>> round(smallest_coefficient(0.094, effects=12), 3)
    0.036
    """
    freedom = _freedom(residual, rows, effects, level)
    if not level < power < 1:
        raise ConfigError(f"power must be above the level, {level}, and below 1; got {power}.")
    most = float(-stdtrit(freedom, level / 2)) * 2
    while _regression_power_of(most, freedom, level) < power:
        most *= 2
    errors: float = brentq(
        lambda shift: _regression_power_of(shift, freedom, level) - power, 0.0, most
    )
    return errors * 2 * residual / math.sqrt(rows)


def _regression_power_of(shift: float, freedom: int, level: float) -> float:
    """Two-sided power where the t is shifted by so many standard errors."""
    edge = -float(stdtrit(freedom, level / 2))
    # SciPy gives NaN for some tails that are too small to tell from 0.
    below, above = np.nan_to_num([nctdtr(freedom, shift, -edge), nctdtr(freedom, shift, edge)])
    return float(below + 1 - above)


def _freedom(residual: float, rows: int, effects: int, level: float) -> int:
    freedom = rows - 2 - effects
    if freedom < 1 or effects < 0:
        raise ConfigError(f"{rows} scores leave no residual beside {effects} and a contrast.")
    if not 0 < residual < float("inf"):
        raise ConfigError(f"the residual standard deviation must be above 0; got {residual}.")
    if not 0 < level < 1:
        raise ConfigError(f"level must be between 0 and 1; got {level}.")
    return freedom
