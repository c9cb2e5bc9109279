"""A comparison in sentences, effect and interval first, and as a table of scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from babelift.evaluation.comparison import Baseline, Comparison, Contrast, Side
from babelift.report.numbers import (
    brackets,
    counted,
    difference,
    digits_for,
    direction,
    language_name,
    listed,
    names,
    share,
    signed,
    with_p,
)
from babelift.report.tables import Score

if TYPE_CHECKING:
    from rich.table import Table


class Effect(Protocol):
    """A difference with its interval."""

    @property
    def delta(self) -> float: ...  # noqa: D102

    @property
    def interval(self) -> tuple[float, float]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Wording:
    """What a contrast is called in sentences.

    Attributes:
        what: What the arm has more than its base, as the subject of a sentence: `OTC`.
        rival: What that replaces, where it replaces something: `zero-shot`.
    """

    what: str
    rival: str | None = None


def effect(shown: Effect, digits: int | None = None) -> str:
    """A difference with its interval.

    >>> from types import SimpleNamespace
    >>> effect(SimpleNamespace(delta=0.05, interval=(0.01, 0.09)))
    '+.05 [.01, .09]'
    """
    return difference(shown.delta, shown.interval, digits)


def wordings(comparison: Comparison) -> list[Wording]:
    """Each contrast as it is called where nobody says better: one side against another."""
    return [Wording(contrast.arm, contrast.base) for contrast in comparison.contrasts]


def answers(comparison: Comparison, words: Sequence[Wording]) -> list[str]:
    """What each contrast came to, and how the numbers are to be read."""
    verdicts = [
        verdict(contrast, wording, comparison)
        for contrast, wording in zip(comparison.contrasts, words, strict=True)
    ]
    luck = "test rows and of trainings" if comparison.seeds else "test rows"
    return [
        *verdicts,
        "Accuracy is the share of test rows given the right label; brackets hold "
        f"{100 * comparison.level:g} % intervals for the luck of {luck}.",
    ]


def verdict(contrast: Contrast, wording: Wording, comparison: Comparison) -> str:
    """A contrast in one sentence, on the mean over the languages."""
    over, mean, many = comparison.over, contrast.mean, len(comparison.over) > 1
    what, rival = wording.what, wording.rival
    if not mean.delta and not mean.standard_error:
        return (
            f"{contrast.arm} and {contrast.base} are right and wrong on the very same rows in "
            f"{names(over)}: no difference."
        )
    digits = digits_for([mean.delta, *mean.interval])
    by = f"{signed(mean.delta, digits)} accuracy{' on average' if many else ''}"
    by += f" {brackets(mean.interval, digits)}"
    sure = contrast.adjusted_p <= 1 - comparison.level
    sign = (1 if mean.delta > 0 else -1) if sure else 0
    ahead = sum(contrast.languages[lang].delta * (sign or 1) > 0 for lang in over)
    where = f"in {ahead} of {len(over)} languages" if many else f"in {names(over)}"
    p = _p(contrast, comparison)
    if sure and rival:
        did = "beat" if sign > 0 else "did worse than"
        return f"{what} {did} {rival} {where}: {by}; {p}."
    if sure:
        return f"{what} {'added' if sign > 0 else 'cost'} {by}, {where}; {p}."
    if direction(mean.interval):
        p += ", so that it is not sure, although its interval alone holds no zero"
    ahead_in = f", {'ahead ' if many else ''}{where}"
    if rival:
        return f"{what} and {rival} cannot be told apart: {by}{ahead_in}; {p}."
    return f"{what} added {by}{ahead_in}: no difference seen; {p}."


def _p(contrast: Contrast, comparison: Comparison) -> str:
    p = with_p(contrast.adjusted_p)
    return f"{p} after Holm over {comparison.tests} tests" if comparison.tests > 1 else p


def results(comparison: Comparison, words: Sequence[Wording]) -> list[str]:
    """What else the scores say: by language, over a baseline, and what was visible."""
    contrasts = list(zip(comparison.contrasts, words, strict=True))
    others = [lang for lang in comparison.rows if lang not in comparison.over]
    sentences = [_extremes(contrast, wording.what, comparison) for contrast, wording in contrasts]
    for lang in others:
        parts = [
            f"{wording.what} {effect(contrast.languages[lang])}" for contrast, wording in contrasts
        ]
        sentences.append(f"In {language_name(lang)}, which no average counts: {listed(parts)}.")
    average = " on average" if len(comparison.over) > 1 else ""
    if comparison.over_baseline:
        parts = [f"{name} {effect(shown)}" for name, shown in comparison.over_baseline.items()]
        sentences.append(
            "Over a linear baseline trained on the same rows as the side: "
            f"{listed(parts)}{average}."
        )
    parts = [
        f"{share(contrast.could_have_seen, digits_for([contrast.could_have_seen]))}"
        f"{f' ({wording.what})' if len(contrasts) > 1 else ''}"
        for contrast, wording in contrasts
        if contrast.could_have_seen
    ]
    if parts:
        sentences.append(
            f"With {_sizes(comparison)}, a true difference of {listed(parts)}{average} would be "
            "seen four times in five; a smaller one may be there and not show."
        )
    return [sentence for sentence in sentences if sentence]


def _extremes(contrast: Contrast, what: str, comparison: Comparison) -> str:
    over = comparison.over
    if len(over) < 2:
        return ""
    sizes = {lang: contrast.languages[lang].delta for lang in over}
    if len(set(sizes.values())) == 1:
        return ""
    ends = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    least, most = (f"{effect(contrast.languages[lang])} in {language_name(lang)}" for lang in ends)
    adjusted = contrast.adjusted_p_by_language
    clear = [lang for lang in over if adjusted[lang] <= 1 - comparison.level]
    if not clear:
        return f"{what} by language: from {least} to {most}; no single language is sure."
    verb = "is sure" if len(clear) == 1 else "are sure"
    return f"{what} by language: from {least} to {most}; {names(clear)} {verb}, after Holm too."


def _sizes(comparison: Comparison) -> str:
    rows = sorted({comparison.rows[lang] for lang in comparison.over})
    span = " to ".join(f"{number:,}" for number in dict.fromkeys((rows[0], rows[-1])))
    seeds = f" and {len(comparison.seeds)} seeds" if comparison.seeds else ""
    return (
        f"{span} test rows in a language{seeds}"
        if len(comparison.over) > 1
        else (f"{span} test rows{seeds}")
    )


def cautions(comparison: Comparison) -> list[str]:
    """What the intervals do not cover, and what was left out."""
    sentences = []
    if len(comparison.seeds) < 2:
        sentences.append(
            "Each side is one training: the numbers are about these very weights and cover the "
            "luck of the test rows only; trained again with another seed they would be others."
        )
    unpaired = [
        f"{counted(sum(side.unpaired.values()), 'row')} of {side.name} "
        f"({names(list(side.unpaired))})"
        for side in comparison.sides
        if side.unpaired
    ]
    if unpaired:
        sentences.append(f"Left out, for they are not on every side: {listed(unpaired)}.")
    unanswered = [
        f"{counted(side.unanswered, 'row')} of {side.name}"
        for side in comparison.sides
        if side.unanswered
    ]
    if unanswered:
        sentences.append(f"Left out, for want of a label or a prediction: {listed(unanswered)}.")
    if comparison.too_few:
        sentences.append(
            f"Left out, for fewer than two shared test items: {names(list(comparison.too_few))}."
        )
    for lang, label in comparison.one_label.items():
        sentences.append(
            f"{language_name(lang)} has test rows of one label alone ({label}): its scores are the "
            f"share of {label} that is recognised, and always answering {label} would be best."
        )
    return sentences


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A language of the table of scores, or the mean: a score per side, then per baseline."""

    name: str
    kind: str
    rows: str
    sides: list[Score]
    baselines: list[Score]


def score_rows(comparison: Comparison) -> list[ScoreRow]:
    """The languages that count, their mean, then the others."""
    others = [lang for lang in comparison.rows if lang not in comparison.over]
    mean = ["mean"] if len(comparison.over) > 1 else []
    return [
        ScoreRow(
            name="Mean" if tag == "mean" else language_name(tag),
            kind="mean" if tag == "mean" else "target" if tag in comparison.over else "other",
            rows="" if tag == "mean" else f"{comparison.rows[tag]:,}",
            sides=[_score(side, tag) for side in comparison.sides],
            baselines=[_score(baseline, tag) for baseline in comparison.baselines],
        )
        for tag in (*comparison.over, *mean, *others)
    ]


def _score(scores: Side | Baseline, tag: str) -> Score:
    score = scores.mean if tag == "mean" else scores.languages[tag]
    return Score(share(score.value), brackets(score.interval))


def comparison_table(comparison: Comparison) -> "Table":
    """Scores per language and side, as a table for `rich.console.Console.print`.

    A baseline stands under the name of the first side whose training rows it learnt from.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Language", no_wrap=True, vertical="bottom")
    baselines = [f"Linear\n{baseline.sides[0]}" for baseline in comparison.baselines]
    for heading in (*(side.name for side in comparison.sides), *baselines):
        table.add_column(Text(heading), justify="right", overflow="fold", vertical="bottom")
    for row in score_rows(comparison):
        baseline = [score.value for score in row.baselines]
        table.add_row(
            *map(Text, (row.name, *map(str, row.sides), *baseline)),
            end_section=row.kind == "mean",
        )
    return table
