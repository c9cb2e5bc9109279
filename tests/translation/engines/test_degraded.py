"""Translators spoilt on purpose: what is done to words, and the memory behind it."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.config import Translating
from babelift.corpus.rows import originals
from babelift.errors import ConfigError, LanguageError
from babelift.testing import FunctionTranslator
from babelift.translation.engines.degraded import (
    KINDS,
    Damage,
    Degraded,
    Draw,
    Kind,
    Senses,
    draws,
    drop,
    has_senses,
    load_senses,
    replace,
    shuffle,
)
from babelift.translation.engines.words import Cut, cut_words
from babelift.translation.memory import Memory
from babelift.translation.protocol import DerivedTranslator, Translation, Translator
from babelift.translation.registry import describe, load_translator, parse
from tests.support.driver import translate_rows

shares = st.floats(0, 1)
pieces = st.sampled_from(["a", "bb", "ccc,", "dd", "(e)", "“ff”", "7", "gg.", "hh!"])
texts = st.lists(pieces).map(" ".join)


def spoilt_by(text: str) -> tuple[Cut, list[Draw]]:
    cut = cut_words(text)
    return cut, draws(text, "en", 0, len(cut.words))


def marked(cut: Cut) -> Cut:
    """The same text with a number on each word, so that equal words can be told apart."""
    return Cut([f"{word}{place}" for place, word in enumerate(cut.words)], cut.gaps)


def test_drawing_is_the_same_forever() -> None:
    # Written down once: whoever changes how it is drawn changes every study.
    assert [round(one.hit, 4) for one in draws("Good.", "de", 0, 3)] == [0.0093, 0.9855, 0.2068]


def test_another_text_language_or_seed_draws_other_numbers() -> None:
    drawn = {
        draws(text, lang, seed, 1)[0]
        for text in ("a", "b")
        for lang in ("de", "fr")
        for seed in (0, 1)
    }
    assert len(drawn) == 8


def test_a_share_of_the_words_is_hit() -> None:
    hits = [one.hit for number in range(200) for one in draws(str(number), "de", 0, 50)]
    for strength in (0.1, 0.3, 0.8):
        assert abs(sum(hit < strength for hit in hits) / len(hits) - strength) < 0.015


@given(texts)
def test_no_strength_no_damage(text: str) -> None:
    cut, draw = spoilt_by(text)
    assert drop(cut, draw, 0) == shuffle(cut, draw, 0) == text
    assert replace(cut, draw, 0, lambda word, number: "x") == text


@given(texts)
def test_at_full_strength_drop_keeps_one_word(text: str) -> None:
    cut, draw = spoilt_by(text)
    assert len(cut_words(drop(cut, draw, 1)).words) == min(1, len(cut.words))


@given(texts, shares, shares)
def test_drop_at_a_greater_strength_leaves_out_more_of_the_same_words(
    text: str, one: float, other: float
) -> None:
    cut, draw = spoilt_by(text)
    less, more = (cut_words(drop(marked(cut), draw, share)).words for share in sorted((one, other)))
    assert set(more) <= set(less) <= set(marked(cut).words)
    kept = iter(marked(cut).words)
    assert all(word in kept for word in less)  # in their order


@given(texts, shares, shares)
def test_shuffle_at_a_greater_strength_moves_the_same_words_and_more(
    text: str, one: float, other: float
) -> None:
    cut, draw = spoilt_by(text)
    numbered = marked(cut)
    moved = []
    for share in sorted((one, other)):
        words = cut_words(shuffle(numbered, draw, share)).words
        assert Counter(words) == Counter(numbered.words)
        moved.append({i for i, word in enumerate(words) if word != numbered.words[i]})
        hit = {i for i, number in enumerate(draw) if number.hit < share}
        assert moved[-1] == (hit if len(hit) > 1 else set())
    assert moved[0] <= moved[1]


@given(texts, shares, shares)
def test_replace_at_a_greater_strength_puts_the_same_words_and_more(
    text: str, one: float, other: float
) -> None:
    cut, draw = spoilt_by(text)
    less, more = (
        cut_words(replace(cut, draw, share, lambda word, number: f"x{number}")).words
        for share in sorted((one, other))
    )
    for before, after, word in zip(less, more, cut.words, strict=True):
        assert after == before or before == word


def test_the_words_that_are_hit_change_places_in_the_order_drawn() -> None:
    cut = cut_words("A b, c d!")
    draw = [Draw(0.1, 0.9), Draw(0.9, 0.0), Draw(0.2, 0.1), Draw(0.3, 0.5)]
    # In the order of the second numbers: c, d, A; c goes to d's place, d to A's, A to c's.
    assert shuffle(cut, draw, 0.5) == "d b, A c!"
    assert shuffle(cut, draw, 0.15) == "A b, c d!"


def test_dropping_keeps_the_word_with_the_highest_number_and_a_clean_text() -> None:
    cut = cut_words("Well, he said (loudly): “Good, very good!”")
    hits = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    for strength, text in (
        (0.15, "he said (loudly): “Good, very good!”"),
        (0.45, "“Good, very good!”"),
        (0.55, "“very good!”"),
        (1.0, "“good!”"),
    ):
        assert drop(cut, [Draw(hit, 0.0) for hit in hits], strength) == text


def test_a_text_without_words_stays() -> None:
    cut, draw = spoilt_by("?! ... 😀")
    assert draw == []
    assert drop(cut, draw, 1) == shuffle(cut, draw, 1) == "?! ... 😀"


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


TEXTS = {
    "de": "Der alte Mann sagte, das Geld (etwa 20 Euro) sei auf der Bank am Fluss.",
    "fr": "L'homme a dit que l'argent était « à la banque » près de la rivière !",
    "ja": "この本はとても面白いので、友達に2冊買いました。",
    "zh": "这本书很有意思，所以我给朋友买了两本。",
    "en": "The old man said that the money was in the bank by the river.",
}

kinds = st.sampled_from(KINDS)


def spoilt(kind: Kind, strength: float, text: str, lang: str, seed: int = 0) -> str:
    source = "de" if lang == "en" else "en"
    base = FunctionTranslator(lambda text, source, target: text)
    degraded = Degraded(base, Damage(kind, strength, seed))
    (made,) = degraded.translate([text], source, lang)
    assert made.text is not None
    return made.text


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory.sqlite") as memory:
        yield memory


@given(kinds, st.text() | st.sampled_from(list(TEXTS.values())), st.sampled_from(list(TEXTS)))
def test_at_strength_zero_nothing_is_changed(kind: Kind, text: str, lang: str) -> None:
    assert spoilt(kind, 0, text, lang) == text


@given(kinds, st.floats(0, 1), st.text(), st.sampled_from(list(TEXTS)))
def test_any_text_can_be_spoilt_and_is_spoilt_alike(
    kind: Kind, strength: float, text: str, lang: str
) -> None:
    assert spoilt(kind, strength, text, lang) == spoilt(kind, strength, text, lang)


@pytest.mark.parametrize("lang", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_spoilt_at_half_strength_a_text_is_another_with_each_seed(kind: Kind, lang: str) -> None:
    made = {spoilt(kind, 0.5, TEXTS[lang], lang, seed) for seed in range(4)}
    assert len(made) == 4
    assert TEXTS[lang] not in made


@pytest.mark.parametrize("lang", ["ja", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_languages_without_spaces_get_none(kind: Kind, lang: str) -> None:
    for strength in (0.2, 0.5, 1):
        assert " " not in spoilt(kind, strength, TEXTS[lang], lang)


def test_drop_at_full_strength_keeps_one_word() -> None:
    made = spoilt("drop", 1, TEXTS["de"], "de")
    assert len(made.split()) == 1
    assert made.rstrip(".") in TEXTS["de"]
    assert len(spoilt("drop", 1, TEXTS["ja"], "ja").rstrip("。")) < 5


@pytest.mark.parametrize("lang", TEXTS)
def test_shuffle_keeps_every_character_and_sense_every_number(lang: str) -> None:
    moved = spoilt("shuffle", 0.7, TEXTS[lang], lang)
    assert sorted(moved.replace(" ", "")) == sorted(TEXTS[lang].replace(" ", ""))
    digits = [mark for mark in TEXTS[lang] if mark.isdigit()]
    assert [mark for mark in spoilt("sense", 1, TEXTS[lang], lang) if mark.isdigit()] == digits


def test_a_missing_or_empty_translation_stays_and_a_cut_one_stays_cut() -> None:
    class Base(FunctionTranslator):
        def translate(self, texts, source_lang, target_lang):
            return iter([Translation(None), Translation(""), Translation("a b c", truncated=True)])

    degraded = Degraded(Base(lambda text, source, target: text), Damage("drop", 1.0))
    *empty, last = degraded.translate(["x", "y", "z"], "en", "de")
    assert empty == [Translation(None), Translation("")]
    assert last.truncated
    assert last.text in ("a", "b", "c")


@pytest.mark.parametrize(
    ("argument", "damage", "translator"),
    [
        ("drop=0.3:mini", Damage("drop", 0.3), "mini"),
        ("sense=.4:seed=7:mini", Damage("sense", 0.4, 7), "mini"),
        ("shuffle=1:table:a,b.csv#x:y=1", Damage("shuffle", 1.0), "table:a,b.csv#x:y=1"),
        (
            "drop=0.10:degraded:shuffle=0.5:mini",
            Damage("drop", 0.1),
            "degraded:shuffle=0.5:mini",
        ),
        (" drop = 0.3 : mini", Damage("drop", 0.3), "mini"),
    ],
)
def test_its_string_says_what_is_done_to_which_translator(
    argument: str, damage: Damage, translator: str
) -> None:
    assert Damage.parse(argument) == (damage, translator)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("degraded", "needs an argument: degraded:KIND=SHARE:TRANSLATOR"),
        ("degraded:drp=0.3:mini", "kind 'drp' is not known; did you mean 'drop'"),
        ("degraded:mini", "kind 'mini' is not known"),
        ("degraded:drop=1.5:mini", "must be a number from 0 to 1. Got '1.5'"),
        ("degraded:drop=-0.1:mini", "must be a number from 0 to 1. Got '-0.1'"),
        ("degraded:drop=nan:mini", "must be a number from 0 to 1. Got 'nan'"),
        ("degraded:drop=0,3:mini", "must be a number from 0 to 1. Got '0,3'"),
        ("degraded:drop=0.3,mini", "must be a number from 0 to 1. Got '0.3,mini'"),
        ("degraded:drop:mini", "must be a number from 0 to 1. Got ''"),
        ("degraded:drop=0.3", "needs a translator to spoil: degraded:KIND=SHARE:TRANSLATOR"),
        ("degraded:drop=0.3:", "needs a translator to spoil"),
        ("degraded:drop=0.3:seed=2", "needs a translator to spoil"),
        (
            "degraded:drop=0.3:seed=x:mini",
            "the seed must be a whole number of up to 18 digits. Got 'x'",
        ),
        ("degraded:drop=0.3:mni", "translator 'mni' is not known; did you mean 'mini'"),
        ("degraded:drop=0.3:lexicon", "translator 'lexicon' needs an argument"),
        ("degraded:drop=0.3:degraded:drp=1:mini", "kind 'drp' is not known"),
    ],
)
def test_a_wrong_string_is_refused_before_anything_is_loaded(spec: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(spec)
    assert message in str(error.value)


def test_it_loads_by_name_and_says_what_it_is() -> None:
    plain = load_translator("mini-lexicon")
    degraded = load_translator("degraded:sense=0.30:mini-lexicon", config=Translating())
    assert isinstance(degraded, Translator)
    assert isinstance(degraded, DerivedTranslator)
    assert not isinstance(plain, DerivedTranslator)
    assert degraded.name == "mini-lexicon+sense=0.3"
    assert (degraded.unit, degraded.license) == (plain.unit, "CC-BY-2.0")
    assert degraded.pairs() == plain.pairs()
    (before,) = plain.translate(["The dog is big."], "en", "de")
    (after,) = degraded.translate(["The dog is big."], "en", "de")
    assert before.text is not None
    assert after.text == spoilt("sense", 0.3, before.text, "de")
    degraded.close()
    degraded.close()


def test_babelift_models_lists_it() -> None:
    (entry,) = [row for row in describe() if str(row["name"]).startswith("degraded")]
    assert entry["name"] == "degraded:KIND=SHARE:TRANSLATOR"
    assert all(kind in str(entry["description"]) for kind in KINDS)
    json.dumps(entry)


def test_kind_strength_seed_and_translator_are_in_the_fingerprint() -> None:
    one, other = (FunctionTranslator(lambda text, s, t: text, name=name) for name in "ab")
    made = [
        Degraded(one, Damage("drop", 0.3)),
        Degraded(one, Damage("shuffle", 0.3)),
        Degraded(one, Damage("drop", 0.4)),
        Degraded(one, Damage("drop", 0.3, seed=1)),
        Degraded(other, Damage("drop", 0.3)),
        Degraded(Degraded(one, Damage("drop", 0.3)), Damage("drop", 0.3)),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert len({one.name for one in made}) == len(made)
    assert made[0].fingerprint == Degraded(one, Damage("drop", 0.3)).fingerprint


def test_sense_is_possible_where_the_lexicon_knows_the_words() -> None:
    anything = FunctionTranslator(lambda text, source, target: text)
    assert Degraded(anything, Damage("drop", 0.3)).pairs() is None
    pairs = Degraded(anything, Damage("sense", 0.3)).pairs()
    assert pairs is not None
    assert {("it", "de"), ("de", "en"), ("en", "ja")} <= pairs
    assert not {("en", "it"), ("it", "en"), ("de", "de")} & pairs
    few = FunctionTranslator(lambda text, source, target: text, pairs=[("en", "de"), ("en", "it")])
    degraded = Degraded(few, Damage("sense", 0.3))
    assert degraded.pairs() == {("en", "de")}
    with pytest.raises(LanguageError, match="cannot translate from 'en' into 'it'"):
        degraded.translate(["one"], "en", "it")


def test_a_reference_that_is_spoilt_is_one_no_more(tmp_path: Path) -> None:
    file = tmp_path / "made.csv"
    file.write_text(
        "source_lang,target_lang,source_text,target_text,system\nen,de,a,b c d,reference\n"
    )
    degraded = load_translator(f"degraded:drop=1:table:{file}#reference")
    assert getattr(degraded, "origin", "machine") == "machine"


def test_what_the_memory_holds_of_the_other_translator_is_not_translated_again(
    memory: Memory,
) -> None:
    def words(text: str, source: str, target: str) -> str:
        return f"{text.lower()} eins zwei drei vier"

    base = FunctionTranslator(words)
    rows = originals(
        ids=["1", "2"], texts=["One. Two.", "Two."], labels=["a", "b"], langs=["en", "en"]
    )
    plain = translate_rows(rows, ["de"], base, memory=memory, quality="keep")
    assert sorted(base.seen) == ["One.", "Two."]
    for strength in (0.0, 0.5, 1.0):
        degraded = Degraded(base, Damage("drop", strength))
        made = translate_rows(rows, ["de"], degraded, memory=memory, quality="keep")
        assert made.report.tally.from_memory == 3
        assert made.report.tally.translated == 0
        assert made.rows["translator"].unique().to_list() == [degraded.name]
        expected = [
            " ".join(
                spoilt("drop", strength, words(part, "en", "de"), "de")
                for part in text.replace(". ", ".|").split("|")
            )
            for text in rows["text"]
        ]
        assert made.rows["text"].to_list() == expected
    assert len(base.seen) == 2
    assert len(memory) == 2
    assert plain.rows["text"][1] == "two. eins zwei drei vier"


def test_what_it_translates_itself_serves_the_other_translator_too(memory: Memory) -> None:
    base = FunctionTranslator(lambda text, source, target: text.upper())
    rows = originals(ids=["1"], texts=["One two three."], labels=["a"], langs=["en"])
    twice = Degraded(Degraded(base, Damage("drop", 0.5)), Damage("shuffle", 1.0))
    translate_rows(rows, ["de"], twice, memory=memory, quality="keep")
    made = translate_rows(rows, ["de"], base, memory=memory, quality="keep")
    assert made.rows["text"].to_list() == ["ONE TWO THREE."]
    assert base.seen == ["One two three."]


def test_texts_are_cut_and_counted_as_for_the_other_translator(memory: Memory) -> None:
    class Counting(FunctionTranslator):
        max_input_tokens = 20

        def count_tokens(self, texts, source_lang, target_lang):
            return [2 * len(text.split()) for text in texts]

    base = Counting(lambda text, source, target: text)
    degraded = Degraded(base, Damage("shuffle", 0.5))
    assert degraded.count_tokens(["a b"], "en", "de") == [4]
    text = " ".join(["word"] * 15) + ", " + " ".join(["more"] * 15)
    rows = originals(ids=["1"], texts=[text], labels=["a"], langs=["en"])
    translate_rows(rows, ["de"], base, memory=memory, quality="keep")
    asked = len(base.seen)
    translate_rows(rows, ["de"], degraded, memory=memory, quality="keep")
    assert len(base.seen) == asked > 1
