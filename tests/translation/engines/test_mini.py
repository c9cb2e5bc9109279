"""The translator `mini`: per pair the model or the lexicon, whichever its files name."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from babelift.config import Translating
from babelift.errors import LanguageError, ModelError
from babelift.testing import SENTENCES, tiny_m2m100
from babelift.testing.translators import FunctionTranslator
from babelift.translation.engines.convert import converted
from babelift.translation.engines.ctranslate2 import CT2Translator
from babelift.translation.engines.mini import PAIRS, MiniTranslator, load, read_choice
from babelift.translation.protocol import Translation, Translator
from babelift.translation.registry import TRANSLATORS, load_translator

ENGLISH = SENTENCES["en"]


def words(name: str = "words/1") -> FunctionTranslator:
    """Stands for the lexicon: does every pair of the six languages, from and into English."""
    return FunctionTranslator(
        lambda text, source, target: f"{target}: {text}",
        name=name,
        unit="text",
        pairs=[pair for pair in PAIRS if "en" in pair],
    )


@pytest.fixture
def model_folder(stand_ins: Path) -> Path:
    """A random model in the place of the embedded one; nothing says yet when to use it."""
    folder = stand_ins / "translator"
    shutil.copytree(
        converted(tiny_m2m100(stand_ins / "published"), "int8", name="published"), folder
    )
    return folder


@pytest.fixture
def lexicon(monkeypatch: pytest.MonkeyPatch) -> FunctionTranslator:
    """Takes the place of the embedded lexicon."""
    made = words()
    monkeypatch.setattr(
        "babelift.translation.engines.lexicon.load_embedded", lambda argument, config: made
    )
    return made


def choose(folder: Path, choice: dict[str, str]) -> None:
    (folder / "choice.json").write_text(json.dumps(choice), encoding="utf-8")


def outputs(translator: Translator, source: str = "en", target: str = "de") -> list[Translation]:
    return list(translator.translate(ENGLISH, source, target))


def test_each_pair_is_translated_by_what_is_named_for_it(
    model_folder: Path, lexicon: FunctionTranslator
) -> None:
    choose(model_folder, {"en>de": "model", "de>en": "model", "en>ja": "lexicon"})
    translator = load_translator("mini")
    assert isinstance(translator, Translator)
    assert (translator.name, translator.unit) == ("mini", "sentence")
    assert translator.license == TRANSLATORS["mini"].license
    alone = CT2Translator(model_folder, name="alone")
    assert outputs(translator) == outputs(alone)
    assert [made.text for made in outputs(translator, "en", "ja")] == [
        f"ja: {text}" for text in ENGLISH
    ]
    assert outputs(translator, "en", "zh")[0].text == f"zh: {ENGLISH[0]}"
    assert translator.pairs() == {pair for pair in PAIRS if "en" in pair}
    assert translator.uses_model("de", "en")
    assert not translator.uses_model("en", "zh")
    translator.close()
    translator.close()


def test_texts_are_counted_by_what_translates_them(
    model_folder: Path, lexicon: FunctionTranslator
) -> None:
    choose(model_folder, {"en>de": "model"})
    translator = load("", Translating())
    alone = CT2Translator(model_folder, name="alone")
    assert translator.count_tokens(ENGLISH, "en", "de") == alone.count_tokens(ENGLISH, "en", "de")
    assert translator.count_tokens(["国際連合"], "zh", "en") == [4]
    assert translator.max_input_tokens == alone.max_input_tokens


def test_without_the_model_the_lexicon_does_it_all(
    stand_ins: Path, lexicon: FunctionTranslator
) -> None:
    translator = load("", Translating())
    assert [made.text for made in outputs(translator)] == [f"de: {text}" for text in ENGLISH]
    assert translator.variant() is translator
    with pytest.raises(LanguageError, match="mini cannot translate from 'de' into 'fr'"):
        list(translator.translate(["Hut"], "de", "fr"))
    with pytest.raises(LanguageError, match="cannot translate from 'en' into 'it'"):
        list(translator.translate(["hat"], "en", "it"))


def test_where_the_model_does_every_pair_no_lexicon_is_needed(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babelift.translation.engines.lexicon.load_embedded", None)
    choose(model_folder, {">".join(pair): "model" for pair in PAIRS})
    assert load("", Translating()).pairs() == set(PAIRS)


def test_settings_reach_the_model(model_folder: Path, lexicon: FunctionTranslator) -> None:
    choose(model_folder, {"en>de": "model"})
    found = {
        load("", config).fingerprint
        for config in (
            Translating(), Translating(beam_size=4), Translating(compute_type="float32"),
        )
    }  # fmt: skip
    assert len(found) == 3
    assert outputs(load("", Translating(beam_size=4))) == outputs(
        CT2Translator(model_folder, name="alone", beam_size=4)
    )


def test_the_fingerprint_covers_all_that_changes_an_output(
    model_folder: Path, lexicon: FunctionTranslator
) -> None:
    choose(model_folder, {"en>de": "model"})
    first = load("", Translating()).fingerprint
    assert load("", Translating()).fingerprint == first
    assert "words/1" in first
    choose(model_folder, {"en>de": "model", "en>fr": "model"})
    other_choice = load("", Translating()).fingerprint
    lexicon.fingerprint = "words/2"
    other_lexicon = load("", Translating()).fingerprint
    assert len({first, other_choice, other_lexicon}) == 3


def test_a_missing_model_changes_the_fingerprint_as_it_changes_the_output() -> None:
    one = MiniTranslator(None, words(), {})
    assert one.fingerprint.endswith(" + words/1")
    assert MiniTranslator(None, words(), {("en", "de"): "model"}).fingerprint == one.fingerprint
    assert MiniTranslator(None, words(), {("en", "de"): "model"}).pairs() == one.pairs()


def test_a_faulty_translation_is_tried_with_the_model_and_other_decoding(
    model_folder: Path, lexicon: FunctionTranslator
) -> None:
    choose(model_folder, {"en>de": "model"})
    translator = load("", Translating())
    other = translator.variant()
    assert other.name == "mini-beam5"
    assert other.fingerprint != translator.fingerprint
    alone = CT2Translator(model_folder, name="alone").variant()
    for pair in (("en", "de"), ("en", "ja")):
        assert outputs(other, *pair) == outputs(alone, *pair)


@pytest.mark.parametrize(
    "choice", [{"en>de": "both"}, {"en>en": "model"}, {"en-de": "model"}, {"en>xx": "model"}]
)
def test_a_choice_that_cannot_be_meant_is_refused(tmp_path: Path, choice: dict[str, str]) -> None:
    choose(tmp_path, choice)
    with pytest.raises(ModelError, match=f"'{next(iter(choice))}: "):
        read_choice(tmp_path / "choice.json")


def test_a_damaged_choice_is_one_clear_error(tmp_path: Path) -> None:
    assert read_choice(tmp_path / "choice.json") == {}
    (tmp_path / "choice.json").write_text("{")
    with pytest.raises(ModelError, match=r"choice\.json' cannot be read"):
        read_choice(tmp_path / "choice.json")


def test_the_model_alone_does_every_pair_and_no_language_that_its_tokenizer_merely_names(
    model_folder: Path,
) -> None:
    with closing(load_translator("mini-m2m100")) as alone:
        assert alone.pairs() == frozenset(PAIRS)
        assert alone.name == "mini-m2m100"
        assert outputs(alone) == outputs(CT2Translator(model_folder, name="x"))
