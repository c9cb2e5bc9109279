"""The ways to a classifier that a study tried in a language, and what each costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import polars as pl

from babelift.evaluation.differences import accuracies
from babelift.study.condition import Condition
from babelift.study.results import Pairing, of_condition
from babelift.study.spec import OFF, PAIRED, Prices, StudySpec

Do = Literal["nothing", "translate", "label", "both"]

DO: Final[Mapping[str, Do]] = {
    "zero-shot": "nothing",
    "translated": "translate",
    "original": "label",
    "original+translated": "both",
}


_SENT: Final = ("translate", "both")


@dataclass(frozen=True, slots=True)
class Option:
    """A way to a classifier for one language.

    Attributes:
        do: What has to be done.
        labels: Rows of the language that have to be labelled.
        characters: Of the source rows that have to be translated; None where not known.
        cost: Of both; None where a price, or what it counts, is not known.
        score: F1-micro, the mean over seeds.
        interval: Of that score, over seeds and test rows.
    """

    do: Do
    labels: int
    characters: float | None
    cost: float | None
    score: float
    interval: tuple[float, float]


Pair = Callable[[Condition, Condition], Pairing | None]
"""`Scores.paired`, remembered."""

Way = tuple[Option, Condition]
"""A way, and the condition that tried it."""


def tried(spec: StudySpec, cells: Sequence[Condition]) -> list[Condition]:
    """The conditions to choose among: every number of labels, translations of most rows.

    Args:
        spec: The study.
        cells: Its conditions that have results, over all sources.
    """
    translator = spec.primary.translator or next(iter(spec.translators))
    otc = spec.primary.otc if spec.primary.over else OFF
    ours = [
        cell
        for cell in cells
        if cell.arm in DO
        and cell.encoder == next(iter(spec.encoders))
        and cell.translator in (None, translator)
        and cell.ratio in (None, spec.ratios[0])
        and cell.otc == (otc if cell.arm in PAIRED else OFF)
    ]
    most = None if None in spec.rows else max(rows for rows in spec.rows if rows is not None)
    return [cell for cell in ours if DO[cell.arm] in ("label", "both") or cell.rows == most]


def ways_in(
    lang: str,
    spec: StudySpec,
    conditions: Sequence[Condition],
    pair: Pair,
    results: pl.DataFrame,
    characters: Mapping[tuple[str, int | None], int],
) -> list[Way]:
    """The ways that were tried in a language, the cheapest first.

    Without all prices a label is taken to cost more than translating.

    Args:
        lang: The language.
        spec: The study.
        conditions: Those to choose among.
        pair: `Scores.paired`.
        results: The study's tidy table.
        characters: As in `decision.decide`.
    """
    sizes = results.filter(metric="f1_micro", lang=lang)
    ways: dict[tuple[Do, int], Way] = {}
    for cell in conditions:
        alone, labels = pair(cell, cell), _labels(cell, sizes)
        if alone is None or lang not in alone.langs or labels is None:
            continue
        own = alone.within([lang])
        score = accuracies(own.right_arm, own.langs, own.groups).mean
        sent = _characters(cell, lang, spec, characters)
        option = Option(
            DO[cell.arm], labels, sent, cost(labels, sent, spec.price), score.value, score.interval
        )
        # A table that has no more rows gives the same number of labels twice.
        ways.setdefault((option.do, labels), (option, cell))
    costs = {key: option.cost for key, (option, _) in ways.items()}
    priced = None not in costs.values()
    by_cost = sorted(
        costs, key=lambda key: ((costs[key] or 0.0) if priced else 0.0, key[1], key[0] in _SENT)
    )
    return [ways[key] for key in by_cost]


def _characters(
    cell: Condition,
    lang: str,
    spec: StudySpec,
    characters: Mapping[tuple[str, int | None], int],
) -> float | None:
    if DO[cell.arm] not in _SENT:
        return 0.0
    sources = [source.split("+") for source in spec.sources]
    known = [[characters.get((part, cell.rows)) for part in parts]
             for parts in sources if lang not in parts]  # fmt: skip
    sums = [sum(number or 0 for number in numbers) for numbers in known if None not in numbers]
    return sum(sums) / len(sums) if sums and len(sums) == len(known) else None


def _labels(cell: Condition, sizes: pl.DataFrame) -> int | None:
    """Rows of the language itself that a condition was trained on; None where not known."""
    size = _size(cell, sizes)
    if DO[cell.arm] in ("nothing", "translate") or size is None:
        return None if size is None else 0
    sources = _size(replace(cell, arm="zero-shot", otc=OFF, ratio=None, translator=None), sizes)
    if cell.arm == "original":
        return size
    return None if sources is None else size - sources


def _size(cell: Condition, sizes: pl.DataFrame) -> int | None:
    known = of_condition(sizes, cell)["size"].to_list()
    return round(sum(known) / len(known)) if known else None


def cost(labels: int, characters: float | None, prices: Prices) -> float | None:
    """What labels and translating cost together; None where a price that counts is not known.

    Args:
        labels: Rows to label.
        characters: Characters to translate; None where not known.
        prices: What each costs.

    >>> cost(400, 50_000, Prices(label=0.25, million_characters=20))
    101.0
    >>> cost(0, 0, Prices()), cost(1, 0, Prices()), cost(0, None, Prices(million_characters=20))
    (0.0, None, None)
    """
    parts = [
        0.0 if number == 0 else None if number is None or price is None else number * price
        for number, price in ((labels, prices.label), (characters, prices.million_characters))
    ]
    of_labels, of_translating = parts
    if of_labels is None or of_translating is None:
        return None
    return of_labels + of_translating / 1e6
