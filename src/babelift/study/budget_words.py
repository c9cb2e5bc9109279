"""The label budget in plain words."""

from babelift.report.numbers import language_name
from babelift.study.amounts import difference, money
from babelift.study.budget_records import Bounded, Cost, Gain, Worth


def budget_sentence(lang: str, worth: Worth, gain: Gain | None, fewest: int, most: int) -> str:
    """What the translations are worth, what that costs, and what further labels would add.

    Args:
        lang: Its tag.
        worth: What they are worth.
        gain: What further labels add.
        fewest: Fewest native labels tried.
        most: Most native labels tried.

    >>> worth = Worth(800, 0.7, None, Bounded(310, "exact"),
    ...     (Bounded(220, "exact"), Bounded(700, "above")), None)
    >>> budget_sentence("ja", worth, None, 50, 700)
    'In Japanese the translations are worth 310 native labels [220, more than 700]; from 310 labels on annotating beats translating.'
    """  # noqa: E501
    said = [_worth(language_name(lang), worth, fewest, most)]
    if worth.cost and worth.cost.translating and not _unknown(worth):
        said.append(_compared(worth.cost))
    if gain:
        said.append(_gain(gain))
    return " ".join(sentence for sentence in said if sentence)


def _unknown(worth: Worth) -> bool:
    return worth.interval is not None and [end.bound for end in worth.interval] == [
        "below",
        "above",
    ]


def _worth(language: str, worth: Worth, fewest: int, most: int) -> str:
    if _unknown(worth):
        return (
            f"In {language} it cannot be told what the translations are worth: anything from fewer "
            f"than {fewest:,} to more than {most:,} native labels."
        )
    what = f"In {language} the translations are worth {labels(worth.labels)} native labels"
    within = f" [{', '.join(labels(end) for end in worth.interval)}]" if worth.interval else ""
    number = f"{worth.labels.value:,.0f} {'label' if worth.labels.value == 1 else 'labels'}"
    price = _price(worth.cost)
    if worth.labels.bound == "below":
        does = "beats" if worth.labels.value == 1 else "beat"
        return f"{what}, the fewest tried{within}; {number}{price} already {does} translating."
    if worth.labels.bound == "above":
        return (
            f"{what}, the most tried{within}; up to {number}{price} annotating does not beat "
            "translating."
        )
    return f"{what}{within}; from {number} on{price} annotating beats translating."


def _price(cost: Cost | None) -> str:
    if cost is None:
        return ""
    return f", at {money(cost.per_label)} each ({money(cost.labels.value)}),"


def _compared(cost: Cost) -> str:
    """Which of the two is cheaper; empty where the bound leaves it open."""
    saved, bound = cost.labels.value - cost.translating, cost.labels.bound
    opening = f"Translating costs {money(cost.translating)}"
    if saved > 0 and bound != "below":
        least = "more than " if bound == "above" else ""
        return f"{opening} and so saves {least}{money(saved)}."
    if saved < 0 and bound != "above":
        return (
            f"{opening}, which would buy {cost.affordable:,} labels: annotating is the better buy."
        )
    return f"{opening}, the same." if bound == "exact" else ""


def labels(number: Bounded) -> str:
    """A number of labels, with the bound in words.

    >>> labels(Bounded(1200, "exact")), labels(Bounded(50, "below")), labels(Bounded(700, "above"))
    ('1,200', 'fewer than 50', 'more than 700')
    """
    words = {"exact": "", "below": "fewer than ", "above": "more than "}
    return f"{words[number.bound]}{number.value:,.0f}"


def _gain(gain: Gain) -> str:
    if gain.per_100 < 0.0005 and (gain.interval is None or gain.interval[1] < 0.0005):
        return f"At {gain.at:,} labels, more of them add nothing that shows."
    by = difference(gain.per_100, gain.interval)
    return f"At {gain.at:,} labels, 100 more add {by}."
