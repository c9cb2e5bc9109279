"""JSON lines: every object is read as written, or rejected in its line."""

import json
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.corpus import Corpus
from babelift.corpus.jsonl import as_text, column_series, read_jsonl
from babelift.corpus.table import ROW
from babelift.errors import DataError

Read = Callable[..., Corpus]

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)
VALUE = st.text(max_size=8) | st.none()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.fixed_dictionaries({"text": VALUE, "line\u2028break": VALUE}), min_size=1))
def test_what_a_json_writer_wrote_is_read_back(objects: list[dict[str, str | None]]) -> None:
    data = "\n".join(json.dumps(found, ensure_ascii=False) for found in objects).encode()
    assert read_jsonl(data, "a.jsonl").frame.drop(ROW).to_dicts() == objects


def test_broken_lines_are_rejected_in_their_line_and_blank_ones_skipped(read: Read) -> None:
    content = '{"text":"a","label":1}\n\n{"text":"b"\n[1]\n"x"\n{"text":"c","label":2}\r\n'
    corpus = read("a.jsonl", content, lang="en")
    assert corpus.rows["text"].to_list() == ["a", "c"]
    assert corpus.rejects.select("row", "reason").rows() == [
        (3, "not JSON: expecting ',' delimiter"),
        (4, "not a JSON object"),
        (5, "not a JSON object"),
    ]


def test_deep_nesting_and_endless_numbers_are_rejected(read: Read) -> None:
    deep = "[" * 100_000
    content = f'{{"text":"a","label":1}}\n{{"text":{deep}\n{{"text":{"1" * 5000}}}\n'
    reasons = read("a.jsonl", content, lang="en").rejects["reason"].to_list()
    assert reasons == ["not JSON: nested too deeply", "not JSON: a number is too long"]


def test_lone_surrogates_are_rejected_and_pairs_are_not(read: Read) -> None:
    content = '{"text":"\\ud83d\\ude00","label":1}\n{"text":"\\ud83d","label":1}\n'
    corpus = read("a.jsonl", content, lang="en")
    assert corpus.rows["text"].to_list() == ["😀"]
    assert corpus.rejects.select("row", "field", "reason").rows() == [(2, "text", "lone surrogate")]


def test_a_damaged_line_among_good_ones_is_rejected(read: Read) -> None:
    good = '{"text":"größe","label":1}\n'.encode()
    corpus = read("a.jsonl", good * 200 + b'{"text":"caf\xe9","label":1}\n', lang="de")
    assert corpus.rejects.select("row", "field", "reason").rows() == [(201, "text", "not UTF-8")]


def test_one_array_of_objects_is_read_too(read: Read) -> None:
    corpus = read("a.json", '[{"text":"a","label":1},\n {"text":"b","label":2}, 3]', lang="en")
    assert corpus.rows["text"].to_list() == ["a", "b"]
    assert corpus.rejects.select("row", "reason").rows() == [(3, "not a JSON object")]


def test_keys_that_some_objects_lack_are_null() -> None:
    frame = read_jsonl(b'{"a":1}\n{"b":"x"}\n{"a":3,"b":"y"}', "a.jsonl").frame
    assert frame.rows() == [(1, None, 1), (None, "x", 2), (3, "y", 3)]


def test_columns_keep_the_narrowest_type_that_changes_nothing() -> None:
    assert column_series("x", [1, None]).dtype == pl.Int64
    assert column_series("x", [1, 2.5]).dtype == pl.Float64
    assert column_series("x", [True]).dtype == pl.Boolean
    assert column_series("x", [["a"], []]).dtype == pl.List(pl.String)
    assert column_series("x", [2**70]).to_list() == [str(2**70)]
    assert column_series("x", [2**60 + 1, 0.5]).to_list() == [str(2**60 + 1), "0.5"]
    assert column_series("x", [["a"], [1]]).to_list() == ['["a"]', "[1]"]


def test_numbers_become_text_without_a_decimal_point_where_whole() -> None:
    assert [as_text(value) for value in (5, 5.0, 2.5, float("nan"), True, None)] == [
        "5", "5", "2.5", None, "true", None,
    ]  # fmt: skip


def test_ever_new_keys_stop_with_an_error() -> None:
    lines = "\n".join(json.dumps({f"k{number}": 1}) for number in range(3000))
    with pytest.raises(DataError, match=r"a\.jsonl: has more than 2,000 different keys"):
        read_jsonl(lines.encode(), "a.jsonl")
