"""Translators spoilt on purpose: their strings, their output, and the memory behind them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.config import Translating
from babelift.corpus.rows import originals
from babelift.errors import ConfigError, LanguageError
from babelift.testing import FunctionTranslator
from babelift.translation.driver import translate_rows
from babelift.translation.engines.degraded import KINDS, Damage, Degraded, Kind
from babelift.translation.memory import Memory
from babelift.translation.protocol import DerivedTranslator, Translation, Translator
from babelift.translation.registry import describe, load_translator, parse

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
