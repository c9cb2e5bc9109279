"""Columns are found as the user says, or guessed and told; never guessed in silence."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.config import Table
from babelift.corpus import Corpus, read_corpus
from babelift.corpus.columns import language_of_frame
from babelift.errors import ConfigError, DataError, LanguageError

Read = Callable[..., Corpus]
Write = Callable[..., Path]


def test_usual_names_are_guessed_and_said_so(read: Read) -> None:
    corpus = read("a.csv", "Rating,Tweet,Locale,tweet_id,parallel_id\n5,hello,pt-BR,x7,p1\n")
    assert corpus.rows.select("id", "group_id", "text", "label", "lang").rows() == [
        ("x7", "p1", "hello", "5", "pt")
    ]
    assert corpus.notes[0].endswith(
        "a.csv: text is read from 'Tweet', label from 'Rating', language from 'Locale', "
        "the id from 'tweet_id', the group from 'parallel_id' (guessed from the names)"
    )
    assert any(
        note.endswith("other columns are named with --text, --label, --lang, --id, --group")
        for note in corpus.notes
    )


def test_columns_with_the_rows_own_names_need_no_note(read: Read) -> None:
    assert read("a.csv", "id,text,label,lang\nx,hello,1,en\n").notes == ()


def test_named_columns_come_before_guessed_ones(read: Read) -> None:
    corpus = read(
        "a.csv", "text,label,stars,title\nlong,x,5,short\n", text="title", label="stars", lang="en"
    )
    assert corpus.rows.select("text", "label").rows() == [("short", "5")]
    assert corpus.rows["input_text"].to_list() == ["long"]


@pytest.mark.parametrize("role", ["text", "label", "id", "group"])
def test_a_named_column_that_is_not_there_names_the_nearest(read: Read, role: str) -> None:
    with pytest.raises(DataError, match=rf"no column 'strs' for --{role}; did you mean 'stars'"):
        read("a.csv", "body,stars\nx,1\n", lang="en", **{role: "strs"})


def test_a_language_that_is_nowhere_names_the_file_its_columns_and_the_flag(read: Read) -> None:
    with pytest.raises(DataError) as caught:
        read("a.csv", "text,label,langue\nx,1,fr\n")
    assert (
        "a.csv: no column is known to hold the languages; its columns are: text, label, langue"
        in (caught.value.message)
    )
    assert "--lang en" in str(caught.value.hint)
    assert "perhaps --lang langue" in str(caught.value.hint)


def test_text_and_labels_that_are_nowhere_are_errors(read: Read) -> None:
    with pytest.raises(DataError, match="known to hold the text"):
        read("a.csv", "foo,label\nx,1\n", lang="en")
    with pytest.raises(DataError, match="known to hold the labels"):
        read("a.csv", "text,foo\nx,1\n", lang="en")


def test_lang_may_name_one_language_for_the_whole_table(read: Read) -> None:
    assert read("a.csv", "text,label\nx,1\n", lang="deu_Latn").rows["lang"].to_list() == ["de"]


def test_a_tag_wins_over_a_column_of_that_name(read: Read) -> None:
    corpus = read("a.csv", "en,de,label\nhello,hallo,1\n", text="en", lang="en")
    assert corpus.rows.select("text", "lang").rows() == [("hello", "en")]
    assert read("a.csv", "id,text,label\n7,halo,1\n", lang="id").rows["lang"].to_list() == ["id"]


def test_what_each_row_says_of_its_language_wins_over_one_tag_and_is_noted(read: Read) -> None:
    corpus = read("a.csv", "text,label,language\nx,1,de\n", lang="en")
    assert corpus.rows["lang"].to_list() == ["de"]
    assert "language is read from 'language', not from --lang en" in corpus.notes[0]
    programming = read("b.csv", "text,label,language\nx,1,Python\n", lang="en")
    assert programming.rows["lang"].to_list() == ["en"]
    assert programming.notes == ()


def test_a_lang_that_is_neither_column_nor_tag_names_the_nearest(read: Read) -> None:
    with pytest.raises(LanguageError, match=r"neither a column of .* did you mean 'sprache'"):
        read("a.csv", "text,label,sprache\nx,1,de\n", lang="sprach")
    with pytest.raises(LanguageError, match="did you mean 'ja'"):
        read("a.csv", "text,label\nx,1\n", lang="jp")


def test_a_language_that_is_not_needed_may_be_missing_or_unknown(write: Write) -> None:
    path = write("a.csv", "text\nx\n")
    corpus = read_corpus([path], Table(), labelled=False, lang_required=False)
    assert corpus.rows["lang"].to_list() == [None]
    path = write("b.csv", "text,lang\nx,jp\ny,en\n")
    corpus = read_corpus([path], Table(), labelled=False, lang_required=False)
    assert corpus.rows["lang"].to_list() == [None, "en"]
    assert not corpus.rejects.height


def test_labels_that_are_not_needed_are_kept_where_they_are(write: Write) -> None:
    path = write("a.csv", "text,label\nx,1\ny,\n")
    rows = read_corpus([path], Table(lang="en"), labelled=False).rows
    assert rows["label"].to_list() == ["1", None]


@pytest.mark.parametrize(
    ("first", "second"),
    [("text_a", "text_b"), ("premise", "hypothesis"), ("sentence1", "sentence2")],
)
def test_pairs_of_texts_are_joined_by_a_line_break(read: Read, first: str, second: str) -> None:
    corpus = read("a.csv", f"{first},{second},label\none,two,1\n,three,0\nfour,,0\n", lang="en")
    assert corpus.rows["text"].to_list() == ["one\ntwo"]
    assert corpus.rows[first].to_list() == ["one"]
    found = corpus.rejects.select("row", "field", "reason").rows()
    assert found == [(3, first, "empty text"), (4, second, "empty text")]


def test_own_columns_that_clash_with_those_of_rows_are_kept_under_another_name(read: Read) -> None:
    corpus = read(
        "a.csv", "text,label,score,origin,split,domain\nx,1,high,France,A,food\n", lang="en"
    )
    row = corpus.rows.to_dicts()[0]
    assert (row["score"], row["origin"], row["split"]) == (None, "original", None)
    assert (row["input_score"], row["input_origin"], row["input_split"]) == ("high", "France", "A")
    assert row["domain"] == "food"


def test_own_columns_of_different_types_are_joined_as_text(write: Write) -> None:
    first = write("a.jsonl", '{"text":"x","label":1,"extra":[1]}\n')
    second = write("b.jsonl", '{"text":"y","label":1,"extra":"z"}\n')
    rows = read_corpus([first, second], Table(lang="en")).rows
    assert rows["extra"].to_list() == ["[1]", "z"]


def test_a_split_column_is_honoured_unless_the_split_is_given(read: Read) -> None:
    content = "text,label,partition\na,1,train\nb,1,dev\nc,1,TEST\n"
    corpus = read("a.csv", content, lang="en")
    assert corpus.rows["split"].to_list() == ["train", "validation", "test"]
    assert "splits are taken from column 'partition'" in corpus.notes[-1]
    given = read("a.csv", content, lang="en", split="test")
    assert given.rows["split"].to_list() == ["test"] * 3
    assert "all rows count as test" in given.notes[-1]


def test_rows_of_no_known_split_are_rejected_where_others_have_one(read: Read) -> None:
    corpus = read("a.csv", "text,label,split\na,1,train\nb,1,extra\nc,1,\n", lang="en")
    assert corpus.rejects.select("row", "reason", "value").rows() == [
        (3, "unknown split", "extra"), (4, "unknown split", ""),
    ]  # fmt: skip


def test_a_split_must_be_one_of_three(write: Write) -> None:
    with pytest.raises(ConfigError, match="split 'dev' is not one of train, validation, test"):
        read_corpus([write("a.csv", "text,label\nx,1\n")], Table(lang="en"), split="dev")


def test_english_names_of_languages_in_a_column_are_read_and_told(read: Read) -> None:
    corpus = read("a.csv", "text,label,Language\na,1,English\nb,2,en-US\nc,1,german\nd,2,DE\n")
    assert corpus.rows["lang"].to_list() == ["en", "en", "de", "de"]
    assert corpus.notes[1].endswith("language 'English' is read as 'en'")
    assert corpus.notes[2].endswith("language 'german' is read as 'de'")


@pytest.mark.parametrize("name", ["my_lang", "no-lang", "it-does-not", "de_then_en", "id", "es"])
def test_a_column_of_the_given_name_wins_over_a_tag(read: Read, name: str) -> None:
    corpus = read("a.csv", f"text,label,{name}\na,1,en\nb,1,de\nc,1,de\n", lang=name)
    assert corpus.rows["lang"].to_list() == ["en", "de", "de"]
    said = [note for note in corpus.notes if f"read from the column '{name}' (--lang" in note]
    assert len(said) == (name in ("id", "es"))


@pytest.mark.parametrize("lang_required", [True, False])
@pytest.mark.parametrize("name", ["my_lang", "no-lang", "it-does-not", "de_then_en", "english"])
def test_a_lang_that_is_no_tag_and_no_column_is_refused(
    write: Write, name: str, lang_required: bool
) -> None:
    path = write("my_data/a.csv", "text,label,lang\nx,1,en\n")
    with pytest.raises(LanguageError, match=f"'{name}' is neither a column of .* did you mean"):
        read_corpus([path], Table(lang=name), lang_required=lang_required)


def test_a_gap_in_the_languages_is_rejected_also_where_one_is_given(read: Read) -> None:
    corpus = read("a.csv", "text,label,lang\na,1,en\nb,1,\nc,1,de\nd,1, \n", lang="en")
    assert corpus.rows["lang"].to_list() == ["en", "de"]
    assert corpus.rejects.select("row", "field", "reason").rows() == [
        (3, "lang", "missing language"), (5, "lang", "missing language"),
    ]  # fmt: skip
    assert "not from --lang en (rename or remove that column" in corpus.notes[0]


def test_names_of_languages_are_read_also_where_one_is_given(read: Read) -> None:
    corpus = read("a.csv", "text,label,lang\na,1,English\nb,1,GERMAN\nc,1,dutch\n", lang="en")
    assert corpus.rows["lang"].to_list() == ["en", "de", "nl"]


def test_a_column_of_slips_is_a_column_of_languages(read: Read) -> None:
    corpus = read("a.csv", "text,label,lang\na,1,jp\n", lang="en")
    assert not corpus.rows.height
    assert corpus.rejects["reason"].to_list() == ["language 'jp' is not known; did you mean 'ja'?"]


def test_an_empty_column_of_languages_leaves_the_one_that_is_given(read: Read) -> None:
    assert (
        read("a.csv", "text,label,lang\na,1,\nb,1,\n", lang="de").rows["lang"].to_list()
        == ["de"] * 2
    )


def test_a_table_that_babelift_wrote_follows_the_same_rule(write: Write, tmp_path: Path) -> None:
    rows = read_corpus([write("a.csv", "text,label,lang\na,1,en\nb,1,de\n")], Table()).rows
    rows.with_columns(spoken=pl.lit("fr")).write_parquet(tmp_path / "own.parquet")
    own = tmp_path / "own.parquet"
    assert read_corpus([own], Table(lang="spoken")).rows["lang"].to_list() == ["fr", "fr"]
    corpus = read_corpus([own], Table(lang="ja"))
    assert corpus.rows["lang"].to_list() == ["en", "de"]
    assert "not from --lang ja" in corpus.notes[0]
    with pytest.raises(LanguageError, match="neither a column"):
        read_corpus([own], Table(lang="no-lang"))


VALUES = {
    "en": "en", "English": "en", "GERMAN": "de", "de_AT": "de", "zh-TW": "zh", "zh_Hans": "zh",
    "in": "id", "iw": "he", "cmn": "zh", "yue": "yue", "sr-Latn": "sr",
    "": None, " ": None, "jp": None, "no-lang": None, "my_data": None, "x": None, "de-then": None,
}  # fmt: skip
"""What may stand in a column of languages, and what it is read as; None for a reject."""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=12),
    st.sampled_from(["lang", "Language", "my_lang"]),
    st.sampled_from([None, "fr"]),
)
def test_every_row_is_in_the_language_it_names_or_a_reject(
    values: list[str], column: str, lang: str | None
) -> None:
    if column == "my_lang":
        lang = column
    frame = pl.DataFrame({"text": [f"Text {n}" for n in range(len(values))], column: values})
    expected = [VALUES[value] for value in values]
    named = [tag for value, tag in VALUES.items() if value in values and (tag or value == "jp")]
    if lang == "fr" and not named:
        expected = ["fr"] * len(values)  # the column names no language
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        frame.write_csv(path)
        corpus = read_corpus([path], Table(lang=lang), labelled=False)
    assert corpus.rows["lang"].to_list() == [tag for tag in expected if tag]
    assert corpus.rows.height + corpus.rejects.height == len(values)


def test_a_frame_follows_the_rule_of_tables() -> None:
    frame = pl.DataFrame({"text": ["a", "b"], "lang": ["de", None], "my_lang": ["en", "ja"]})
    assert language_of_frame(frame, "my_lang", "rows")[0]["lang"].to_list() == ["en", "ja"]
    read, notes = language_of_frame(frame, "en", "rows")
    assert read["lang"].to_list() == ["de", None]
    assert "not from --lang en" in notes[0]
    assert language_of_frame(frame.drop("lang"), "en", "rows")[0]["lang"].to_list() == ["en"] * 2
