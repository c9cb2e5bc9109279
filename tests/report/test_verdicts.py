"""The sentences of a comparison say what the numbers say, and no more."""

import pytest

from babelift.evaluation.comparison import Comparison, Contrast, Side
from babelift.evaluation.differences import Difference, Score
from babelift.report.comparison import Wording, answers, cautions, results, verdict

FIVE = ("de", "es", "fr", "ja", "zh")


def difference(delta, low, high, p=0.5, error=0.02):
    return Difference(
        delta=delta,
        interval=(low, high),
        p=p,
        standard_error=error,
        seed_share=0.0,
        seeds=1,
        items=100,
        rows=100,
        seeds_seen=False,
    )


def contrast(mean, interval, p, deltas=(0.1, 0.1, 0.1, 0.1, -0.1)):
    """A contrast with the given mean; each language's interval reaches .05 to either side."""
    languages = {
        lang: difference(delta, delta - 0.05, delta + 0.05)
        for lang, delta in zip(FIVE, deltas, strict=False)
    }
    return Contrast(
        arm="translated",
        base="zero-shot",
        mean=difference(mean, *interval),
        languages=languages,
        adjusted_p=p,
        adjusted_p_by_language=dict.fromkeys(languages, 0.5),
        could_have_seen=0.06,
    )


def comparison(*contrasts, over=FIVE, **changes):
    side = Side(
        name="zero-shot",
        source=None,
        rows=100,
        unpaired={},
        unanswered=0,
        languages={},
        mean=Score(0.5, (0.4, 0.6)),
    )
    return Comparison(
        level=0.95,
        labels=("a", "b"),
        seeds=(),
        over=over,
        rows={**dict.fromkeys(over, 100)},
        too_few=(),
        sides=(side, side.model_copy(update={"name": "translated"})),
        baselines=(),
        contrasts=contrasts,
        over_baseline={},
        tests=6,
    ).model_copy(update=changes)


INSTEAD, ADDED = Wording("Translating", rival="zero-shot"), Wording("OTC")


@pytest.mark.parametrize(
    ("wording", "mean", "interval", "p", "said"),
    [
        (INSTEAD, 0.05, (0.01, 0.09), 0.012,
         "Translating beat zero-shot in 4 of 5 languages: +.05 accuracy on average [.01, .09]; "
         "p = .012 after Holm over 6 tests."),
        (INSTEAD, -0.05, (-0.09, -0.01), 0.012,
         "Translating did worse than zero-shot in 1 of 5 languages: −.05 accuracy on average "
         "[−.09, −.01]; p = .012 after Holm over 6 tests."),
        (INSTEAD, 0.02, (-0.02, 0.06), 0.4,
         "Translating and zero-shot cannot be told apart: +.02 accuracy on average [−.02, .06], "
         "ahead in 4 of 5 languages; p = .400 after Holm over 6 tests."),
        (INSTEAD, 0.05, (0.01, 0.09), 0.072,
         "Translating and zero-shot cannot be told apart: +.05 accuracy on average [.01, .09], "
         "ahead in 4 of 5 languages; p = .072 after Holm over 6 tests, so that it is not sure, "
         "although its interval alone holds no zero."),
        (ADDED, 0.05, (0.01, 0.09), 0.012,
         "OTC added +.05 accuracy on average [.01, .09], in 4 of 5 languages; p = .012 after Holm "
         "over 6 tests."),
        (ADDED, -0.05, (-0.09, -0.01), 0.012,
         "OTC cost −.05 accuracy on average [−.09, −.01], in 1 of 5 languages; p = .012 after Holm "
         "over 6 tests."),
        (ADDED, -0.01, (-0.04, 0.02), 1.0,
         "OTC added −.01 accuracy on average [−.04, .02], ahead in 4 of 5 languages: no difference "
         "seen; p = 1.00 after Holm over 6 tests."),
    ],
)  # fmt: skip
def test_a_contrast_in_one_sentence(wording, mean, interval, p, said):
    asked = contrast(mean, interval, p)
    assert verdict(asked, wording, comparison(asked)) == said


def test_one_language_and_one_test_need_no_average_and_no_correction():
    asked = contrast(0.02, (-0.02, 0.06), 0.3)
    assert verdict(asked, INSTEAD, comparison(asked, over=("de",), tests=1)) == (
        "Translating and zero-shot cannot be told apart: +.02 accuracy [−.02, .06], in German; "
        "p = .300."
    )


def test_sides_that_answer_alike_are_said_to():
    nothing = difference(0.0, 0.0, 0.0, p=1.0, error=0.0)
    asked = contrast(0.0, (0.0, 0.0), 1.0).model_copy(update={"mean": nothing})
    assert verdict(asked, ADDED, comparison(asked, over=("de", "ja"))) == (
        "translated and zero-shot are right and wrong on the very same rows in German and "
        "Japanese: no difference."
    )


def test_the_answer_comes_first_and_says_how_to_read_it():
    asked = contrast(0.06, (0.03, 0.09), 0.001)
    first, second = answers(comparison(asked), [INSTEAD])
    assert first.startswith("Translating beat zero-shot in 4 of 5 languages: +.06")
    assert second == (
        "Accuracy is the share of test rows given the right label; brackets hold 95 % intervals "
        "for the luck of test rows."
    )


def test_extremes_other_languages_the_baseline_and_what_could_be_seen_follow():
    asked = contrast(0.06, (0.03, 0.09), 0.001, deltas=(0.1, 0.02, 0.01, 0.2, -0.03))
    asked = asked.model_copy(
        update={
            "languages": {**asked.languages, "en": difference(-0.01, -0.05, 0.03)},
            "adjusted_p_by_language": {**dict.fromkeys(FIVE, 0.5), "de": 0.01, "ja": 0.02},
        }
    )
    gained = difference(0.2, 0.1, 0.3)
    shown = comparison(
        asked,
        rows={"en": 90, **dict.fromkeys(FIVE, 100)},
        over_baseline={"zero-shot": gained, "translated": gained},
    )
    extremes, english, linear, visible = results(shown, [INSTEAD])
    assert extremes == (
        "Translating by language: from −.03 [−.08, .02] in Chinese to +.20 [.15, .25] in Japanese; "
        "German and Japanese are sure, after Holm too."
    )
    assert english == "In English, which no average counts: Translating −.01 [−.05, .03]."
    assert linear == (
        "Over a linear baseline trained on the same rows as the side: zero-shot +.20 [.10, .30] "
        "and translated +.20 [.10, .30] on average."
    )
    assert visible == (
        "With 100 test rows in a language, a true difference of .06 on average would be seen four "
        "times in five; a smaller one may be there and not show."
    )


def test_one_training_on_each_side_speaks_of_these_weights_only():
    asked = contrast(0.06, (0.03, 0.09), 0.001)
    (weights,) = cautions(comparison(asked))
    assert "about these very weights" in weights
    assert cautions(comparison(asked, seeds=("0", "1"))) == []


def test_whatever_was_left_out_is_said_with_its_side():
    shown = comparison(contrast(0.06, (0.03, 0.09), 0.001), seeds=("0", "1"), too_few=("ko",))
    one, other = shown.sides
    one = one.model_copy(update={"unpaired": {"de": 2, "ja": 1}, "unanswered": 1})
    assert cautions(shown.model_copy(update={"sides": (one, other)})) == [
        "Left out, for they are not on every side: 3 rows of zero-shot (German and Japanese).",
        "Left out, for want of a label or a prediction: 1 row of zero-shot.",
        "Left out, for fewer than two shared test items: Korean.",
    ]
