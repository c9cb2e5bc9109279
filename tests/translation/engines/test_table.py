"""Files of translations: how they are read, and texts looked up in them."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from babelift.config import Translating
from babelift.errors import ConfigError, DataError, LanguageError, MissingTranslationError
from babelift.translation.engines.table import Table, load, read_pair_file
from babelift.translation.protocol import Translation, Translator

ROWS = pl.DataFrame(
    {
        "source_lang": ["eng_Latn", "pt-BR", "zh"],
        "target_lang": ["de", "en", "ja"],
        "source": ['say "hi"', "a,b\tc", "1"],
        "target": ["sag „hallo“", "line\nbreak", "2"],
    }
)


def write(path: Path, form: str) -> Path:
    path = path / f"words.{form}"
    if form == "parquet":
        ROWS.write_parquet(path)
        return path
    if form.startswith("csv"):
        content = ROWS.write_csv()
    elif form.startswith("tsv"):
        content = ROWS.write_csv(separator="\t")
    else:
        content = ROWS.write_ndjson()
    data = content.encode()
    path.write_bytes(gzip.compress(data) if form.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "tsv.gz", "jsonl.gz"])
def test_every_form_reads_alike(tmp_path: Path, form: str) -> None:
    found = read_pair_file(write(tmp_path, form), ("source", "target"), optional=("weight",))
    assert found.frame.select("source_lang", "target_lang").rows() == [
        ("en", "de"), ("pt", "en"), ("zh", "ja"),
    ]  # fmt: skip
    assert found.frame.select("source", "target").equals(ROWS.select("source", "target"))
    assert "weight" not in found.frame.columns
    assert found.pairs() == {("en", "de"), ("pt", "en"), ("zh", "ja")}
    assert found.notes == ()


def test_a_jsonl_file_with_other_columns_and_numbers_reads(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    path.write_text(
        '{"id": 1, "source_lang": "en", "target_lang": "de", "source": 1, "target": "eins"}\n'
        '{"id": 2, "source_lang": "en", "target_lang": "de", "source": "two", "target": "zwei"}\n'
    )
    found = read_pair_file(path, ("source", "target"))
    assert found.frame.select("source", "target").rows() == [("1", "eins"), ("two", "zwei")]


def test_rows_that_cannot_be_used_are_counted_not_fatal(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    path.write_text(
        '{"source_lang": "en", "target_lang": "de", "source": "one", "target": "eins"}\n'
        "{not json\n"
        '{"source_lang": "en", "target_lang": "de", "source": "two", "target": null}\n'
        '{"source_lang": "en", "target_lang": "de", "source": "three"}\n'
    )
    found = read_pair_file(path, ("source", "target"))
    assert found.frame["source"].to_list() == ["one"]
    unread, incomplete = found.notes
    assert unread.startswith(f"{path}: 1 rows cannot be read; the first is row 2: not JSON")
    assert incomplete == f"{path}: 2 rows are not complete."


def test_half_a_surrogate_pair_is_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    row = '{"source_lang": "en", "target_lang": "de", "source": "%s", "target": "x"}\n'
    path.write_text(row % r"a \ud83d b" + row % r"\ud83d\ude00")
    found = read_pair_file(path, ("source", "target"))
    assert found.frame["source"].to_list() == ["😀"]
    assert found.notes == (f"{path}: 1 rows cannot be read; the first is row 1: lone surrogate.",)


def test_an_empty_value_in_csv_is_missing_unless_it_is_the_last(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,target\nen,de,a,\nen,de,,b\n,de,c,d\n")
    found = read_pair_file(path, ("source", "target"))
    assert found.frame.select("source", "target").rows() == [("a", "")]
    assert found.notes == (f"{path}: 2 rows are not complete.",)


def test_a_missing_column_is_named_with_its_nearest_match(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,targt\nen,de,one,eins\n")
    with pytest.raises(DataError, match="lacks the column 'target'; did you mean 'targt'"):
        read_pair_file(path, ("source", "target"))


def test_an_unknown_language_is_named_with_its_column(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,target\nen,jp,one,ichi\n")
    with pytest.raises(
        LanguageError, match=r"words\.csv: column 'target_lang': language 'jp' .* mean 'ja'"
    ):
        read_pair_file(path, ("source", "target"))


def test_a_file_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("source_lang,target_lang,source,target\n")
    with pytest.raises(DataError, match=r"words\.csv"):
        read_pair_file(path, ("source", "target"))


@pytest.mark.parametrize("name", ["nothing.jsonl", "nothing.csv", "nothing.xlsx", "."])
def test_a_file_that_is_not_there_or_no_table_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError):
        read_pair_file(tmp_path / name, ("source", "target"))


ERROR = Translating()
DROP = Translating(missing="drop")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "made.jsonl.gz"
    rows = [
        ("en", "de", "argos", "Good.", "Gut."),
        ("en", "de", "google", "Good.", "Gut!"),
        ("en", "de", "google", "Two  spaces\nand cafe\u0301.", "Zwei."),
        ("en", "de", "google", "Good.", "Prima."),
        ("en", "de", "google", "Good.", "Gut!"),
        ("en", "fr", "google", "Good.", "Bien."),
        ("en", "fr", "Human", "Good.", "Bon."),
        ("en", "de", "google", "Empty", ""),
    ]
    names = ("source_lang", "target_lang", "system", "source_text", "target_text")
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def translate(table: Table, texts: list[str], source: str, target: str) -> list[str | None]:
    return [answer.text for answer in table.translate(texts, source, target)]


def test_texts_are_looked_up_in_the_chosen_system(file: Path) -> None:
    table = load(f"{file}#google", ERROR)
    assert isinstance(table, Translator)
    assert translate(table, ["Good.", "Empty", "Good."], "en", "de") == ["Gut!", "", "Gut!"]
    assert translate(table, ["Good."], "en", "fr") == ["Bien."]
    assert translate(load(f"{file}#argos", ERROR), ["Good."], "en", "de") == ["Gut."]
    assert (table.name, table.unit, table.license, table.origin) == (
        "google", "text", None, "machine",
    )  # fmt: skip


def test_white_space_and_normal_forms_are_ignored_where_the_text_itself_is_not_found(
    file: Path,
) -> None:
    table = load(f"{file}#google", ERROR)
    assert translate(table, [" Two spaces and café. "], "en", "de") == ["Zwei."]


def test_of_two_translations_the_first_counts_and_the_other_is_noted(file: Path) -> None:
    table = load(f"{file}#google", ERROR)
    assert table.notes == ()
    assert translate(table, ["Good."], "en", "de") == ["Gut!"]
    assert table.notes == (
        f"{file}: 1 more translations en>de of texts that have one already were left out.",
    )


def test_the_other_direction_is_not_assumed(file: Path) -> None:
    table = load(f"{file}#google", ERROR)
    assert table.pairs() == {("en", "de"), ("en", "fr")}
    with pytest.raises(LanguageError, match="google cannot translate from 'de' into 'en'"):
        table.translate(["Gut!"], "de", "en")


def test_missing_texts_are_counted_and_the_first_is_quoted(file: Path) -> None:
    table = load(f"{file}#google", ERROR)
    with pytest.raises(
        MissingTranslationError,
        match=r"2 of 3 texts have no translation en>de by 'google'; the first is 'Bad\.'",
    ) as caught:
        table.translate(["Good.", "Bad.", "x" * 500], "en", "de")
    assert "--missing drop" in str(caught.value.hint)


def test_missing_texts_have_no_translation_where_they_are_to_be_dropped(file: Path) -> None:
    table = load(f"{file}#google", DROP)
    assert list(table.translate(["Bad.", "Good."], "en", "de")) == [
        Translation(None), Translation("Gut!"),
    ]  # fmt: skip


def test_a_long_text_is_quoted_in_part(file: Path) -> None:
    with pytest.raises(MissingTranslationError) as caught:
        load(f"{file}#google", ERROR).translate(["x" * 10**6], "en", "de")
    assert len(caught.value.message) < 400


def test_of_several_systems_one_must_be_named(file: Path) -> None:
    with pytest.raises(ConfigError, match="by 3 systems: Human, argos, google"):
        load(str(file), ERROR)
    with pytest.raises(ConfigError, match="no translations by 'gogle'; did you mean 'google'"):
        load(f"{file}#gogle", ERROR)


def test_a_reference_is_known_by_its_systems_name(file: Path) -> None:
    assert load(f"{file}#Human", ERROR).origin == "reference"


def test_a_file_of_one_system_or_none_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.v2.csv"
    rows = pl.DataFrame(
        {"source_lang": "en", "target_lang": "de", "source_text": ["a"], "target_text": ["b"]}
    )
    rows.write_csv(path)
    table = load(str(path), ERROR)
    assert (table.name, translate(table, ["a"], "en", "de")) == ("mine", ["b"])
    with pytest.raises(ConfigError, match="has no column 'system', so 'x' cannot be chosen"):
        load(f"{path}#x", ERROR)
    rows.with_columns(system=pl.lit("reference")).write_csv(path)
    table = load(str(path), ERROR)
    assert (table.name, table.origin) == ("reference", "reference")


def test_a_file_whose_name_has_a_hash_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a#b.csv"
    path.write_text("source_lang,target_lang,source_text,target_text\nen,de,a,b\n")
    assert translate(load(str(path), ERROR), ["a"], "en", "de") == ["b"]


def test_the_fingerprint_follows_the_content_and_the_system(file: Path, tmp_path: Path) -> None:
    first = load(f"{file}#google", ERROR).fingerprint
    assert load(f"{file}#google", DROP).fingerprint == first
    assert load(f"{file}#argos", ERROR).fingerprint != first
    other = tmp_path / "other.jsonl.gz"
    other.write_bytes(file.read_bytes())
    assert load(f"{other}#google", ERROR).fingerprint == first
    text = gzip.decompress(file.read_bytes())
    other.write_bytes(gzip.compress(text.replace(b"Prima", b"Super")))
    assert load(f"{other}#google", ERROR).fingerprint != first


def test_closing_twice_is_harmless_and_the_table_stays_usable(file: Path) -> None:
    table = load(f"{file}#google", ERROR)
    table.close()
    table.close()
    assert translate(table, ["Good."], "en", "de") == ["Gut!"]


def test_every_original_of_sib_200_has_its_translation(data_dir: Path) -> None:
    file = data_dir / "sib200" / "translations.jsonl.gz"
    table = load(f"{file}#bergamot-base-memory", ERROR)
    with gzip.open(data_dir / "sib200" / "en.train.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    for target in ("de", "es", "fr", "ja", "zh"):
        answers = translate(table, texts, "en", target)
        assert len(answers) == 701
        assert all(answers)


def test_what_tags_of_a_table_are_reduced_to_is_a_note(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "source_lang,target_lang,source_text,target_text\nEnglish,zh-CN,one,yi\nen,zh-TW,two,er\n"
    )
    table = Table(path)
    assert table.pairs() == {("en", "zh")}
    assert any("'zh-CN' and 'zh-TW' to 'zh'" in note for note in table.notes)
    path.write_text(path.read_text().replace("zh-TW", "zh-then"))
    with pytest.raises(LanguageError, match="'zh-then' is not known; did you mean 'zh'"):
        Table(path)
