"""What is read of an embedded model's folder."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from babelift.embedded import count_weights, describe_part, read_measurements
from babelift.errors import ModelError


def test_weights_are_counted_whatever_their_type(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors = {"a": torch.zeros(3, 4), "b": torch.zeros(5, dtype=torch.bfloat16)}
    save_file(tensors, path, metadata={"format": "pt"})
    assert count_weights(path) == 17
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="is not a safetensors file"):
        count_weights(path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 12, b"\x02\0\0\0\0\0\0\0[]", b"\x04" + b"\0" * 7]
)
def test_what_is_no_safetensors_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not a safetensors file"):
        count_weights(path)


def test_a_folder_without_measurements_has_none(stand_ins: Path) -> None:
    assert read_measurements(stand_ins / "encoder") is None
    assert describe_part("encoder")["measurements"] is None
    assert (
        set(describe_part("encoder"))
        == set(describe_part("nothing"))
        == {"where", "size", "measurements"}
    )
