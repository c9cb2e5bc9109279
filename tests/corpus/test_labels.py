"""Labels in order, and faults of the label column."""

import csv
import json
import re
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from babelift.classifier import Classifier
from babelift.config import Table
from babelift.corpus import (
    check_labels,
    label_set,
    label_strings,
    odd_labels,
    read_corpus,
    require_classes,
)
from babelift.corpus.reader import read_parts
from babelift.errors import BabeliftWarning, DataError, ModelError
from babelift.prediction.rows import check_predictions
from babelift.testing import FunctionTranslator
from babelift.translation.job import translate
from babelift.translation.memory import Memory


def rows(*labels: str) -> pl.DataFrame:
    return pl.DataFrame({"label": list(labels)}, schema={"label": pl.String})


@given(st.lists(st.integers(-50, 50).map(str), min_size=1))
def test_whole_numbers_are_ordered_by_size_and_ordinal_from_three(labels: list[str]) -> None:
    names, ordinal = label_set(labels)
    assert [int(name) for name in names] == sorted({int(label) for label in labels})
    assert ordinal == (len(set(labels)) >= 3)


def test_other_labels_are_ordered_by_the_alphabet() -> None:
    assert label_set(["b", "10", "9"]) == (("10", "9", "b"), False)
    assert label_set([]) == ((), False)
    assert label_set(["²", "3", "1"])[1] is False


def test_one_class_is_not_enough() -> None:
    with pytest.raises(DataError, match="all 2 training rows have the label 'x'"):
        require_classes(rows("x", "x"))
    with pytest.raises(DataError, match="no labelled rows"):
        require_classes(rows())
    require_classes(rows("x", "y"))


def test_a_label_of_its_own_for_every_row_is_no_class() -> None:
    with pytest.raises(DataError, match="60 training rows have 60 different labels"):
        require_classes(rows(*(f"text {number}" for number in range(60))))


def test_labels_that_were_never_trained_on_are_named_with_the_nearest() -> None:
    train = rows("positive", "negative", "neutral")
    check_labels(train, rows("neutral"), "test")
    with pytest.raises(DataError) as caught:
        check_labels(train, rows("Positive", "Positive", "mixed", "neutral"), "test")
    assert caught.value.message == (
        "test rows have labels that no training row has: 'Positive' (2 rows); did you mean "
        "'positive'; 'mixed' (1 row)."
    )
    with pytest.raises(DataError, match="looks like 'positive' but for U\\+0440 CYRILLIC SMALL"):
        check_labels(train, rows("\u0440ositive"), "test")


def test_labels_that_differ_in_case_or_look_missing_are_told() -> None:
    assert odd_labels(["1", "2", "good"]) == []
    said = odd_labels(["positive", "Positive", "null"])
    assert said[0].startswith("labels 'Positive' and 'positive' differ only in case")
    assert "'null'" in said[1]


@pytest.mark.parametrize(
    "labels",
    [
        ["p\u043es", "pos"],
        ["not-hate", "not_hate"],
        ["\uff11", "1"],
        ["po\u200bs", "pos"],
        ["\u0441\u043e\u0441\u043e", "coco"],
        ["\u2764\ufe0f", "\u2764"],
        ["'pos'", "pos"],
    ],
)
def test_labels_that_look_alike_are_told(labels: list[str]) -> None:
    (note,) = odd_labels([*labels, "neg"])
    assert re.fullmatch("labels '.*' and '.*' look alike.* and count as two", note)


@pytest.mark.parametrize(
    "labels",
    [["1.1", "11"], ["-1", "1"], ["a+", "a-"], ["3", "4"], ["отдел-IT", "IT"], ["😂", "❤"]],
)
def test_labels_that_do_not_are_not(labels: list[str]) -> None:
    assert odd_labels(labels) == []


def test_a_letter_of_another_script_within_a_word_is_told() -> None:
    (note,) = odd_labels(["p\u043es", "neg"])
    assert note.endswith("two scripts that look alike: U+043E CYRILLIC SMALL LETTER O")


@pytest.mark.parametrize(
    ("labels", "mark"),
    [
        (["-1", "0", "1"], "-1"),
        (["1", "2", "3", "4", "5", "-100"], "-100"),
        (["1", "2", "5", "99"], "99"),
        (["yes", "no", "N/A"], "N/A"),
        (["neutral", "entailment", "-"], "-"),
        ([str(number) for number in range(150)], None),
        (["-1", "1"], None),
    ],
)
def test_marks_for_no_label_are_told(labels: list[str], mark: str | None) -> None:
    said = [note.split("'")[1] for note in odd_labels(labels) if "looks like 'no label'" in note]
    assert said == ([mark] if mark else [])


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_texts_with_two_labels_are_counted_with_examples(tmp_path: Path, ending: str) -> None:
    rows = [(f"text {number}", "yes") for number in range(200)]
    rows += [(f" Text {number} ", ("yes", "no")[number % 2]) for number in range(200, 230)]
    rows += [(f"text {number}", ("no", "yes")[number % 2]) for number in range(200, 230)]
    frame = pl.DataFrame(rows, schema=["text", "label"], orient="row")
    path = tmp_path / f"a.{ending}"
    (frame.write_csv if ending == "csv" else frame.write_ndjson)(path)
    table = Table(lang="en")
    note = (
        "60 of 260 labelled rows have a text that also stands with another label, such as "
        "'Text 200' (no, yes) and 'Text 201' (no, yes)"
    )
    assert read_corpus([path], table).notes[-1] == note
    assert read_parts([path], table, tmp_path / "parts", labelled=False).notes[-1] == note
    with pytest.warns(BabeliftWarning, match="60 of 260 labelled rows"), pytest.raises(ModelError):
        Classifier(to=(), encoder="none/such").fit(frame["text"], frame["label"])


def test_one_text_in_two_languages_may_have_two_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label,lang\nok,good,en\nok,bad,de\nfine,good,en\n")
    assert read_corpus([path], Table()).notes == ()


SPELLINGS = [
    (1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1"), (" 1 ", "1"), (-1, "-1"), (-0.0, "0"),
    (True, "True"), ("True", "True"), ("true", "True"), ("FALSE", "False"), (False, "False"),
    ("pos", "pos"), ("pos\u200b", "pos"), ("\ufeffpos", "pos"), ("\u2067 pos\u2069\u00a0", "pos"),
    ("ne\u0301gatif", "n\xe9gatif"), ("n\xe9gatif", "n\xe9gatif"), ("2.5", "2.5"), (2.5, "2.5"),
    ("1.10", "1.10"), ("01", "01"), ("\u0645\u06cc\u200c\u0634", "\u0645\u06cc\u200c\u0634"),
    ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e007f"),
]  # fmt: skip
"""Labels as they may stand in tables, and as they are read."""


def ways_in(labels: list[object], folder: Path) -> dict[str, list[str]]:
    """The labels as each way into the library reads them."""
    texts = [f"text {number}" for number in range(len(labels))]
    written: dict[str, Path] = {name: folder / f"a.{name}" for name in ("csv", "tsv", "jsonl")}
    for name, delimiter in (("csv", ","), ("tsv", "\t")):
        with written[name].open("w", encoding="utf-8", newline="") as file:
            rows = zip(texts, labels, strict=True)
            csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *rows])
    with written["jsonl"].open("w", encoding="utf-8") as file:
        for text, label in zip(texts, labels, strict=True):
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    frame = None
    if len({type(label) for label in labels}) == 1:
        frame = pl.DataFrame({"text": texts, "label": labels})
        written["parquet"] = folder / "a.parquet"
        frame.write_parquet(written["parquet"])
    table = Table(lang="en")
    read = {name: read_corpus([path], table).rows["label"] for name, path in written.items()}
    for name, path in written.items():
        parts = read_parts([path], table, folder / f"parts-{name}", labelled=False)
        read[f"{name} in slices"] = pl.concat(part["label"] for part in parts)
    if frame is not None:
        echo = FunctionTranslator(lambda text, source, target: f"<{target}> {text}")
        with Memory(folder / "memory.sqlite") as memory:
            translated = translate(frame, "de", echo, lang="en", memory=memory)
        read["a frame"] = translated.sort("original_id")["label"]
        answers = pl.DataFrame({"label": labels, "prediction": labels, "lang": "en"})
        names = label_strings(answers["label"]).to_list()
        read["predictions"] = check_predictions(answers, names)["prediction"]
    return {name: series.to_list() for name, series in read.items()}


def test_a_label_is_read_by_one_rule_whatever_way_it_comes_in(tmp_path: Path) -> None:
    kinds = {type(label) for label, _ in SPELLINGS}
    groups = [[pair for pair in SPELLINGS if type(pair[0]) is kind][:9] for kind in kinds]
    for number, pairs in enumerate([*groups, SPELLINGS]):
        folder = tmp_path / str(number)
        folder.mkdir()
        labels, wanted = [label for label, _ in pairs], [name for _, name in pairs]
        for way, names in ways_in(labels, folder).items():
            assert names == wanted, way


def test_labels_that_are_respelt_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    labels = ["pos", "pos\u200b", " pos ", "true", "1.0", "ne\u0301g"] * 400
    path.write_text("text,label\n" + "".join(f"{n},{x}\n" for n, x in enumerate(labels)), "utf-8")
    note = (
        "a.csv: labels are respelt: 'ne\\u0301g' is read as 'n\xe9g', 'pos\\u200b' as 'pos', "
        "'true' as 'True'"
    )
    assert note in read_corpus([path], Table(lang="en")).notes
    path.write_text("text,label\na,pos\nb, 1.0\n", "utf-8")
    assert read_corpus([path], Table(lang="en")).notes == ()


@given(st.lists(st.text(max_size=8), min_size=1))
@example(["\u200bTRUE", "-00", "+1.0", "e\u0301\u200d", "1.0\u200b"])
def test_what_was_read_as_a_label_is_read_as_the_same_label_again(labels: list[str]) -> None:
    once = label_strings(pl.Series("label", labels))
    assert label_strings(once).to_list() == once.to_list()
    assert all(name is None or name == unicodedata.normalize("NFC", name) for name in once)


@given(
    st.text(max_size=8),
    st.sampled_from(["NFC", "NFD"]),
    st.text("\u200b\ufeff \u2069\t", max_size=3),
)
def test_neither_its_form_nor_what_is_invisible_makes_a_label_another(
    label: str, form: str, mark: str
) -> None:
    written = f"{mark}{unicodedata.normalize(form, label)}{mark}"
    one, other = label_strings(pl.Series("label", [label, written]))
    assert one == other


def test_a_column_of_lists_holds_no_labels() -> None:
    with pytest.raises(DataError, match="column 'label' holds lists or objects"):
        label_strings(pl.Series("label", [["a"], ["b"]]))
