"""OPUS-MT: the right model per pair, two hops where there is none, few open at a time."""

import json
from itertools import permutations
from pathlib import Path

import pytest

from babelift.config import Translating
from babelift.errors import LanguageError, ModelError
from babelift.languages import LANGUAGES
from babelift.translation.engines import pivot
from babelift.translation.engines.ctranslate2 import load_published
from babelift.translation.engines.opus import OpusTranslator, hub_models, load
from tests.support import SENTENCES, tiny_marian

EXACT = Translating(compute_type="float32")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user would fill it: de-en, en-ja (published as en-jap), ja-en, en-de, es-fr."""
    root = tmp_path_factory.mktemp("opus")
    for name, source, target in (
        ("opus-mt-de-en", "de", "en"),
        ("opus-mt-en-jap", "en", "ja"),
        ("opus-mt-ja-en", "ja", "en"),
        ("opus-mt-en-de", "en", "de"),
        ("opus-mt-es-fr", "es", "fr"),
    ):
        tiny_marian(root / name, source, target, seed=len(name) + ord(target[0]))
    return root


def test_the_six_languages_are_all_reachable_from_the_hub() -> None:
    translator = load("", Translating())
    pairs = translator.pairs()
    assert set(permutations(("en", "de", "es", "fr", "ja", "zh"), 2)) <= pairs
    assert all(tag in LANGUAGES for pair in pairs for tag in pair)
    assert translator.route("en", "ja") == [("en", "ja")]
    assert translator.route("ja", "fr") == [("ja", "fr")]
    assert translator.route("fr", "ja") == [("fr", "en"), ("en", "ja")]
    assert hub_models()["zh", "en"] == "Helsinki-NLP/opus-mt-zh-en"
    assert translator.license == "CC-BY-4.0 AND Apache-2.0"


def test_two_hops_are_one_model_after_the_other(models: Path) -> None:
    translator = load(str(models), EXACT)
    assert ("de", "ja") in translator.pairs()
    first = load_published(models / "opus-mt-de-en", EXACT, name="a")
    second = load_published(models / "opus-mt-en-jap", EXACT, name="b")
    english = list(first.translate(SENTENCES["de"], "de", "en"))
    expected = list(second.translate([text or "" for text, _ in english], "en", "ja"))
    found = list(translator.translate(SENTENCES["de"], "de", "ja"))
    assert [text for text, _ in found] == [text for text, _ in expected]
    assert [cut for _, cut in found] == [
        one.truncated or two.truncated for one, two in zip(english, expected, strict=True)
    ]


def test_a_direct_model_needs_no_english(models: Path) -> None:
    translator = load(str(models), EXACT)
    direct = load_published(models / "opus-mt-es-fr", EXACT, name="a")
    assert list(translator.translate(SENTENCES["es"], "es", "fr")) == list(
        direct.translate(SENTENCES["es"], "es", "fr")
    )


def test_a_pair_without_a_way_is_refused(models: Path) -> None:
    with pytest.raises(LanguageError, match="from 'fr' into 'es'"):
        list(load(str(models), EXACT).translate(["Oui."], "fr", "es"))


def test_only_a_few_models_stay_open(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pivot, "OPEN", 2)
    translator = load(str(models), EXACT)
    for pair in (("de", "en"), ("en", "ja"), ("de", "en"), ("es", "fr")):
        list(translator.translate(["a"], *pair))
    assert list(translator._open) == [("de", "en"), ("es", "fr")]
    translator.close()
    translator.close()
    assert not translator._open


def test_one_model_can_be_given_alone(models: Path) -> None:
    translator = load(str(models / "opus-mt-en-de"), EXACT)
    assert translator.pairs() == {("en", "de")}
    assert len(list(translator.translate(["Yes.", ""], "en", "de"))) == 2


def test_the_fingerprint_follows_the_models_of_a_folder(models: Path, tmp_path: Path) -> None:
    first = load(str(models), EXACT).fingerprint
    assert load(str(models), EXACT).fingerprint == first
    assert load(str(models), Translating()).fingerprint != first
    alone = tiny_marian(tmp_path / "m", "en", "de", seed=99)
    assert (
        load(str(alone), EXACT).fingerprint
        != load(str(models / "opus-mt-en-de"), EXACT).fingerprint
    )


def test_a_folder_without_models_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no OPUS-MT model"):
        load(str(tmp_path), EXACT)
    with pytest.raises(ModelError, match="holds no OPUS-MT model"):
        load(str(tmp_path / "nowhere"), EXACT)


def test_any_mapping_of_pairs_to_models_will_do(models: Path) -> None:
    translator = OpusTranslator(
        {("en", "de"): models / "opus-mt-en-de"}, EXACT, weights="mine", license="MIT"
    )
    assert "opus-mt:mine" in translator.fingerprint
    assert len(list(translator.translate(SENTENCES["en"], "en", "de"))) == len(SENTENCES["en"])


@pytest.mark.parametrize("limit", ["x", [[]], {"a": 1}, -1])
def test_a_limit_that_is_no_number_is_refused(tmp_path: Path, limit: object) -> None:
    folder = tiny_marian(tmp_path / "opus-mt-en-de", "en", "de")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": limit}))
    with pytest.raises(ModelError, match="model_max_length must be a number above 0"):
        load(str(folder), Translating())
