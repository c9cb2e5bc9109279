"""Both trainings group sentences by length, and go on exactly where they were stopped."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.training import HalfTrained, chunks, cosine


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(30, 200))
def test_every_sentence_is_in_one_run_and_no_run_exceeds_its_budget(lengths, budget):
    order = np.argsort(lengths, kind="stable")
    runs = list(chunks(order, lengths, budget))
    assert np.concatenate(runs).tolist() == order.tolist()
    assert all(len(run) * max(lengths[i] for i in run) <= budget for run in runs)


def test_a_sentence_above_the_budget_stands_alone():
    assert [run.tolist() for run in chunks(np.array([0, 1]), [2, 90], 10)] == [[0], [1]]


def test_the_rate_rises_to_its_peak_and_falls_to_nothing():
    rates = [cosine(step, 10, 100) for step in range(101)]
    assert rates[9] == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)


def made(seed=0):
    torch.manual_seed(seed)
    model = torch.nn.Linear(4, 3)
    return HalfTrained(model, lambda weights: torch.optim.AdamW(weights.values(), lr=1e-2))


def update(trained, step):
    random = torch.Generator().manual_seed(step)
    rows = torch.randn(8, 4, generator=random).bfloat16()
    trained.model(rows).float().pow(2).mean().backward()
    return trained.step()


def test_small_updates_are_kept_that_bfloat16_alone_would_lose():
    trained = made()
    for group in trained.optimizer.param_groups:
        group["lr"] = 1e-6
    before = {name: weight.clone() for name, weight in trained.weights.items()}
    update(trained, 0)
    assert all(not torch.equal(before[name], trained.weights[name]) for name in before)
    assert trained.model.weight.dtype == torch.bfloat16


def test_training_that_was_stopped_gives_the_same_weights(tmp_path):
    whole = made()
    for step in range(6):
        update(whole, step)
    first = made()
    for step in range(3):
        update(first, step)
    first.keep(3, tmp_path, {"steps": 6})
    second = made(seed=1)
    assert second.resume(tmp_path) == 3
    for step in range(3, 6):
        update(second, step)
    for name, weight in whole.weights.items():
        assert torch.equal(weight, second.weights[name])


def test_without_kept_state_training_begins_at_the_start(tmp_path):
    assert made().resume(tmp_path) == 0


def test_a_finished_model_has_the_float32_weights():
    trained = made()
    update(trained, 0)
    model = trained.finished()
    assert model.weight.dtype == torch.float32
    assert torch.equal(model.weight, trained.weights["weight"])
