"""Every named encoder of the hub: fetched in its real file form, trained, saved, opened anywhere.

The models are small and random; one process of its own fetches and trains them all by name, and the
tests look at what came of it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from babelift.config import DEFAULT_ENCODER, Training
from babelift.prediction.predictor import Predictor
from babelift.training.encoder import ENCODERS, describe, recommended
from babelift.training.objective import pool
from tests.support import HubServer, tiny_distilbert
from tests.support.encoders import (
    pickled,
    tiny_bge_m3,
    tiny_e5,
    tiny_mbert,
    tiny_mdeberta,
    tiny_mmbert,
    tiny_xlm_roberta,
)

pytestmark = pytest.mark.slow

MAKERS: dict[str, Callable[[Path], Path]] = {
    "mmbert-small": tiny_mmbert,
    "mmbert-base": tiny_mmbert,
    "mdeberta-v3-base": tiny_mdeberta,
    "xlm-roberta-base": tiny_xlm_roberta,
    "xlm-roberta-large": tiny_xlm_roberta,
    "e5-small": tiny_e5,
    "e5-base": lambda folder: tiny_e5(folder, "xlm-roberta"),
    "e5-large": lambda folder: tiny_e5(folder, "xlm-roberta"),
    "bge-m3": tiny_bge_m3,
    "distilbert-multilingual": tiny_distilbert,
    "mbert": tiny_mbert,
}
PICKLED = ("mmbert-small", "mmbert-base", "mdeberta-v3-base", "bge-m3")
"""Their owners published no safetensors: the hub's own conversions are taken."""

CLASSES = {
    "mmbert": "ModernBert", "mdeberta": "DebertaV2", "xlm": "XLMRoberta", "e5-small": "Bert",
    "e5": "XLMRoberta", "bge": "XLMRoberta", "distilbert": "DistilBert", "mbert": "Bert",
}  # fmt: skip

TRAIN = """
import json, sys
from pathlib import Path
import polars as pl
from babelift.config import Training
from babelift.training.trainer import train_classifier
rows, folder, said = pl.read_parquet(sys.argv[1]), Path(sys.argv[2]), []
for name in sys.argv[3:]:
    settings = Training(encoder=name, steps=3, batch_size=8, max_length=16, precision="fp32")
    result = train_classifier(rows, None, settings, labels=["bad", "good"], run_dir=folder / name,
                              say=said.append)
    print(json.dumps(result.to_dict()), flush=True)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder for each name, and beside it `results.json` and the rows."""
    from tests.training.conftest import make_rows

    root = tmp_path_factory.mktemp("named")
    rows = make_rows(12)
    rows.write_parquet(root / "rows.parquet")
    made = {name: maker(root / "models" / name) for name, maker in MAKERS.items()}
    proposals = {str(ENCODERS[name].hub_id): [made[name]] for name in PICKLED}
    for name in PICKLED:
        made[name] = pickled(made[name], root / "pickled" / name)
    with HubServer({str(ENCODERS[name].hub_id): made[name] for name in MAKERS}, proposals) as hub:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **hub.environment(root / "hf")}
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, root / "rows.parquet", root, *MAKERS],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "arn" not in done.stderr, done.stderr
        assert not [r for r in hub.requests if r.path.endswith((".bin", ".pt", "modules.json"))]
    results = map(json.loads, done.stdout.splitlines())
    (root / "results.json").write_text(json.dumps(dict(zip(MAKERS, results, strict=True))))
    return root


def result_of(runs: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((runs / "results.json").read_text())[name]
    return found


def test_each_named_encoder_of_the_hub_is_tried_here() -> None:
    assert set(MAKERS) == {name for name, entry in ENCODERS.items() if entry.hub_id}


@pytest.mark.parametrize("name", MAKERS)
def test_it_was_trained_as_the_table_says(runs: Path, name: str) -> None:
    entry, result = ENCODERS[name], result_of(runs, name)
    assert (result["encoder"], result["license"]) == (name, entry.license)
    assert result["learning_rate"] == entry.learning_rate
    # Through one more layer, the first token is the mean.
    assert result["pooling"] == ("mean" if entry.reads == "the mean" else "cls")
    assert result["steps"] == 3


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_plain_transformers_opens_it_and_gives_the_labels_that_babelift_gives(
    runs: Path, name: str
) -> None:
    from transformers import pipeline

    folder = runs / name / "model"
    classify = pipeline("text-classification", model=str(folder))
    own = next(kind for start, kind in CLASSES.items() if name.startswith(start))
    assert type(classify.model).__name__ == f"{own}ForSequenceClassification"
    texts = pl.read_parquet(runs / "rows.parquet")["text"].to_list()[:8]
    texts.append("a text of more than sixteen tokens " * 9)
    answers = [answer["label"] for answer in classify(texts, truncation=True)]
    assert answers == Predictor.load(folder).predict(texts)
    assert set(answers) <= {"bad", "good"}


def head(model: Any, vectors: torch.Tensor) -> torch.Tensor:
    """The logits that a classifier's own head gives for sentence vectors `(rows, dim)`."""
    name = type(model).__name__.removesuffix("ForSequenceClassification")
    if name == "DistilBert":
        logits = model.classifier(torch.relu(model.pre_classifier(vectors)))
    elif name == "Bert":
        logits = model.classifier(torch.tanh(model.bert.pooler.dense(vectors)))
    elif name == "ModernBert":
        logits = model.classifier(model.head(vectors))
    elif name == "DebertaV2":
        logits = model.classifier(model.pooler(vectors[:, None]))
    else:
        logits = model.classifier(vectors[:, None])
    return logits


@pytest.mark.parametrize("name", MAKERS)
def test_its_head_gives_the_logits_from_the_vector_that_otc_compares(runs: Path, name: str) -> None:
    opened = Predictor.load(runs / name / "model")._opened
    inputs = opened.tokenizer(["short", "a much longer text, 12 345"], padding=True)
    ids, mask = (torch.tensor(inputs[key]) for key in ("input_ids", "attention_mask"))
    assert mask.sum() < mask.numel()
    with torch.inference_mode():
        output = opened.model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        logits = {
            pooling: head(opened.model, pool(output.hidden_states[-1], mask, pooling))
            for pooling in ("cls", "mean")
        }
    read = result_of(runs, name)["pooling"]
    other = "cls" if read == "mean" else "mean"
    torch.testing.assert_close(logits[read], output.logits, rtol=1e-4, atol=1e-5)
    if "layer" not in ENCODERS[name].reads:  # there, each token starts as the mean
        assert (logits[other] - output.logits).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["mmbert-small", "e5-small", "e5-base", "xlm-roberta-base"])
def test_the_vectors_that_are_kept_are_those_the_head_reads(runs: Path, name: str) -> None:
    opened = Predictor.load(runs / name / "model")._opened
    rows = pl.read_parquet(runs / "rows.parquet")
    texts = dict(zip(rows["id"], rows["text"], strict=True))
    kept = pl.read_parquet(runs / name / "data" / "vectors.parquet").filter(stage="after")
    inputs = opened.tokenizer(
        [texts[id_] for id_ in kept["original_id"]], padding=True, truncation=True,
        return_tensors="pt",
    )  # fmt: skip
    with torch.inference_mode():
        output = opened.model(**inputs, output_hidden_states=True)
    vectors = pool(
        output.hidden_states[-1], inputs["attention_mask"], result_of(runs, name)["pooling"]
    )
    expected = torch.nn.functional.normalize(vectors, dim=1)
    torch.testing.assert_close(
        torch.tensor(kept["original"].to_list()), expected, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("name", ["e5-small", "e5-base", "e5-large"])
def test_a_sentence_encoder_by_its_hub_id_starts_from_its_own_vector(runs: Path, name: str) -> None:
    """Also where nobody knows its name: from the folder that the hub's file made."""
    from babelift.training.encoder import load_encoder

    repo = str(ENCODERS[name].hub_id).replace("/", "--")
    [folder] = (runs / "hf" / "hub" / f"models--{repo}" / "snapshots").iterdir()
    assert (folder / "1_Pooling" / "config.json").is_file()
    encoder = load_encoder(str(folder), ["bad", "good", "so-so"], seed=0)
    inputs = encoder.tokenizer(
        ["short", "a much longer text, 12 345"], padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        output = encoder.model(**inputs, output_hidden_states=True)
    mean = pool(output.hidden_states[-2], inputs["attention_mask"], "mean")
    expected = torch.nn.functional.layer_norm(mean, mean.shape[-1:])
    first = output.hidden_states[-1][:, 0]
    assert torch.cosine_similarity(first, expected).min() > 0.99
    dense = torch.tanh(0.5 * first)
    straight = (
        encoder.model.classifier(dense)
        if name == "e5-small"
        else encoder.model.classifier.out_proj(dense)
    )
    torch.testing.assert_close(straight, output.logits, rtol=1e-4, atol=1e-5)


def test_the_table_says_enough_of_each_to_choose_by() -> None:
    for entry in describe():
        assert entry["license"] or entry["name"] == "scratch"
        assert entry["languages"]
        assert entry["reads"].startswith(("the first token", "the mean"))
        assert len(entry["description"]) <= 55  # one line of a terminal of 80 columns
        if ENCODERS[entry["name"]].hub_id:
            assert 2018 <= entry["year"] <= 2026
            assert "arXiv" in entry["known"] or "card" in entry["known"]


def test_what_is_recommended_grows_with_the_machine() -> None:
    assert recommended(0) == DEFAULT_ENCODER == Training().encoder
    assert recommended(7.9) == DEFAULT_ENCODER
    assert [recommended(memory) for memory in (8, 23, 24, 200)] == [
        "mmbert-base", "mmbert-base", "xlm-roberta-large", "xlm-roberta-large",
    ]  # fmt: skip
