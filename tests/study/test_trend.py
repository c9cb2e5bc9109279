"""The slope of scores over chrF, against lines worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from babelift.study.quality import Quality
from babelift.study.trend import quality_trend
from tests.study.test_contrasts import LANGS, PLAIN, ZERO, spec_of, study

NAMES = ("a", "b", "c", "d")


def quality(values):
    return [
        Quality(translator=name, source="en", lang=lang, rows=100, chrf=value)
        for name, value in values.items()
        for lang in LANGS
    ]


def trend(levels, values, **changes):
    spec = spec_of(otc="off", translators=list(NAMES), **changes)
    cells = {replace(PLAIN, translator=name): level for name, level in levels.items()}
    return quality_trend(spec, study({ZERO: 0.5, **cells}), quality(values))


def test_the_slope_is_that_of_the_line_through_the_scores():
    levels = dict(zip(NAMES, (0.3, 0.4, 0.5, 0.8), strict=True))
    values = dict(zip(NAMES, (20.0, 30.0, 40.0, 60.0), strict=True))
    found = trend(levels, values)
    cells = {name: replace(PLAIN, translator=name) for name in NAMES}
    scores = study({ZERO: 0.5, **{cells[name]: levels[name] for name in NAMES}})
    for lang in LANGS:
        means = [
            scores.of_condition(cells[name]).filter(lang=lang)["right"].mean() for name in NAMES
        ]
        slope = np.polyfit(list(values.values()), means, 1)[0]
        assert found.slopes.languages[lang].delta == pytest.approx(10 * slope)
    low, high = found.slopes.mean.interval
    assert 0 < low < found.slopes.mean.delta < high < 0.2
    assert found.translators == {"de": 4, "ja": 4}
    assert found.sentence.startswith("Better translations gave better classifiers: ten points")
    assert "the same way in 2 of 2 languages, among 4 translators" in found.sentence


def test_without_an_effect_none_is_claimed():
    flat = trend(dict.fromkeys(NAMES, 0.6), dict(zip(NAMES, (20, 30, 40, 60.0), strict=True)))
    low, high = flat.slopes.mean.interval
    assert low < 0 < high
    assert flat.sentence.startswith("No effect of the translations' quality seen")


def test_worse_scores_of_better_translations_are_said():
    levels = dict(zip(NAMES, (0.8, 0.6, 0.5, 0.3), strict=True))
    values = dict(zip(NAMES, (20.0, 30.0, 40.0, 60.0), strict=True))
    assert trend(levels, values).sentence.startswith("Better translations gave worse")


@pytest.mark.parametrize(
    "values",
    [
        {"a": 20.0, "b": 30.0, "c": 40.0},
        dict.fromkeys(NAMES, 30.0),
        dict.fromkeys(NAMES),
        {},
    ],
)
def test_few_translators_or_equal_ones_have_no_slope(values):
    assert trend(dict.fromkeys(NAMES, 0.6), values) is None
