"""A comparison in sentences, effect and interval first, and as a table of scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Final, Protocol

from babelift.evaluation.comparison import AgainstMargin, Baseline, Comparison, Contrast, Side
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
    sentences = [_one_training(comparison)] if comparison.about == "weights" else []
    for contrast, wording in zip(comparison.contrasts, words, strict=True):
        sentences.append(verdict(contrast, wording, comparison))
        if contrast.claim.margin:
            sentences.append(held_to_margin(contrast, contrast.claim.margin, comparison))
    luck = (
        "test rows alone, not of trainings"
        if comparison.about == "weights"
        else "test rows and of trainings"
    )
    return [
        *sentences,
        "Accuracy is the share of test rows given the right label; brackets hold "
        f"{100 * comparison.level:g} % intervals for the luck of {luck}.",
    ]


def _one_training(comparison: Comparison) -> str:
    """What a reader must know first, who may take weights for a way to train."""
    seeds = f" (seed {comparison.seeds[0]} is all they share)" if comparison.seeds else ""
    return (
        f"Each side is one training{seeds}, which does not say which way to train is better: take "
        "five seeds of each before you conclude on that (babelift fit --seed 1 to 5, the runs of a "
        "side in one folder; or files with a column seed). What follows is about these very "
        "weights."
    )


def verdict(contrast: Contrast, wording: Wording, comparison: Comparison) -> str:
    """A contrast in one sentence, on the mean over the languages."""
    mean, many = contrast.mean, len(comparison.over) > 1
    if _the_very_same(contrast):
        return (
            f"No difference: {contrast.arm} and {contrast.base} are right and wrong on the very "
            f"same rows in {names(comparison.over)}."
        )
    digits = digits_for([mean.delta, *mean.interval])
    by = f"{signed(mean.delta, digits)} accuracy {brackets(mean.interval, digits)}"
    found = contrast.claim.verdict
    if many:
        behind = found == "worse"
        ahead = sum(
            (own.delta < 0) if behind else (own.delta > 0)
            for lang, own in contrast.languages.items()
            if lang in comparison.over
        )
        by += f", {'behind' if behind else 'ahead'} in {ahead} of them"
    p = _p(contrast.claim.adjusted_p, comparison)
    if found == "not sure" and direction(mean.interval):
        p += ", so that it is not sure, although its interval alone holds no zero"
    where, what, rival = _where(comparison), wording.what, wording.rival
    if comparison.about == "weights":
        said = {
            "better": f"These weights of {contrast.arm} gave more test rows the right label than "
            f"those of {contrast.base}",
            "worse": f"These weights of {contrast.arm} gave fewer test rows the right label than "
            f"those of {contrast.base}",
            "not sure": f"These weights of {contrast.arm} and those of {contrast.base} cannot be "
            "told apart by these test rows",
        }[found]
    elif rival:
        said = {
            "better": f"{what} beat {rival}",
            "worse": f"{what} did worse than {rival}",
            "not sure": f"{what} and {rival} cannot be told apart",
        }[found]
    else:
        said = {
            "better": f"{what} added to the accuracy",
            "worse": f"{what} cost accuracy",
            "not sure": f"{what} made no difference that could be seen",
        }[found]
    return f"{said} {where}: {by}; {p}."


def held_to_margin(contrast: Contrast, held: AgainstMargin, comparison: Comparison) -> str:
    """Whether the difference on average is too small to matter, in one sentence."""
    margin, where = margin_of(comparison), _where(comparison)
    arm, base, be = contrast.arm, contrast.base, "is"
    if comparison.about == "weights":
        arm, base, be = f"these weights of {arm}", f"those of {base}", "are"
    interval = f"the {100 * (2 * comparison.level - 1):g} % interval is "
    interval += margin_interval(held, comparison)
    below, above = held.adjusted_p_below, held.adjusted_p_above
    p, found, more = max(below, above), contrast.claim.verdict, ""
    if held.verdict == "same" and found != "not sure":
        text = f"{arm} {be} {found} than {base} by less than {margin} {where}"
    elif held.verdict == "same":
        text = f"{arm} and {base} are the same within {margin} {where}"
    elif found != "not sure":
        return f"That difference is not shown to be smaller than {margin}: {interval}."
    elif held.verdict == "not shown":
        text = f"{arm} and {base} are not shown to be the same within {margin} {where}"
        if max(map(abs, held.interval)) < (comparison.margin or 0.0):
            more = " The interval alone lies within; beside so many tests that is not sure."
    else:
        side, p = ("below", below) if held.verdict == "at most below" else ("above", above)
        text = f"{arm} {be} at most {margin} {side} {base} {where}"
        more = f" That they are the same within {margin} is not shown."
    text = text.replace("these", "These", 1) if comparison.about == "weights" else text
    return f"{text}: {interval}; {_p(p, comparison)}.{more}"


def _the_very_same(contrast: Contrast) -> bool:
    return not contrast.mean.delta and not contrast.mean.standard_error


def _where(comparison: Comparison) -> str:
    over = comparison.over
    return f"on average over {len(over)} languages" if over[1:] else f"in {names(over)}"


def margin_of(comparison: Comparison) -> str:
    """The margin with all the digits that it was given; empty without one."""
    margin = comparison.margin
    return "" if margin is None else share(margin, _margin_digits(margin))


def margin_interval(held: AgainstMargin, comparison: Comparison) -> str:
    """The interval that is held to the margin, with a digit more than the margin."""
    return brackets(held.interval, _margin_digits(comparison.margin or 0.0) + 1)


def _margin_digits(margin: float) -> int:
    return max(2, len(f"{margin:f}".rstrip("0").partition(".")[2]))


def _p(adjusted_p: float, comparison: Comparison) -> str:
    p = with_p(adjusted_p)
    return f"{p} after Holm over {comparison.tests} tests" if comparison.tests > 1 else p


def results(comparison: Comparison, words: Sequence[Wording]) -> list[str]:
    """What else the scores say: by language, over a baseline, and what was visible."""
    weights = comparison.about == "weights"
    contrasts = [
        (contrast, f"{contrast.arm} − {contrast.base}" if weights else wording.what)
        for contrast, wording in zip(comparison.contrasts, words, strict=True)
    ]
    others = [lang for lang in comparison.rows if lang not in comparison.over]
    sentences = [_extremes(contrast, what, comparison) for contrast, what in contrasts]
    sentences += [_margins(contrast, comparison) for contrast, _ in contrasts]
    for lang in others:
        parts = [f"{what} {effect(contrast.languages[lang])}" for contrast, what in contrasts]
        sentences.append(f"In {language_name(lang)}, which no average counts: {listed(parts)}.")
    average = " on average" if len(comparison.over) > 1 else ""
    if comparison.over_baseline:
        parts = [f"{name} {effect(shown)}" for name, shown in comparison.over_baseline.items()]
        sentences.append(
            "Over a linear baseline trained on the same rows as the side: "
            f"{listed(parts)}{average}."
        )
    seen = [(contrast.could_have_seen, what) for contrast, what in contrasts]
    smallest = _each([(share(own.effect), what) for own, what in seen if own.effect])
    ranges = _each(
        [
            (f"{low} to {high}", what)
            for own, what in seen
            for low, high in [map(share, own.interval)]
            if low != high
        ]
    )
    if seen and all(own.effect >= 1 for own, _ in seen):
        sentences.append(
            f"With {_sizes(comparison)}, no difference{average}, however large, would be seen four "
            "times in five."
        )
    elif smallest and weights:
        sentences.append(
            f"With {_sizes(comparison)}, weights that truly differ by {smallest}{average} would be "
            "told apart four times in five. What trainings can show is not known from one."
        )
    elif smallest:
        sentences.append(
            f"With {_sizes(comparison)}, a true difference of {smallest}{average} would be seen "
            "four times in five; a smaller one may be there and not show."
        )
        if ranges:
            sentences[-1] += (
                f" From so few seeds as {len(comparison.seeds)} this number is itself uncertain: "
                f"{ranges}."
            )
    return [sentence for sentence in sentences if sentence]


def _each(parts: Sequence[tuple[str, str]]) -> str:
    """What holds of each contrast, once where it is the same of all.

    >>> _each([(".06", "Translating"), (".05", "OTC")]), _each([(".06", "Translating")] * 2)
    ('.06 (Translating) and .05 (OTC)', '.06')
    """
    values = list(dict.fromkeys(value for value, _ in parts))
    return listed([f"{value} ({what})" for value, what in parts] if values[1:] else values)


def _extremes(contrast: Contrast, what: str, comparison: Comparison) -> str:
    over = comparison.over
    if len(over) < 2:
        return ""
    sizes = {lang: contrast.languages[lang].delta for lang in over}
    if len(set(sizes.values())) == 1:
        return ""
    ends = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    least, most = (f"{effect(contrast.languages[lang])} in {language_name(lang)}" for lang in ends)
    clear = [lang for lang in over if contrast.claims[lang].verdict != "not sure"]
    span = f"{what} by language: from {least} to {most}"
    if comparison.about == "weights":
        where = f"{names(clear)}, after Holm too" if clear else "no single language"
        return f"{span}; these weights surely differ in {where}."
    if not clear:
        return f"{span}; no single language is sure."
    verb = "is sure" if len(clear) == 1 else "are sure"
    return f"{span}; {names(clear)} {verb}, after Holm too."


def _margins(contrast: Contrast, comparison: Comparison) -> str:
    """Where the languages stand against the margin."""
    margin, groups = margin_of(comparison), dict[str, list[str]]()
    for lang, claim in contrast.claims.items():
        if claim.margin is None or len(contrast.claims) == 1:
            return ""
        words = {
            "same": f"the same within {margin}",
            "at most below": f"at most {margin} below",
            "at most above": f"at most {margin} above",
            "not shown": "not shown",
        }[claim.margin.verdict]
        if claim.verdict != "not sure":
            same = claim.margin.verdict == "same"
            words = f"{claim.verdict}, by less than {margin}" if same else claim.verdict
        groups.setdefault(words, []).append(lang)
    parts = [f"{words} in {names(langs)}" for words, langs in groups.items()]
    these = "these weights of " if comparison.about == "weights" else ""
    return (
        f"Held to {margin} in each language, {these}{contrast.arm} against {contrast.base}: "
        f"{'; '.join(parts)} (after Holm)."
    )


def _sizes(comparison: Comparison) -> str:
    rows = sorted({comparison.rows[lang] for lang in comparison.over})
    span = " to ".join(f"{number:,}" for number in dict.fromkeys((rows[0], rows[-1])))
    seeds = f" and {len(comparison.seeds)} seeds" if comparison.about == "trainings" else ""
    return f"{span} test rows{' in a language' if comparison.over[1:] else ''}{seeds}"


def cautions(comparison: Comparison) -> list[str]:
    """What the intervals do not cover, and what was left out."""
    sentences = [
        f"Seeds {listed(seeds)} of {side.name} answer every shared row alike. Is one a copy of "
        "another? Copies make a difference look surer than it is."
        for side in comparison.sides
        for seeds in side.copies
    ]
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


def comparison_table(comparison: Comparison, width: int = 80) -> "Table":
    """Scores per language and side, as a table for `rich.console.Console.print`.

    A baseline stands under the name of the first side whose training rows it learnt from. Where
    the baselines find no room beside that many sides, they are left to the page.

    Args:
        comparison: What is shown.
        width: Columns of the terminal.
    """
    from rich.console import Console

    table = _table(comparison, len(comparison.baselines))
    fits = Console(width=1000).measure(table).maximum <= width
    return table if fits else _table(comparison, 0)


def _table(comparison: Comparison, baselines: int) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Language", no_wrap=True, vertical="bottom")
    linear = [f"Linear\n{baseline.sides[0]}" for baseline in comparison.baselines[:baselines]]
    for heading in (*(side.name for side in comparison.sides), *linear):
        lines = [wrap(line, _HEADING, break_long_words=False) for line in heading.split("\n")]
        text = Text("\n".join(part for parts in lines for part in parts))
        table.add_column(text, justify="right", overflow="fold", vertical="bottom")
    for row in score_rows(comparison):
        baseline = [score.value for score in row.baselines[:baselines]]
        table.add_row(
            *map(Text, (row.name, *map(str, row.sides), *baseline)),
            end_section=row.kind == "mean",
        )
    return table


_HEADING: Final = 14
"""Characters of a score with its interval, to which a heading is broken."""
