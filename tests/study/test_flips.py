"""Which test rows OTC turns, by majority of the trainings."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    assert found.counts == {"gained": 1, "lost": 1, "undecided": 0, "better": 0, "worse": 0}
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
    assert (found.counts["gained"], found.counts["lost"]) == (1, 0)
    assert found.gained == []


TIES = {  # without OTC, with it; the label is `a`
    ("de", "turned"): ("bb", "aa"), ("de", "turned back"): ("aa", "bb"),
    ("de", "half to right"): ("ab", "aa"), ("de", "wrong to half"): ("bb", "ab"),
    ("de", "half to wrong"): ("ab", "bb"), ("de", "half to half"): ("ab", "ba"),
    ("de", "kept"): ("aa", "aa"),
}  # fmt: skip


def test_rows_that_half_of_the_trainings_get_right_are_counted_apart_by_the_way_they_lean():
    found = flips(spec_of(), PLACES, predictions(TIES), None)
    assert (found.rows, found.trainings, found.trainings_without) == (7, 2, 2)
    assert found.counts == {"gained": 1, "lost": 1, "undecided": 4, "better": 2, "worse": 1}


def test_sides_may_have_different_numbers_of_trainings():
    found = flips(
        spec_of(), PLACES,
        predictions({
            ("de", "turned"): ("b", "aab"), ("de", "back"): ("a", "bba"),
            ("de", "kept"): ("a", "aab"),
        }),
        None,
    )  # fmt: skip
    assert (found.trainings, found.trainings_without) == (3, 1)
    assert found.counts == {"gained": 1, "lost": 1, "undecided": 0, "better": 0, "worse": 0}


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, SEEDS).flatmap(
        lambda without: st.integers(1, SEEDS).flatmap(
            lambda seeds: st.lists(
                st.tuples(
                    st.text("ab", min_size=without, max_size=without),
                    st.text("ab", min_size=seeds, max_size=seeds),
                ),
                min_size=1,
                max_size=8,
            )
        )
    )
)
def test_swapping_the_sides_swaps_the_ways_and_every_change_of_share_past_a_half_is_in_one(rows):
    one, other = (
        flips(
            spec_of(), PLACES,
            predictions({("de", str(n)): row[::turn] for n, row in enumerate(rows)}), None,
        ).counts
        for turn in (1, -1)
    )  # fmt: skip
    assert (one["gained"], one["lost"]) == (other["lost"], other["gained"])
    assert (one["better"], one["worse"]) == (other["worse"], other["better"])
    assert one["undecided"] == other["undecided"]
    shares = [[side.count("a") / len(side) for side in row] for row in rows]
    up = sum(without <= 0.5 <= seen and without != seen for without, seen in shares)
    down = sum(seen <= 0.5 <= without and without != seen for without, seen in shares)
    assert one["gained"] + one["better"] >= up
    assert one["lost"] + one["worse"] >= down


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
