"""What a comparison of arms shows, in sentences made by rules: effect and interval first."""

from collections.abc import Sequence
from typing import Final

from babelift.report.compared import Comparison, Contrasted, Effect
from babelift.report.numbers import brackets, language_name, listed, names, share

METRICS: Final = {"f1_micro": "F1-micro", "f1_macro": "F1-macro"}


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign.

    >>> signed(0.051), signed(-0.051), signed(0.001)
    ('+.05', '−.05', '.00')
    """
    text = share(value, digits)
    return f"+{text}" if value > 0 and text.strip(".0") else text


def effect(found: Effect, digits: int = 2) -> str:
    """A difference with its interval.

    >>> effect(Effect(delta=0.05, interval=(0.01, 0.09)))
    '+.05 [.01, .09]'
    """
    return f"{signed(found.delta, digits)} {brackets(found.interval, digits)}"


def answers(comparison: Comparison) -> list[str]:
    """What each contrast came to, and how the numbers are to be read."""
    metric = METRICS[comparison.metric]
    said = [verdict(contrast, comparison.over, metric) for contrast in comparison.contrasts]
    meaning = "F1-micro is the share of test rows given the right label; "
    return [
        *said,
        f"{meaning if comparison.metric == 'f1_micro' else ''}brackets hold "
        f"{100 * comparison.level:g} % bootstrap intervals over the test rows that the arms share.",
    ]


def verdict(contrast: Contrasted, over: Sequence[str], metric: str = "F1-micro") -> str:
    """A contrast in one sentence, on the mean over the languages.

    >>> found = Contrasted(arm="more", base="plain", what="Translating", rival="zero-shot",
    ...     languages={"de": Effect(delta=0.05, interval=(0.01, 0.09))},
    ...     mean=Effect(delta=0.05, interval=(0.01, 0.09)))
    >>> verdict(found, ["de"])
    'Translating beat zero-shot in German: +.05 F1-micro [.01, .09].'
    """
    if contrast.mean is None:
        return f"What {contrast.what} changes was not tested in any language."
    mean, many = contrast.mean, len(over) > 1
    by = f"{signed(mean.delta)} {metric}{' on average' if many else ''} {brackets(mean.interval)}"
    direction = mean.direction()
    if direction == 0:
        ahead = f", ahead in {_count(contrast, over, 1)}" if many else f", in {names(over)}"
        if contrast.rival:
            return f"{contrast.what} and {contrast.rival} cannot be told apart: {by}{ahead}."
        return f"{contrast.what} added {by}{ahead}: no difference seen."
    where = _count(contrast, over, direction) if many else names(over)
    if contrast.rival:
        did = "beat" if direction > 0 else "did worse than"
        return f"{contrast.what} {did} {contrast.rival} in {where}: {by}."
    return f"{contrast.what} {'added' if direction > 0 else 'cost'} {by}, in {where}."


def _count(contrast: Contrasted, over: Sequence[str], direction: int) -> str:
    ahead = sum(contrast.languages[lang].delta * direction > 0 for lang in over)
    return f"{ahead} of {len(over)} languages"


def results(comparison: Comparison) -> list[str]:
    """What else the scores say: the extremes, the other languages, the linear baseline."""
    said = [
        *(_extremes(contrast, comparison.over) for contrast in comparison.contrasts),
        *(
            _elsewhere(lang, comparison)
            for lang in comparison.rows
            if lang not in comparison.over and comparison.contrasts
        ),
        _against_linear(comparison),
    ]
    return [sentence for sentence in said if sentence]


def _extremes(contrast: Contrasted, over: Sequence[str]) -> str:
    if len(over) < 2:
        return ""
    sizes = {lang: contrast.languages[lang].delta for lang in over}
    ends = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    least, most = (f"{effect(contrast.languages[lang])} in {language_name(lang)}" for lang in ends)
    clear = [lang for lang in over if contrast.languages[lang].direction()]
    alone = (
        f"taken alone, {names(clear)} {'shows' if len(clear) == 1 else 'show'} a difference"
        if clear
        else "taken alone, no language shows a difference"
    )
    return f"{contrast.what} by language: from {least} to {most}; {alone}."


def _elsewhere(lang: str, comparison: Comparison) -> str:
    parts = [
        f"{contrast.what} {effect(contrast.languages[lang])}" for contrast in comparison.contrasts
    ]
    return f"In {language_name(lang)}, which is no target: {listed(parts)}."


def _against_linear(comparison: Comparison) -> str:
    parts = [
        f"{arm} {effect(found.mean)}"
        for arm, found in comparison.over_linear.items()
        if found.mean is not None
    ]
    if not parts:
        return ""
    return (
        f"Over a linear baseline trained on the same rows as the arm: {listed(parts)}"
        f"{' on average' if len(comparison.over) > 1 else ''}."
    )


def cautions(comparison: Comparison) -> list[str]:
    """What the intervals do not cover, and what they are too wide for."""
    reach = max(
        (
            max(abs(bound - found.mean.delta) for bound in found.mean.interval)
            for found in comparison.contrasts
            if found.mean is not None
        ),
        default=0.0,
    )
    said = [
        "Each arm was trained once. The intervals cover the choice of test rows only; another "
        "seed gives other numbers."
    ]
    if reach:
        rows = sorted({comparison.rows[lang] for lang in comparison.over})
        span = " to ".join(f"{number:,}" for number in dict.fromkeys((rows[0], rows[-1])))
        said.append(
            f"With {span} test rows in a language, a true difference smaller than about "
            f"{share(reach)} on average would not show."
        )
    return said
