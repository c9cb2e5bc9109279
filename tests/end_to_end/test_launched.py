"""`babelift fit` as launchers start it, in two processes that share each batch."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

WORDS = {"fine": "gut", "awful": "furchtbar", "kettle": "Kessel", "broken": "kaputt"}
LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    "accelerate": [
        "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1",
        "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables, a lexicon, a small encoder without dropout, and settings."""
    import torch
    from transformers import DistilBertConfig, DistilBertModel

    from babelift.training.scratch import train_tokenizer

    folder = tmp_path_factory.mktemp("corpus")
    texts, lines = [], {"train": ["id,text,label,lang"], "test": ["id,text,label,lang"]}
    for number in range(60):
        good = number % 3 != 0
        word = "fine" if good else ("awful", "broken")[number % 2]
        text = f"the kettle number {number} is {word}"
        german = " ".join(WORDS.get(part, part) for part in text.split())
        texts += [text, german]
        split = "train" if number < 40 else "test"
        lines[split].append(f"{number},{text},{'good' if good else 'bad'},en")
        if split == "test":
            lines[split].append(f"{number},{german},{'good' if good else 'bad'},de")
    for split, rows in lines.items():
        (folder / f"{split}.csv").write_text("\n".join(rows), encoding="utf-8")
    pairs = [f"en,de,{word},{german}" for word, german in WORDS.items()]
    (folder / "words.csv").write_text("\n".join(["source_lang,target_lang,source,target", *pairs]))
    tokenizer: Any = train_tokenizer(texts)
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(folder / "encoder")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = DistilBertConfig(
            vocab_size=len(tokenizer), dim=32, hidden_dim=64, n_layers=1, n_heads=2,
            max_position_embeddings=64, initializer_range=0.1, dropout=0.0, attention_dropout=0.0,
            seq_classif_dropout=0.0,
        )  # fmt: skip
        DistilBertModel(config).save_pretrained(folder / "encoder")
    settings = {
        "train": ["train.csv"], "test": ["test.csv"], "to": ["de"], "leakage": "warn",
        "translator": "lexicon:words.csv", "quality": "keep", "encoder": "encoder", "steps": 25,
        "batch_size": 8, "learning_rate": 0.01, "precision": "fp32", "near_duplicates": 0,
    }  # fmt: skip
    (folder / "run.yaml").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def start(corpus: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(launcher: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *launcher, *arguments],
            cwd=corpus,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "GLOO_SOCKET_IFNAME": "lo",
                "CUDA_VISIBLE_DEVICES": "",
                "BABELIFT_CACHE": str(corpus / "cache"),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def alone(corpus: Path, start) -> Path:
    """The run of one process."""
    out = corpus / "alone"
    done = start([], "babelift", "fit", "--config", "run.yaml", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


def steps(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "step"]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_make_the_run_of_one(start, alone, tmp_path, launcher) -> None:
    arguments = ["-m", "babelift", "fit", "--config", "run.yaml", "--out", str(tmp_path / "two")]
    done = start(LAUNCHERS[launcher], *arguments)
    assert done.returncode == 0, done.stderr
    # One voice: the first process reports, the second says nothing.
    assert done.stdout.count("Language ") == done.stdout.count("report  ") == 1
    runs = alone, tmp_path / "two"
    one, two = (json.loads((run / "metrics.json").read_text()) for run in runs)
    for lang in ("en", "de"):
        assert one["languages"][lang]["f1_micro"] == two["languages"][lang]["f1_micro"]
    one, two = (json.loads((run / "manifest.json").read_text())["training"] for run in runs)
    for name in ("steps", "order", "initial_weights", "originals", "translations", "tokens"):
        assert one[name] == two[name]
    for first, second in zip(*map(steps, runs), strict=True):
        assert first["step"] == second["step"]
    for first, second in zip(*(steps(run)[:3] for run in runs), strict=True):
        for key in ("loss", "ce", "otc", "gradient_norm"):
            assert first[key] == pytest.approx(second[key], rel=1e-4)
    if launcher == "torchrun":
        again = start(LAUNCHERS[launcher], *arguments)
        assert again.returncode == 0, again.stderr
        assert "is complete already" in again.stderr


def test_a_fault_that_the_first_process_finds_ends_them_all(start, tmp_path) -> None:
    done = start(LAUNCHERS["torchrun"], "-m", "babelift", "fit", "lost.csv", "--to", "de")
    assert done.returncode != 0
    assert done.stderr.count("UnreadableError: lost.csv: no such file") == 1
    assert "process 1:" not in done.stderr
    assert "terminate called" not in done.stderr


def test_only_fit_is_shared(start) -> None:
    done = start(LAUNCHERS["torchrun"], "-m", "babelift", "languages")
    assert done.returncode != 0
    assert done.stderr.count("only 'babelift fit' can share its work") == 1
    assert done.stdout == ""
