"""What a study advises, branch by branch, in the words of its page."""

from dataclasses import replace

import pytest

from babelift.evaluation.differences import Difference
from babelift.evaluation.power import Detectable
from babelift.report.decision import (
    decision_notes,
    decision_rows,
    decision_sentences,
    tried_rows,
)
from babelift.study.budget import Bounded
from babelift.study.decision import Advice, Decision, Gap
from babelift.study.label_first import First
from babelift.study.options import Option
from babelift.study.spec import Prices

NOTHING = Option("nothing", 0, 0.0, 0.0, 0.6, (0.55, 0.65))
TRANSLATE = Option("translate", 0, 600_000.0, 12.0, 0.7, (0.65, 0.75))
LABEL = Option("label", 400, 0.0, 100.0, 0.75, (0.7, 0.8))
BOTH = Option("both", 400, 600_000.0, 112.0, 0.8, (0.75, 0.85))
WAYS = (NOTHING, TRANSLATE, LABEL)
PRICES = Prices(label=0.25, million_characters=20)


def difference(delta, low, high):
    return Difference(delta, (low, high), 0.5, 0.01, 0.2, 5, 400, 400, seeds_seen=True)


def gap(option, over, delta, low, high, p):
    return Gap(option, over, difference(delta, low, high), p, Detectable(0.05, (0.04, 0.08)))


def said(advice, prices=PRICES):
    return decision_sentences(Decision((advice,), None, prices))


UNSURE = Advice("de", WAYS, 0, (gap(1, 0, 0.01, -0.02, 0.04, 1), gap(2, 0, 0.02, -0.01, 0.05, 0.4)))
TRANSLATING = Advice("de", WAYS, 1, (
    gap(1, 0, 0.1, 0.07, 0.13, 0.002), gap(2, 0, 0.12, 0.09, 0.15, 0.001),
    gap(2, 1, 0.02, -0.01, 0.05, 0.3),
))  # fmt: skip
LABELLING = Advice("de", WAYS, 2, (
    gap(1, 0, 0.1, 0.07, 0.13, 0.002), gap(2, 0, 0.15, 0.12, 0.18, 0.001),
    gap(2, 1, 0.05, 0.02, 0.08, 0.01),
))  # fmt: skip


def test_nothing_is_to_be_done_where_nothing_is_shown_to_help():
    assert said(UNSURE) == [
        "In German, do nothing yet: neither translating nor labelling up to 400 rows is shown to "
        "help. The most seen is +.02 [−.01, .05], by labelling 400 rows (p = .400); this study "
        "could have seen .05 (.04 to .08, as 5 seeds tell)."
    ]
    one = replace(UNSURE, options=WAYS[:2], gaps=UNSURE.gaps[:1])
    assert said(one)[0].startswith("In German, do nothing yet: translating is not shown to help.")


def test_translating_is_advised_with_what_it_costs_and_the_dearer_rival():
    assert said(TRANSLATING) == [
        "In German, translate at a cost of 12: +.10 [.07, .13] over doing nothing (p = .002). "
        "Labelling 400 rows at a cost of 100 cannot be told apart from it: +.02 [−.01, .05] "
        "(p = .300); this study could have seen .05 (.04 to .08, as 5 seeds tell)."
    ]
    worse = replace(TRANSLATING, gaps=(*TRANSLATING.gaps[:2], gap(2, 1, -0.02, -0.05, 0.01, 1)))
    assert said(worse)[0].endswith("Nothing dearer that was tried scores higher.")


def test_labels_are_advised_with_the_number_that_translations_are_worth():
    needed = replace(LABELLING, labels=Bounded(310, "exact"),
                     labels_interval=(Bounded(220, "exact"), Bounded(400, "above")))  # fmt: skip
    assert said(needed) == [
        "In German, label 400 rows at a cost of 100: +.15 [.12, .18] over doing nothing (p = .001) "
        "and +.05 [.02, .08] over translating (p = .010). As good as translating are 310 rows "
        "[220, more than 400], at a cost of 78 [55, more than 100]."
    ]
    (row,) = decision_rows(Decision((needed,), None, PRICES))
    assert (row.do, row.costs) == ("label 400 rows", "100")
    assert row.score == ".75 [.70, .80]"
    few = replace(needed, labels=Bounded(50, "below"),
                  labels_interval=(Bounded(50, "below"), Bounded(60, "exact")))  # fmt: skip
    assert said(few)[0].endswith(
        "As good as translating are fewer than 50 rows [fewer than 50, 60], at a cost of less than "
        "12 [less than 12, 15]."
    )


def test_where_the_budget_cannot_be_said_it_is_said_how_many_labels_were_tried():
    assert said(LABELLING) == [
        "In German, label 400 rows at a cost of 100: +.15 [.12, .18] over doing nothing (p = .001) "
        "and +.05 [.02, .08] over translating (p = .010). From how many rows on labelling beats "
        "translating cannot be said; up to 400 were tried."
    ]


def test_both_are_advised_with_what_both_cost():
    both = replace(LABELLING, options=(NOTHING, TRANSLATE, BOTH))
    assert said(both)[0].startswith("In German, translate and label 400 rows at a cost of 112: ")


def test_advice_that_is_not_shown_to_beat_what_is_cheaper_says_so():
    odd = replace(TRANSLATING, gaps=(gap(1, 0, 0.03, -0.01, 0.07, 0.2), *TRANSLATING.gaps[1:]))
    assert said(odd)[0].startswith(
        "In German, translate at a cost of 12 at least: doing nothing is worse than labelling 400 "
        "rows, which gains +.12 [.09, .15] (p = .001). That translating is better than doing "
        "nothing is not shown: +.03 [−.01, .07]."
    )
    (row,) = decision_rows(Decision((odd,), None, PRICES))
    assert row.sure.startswith("+.03 [−.01, .07] over doing nothing (not shown); labelling 400")


def test_no_difference_is_larger_than_1():
    blind = tuple(replace(gap, could_have_seen=Detectable(1.0, (0.6, 1.0))) for gap in UNSURE.gaps)
    (row,) = decision_rows(Decision((replace(UNSURE, gaps=blind),), None, PRICES))
    assert row.sure.endswith("not told apart, could have seen no difference, however large")


def test_too_few_seeds_decide_nothing():
    undecided = Advice("de", WAYS, None)
    assert said(undecided) == [
        "What to do cannot be said yet: fewer than three trainings of each way do not tell how "
        "another would turn out. Take 5 seeds first (seeds: 5)."
    ]
    assert decision_rows(Decision((undecided,))) == []
    both = decision_sentences(Decision((undecided, replace(TRANSLATING, lang="ja"))))
    assert both[0] == "In German it cannot be said yet what to do: take 5 seeds first."


def test_without_prices_the_advice_has_no_money():
    bare = tuple(replace(option, cost=0.0 if option.do == "nothing" else None) for option in WAYS)
    (text,) = said(replace(TRANSLATING, options=bare), Prices())
    assert text.startswith("In German, translate: +.10")
    assert "cost" not in text
    assert decision_notes(Decision((), None, Prices())).startswith("No prices were given: a label")
    one = decision_notes(Decision((), None, Prices(label=0.25)))
    assert one.startswith("The only price given is that of a label 0.25: a label is taken")


def test_translations_may_be_free():
    free = replace(TRANSLATE, cost=0.0)
    assert "translate at no cost:" in said(replace(TRANSLATING, options=(NOTHING, free, LABEL)))[0]


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (First(()), "No language is to be labelled first: in none are labels shown to beat what "
         "costs less."),
        (First(("ja",)), "Label Japanese first: only there are labels shown to beat what costs "
         "less."),
        (First(("de", "ja")), "No language stands out: start with German or Japanese."),
        (First(("ja",), 400, "translate", difference(0.12, 0.09, 0.15), "de",
               difference(0.05, 0.02, 0.08), 0.004),
         "Label Japanese first: 400 labels at a cost of 100 add +.12 [.09, .15] over translating "
         "there, +.05 [.02, .08] more than in German, the next (p = .004)."),
        (First(("ja", "de", "fr"), 400, "nothing", difference(0.12, 0.09, 0.15), "de",
               difference(0.01, -0.02, 0.04), 0.9),
         "No language stands out: start with Japanese, German or French. Japanese gains most from "
         "400 labels at a cost of 100, +.12 [.09, .15] over doing nothing, but that it is more "
         "than in German is not shown: +.01 [−.02, .04]."),
    ],
)  # fmt: skip
def test_which_language_to_label_first(first, text):
    assert decision_sentences(Decision((LABELLING,), first, PRICES))[-1] == text


def test_every_way_that_was_tried_has_its_row():
    rows = tried_rows(Decision((TRANSLATING, Advice("ja", WAYS, None)), None, PRICES))
    assert [row[4] for row in rows] == [
        "worse than labelling 400 rows, which gains +.12 [.09, .15]", "advised",
        "+.02 [−.01, .05], not shown to be better", "–", "–", "–",
    ]  # fmt: skip


def test_a_study_of_one_way_says_nothing():
    assert decision_sentences(None) == []


def test_few_seeds_are_said_to_show_large_differences_only():
    few = tuple(
        replace(gap, difference=replace(gap.difference, seeds=3)) for gap in TRANSLATING.gaps
    )
    assert said(replace(TRANSLATING, gaps=few))[-1] == (
        "With 3 seeds only large differences are shown: take 5 (seeds: 5) before paying for "
        "labels, or doing without them."
    )
