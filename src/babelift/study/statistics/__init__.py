"""Statistics of a study as pure functions: differences, tests, regression, power."""

from babelift.study.statistics.bootstrap import Bootstrapped, hierarchical_bootstrap
from babelift.study.statistics.components import Components
from babelift.study.statistics.differences import Difference, Differences, paired_differences
from babelift.study.statistics.power import (
    could_have_seen,
    design_power,
    seeds_needed,
    smallest_effect,
)
from babelift.study.statistics.power_regression import regression_power, smallest_coefficient
from babelift.study.statistics.regression import Coefficient, Regression, regress
from babelift.study.statistics.several import (
    Replicability,
    holm,
    partial_conjunction,
    replicability,
)
from babelift.study.statistics.signflip import SignFlip, languages_needed, sign_flip, smallest_p

__all__ = [
    "Bootstrapped",
    "Coefficient",
    "Components",
    "Difference",
    "Differences",
    "Regression",
    "Replicability",
    "SignFlip",
    "could_have_seen",
    "design_power",
    "hierarchical_bootstrap",
    "holm",
    "languages_needed",
    "paired_differences",
    "partial_conjunction",
    "regress",
    "regression_power",
    "replicability",
    "seeds_needed",
    "sign_flip",
    "smallest_coefficient",
    "smallest_effect",
    "smallest_p",
]
