"""The sentences say what the numbers say, and no more."""

import pytest

from babelift.report.records import Comparison, Contrasted, Effect, Effects
from babelift.report.words import (
    answers,
    verdict,
)
from babelift.report.words import (
    comparison_cautions as cautions,
)
from babelift.report.words import (
    comparison_results as results,
)

FIVE = ["de", "es", "fr", "ja", "zh"]


def contrast(
    mean, interval, deltas=(0.1, 0.1, 0.1, 0.1, -0.1), rival="zero-shot", what="Translating"
):
    """A contrast with the given mean; each language's interval reaches .05 to either side."""
    return Contrasted(
        arm="translated",
        base="zero-shot",
        what=what,
        rival=rival,
        languages={
            lang: Effect(delta=delta, interval=(delta - 0.05, delta + 0.05))
            for lang, delta in zip(FIVE, deltas, strict=False)
        },
        mean=Effect(delta=mean, interval=interval),
    )


@pytest.mark.parametrize(
    ("mean", "interval", "said"),
    [
        (
            0.05,
            (0.01, 0.09),
            "Translating beat zero-shot in 4 of 5 languages: +.05 F1-micro on average [.01, .09].",
        ),
        (
            -0.05,
            (-0.09, -0.01),
            "Translating did worse than zero-shot in 1 of 5 languages: −.05 F1-micro on average "
            "[−.09, −.01].",
        ),
        (
            0.02,
            (-0.02, 0.06),
            "Translating and zero-shot cannot be told apart: +.02 F1-micro on average "
            "[−.02, .06], ahead in 4 of 5 languages.",
        ),
    ],
)
def test_one_thing_in_place_of_another(mean, interval, said):
    assert verdict(contrast(mean, interval), FIVE) == said


@pytest.mark.parametrize(
    ("mean", "interval", "said"),
    [
        (0.05, (0.01, 0.09), "OTC added +.05 F1-micro on average [.01, .09], in 4 of 5 languages."),
        (
            -0.05,
            (-0.09, -0.01),
            "OTC cost −.05 F1-micro on average [−.09, −.01], in 1 of 5 languages.",
        ),
        (
            -0.01,
            (-0.04, 0.02),
            "OTC added −.01 F1-micro on average [−.04, .02], ahead in 4 of 5 languages: "
            "no difference seen.",
        ),
        (
            0.0,
            (0.0, 0.0),
            "OTC added .00 F1-micro on average [.00, .00], ahead in 4 of 5 languages: "
            "no difference seen.",
        ),
    ],
)
def test_one_thing_added_to_another(mean, interval, said):
    assert verdict(contrast(mean, interval, rival=None, what="OTC"), FIVE) == said


def test_one_language_needs_no_average():
    one = contrast(0.02, (-0.02, 0.06))
    assert verdict(one, ["de"]) == (
        "Translating and zero-shot cannot be told apart: +.02 F1-micro [−.02, .06], in German."
    )
    none = one.model_copy(update={"mean": None})
    assert verdict(none, []) == "What Translating changes was not tested in any language."


@pytest.fixture
def comparison():
    effects = Effects(languages={}, mean=Effect(delta=0.2, interval=(0.1, 0.3)))
    english = {"en": Effect(delta=-0.01, interval=(-0.05, 0.03))}
    found = contrast(0.06, (0.03, 0.09), deltas=(0.1, 0.02, 0.01, 0.2, -0.03))
    return Comparison(
        metric="f1_micro",
        level=0.95,
        resamples=10,
        over=FIVE,
        rows={"en": 100, **dict.fromkeys(FIVE, 100)},
        arms={},
        contrasts=[found.model_copy(update={"languages": {**found.languages, **english}})],
        over_linear={"zero-shot": effects, "translated": effects},
    )


def test_the_answer_comes_first_and_says_how_to_read_it(comparison):
    first, second = answers(comparison)
    assert first.startswith("Translating beat zero-shot in 4 of 5 languages: +.06")
    assert second == (
        "F1-micro is the share of test rows given the right label; brackets hold 95 % bootstrap "
        "intervals over the test rows that the arms share."
    )


def test_extremes_other_languages_and_the_baseline_follow(comparison):
    extremes, english, linear = results(comparison)
    assert extremes == (
        "Translating by language: from −.03 [−.08, .02] in Chinese to +.20 [.15, .25] in Japanese; "
        "taken alone, German and Japanese show a difference."
    )
    assert english == "In English, which is no target: Translating −.01 [−.05, .03]."
    assert linear == (
        "Over a linear baseline trained on the same rows as the arm: zero-shot +.20 [.10, .30] "
        "and translated +.20 [.10, .30] on average."
    )


def test_what_the_intervals_leave_open_is_said(comparison):
    seed, size = cautions(comparison)
    assert "trained once" in seed
    assert size == (
        "With 100 test rows in a language, a true difference smaller than about .03 on average "
        "would not show."
    )
