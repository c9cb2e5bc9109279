"""One family: every p that a study's page claims something by shares one correction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from babelift.evaluation.multiple_tests import LEVEL, holm
from babelift.evaluation.power import could_have_seen
from babelift.study.answers import (
    Answer,
    best_and_worst,
    cell_name,
    regression_sentence,
    verdict,
)
from babelift.study.condition import Condition
from babelift.study.regression import Regression
from babelift.study.trend import Trend, trend_sentence


@dataclass(frozen=True)
class Family:
    """What a page claims, corrected and in words.

    Attributes:
        answers: All answers, the primary one first.
        regressions: The paper's table by OTC and arm.
        trend: How scores follow the quality of translations.
        tests: How many p were corrected together.
    """

    answers: list[Answer]
    regressions: dict[str, Regression]
    trend: Trend | None
    tests: int


def one_family(
    answers: Sequence[Answer],
    regressions: Mapping[str, Regression],
    trend: Trend | None,
    conditions: Sequence[Condition],
) -> Family:
    """Correct all of a page's p together and put them in words.

    The contrast that was stated in advance has a test of its own at `LEVEL`. All others are one
    family of Holm's: the other answers' means, regressions and the trend, each with the weight of
    its languages, and every language of every answer, the primary's too, with weight 1. So half of
    the error goes to means, however many languages there are. Diagnoses use the same p.

    Args:
        answers: As `answers.answers` has them.
        regressions: Not corrected.
        trend: Not corrected.
        conditions: All conditions of the study, to tell them apart by name.
    """
    tests: list[tuple[float, float]] = []
    for answer in answers:
        if not answer.primary:
            tests.append((answer.differences.mean.p, len(answer.languages)))
        tests += [(gain.p, 1.0) for gain in answer.languages.values()]
    languages = max((len(answer.languages) for answer in answers), default=1)
    tests += [(table.adjusted_p, languages) for table in regressions.values()]
    if trend:
        tests.append((trend.p, len(trend.pairs)))
    weights = [weight for _, weight in tests]
    total = sum(weights)
    adjusted = iter(holm([p for p, _ in tests], weights).tolist() if tests else [])
    worded = []
    for answer in answers:
        mean, own = answer.differences.mean, len(answer.languages)
        p = mean.p if answer.primary else next(adjusted)
        level = LEVEL if answer.primary else LEVEL * own / total
        corrected = replace(
            answer,
            adjusted_p=p,
            adjusted_p_by_language={lang: next(adjusted) for lang in answer.languages},
            could_have_seen=could_have_seen(answer.differences, level=level)
            if mean.seeds_seen
            else None,
        )
        worded.append(
            replace(
                corrected,
                sentence=verdict(corrected, conditions),
                by_language_sentence=best_and_worst(corrected),
                arm=cell_name(answer.question.arm, conditions),
                base=cell_name(answer.question.base, conditions),
            )
        )
    tables = {}
    for name, table in regressions.items():
        table = replace(table, adjusted_p=next(adjusted))
        tables[name] = replace(table, sentence=regression_sentence(name, table))
    if trend:
        trend = replace(trend, adjusted_p=next(adjusted))
        trend = replace(trend, sentence=trend_sentence(trend))
    return Family(worded, tables, trend, len(tests))
