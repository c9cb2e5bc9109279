import pytest
import torch

from babelift.errors import RunError, TrainingError
from babelift.training.checkpoint import Checkpoints, State

IDENTITY = {"settings": {"seed": 0, "epochs": 3}, "labels": ["a", "b"], "data": "abc"}


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"weight": torch.full((2, 3), value)}


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints", IDENTITY)


def test_the_newest_of_two_kept_is_taken_up(checkpoints):
    for step in (10, 20, 30):
        checkpoints.save(State(step=step, seconds=1.5), tensors(step))
    names = sorted(path.name for path in checkpoints.folder.iterdir())
    assert names == ["step-000000020", "step-000000030", "training.json"]
    state, found = checkpoints.latest()
    assert state == State(step=30, seconds=1.5)
    assert torch.equal(found["weight"], tensors(30)["weight"])


def test_nothing_is_taken_up_from_an_empty_folder(checkpoints):
    assert checkpoints.latest() is None
    assert checkpoints.result is None


def test_best_weights_stay_while_a_kept_checkpoint_names_them(checkpoints):
    checkpoints.save_best(5, tensors(5))
    checkpoints.save(State(step=10, best_step=5), tensors(10))
    checkpoints.save_best(15, tensors(15))
    checkpoints.save(State(step=20, best_step=15), tensors(20))
    assert torch.equal(checkpoints.best(5)["weight"], tensors(5)["weight"])
    checkpoints.save(State(step=30, best_step=15), tensors(30))
    assert torch.equal(checkpoints.best(15)["weight"], tensors(15)["weight"])
    with pytest.raises(TrainingError, match="missing or damaged"):
        checkpoints.best(5)


def test_a_half_written_checkpoint_is_passed_over(checkpoints):
    checkpoints.save(State(step=10), tensors(10))
    checkpoints.save(State(step=20), tensors(20))
    damaged = checkpoints.folder / "step-000000020" / "state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    (checkpoints.folder / "step-000000030.partial").mkdir()
    state, _ = checkpoints.latest()
    assert state.step == 10
    checkpoints.save(State(step=30), tensors(30))
    assert checkpoints.latest()[0].step == 30


def test_another_training_is_refused_and_the_difference_named(checkpoints):
    checkpoints.save(State(step=10), tensors(10))
    other = {**IDENTITY, "settings": {"seed": 1, "epochs": 3}}
    with pytest.raises(RunError, match=r"another training \(seed: 0 there, 1 now\)"):
        Checkpoints(checkpoints.folder, other)
    with pytest.raises(RunError, match=r"another training \(other rows\)"):
        Checkpoints(checkpoints.folder, {**IDENTITY, "data": "xyz"})
    with pytest.raises(RunError, match=r"labels: \['a', 'b'\] there"):
        Checkpoints(checkpoints.folder, {**IDENTITY, "labels": ["a"]})


def test_what_stopped_before_its_first_checkpoint_gives_way(checkpoints):
    checkpoints.tokenizer.mkdir()
    checkpoints.save_best(5, tensors(5))
    Checkpoints(checkpoints.folder, {**IDENTITY, "data": "xyz"})
    assert [path.name for path in checkpoints.folder.iterdir()] == ["training.json"]
    with pytest.raises(TrainingError, match="missing or damaged"):
        checkpoints.best(5)


def test_a_finished_training_keeps_its_result_alone(checkpoints):
    checkpoints.save_best(10, tensors(10))
    checkpoints.save(State(step=10, best_step=10), tensors(10))
    checkpoints.finish({"steps": 10})
    assert [path.name for path in checkpoints.folder.iterdir()] == ["training.json"]
    assert Checkpoints(checkpoints.folder, IDENTITY).result == {"steps": 10}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.raises(TrainingError, match="cannot be written"):
        Checkpoints(tmp_path / "checkpoints", IDENTITY)
