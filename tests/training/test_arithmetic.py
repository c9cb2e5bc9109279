"""Half precision, attention without its fast kernels, and encoders that read very long texts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from babelift.config import PredictConfig, Training
from babelift.prediction.job import run_predict
from babelift.prediction.predictor import Predictor
from babelift.progress import quiet
from babelift.training.encoder import load_encoder
from babelift.training.trainer import train_classifier
from tests.support import tiny_distilbert
from tests.support.encoders import (
    tiny_bge_m3,
    tiny_e5,
    tiny_mdeberta,
    tiny_mmbert,
    tiny_xlm_roberta,
)

KINDS: dict[str, Callable[[Path], Path]] = {
    "distilbert": tiny_distilbert, "modernbert": tiny_mmbert, "deberta": tiny_mdeberta,
    "xlm-roberta": tiny_xlm_roberta, "bert, one more layer": tiny_e5,
    "xlm-roberta, one more layer": lambda folder: tiny_e5(folder, "xlm-roberta"),
}  # fmt: skip

LABELS = ["bad", "good"]


def trained(folder: Path, rows: pl.DataFrame, encoder: Path, **changes: Any) -> Path:
    settings = {"steps": 3, "batch_size": 8, "max_length": 32, "precision": "fp32", **changes}
    train_classifier(
        rows, None, Training(encoder=str(encoder), **settings), labels=LABELS, run_dir=folder
    )
    return folder / "model"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_and_predicts_in_bfloat16(
    kind: str, tmp_path: Path, rows_of: Any
) -> None:
    rows = rows_of(48)
    model = trained(tmp_path / "run", rows, KINDS[kind](tmp_path / "encoder"), precision="bf16")
    losses = [
        json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    ]
    assert [line["step"] for line in losses if line["kind"] == "step"] == [1, 2, 3]
    assert {value.dtype for value in load_file(model / "model.safetensors").values()} == {
        torch.float32
    }
    texts = rows["text"].to_list()
    assert len(texts) > 128  # from which bfloat16 is really used
    fast, exact = Predictor.load(model, precision="bf16"), Predictor.load(model)
    assert fast.predict(texts) == exact.predict(texts)
    assert abs(fast.predict_proba(texts) - exact.predict_proba(texts)).max() < 0.05


def loud(folder: Path) -> Path:
    """A DeBERTa with inner values beyond the 65,504 that float16 holds, as the real one has."""
    tiny_mdeberta(folder)
    weights = load_file(folder / "model.safetensors")
    for name in weights:
        if name.endswith(("intermediate.dense.weight", "encoder.layer.0.output.dense.weight")):
            weights[name] = (weights[name].float() * 400).half()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_deberta_that_float16_cannot_hold_is_trained_and_used_all_the_same(
    precision: str, tmp_path: Path, rows_of: Any
) -> None:
    folder = loud(tmp_path / "encoder")
    assert torch.float16 in {v.dtype for v in load_file(folder / "model.safetensors").values()}
    encoder = load_encoder(str(folder), LABELS, seed=0)
    inputs = encoder.tokenizer(["one", "another text"], padding=True, return_tensors="pt")
    assert encoder.model.dtype == torch.float32
    with torch.inference_mode():
        assert encoder.model(**inputs).logits.isfinite().all()
        # What Babelift never does:
        assert not encoder.model.half()(**inputs).logits.isfinite().all()
    model = trained(tmp_path / "run", rows_of(48), folder, precision=precision)
    labels = Predictor.load(model, precision=precision).predict(rows_of(48)["text"].to_list())
    assert len(labels) == 144


def test_a_classifier_in_float16_is_used_in_float32(tmp_path: Path, rows_of: Any) -> None:
    model = trained(tmp_path / "run", rows_of(8), loud(tmp_path / "encoder"))
    weights = {name: v.half() for name, v in load_file(model / "model.safetensors").items()}
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    predictor = Predictor.load(model)
    assert predictor._exact.dtype == torch.float32
    assert predictor.predict_proba(["one", "another text"]).sum() == pytest.approx(2)


def test_modernbert_attends_alike_in_both_ways_also_beyond_its_window(tmp_path: Path) -> None:
    encoder = load_encoder(str(tiny_mmbert(tmp_path)), LABELS, seed=0)
    texts = ["short", "a text that is longer than the window of 128 tokens " * 12]
    inputs = encoder.tokenizer(texts, padding=True, return_tensors="pt")
    assert inputs["attention_mask"].sum(1).max() > 256
    logits = {}
    for kind in ("sdpa", "eager"):
        encoder.model.set_attn_implementation(kind)
        with torch.inference_mode():
            logits[kind] = encoder.model(**inputs).logits
            # Padding takes no part, though nothing is unpadded.
            alone = encoder.model(**encoder.tokenizer(texts[:1], return_tensors="pt")).logits
        torch.testing.assert_close(alone, logits[kind][:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits["sdpa"], logits["eager"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
@pytest.mark.parametrize("kind", ["flash_attention_2", "flex_attention", "eager"])
def test_how_attention_is_computed_is_the_machines_matter(
    tmp_path: Path, key: str, kind: str
) -> None:
    tiny_mmbert(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["reference_compile"] is True
    (tmp_path / "config.json").write_text(json.dumps({**config, key: kind}))
    encoder = load_encoder(str(tmp_path), LABELS, seed=0)
    assert encoder.model.config._attn_implementation == "sdpa"
    assert not encoder.model.config.reference_compile


@pytest.mark.parametrize(
    ("make", "reads"), [(tiny_mmbert, 8192), (tiny_bge_m3, 8192), (tiny_distilbert, 512)]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_predict_cuts_where_training_did_and_says_how_many_rows(
    make: Any, reads: int, tmp_path: Path, rows_of: Any
) -> None:
    from transformers import pipeline

    rows = rows_of(12)
    model = trained(tmp_path / "run", rows, make(tmp_path / "encoder"), max_length=24)
    assert json.loads((model / "tokenizer_config.json").read_text())["model_max_length"] == 24
    # The texts agree in what was read in training, and in nothing behind that.
    start = "the kettle number 3: lovely " * 20
    texts = [start + "awful " * 400, start + "fine " * 5, start, "fine"]
    table = pl.DataFrame({"text": texts, "lang": ["en"] * 4})
    table.write_csv(tmp_path / "new.csv")
    said: list[str] = []
    progress = quiet()
    progress.say = said.append  # type: ignore[method-assign]
    config = PredictConfig(
        model=str(model), input=(str(tmp_path / "new.csv"),), out=tmp_path / "out.csv"
    )
    run_predict(config, progress)
    out = pl.read_csv(tmp_path / "out.csv")
    assert out["p_good"][:3].n_unique() == 1
    [sentence] = [line for line in said if "are longer than" in line]
    assert sentence.startswith("3 of 4 texts (75 %) are longer than the 24 tokens that are read")
    assert f"(--max-length; this encoder reads up to {reads:,})" in sentence
    report = json.loads((tmp_path / "out.csv.report.json").read_text())
    assert [(part["cut"], part["limit"], part["most"]) for part in report["cuts"]] == [
        (3, 24, reads)
    ]
    # Plain transformers cuts there too.
    classify = pipeline("text-classification", model=str(model))
    scores = {round(answer["score"], 5) for answer in classify(texts[:3], truncation=True)}
    assert len(scores) == 1
