"""A label without translations in a language is named, however the rows come in."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from babelift.translation.coverage import FEW, LabelCounts, LabelGap, gap_sentences

ROWS = st.lists(st.tuples(st.sampled_from(["en", "de", "fr"]), st.sampled_from("ab")), max_size=30)


def frame(rows: list[tuple[str, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"lang": pl.String, "label": pl.String}, orient="row")


@given(ROWS, ROWS, st.integers(0, 30))
def test_the_gaps_are_those_labels_of_which_few_are_left(originals, left, cut):
    counts = LabelCounts(["de", "fr"])
    for part in (originals[:cut], originals[cut:]):
        counts.add_originals(frame(part))
    for part in (left[:cut], left[cut:]):
        counts.add_translations(frame(part))
    expected = {
        (target, label): (kept, rows)
        for target in ("de", "fr")
        for label in "ab"
        if (rows := sum(name == label and lang != target for lang, name in originals))
        and (kept := left.count((target, label))) < FEW * rows
    }
    gaps = {(gap.lang, gap.label): (gap.kept, gap.rows) for gap in counts.gaps()}
    assert gaps == expected


def test_rows_without_a_label_are_no_class():
    counts = LabelCounts(["de"])
    counts.add_originals(frame([("en", None)] * 5))
    assert counts.gaps() == ()


def test_none_and_few_are_said_by_language():
    gaps = [
        LabelGap(lang="de", label="neg", kept=0, rows=40),
        LabelGap(lang="de", label="neutral", kept=3, rows=40),
        *(LabelGap(lang="ja", label=str(n), kept=0, rows=2) for n in range(7)),
    ]
    assert gap_sentences(gaps) == [
        "German has no translation labelled neg: none of 40 is left.",
        "German has few translations labelled neutral (3 of 40) left.",
        "Japanese has no translation labelled 0, 1, 2, 3, 4 and 2 labels more: none of 14 is left.",
    ]
