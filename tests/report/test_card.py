"""The model card: what the hub reads, and what a user must know."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from babelift.report.card import base_model, card_license, escaped, write_model_card
from tests.report.conftest import manifest_of, metrics_of, scores

MakeRun = Callable[..., Path]


def parts(path: Path) -> tuple[dict[str, Any], str]:
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_front_matter_is_what_the_hub_expects(make_run: MakeRun) -> None:
    path = write_model_card(make_run())
    assert path.name == "README.md"
    assert path.parent.name == "model"
    front, _ = parts(path)
    assert front == {
        "language": ["en", "de", "es", "fr", "ja", "zh"],
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["babelift", "cross-lingual"],
        "base_model": "distilbert/distilbert-base-multilingual-cased",
    }


def test_the_hub_library_can_read_the_card(make_run: MakeRun) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard.load(write_model_card(make_run()))
    assert card.data.license == "apache-2.0"
    assert card.data.pipeline_tag == "text-classification"


def test_the_body_tells_scores_limits_use_and_source(make_run: MakeRun) -> None:
    _, body = parts(write_model_card(make_run()))
    for line in (
        "| Japanese | .38 [.30, .47] | .37 [.28, .46] | .57 [.48, .66] |",
        'pipeline("text-classification"',
        "tested on machine-translated text",
        "Translations: by m2m100 (licence: MIT); 3,380 of 3,505 kept after checks.",
        "arXiv:2405.05478",
        "## Limits",
        "- translator m2m100: MIT",
    ):
        assert line in body, line


def test_every_row_of_the_table_has_the_same_cells(make_run: MakeRun) -> None:
    for ordinal in (True, False):
        languages = {"de": scores(mae=0.1, qwk=0.2), "|x|": scores(mae=0.1, qwk=0.2)}
        metrics = metrics_of(languages, ordinal=ordinal).model_dump()
        _, body = parts(write_model_card(make_run(f"run-{ordinal}", metrics=metrics)))
        rows = [line.replace("\\|", "") for line in body.splitlines() if line.startswith("|")]
        assert len(rows) == 5
        assert len({row.count("|") for row in rows}) == 1


def test_labels_cannot_break_the_card(make_run: MakeRun) -> None:
    labels = ["<script>", "a|b", "[x](javascript:y)", "two\nlines", "# no heading", "1."]
    metrics = metrics_of({"de": scores(confusion=[[1] * 6] * 6, labels=labels)}, labels=labels)
    _, body = parts(write_model_card(make_run(metrics=metrics.model_dump())))
    assert "<script>" not in body.replace("\\<script>", "")
    assert "- two lines\n" in body
    assert "- \\# no heading\n" in body
    assert "](javascript" not in body
    assert "- 1\\.\n" in body


def test_a_non_commercial_part_decides_the_licence(
    make_run: MakeRun, manifest: dict[str, Any]
) -> None:
    manifest["licenses"][1] |= {"name": "nllb-600m", "license": "CC-BY-NC-4.0"}
    front, body = parts(write_model_card(make_run()))
    assert front["license"] == "cc-by-nc-4.0"
    assert "**Not for commercial use**: translator nllb-600m is under CC-BY-NC-4.0." in body


def test_without_a_known_licence_the_card_says_so() -> None:
    assert card_license(manifest_of()) == "unknown"
    note = "non-commercial use only"
    barred = [{"what": "encoder", "name": "x", "license": None, "note": note}]
    assert card_license(manifest_of(licenses=barred)) == "other"


@pytest.mark.parametrize("encoder", ["scratch", "", "/models/own", "../own", "a/b/c"])
def test_an_encoder_that_is_not_on_the_hub_is_no_base_model(encoder: str) -> None:
    assert base_model(encoder) is None


def test_a_folder_named_like_a_hub_id_is_no_base_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert base_model("models/mine") is None


def test_a_zero_shot_card_says_that_nothing_was_translated(
    make_run: MakeRun, manifest: dict[str, Any], metrics: dict[str, Any]
) -> None:
    manifest |= {"arm": "zero-shot", "translation": None, "training": None}
    metrics |= {"languages": {}, "linear": {}}
    _, body = parts(write_model_card(make_run(predictions=None)))
    assert "No translations were used." in body
    assert "It was not tested: there were no test rows." in body


def test_escaping_leaves_plain_sentences_alone() -> None:
    sentence = "It averages F1-micro .59, from .51 [.44, .58] in Japanese."
    assert escaped(sentence) == sentence
