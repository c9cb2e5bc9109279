"""What a run's scores are worth: against chance, against the baseline, and what OTC did."""

from collections.abc import Mapping, Sequence
from typing import Any

from babelift.report.numbers import language_name, listed, names, share, with_interval
from babelift.report.records import LanguageMetrics, Metrics

FLAT = 0.05
"""A rise in in-batch retrieval@1 smaller than this counts as none."""


def results(metrics: Metrics, log: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every comparison that the files allow."""
    return [*chance(metrics), *baseline(metrics), *steps_off(metrics), *otc(log)]


def chance(metrics: Metrics) -> list[str]:
    """How the scores compare with always giving the most frequent test label."""
    below, unsure, clear = [], [], []
    for lang, scores in metrics.languages.items():
        majority = scores.majority()
        if majority is None or scores.f1_micro is None:
            continue
        level = majority[1]
        low = scores.f1_micro_interval[0] if scores.f1_micro_interval else None
        said = f"{language_name(lang)} ({share(scores.f1_micro)} against {share(level)})"
        if scores.f1_micro <= level:
            below.append(said)
        elif low is not None and low <= level:
            unsure.append(said)
        else:
            clear.append(level)
    sentences = []
    if below:
        sentences.append(
            f"It does no better than always giving the most frequent test label in {listed(below)}."
        )
    if unsure:
        sentences.append(
            "It cannot be told from always giving the most frequent test label, whose score lies "
            f"inside the interval, in {listed(unsure)}."
        )
    if clear:
        where = (
            "in every language tested" if len(clear) > 1 else f"in {names(list(metrics.languages))}"
        )
        where = "in the other languages" if below or unsure else where
        span = " to ".join(sorted({share(min(clear)), share(max(clear))}))
        sentences.append(
            f"It does better than always giving the most frequent test label ({span}) {where}."
        )
    return sentences


def apart(one: LanguageMetrics, other: LanguageMetrics) -> bool:
    """Whether the F1-micro intervals of two models do not overlap."""
    a, b = one.f1_micro_interval, other.f1_micro_interval
    return a is not None and b is not None and (a[0] > b[1] or b[0] > a[1])


def baseline(metrics: Metrics) -> list[str]:
    """How the encoder compares with the linear baseline."""
    both = {
        lang: (scores, metrics.linear[lang])
        for lang, scores in metrics.languages.items()
        if lang in metrics.linear
    }
    won, lost, won_clearly, lost_clearly = [], [], [], []
    for lang, (encoder, linear) in both.items():
        if encoder.f1_micro is None or linear.f1_micro is None:
            continue
        if encoder.f1_micro > linear.f1_micro:
            won.append(lang)
            won_clearly += [lang] if apart(encoder, linear) else []
        elif encoder.f1_micro < linear.f1_micro:
            lost.append(lang)
            lost_clearly += [lang] if apart(encoder, linear) else []
    if not both:
        return []
    if len(both) == 1:
        return [_one_baseline(*next(iter(both.items())))]
    every = len(both)
    text = f"It beats the linear baseline in {len(won)} of {every} languages"
    text += f" ({names(won)})" if 0 < len(won) < every else ""
    text += f", with intervals apart {_where(won_clearly, len(won))}." if won else "."
    if lost:
        text += f" The baseline is ahead in {names(lost)}"
        text += (
            f", with intervals apart {_where(lost_clearly, len(lost))}." if lost_clearly else "."
        )
    if not won_clearly and not lost_clearly:
        text += " No interval is apart from its rival's, so neither is shown to be better."
    return [text]


def _where(langs: list[str], of: int) -> str:
    if not langs:
        return "in none of them"
    return "in all of them" if len(langs) == of and of > 1 else f"in {names(langs)}"


def _one_baseline(lang: str, scores: tuple[LanguageMetrics, LanguageMetrics]) -> str:
    encoder, linear = scores
    said = with_interval(linear.f1_micro, linear.f1_micro_interval)
    verdict = "the intervals are apart" if apart(encoder, linear) else "the intervals overlap"
    return f"The linear baseline reaches {said} in {language_name(lang)}: {verdict}."


def steps_off(metrics: Metrics) -> list[str]:
    """For ordinal labels: how far off the predictions are."""
    errors = {
        lang: scores.mae for lang, scores in metrics.languages.items() if scores.mae is not None
    }
    if not metrics.ordinal or not errors:
        return []
    best, worst = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    if best == worst:
        return [f"Its labels are off by {share(errors[best])} on average (mean absolute error)."]
    return [
        f"Its labels are off by {share(errors[best])} ({language_name(best)}) to "
        f"{share(errors[worst])} ({language_name(worst)}) on average (mean absolute error)."
    ]


def otc(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whether OTC did anything in training: in-batch retrieval@1, first against last tenth."""
    steps = [
        entry
        for entry in log
        if entry.get("kind") == "step"
        and isinstance(entry.get("otc"), int | float)
        and isinstance(entry.get("retrieval_at_1"), int | float)
    ]
    values = [float(entry["retrieval_at_1"]) for entry in steps]
    if len(values) < 2:
        return []
    tenth = max(1, len(values) // 10)
    first, last = sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth
    change = f"{share(first)} at the start, {share(last)} at the end"
    if all("ce" in entry and entry["ce"] == entry.get("loss") for entry in steps):
        return [f"OTC was switched off; in-batch retrieval was still watched ({change})."]
    if first >= 1 - FLAT and last >= 1 - FLAT:
        return [f"OTC had little to do: originals and translations already matched ({change})."]
    if abs(last - first) < FLAT:
        return [
            f"OTC had no visible effect in training: in-batch retrieval stayed flat ({change})."
        ]
    if last < first:
        return [f"OTC did not hold the pairs together: in-batch retrieval fell ({change})."]
    return [
        f"OTC drew originals and their translations together: in-batch retrieval rose ({change}). "
        "Whether that helped the scores only a run with --no-otc can tell."
    ]
