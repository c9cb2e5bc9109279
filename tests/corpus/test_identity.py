"""Ids are unique, and groups mean the same item."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.config import Table
from babelift.corpus import Corpus, read_corpus
from babelift.corpus.identity import Counting
from babelift.corpus.reader import read_parts
from babelift.errors import DataError
from babelift.languages import canonical

Read = Callable[..., Corpus]
Write = Callable[..., Path]


def test_rows_without_ids_are_named_after_their_file_and_line(write: Write) -> None:
    path = write("reviews.csv", "text,label\na,1\nb,2\n")
    assert read_corpus([path], Table(lang="en")).rows["id"].to_list() == ["reviews-2", "reviews-3"]
    rows = read_corpus([path], Table(lang="en"), split="test").rows
    assert rows["id"].to_list() == ["test-reviews-2", "test-reviews-3"]
    assert rows["group_id"].to_list() == rows["original_id"].to_list() == rows["id"].to_list()


def test_files_of_one_name_are_told_apart_by_their_folders(write: Write) -> None:
    paths = [write(f"{lang}/train.csv", "text,label\na,1\n") for lang in ("de", "fr")]
    rows = read_corpus(paths, Table(lang="en")).rows
    assert rows["id"].to_list() == ["de-train-2", "fr-train-2"]


def test_the_first_of_two_rows_with_one_id_is_kept(read: Read) -> None:
    corpus = read("a.csv", "id,text,label\nx,first,1\nx,second,2\ny,third,1\n", lang="en")
    assert corpus.rows["text"].to_list() == ["first", "third"]
    assert corpus.rejects.select("row", "field", "reason", "value", "text").rows() == [
        (3, "id", "duplicate id", "x", "second")
    ]


def test_one_id_in_several_languages_is_one_item(read: Read) -> None:
    content = "id,text,label,lang\nx,hello,1,en\nx,hallo,1,de\ny,bye,1,en\n"
    corpus = read("a.csv", content)
    assert corpus.rows.select("id", "group_id", "input_id").rows() == [
        ("x-en", "x", "x"), ("x-de", "x", "x"), ("y-en", "y", "y"),
    ]  # fmt: skip
    assert any("ids occur in several languages" in note for note in corpus.notes)


def test_the_same_rows_in_two_files_are_duplicates(write: Write) -> None:
    first = write("a.csv", "id,text,label\nr1,one,1\nr2,two,1\n")
    second = write("b.csv", "id,text,label\nr2,two,1\nr3,three,1\n")
    corpus = read_corpus([first, second], Table(lang="en"))
    assert corpus.rows["id"].to_list() == ["r1", "r2", "r3"]
    assert corpus.rejects["file"].to_list() == [str(second)]
    assert corpus.files == {str(first): 2, str(second): 1}


def test_files_that_number_different_rows_alike_lose_none(write: Write) -> None:
    first = write("a.csv", "id,text,label\n1,one,1\n2,two,1\n")
    second = write("b.csv", "id,text,label\n1,three,1\n2,four,1\n")
    corpus = read_corpus([first, second], Table(lang="en"))
    assert corpus.rows["id"].to_list() == ["a-1", "a-2", "b-1", "b-2"]
    assert corpus.rows["group_id"].n_unique() == 4
    assert not corpus.rejects.height
    assert any("ids of several files clash" in note for note in corpus.notes)


def test_parallel_files_that_number_rows_alike_share_groups(write: Write) -> None:
    paths = [
        write(f"{lang}.csv", f"id,text,label,lang\n1,{lang} text,1,{lang}\n")
        for lang in ("en", "de")
    ]
    rows = read_corpus(paths, Table()).rows
    assert rows.select("id", "group_id").rows() == [("1-en", "1"), ("1-de", "1")]


def test_running_numbers_of_different_splits_are_different_items(write: Write) -> None:
    train = write("train.csv", "id,text,label\n1,one,1\n2,two,1\n")
    test = write("test.csv", "id,text,label\n1,three,1\n2,four,1\n")
    learnt = read_corpus([train], Table(lang="en")).rows
    tested = read_corpus([test], Table(lang="en"), split="test")
    assert tested.rows["id"].to_list() == ["test-1", "test-2"]
    assert not set(tested.rows["group_id"]) & set(learnt["group_id"])
    assert any("ids only count the rows" in note for note in tested.notes)


def test_ids_that_mean_something_are_the_same_in_every_split(write: Write) -> None:
    path = write("a.csv", "id,text,label\nr81,one,1\nr7,two,1\n")
    assert read_corpus([path], Table(lang="en"), split="test").rows["id"].to_list() == ["r81", "r7"]


def test_a_missing_id_or_group_is_made(read: Read) -> None:
    corpus = read("a.csv", "id,group_id,text,label\nx,g,one,1\n,,two,1\n", lang="en")
    assert corpus.rows.select("id", "group_id").rows() == [("x", "g"), ("a-3", "a-3")]


@pytest.mark.parametrize(
    ("ids", "counted"),
    [
        (["0", "1", "2"], True),
        (["1", "2", "3"], True),
        ([str(n) for n in range(100) if n != 50], True),
        (["2", "3"], False),
        (["1", "3", "2"], False),
        (["1", "1", "2"], False),
        (["1", "9"], False),
        (["a", "b"], False),
        ([None, "1"], False),
        ([], False),
    ],
)
def test_ids_that_only_count_rows_are_told_from_others(ids: list[str], counted: bool) -> None:
    counting = Counting()
    counting.add(pl.Series(ids, dtype=pl.String))
    assert counting.holds is counted


def massive(locale: str, number: int = 3) -> str:
    lines = [
        {"id": str(i), "locale": locale, "partition": "train", "scenario": "alarm",
         "intent": "set", "utt": f"{locale} text {i}"}
        for i in range(number)
    ]  # fmt: skip
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_the_same_id_in_two_regions_is_two_rows_of_one_item(write: Write) -> None:
    paths = [write(f"{tag}.jsonl", massive(tag, 2)) for tag in ("zh-CN", "zh-TW", "de-DE")]
    corpus = read_corpus(paths, Table())
    assert corpus.rows.select("id", "group_id", "lang", "input_lang").rows() == [
        ("0-zh-CN", "0", "zh", "zh-CN"), ("1-zh-CN", "1", "zh", "zh-CN"),
        ("0-zh-TW", "0", "zh", "zh-TW"), ("1-zh-TW", "1", "zh", "zh-TW"),
        ("0-de", "0", "de", "de-DE"), ("1-de", "1", "de", "de-DE"),
    ]  # fmt: skip
    assert not corpus.rejects.height
    assert any("'zh-CN' and 'zh-TW' to 'zh' (Chinese, in Hans script)" in n for n in corpus.notes)
    assert not any("clash" in note for note in corpus.notes)


def test_folders_of_two_scripts_are_two_tables_of_one_language(write: Write) -> None:
    head = "index_id\tcategory\ttext\n"
    paths = [write(f"{tag}/t.tsv", f"{head}7\tx\t{tag}\n") for tag in ("zho_Hans", "zho_Hant")]
    rows = read_corpus(paths, Table()).rows
    assert rows.select("id", "lang").rows() == [("7-zh", "zh"), ("7-zh-Hant", "zh")]


def test_the_users_own_column_for_tags_stays(read: Read) -> None:
    rows = read("a.csv", "id,text,label,lang,input_lang\n1,a,x,pt-BR,own\n").rows
    assert rows.select("lang", "input_lang", "input_input_lang").rows() == [("pt", "own", "pt-BR")]
    plain = read("b.csv", "id,text,label,lang\n1,a,x,deu\n").rows
    assert "input_lang" not in plain.columns


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_id_stays_what_it_was(read: Read, form: str) -> None:
    ids = ["1", "1.0", "1.9", "true", "True", "01", "1e0", "+1", "2.10"]
    lines = (
        ["id,text,label,lang", *(f"{name},text,a,en" for name in ids)]
        if form == "csv"
        else [json.dumps({"id": name, "text": "t", "label": "a", "lang": "en"}) for name in ids]
    )
    corpus = read(f"a.{form}", "\n".join(lines))
    assert corpus.rows["id"].to_list() == ids
    assert not corpus.rejects.height


TAGS = ["zh", "zh-CN", "zh-TW", "zho_Hant", "pt-BR", "pt-PT", "pt", "de", "sr-Latn", "sr", "zh-yue"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(TAGS)), min_size=1, max_size=14),
    st.integers(0, 14),
)
def test_only_the_same_id_in_the_same_region_is_a_duplicate(
    rows: list[tuple[str, str]], cut: int
) -> None:
    keys = [(name, canonical(tag)) for name, tag in rows]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, part in (("a", rows[:cut]), ("b", rows[cut:])):
            if part:
                frame = pl.DataFrame(part, schema=["id", "lang"], orient="row")
                frame = frame.with_columns(text=pl.col("id") + " " + pl.col("lang"))
                paths.append(Path(folder) / f"{name}.csv")
                frame.write_csv(paths[-1])
        corpus = read_corpus(paths, Table(), labelled=False)
        parts = read_parts(paths, Table(), Path(folder) / "parts", labelled=False)
        sliced = pl.concat([parts.form, *parts])
    assert corpus.rows["id"].n_unique() == corpus.rows.height
    assert corpus.rows.height + corpus.rejects.height == len(rows)
    if not any("clash" in note for note in corpus.notes):
        assert corpus.rows.height == len(set(keys))
    assert sliced.equals(corpus.rows)
    assert parts.notes == corpus.notes


def test_no_column_of_the_users_is_lost_or_renamed_for_one_of_ours(read: Read) -> None:
    head = "id,text,label,lang,own,group,input_id,input_lang"
    rows = read("a.csv", f"{head}\n1,a,x,pt-BR,mine,g,i,l\n1,b,x,pt-PT,mine,g,i,l\n").rows
    assert (
        rows.select("own", "group", "input_id", "input_lang").rows()
        == [("mine", "g", "i", "l")] * 2
    )
    assert rows.select("input_input_id", "input_input_lang").rows() == [
        ("1", "pt-BR"), ("1", "pt-PT")
    ]  # fmt: skip
    with pytest.raises(DataError, match="a column cannot be called '__babelift_tag'"):
        read("b.csv", "text,label,lang,__babelift_tag\na,x,de,1\n")


def test_a_named_group_column_is_the_group(read: Read) -> None:
    corpus = read("a.csv", "id,text,label,lang,pair\n1,a,x,en,g\n2,b,x,de,g\n", group="pair")
    assert corpus.rows["group_id"].to_list() == ["g", "g"]
