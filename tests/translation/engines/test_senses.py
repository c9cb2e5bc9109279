"""Wrong words come from the lexicon: other senses first, then words as frequent."""

import pytest

from babelift.translation.engines.degraded import Senses, has_senses, load_senses
from babelift.translation.engines.words import cut_words

ROWS = [
    ("bank", "Geldhaus"),
    ("bank", "Ufer"),
    ("shore", "Ufer"),
    ("shore", "Strand"),
    ("shore", "am Strand"),
    ("good", "gut"),
    ("good", "gute"),
    ("school", "School"),
    ("school", "Schule"),
    ("house", "Haus"),
    ("of the house", "des Hauses"),
    ("in the house", "im Haus"),
    ("to house", "Haus"),
    ("dog", "Hund"),
    ("the dog", "der Hund"),
    ("dog's", "Hund"),
    ("", "ab"),
    ("the", ""),
]


@pytest.fixture(scope="module")
def german() -> Senses:
    return Senses(ROWS, "de")


def test_other_translations_of_the_same_word_are_its_wrong_senses(german: Senses) -> None:
    assert german.alternatives("Geldhaus") == ("Ufer",)
    assert german.alternatives("ufer") == ("Geldhaus", "Strand")
    assert german.other("Ufer", 0.0) == "Geldhaus"
    assert german.other("Ufer", 0.999) == "Strand"


def test_forms_of_one_word_phrases_and_what_was_not_translated_are_none(german: Senses) -> None:
    assert german.alternatives("gut") == ()
    assert german.alternatives("Strand") == ("Ufer",)
    assert german.alternatives("Schule") == ()


def test_a_word_with_one_sense_is_replaced_by_one_as_frequent(german: Senses) -> None:
    # These three occur two or three times among the targets, all others but Haus once.
    often = {"Hund", "Strand", "Ufer"}
    assert {german.other("Haus", number / 10) for number in range(10)} == often
    assert not often & {german.other("gut", number / 10) for number in range(10)}


def test_an_unknown_word_counts_as_rare_and_is_never_kept(german: Senses) -> None:
    found = {german.other("xqzzyph", number / 20) for number in range(20)}
    assert len(found) > 2
    assert not found & {"xqzzyph", "Haus", "Hund"}


def test_case_follows_the_word_that_is_replaced() -> None:
    senses = Senses([("set", "menge"), ("set", "legen")], "de")
    assert [senses.other(word, 0.0) for word in ("Menge", "MENGE", "menge")] == [
        "Legen", "LEGEN", "legen",
    ]  # fmt: skip


def test_what_is_written_before_an_apostrophe_stays() -> None:
    senses = Senses([("light", "éclair"), ("light", "lampe")], "fr")
    assert senses.other("l'éclair", 0.0) == "l'lampe"
    assert senses.other("L’Éclair", 0.0) == "L’Lampe"


def test_a_list_without_words_leaves_words_as_they_are() -> None:
    assert Senses([], "de").other("Haus", 0.5) == "Haus"


@pytest.mark.parametrize(
    ("pair", "word", "other"),
    [
        (("en", "de"), "Anklage", "aufladen"),
        (("en", "es"), "primavera", "manantial"),
        (("en", "fr"), "banque", "rive"),
        (("en", "ja"), "光", "軽い"),
        (("en", "zh"), "光", "轻"),
    ],
)
def test_the_embedded_lexicon_knows_other_senses(
    pair: tuple[str, str], word: str, other: str
) -> None:
    assert other in load_senses(*pair).alternatives(word)


def test_english_has_the_senses_of_the_source_language() -> None:
    assert load_senses("de", "en") is not load_senses("fr", "en")
    assert load_senses("de", "fr").alternatives("banque") == ("rive",)


def test_chinese_is_replaced_by_simplified_characters_alone() -> None:
    senses = load_senses("en", "zh")
    found = [
        senses.other(word, 0.7)
        for word in cut_words("我喜欢这所学校的老师", senses.vocabulary).words
    ]
    assert "".join(found).encode("gb2312")


@pytest.mark.parametrize("lang", ["de", "es", "fr", "ja", "zh"])
def test_what_replaces_a_word_is_one_word(lang: str) -> None:
    senses = load_senses("en", lang)
    for number in range(50):
        other = senses.other("Qqzz", number / 50)
        assert cut_words(other, senses.vocabulary).words == [other]


def test_pairs_outside_the_six_languages_have_none() -> None:
    assert not has_senses("en", "it")
    assert has_senses("it", "ja")
    assert not has_senses("it", "en")
    assert not has_senses("en", "en")
