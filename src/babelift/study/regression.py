"""The regression of scores on OTC, as the paper tabulates it: mixed model and plain OLS."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from babelift.errors import ConfigError, DataError, require
from babelift.evaluation.metrics import Counts, Floats


@dataclass(frozen=True, slots=True)
class Terms:
    """The levels of one random effect.

    Attributes:
        name: Of the column.
        numbers: `(rows,) int64` the level of each row.
    """

    name: str
    numbers: Counts

    @property
    def dummies(self) -> Floats:
        """A column of 0 and 1 for each level: `(rows, levels)`."""
        return np.eye(int(self.numbers.max()) + 1)[self.numbers]


def usable_terms(columns: Mapping[str, Sequence[str]]) -> tuple[list[Terms], list[str]]:
    """The effects that can be estimated, and a sentence for each that cannot.

    Args:
        columns: Levels by name of the column.

    >>> terms, notes = usable_terms({"language": ["de", "de", "ja"], "seed": ["1", "1", "1"]})
    >>> [term.name for term in terms], notes
    (['language'], ['There is one seed only, so it has no effect of its own.'])
    """
    kept: list[Terms] = []
    notes: list[str] = []
    for name, values in columns.items():
        numbers = np.unique(np.asarray(values, dtype=str), return_inverse=True)[1]
        levels = int(numbers.max()) + 1
        twin = next((term.name for term in kept if _same(term.numbers, numbers)), None)
        if levels == 1:
            notes.append(f"There is one {name} only, so it has no effect of its own.")
        elif levels == len(numbers):
            notes.append(f"Every score has its own {name}, so it is the same as the residual.")
        elif twin is not None:
            notes.append(f"Each {name} goes with one {twin}, so the two are one effect.")
        else:
            kept.append(Terms(name, numbers.astype(np.int64)))
    return kept, notes


def _same(first: Counts, other: Counts) -> bool:
    """Whether two columns divide the rows alike."""
    pairs = len(np.unique(first * (int(other.max()) + 1) + other))
    return pairs == int(first.max()) + 1 == int(other.max()) + 1


_ZERO: Final = 1e-4
"""Share of the residual variance below which an effect's variance is taken for zero."""

_OPTIMISERS: Final[Mapping[str, Mapping[str, float]]] = {
    "powell": {"xtol": 1e-6, "ftol": 1e-8},
    "nm": {"maxiter": 4000, "xtol": 1e-6, "ftol": 1e-8},
    "lbfgs": {},
}
"""Powell first: gradients fail where a variance is zero, and it needs none. Its usual tolerance
leaves two per cent of a standard error open. Where it runs into a singular matrix, Nelder-Mead
comes to the end that gradients stop short of (a standard error was 4 % too large)."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """A fitted model.

    Attributes:
        coefficient: Of the contrast.
        standard_error: Of the coefficient.
        variances: Of each random effect, and `residual`.
        terms: The random effects that were kept.
    """

    coefficient: float
    standard_error: float
    variances: dict[str, float]
    terms: tuple[Terms, ...]


def fit_mixed(y: Floats, x: Floats, terms: Sequence[Terms], notes: list[str]) -> Mixed | None:
    """Fit `y ~ x` with random effects, without those whose variance is zero.

    Args:
        y: `(rows,) float64` scores.
        x: `(rows,) float64` of 0 and 1.
        terms: Crossed random effects.
        notes: A sentence is added for whatever is left out.

    Returns:
        None where no effect is left, or no optimiser converges.
    """
    kept = list(terms)
    unit = float(y.std())  # optimisers stop by absolute steps, so scores are brought to size 1
    while kept:
        fitted = _converged(y / unit, x, kept)
        if fitted is None:
            names = ", ".join(term.name for term in kept)
            notes.append(f"The mixed model with {names} did not converge.")
            return None
        shares = np.asarray(fitted.vcomp) / fitted.scale
        smallest = int(shares.argmin())
        if shares[smallest] > _ZERO:
            scale = float(fitted.scale) * unit**2
            each = zip(kept, shares, strict=True)
            variances = {term.name: float(share) * scale for term, share in each}
            return Mixed(
                float(fitted.fe_params[1]) * unit,
                float(fitted.bse_fe[1]) * unit,
                {**variances, "residual": scale},
                tuple(kept),
            )
        gone = kept.pop(smallest)
        notes.append(
            f"The mixed model is singular: the variance between levels of {gone.name} comes out as "
            f"zero, so (1|{gone.name}) was left out."
        )
    return None


def _converged(y: Floats, x: Floats, terms: Sequence[Terms]) -> Any:
    """The first fit that converges and has a usable standard error, else None."""
    require("the table of effects", "study", "statsmodels")
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    parts = VCSpec(
        [term.name for term in terms],
        [[[str(level) for level in range(term.dummies.shape[1])]] for term in terms],
        [[term.dummies] for term in terms],
    )
    # All rows are one group: effects nested in none are variance components of the whole.
    model = MixedLM(
        y,
        np.column_stack([np.ones_like(x), x]),
        groups=np.zeros(len(y)),
        exog_re=None,
        exog_vc=parts,
    )
    for optimiser, tolerance in _OPTIMISERS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                fitted = model.fit(reml=True, method=optimiser, **tolerance)
            except (np.linalg.LinAlgError, ValueError):
                continue
        if fitted.converged and np.isfinite(fitted.bse_fe).all():
            return fitted
    return None


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
        freedom: Degrees of freedom of the t; 0 where there is nothing to judge by: then p is 1.
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
        plain: From OLS on the contrast alone, which is probably the paper's: it takes the scores of
            one training for independent, so that its p is far too often small.
        variances: Of each random effect that was kept, and `residual`.
        notes: Why the model is not the one asked for, a sentence each; empty where it is.
        adjusted_p: The p that a claim rests on, after the page's correction: that of the model or,
            where it is greater, that of the paired difference, which knows of test rows too.
        sentence: The table in words.
    """

    mixed: Coefficient
    plain: Coefficient
    variances: dict[str, float]
    notes: tuple[str, ...]
    adjusted_p: float = 1.0
    sentence: str = ""


def regress(
    table: pl.DataFrame,
    *,
    contrast: str = "otc",
    score: str = "f1",
    random: Sequence[str] = ("language", "source", "seed"),
    training: str | None = None,
    level: float = 0.95,
) -> Regression:
    """Fit `f1 ~ otc + (1|language) + (1|source) + (1|seed)`, and `f1 ~ otc` beside it.

    One training is scored in several languages, and its luck is in all of these scores. With
    `training` the model has `(1|training)` too, and Student's t has the degrees of freedom that the
    trainings leave, also where their variance comes out as zero: of few trainings that is no proof.

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
        training: Column that names the training of each score.
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
    >>> regression = regress(table)
    >>> mixed, plain = regression.mixed, regression.plain
    >>> round(mixed.coefficient, 3), mixed.p < 0.001, plain.p < 0.05
    (0.036, True, True)
    >>> regression.notes[0]
    'There is one source only, so it has no effect of its own.'
    """
    drawn = (*random, *([training] if training else []))
    y, x, columns = _checked(table, score, contrast, drawn)
    terms, notes = usable_terms(columns)
    fixed = f"{score} ~ {contrast}"
    plain = _ols(y, x, [], fixed, level)
    trainings = next((term for term in terms if term.name == training), None)
    if trainings is not None:
        return _with_training(y, x, terms, trainings, notes, plain, level)
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
    freedom = len(y) - int(np.linalg.matrix_rank(_columns(x, fitted.terms)))
    return Regression(
        _mixed_row(fixed, fitted, freedom, len(y), level), plain, fitted.variances, tuple(notes)
    )


def _mixed_row(fixed: str, fitted: Mixed, freedom: int, rows: int, level: float) -> Coefficient:
    formula = " + ".join([fixed, *(f"(1|{term.name})" for term in fitted.terms)])
    return _row(formula, fitted.coefficient, fitted.standard_error, freedom, rows, level)


def _with_training(
    y: Floats,
    x: Floats,
    terms: Sequence[Terms],
    trainings: Terms,
    notes: list[str],
    plain: Coefficient,
    level: float,
) -> Regression:
    """The model with a term for the training; without a fit, the means of the trainings."""
    fixed = plain.formula
    first = np.unique(trainings.numbers, return_index=True)[1]
    constant = [
        Terms(term.name, term.numbers[first])
        for term in terms
        if term is not trainings
        and np.array_equal(term.numbers[first][trainings.numbers], term.numbers)
    ]
    means = np.bincount(trainings.numbers, y) / np.bincount(trainings.numbers)
    formula = " + ".join([f"mean {fixed}", *(f"C({term.name})" for term in constant)])
    between = _ols(means, x[first], constant, formula, level)
    fitted = fit_mixed(y, x, terms, notes) if between.standard_error > 1e-9 else None
    if fitted is None:
        notes.append("The table shows least squares on the mean score of each training.")
        return Regression(between, plain, {}, tuple(notes))
    row = _mixed_row(fixed, fitted, round(between.freedom), len(y), level)
    return Regression(row, plain, fitted.variances, tuple(notes))


def _checked(
    table: pl.DataFrame, score: str, contrast: str, random: Sequence[str]
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


def _ols(y: Floats, x: Floats, terms: Sequence[Terms], formula: str, level: float) -> Coefficient:
    """Least squares by pseudo-inverse, so that columns which repeat others do no harm."""
    columns = _columns(x, terms)
    inverse = np.linalg.pinv(columns)
    beta = inverse @ y
    freedom = len(y) - int(np.linalg.matrix_rank(columns))
    left = float(((y - columns @ beta) ** 2).sum())
    error = (left / freedom) ** 0.5 * float(np.linalg.norm(inverse[0])) if freedom else 0.0
    return _row(formula, float(beta[0]), error, freedom, len(y), level)


def _columns(x: Floats, terms: Sequence[Terms]) -> Floats:
    return np.column_stack([x, np.ones_like(x), *(term.dummies for term in terms)])


def _row(
    formula: str, coefficient: float, error: float, freedom: float, rows: int, level: float
) -> Coefficient:
    if freedom < 1:  # nothing is left to judge the coefficient by
        return Coefficient(formula, coefficient, 0.0, 1.0, (-1.0, 1.0), 0, rows)
    if error < 1e-12:
        error, p = 0.0, 1.0 if abs(coefficient) < 1e-12 else 0.0
    else:
        p = float(2 * stdtr(freedom, -abs(coefficient) / error))
    reach = error * float(stdtrit(freedom, (1 + level) / 2)) if error else 0.0
    ends = (coefficient - reach, coefficient + reach)
    return Coefficient(formula, coefficient, error, p, ends, freedom, rows)
