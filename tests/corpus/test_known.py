"""Published data sets are read in their published file forms."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from babelift.config import Table
from babelift.corpus import Corpus, read_corpus
from babelift.corpus.datasets import KNOWN
from babelift.errors import ConfigError, DataError

Read = Callable[..., Corpus]
Write = Callable[..., Path]

MARC = {
    "review_id": "de_0784695",
    "product_id": "product_de_0572654",
    "reviewer_id": "reviewer_de_0645436",
    "stars": "1",
    "review_body": "Leider, leider nach einmal waschen ausgeblichen.",
    "review_title": "Leider nicht zu empfehlen",
    "language": "de",
    "product_category": "home",
}

MASSIVE = {
    "id": "1",
    "locale": "de-DE",
    "partition": "dev",
    "scenario": "alarm",
    "intent": "alarm_set",
    "utt": "weck mich um neun",
    "annot_utt": "weck mich um [time : neun]",
    "worker_id": "8",
}


def test_marc_classifies_the_body_by_stars(read: Read) -> None:
    corpus = read("dataset_de_train.json", json.dumps(MARC, ensure_ascii=False))
    row = corpus.rows.to_dicts()[0]
    assert row["text"] == MARC["review_body"]
    assert (row["id"], row["label"], row["lang"]) == ("de_0784695", "1", "de")
    assert row["review_title"] == "Leider nicht zu empfehlen"
    assert "recognised as the Multilingual Amazon Reviews Corpus" in corpus.notes[0]


def test_sib200_takes_the_language_from_its_folder_and_groups_by_index(write: Write) -> None:
    head = "index_id\tcategory\ttext\n"
    german = write(
        "deu_Latn/test.tsv", head + '373\tgeography\tDie Türkei ist "von Meeren" umgeben.\n'
    )
    japanese = write(
        "jpn_Jpan/test.tsv", head + "373\tgeography\tトルコは三方を海に囲まれています。\n"
    )
    corpus = read_corpus([german, japanese], Table(), split="test")
    assert corpus.rows.select("id", "group_id", "label", "lang").rows() == [
        ("373-de", "373", "geography", "de"),
        ("373-ja", "373", "geography", "ja"),
    ]
    assert any("language is 'de', after the folder 'deu_Latn'" in note for note in corpus.notes)
    assert any("the language is put behind" in note for note in corpus.notes)


def test_umsab_joins_texts_and_labels_line_by_line(write: Write) -> None:
    path = write("german/train_text.txt", "@user schön 😀\nna ja\r\n\u2028schlecht\n")
    write("german/train_labels.txt", "2\n1\n0\n")
    corpus = read_corpus([path], Table(dataset="umsab"))
    assert corpus.rows.select("text", "label", "lang").rows() == [
        ("@user schön 😀", "positive", "de"),
        ("na ja", "neutral", "de"),
        ("\u2028schlecht", "negative", "de"),
    ]


def pair(
    write: Write, labels: str, mapping: str | bytes | None = None, folder: str = "german"
) -> Path:
    """A file of texts with labels, one a line, and perhaps a mapping."""
    lines = "".join(f"text {number}\n" for number, _ in enumerate(labels.split()))
    path = write(f"{folder}/train_text.txt", lines)
    write(f"{folder}/train_labels.txt", labels)
    if mapping is not None:
        write(f"{folder}/mapping.txt", mapping)
    return path


@pytest.mark.parametrize("columns", [{}, {"text": "text", "label": "label"}])
def test_texts_with_labels_beside_them_are_not_taken_for_a_data_set(
    write: Write, columns: dict[str, str]
) -> None:
    path = pair(write, "0\n1\n2\n3\n")
    corpus = read_corpus([path], Table(lang="en", **columns))
    assert corpus.rows["label"].to_list() == ["0", "1", "2", "3"]
    assert set(corpus.rows["lang"]) == {"en"}
    with pytest.raises(DataError, match="no column is known to hold the languages"):
        read_corpus([path], Table(**columns))


@pytest.mark.parametrize(
    ("mapping", "names"),
    [
        ("0\tanger\n1\tjoy\n2\toptimism\n3\tsadness", ["anger", "joy", "optimism", "sadness"]),
        ("0\t❤\t_heart_\t\n1\t😍\t_x_\t\n2\t😂\t_y_\t\n3\t💕\t_z_\t", ["❤", "😍", "😂", "💕"]),
        ("\ufeff0\tnone\r\n1\tagainst\r\n2\tfavor\r\n", ["none", "against", "favor", "3"]),
        ("positive 0\nnegative 1\n", ["0", "1", "2", "3"]),
        ("0\tone\n0\ttwo\n", ["0", "1", "2", "3"]),
        ("", ["0", "1", "2", "3"]),
        (b"\xff\xfe\x00", ["0", "1", "2", "3"]),
    ],
)  # fmt: skip
def test_a_mapping_beside_them_names_the_labels_and_that_is_said(
    write: Write, mapping: str | bytes, names: list[str]
) -> None:
    corpus = read_corpus([pair(write, "0\n1\n2\n3\n", mapping)], Table(lang="en"))
    assert corpus.rows["label"].to_list() == names
    said = " ".join(corpus.notes)
    if names[0] == "0":
        assert "mapping.txt beside it does not hold" in said
    else:
        assert f"labels are named after mapping.txt: 0 is '{names[0]}'" in said
        assert ("names no label '3', which stays as it is" in said) == (names[3] == "3")


def test_umsab_as_a_table_is_read_where_it_is_named(read: Read) -> None:
    corpus = read("x.jsonl", '{"text": "nice", "label": 2}\n', dataset="umsab", lang="en")
    assert corpus.rows["label"].to_list() == ["positive"]


def test_umsabs_two_files_must_fit(write: Write) -> None:
    path = write("german/val_text.txt", "eins\nzwei\n")
    with pytest.raises(DataError, match=r"val_labels\.txt: no such file"):
        read_corpus([path], Table())
    labels = write("german/val_labels.txt", "1\n")
    with pytest.raises(DataError, match="has 2 lines, but its labels have 1"):
        read_corpus([path], Table())
    with pytest.raises(DataError, match=r"val_text\.txt"):
        read_corpus([labels], Table())


def test_a_table_of_pairs_in_a_folder_named_after_a_language_is_not_taken_for_pawsx(
    write: Write,
) -> None:
    path = write("it/train.csv", "id,sentence1,sentence2,label\n1,server,down,yes\n")
    with pytest.raises(DataError, match="no column is known to hold the languages"):
        read_corpus([path], Table())
    assert read_corpus([path], Table(lang="en")).rows.select("id", "lang").rows() == [("1", "en")]


def test_only_a_folder_with_language_and_script_is_taken_for_sib200s(write: Write) -> None:
    content = "index_id\tcategory\ttext\n1\tsport\tgol\n"
    assert read_corpus([write("ita_Latn/a.tsv", content)], Table()).rows["lang"].to_list() == ["it"]
    with pytest.raises(DataError, match="no column is known to hold the languages"):
        read_corpus([write("it/a.tsv", content)], Table())


def test_pawsx_joins_its_sentences_and_numbers_them_by_split(write: Write) -> None:
    head = "id\tsentence1\tsentence2\tlabel\n"
    german = write("de/test_2k.tsv", head + '1\t"Foo" ist ein Lied .\tEin Lied ist " Foo .\t0\n')
    english = write("en/test_2k.tsv", head + "1\tFoo is a song .\tA song is Foo .\t0\n")
    train = write("de/translated_train.tsv", head + "1\tEtwas anderes .\tAnders etwas .\t1\n")
    pawsx = Table(dataset="pawsx")
    test = read_corpus([german, english], pawsx, split="test").rows
    assert test.select("id", "group_id", "lang").rows() == [
        ("test-1-de", "test-1", "de"), ("test-1-en", "test-1", "en"),
    ]  # fmt: skip
    assert test["text"][0] == '"Foo" ist ein Lied .\nEin Lied ist " Foo .'
    assert read_corpus([train], pawsx).rows["group_id"].to_list() == ["train-1"]


def test_xnli_groups_by_premise_and_rejects_pairs_without_a_verdict(write: Write) -> None:
    names = ["language", "gold_label", "sentence1", "sentence2", "promptID", "pairID", "genre"]
    rows = [
        ["fr", "neutral", "Il a dit.", "Il a crié.", "1", "1", "facetoface"],
        ["de", "entailment", "Er sagte.", "Er sprach.", "1", "2", "facetoface"],
        ["de", "-", "Er sagte.", "Er ging.", "1", "3", "facetoface"],
    ]
    path = write("xnli.dev.tsv", "\n".join("\t".join(row) for row in [names, *rows]))
    corpus = read_corpus([path], Table(dataset="xnli"), split="validation")
    assert corpus.rows.select("id", "group_id", "text", "label", "lang").rows() == [
        ("validation-1", "validation-1", "Il a dit.\nIl a crié.", "neutral", "fr"),
        ("validation-2", "validation-1", "Er sagte.\nEr sprach.", "entailment", "de"),
    ]
    assert corpus.rejects.select("row", "field", "reason").rows() == [
        (4, "gold_label", "missing label")
    ]
    alike = read_corpus([path], Table(), split="validation")
    assert alike.rows["label"].to_list() == ["neutral", "entailment", "-"]
    assert "recognised as XNLI by its columns (--dataset xnli" in alike.notes[0]


def test_massive_takes_its_splits_from_partition_and_is_parallel_by_id(write: Write) -> None:
    german = write("de-DE.jsonl", json.dumps(MASSIVE))
    english = {**MASSIVE, "locale": "en-US", "utt": "wake me up at nine"}
    both = [german, write("en-US.jsonl", json.dumps(english))]
    rows = read_corpus(both, Table()).rows
    assert rows.select("id", "group_id", "text", "label", "lang", "split").rows() == [
        ("1-de", "1", "weck mich um neun", "alarm_set", "de", "validation"),
        ("1-en", "1", "wake me up at nine", "alarm_set", "en", "validation"),
    ]
    named = read_corpus(both, Table(label="scenario")).rows
    assert named["label"].to_list() == ["alarm", "alarm"]


def test_an_unknown_data_set_names_the_nearest(read: Read) -> None:
    with pytest.raises(ConfigError, match="'masive' is not known; did you mean 'massive'"):
        read("a.csv", "text,label\nx,1\n", dataset="masive", lang="en")


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_named_data_set_in_another_form_says_which_columns_it_lacks(
    read: Read, name: str
) -> None:
    with pytest.raises(DataError, match="is not in the published form of"):
        read("a.csv", "foo,bar\nx,1\n", dataset=name, lang="en")
