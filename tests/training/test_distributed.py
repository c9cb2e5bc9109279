"""Two processes on one machine give what one process gives."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

LEARN = """
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from babelift.training.learner import Learner
from babelift.training.trainer import train_classifier

def watched(rows, settings, folder, rank):
    # Trains, and writes down each update's rows, loss and gradient before it is clipped.
    real, noted, kept = Learner.gradients, [], {}

    def gradients(self, batch, step):
        values = real(self, batch, step)
        part = batch.shard(self._accelerator.process_index, self._accelerator.num_processes)
        noted.append({"rows": batch.rows.tolist(), "part": part.rows.tolist(), **values})
        if step < 2:
            for name, weight in self._model.named_parameters():
                kept[f"{step}.{name}"] = weight.grad.clone()
            for name, weight in self._objective.named_parameters():
                kept[f"{step}.objective.{name}"] = weight.grad.clone()
        return values

    Learner.gradients = gradients
    try:
        train_classifier(rows, rows.head(9), settings, labels=["bad", "good"], run_dir=folder)
    finally:
        Learner.gradients = real
    save_file(kept, folder / f"gradients-{rank}.safetensors")
    (folder / f"updates-{rank}.json").write_text(json.dumps(noted))
"""

SCRIPT = """
import os, sys
from pathlib import Path

import accelerate, torch
import transformers.models.auto.modeling_auto, transformers.models.auto.tokenization_auto
import transformers.models.distilbert.modeling_distilbert
from babelift.config import Training
from babelift.training.losses import gather_rows
from babelift.training.losses import OTCLoss

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
torch.testing.assert_close(loss, whole, rtol=1e-5, atol=1e-6)
torch.testing.assert_close(
    accelerator.reduce(shared.grad, "mean"), alone.grad, rtol=1e-5, atol=1e-6
)
assert gather_rows(groups[mine]).tolist() == groups.tolist()

rows, folder = pl.read_parquet(sys.argv[1]), Path(sys.argv[2])
settings = Training.model_validate_json(sys.argv[4])
watched(rows, settings, folder, rank)
if rank == 0:
    assert os.wait()[1] == 0
"""
UPDATES = 6
UPDATES = 6


def run_two(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEARN + SCRIPT, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def updates(folder: Path, rank: int) -> list[dict]:
    return json.loads((folder / f"updates-{rank}.json").read_text())


@pytest.mark.parametrize(
    "changes",
    [
        {
            "ratio": "1:2",
            "batch_size": 15,
            "class_weights": True,
            "otc_projection": 4,
            "learn_temperature": True,
        },
        {"otc_form": "kl", "label_smoothing": 0.1, "batch_size": 16},
        {"otc_form": "supcon"},
    ],
)
def test_two_processes_train_the_same_classifier(tmp_path, rows_of, quick, steady, changes):
    import torch
    from safetensors.torch import load_file

    settings = quick(encoder=str(steady), steps=UPDATES, checkpoint_every=3, **changes)
    rows = rows_of(15)
    table = tmp_path / "rows.parquet"
    rows.write_parquet(table)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one, two = tmp_path / "one", tmp_path / "two"
    run_two(str(table), str(two), str(port), settings.model_dump_json())
    scope: dict[str, Any] = {}
    exec(LEARN, scope)
    scope["watched"](rows, settings, one, 0)

    # The same batches in the same order, each split between the two.
    alone, halves = updates(one, 0), (updates(two, 0), updates(two, 1))
    assert len(alone) == UPDATES
    for whole, first, second in zip(alone, *halves, strict=True):
        assert whole["rows"] == first["rows"] == second["rows"]
        assert sorted(whole["rows"]) == sorted(first["part"] + second["part"])
        assert 0 < len(first["part"]) < len(whole["rows"])

    # The same loss and gradient, while the weights are equal; both processes know them.
    gradients = load_file(one / "gradients-0.safetensors")
    for rank in (0, 1):
        for key in ("loss", "ce", "otc"):
            assert halves[rank][0][key] == pytest.approx(alone[0][key], rel=1e-5, abs=1e-5)
        for name, value in load_file(two / f"gradients-{rank}.safetensors").items():
            step, close = name.partition(".")[0], 1e-5 if name.startswith("0.") else 1e-4
            assert step in "01"
            torch.testing.assert_close(value, gradients[name], rtol=close, atol=close)

    first, second = (load_file(folder / "model" / "model.safetensors") for folder in (one, two))
    for name, value in first.items():
        if name.endswith("k_lin.bias"):
            continue  # attention does not depend on it: its gradient is rounding, which Adam scales
        # Where a gradient is tiny Adam makes much of its rounding: a tenth of the learning rate,
        # and for a weight in a thousand, which has next to no gradient, up to all of it.
        apart = (value - second[name]).abs()
        assert (apart > 1e-3).float().mean() <= 1e-3, name
        assert apart.max() <= 1e-2, name
    logs = [
        [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (one, two)
    ]
    for first, second in zip(*logs, strict=True):
        assert (first["kind"], first["step"]) == (second["kind"], second["step"])
        for key in ("ce", "otc", "retrieval_at_1", "mean", "gradient_norm"):
            if key in first:
                assert first[key] == pytest.approx(second[key], rel=1e-3, abs=1e-4)
    assert logs[0][-1]["f1_micro"] == logs[1][-1]["f1_micro"]
