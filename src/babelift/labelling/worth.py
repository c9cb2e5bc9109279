"""What labels that are chosen next are worth, as far as a study's label budget tells."""

from collections.abc import Mapping

import numpy as np

from babelift.report.numbers import counted, language_name, share, signed, with_interval
from babelift.study.budget import LabelBudget, gain_sentence

UNKNOWN = (
    "What these labels are worth cannot be known from one run. A study with several numbers of "
    "labels tells it for labels chosen at random (studies/label-budget.yaml; then --study FOLDER). "
    "Or label them, train again with the same test table, and let 'babelift compare' say how much "
    "better the new run is."
)
"""What is said without a study."""


def worth_sentences(
    new: Mapping[str | None, int], has: Mapping[str | None, int], budgets: list[LabelBudget] | None
) -> list[str]:
    """A sentence for each language that gets labels; one for all where there is no study.

    Between numbers of labels that a study tried its scores are joined by lines in log n. Beyond
    them nothing is said.

    Args:
        new: Rows chosen in each language.
        has: Labelled originals that the run was trained on, by language.
        budgets: The study's; None where none was given.

    >>> from babelift.study.budget import Curve
    >>> curve = Curve("tried", (100, 400), (0.6, 0.7), ((0.58, 0.62), (0.68, 0.72)), (0.6, 0.7), None)
    >>> budget = LabelBudget("de", 0.95, 5, curve, (), None, (), "")
    >>> worth_sentences({"de": 100}, {"de": 100}, [budget])[0]
    'In German the study went from .60 with 100 native labels to .65 with 200: 100 more, chosen at \
random, were worth +.05.'
    >>> worth_sentences({"ja": 50}, {}, [budget])
    ['Of Japanese the study has no label budget: what 50 labels are worth is not known.']
    """  # noqa: E501
    if budgets is None:
        return [UNKNOWN]
    known = {budget.lang: budget for budget in budgets}
    sentences = []
    for lang, number in new.items():
        if not number:
            continue
        if lang is None or lang not in known:
            of = "rows of unknown language" if lang is None else language_name(lang)
            sentences.append(
                f"Of {of} the study has no label budget: what {counted(number, 'label')} "
                f"{'is' if number == 1 else 'are'} worth is not known."
            )
        else:
            sentences.append(_worth(known[lang], has.get(lang, 0), number))
    return sentences


def _worth(budget: LabelBudget, before: int, number: int) -> str:
    sizes, after = budget.native.sizes, before + number
    where = f"In {language_name(budget.lang)}"
    alone = " (of one training each)" if budget.seeds == 1 else ""
    more = f" {gain_sentence(budget.gain)}" if budget.gain else ""
    if after > sizes[-1]:
        return (
            f"{where} the study tried no more than {counted(sizes[-1], 'native label')}, and "
            f"there would be {after:,}: what the new ones are worth is not known.{more}"
        )
    if after < sizes[0]:
        return (
            f"{where} the study tried no fewer than {counted(sizes[0], 'native label')}, and "
            f"there would be {after:,}: what they are worth is not known."
        )
    logs = np.log([max(before, 1), after])
    low, high = np.interp(logs, np.log(sizes), budget.native.fitted)
    if before < sizes[0]:
        beside = ""
        if budget.worth:
            worth = budget.worth[-1]
            score = with_interval(worth.score, worth.score_interval)
            beside = f", where translations of {worth.size:,} rows reached {score}"
        reached = f"{after:,} native labels alone reached {share(high)} in the study"
        return f"{where} {reached}{alone}{beside}."
    return (
        f"{where} the study went from {share(low)} with {before:,} native labels to {share(high)} "
        f"with {after:,}{alone}: {number:,} more, chosen at random, were worth "
        f"{signed(high - low)}.{more}"
    )
