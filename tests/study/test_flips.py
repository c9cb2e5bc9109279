"""Which test rows OTC turns, by majority of the trainings."""

import polars as pl
import pytest

from babelift.study.flips import MOST, flips
from babelift.study.spec import StudySpec

SEEDS = 3


def spec_of(**changes):
    return StudySpec.from_mapping({
        "train": "a.csv", "test": "b.csv", "targets": ["de", "ja"], "translators": ["mini"],
        "encoders": ["mini"], "seeds": SEEDS, "parallel": True,
        "primary": {"arm": "translated", "over": "zero-shot"}, **changes,
    })  # fmt: skip


def place(otc, seed):
    return {
        "arm": "translated", "otc": otc, "ratio": "1:1", "translator": "mini", "encoder": "mini",
        "rows": None, "seed": seed, "source": "en", "langs": ["de", "ja"], "run": f"{otc}{seed}",
    }  # fmt: skip


PLACES = [place(otc, seed) for otc in ("off", "on") for seed in range(SEEDS)]


def predictions(answers):
    """From (lang, item) to what the trainings without and with OTC say; the label is `a`."""
    return pl.DataFrame([
        {"run": f"{otc}{seed}", "text_by": "own", "lang": lang, "id": f"{lang}:{item}",
         "group_id": item, "label": "a", "prediction": said}
        for (lang, item), sides in answers.items()
        for otc, side in zip(("off", "on"), sides, strict=True)
        for seed, said in enumerate(side)
    ])  # fmt: skip


def texts(*rows):
    return pl.DataFrame([
        {"lang": lang, "id": f"{lang}:{item}", "group_id": item, "text": f"{lang} {item}"}
        for lang, item in rows
    ])  # fmt: skip


def test_a_row_is_turned_where_most_trainings_change_their_mind():
    found = flips(
        spec_of(), PLACES,
        predictions({
            ("de", "gained"): ("bba", "aab"), ("de", "lost"): ("aaa", "bcc"),
            ("de", "kept"): ("aab", "aaa"), ("ja", "never"): ("bbb", "bba"),
        }),
        texts(("de", "gained"), ("de", "lost"), ("en", "gained")),
    )  # fmt: skip
    assert (found.rows, found.trainings) == (4, SEEDS)
    assert found.counts == {"gained": 1, "lost": 1}
    (gained,), (lost,) = found.gained, found.lost
    assert (gained.with_.right, gained.with_.says) == (pytest.approx(2 / 3), "a")
    assert (gained.without.right, gained.without.says) == (pytest.approx(1 / 3), "b")
    assert (gained.text, gained.source_text) == ("de gained", "en gained")
    assert lost.with_.says == "c"
    assert lost.source_text is None


def test_no_more_than_a_few_are_shown_and_every_language_gets_its_turn():
    rows = [("de", str(n)) for n in range(20)] + [("ja", "0")]
    answers = dict.fromkeys(rows, ("bbb", "aaa"))
    found = flips(spec_of(), PLACES, predictions(answers), texts(*rows))
    assert found.counts["gained"] == 21
    assert len(found.gained) == MOST
    assert [row.lang for row in found.gained[:3]] == ["de", "ja", "de"]


def test_the_clearest_come_first():
    answers = {("de", "x"): ("bba", "aab"), ("de", "y"): ("bbb", "aaa")}
    found = flips(spec_of(), PLACES, predictions(answers), texts(("de", "x"), ("de", "y")))
    assert [row.text for row in found.gained] == ["de y", "de x"]


def test_sources_are_shown_for_parallel_sets_only():
    answers = predictions({("de", "x"): ("bbb", "aaa")})
    known = texts(("de", "x"), ("en", "x"))
    (row,) = flips(spec_of(parallel=False), PLACES, answers, known).gained
    assert row.text == "de x"
    assert row.source_text is None


def test_without_texts_there_are_numbers_alone():
    found = flips(spec_of(), PLACES, predictions({("de", "x"): ("bbb", "aaa")}), None)
    assert found.counts == {"gained": 1, "lost": 0}
    assert found.gained == []


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"otc": ["off"]}, PLACES),
        ({"arms": ["zero-shot", "original"], "primary": {"arm": "original", "over": "zero-shot"}},
         PLACES),
        ({}, PLACES[:SEEDS]),
    ],
    ids=["no OTC", "no pairs", "runs with OTC failed"],
)  # fmt: skip
def test_where_there_are_no_two_sides_nothing_is_said(changes, places):
    answers = predictions({("de", "x"): ("bbb", "aaa")})
    assert flips(spec_of(**changes), places, answers, None) is None
