"""The sentences of a comparison say what the numbers say, and no more."""

import pytest

from babelift.evaluation.comparison import AgainstMargin, Claim, Comparison, Contrast, Side
from babelift.evaluation.differences import Difference, Score
from babelift.evaluation.power import Detectable
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


def claim(delta, p, margin=None):
    verdict = "not sure" if p > 0.05 else "better" if delta > 0 else "worse"
    return Claim(adjusted_p=p, verdict=verdict, margin=margin)


def contrast(mean, interval, p, deltas=(0.1, 0.1, 0.1, 0.1, -0.1), margin=None, seen=(0.06, 0.06)):
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
        claim=claim(mean, p, margin),
        claims={lang: claim(own.delta, 0.5, margin) for lang, own in languages.items()},
        could_have_seen=Detectable(0.06, seen),
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
        about="trainings",
        level=0.95,
        labels=("a", "b"),
        seeds=("0", "1"),
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
ONE = {"about": "weights", "seeds": ()}


@pytest.mark.parametrize(
    ("wording", "mean", "interval", "p", "said"),
    [
        (INSTEAD, 0.05, (0.01, 0.09), 0.012,
         "Translating beat zero-shot on average over 5 languages: +.05 accuracy [.01, .09], ahead "
         "in 4 of them; p = .012 after Holm over 6 tests."),
        (INSTEAD, -0.05, (-0.09, -0.01), 0.012,
         "Translating did worse than zero-shot on average over 5 languages: −.05 accuracy "
         "[−.09, −.01], behind in 1 of them; p = .012 after Holm over 6 tests."),
        (INSTEAD, 0.02, (-0.02, 0.06), 0.4,
         "Translating and zero-shot cannot be told apart on average over 5 languages: +.02 "
         "accuracy [−.02, .06], ahead in 4 of them; p = .400 after Holm over 6 tests."),
        (INSTEAD, 0.05, (0.01, 0.09), 0.072,
         "Translating and zero-shot cannot be told apart on average over 5 languages: +.05 "
         "accuracy [.01, .09], ahead in 4 of them; p = .072 after Holm over 6 tests, so that it is "
         "not sure, although its interval alone holds no zero."),
        (ADDED, 0.05, (0.01, 0.09), 0.012,
         "OTC added to the accuracy on average over 5 languages: +.05 accuracy [.01, .09], ahead "
         "in 4 of them; p = .012 after Holm over 6 tests."),
        (ADDED, -0.05, (-0.09, -0.01), 0.012,
         "OTC cost accuracy on average over 5 languages: −.05 accuracy [−.09, −.01], behind in 1 "
         "of them; p = .012 after Holm over 6 tests."),
        (ADDED, -0.01, (-0.04, 0.02), 1.0,
         "OTC made no difference that could be seen on average over 5 languages: −.01 accuracy "
         "[−.04, .02], ahead in 4 of them; p = 1.00 after Holm over 6 tests."),
    ],
)  # fmt: skip
def test_a_contrast_in_one_sentence(wording, mean, interval, p, said):
    asked = contrast(mean, interval, p)
    assert verdict(asked, wording, comparison(asked)) == said


@pytest.mark.parametrize(
    ("mean", "interval", "p", "said"),
    [
        (0.05, (0.01, 0.09), 0.012,
         "These weights of translated gave more test rows the right label than those of zero-shot"),
        (-0.05, (-0.09, -0.01), 0.012,
         "These weights of translated gave fewer test rows the right label than those of "
         "zero-shot"),
        (0.02, (-0.02, 0.06), 0.4,
         "These weights of translated and those of zero-shot cannot be told apart by these test "
         "rows"),
    ],
)  # fmt: skip
def test_one_training_on_each_side_speaks_of_these_weights_only(mean, interval, p, said):
    asked = contrast(mean, interval, p, margin=AgainstMargin(
        interval=interval, adjusted_p_below=p, adjusted_p_above=p, verdict="not shown"
    ))  # fmt: skip
    shown = comparison(asked, margin=0.03, **ONE)
    first, second, held, how = answers(shown, [INSTEAD])
    assert first == (
        "Each side is one training, which does not say which way to train is better: take five "
        "seeds of each before you conclude on that (babelift fit --seed 1 to 5, the runs of a side "
        "in one folder; or files with a column seed). What follows is about these very weights."
    )
    assert second.startswith(said + " on average over 5 languages: ")
    assert how.endswith("for the luck of test rows alone, not of trainings.")
    everything = " ".join([first, second, held, how, *results(shown, [INSTEAD])])
    for word in ("Translating", " beat ", "did worse", " added", " is sure", " are sure"):
        assert word not in everything
    assert "weights that truly differ by .06 on average would be told apart" in everything
    assert "What trainings can show is not known from one." in everything
    assert cautions(shown) == []
    common = answers(shown.model_copy(update={"seeds": ("7",)}), [INSTEAD])[0]
    assert common.startswith("Each side is one training (seed 7 is all they share), which")


def test_one_language_and_one_test_need_no_average_and_no_correction():
    asked = contrast(0.02, (-0.02, 0.06), 0.3)
    assert verdict(asked, INSTEAD, comparison(asked, over=("de",), tests=1)) == (
        "Translating and zero-shot cannot be told apart in German: +.02 accuracy [−.02, .06]; "
        "p = .300."
    )


def margin(within, interval=(-0.01, 0.012), below=0.01, above=0.02):
    return AgainstMargin(
        interval=interval, adjusted_p_below=below, adjusted_p_above=above, verdict=within
    )


MEAN = "on average over 5 languages: the 90 % interval is"


@pytest.mark.parametrize(
    ("mean", "p", "held", "said"),
    [
        (0.0, 0.9, margin("same"),
         f"translated and zero-shot are the same within .02 {MEAN} [−.010, .012]; p = .020 after "
         "Holm over 6 tests."),
        (0.01, 0.01, margin("same"),
         f"translated is better than zero-shot by less than .02 {MEAN} [−.010, .012]; p = .020 "
         "after Holm over 6 tests."),
        (-0.01, 0.01, margin("same"),
         f"translated is worse than zero-shot by less than .02 {MEAN} [−.010, .012]; p = .020 "
         "after Holm over 6 tests."),
        (0.01, 0.3, margin("at most below", (-0.01, 0.03), 0.01, 0.3),
         f"translated is at most .02 below zero-shot {MEAN} [−.010, .030]; p = .010 after Holm "
         "over 6 tests. That they are the same within .02 is not shown."),
        (-0.01, 0.3, margin("at most above", (-0.03, 0.01), 0.3, 0.01),
         f"translated is at most .02 above zero-shot {MEAN} [−.030, .010]; p = .010 after Holm "
         "over 6 tests. That they are the same within .02 is not shown."),
        (0.05, 0.01, margin("at most below", (0.03, 0.07), 0.001, 1.0),
         "That difference is not shown to be smaller than .02: the 90 % interval is [.030, .070]."),
        (0.0, 0.9, margin("not shown", (-0.03, 0.03), 0.2, 0.3),
         f"translated and zero-shot are not shown to be the same within .02 {MEAN} [−.030, .030]; "
         "p = .300 after Holm over 6 tests."),
        (0.0, 0.9, margin("not shown", (-0.019, 0.018), 0.07, 0.08),
         f"translated and zero-shot are not shown to be the same within .02 {MEAN} [−.019, .018]; "
         "p = .080 after Holm over 6 tests. The interval alone lies within; beside so many tests "
         "that is not sure."),
    ],
)  # fmt: skip
def test_a_contrast_against_the_margin_in_one_sentence(mean, p, held, said):
    asked = contrast(mean, (-0.05, 0.05), p, margin=held)
    shown = comparison(asked, margin=0.02)
    assert answers(shown, [INSTEAD])[1] == said


def test_languages_are_named_by_what_is_sure_of_them():
    asked = contrast(0.0, (-0.05, 0.05), 0.9, margin=margin("same"))
    claims = {
        "de": claim(0.1, 0.5, margin("at most below")),
        "es": claim(0.1, 0.01, margin("same")),
        "fr": claim(-0.1, 0.01, margin("not shown")),
        "ja": claim(0.1, 0.5, margin("not shown")),
        "zh": claim(0.1, 0.5, margin("at most below")),
    }
    asked = asked.model_copy(update={"claims": claims})
    assert results(comparison(asked, margin=0.02), [INSTEAD])[1] == (
        "Held to .02 in each language, translated against zero-shot: at most .02 below in German "
        "and Chinese; better, by less than .02 in Spanish; worse in French; not shown in Japanese "
        "(after Holm)."
    )


def test_sides_that_answer_alike_are_said_to():
    nothing = difference(0.0, 0.0, 0.0, p=1.0, error=0.0)
    asked = contrast(0.0, (0.0, 0.0), 1.0).model_copy(update={"mean": nothing})
    assert verdict(asked, ADDED, comparison(asked, over=("de", "ja"))) == (
        "No difference: translated and zero-shot are right and wrong on the very same rows in "
        "German and Japanese."
    )


def test_the_answer_comes_first_and_says_how_to_read_it():
    asked = contrast(0.06, (0.03, 0.09), 0.001)
    first, second = answers(comparison(asked), [INSTEAD])
    assert first.startswith("Translating beat zero-shot on average over 5 languages: +.06")
    assert second == (
        "Accuracy is the share of test rows given the right label; brackets hold 95 % intervals "
        "for the luck of test rows and of trainings."
    )


def test_extremes_other_languages_the_baseline_and_what_could_be_seen_follow():
    asked = contrast(0.06, (0.03, 0.09), 0.001, deltas=(0.1, 0.02, 0.01, 0.2, -0.03))
    asked = asked.model_copy(
        update={
            "languages": {**asked.languages, "en": difference(-0.01, -0.05, 0.03)},
            "claims": {
                **dict.fromkeys(FIVE, claim(0.1, 0.5)),
                "de": claim(0.1, 0.01),
                "ja": claim(0.2, 0.02),
            },
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
        "With 100 test rows in a language and 2 seeds, a true difference of .06 on average would "
        "be seen four times in five; a smaller one may be there and not show."
    )


def test_few_seeds_leave_open_what_could_have_been_seen():
    asked = contrast(0.06, (0.03, 0.09), 0.001, seen=(0.05, 0.18))
    (*_, said) = results(comparison(asked), [INSTEAD])
    assert said.endswith(
        "may be there and not show. From so few seeds as 2 this number is itself uncertain: .05 to "
        ".18."
    )
    other = asked.model_copy(update={"could_have_seen": Detectable(0.04, (0.03, 0.1))})
    (*_, said) = results(comparison(asked, other), [INSTEAD, ADDED])
    assert "a true difference of .06 (Translating) and .04 (OTC) on average" in said
    assert said.endswith("uncertain: .05 to .18 (Translating) and .03 to .10 (OTC).")


def test_where_no_difference_could_be_seen_no_number_is_given():
    asked = contrast(0.06, (-0.3, 0.4), 0.9).model_copy(
        update={"could_have_seen": Detectable(1.0, (1.0, 1.0))}
    )
    (*_, said) = results(comparison(asked), [INSTEAD])
    assert said == (
        "With 100 test rows in a language and 2 seeds, no difference on average, however large, "
        "would be seen four times in five."
    )


def test_whatever_was_left_out_is_said_with_its_side():
    shown = comparison(contrast(0.06, (0.03, 0.09), 0.001), seeds=("0", "1"), too_few=("ko",))
    one, other = shown.sides
    one = one.model_copy(update={"unpaired": {"de": 2, "ja": 1}, "unanswered": 1})
    other = other.model_copy(update={"copies": (("0", "1"),)})
    assert cautions(shown.model_copy(update={"sides": (one, other)})) == [
        "Seeds 0 and 1 of translated answer every shared row alike. Is one a copy of another? "
        "Copies make a difference look surer than it is.",
        "Left out, for they are not on every side: 3 rows of zero-shot (German and Japanese).",
        "Left out, for want of a label or a prediction: 1 row of zero-shot.",
        "Left out, for fewer than two shared test items: Korean.",
    ]
