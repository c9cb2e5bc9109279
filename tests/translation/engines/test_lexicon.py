"""Dictionaries from files."""

from pathlib import Path

import pytest

from babelift.config import Translating
from babelift.errors import DataError, LanguageError
from babelift.translation.engines.lexicon import Lexicon, load
from babelift.translation.protocol import Translation, Translator

SETTINGS = Translating()

FILE = """source_lang,target_lang,source,target,weight
en,es,bank,orilla,0.2
en,es,bank,banco,0.7
en,es,big,grande,
en,es,big,gran,1
en,zh,I,我,
en,zh,love,爱,
zh,en,我,I,
zh,en,爱,love,
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(FILE, encoding="utf-8")
    return path


def translate(lexicon: Lexicon, text: str, source: str, target: str) -> str | None:
    (answer,) = lexicon.translate([text], source, target)
    assert answer.truncated is False
    return answer.text


def test_each_pair_of_the_file_is_translated(file: Path) -> None:
    lexicon = load(str(file), SETTINGS)
    assert isinstance(lexicon, Translator)
    assert lexicon.pairs() == {("en", "es"), ("en", "zh"), ("zh", "en")}
    assert translate(lexicon, "I love", "en", "zh") == "我爱"
    assert translate(lexicon, "我爱", "zh", "en") == "I love"
    assert (lexicon.name, lexicon.unit, lexicon.license) == ("small", "text", None)


def test_the_largest_weight_wins_and_among_equals_the_first(file: Path) -> None:
    assert translate(load(str(file), SETTINGS), "Big bank", "en", "es") == "Grande banco"


def test_a_weight_that_is_no_number_is_named(file: Path) -> None:
    file.write_text(FILE.replace("0.2", "high"), encoding="utf-8")
    with pytest.raises(DataError, match=r"small\.csv: weight 'high' of 'bank' is no number"):
        load(str(file), SETTINGS)


def test_a_pair_that_is_not_in_the_file_is_refused(file: Path) -> None:
    with pytest.raises(LanguageError, match="small cannot translate from 'es' into 'en'"):
        load(str(file), SETTINGS).translate(["banco"], "es", "en")


def test_the_fingerprint_follows_the_content(file: Path) -> None:
    first = load(str(file), SETTINGS).fingerprint
    assert load(str(file), SETTINGS).fingerprint == first
    file.write_text(FILE.replace("orilla", "ribera"), encoding="utf-8")
    assert load(str(file), SETTINGS).fingerprint != first


def test_closing_twice_is_harmless_and_the_lexicon_stays_usable(file: Path) -> None:
    lexicon = load(str(file), SETTINGS)
    assert list(lexicon.translate([], "en", "es")) == []
    lexicon.close()
    lexicon.close()
    assert list(lexicon.translate(["", "bank"], "en", "es")) == [
        Translation(""), Translation("banco"),
    ]  # fmt: skip
