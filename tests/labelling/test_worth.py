"""What a study says so many labels are worth, and what it does not say."""

import pytest

from babelift.labelling.worth import UNKNOWN, worth_sentences
from babelift.study.budget import Bounded, Curve, Gain, LabelBudget, Worth

CURVE = Curve("tried", (100, 400), (0.6, 0.7), ((0.58, 0.62), (0.68, 0.72)), (0.6, 0.7), None)
GAIN = Gain(100, 400, 0.033, (0.02, 0.05))
WORTH = Worth(800, 0.65, (0.63, 0.67), Bounded(200, "exact"), None)


def said(new: int, has: int, gain: Gain | None = GAIN, seeds: int = 5) -> str:
    budget = LabelBudget("de", 0.95, seeds, CURVE, (WORTH,), gain, (), "")
    [sentence] = worth_sentences({"de": new}, {"de": has}, [budget])
    return sentence


def test_between_two_numbers_that_were_tried_the_logarithm_counts() -> None:
    # 200 is halfway from 100 to 400 in log n.
    assert said(100, 100) == (
        "In German the study went from .60 with 100 native labels to .65 with 200: 100 more, "
        "chosen at random, were worth +.05. Between 100 and 400 labels, 100 more added +.03 "
        "[.02, .05]."
    )


def test_the_first_labels_of_a_language_stand_beside_its_translations() -> None:
    assert said(200, 0) == (
        "In German 200 native labels alone reached .65 in the study, where translations of 800 "
        "rows reached .65 [.63, .67]."
    )


@pytest.mark.parametrize(
    ("new", "has", "words"),
    [(50, 0, "no fewer than 100 native labels"), (200, 300, "no more than 400 native labels")],
)
def test_beyond_what_was_tried_nothing_is_known(new: int, has: int, words: str) -> None:
    assert words in said(new, has)
    assert "is not known" in said(new, has) or "are worth is not known" in said(new, has)


def test_one_training_each_is_said() -> None:
    assert "(of one training each)" in said(100, 100, gain=None, seeds=1)


def test_a_language_that_gets_nothing_has_no_sentence_and_without_a_study_there_is_one() -> None:
    assert worth_sentences({"de": 0}, {}, []) == []
    assert worth_sentences({"de": 5, "ja": 5}, {}, None) == [UNKNOWN]
    [unknown] = worth_sentences({None: 1}, {}, [])
    assert unknown.startswith("Of rows of unknown language the study has no label budget")
