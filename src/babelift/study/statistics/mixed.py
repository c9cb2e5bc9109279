"""A linear mixed model with crossed random effects, fitted quietly and only as far as it goes."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from babelift.evaluate.scores import Floats
from babelift.study.statistics.terms import Terms

_ZERO: Final = 1e-4  # of the residual variance; below, an effect's variance is taken for zero
_OPTIMISERS: Final = (
    "powell",
    "lbfgs",
)  # gradients fail where a variance is zero; Powell needs none


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
        found = _converged(y / unit, x, kept)
        if found is None:
            names = ", ".join(term.name for term in kept)
            notes.append(f"The mixed model with {names} did not converge.")
            return None
        shares = np.asarray(found.vcomp) / found.scale
        smallest = int(shares.argmin())
        if shares[smallest] > _ZERO:
            scale = float(found.scale) * unit**2
            each = zip(kept, shares, strict=True)
            variances = {term.name: float(share) * scale for term, share in each}
            return Mixed(
                float(found.fe_params[1]) * unit,
                float(found.bse_fe[1]) * unit,
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
    for optimiser in _OPTIMISERS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = model.fit(reml=True, method=optimiser)
            except (np.linalg.LinAlgError, ValueError):
                continue
        if found.converged and np.isfinite(found.bse_fe).all():
            return found
    return None
