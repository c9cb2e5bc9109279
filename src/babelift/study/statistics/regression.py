"""The regression of scores on OTC, as the paper tabulates it: mixed model and plain OLS."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from babelift.errors import ConfigError, DataError
from babelift.evaluate.scores import Floats
from babelift.study.statistics.mixed import fit_mixed
from babelift.study.statistics.terms import Terms, usable_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_SCORES: Final = 3
"""Scores that a regression needs: two are a line."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A row of the table.

    Attributes:
        formula: The model, in the notation of lme4.
        coefficient: What the contrast adds to the score.
        standard_error: Of the coefficient.
        p: Two-sided, Student t.
        interval: Lower and upper end.
        freedom: Degrees of freedom of the t.
        rows: Scores the model was fitted to.
    """

    formula: str
    coefficient: float
    standard_error: float
    p: float
    interval: tuple[float, float]
    freedom: float
    rows: int


@dataclass(frozen=True, slots=True)
class Regression:
    """The table of a contrast.

    Attributes:
        mixed: From the mixed model, or from what it fell back to.
        plain: From OLS on the contrast alone, which is probably the paper's.
        variances: Of each random effect that was kept, and `residual`.
        notes: Why the model is not the one asked for, a sentence each; empty where it is.
    """

    mixed: Coefficient
    plain: Coefficient
    variances: dict[str, float]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)


def regress(
    table: pl.DataFrame,
    *,
    contrast: str = "otc",
    score: str = "f1",
    random: "Sequence[str]" = ("language", "source", "seed"),
    level: float = 0.95,
) -> Regression:
    """Fit `f1 ~ otc + (1|language) + (1|source) + (1|seed)`, and `f1 ~ otc` beside it.

    The random effects are crossed and fitted by restricted maximum likelihood (statsmodels'
    MixedLM). One that cannot be told from the residual or from another is left out, and so is
    one whose variance comes out as zero, the smallest first; where none is left, or the fit does
    not converge, it is OLS with a fixed effect for each language. `notes` says what was done.
    Student's t has as many degrees of freedom as the additive table of kept effects leaves for the
    residual, which is exact where the design is balanced.

    Args:
        table: One row per score.
        contrast: Column of 0 and 1 (or False and True).
        score: Column of scores.
        random: Columns of random effects; the first is the fixed one of the last resort.
        level: Probability that intervals are made for.

    Raises:
        ConfigError: A column that is not there.
        DataError: Too few rows, one value of the contrast only, missing or infinite values.

    >>> cells = [(lang, seed, otc) for lang in "abcdef" for seed in (1, 2, 3) for otc in (0, 1)]
    >>> table = pl.DataFrame(cells, schema=["language", "seed", "otc"], orient="row")
    >>> wobble = [((7 * number) % 11 - 5) / 1000 for number in range(len(cells))]
    >>> table = table.with_columns(
    ...     source=pl.lit("en"),
    ...     f1=0.5 + 0.036 * pl.col("otc") + (pl.col("language") == "a") * 0.1 + pl.Series(wobble),
    ... )
    >>> found = regress(table)
    >>> round(found.mixed.coefficient, 3), found.mixed.p < 0.001, found.plain.p < 0.05
    (0.036, True, True)
    >>> found.notes[0]
    'There is one source only, so it has no effect of its own.'
    """
    y, x, columns = _checked(table, score, contrast, random)
    terms, notes = usable_terms(columns)
    fixed = f"{score} ~ {contrast}"
    plain = _ols(y, x, [], fixed, level)
    # Where the terms explain every last digit there is no residual to fit.
    exact = _ols(y, x, terms, fixed, level).standard_error < 1e-9
    if exact and terms:
        notes.append("The scores have no residual variance, so no mixed model can be fitted.")
    fitted = None if exact else fit_mixed(y, x, terms, notes)
    if fitted is None:
        last = usable_terms({random[0]: columns[random[0]]})[0] if random else []
        if last:
            notes.append(f"The table shows OLS with a fixed effect for each {random[0]}.")
        formula = " + ".join([fixed, *(f"C({term.name})" for term in last)])
        return Regression(_ols(y, x, last, formula, level), plain, {}, tuple(notes))
    formula = " + ".join([fixed, *(f"(1|{term.name})" for term in fitted.terms)])
    freedom = len(y) - _rank(x, fitted.terms)
    row = _row(formula, fitted.coefficient, fitted.standard_error, freedom, len(y), level)
    return Regression(row, plain, fitted.variances, tuple(notes))


def _checked(
    table: pl.DataFrame, score: str, contrast: str, random: "Sequence[str]"
) -> tuple[Floats, Floats, dict[str, list[str]]]:
    for name in (score, contrast, *random):
        if name not in table.columns:
            raise ConfigError(f"the table has no column '{name}'; it has: {table.columns}.")
        if table[name].null_count():
            raise DataError(f"column '{name}' lacks values.")
    try:
        y, x = (table[name].cast(pl.Float64).to_numpy() for name in (score, contrast))
    except pl.exceptions.PolarsError:
        raise DataError(f"columns '{score}' and '{contrast}' must hold numbers.") from None
    if not np.isfinite(y).all():
        raise DataError(f"column '{score}' holds values that are no finite number.")
    if set(x.tolist()) != {0.0, 1.0}:
        raise DataError(f"column '{contrast}' must hold 0 and 1, both of them.")
    if len(y) < FEWEST_SCORES:
        raise DataError(f"a regression needs three scores or more; got {len(y)}.")
    return y, x, {name: table[name].cast(pl.String).to_list() for name in random}


def _ols(y: Floats, x: Floats, terms: "Sequence[Terms]", formula: str, level: float) -> Coefficient:
    """Least squares by pseudo-inverse, so that columns which repeat others do no harm."""
    columns = np.column_stack([x, np.ones_like(x), *(term.dummies for term in terms)])
    inverse = np.linalg.pinv(columns)
    beta = inverse @ y
    freedom = len(y) - int(np.linalg.matrix_rank(columns))
    left = float(((y - columns @ beta) ** 2).sum())
    error = (left / freedom) ** 0.5 * float(np.linalg.norm(inverse[0])) if freedom else 0.0
    return _row(formula, float(beta[0]), error, freedom, len(y), level)


def _rank(x: Floats, terms: "Sequence[Terms]") -> int:
    columns = np.column_stack([x, np.ones_like(x), *(term.dummies for term in terms)])
    return int(np.linalg.matrix_rank(columns))


def _row(
    formula: str, coefficient: float, error: float, freedom: float, rows: int, level: float
) -> Coefficient:
    if error < 1e-12:
        error, p = 0.0, 1.0 if abs(coefficient) < 1e-12 else 0.0
    else:
        p = float(2 * stdtr(freedom, -abs(coefficient) / error))
    reach = error * float(stdtrit(freedom, (1 + level) / 2)) if error else 0.0
    ends = (coefficient - reach, coefficient + reach)
    return Coefficient(formula, coefficient, error, p, ends, freedom, rows)
