"""Batches that do not fit into memory are computed in parts, with the loss of the whole."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import DistilBertForSequenceClassification

from babelift.errors import BabeliftWarning, TrainingError
from babelift.training.learner import out_of_memory
from babelift.training.log import TrainResult
from babelift.training.trainer import train_classifier

CPU = "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"


@pytest.fixture
def train(tmp_path, rows_of, labels, quick, steady) -> Callable[..., TrainResult]:
    def run(name: str, **changes) -> TrainResult:
        values = {"encoder": str(steady), "learning_rate": 1e-3, "steps": 4, **changes}
        rows, settings = rows_of(24), quick(**values)
        return train_classifier(rows, None, settings, labels=labels, run_dir=tmp_path / name)

    return run


@pytest.fixture
def limit(monkeypatch) -> Callable[..., list[int]]:
    """Lets no more than so many rows through a forward, or a backward, of training."""

    def set_limit(rows: int, error: Exception | None = None, *, backward: bool = False):
        real, seen = DistilBertForSequenceClassification.forward, []
        error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

        def fail(*_: object) -> None:
            raise error

        def forward(self, input_ids, **named):
            output = real(self, input_ids, **named)
            if self.training:
                seen.append(len(input_ids))
                if len(input_ids) > rows and not backward:
                    raise error
                if len(input_ids) > rows and output.logits.requires_grad:
                    output.logits.register_hook(fail)
            return output

        monkeypatch.setattr(DistilBertForSequenceClassification, "forward", forward)
        return seen

    return set_limit


def same_weights(one: Path, two: Path) -> None:
    first, second = (load_file(folder / "model" / "model.safetensors") for folder in (one, two))
    for name, value in first.items():
        if not name.endswith("k_lin.bias"):
            # Attention does not depend on that: its gradient is rounding, which Adam scales.
            # An update moves a weight by up to 1e-3; how sums are rounded depends on the processor.
            torch.testing.assert_close(value, second[name], rtol=1e-5, atol=3e-5)


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"otc": False},
        {"ratio": "1:2", "batch_size": 9, "same_label": "masked"},
        {"otc_form": "kl", "otc_weight": 1.0},
        {"otc_form": "supcon", "otc_projection": 8},
        {"otc_projection": 8, "learn_temperature": True, "pooling": "mean"},
        {"otc_pairs": "dropout"},
        {"class_weights": True, "label_smoothing": 0.1, "clip": 0.05},
    ],
)
def test_parts_give_the_weights_of_the_whole_batch(train, limit, tmp_path, changes):
    assert train("whole", **changes).parts == 1
    seen = limit(3)
    with pytest.warns(BabeliftWarning, match=r"memory ran out at update 1 \(\d rows of up to"):
        result = train("parts", **changes)
    assert result.parts == 4
    assert max(seen[3:]) <= 3
    same_weights(tmp_path / "whole", tmp_path / "parts")
    for one, two in zip(logged(tmp_path / "whole"), logged(tmp_path / "parts"), strict=True):
        for key in ("loss", "ce", "otc", "retrieval_at_1", "gradient_norm"):
            # The divergence of two nearly equal predictions is a small difference of numbers near
            # 1; what float32 rounds off those, about 1e-7, is many of its last digits.
            assert one[key] == pytest.approx(two[key], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("error", [RuntimeError(CPU), MemoryError(), None])
def test_every_kind_of_running_out_is_known_and_told_once(train, limit, error):
    limit(2, error)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert train("run").parts == 4
    assert [item.category for item in told] == [BabeliftWarning]


def test_running_out_in_the_backward_pass_leaves_no_gradient_behind(train, limit, tmp_path):
    train("whole")
    limit(4, backward=True)
    with pytest.warns(BabeliftWarning):
        assert train("parts").parts == 2
    same_weights(tmp_path / "whole", tmp_path / "parts")


def test_a_single_text_that_does_not_fit_is_a_clear_error(train, limit):
    limit(0)
    with (
        pytest.warns(BabeliftWarning),
        pytest.raises(TrainingError, match="update 1: not even a single text fits") as caught,
    ):
        train("run")
    assert "--max-length" in str(caught.value)


def test_other_errors_are_not_taken_for_it(train, limit):
    limit(2, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        train("run")
    assert not out_of_memory(ValueError("out of memory"))


def test_dropout_of_a_part_is_the_same_in_both_passes(train, limit, tiny_encoder, monkeypatch):
    from babelift.training.learner import Learner

    real, seen = Learner._encode, []

    def encode(self, tokens, rows):
        logits, vectors = real(self, tokens, rows)
        if self._model.training:
            seen.append((rows.tolist(), logits.detach().tolist()))
        return logits, vectors

    monkeypatch.setattr(Learner, "_encode", encode)
    limit(4)
    with pytest.warns(BabeliftWarning):
        train("run", encoder=str(tiny_encoder), steps=2)
    assert len(seen) == 2 * 4
    for first in (0, 4):
        assert seen[first : first + 2] == seen[first + 2 : first + 4]
    assert seen[0][1] != seen[4][1]


def test_a_resumed_training_goes_on_in_parts(train, limit, tmp_path, tiny_encoder, killed_after):
    changes = {"encoder": str(tiny_encoder), "steps": 6, "checkpoint_every": 2}
    limit(4)
    with pytest.warns(BabeliftWarning):
        train("once", **changes)

    with killed_after(4), pytest.warns(BabeliftWarning):
        train("twice", **changes)
    result = train("twice", **changes)  # and without a warning: it knows
    assert (result.resumed_from, result.parts) == (4, 2)
    files = [tmp_path / name / "model" / "model.safetensors" for name in ("once", "twice")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_validation_takes_fewer_texts_at_a_time(train, tmp_path, rows_of, labels, quick, steady):
    settings = quick(encoder=str(steady), steps=2)
    validation = rows_of(12, first=50)
    arguments = (rows_of(12), validation, settings)
    whole = train_classifier(*arguments, labels=labels, run_dir=tmp_path / "one")
    real = DistilBertForSequenceClassification.forward

    def forward(self, input_ids, **named):
        if not self.training and len(input_ids) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, input_ids, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DistilBertForSequenceClassification, "forward", forward)
        parts = train_classifier(*arguments, labels=labels, run_dir=tmp_path / "two")
    assert parts.validation == whole.validation
