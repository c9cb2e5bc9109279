"""Two processes on one machine give what one process gives."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys
from pathlib import Path

import accelerate, torch
import transformers.models.auto.modeling_auto, transformers.models.auto.tokenization_auto
import transformers.models.distilbert.modeling_distilbert
from babelift.config import Training
from babelift.train.gather import gather_rows
from babelift.train.losses import OTCLoss
from babelift.train.trainer import train_classifier

torch.set_num_threads(1)
rank = int(os.fork() == 0)
os.environ |= {
    "WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank),
    "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": sys.argv[3], "ACCELERATE_USE_CPU": "true",
}
import polars as pl

accelerator = accelerate.Accelerator()

# Vectors are compared over processes, and the gradient is that of the whole.
random = torch.Generator().manual_seed(0)
u, v = torch.randn(2, 5, 4, generator=random)
groups = torch.tensor([0, 1, 1, 2, 3])
weight = torch.randn(4, 3, generator=random)
alone = weight.clone().requires_grad_()
whole = OTCLoss(0.5)(u @ alone, v @ alone, groups)
whole.backward()
mine = slice(0, 3) if rank == 0 else slice(3, 5)
shared = weight.clone().requires_grad_()
loss = OTCLoss(0.5, gather=True)(u[mine] @ shared, v[mine] @ shared, groups[mine])
loss.backward()
torch.testing.assert_close(loss, whole)
torch.testing.assert_close(accelerator.reduce(shared.grad, "mean"), alone.grad)
assert gather_rows(groups[mine]).tolist() == groups.tolist()

rows, folder = pl.read_parquet(sys.argv[1]), Path(sys.argv[2])
settings = Training.model_validate_json(sys.argv[4])
train_classifier(rows, rows.head(9), settings, labels=["bad", "good"], run_dir=folder)
if rank == 0:
    assert os.wait()[1] == 0
"""


def run_two(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_two_processes_train_the_same_classifier(tmp_path, rows_of, quick, tiny_encoder, labels):
    import json
    import shutil

    import torch
    from safetensors.torch import load_file

    from babelift.train.trainer import train_classifier

    steady = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, steady)
    config = json.loads((steady / "config.json").read_text())
    config |= {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0}
    (steady / "config.json").write_text(json.dumps(config))
    settings = quick(
        encoder=str(steady),
        ratio="1:2",
        batch_size=15,
        steps=6,
        class_weights=True,
        otc_projection=4,
        learn_temperature=True,
        checkpoint_every=3,
    )
    rows = rows_of(15)
    table = tmp_path / "rows.parquet"
    rows.write_parquet(table)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run_two(str(table), str(tmp_path / "two"), str(port), settings.model_dump_json())
    train_classifier(rows, rows.head(9), settings, labels=labels, run_dir=tmp_path / "one")
    one, two = (
        load_file(Path(tmp_path) / name / "model" / "model.safetensors") for name in ("one", "two")
    )
    for name, value in one.items():
        if name.endswith("k_lin.bias"):
            continue  # attention does not depend on it: its gradient is rounding, which Adam scales
        torch.testing.assert_close(value, two[name], rtol=1e-3, atol=1e-4)
    logs = [
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    for first, second in zip(*logs, strict=True):
        assert first["step"] == second["step"]
        for key in ("ce", "otc", "retrieval_at_1", "mean"):
            if key in first:
                assert first[key] == pytest.approx(second[key], rel=1e-3)
