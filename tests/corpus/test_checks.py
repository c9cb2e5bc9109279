"""Every faulty row is rejected with its place and reason; every good one is kept as written."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.config import Table
from babelift.corpus import Corpus
from babelift.corpus.checks import MAX_TEXT, check_rows, text_fault
from babelift.corpus.columns import choose_columns
from babelift.corpus.jsonl import read_jsonl
from babelift.errors import DataError

Read = Callable[..., Corpus]


def lines(*objects: dict[str, object]) -> str:
    return "\n".join(json.dumps(found) for found in objects)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"text": None, "label": 1, "lang": "en"}, "text", "missing text"),
        ({"text": "", "label": 1, "lang": "en"}, "text", "empty text"),
        ({"text": " \t\u3000\n", "label": 1, "lang": "en"}, "text", "empty text"),
        ({"text": "\u200b\u200f", "label": 1, "lang": "en"}, "text", "empty text"),
        ({"text": "a\0b", "label": 1, "lang": "en"}, "text", "NUL character"),
        ({"text": "a\x08b", "label": 1, "lang": "en"}, "text", "control character"),
        ({"text": "a\x7fb", "label": 1, "lang": "en"}, "text", "control character"),
        (
            {"text": "x" * 100_001, "label": 1, "lang": "en"},
            "text",
            "text longer than 100,000 characters",
        ),
        ({"text": "a", "label": None, "lang": "en"}, "label", "missing label"),
        ({"text": "a", "label": " ", "lang": "en"}, "label", "missing label"),
        ({"text": "a", "label": "x\ny", "lang": "en"}, "label", "control character"),
        ({"text": "a", "label": 1, "lang": None}, "lang", "missing language"),
        ({"text": "a", "label": 1, "lang": ""}, "lang", "missing language"),
        (
            {"text": "a", "label": 1, "lang": "jp"},
            "lang",
            "language 'jp' is not known; did you mean 'ja'?",
        ),
        ({"text": "a", "label": 1, "lang": "qqq"}, "lang", "language 'qqq' is not known"),
    ],
)
def test_a_faulty_row_is_rejected_with_its_field_and_reason(
    read: Read, row: dict[str, object], field: str, reason: str
) -> None:
    good = {"text": "fine", "label": 1, "lang": "en"}
    corpus = read("a.jsonl", lines(good, row, good))
    assert corpus.rows["id"].to_list() == ["a-1", "a-3"]
    assert corpus.rejects.select("row", "field", "reason").rows() == [(2, field, reason)]


def test_the_field_is_called_as_in_the_file_and_the_value_is_kept(read: Read) -> None:
    corpus = read("a.csv", "review_body,stars,language\nok,5,en\nbad,4,jp\n")
    found = corpus.rejects.to_dicts()[0]
    assert (found["row"], found["field"], found["value"]) == (3, "language", "jp")
    assert found["text"] == "bad"


def test_rejects_stand_in_the_order_of_the_file(read: Read) -> None:
    corpus = read("a.csv", "text,label\nx,\nshort\n,1\nfine,1\n", lang="en")
    assert corpus.rejects["row"].to_list() == [2, 3, 4]


def test_a_text_of_exactly_the_longest_length_is_kept(read: Read) -> None:
    corpus = read("a.jsonl", lines({"text": "語" * MAX_TEXT, "label": 1}), lang="ja")
    assert corpus.rows["text"].str.len_chars().to_list() == [100_000]


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).map(
        lambda text: f"\u202e{text}👩‍👩‍👧x\x85\u200f "
    )
)
def test_right_to_left_marks_emoji_and_spaces_stay_untouched(text: str) -> None:
    raw = read_jsonl(json.dumps({"text": text, "label": 1}).encode(), "a.jsonl")
    columns = choose_columns(raw, Table(lang="en"), labelled=True, lang_required=True)
    checked = check_rows(raw, columns, split=None, labelled=True, lang_required=True)
    assert checked.rows["text"].to_list() == [text]


def test_whole_numbers_are_labels_without_a_decimal_point(read: Read) -> None:
    values = [5, 5.0, "5.0", " 5 ", True, "2.5", 2.5]
    objects = [{"text": "a", "label": value} for value in values]
    corpus = read("a.jsonl", lines(*objects), lang="en")
    assert corpus.rows["label"].to_list() == ["5", "5", "5", "5", "True", "2.5", "2.5"]
    gaps = read(
        "b.jsonl", lines({"text": "a", "label": 4.0}, {"text": "b", "label": None}), lang="en"
    )
    assert gaps.rows["label"].to_list() == ["4"]


def test_m_absas_label_none_is_a_label(read: Read) -> None:
    assert read("a.csv", "text,label\nx,none\n", lang="en").rows["label"].to_list() == ["none"]


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("\0\x08\x7f\x85\u200b\ufeff \na\u3000"), st.characters())
    )
    | st.integers(MAX_TEXT - 1, MAX_TEXT + 1).map(lambda length: "x" * length)
)
def test_a_text_passes_alone_exactly_where_it_passes_in_a_table(text: str) -> None:
    raw = read_jsonl(json.dumps({"text": text, "label": 1, "lang": "en"}).encode(), "a.jsonl")
    if raw.rejects:
        reasons = [reject.reason for reject in raw.rejects]
    else:
        columns = choose_columns(raw, Table(), labelled=True, lang_required=True)
        checked = check_rows(raw, columns, split=None, labelled=True, lang_required=True)
        reasons = checked.rejects["reason"].to_list()
    alone = text_fault(text)
    assert reasons == ([] if alone is None else [alone])


HEADERS = ["text,label,lang", '"text","label","lang"', " text , label,lang ", "Text,LABEL,Lang",
           "\ufefftext,label,lang", "'text','label','lang'"]  # fmt: skip


@pytest.mark.parametrize("again", HEADERS)
@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz"])
def test_a_header_that_was_joined_on_is_rejected_and_makes_no_class(
    read: Read, again: str, ending: str
) -> None:
    lines = ["text,label,lang", "fine,good,en", again, "poor,bad,en", again, "so so,good,en"]
    content = "\n".join(lines).replace(",", "\t" if ending == "tsv" else ",")
    corpus = read(f"a.{ending}", content)
    assert corpus.rows["label"].to_list() == ["good", "bad", "good"]
    assert corpus.rejects.select("row", "reason").rows() == [
        (3, "the header again"), (5, "the header again"),
    ]  # fmt: skip


def test_a_header_with_columns_that_have_no_name_is_known_again(read: Read) -> None:
    corpus = read("a.csv", ",text,label\n0,fine,good\n,text,label\n1,poor,bad\n", lang="en")
    assert corpus.rows["label"].to_list() == ["good", "bad"]
    assert corpus.rejects["reason"].to_list() == ["the header again"]


def test_a_row_that_holds_some_names_of_columns_is_a_row(read: Read) -> None:
    corpus = read("a.csv", "text,label,lang\ntext,label,en\nlabel,text,en\n")
    assert corpus.rows["label"].to_list() == ["label", "text"]


def test_a_header_in_another_order_stops_with_its_line(read: Read) -> None:
    with pytest.raises(DataError, match="row 3 names the columns again, in another order: label"):
        read("a.csv", "text,label\nfine,good\nlabel,text\nbad,poor\n", lang="en")
