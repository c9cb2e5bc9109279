"""The lexicons that ship: thirty pairs, whole phrases, and nothing lost that they do not know."""

import gzip
from itertools import permutations

import pytest

from babelift.errors import ConfigError, LanguageError, ModelError
from babelift.translation.engines.lexicon import LANGUAGES, MiniLexicon
from babelift.translation.registry import TRANSLATORS, load_translator

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
