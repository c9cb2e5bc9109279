"""Encoders are measured on tiny data, with vectors that are made up or of random weights."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models import measure_encoder
from models.measuring import before, frozen
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
        f"umsab-{lang}-seed0:" for lang in measure_encoder.NATIVE
    ]
    assert f"{before.NATIVE}: accuracy" in printed
    # The English training is tested in the others too.
    assert printed.partition(before.TWEETS)[2].count(" fr ") == 2


def write(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode()))
    return path


def test_opinions_are_balanced_and_the_same_items_in_all_languages(tmp_path: Path) -> None:
    labels = ["positive"] * 6 + ["negative"] * 3 + ["neutral"] * 3
    tables = {
        lang: [
            {"id": f"{lang}{n}", "text": f"{lang} {n}", "label": label, "lang": lang,
             "parallel_id": f"p{n:02}", "labels_agree": n != 0, "domain": "food"}
            for n, label in enumerate(labels)
        ]
        for lang in ("en", "de")
    }  # fmt: skip
    tables["de"].reverse()
    chosen = {}
    for lang, rows in tables.items():
        path = measure_encoder._balanced(
            write(tmp_path / f"{lang}.test.jsonl.gz", rows), 3, tmp_path / "x"
        )
        chosen[lang] = pl.read_ndjson(path)
        assert chosen[lang]["label"].value_counts().sort("label").rows() == [
            ("negative", 3), ("positive", 3)
        ]  # fmt: skip
    assert chosen["en"]["parallel_id"].equals(chosen["de"]["parallel_id"])
    assert "p00" not in chosen["en"]["parallel_id"]


def test_intents_that_no_training_row_has_are_not_asked_for(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"

    def row(lang: str, part: str, n: int, label: str) -> dict[str, object]:
        text = f"{SENTENCES[lang][n % 8]} {part} {n}"
        return {"id": f"{lang}{part}{n}", "text": text, "label": label, "lang": lang,
                "parallel_id": f"{part}{n}"}  # fmt: skip

    known = [row("en", "valid", n, ("alarm", "weather")[n % 2]) for n in range(8)]
    write(data / "xsid" / "en.validation.jsonl.gz", known)
    for lang in ("en", "de", "ja", "zh"):
        rows = [row(lang, "test", n, ("alarm", "weather", "timer")[n % 3]) for n in range(9)]
        write(data / "xsid" / f"{lang}.test.jsonl.gz", rows)
    words = ["xsid", "--encoder", str(tiny_encoder), "--data", str(data), "--seeds", "1"]
    measure_encoder.main([*words, "--epochs", "1", "--work", str(tmp_path / "runs")])
    assert f"{before.INTENTS}: accuracy, one seed" in capsys.readouterr().out
    [predictions] = tmp_path.rglob("predictions.parquet")
    tested = pl.read_parquet(predictions).filter(pl.col("model") == "encoder")
    assert tested["lang"].value_counts().sort("lang").rows() == [
        (lang, 6) for lang in ("de", "en", "ja", "zh")
    ]
