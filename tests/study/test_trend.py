"""The slope of scores over chrF, against lines worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from babelift.study.family import one_family
from babelift.study.quality import Quality
from babelift.study.trend import quality_trend, slope_over_translators
from tests.study.test_contrasts import LANGS, PLAIN, ZERO, spec_of, study

NAMES = ("a", "b", "c", "d")


def quality(values):
    return [
        Quality(translator=name, source="en", lang=lang, rows=100, chrf=value)
        for name, value in values.items()
        for lang in LANGS
    ]


def trend(levels, values, *, seeds=3, **changes):
    spec = spec_of(otc="off", translators=list(NAMES), **changes)
    cells = {replace(PLAIN, translator=name): level for name, level in levels.items()}
    scores = study({ZERO: 0.5, **cells}, seeds=seeds)
    found = quality_trend(spec, scores, quality(values))
    return found and one_family([], {}, found, scores.conditions()).trend


def test_the_slope_is_that_of_the_line_through_the_scores():
    levels = dict(zip(NAMES, (0.3, 0.4, 0.5, 0.71), strict=True))
    values = dict(zip(NAMES, (20.0, 30.0, 40.0, 60.0), strict=True))
    found = trend(levels, values)
    cells = {name: replace(PLAIN, translator=name) for name in NAMES}
    scores = study({ZERO: 0.5, **{cells[name]: levels[name] for name in NAMES}})
    for lang in LANGS:
        means = [
            scores.of_condition(cells[name]).filter(lang=lang)["right"].mean() for name in NAMES
        ]
        slope = np.polyfit(list(values.values()), means, 1)[0]
        assert found.pairs[lang] == pytest.approx(10 * slope)
    low, high = found.interval
    assert 0 < low < found.delta < high < 0.3
    assert found.translators == {"de": 4, "ja": 4}
    assert found.sentence.startswith("Better translations gave better classifiers: ten points")
    assert "the same way in 2 of 2 languages, among 4 translators" in found.sentence


def test_the_jackknife_by_hand():
    points = [("a", 0.0, 0.0), ("b", 1.0, 0.0), ("c", 2.0, 3.0), ("d", 3.0, 2.0)]
    slope, (low, high), p = slope_over_translators({"de": points})
    xs, ys = np.array([x for _, x, _ in points]), np.array([y for *_, y in points])
    without = [
        10 * np.polyfit(np.delete(xs, n), np.delete(ys, n), 1)[0] for n in range(len(points))
    ]
    error = (3 / 4 * sum((one - np.mean(without)) ** 2 for one in without)) ** 0.5
    assert slope == pytest.approx(10 * np.polyfit(xs, ys, 1)[0])
    assert (high - slope) / error == pytest.approx(4.302653)  # Student's t of two degrees
    assert slope - low == pytest.approx(high - slope)
    assert p > 0.05


def test_translators_that_differ_in_more_than_chrf_are_rarely_taken_for_an_effect():
    random, claimed, studies = np.random.default_rng(0), 0, 400
    for _ in range(studies):
        chrf = random.uniform(10, 70, 6)
        own = 0.8 + 0.01 * random.standard_normal(6)
        pairs = {
            lang: [(str(n), chrf[n] + random.normal(0, 3), own[n]) for n in range(6)]
            for lang in ("de", "fr", "ja")
        }
        claimed += slope_over_translators(pairs)[2] <= 0.05
    assert claimed <= 0.05 * studies + 3 * (0.05 * 0.95 * studies) ** 0.5


def test_without_an_effect_none_is_claimed():
    flat = trend(dict.fromkeys(NAMES, 0.6), dict(zip(NAMES, (20, 30, 40, 60.0), strict=True)))
    low, high = flat.interval
    assert low < 0 < high
    assert flat.sentence.startswith("No effect of the translations' quality seen")


def test_with_one_training_each_nothing_is_claimed():
    levels = dict(zip(NAMES, (0.3, 0.4, 0.5, 0.7), strict=True))
    values = dict(zip(NAMES, (20.0, 30.0, 40.0, 60.0), strict=True))
    said = trend(levels, values, seeds=1).sentence
    assert said.startswith("With one training each, ten points of chrF go with +.")
    assert said.endswith("no claim.")


def test_worse_scores_of_better_translations_are_said():
    levels = dict(zip(NAMES, (0.8, 0.7, 0.6, 0.4), strict=True))
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
