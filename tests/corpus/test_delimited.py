"""csv and tsv: every row is read as written, or rejected in its line."""

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from babelift.corpus import Corpus
from babelift.corpus.delimited import read_clean, read_delimited, read_exact
from babelift.corpus.table import ROW
from babelift.errors import DataError

Read = Callable[..., Corpus]

CELL = st.text(alphabet='a,;"\n\r\t é\u2028\u202e😀', max_size=6)


def exact(text: str) -> list[dict[str, object]]:
    raw = read_exact(list(io.StringIO(text, newline="")), "a.csv", ",")
    assert not raw.rejects
    return raw.frame.to_dicts()


def test_quoted_commas_quotes_and_line_breaks_are_read_as_written(read: Read) -> None:
    corpus = read("a.csv", 'text,label\n"one, ""two""\nthree",5\nfour,4\n', lang="en")
    assert corpus.rows["text"].to_list() == ['one, "two"\nthree', "four"]
    assert corpus.rows["id"].to_list() == ["a-2", "a-4"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_is_read_back(cells: list[tuple[str, str]], end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=end).writerows([("x", "y"), *cells])
    raw = read_delimited(out.getvalue().encode(), "a.csv", tab=False)
    assert raw.frame.drop(ROW).rows() == cells
    assert not raw.rejects


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab,"\n', max_size=40), st.sampled_from(["\n", "\r\n"]))
@example('"a""b",c\n', "\n")
@example('a,b\n"', "\n")
@example('"a"b,c\n', "\n")
@example('a,b""\n', "\n")
def test_the_vectorised_reader_agrees_with_the_exact_one(body: str, end: str) -> None:
    text = "x,y\n" + body
    text = text.replace("\n", end)
    fast = read_clean(text.encode(), "a.csv", ",")
    if fast is not None:
        assert fast.to_dicts() == exact(text)


def test_a_quoted_header_is_read_the_vectorised_way_too() -> None:
    fast = read_clean(b'"x, 1","y"\n"a",2\n', "a.csv", ",")
    assert fast is not None
    assert fast.drop(ROW).to_dicts() == [{"x, 1": "a", "y": "2"}]


def test_clean_files_take_the_vectorised_way() -> None:
    data = b'x,y\n"a ""b"", c",1\n\n"two\nlines",2\n'
    fast = read_clean(data, "a.csv", ",")
    assert fast is not None
    assert fast.rows() == [('a "b", c', "1", 2), ("two\nlines", "2", 4)]


def test_rows_with_too_few_or_too_many_fields_are_rejected_in_their_lines(read: Read) -> None:
    corpus = read("a.csv", 'text,label\ngood,1\nshort\n"a\nb",2\nx,3,extra\nlast,1\n', lang="en")
    assert corpus.rows["text"].to_list() == ["good", "a\nb", "last"]
    found = corpus.rejects.select("row", "field", "reason").rows()
    assert found == [
        (3, None, "wrong number of fields: 1 instead of 2"),
        (6, None, "wrong number of fields: 3 instead of 2"),
    ]


def test_a_quote_that_is_never_closed_costs_one_row_and_not_the_rest(read: Read) -> None:
    rows = "".join(f"text {number},1\n" for number in range(100))
    corpus = read("a.csv", 'text,label\n"he said,1\n' + rows, lang="en")
    assert corpus.rows.height == 100
    assert corpus.rejects.select("row", "reason", "text").rows() == [
        (2, "broken quoting", '"he said,1\n')
    ]


def test_a_quote_closed_far_below_does_not_swallow_the_rows_between(read: Read) -> None:
    rows = "".join(f"text {number},1\n" for number in range(50))
    corpus = read("a.csv", f'text,label\n"he said,1\n{rows}"ok" then,2\nlast,1\n', lang="en")
    assert corpus.rows.height == 51
    assert corpus.rejects["row"].to_list() == [2, 53]


def test_quoting_that_is_broken_everywhere_stops_with_its_line() -> None:
    with pytest.raises(DataError, match=r"a\.csv: quotation marks are broken from line \d+ on"):
        read_delimited(b"x,y\n" + b'x","y\n' * 3000, "a.csv", tab=False)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_separators_are_noticed_and_noted(read: Read, delimiter: str) -> None:
    corpus = read("a.csv", f"text{delimiter}label\ngood, very{delimiter}5\n", lang="en")
    assert corpus.rows["text"].to_list() == ["good, very"]
    assert any("columns are separated by" in note for note in corpus.notes)


def test_old_mac_line_ends_are_read(read: Read) -> None:
    assert read("a.csv", "text,label\rone,1\rtwo,2\r", lang="en").rows.height == 2


def test_an_unquoted_tsv_keeps_its_quotation_marks(read: Read) -> None:
    content = 'text\tlabel\n"Foo" is a song\t1\nan inch (1")\t0\n" opened only\t1\n'
    corpus = read("a.tsv", content, lang="en")
    assert corpus.rows["text"].to_list() == ['"Foo" is a song', 'an inch (1")', '" opened only']
    assert not corpus.rejects.height
    assert any("part of the text" in note for note in corpus.notes)


def test_a_quoted_tsv_is_unquoted(read: Read) -> None:
    corpus = read(
        "a.tsv", 'text\tlabel\n"he said ""hi""\tand\nwent, ""so"""\t1\nplain\t0\n', lang="en"
    )
    assert corpus.rows["text"].to_list() == ['he said "hi"\tand\nwent, "so"', "plain"]


def test_columns_must_be_named_once(read: Read) -> None:
    with pytest.raises(DataError, match=r"a\.csv: column 'text' occurs 2 times"):
        read("a.csv", "text,text,label\na,b,1\n", lang="en")


def test_a_column_without_a_name_gets_its_number(read: Read) -> None:
    corpus = read("a.csv", ",text,label\n0,good,1\n", lang="en")
    assert corpus.rows["column_1"].to_list() == ["0"]


def test_fields_longer_than_the_csv_modules_limit_are_read(read: Read) -> None:
    long = "é" * 99_999
    corpus = read("a.csv", f'text,label\n"{long}",1\nshort\n', lang="en")
    assert corpus.rows["text"].to_list() == [long]
    assert csv.field_size_limit() == 131072


def test_commas_in_the_names_of_a_table_of_semicolons_do_not_make_it_one_of_commas() -> None:
    table = 'id;review, short;stars\r\n1;"good, very good";5\r\n2;"bad; really, bad";1\r\n'
    raw = read_delimited(table.encode(), "reviews.csv", tab=False)
    assert raw.columns == ["id", "review, short", "stars"]
    assert raw.frame["review, short"].to_list() == ["good, very good", "bad; really, bad"]


def test_semicolons_in_the_texts_and_names_of_a_table_of_commas_are_text() -> None:
    table = "text,stars;1-5\ngood; fine,5\nbad; sad; mad,1\n"
    raw = read_delimited(table.encode(), "reviews.csv", tab=False)
    assert raw.columns == ["text", "stars;1-5"]
    assert raw.frame["text"].to_list() == ["good; fine", "bad; sad; mad"]


BROKEN = [
    '"she said "oh\nwell,no\nway",maybe',
    'she said "oh\nwell,no\nway",maybe',
    '"oh\nwell,no\nway" he said,maybe',
    '"she said "oh,\nwell,no\nway" then",maybe',
    '"he said "hi", there\nwell,no\nway", she said,maybe',
    '"he said "no, \nwell,no\nnever" again,yes"',
    '"she said "oh\nwell,no\nso what\nand,then, nothing\nway",maybe',
    '"she said "oh\nwell","no"\nway","maybe"',
    'she said oh\nwell,no\nway",maybe',
    '"she said oh\nwell,no',
]
"""Records whose quotes are broken, with lines within that look like rows."""


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("place", [0, 120, 240])
def test_a_record_with_broken_quotes_leaves_no_rows_behind(
    read: Read, broken: str, place: int
) -> None:
    rows = [f"text {number},{'yes' if number % 2 else 'maybe'}" for number in range(240)]
    content = "\n".join(["text,label", *rows[:place], broken, *rows[place:]])
    corpus = read("a.csv", content, lang="en")
    assert corpus.rows["text"].to_list() == [row.split(",")[0] for row in rows]
    assert set(corpus.rows["label"]) == {"yes", "maybe"}
    assert corpus.rejects.select("row", "reason").rows() == [(place + 2, "broken quoting")]
    assert corpus.rejects["text"][0].rstrip() == broken


WORD = st.text("abc", min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(WORD, st.sampled_from(["yes", "no"])), min_size=1, max_size=12),
    st.lists(st.lists(WORD, min_size=1, max_size=3), min_size=0, max_size=4),
    st.sampled_from(['"{} "{}', '{} "{}', '"{} "{}"']),
    st.sampled_from(['{}"', '{}" {}', '{}" {}"']),
    st.integers(0, 12),
)
def test_no_class_comes_from_within_a_broken_record(
    rows: list[tuple[str, str]], within: list[list[str]], opens: str, closes: str, place: int
) -> None:
    first, last = opens.format("so", "then"), closes.format("way", "too")
    broken = "\n".join([first.removesuffix('"'), *(",".join(line) for line in within), last])
    lines = [f"{text},{label}" for text, label in rows]
    content = "\n".join(["text,label", *lines[:place], f"{broken},maybe", *lines[place:], ""])
    raw = read_delimited(content.encode(), "a.csv", tab=False)
    assert raw.frame.drop(ROW).rows() == rows
    assert len(raw.rejects) == 1


STRAY = 'text\tlabel\n"one\tpos\ntwo\tneg\nthree"\tpos\nfour\tneg\n'


def test_two_stray_quotes_in_a_tsv_swallow_no_rows(read: Read) -> None:
    corpus = read("a.tsv", STRAY, lang="en")
    assert corpus.rows["text"].to_list() == ['"one', "two", 'three"', "four"]
    assert not corpus.rejects.height
    assert any("part of the text" in note for note in corpus.notes)


def test_quotes_around_fields_go_where_others_are_stray(read: Read) -> None:
    quoted = '"he said ""hi"""\tpos\n"in two\nlines"\tpos\n"a\ttab"\tpos\n'
    corpus = read("a.tsv", STRAY + quoted, lang="en")
    assert corpus.rows["text"].to_list() == [
        '"one', "two", 'three"', "four", 'he said "hi"', "in two\nlines", "a\ttab",
    ]  # fmt: skip


@pytest.mark.parametrize("inches", ['a 5" screen', '"a 5"" screen"', '"a 5" screen"'])
def test_one_inch_mark_leaves_the_quotes_of_other_texts_as_they_should_read(
    read: Read, inches: str
) -> None:
    others = 'text\tlabel\n"good, ""really"""\tpos\nplain\tneg\n"in two\nlines"\tneg\n'
    corpus = read("a.tsv", f"{others}{inches}\tneg\n", lang="en")
    assert corpus.rows["text"].to_list() == [
        'good, "really"', "plain", "in two\nlines", 'a 5" screen',
    ]  # fmt: skip
    assert not corpus.rejects.height


def test_a_csv_field_that_holds_whole_rows_is_told(read: Read) -> None:
    stray = '"one,pos\ntwo,neg\nthree",pos\n'
    corpus = read("a.csv", f"text,label\nfour,neg\n{stray}{stray}", lang="en")
    assert any(
        "a field in line 3 holds lines that look like whole rows, and so do 1 more" in note
        for note in corpus.notes
    )
    meant = read("b.csv", 'text,label\n"Dear all,\nit broke, again.\nMe",neg\n', lang="en")
    assert meant.notes == ()


def test_a_quote_that_opens_one_field_and_one_that_closes_another_cost_two_rows(read: Read) -> None:
    rows = "".join(f"text {number},pos\n" for number in range(200))
    corpus = read("a.csv", f'text,label\n"one,pos\n{rows}three,pos"\nfour,neg\n', lang="en")
    assert corpus.rows.height == 201
    assert set(corpus.rows["label"]) == {"pos", "neg"}
    assert corpus.rejects["row"].to_list() == [2, 203]


@pytest.mark.parametrize("tab", [True, False])
def test_lines_of_a_table_with_one_column_are_no_rows(tab: bool) -> None:
    raw = read_delimited(b'text\n"one\ntwo\nthree"\nfour\n', "a", tab=tab)
    assert raw.frame["text"].to_list() == ["one\ntwo\nthree", "four"]
    assert (raw.notes, raw.doubtful) == ((), ())


def test_quotes_that_are_broken_on_every_line_take_no_time() -> None:
    lines = ['"a "b c,1\n'] * 20_000
    raw = read_exact(["text,label\n", *lines, '"' * 100_001 + "\n"], "a.csv", ",")
    assert len(raw.rejects) == 20_001
