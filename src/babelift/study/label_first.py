"""Which language to label first: where native labels gain most for their money, if that is told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from babelift.evaluation.crossed import paired_rows
from babelift.evaluation.differences import Difference, differences_of
from babelift.evaluation.multiple_tests import LEVEL
from babelift.study.options import DO, Do, Pair, Way
from babelift.study.results import Pairing


@dataclass(frozen=True, slots=True)
class First:
    """Which language to label first.

    Attributes:
        langs: The language; or those that it may be any of, which gains most first.
        labels: Native labels at which the languages are compared, the fewest of them.
        over: What their gain is measured over in the first language, the better of what is free
            and what is cheap.
        gain: Of the first language.
        second: The language that gains most after it.
        ahead: How much more the first language gains than the second for the same money.
        adjusted_p: That the first gains more than each of the others.
    """

    langs: tuple[str, ...]
    labels: int = 0
    over: Do = "nothing"
    gain: Difference | None = None
    second: str | None = None
    ahead: Difference | None = None
    adjusted_p: float = 1.0


def label_first(
    langs: Sequence[str], ways: Mapping[str, Sequence[Way]], pair: Pair, families: int
) -> First:
    """Which of some languages gains most from native labels for its money.

    It is claimed where the language that gains most is told to gain more than each other one, over
    doing nothing and over translating alike: all have to hold, so the largest p counts for all
    (Berger 1982, "Multiparameter hypothesis testing and acceptance sampling"). That the language
    was chosen for gaining most needs no correction, since it is held against its nearest rival two
    sided (Gutmann & Maymin 1987, "Is the selected population the best?").

    Args:
        langs: Those where labels are advised.
        ways: What was tried, by language.
        pair: `Scores.paired`.
        families: Questions that share the level.
    """
    cells = dict.fromkeys(cell for own in ways.values() for _, cell in own)
    native = max(
        (cell for cell in cells if cell.arm == "original"
         and all(any(way[1] == cell for way in ways[lang]) for lang in langs)),
        key=lambda cell: cell.rows or math.inf,
        default=None,
    )  # fmt: skip
    if len(langs) < 2 or native is None:
        return First(tuple(langs))
    labels = {
        lang: next(option.labels for option, cell in ways[lang] if cell == native) for lang in langs
    }
    pairings: dict[Do, Pairing] = {
        DO[cell.arm]: pairing
        for cell in cells
        if DO[cell.arm] in ("nothing", "translate")
        and (pairing := pair(native, cell)) is not None
        and set(langs) <= set(pairing.langs)
    }
    # For the same money: a label costs the same everywhere.
    weights = {lang: min(labels.values()) / labels[lang] for lang in langs}
    gains = {
        (lang, over): contrast(pairing, {lang: weights[lang]})
        for lang in langs for over, pairing in pairings.items()
    }  # fmt: skip
    if not gains:
        return First(tuple(langs))
    over = {lang: min(pairings, key=lambda do: gains[lang, do].delta) for lang in langs}
    first, *others = sorted(langs, key=lambda lang: -gains[lang, over[lang]].delta)
    ahead = {
        lang: max(
            (contrast(pairing, {first: weights[first], lang: -weights[lang]})
             for pairing in pairings.values()),
            key=lambda difference: difference.p if difference.delta > 0 else 1.0,
        )
        for lang in others
    }  # fmt: skip
    p = {lang: min(1.0, families * found.p) if found.delta > 0 else 1.0
         for lang, found in ahead.items()}  # fmt: skip
    rest = [lang for lang in others if p[lang] > LEVEL]
    return First(
        (first, *rest),
        min(labels.values()),
        over[first],
        gains[first, over[first]],
        others[0],
        ahead[others[0]],
        max(p.values()),
    )


def contrast(pairing: Pairing, weights: Mapping[str, float]) -> Difference:
    """The weighted sum of the languages' differences, over new seeds and test items.

    A seed's trainings are one draw, whichever languages they serve, and an item is one draw in all
    its languages: so it holds for trainings and items that languages share and for such as are
    their own.

    Args:
        pairing: Two conditions on shared seeds and rows.
        weights: By language, each within -1 and 1; a negative one takes its difference away.

    >>> pairing = Pairing(np.ones((2, 4), bool), np.array([[0, 0, 0, 1]] * 2, bool),
    ...     ["de", "de", "ja", "ja"], ["1", "2", "1", "2"], ["de", "de", "ja", "ja"], 2)
    >>> contrast(pairing, {"de": 1.0, "ja": -1.0}).delta  # gains of 1 and .5
    0.5
    """
    own = pairing.within(weights)
    rows = paired_rows(own.right_arm, own.right_base, own.langs, own.groups)
    weight = np.array([weights[lang] for lang in own.langs])
    mean = differences_of(replace(rows, difference=rows.difference * weight)).mean
    times, (low, high) = len(weights), mean.interval
    return replace(
        mean,
        delta=times * mean.delta,
        interval=(times * low, times * high),
        standard_error=times * mean.standard_error,
    )
