"""What to do in each language: nothing yet, translate, label so many rows, or both.

Ways are ordered by what they cost. The advice is the cheapest one that is not told to be worse than
a dearer one, so a dearer one has to show that it is better. Going up in a fixed order and stopping
where nothing is told keeps the rate of false advice in a language at the level with no correction
for the steps (Maurer, Hothorn & Lehmacher 1995, "Multiple comparisons in drug clinical trials and
preclinical assays: a-priori ordered hypotheses"); the rivals of a step, the languages and the
question of which to label first share the level by Bonferroni.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

import polars as pl

from babelift.evaluation.differences import Difference, paired_differences
from babelift.evaluation.multiple_tests import LEVEL
from babelift.evaluation.power import Detectable, could_have_seen
from babelift.study.budget import Bounded, LabelBudget
from babelift.study.label_first import First, label_first
from babelift.study.options import Option, Pair, Way, tried, ways_in
from babelift.study.results import Pairing, Scores
from babelift.study.spec import Prices, StudySpec

SEEDS: Final = 5
"""Seeds that are advised where there are too few to decide."""

FEWEST_SEEDS: Final = 3
"""Seeds from which anything is decided. With 2, the p that remains of .05 for each of many ways and
languages is too small to be judged: 8 to 10 % of studies without any difference had a claim (5
languages, 5 dearer ways, trainings that differ by .065), 5 % at the most with 3."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What a dearer option gains over a cheaper one.

    Attributes:
        option: Number of the dearer option.
        over: Number of the cheaper one.
        difference: Of their F1-micro, on the same seeds and test rows.
        adjusted_p: With all that is asked here counted.
        could_have_seen: The smallest gain that would have been told four times in five, and how
            well that is known.
    """

    option: int
    over: int
    difference: Difference
    adjusted_p: float
    could_have_seen: Detectable

    @property
    def told(self) -> bool:
        """Whether the dearer option is told to be better."""
        return self.adjusted_p <= LEVEL and self.difference.delta > 0


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do in one language.

    Attributes:
        lang: The language.
        options: What was tried, the cheapest first.
        choice: Number of the option that is advised; None with too few seeds.
        gaps: Every dearer option against the advised one, and against each that is cheaper.
        labels: From how many labels on labelling beats translating, where labels are advised and
            the label budget says it.
        labels_interval: Of that number.
    """

    lang: str
    options: tuple[Option, ...]
    choice: int | None
    gaps: tuple[Gap, ...] = ()
    labels: Bounded | None = None
    labels_interval: tuple[Bounded, Bounded] | None = None

    @property
    def chosen(self) -> Option | None:
        """The option that is advised."""
        return None if self.choice is None else self.options[self.choice]

    def gap(self, option: int | None, over: int | None) -> Gap | None:
        """What one option gains over a cheaper one, if they were compared."""
        return next((gap for gap in self.gaps if (gap.option, gap.over) == (option, over)), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, in every language.

    Attributes:
        advice: By language, in the study's order.
        first: Which language to label first; None where that was not asked.
        prices: The study's.
    """

    advice: tuple[Advice, ...]
    first: First | None = None
    prices: Prices = field(default_factory=Prices)


def cheapest(told: Callable[[int, int], bool], options: int) -> int:
    """The first option that is not told to be worse than a later one.

    Args:
        told: Whether a later option (the first argument) is told to beat an earlier one.
        options: How many there are, the cheapest first.

    >>> cheapest(lambda option, over: (option, over) == (2, 0), 3)  # 2 beats 0; 1 was not beaten
    1
    """
    return next(
        over
        for over in range(options)
        if not any(told(option, over) for option in range(over + 1, options))
    )


def decide(
    spec: StudySpec,
    scores: Scores,
    results: pl.DataFrame,
    characters: Mapping[tuple[str, int | None], int],
    budgets: Sequence[LabelBudget] = (),
) -> Decision | None:
    """What to do in each language; None where fewer than two ways were tried in any.

    Of the study's first translator and encoder, without OTC unless its stated contrast has it; the
    mean over sources, as everywhere.

    Args:
        spec: The study.
        scores: Its test results.
        results: Its tidy table, for the numbers of labelled rows.
        characters: Of the texts that were translated, by source language and number of rows.
        budgets: The label budgets.
    """
    conditions = tried(spec, scores.conditions())
    pair = cache(scores.paired)
    ways = {
        lang: own
        for lang in spec.targets
        if len(own := ways_in(lang, spec, conditions, pair, results, characters)) > 1
    }
    if not ways:
        return None
    labelling = any(option.labels for own in ways.values() for option, _ in own)
    # One more where it can be asked which language to label first.
    asked = labelling and len(ways) > 1
    families = len(ways) + asked
    budget_of = {budget.lang: budget for budget in budgets}
    advice = tuple(
        _advise(lang, own, pair, families, budget_of.get(lang)) for lang, own in ways.items()
    )
    first = None
    if asked and all(own.chosen for own in advice):
        labelled = [own.lang for own in advice if own.chosen and own.chosen.labels]
        first = label_first(labelled, ways, pair, families)
    return Decision(advice, first, spec.price)


def _advise(
    lang: str, ways: Sequence[Way], pair: Pair, families: int, budget: LabelBudget | None
) -> Advice:
    options = tuple(option for option, _ in ways)

    @cache
    def gap(option: int, over: int) -> Gap | None:
        pairing = pair(ways[option][1], ways[over][1])
        if pairing is None or lang not in pairing.langs:
            return None
        # The rivals of a step, the languages and the question of the first share the level.
        return _gap(pairing, lang, option, over, families * (len(ways) - 1 - over))

    def told(option: int, over: int) -> bool:
        found = gap(option, over)
        return found is not None and found.told

    choice = cheapest(told, len(options))
    gaps = tuple(
        found
        for over in range(choice + 1)
        for option in range(over + 1, len(options))
        if (found := gap(option, over)) is not None
    )
    if not gaps or any(gap.difference.seeds < FEWEST_SEEDS for gap in gaps):
        return Advice(lang, options, None)
    advice = Advice(lang, options, choice, gaps)
    beaten = [option.do for option in options[:choice]]
    if options[choice].do == "label" and "translate" in beaten and budget and budget.worth:
        worth = budget.worth[-1]
        if worth.known:
            return replace(advice, labels=worth.labels, labels_interval=worth.interval)
    return advice


def _gap(pairing: Pairing, lang: str, option: int, over: int, tests: int) -> Gap:
    own = pairing.within([lang])
    differences = paired_differences(own.right_arm, own.right_base, own.langs, own.groups)
    difference = differences.mean
    seen = could_have_seen(differences, level=LEVEL / tests)
    return Gap(option, over, difference, min(1.0, tests * difference.p), seen)
