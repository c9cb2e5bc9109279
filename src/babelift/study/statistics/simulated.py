"""Studies with a known effect, drawn at random, for testing the statistics on them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from babelift.evaluation.metrics import Floats

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Design:
    """A design, the true effect in it, and the sizes of luck.

    A row is right where a normal number is above 0 (a probit model). Its parts have the standard
    deviations below, in units of the number's own residual, which is 1: a decision that flips by
    chance when training is repeated.

    Attributes:
        seeds: Seeds per condition.
        languages: Test languages.
        items: Test items per language.
        effect: True F1-micro of the arm minus that of the base.
        base: True F1-micro of the base.
        parallel: Whether languages share their items.
        seed: Luck of a trained model, the same in all languages.
        seed_language: Luck of a trained model in one language.
        difficulty: How hard an item is for arm and base alike.
        item: How well an item suits one of them.
        language_correlation: Correlation of an item's two numbers between languages, if parallel.
    """

    seeds: int = 5
    languages: int = 5
    items: int = 200
    effect: float = 0.0
    base: float = 0.6
    parallel: bool = True
    seed: float = 0.05
    seed_language: float = 0.05
    difficulty: float = 1.0
    item: float = 0.4
    language_correlation: float = 0.5


class Study(NamedTuple):
    """What a simulated study measured, as `paired_differences` takes it."""

    right_arm: Bools
    right_base: Bools
    langs: npt.NDArray[Any]
    groups: npt.NDArray[Any]


def simulated_study(design: Design, generator: np.random.Generator) -> Study:
    """Draw one study.

    Args:
        design: What to draw.
        generator: Source of the draws.

    >>> study = simulated_study(Design(seeds=3, languages=2, items=50), np.random.default_rng(0))
    >>> study.right_arm.shape, study.langs.shape, len(set(study.groups.tolist()))
    ((3, 100), (100,), 50)
    """
    conditions = (2, design.seeds, design.languages, design.items)
    score = generator.standard_normal(conditions, dtype=np.float32)
    score += design.seed * _normal(generator, 2, design.seeds, 1, 1)
    score += design.seed_language * _normal(generator, 2, design.seeds, design.languages, 1)
    score += design.difficulty * _items(design, generator, 1)
    score += design.item * _items(design, generator, 2)
    total = (1 + _luck(design)) ** 0.5
    for condition, right in enumerate((design.base + design.effect, design.base)):
        score[condition] += np.float32(total * ndtri(right))
    right_arm, right_base = (score > 0).reshape(2, design.seeds, -1)
    langs = np.repeat(np.arange(design.languages), design.items)
    number = np.tile(np.arange(design.items), design.languages)
    groups = number if design.parallel else langs * design.items + number
    return Study(right_arm, right_base, langs, groups)


def simulated_scores(
    effect: float, residual: float, studies: int, generator: np.random.Generator
) -> Floats:
    """Draw scores in the paper's design, with crossed effects of language, source and seed.

    Args:
        effect: True coefficient of OTC.
        residual: Standard deviation of a score's residual.
        studies: How many studies to draw.
        generator: Source of the draws.

    Returns:
        `(studies, 6 languages, 6 sources, 3 seeds, OTC off and on) float64`.

    >>> simulated_scores(0.036, 0.05, 2, np.random.default_rng(0)).shape
    (2, 6, 6, 3, 2)
    """
    scores = 0.5 + residual * generator.standard_normal((studies, 6, 6, 3, 2))
    scores += 0.08 * generator.standard_normal((studies, 6, 1, 1, 1))
    scores += 0.05 * generator.standard_normal((studies, 1, 6, 1, 1))
    scores += 0.02 * generator.standard_normal((studies, 1, 1, 3, 1))
    scores[..., 1] += effect
    return np.asarray(scores, dtype=np.float64)


def _luck(design: Design) -> float:
    parts = (design.seed, design.seed_language, design.difficulty, design.item)
    return float(sum(part**2 for part in parts))


def _items(design: Design, generator: np.random.Generator, conditions: int) -> npt.NDArray[Any]:
    """An item's standard normal number in each language: `(conditions, 1, languages, items)`."""
    own = _normal(generator, conditions, 1, design.languages, design.items)
    if not design.parallel:
        return own
    shared = _normal(generator, conditions, 1, 1, design.items)
    correlation = design.language_correlation
    return np.asarray(correlation**0.5 * shared + (1 - correlation) ** 0.5 * own)


def _normal(generator: np.random.Generator, *shape: int) -> npt.NDArray[np.float32]:
    return generator.standard_normal(shape, dtype=np.float32)
