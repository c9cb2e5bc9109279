"""The models that ship are whole, and plain libraries open them."""

from pathlib import Path

import pytest
import torch

from babelift import embedded
from babelift.config import Translating
from babelift.embedded import count_weights, read_measurements
from babelift.training.encoder import ENCODERS, _license, load_encoder
from babelift.translation.engines.mini import PAIRS
from babelift.translation.registry import TRANSLATORS, load_translator

SAME = {
    "en": "The cat is sleeping on the sofa.",
    "de": "Die Katze schläft auf dem Sofa.",
    "es": "El gato está durmiendo en el sofá.",
    "fr": "Le chat dort sur le canapé.",
    "ja": "猫がソファーで眠っている。",
    "zh": "猫正睡在沙发上。",
}
OTHER = "I would like to pay my bill by credit card."


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """An embedded model's folder."""
    path: Path = embedded.ROOT / request.param
    return path


only = pytest.mark.parametrize


@only("folder", ["encoder"], indirect=True)
def test_plain_transformers_opens_the_encoder_without_a_missing_or_unknown_weight(
    folder: Path,
) -> None:
    from transformers import AutoModel

    model, loading = AutoModel.from_pretrained(folder, output_loading_info=True)
    missing = [name for name in loading["missing_keys"] if not name.startswith("pooler.")]
    assert missing == []
    assert list(loading["unexpected_keys"]) == []
    assert count_weights(folder / "model.safetensors") <= sum(
        weight.numel() for weight in model.parameters()
    )


@only("folder", ["encoder"], indirect=True)
def test_a_sentence_and_its_translation_have_close_vectors(folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer([*SAME.values(), OTHER], padding=True, return_tensors="pt")
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        hidden = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"].unsqueeze(-1)
    vectors = torch.nn.functional.normalize((hidden * mask).sum(dim=1) / mask.sum(dim=1), dim=1)
    likeness = vectors @ vectors.T
    assert likeness[:6, :6].min() > 0.5
    assert likeness[6, :6].max() < 0.4


@only("folder", ["encoder"], indirect=True)
def test_the_encoder_reads_every_character_of_the_six_languages(folder: Path) -> None:
    tokenizer = load_encoder("mini", ["a", "b"], seed=0).tokenizer
    for text in (*SAME.values(), "ÄÖÜß œ ñ ¿¡ カタカナ 1234 %€", ""):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids, text
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


@only("name", ["mini", "mini-m2m100", "mini-lexicon"])
def test_the_translator_that_ships_does_all_thirty_pairs(name: str) -> None:
    translator = load_translator(name, config=Translating())
    assert translator.pairs() == set(PAIRS)
    for source, target in PAIRS:
        [made] = translator.translate([SAME[source]], source, target)
        assert made.text
        assert made.text != SAME[source]
    translator.close()


@only("folder", ["encoder", "translator", "lexicon"], indirect=True)
def test_each_has_a_card_with_the_licence_that_is_shown(folder: Path) -> None:
    named = (ENCODERS["mini"], TRANSLATORS["mini"], TRANSLATORS["mini-lexicon"])
    (entry,) = (entry for entry in named if entry.embedded == folder.name)
    assert str(_license(folder)).lower() in str(entry.license).lower()
    measured = read_measurements(folder)
    assert measured is None or measured.results
