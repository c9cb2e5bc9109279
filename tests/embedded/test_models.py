"""The models that ship are whole, and plain libraries open them."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch

from babelift import embedded
from babelift.config import Translating
from babelift.embedded import (
    FILE,
    Measurements,
    count_weights,
    describe_part,
    identity,
    packed,
    read_measurements,
)
from babelift.evaluation.translation_quality import text_quality
from babelift.store import write_json
from babelift.training.encoder import ENCODERS, _license, load_encoder
from babelift.translation.registry import TRANSLATORS, describe, load_translator
from models.measuring.translating import sib200

PAIRS = tuple(permutations(("en", "de", "es", "fr", "ja", "zh"), 2))

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
    """An embedded model's folder, as plain libraries open it."""
    return embedded.model_folder(request.param)


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
    own = sum(weight.numel() for weight in model.parameters())
    assert count_weights(folder / "model.safetensors") <= own
    assert count_weights(embedded.ROOT / "encoder" / packed.FILE) <= own


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
    assert likeness[:6, :6].min() > likeness[6, :6].max() + 0.05


@only("folder", ["encoder"], indirect=True)
def test_the_encoder_reads_every_character_of_the_six_languages(folder: Path) -> None:
    tokenizer = load_encoder("mini", ["a", "b"], seed=0).tokenizer
    for text in (*SAME.values(), "ÄÖÜß œ ñ ¿¡ カタカナ 1234 %€ 繁體中文 😍😡", ""):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids, text
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


@only("name", ["mini", "mini-lexicon"])
def test_the_translator_that_ships_does_all_thirty_pairs(name: str) -> None:
    translator = load_translator(name, config=Translating())
    assert translator.pairs() == set(PAIRS)
    for source, target in PAIRS:
        [made] = translator.translate([SAME[source]], source, target)
        assert made.text
        assert made.text != SAME[source]
    translator.close()


SHIPPED = [*ENCODERS.values(), *TRANSLATORS.values()]
"""All that may be shown with measurements."""


@only("entry", [entry for entry in SHIPPED if entry.embedded])
def test_each_has_a_card_with_the_licence_that_is_shown(entry: Any) -> None:
    assert _license(embedded.ROOT / entry.embedded).lower() == entry.license.lower()


@only("entry", [entry for entry in SHIPPED if entry.embedded])
def test_what_is_shown_as_measured_was_measured_of_the_files_that_ship(entry: Any) -> None:
    folder = embedded.ROOT / entry.embedded
    measurements = Measurements.model_validate_json((folder / FILE).read_bytes())
    assert measurements.results
    assert measurements.of == identity(folder)
    assert describe_part(entry.embedded)["measurements"] == measurements.model_dump()


def test_every_measurement_of_a_translator_names_a_command_that_measures_this_one() -> None:
    for row in describe():
        if row.get("measurements"):
            for result in row["measurements"]["results"]:
                assert " mini" in result["command"]


def test_the_figures_shown_of_mini_are_those_of_its_translations(data_dir: Path) -> None:
    pair = ("en", "de")
    items = sib200(data_dir, pair)
    [row] = [row for row in describe() if row["name"] == "mini"]
    shown = {result["what"]: result["values"] for result in row["measurements"]["results"]}
    made = [item.text for item in load_translator("mini").translate(items.texts, *pair)]
    quality = text_quality(made, items.references, "de")
    assert quality.chrf == pytest.approx(
        shown["SIB-200, 204 test sentences: chrF"]["en>de"], abs=0.01
    )


def test_measurements_of_other_files_than_lie_there_are_not_shown(stand_ins: Path) -> None:
    folder = stand_ins / "encoder"
    record = {"command": "run", "results": [{"what": "a", "unit": "b", "values": {"de": 1.0}}]}
    write_json({"of": identity(folder)} | record, folder / FILE)
    assert describe_part("encoder")["measurements"]["results"][0]["values"] == {"de": 1.0}
    (folder / "README.md").write_text("A card does not change what was measured.")
    assert describe_part("encoder")["measurements"]
    with (folder / "model.safetensors").open("ab") as weights:
        weights.write(b"0")
    assert read_measurements(folder) is None
