"""Predicting on a Ray cluster of which a node dies gives what it gives on one machine."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
from safetensors.torch import load_file, save_file

from babelift.cluster.ray import AHEAD, ATTEMPTS, IN_FLIGHT, Pool, Worker
from babelift.config import PredictConfig
from babelift.errors import ConfigError, DataError, ModelError
from babelift.prediction.job import run_predict
from babelift.prediction.on_ray import PredictingWorker, RayPredictor
from babelift.prediction.predictor import BATCHES_AT_A_TIME, Predictor
from tests.conftest import NODES
from tests.support import SENTENCES, tiny_classifier

pytestmark = pytest.mark.slow

TEXTS = [
    f"{text} {number}" for texts in SENTENCES.values() for text in texts for number in range(99)
]
BATCH_SIZE = 2
WINDOW = BATCH_SIZE * BATCHES_AT_A_TIME


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """This process computes as the nodes do: with two threads other bits may come out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class NotingPool(Pool):
    """Notes how many pieces each worker had that died."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lost: list[int] = []

    def replace(self, dead: Worker) -> None:
        self.lost += [dead.calls] if dead in self.workers else []
        super().replace(dead)

    def processes(self) -> dict[str, tuple[Worker, int]]:
        """The worker on each node and its process, once all have begun."""

        def where(process: Any) -> tuple[str, int]:
            return ray.get_runtime_context().get_node_id(), os.getpid()

        places = ray.get([worker.actor.__ray_call__.remote(where) for worker in self.workers])
        return {
            node: (worker, pid) for worker, (node, pid) in zip(self.workers, places, strict=True)
        }


class Fragile:
    """A worker that dies of the text `poison`."""

    def __init__(self) -> None:
        self.worker = PredictingWorker()

    def __call__(self, recipe: Any, texts: Sequence[str], batch_size: int) -> Any:
        if "poison" in texts:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.worker(recipe, texts, batch_size)


@contextmanager
def on_ray(model: Path, make: Any = PredictingWorker, **options: Any) -> Iterator[RayPredictor]:
    with Pool(make, workers=1) as pool:
        yield RayPredictor(model, pool, **options)


class Acting:
    """A display that does something after each window."""

    def __init__(self, act: Callable[[int], None]) -> None:
        self.windows, self.texts, self.act = 0, 0, act

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "rows") -> Iterator["Acting"]:
        assert total == len(TEXTS)
        yield self

    def advance(self, amount: float = 1) -> None:
        self.windows, self.texts = self.windows + 1, self.texts + int(amount)
        self.act(self.windows)

    def describe(self, text: str) -> None: ...

    def say(self, message: str) -> None: ...


def test_parts_come_in_order_and_an_early_end_does_no_harm(cluster: Any, model: Path) -> None:
    local = Predictor.load(model)
    parts = [TEXTS[: WINDOW + 1], [], ["bad \ud83d end"], TEXTS[:WINDOW]]
    expected = list(local.stream_proba(parts, batch_size=BATCH_SIZE))
    with on_ray(model) as there:
        assert there.labels == local.labels
        begun = there.stream_proba(parts, batch_size=BATCH_SIZE)
        assert np.array_equal(next(begun), expected[0])
        begun.close()
        found = list(there.stream_proba(iter(parts), batch_size=BATCH_SIZE))
        assert list(map(len, found)) == list(map(len, parts))
        assert all(map(np.array_equal, found, expected))
        assert list(there.stream_proba([])) == []


def test_texts_are_taken_as_they_are_needed(cluster: Any, model: Path) -> None:
    taken = 0

    def parts() -> Iterator[list[str]]:
        nonlocal taken
        for text in TEXTS:
            taken += 1
            yield [text]

    with on_ray(model) as there:
        for number, _ in enumerate(there.stream_proba(parts()), 1):
            assert taken <= number + AHEAD
            if number == 2 * AHEAD:
                break


def test_bfloat16_gives_the_labels_of_float32(cluster: Any, model: Path) -> None:
    texts = TEXTS[:: len(TEXTS) // WINDOW]
    exact = Predictor.load(model).predict_proba(texts)
    with on_ray(model, precision="bf16") as there:
        (near,) = there.stream_proba([texts], batch_size=BATCH_SIZE)
    assert (near != exact).any(), "nothing was computed in bfloat16"
    assert near == pytest.approx(exact, abs=0.1)
    assert np.array_equal(near.argmax(axis=1), exact.argmax(axis=1))


def test_errors_of_the_model_come_back_as_themselves(cluster: Any, tmp_path: Path) -> None:
    damaged = tiny_classifier(tmp_path, ["a", "b"])
    weights = load_file(damaged / "model.safetensors")
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})
    with on_ray(damaged) as there:
        with pytest.raises(ModelError, match="not finite") as error:
            list(there.stream_proba([["good"]]))
        assert "train it again" in (error.value.hint or "")
        with pytest.raises(DataError, match=r"text 2 must be a string\. Got None"):
            list(there.stream_proba([["good", None]]))  # type: ignore[list-item]


def test_another_model_on_a_node_is_refused(cluster: Any, tmp_path: Path) -> None:
    labels = ["a", "b"]
    model = tiny_classifier(tmp_path / "model", labels)
    for change, message in [
        (lambda: tiny_classifier(model, labels, seed=1), "is another on node"),
        (lambda: (model / "config.json").unlink(), "on node .* holds no model"),
    ]:
        with on_ray(model) as there:
            change()
            with pytest.raises(ModelError, match=message):
                list(there.stream_proba([["good"]]))


def test_texts_that_kill_every_process_are_an_error(cluster: Any, model: Path) -> None:
    with on_ray(model, Fragile) as there:
        begun = there.stream_proba([["good"], ["bad", "poison"]])
        assert next(begun).shape == (1, len(there.labels))
        message = f"{ATTEMPTS} processes .* the same 2 texts"
        with pytest.raises(ModelError, match=message) as error:
            next(begun)
        assert "--batch-size" in (error.value.hint or "")


def test_ray_is_named_where_it_is_not_installed(
    babelift: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "in.jsonl").write_text('{"text": "Good."}\n')
    done = babelift("predict", model, "in.jsonl", "--out", "out.jsonl", "--on", "ray")
    assert done.code == 1
    assert "pip install 'babelift[ray]'" in done.err
    assert not (tmp_path / "out.jsonl").exists()


def test_processes_on_a_cluster_need_a_cluster() -> None:
    with pytest.raises(ConfigError, match="only used with on 'ray'"):
        PredictConfig.from_mapping({"workers": 4})


def test_the_command_writes_the_same_file_on_ray_as_here(
    cluster: Any, model: Path, tmp_path: Path
) -> None:
    table = tmp_path / "in.jsonl"
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS[:WINDOW]))
    settings = {"model": str(model), "input": str(table), "batch_size": BATCH_SIZE}
    outputs = []
    for on in ("ray", "local"):
        out = tmp_path / f"{on}.jsonl"
        run_predict(PredictConfig.from_mapping({**settings, "out": out, "on": on}))
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]


def test_a_node_that_dies_in_the_middle_changes_nothing(cluster: Any, model: Path) -> None:
    doomed = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
    parts = [TEXTS[start : start + 1000] for start in range(0, len(TEXTS), 1000)]
    processes: dict[str, tuple[Worker, int]] = {}

    with NotingPool(PredictingWorker) as pool:

        def kill_node(windows: int) -> None:
            if windows == 1:
                processes.update(pool.processes())
                assert len(processes) == NODES
                return
            worker, process = processes.get(doomed.node_id, (None, 0))
            if worker and worker.calls == IN_FLIGHT:
                processes.clear()
                os.kill(process, signal.SIGKILL)
                cluster.remove_node(doomed, allow_graceful=False)

        display = Acting(kill_node)
        there = RayPredictor(model, pool).stream_proba(
            parts, len(TEXTS), batch_size=BATCH_SIZE, progress=display
        )
        results = list(there)
    assert any(pool.lost), "the process on the node had nothing to do"
    assert display.texts == len(TEXTS)
    expected = Predictor.load(model).stream_proba(parts, batch_size=BATCH_SIZE)
    assert all(map(np.array_equal, results, expected))
    assert len(results) == len(parts)
