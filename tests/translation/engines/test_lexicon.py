"""Word by word: longest match, case, marks; dictionaries from files, and the lists that ship."""

import gzip
import unicodedata
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.config import Translating
from babelift.errors import ConfigError, DataError, LanguageError, ModelError
from babelift.translation.engines.lexicon import (
    LANGUAGES,
    Lexicon,
    MiniLexicon,
    Words,
    finished,
    load,
    prepared,
)
from babelift.translation.protocol import Translation, Translator
from babelift.translation.registry import TRANSLATORS, load_translator

ENTRIES = [
    ("new york", "Nueva York"),
    ("new", "nuevo"),
    ("new york times", "Times de Nueva York"),
    ("house", "casa"),
    ("don't", "no"),
    ("USA", "EE. UU."),
    ("street", "straße"),
    ("the", ""),
    ("café", "cafetería"),
    ("l'", "the"),
    ("ami", "friend"),
]
SPANISH = Words(ENTRIES, spaced=True)


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("new house", "nuevo casa"),
        ("new york house", "Nueva York casa"),
        ("new  york\nhouse", "Nueva York\ncasa"),
        ("new york times", "Times de Nueva York"),
        ("new york time", "Nueva York time"),
        ("new, york", "nuevo, york"),
        ("New House HOUSE hOUSE", "Nuevo Casa CASA casa"),
        ("NEW YORK", "NUEVA YORK"),
        ("usa USA Usa", "EE. UU. EE. UU. EE. UU."),
        ("DON'T don’t", "NO no"),
        ("STREET", "STRASSE"),
        ("houses newt", "houses newt"),
        ("3 houses, 4.5 % of house!", "3 houses, 4.5 % of casa!"),
        ("in the house.", "in casa."),
        ("The house", "casa"),
        (" \tThe house of the.\n", " \tcasa of.\n"),
        ("cafe\u0301 house", "cafetería casa"),
        ("l'ami", "the friend"),
        ("@house #house https://house.example", "@casa #casa https://casa.example"),
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_words_are_replaced_by_the_longest_entry_in_their_case(text: str, translation: str) -> None:
    assert SPANISH.translate(text) == translation


def test_chinese_is_matched_by_character_longest_first_and_spaced_in_the_target() -> None:
    words = Words([("我", "I"), ("喜欢", "like"), ("猫", "cats"), ("喜", "joy")], spaced=True)
    assert words.translate("我喜欢猫。") == "I like cats。"
    assert words.translate("我喜歡猫") == "I joy 歡 cats"
    assert words.translate("狗和鸟") == "狗和鸟"
    assert words.translate("我 like 3只猫") == "I like 3只 cats"


def test_japanese_and_chinese_targets_are_joined_without_spaces() -> None:
    words = Words([("i", "我"), ("love", "爱"), ("cats", "猫")], spaced=False)
    assert words.translate("I love cats.") == "我爱猫."
    assert words.translate("I love New York and cats") == "我爱New York and猫"
    assert words.translate("I\nlove") == "我\n爱"


def test_of_two_entries_with_one_source_the_first_counts() -> None:
    assert Words([("bank", "banco"), ("Bank", "orilla")], spaced=True).translate("bank") == "banco"


def test_an_entry_without_words_or_source_is_harmless() -> None:
    words = Words([("", "x"), (" ", "y"), ("!", "¡!")], spaced=True)
    assert words.translate("a b!") == "a b¡!"


@given(st.text(max_size=80))
def test_with_an_empty_dictionary_nothing_changes(text: str) -> None:
    assert Words([], spaced=True).translate(text) == unicodedata.normalize("NFC", text)
    assert Words([], spaced=False).translate(text) == unicodedata.normalize("NFC", text)


@given(
    st.lists(st.tuples(st.text("ab '猫字", max_size=4), st.text("xy ", max_size=3)), max_size=6),
    st.text("abAB '猫字.\n", max_size=30),
    st.booleans(),
)
def test_any_dictionary_translates_any_text(
    entries: list[tuple[str, str]], text: str, spaced: bool
) -> None:
    translation = Words(entries, spaced=spaced).translate(text)
    assert [c for c in translation if c == "."] == [c for c in text if c == "."]


def test_a_long_text_is_translated_in_time_linear_in_its_length() -> None:
    assert SPANISH.translate("new york house " * 20_000).count("casa") == 20_000


SIX = ("en", "de", "es", "fr", "ja", "zh")
LANGS = st.sampled_from(SIX)


def letters(text: str) -> list[str]:
    return [character.lower() for character in text if character.isalnum()]


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("en", "ja", "Yes, no: good; 3,5 and 1.2.", "Yes、 no： good； 3,5 and 1.2。"),
        ("en", "zh", 'He said "go on", then left!', "He said “go on”， then left！"),
        ("en", "ja", 'He said "go".', "He said 「go」。"),
        ("en", "zh", "Dr. Who saw it. http://a.bc/d?e=f!g", "Dr. Who saw it. http://a.bc/d?e=f!g"),
        ("en", "zh", "We left early. Why? (No.)", "We left early。 Why？ (No。)"),
        ("es", "zh", "¿Qué? ¡Bien!", "Qué？ Bien！"),
        ("zh", "en", "他说：“好，走吧！”然后走了。", '他说: "好, 走吧!" 然后走了.'),
        ("ja", "en", "１２３、ＡＢＣ・ｶﾅ（本）。", "123, ABC カナ (本)."),
        ("zh", "en", "好,是", "好, 是"),
        ("zh", "ja", "他说：“好，走。”", "他说：「好、走。」"),
        ("ja", "zh", "「はい」、本。", "“はい”，本。"),
        ("fr", "en", "« Bonjour », dit-il ; et toi ?", '"Bonjour", dit-il; et toi?'),
        ("de", "en", "„Ja“, sagte er: 3 : 2.", '"Ja", sagte er: 3 : 2.'),
        ("en", "de", "plain", "plain"),
        ("en", "ja", "", ""),
    ],
)
def test_marks_become_those_of_the_target(
    source: str, target: str, text: str, expected: str
) -> None:
    assert prepared(text, source, target) == expected


@pytest.mark.parametrize(
    ("source", "target", "given", "translation", "expected"),
    [
        ("zh", "en", "", "he goes. 3.5 dogs! 'and' cats", "He goes. 3.5 dogs! 'And' cats"),
        ("zh", "de", "", "see a.b. then c", "See a.b. Then c"),
        ("en", "de", "Dogs", "hunde", "Hunde"),
        ("en", "de", "dogs", "hunde", "hunde"),
        ("en", "de", "3 Dogs", "3 hunde", "3 hunde"),
        ("en", "es", "What? Go!", "qué? anda!", "¿Qué? ¡anda!"),
        ("es", "en", "¿Qué?", "what?", "What?"),
        ("en", "es", "?", "?", "?"),
        ("en", "zh", "Dogs", "狗 a", "狗 a"),
    ],
)
def test_sentences_begin_and_open_as_the_target_has_it(
    source: str, target: str, given: str, translation: str, expected: str
) -> None:
    assert finished(translation, given, source, target) == expected


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60), LANGS, LANGS)
def test_letters_and_digits_stay_in_their_order(text: str, source: str, target: str) -> None:
    made = finished(prepared(text, source, target), text, source, target)
    assert letters(made) == letters(text)


@given(st.text(max_size=60), LANGS, LANGS)
def test_any_text_can_be_prepared(text: str, source: str, target: str) -> None:
    finished(prepared(text, source, target), text, source, target)


@pytest.mark.parametrize("text", ["“" * 30_000, ". " * 30_000, " " * 30_000 + "a", "?! " * 30_000])
def test_a_long_text_of_marks_takes_time_linear_in_its_length(text: str) -> None:
    for source in SIX:
        for target in SIX:
            finished(prepared(text, source, target), text, source, target)


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


SIX = ("en", *LANGUAGES)


@pytest.fixture(scope="module")
def shipped():
    return load_translator("mini")


def texts(translator, source, target, *given):
    return [made.text for made in translator.translate(given, source, target)]


def test_all_ordered_pairs_of_the_six_languages_are_there(shipped):
    assert shipped.pairs() == frozenset(permutations(SIX, 2))


@pytest.mark.parametrize(
    ("source", "target", "text", "word"),
    [
        ("en", "de", "The dog is big.", "Hund"),
        ("en", "es", "The house is red.", "casa"),
        ("en", "fr", "I like the cat.", "chat"),
        ("en", "zh", "I love this book.", "书"),
        ("en", "ja", "The battery is big.", "バッテリー"),
        ("de", "en", "Der Hund ist groß.", "dog"),
        ("zh", "en", "我喜欢猫。", "cat"),
        ("ja", "en", "これは犬です。", "dog"),
        ("de", "fr", "Der Hund ist groß.", "chien"),
    ],
)
def test_everyday_words_find_their_counterpart(shipped, source, target, text, word):
    assert word in texts(shipped, source, target, text)[0]


def test_texts_come_back_in_their_order_one_for_each(shipped):
    given = ["The dog.", "", "The house.", "   ", "The dog."]
    found = texts(shipped, "en", "de", *given)
    assert len(found) == len(given)
    assert found[0] == found[4] != found[2]
    assert found[1].strip() == found[3].strip() == ""


@pytest.mark.parametrize("target", LANGUAGES)
def test_numbers_and_unknown_words_are_kept(shipped, target):
    found = texts(shipped, "en", target, "The Xqzzyph costs 37 dollars.")[0]
    assert "Xqzzyph" in found
    assert "37" in found


@pytest.mark.parametrize("target", ["ja", "zh"])
def test_languages_without_spaces_get_none_between_their_words(shipped, target):
    assert " " not in texts(shipped, "en", target, "I love this book.")[0]


@pytest.mark.parametrize("text", ["\x00", "😀😀", "a" * 20_000, "‮abc", "\ud7ff", "日本語 only?"])
def test_odd_text_is_no_trouble(shipped, text):
    assert len(texts(shipped, "en", "ja", text)) == 1


def test_a_pair_outside_the_six_languages_is_refused(shipped):
    with pytest.raises(LanguageError, match="it"):
        list(shipped.translate(["ciao"], "it", "de"))


def test_an_argument_is_refused():
    with pytest.raises(ConfigError, match="'mini' takes no argument"):
        load_translator("mini:words.tsv")


def test_a_missing_or_damaged_list_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"\.tsv\.gz"):
        MiniLexicon(tmp_path)
    for lang in LANGUAGES:
        (tmp_path / f"{lang}.tsv.gz").write_bytes(gzip.compress(b"no\theader\n"))
    with pytest.raises(ModelError, match=r"\.tsv\.gz"):
        list(MiniLexicon(tmp_path).translate(["dog"], "en", "de"))


def test_other_lists_have_another_fingerprint(tmp_path, shipped):
    header = b"english\tother\tway\n"
    for lang in LANGUAGES:
        (tmp_path / f"{lang}.tsv.gz").write_bytes(gzip.compress(header + b"dog\tx\tboth\n"))
    assert MiniLexicon(tmp_path).fingerprint != shipped.fingerprint


def test_the_older_name_translates_alike_and_both_memories_still_answer(shipped):
    older = load_translator("mini-lexicon")
    assert (shipped.name, older.name) == ("mini", "mini-lexicon")
    # What was stored under these before must be found again.
    assert older.fingerprint == "mini-lexicon/1:5a3ea8c624ce7907"
    assert shipped.fingerprint == f"mini/1:e3b0c44298fc1c14 + {older.fingerprint}"
    for pair in permutations(SIX, 2):
        assert texts(older, *pair, "The dog 37.") == texts(shipped, *pair, "The dog 37.")


def test_the_table_of_translators_says_what_it_is():
    entry = TRANSLATORS["mini"]
    assert entry.license == MiniLexicon.license == "CC-BY-2.0"
    assert entry.argument == ""
