"""Encoders are measured on tiny data, with vectors that are made up or of random weights."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models import measure_encoder
from models.measuring import frozen
from models.measuring.vectors import open_encoder
from tests.support import SENTENCES

pytestmark = pytest.mark.slow

MEANING = {text: number for texts in SENTENCES.values() for number, text in enumerate(texts)}


def meanings(texts: Sequence[str]) -> np.ndarray:
    """A perfect encoder: what means the same has the same vector."""
    return np.eye(8, dtype=np.float32)[[MEANING[text] for text in texts]]


def test_a_perfect_encoder_finds_every_counterpart(tiny_data: Path) -> None:
    there, back = frozen.retrieval(tiny_data, meanings)
    assert there == back == dict.fromkeys(("de", "es", "fr", "ja", "zh"), 1.0)


def test_an_encoder_that_takes_one_sentence_for_another_loses_it_one_way(tiny_data: Path) -> None:
    def confused(texts: Sequence[str]) -> np.ndarray:
        vectors = meanings(texts)
        for row, text in zip(vectors, texts, strict=True):
            if text == SENTENCES["de"][3]:
                row[:] = np.eye(8)[5] * 0.6 + np.eye(8)[3] * 0.4
        return vectors

    there, back = frozen.retrieval(tiny_data, confused)
    assert (there["de"], back["de"], there["ja"]) == (7 / 8, 1.0, 1.0)


def test_cosines_in_the_order_of_peoples_scores_correlate_perfectly(tiny_data: Path) -> None:
    # The fixture's pairs hold sentences 0-0, 1-2, 2-4, ...; scores fall from 8 to 1.
    calls = iter(range(6))

    def falling(texts: Sequence[str]) -> np.ndarray:
        sign = 1 if next(calls) == 0 else -1
        angles = [0.0 if place % 2 == 0 else sign * place / 20 for place in range(len(texts))]
        if sign < 0:
            angles = [0.0 if angle == 0 else 1.5 + angle for angle in angles]
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    found = frozen.similarity(tiny_data, falling)
    assert found["en"] == pytest.approx(1.0)
    assert found["de"] == pytest.approx(-1.0)


def test_the_linear_classifier_is_trained_on_english_and_tested_in_all(tiny_data: Path) -> None:
    def by_label(texts: Sequence[str]) -> np.ndarray:
        first = [next(n for text, n in MEANING.items() if row.startswith(text)) for row in texts]
        return np.eye(2, dtype=np.float32)[[number % 2 for number in first]]

    found, c = frozen.classifier(tiny_data, by_label)
    assert found == dict.fromkeys((*frozen.SIX, *frozen.FIFTEEN), 1.0)
    assert c == min(frozen.GRID)


def test_vectors_are_plain_masked_means_whatever_stands_beside_them(tiny_encoder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = [*SENTENCES["ja"], *SENTENCES["en"], "a"]
    vectors = open_encoder(tiny_encoder, budget=40)(texts)
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    model = AutoModel.from_pretrained(tiny_encoder, dtype=torch.float32)
    with torch.inference_mode():
        means = [
            model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
            for text in texts
        ]
    plain = torch.nn.functional.normalize(torch.stack(means), dim=1).numpy()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (vectors * plain).sum(1).min() > 0.999


def test_tables_stand_beside_the_one_before_and_are_kept_with_the_embedded_encoder(
    tiny_data: Path, tiny_encoder: Path, embedded_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["retrieval", "sts", "frozen", "--data", str(tiny_data), "--encoder"]
    measure_encoder.main([*words, str(tiny_encoder)])
    assert not list(embedded_root.rglob("measurements.json"))
    capsys.readouterr()

    measure_encoder.main([*words, "mini", str(tiny_encoder)])
    printed = capsys.readouterr().out
    assert "| before " in printed
    assert "| linear baseline " in printed
    assert "C = " in printed
    kept = json.loads((embedded_root / "encoder" / "measurements.json").read_text())["results"]
    assert [result["what"].split(",")[0] for result in kept] == [
        "Tatoeba retrieval", "Tatoeba retrieval", "STS test", "SIB-200", "SIB-200"
    ]  # fmt: skip
    assert kept[0]["command"] == "python -m models.measure_encoder retrieval"
    assert set(kept[2]["values"]) == set(frozen.SIX)


def test_fine_tuning_is_done_once_and_its_weights_are_thrown_away(
    tiny_data: Path, tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fine-tuned", "--encoder", str(tiny_encoder), "--data", str(tiny_data)]
    words += ["--seeds", "2", "--epochs", "1", "--work", str(tmp_path / "runs")]
    measure_encoder.main(words)
    first = capsys.readouterr().out
    assert "±" in first
    assert not list(tmp_path.rglob("*.safetensors"))
    assert len(list((tmp_path / "runs").iterdir())) == 2

    measure_encoder.main(words)
    again = capsys.readouterr().out
    assert again.count("done before") == 2
    assert again.partition("\n\n")[2] == first.partition("\n\n")[2]


def test_tweets_are_learnt_language_by_language(
    tiny_data: Path, tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["umsab", "--encoder", str(tiny_encoder), "--data", str(tiny_data), "--seeds", "1"]
    measure_encoder.main([*words, "--epochs", "1", "--work", str(tmp_path / "runs")])
    printed = capsys.readouterr().out
    assert [word for word in printed.split() if word.startswith("umsab-")] == [
        f"umsab-{lang}-seed0:" for lang in ("en", "de", "es", "fr")
    ]
    assert "| linear baseline " in printed
