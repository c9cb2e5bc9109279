"""What a study advises, in sentences and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from babelift.report.numbers import (
    UNKNOWN,
    counted,
    difference,
    language_name,
    listed,
    sentence,
    share,
    with_interval,
    with_p,
)
from babelift.study.answers import money, seen_words
from babelift.study.budget import Bounded, labels
from babelift.study.decision import SEEDS, Advice, Decision, Gap
from babelift.study.label_first import First
from babelift.study.options import Option
from babelift.study.spec import VIEWED, Prices


def decision_sentences(decision: Decision | None) -> list[str]:
    """What to do in each language, and which to label first.

    Args:
        decision: The study's; None where it tried one way alone.
    """
    if decision is None:
        return []
    if not any(advice.chosen for advice in decision.advice):
        return [
            "What to do cannot be said yet: fewer than three trainings of each way do not tell how "
            f"another would turn out. Take {SEEDS} seeds first (seeds: {SEEDS})."
        ]
    sentences = [advice_sentence(advice, decision.prices) for advice in decision.advice]
    if decision.first:
        sentences.append(first_sentence(decision.first, decision.prices))
    seeds = min(gap.difference.seeds for advice in decision.advice for gap in advice.gaps)
    if seeds < SEEDS:
        sentences.append(
            f"With {seeds} seeds only large differences are shown: take {SEEDS} (seeds: {SEEDS}) "
            "before paying for labels, or doing without them."
        )
    return sentences


def way(option: Option) -> str:
    """A way as the subject of a sentence.

    >>> way(Option("label", 400, 0, 100.0, 0.8, (0.7, 0.9)))
    'labelling 400 rows'
    """
    rows = f"labelling {counted(option.labels, 'row')}"
    return {
        "nothing": "doing nothing",
        "translate": "translating",
        "label": rows,
        "both": f"translating and {rows}",
    }[option.do]


def deed(option: Option) -> str:
    """A way as what to do.

    >>> deed(Option("both", 1, 50_000, None, 0.8, (0.7, 0.9)))
    'translate and label 1 row'
    """
    rows = f"label {counted(option.labels, 'row')}"
    return {
        "nothing": "do nothing yet",
        "translate": "translate",
        "label": rows,
        "both": f"translate and {rows}",
    }[option.do]


def _for(cost: float | None) -> str:
    return "" if cost is None else f" at a cost of {money(cost)}" if cost else " at no cost"


def advice_sentence(advice: Advice, prices: Prices) -> str:
    """What to do in one language, in one to three sentences.

    Args:
        advice: The language's.
        prices: The study's.
    """
    where, chosen = f"In {language_name(advice.lang)}", advice.chosen
    if chosen is None:
        return f"{where} it cannot be said yet what to do: take {SEEDS} seeds first."
    rival = _rival(advice)
    if chosen.do == "nothing" and rival is not None:
        most = advice.options[rival.option]
        return (
            f"{where}, do nothing yet: {_tried(advice.options[1:])} shown to help. The most seen "
            f"is {_gained(rival)}, by {way(most)} ({with_p(rival.adjusted_p)}); {_seen(rival)}."
        )
    sentences = [f"{where}, {_opening(advice, chosen, prices)}"]
    if rival is not None and rival.difference.delta > 0:
        other = advice.options[rival.option]
        sentences.append(
            sentence(
                f"{way(other)}{_for(other.cost)} cannot be told apart from it: {_gained(rival)} "
                f"({with_p(rival.adjusted_p)}); {_seen(rival)}"
            )
        )
    elif rival is not None:
        sentences.append("Nothing dearer that was tried scores higher.")
    return " ".join(sentences)


def _opening(advice: Advice, chosen: Option, prices: Prices) -> str:
    gap, base = advice.gap(advice.choice, 0), advice.options[0]
    if gap is None:  # the cheapest way was something to do, and is advised
        return f"{deed(chosen)}{_for(chosen.cost)}."
    if not gap.told:
        # Something dearer beats the cheapest way; this one is not told to be worse than that.
        best = max((gap for gap in advice.gaps if gap.over == 0 and gap.told), key=_delta)
        return (
            f"{deed(chosen)}{_for(chosen.cost)} at least: {way(base)} is worse than "
            f"{way(advice.options[best.option])}, which gains {_gained(best)} "
            f"({with_p(best.adjusted_p)}). That {way(chosen)} is better than {way(base)} is not "
            f"shown: {_gained(gap)}."
        )
    gains = listed([_over(advice, gap), *_over_translating(advice)])
    more = ""
    if needed := _needed(advice):
        more = f" As good as translating {_as_good(needed, advice, prices)}."
    elif chosen.do == "label" and _beats_translating(advice):
        most = max(option.labels for option in advice.options)
        more = (
            " From how many rows on labelling beats translating cannot be said; up to "
            f"{most:,} were tried."
        )
    return f"{deed(chosen)}{_for(chosen.cost)}: {gains}.{more}"


def _over(advice: Advice, gap: Gap) -> str:
    """What a way gains over a cheaper one, and how sure that is."""
    sure = with_p(gap.adjusted_p) if gap.told else "not shown"
    return f"{_gained(gap)} over {way(advice.options[gap.over])} ({sure})"


def _over_translating(advice: Advice) -> list[str]:
    """What the advised way gains over translating, where that is cheaper, but not the cheapest."""
    return [
        _over(advice, gap)
        for gap in advice.gaps
        if gap.option == advice.choice and gap.over and advice.options[gap.over].do == "translate"
    ]


def _beats_translating(advice: Advice) -> bool:
    """Whether translating is cheaper than what is advised, and so is told to be worse."""
    return any(option.do == "translate" for option in advice.options[: advice.choice])


def _delta(gap: Gap) -> float:
    return gap.difference.delta


def _gained(gap: Gap) -> str:
    return difference(gap.difference.delta, gap.difference.interval)


def _seen(gap: Gap) -> str:
    return seen_words(gap.could_have_seen, gap.difference.seeds)


def _rival(advice: Advice) -> Gap | None:
    """The dearer way that scores highest against the advised one."""
    return max((gap for gap in advice.gaps if gap.over == advice.choice), key=_delta, default=None)


def _tried(options: Sequence[Option]) -> str:
    kinds = {option.do for option in options}
    most = max((option.labels for option in options), default=0)
    words = {
        "translate": "translating",
        "label": f"labelling up to {counted(most, 'row')}",
        "both": "both together",
    }
    names = [words[do] for do in ("translate", "label", "both") if do in kinds]
    if len(names) == 1:
        return f"{names[0]} is not"
    return f"neither {' nor '.join(names)} is"


def _needed(advice: Advice) -> Bounded | None:
    return advice.labels if advice.labels and advice.labels.bound != "above" else None


def _as_good(needed: Bounded, advice: Advice, prices: Prices) -> str:
    """How many labels are worth the translations, with the interval and what they cost."""
    ends = advice.labels_interval
    within = f" [{', '.join(labels(end) for end in ends)}]" if ends else ""
    cost = _cost_of_needed(needed, advice, prices)
    return (
        f"{'is' if needed.value == 1 else 'are'} {labels(needed)} rows{within}"
        f"{cost and f', at a cost of {cost}'}"
    )


def _cost_of_needed(needed: Bounded, advice: Advice, prices: Prices) -> str:
    if prices.label is None:
        return ""
    words = {"exact": "", "below": "less than ", "above": "more than "}
    ends = ", ".join(
        f"{words[end.bound]}{money(end.value * prices.label)}"
        for end in advice.labels_interval or ()
    )
    own = f"{words[needed.bound]}{money(needed.value * prices.label)}"
    return own + (f" [{ends}]" if ends else "")


def first_sentence(first: First, prices: Prices) -> str:
    """Which language to label first, or that none stands out.

    Args:
        first: What was found.
        prices: The study's.
    """
    if not first.langs:
        return (
            "No language is to be labelled first: in none are labels shown to beat what costs less."
        )
    name = language_name(first.langs[0])
    if first.gain is None or first.ahead is None:
        if len(first.langs) == 1:
            return f"Label {name} first: only there are labels shown to beat what costs less."
        return f"No language stands out: start with {_any(first.langs)}."
    price = "" if prices.label is None else _for(first.labels * prices.label)
    over = {"nothing": "doing nothing", "translate": "translating"}[first.over]
    rows = f"{counted(first.labels, 'label')}{price}"
    gains = f"{difference(first.gain.delta, first.gain.interval)} over {over}"
    ahead = difference(first.ahead.delta, first.ahead.interval)
    if len(first.langs) == 1:
        return (
            f"Label {name} first: {rows} add {gains} there, {ahead} more than in "
            f"{language_name(first.second or '')}, the next ({with_p(first.adjusted_p)})."
        )
    return (
        f"No language stands out: start with {_any(first.langs)}. {name} gains most from "
        f"{rows}, {gains}, but that it is more than in "
        f"{language_name(first.second or '')} is not shown: {ahead}."
    )


def _any(langs: Sequence[str]) -> str:
    return listed([language_name(lang) for lang in langs]).replace(" and ", " or ")


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A language of the table: what to do, its price, the score to expect, and how sure it is."""

    name: str
    do: str
    costs: str
    score: str
    sure: str


def decision_rows(decision: Decision) -> list[DecisionRow]:
    """The table of what to do; languages without a decision are left out."""
    return [
        _row(advice, advice.chosen, decision.prices) for advice in decision.advice if advice.chosen
    ]


def _row(advice: Advice, chosen: Option, prices: Prices) -> DecisionRow:
    do, costs = deed(chosen), UNKNOWN if chosen.cost is None else money(chosen.cost)
    score = with_interval(chosen.score, chosen.interval)
    own, rival = advice.gap(advice.choice, 0), _rival(advice)
    sure = []
    if own:
        sure += [_over(advice, own), *_over_translating(advice)]
    if rival and rival.difference.delta > 0:
        smallest = rival.could_have_seen.effect
        seen = share(smallest) if smallest < 1 else "no difference, however large"
        sure.append(
            f"{way(advice.options[rival.option])} {_gained(rival)}, not told apart, could have "
            f"seen {seen}"
        )
    elif rival:
        sure.append("nothing dearer scores higher")
    return DecisionRow(language_name(advice.lang), do, costs, score, "; ".join(sure))


def not_weighed(arms: Sequence[str]) -> str:
    """A sentence on the arms of a study that the advice leaves out; empty where there are none.

    >>> not_weighed(["zero-shot", "translated", "both-views"]).partition(".")[0]
    'Not weighed here: both-views'
    """
    others = [arm for arm in arms if arm in (*VIEWED, "self-trained")]
    if not others:
        return ""
    return (
        f"Not weighed here: {listed(others)}. What such a way costs comes with every text that is "
        "labelled later, or it takes rows that only you know you have; the other answers say what "
        "it brought."
    )


def decision_notes(decision: Decision) -> str:
    """How the advice comes about, and at which prices."""
    prices = decision.prices
    known = [
        f"{what} {money(price)}"
        for what, price in (
            ("a label", prices.label),
            ("a million characters translated", prices.million_characters),
        )
        if price is not None
    ]
    if len(known) == 2:
        money_words = f"Prices: {listed(known)}. "
    else:
        given = f"The only price given is that of {known[0]}" if known else "No prices were given"
        money_words = f"{given}: a label is taken to cost more than translating. "
    return (
        f"{money_words}The advice is the cheapest way that is not shown to be worse than a dearer "
        "one. p counts all ways and languages of this section together: where no way is better "
        "than another, at most one study in twenty advises anything but the cheapest. Each "
        "language is judged by itself: little may be shown in one although the average is sure."
    )


def tried_rows(decision: Decision) -> list[tuple[str, str, str, str, str]]:
    """Every way that was tried: language, way, its price, its score, and against the advice."""
    rows = []
    for advice in decision.advice:
        for number, option in enumerate(advice.options):
            if advice.choice is None:
                against = UNKNOWN
            elif number == advice.choice:
                against = "advised"
            elif number < advice.choice:
                best = max((gap for gap in advice.gaps if gap.over == number), key=_delta)
                against = (
                    f"worse than {way(advice.options[best.option])}, which gains {_gained(best)}"
                )
            else:
                gap = advice.gap(number, advice.choice)
                against = f"{_gained(gap)}, not shown to be better" if gap else UNKNOWN
            cost = UNKNOWN if option.cost is None else money(option.cost)
            score = with_interval(option.score, option.interval)
            rows.append((language_name(advice.lang), way(option), cost, score, against))
    return rows
