"""Weights in four bits become a plain folder in the cache, once."""

import stat
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from babelift.embedded import count_weights, identity, packed, size
from babelift.embedded.packed import FILE, SCALE, read_packed, unpack, unpacked
from babelift.errors import ModelError
from tests.support.models import tiny_mini


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, where nothing is unpacked yet."""
    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A packed folder: two rows of 64 weights and a bias, beside the files of a tiny encoder."""
    folder = tiny_mini(tmp_path / "shipped" / "encoder")
    (folder / "model.safetensors").unlink()
    codes = np.arange(2 * 2 * 16, dtype=np.uint8).reshape(2, 2, 16)
    scales = np.array([[1, 0.5], [0.25, 2]], np.float16)
    save_file(
        {"a.weight": codes, f"a.weight{SCALE}": scales, "a.bias": np.ones(3, np.float16)},
        folder / FILE,
    )
    return folder


def test_each_weight_is_its_half_byte_less_eight_times_its_scale() -> None:
    codes = np.zeros((1, 2, 16), np.uint8)
    codes[0, 0, 0], codes[0, 1, 15] = 0xF1, 0x08
    weights = unpack(codes, np.array([[0.5, 2]], np.float16))
    assert (weights.shape, weights.dtype) == ((1, 64), np.float16)
    assert weights[0, 0] == (1 - 8) * 0.5
    assert weights[0, 16] == (15 - 8) * 0.5
    assert weights[0, 32 + 15] == (8 - 8) * 2
    assert weights[0, 32 + 31] == (0 - 8) * 2
    assert set(weights[0, 1:16]) == {-4.0}


def test_the_plain_folder_has_the_weights_and_the_other_files_as_they_are(folder: Path) -> None:
    (folder / "measurements.json").write_text("{}")
    plain = unpacked(folder, identity(folder))
    tensors = load_file(plain / "model.safetensors")
    assert set(tensors) == {"a.weight", "a.bias"}
    assert (tensors["a.weight"] == read_packed(folder / FILE)["a.weight"]).all()
    for path in folder.iterdir():
        if path.name not in (FILE, "measurements.json"):
            assert (plain / path.name).read_bytes() == path.read_bytes()
    assert not {FILE, "measurements.json"} & {path.name for path in plain.iterdir()}
    mode = stat.S_IMODE((plain / "model.safetensors").stat().st_mode)
    (plain.parent / "new").touch()
    assert mode == stat.S_IMODE((plain.parent / "new").stat().st_mode)


def test_it_is_made_once_and_again_where_something_was_taken_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = unpacked(folder, "0" * 64)
    with monkeypatch.context() as patch:
        patch.setattr(packed, "_write", None)
        assert unpacked(folder, "0" * 64) == plain
    (plain / "model.safetensors").unlink()
    left = plain.with_name(f"{plain.name}.partial")
    left.mkdir()
    assert unpacked(folder, "0" * 64) == plain
    assert (plain / "model.safetensors").is_file()
    assert not left.exists()


def test_other_content_gets_another_folder(folder: Path) -> None:
    assert unpacked(folder, "0" * 64) != unpacked(folder, "1" * 64)


@pytest.mark.parametrize("damage", ["cut", "shape", "missing"])
def test_damaged_weights_are_one_clear_error_and_leave_nothing(
    folder: Path, cache: Path, damage: str
) -> None:
    path = folder / FILE
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "missing":
        path.unlink()
    else:
        tensors = load_file(path)
        save_file(tensors | {f"a.weight{SCALE}": np.ones((5, 7), np.float16)}, path)
    with pytest.raises(ModelError, match="cannot be unpacked") as caught:
        unpacked(folder, "2" * 64)
    assert caught.value.hint == "Install Babelift again."
    assert not [path for path in (cache / "embedded").iterdir() if path.is_dir()]


def test_packed_weights_are_counted_as_what_they_become(folder: Path) -> None:
    assert count_weights(folder / FILE) == 2 * 64 + 3
    assert size(folder).startswith("0 M weights, ")
