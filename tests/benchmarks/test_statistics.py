"""What pages and comparisons claim in simulated studies whose truth is known. Seeds are fixed."""

import doctest

import numpy as np
import pytest

import claims
import latent
import simulate
from babelift.evaluation import differences
from claims import UnknownSentenceError, comparison_claims, page_claims, read
from latent import FOUR, NATIVE, OTC, TRANSLATED, ZERO, Design, Truth, draw
from simulate import TWO, comparisons, covering, pages


def at_most(rate, studies):
    """A rate with two binomial standard errors; seeds are fixed, so all runs have one outcome."""
    return rate + 2 * (rate * (1 - rate) / studies) ** 0.5


def test_what_is_drawn_has_the_truth_it_was_asked_for():
    rng = np.random.default_rng(0)
    design = Design(40, 3, 4000, 0.1, spread=0.05)
    drawn = draw(design, {OTC: 0.1}, rng)
    assert drawn.right.mean(axis=(1, 3)) == pytest.approx(drawn.truth.f1, abs=0.025)
    assert drawn.truth.gain(OTC, ZERO).mean() == pytest.approx(0.1)
    assert np.ptp(drawn.truth.gain(OTC, ZERO)) > 0.01


@pytest.mark.parametrize(("luck", "told"), [(0.05, 0.011), (0.1, 0.022), (0.3, 0.065)])
def test_trainings_spread_as_told(luck, told):
    # Two halves of the languages share a training's luck, and nothing else.
    right = draw(Design(1500, 2, 300, luck, parallel=False, arms=TWO), {}, np.random.default_rng(1))
    shared = [np.cov(*own.mean(axis=2).T)[0, 1] for own in right.right]
    assert np.mean(shared) ** 0.5 == pytest.approx(told, rel=0.15)


def test_parallel_sets_share_items_and_separate_ones_do_not():
    for parallel, low, high in ((True, 0.1, 0.4), (False, -0.06, 0.06)):
        right = draw(
            Design(20, 2, 4000, 0.0, parallel=parallel), {}, np.random.default_rng(2)
        ).right
        correlation = np.corrcoef(*right[0].mean(axis=0))[0, 1]
        assert low < correlation < high


def test_native_rows_are_trained_on_in_each_language_apart():
    rng = np.random.default_rng(3)
    design = Design(300, 2, 200, 0.5)
    right = draw(design, {}, rng).right.mean(axis=3)
    assert abs(np.corrcoef(right[FOUR.index(NATIVE)].T)[0, 1]) < 0.2
    assert np.corrcoef(right[FOUR.index(ZERO)].T)[0, 1] > 0.5


def test_the_designs_have_every_two_values_of_the_axes_together():
    designs = list(covering())
    axes = [
        [getattr(design, name) for design in designs]
        for name in ("seeds", "langs", "rows", "luck", "spread")
    ]
    values = (simulate.SEEDS, simulate.LANGUAGES, simulate.ROWS, simulate.LUCK, simulate.SPREAD)
    for first in range(5):
        for other in range(first):
            met = set(zip(axes[first], axes[other], strict=True))
            assert len(met) == len(values[first]) * len(values[other])
    assert {(design.parallel, design.classes) for design in designs} == set(simulate.SETS)


@pytest.mark.parametrize("place", sorted({*claims.FORMS}))
def test_a_sentence_of_unknown_form_is_not_passed_over(place):
    with pytest.raises(UnknownSentenceError, match="Perhaps"):
        read(place, "Perhaps it helps a little.")


TRUTH = Truth((ZERO, TRANSLATED), np.array([[0.7, 0.7], [0.7, 0.75]]))


def record(**changed):
    """A page of one contrast that claims what is asked."""
    question = {
        side: {"arm": arm.arm, "otc": arm.otc, "translator": arm.translator}
        for side, arm in (("arm", TRANSLATED), ("base", ZERO))
    }
    answer = {"primary": True, "question": question, "by_language_sentence": ""}
    page = {"opening": [NO], "regressions": {}, "trend": None, "diagnosis": {"findings": []}}
    return {**page, "answers": [{**answer, **changed.pop("answer", {})}], **changed}


def gaining(how_many):
    text = f"From .00 in German to +.05 in Spanish; {how_many} truly gain."
    return record(answer={"by_language_sentence": text})


NO = "Training on translations and zero-shot cannot be told apart: +.01 F1-micro [−.01, .03]."
YES = "Training on translations beats zero-shot in 2 of 2 languages: +.03 F1-micro [.01, .05]."


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (record(), []),
        (record(opening=[YES]), [("primary", False)]),
        (record(opening=[YES.replace("beats", "does worse than")]), [("primary", True)]),
        (gaining("Spanish"), [("by language", False)]),
        (gaining("German and Spanish"), [("by language", True)]),
        (gaining("Spanish truly gains and German"), [("by language", True)]),
    ],
)  # fmt: skip
def test_claims_are_held_against_the_truth(page, expected):
    found = page_claims(page, TRUTH, None, luck=0.1)
    assert [(claim.kind, claim.false) for claim in found] == expected


def test_advice_is_held_against_the_truth():
    truth = Truth((ZERO, TRANSLATED, NATIVE), np.array([[0.7, 0.7], [0.7, 0.75], [0.6, 0.74]]))
    sentences = [
        "In German, do nothing yet: neither translating nor labelling 1,000 rows is shown to help.",
        "In German, translate: +.05 [.01, .09] over doing nothing (p = .010).",
        "In Spanish, translate: +.05 [.01, .09] over doing nothing (p = .010).",
        "In Spanish, label 1,000 rows: +.05 [.01, .09] over doing nothing (p = .010) and "
        "+.04 [.01, .07] over translating (p = .020).",
        "In Spanish, translate at least: doing nothing is worse than labelling 1,000 rows, which "
        "gains +.04 [.01, .07] (p = .034).",
        "Label Spanish first: only there are labels shown to beat what costs less.",
    ]
    found = claims.decision_claims(sentences, truth)
    assert [claim.false for claim in found] == [True, False, True, False, False]


def test_a_comparison_s_claims_are_held_against_the_truth():
    sentences = [
        "B beat A on average over 2 languages: +.03 accuracy [.01, .05]; p = .010.",
        "Accuracy is the share of test rows given the right label.",
        "B by language: from +.01 in German to +.05 in Spanish; "
        "German and Spanish are sure, after Holm too.",
    ]
    found = comparison_claims(sentences, [TRUTH.gain(TRANSLATED, ZERO)], luck=0.1)
    assert [claim.false for claim in found] == [False, True]


def test_claims_about_weights_are_none_about_ways_to_train():
    sentence = "These weights of B gave more test rows the right label than those of A in German."
    gained = np.zeros(1)
    for luck in (0.0, 0.1):
        (claim,) = comparison_claims([sentence], [gained], luck)
        assert claim.kind == "weights"
        assert claim.false == (luck == 0)


def test_one_training_on_each_side_claims_nothing_of_ways_to_train():
    assert {*comparisons(Design(1, 3, 200, 0.3, arms=TWO), 5).claimed} <= {"weights"}
    assert not pages(Design(1, 3, 100, 0.3), 3).claimed


NULLS = (
    Design(2, 3, 100, 0.1),
    Design(5, 5, 200, 0.1, 0.01, parallel=False, classes=5),
    Design(3, 6, 100),
    Design(10, 1, 100, 0.3),
)


slow = pytest.mark.slow


@pytest.fixture(scope="module")
def nulls():
    """Without effect on average: one tally over four designs."""
    total = simulate.Tally()
    for number, design in enumerate(NULLS):
        total.add(pages(design, 30, seed=number))
    return total


@slow
@pytest.mark.parametrize("kind", [*simulate.KINDS[:5], *simulate.KINDS[6:9]])
def test_few_studies_claim_what_is_not_so(kind, nulls):
    assert nulls.rate(kind) <= at_most(0.06, nulls.studies), nulls.examples.get(kind)


@slow
@pytest.mark.parametrize("kind", ["mean", "language"])
def test_intervals_hold_the_truth(kind, nulls):
    # A study's intervals share its trainings and rows: studies are what counts.
    assert 1 - at_most(0.07, nulls.studies) <= nulls.coverage(kind) <= 0.99


@slow
def test_what_could_have_been_seen_is_seen_four_times_in_five():
    row = simulate.measure(Design(5, 3, 100, 0.05, arms=TWO), 60, (5,))
    met = row.effect.claimed["primary"] / row.effect.studies
    assert met == pytest.approx(0.8, abs=2 * (0.8 * 0.2 / row.effect.studies) ** 0.5)


@slow
def test_comparisons_claim_little_that_is_not_so():
    total = simulate.Tally()
    for number, design in enumerate((Design(2, 3, 100, arms=FOUR[:3]), Design(5, 5, 100, 0.2))):
        total.add(comparisons(design, 60, seed=number))
    assert total.rate("page") <= at_most(0.06, total.studies)
    assert 1 - at_most(0.07, total.studies) <= total.coverage("mean") <= 0.99


def test_intervals_that_are_too_narrow_would_be_found(monkeypatch):
    monkeypatch.setattr(differences, "critical", lambda *_: 1.2)
    found = comparisons(Design(3, 3, 100, arms=TWO), 60)
    assert found.coverage("mean") < 1 - at_most(0.07, 60)


@slow
def test_the_tables_are_printed(monkeypatch, capsys):
    monkeypatch.setattr(simulate, "QUICK", (Design(2, 2, 50, arms=TWO),))
    monkeypatch.setattr(simulate, "other_tables", lambda studies: [("Others", str(studies))])
    simulate.main(["--quick"])
    printed = capsys.readouterr().out
    assert "| seeds |" in printed
    assert "| 2 | 2 | 50 | 0.1 | 0 | parallel, 2 | 15 |" in printed
    assert printed.endswith("Others\n\n10\n")


@slow
def test_other_tables_have_a_line_for_each_design():
    tables = dict(simulate.other_tables(1))
    assert [table.count("\n") - 2 for table in tables.values()] == [7, 5, 9]


def test_rounds_add_up():
    row = simulate.measure(Design(2, 1, 50, arms=TWO), 2, (0, 0))
    row.add(simulate.measure(Design(2, 1, 50, arms=TWO), 2, (0, 1)))
    assert row.null.studies == len(row.null.seen["effect"]) == row.at_large.studies == 4


@pytest.mark.parametrize("module", [claims, latent, simulate])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
