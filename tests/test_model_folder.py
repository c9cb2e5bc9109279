"""Folders of models that are damaged or mean harm: refused before time or memory is spent."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from babelift.errors import ModelError
from babelift.hub import check, fetch, open_model, open_tokenizer, weight_files
from babelift.model_folder import read_json, weight_shapes
from tests.support import tiny_classifier, tiny_m2m100

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_classifier(tmp_path_factory.mktemp("classifier"), LABELS)


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(copytree(model, tmp_path / "copy"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def config(**values: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "config.json", **values)


def rules(**values: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "tokenizer.json", **values)


def text(name: str, content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content)


def sparse(name: str, size: int) -> Callable[[Path], Any]:
    return lambda folder: os.truncate(folder / name, size)


def header(values: object, data: bytes = b"") -> Callable[[Path], Any]:
    def write(folder: Path) -> None:
        content = json.dumps(values).encode()
        whole = struct.pack("<Q", len(content)) + content + data
        (folder / "model.safetensors").write_bytes(whole)

    return write


def link(name: str, target: str) -> Callable[[Path], Any]:
    def write(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return write


SPLIT = {"type": "Split", "behavior": "Isolated", "invert": False}
TERABYTES = {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}

FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "layers": (config(n_layers=10**9), "n_layers '1000000000', and there can be at most"),
    "layers by another name": (config(num_hidden_layers=10**5), "num_hidden_layers '100000'"),
    "decoder layers": (config(decoder_layers=10**5), "decoder_layers '100000'"),
    "layers within": (config(text_config={"num_layers": 10**6}), "num_layers '1000000'"),
    "width": (config(dim=10**7), "dim '10000000'"),
    "width that is a size": (config(dim=65536, hidden_dim=65536), "numbers, but its weights hold"),
    "inner width": (config(hidden_dim=10**12), "hidden_dim '1000000000000'"),
    "words": (config(vocab_size=10**10), "vocab_size '10000000000'"),
    "words that are a size": (config(vocab_size=131_072, dim=2048), "numbers, but its weights"),
    "positions": (config(max_position_embeddings=10**9), "max_position_embeddings '1000000000'"),
    "computed positions": (
        config(sinusoidal_pos_embds=True, max_position_embeddings=10**7), "numbers, but its"),
    "labels": (config(num_labels=10**9, id2label=None), "num_labels '1000000000'"),
    "heads": (config(n_heads=10**9), "n_heads '1000000000'"),
    "unknown number": (config(n_things=10**9), "n_things '1000000000'"),
    "list": (config(sizes=[1] * 5000), "5,000 values for sizes"),
    "digits": (text("config.json", '{"n_layers": ' + "9" * 5000 + "}"), "cannot be read"),
    "deep list": (text("config.json", "[" * 200_000), "cannot be read"),
    "deep object": (text("config.json", '{"a":' * 200_000), "cannot be read"),
    "no object": (text("config.json", "[]"), "must hold a JSON object"),
    "no JSON": (text("config.json", "<html>"), "cannot be read"),
    "no number": (config(seq_classif_dropout=float("nan")), "a value is NaN"),
    "limit that is none": (
        lambda f: change(f / "tokenizer_config.json", model_max_length="x"), "be a number"),
    "large config": (sparse("config.json", 600_000_000), "config.json has 600,000,000 bytes"),
    "large tokenizer": (sparse("tokenizer.json", 400_000_000), "has 400,000,000 bytes"),
    "deep tokenizer": (text("tokenizer.json", '{"a":' * 200_000), "tokenizer.json' cannot be read"),
    "deep settings": (text("tokenizer_config.json", "[" * 200_000), "cannot be read"),
    "own code": (config(auto_map={"AutoModel": "own.A"}), "asks for code of its own (auto_map"),
    "own tokenizer": (
        lambda f: change(f / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.T", None]}),
        "tokenizer_config.json asks for code of its own"),
    "own kernel": (config(attn_implementation="owner/kernel"), "code of its own (attn_impl"),
    "normalizer": (
        rules(normalizer={"type": "Prepend", "prepend": "x" * 10**6}), "its normalizer may make"),
    "pattern": (
        rules(pre_tokenizer={**SPLIT, "pattern": {"Regex": "(a+)+$"}}), "some texts take for ever"),
    "adapter": (text("adapter_config.json", "{}"), "it holds an adapter"),
    "added tokens": (rules(added_tokens=[{}] * 40_000), "adds 40,000 tokens"),
    "added tokens in settings": (
        lambda f: change(f / "tokenizer_config.json", added_tokens_decoder=[{}] * 40_000),
        "adds 40,000 tokens"),
    "header": (
        lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64),
        "model.safetensors is damaged"),
    "header's size": (
        lambda f: (f / "model.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}"),
        "model.safetensors is damaged"),
    "header's shape": (header({"a": TERABYTES}), "model.safetensors is damaged"),
    "header's list": (header([]), "model.safetensors is damaged"),
    "header's overlap": (
        header({n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"}, bytes(4)),
        "model.safetensors is damaged"),
    "short weights": (
        lambda f: os.truncate(f / "model.safetensors", 3000), "model.safetensors is damaged"),
    "link to a file": (link("vocab.txt", "/etc/passwd"), "vocab.txt is a link that leads out"),
    "link to weights": (link("model.safetensors", "/proc/self/exe"), "is a link that leads out"),
    "link up": (link("merges.txt", "../../other"), "merges.txt"),
    "link to nothing": (link("merges.txt", "nowhere"), "merges.txt cannot be read"),
    "link in a circle": (link("merges.txt", "merges.txt"), "merges.txt cannot be read"),
    "device": (link("special_tokens_map.json", "/dev/zero"), "is a link that leads out"),
    "pipe": (lambda f: os.mkfifo(f / "merges.txt"), "merges.txt is no regular file"),
    "folder": (lambda f: (f / "merges.txt").mkdir(), "merges.txt is no regular file"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_folder_that_would_cost_time_or_memory_is_refused(copy: Path, name: str) -> None:
    spoil, words = FAULTS[name]
    spoil(copy)
    with pytest.raises(ModelError) as refused:
        _open(copy)
    assert words in str(refused.value)
    assert str(copy) in str(refused.value)


def _open(folder: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    fetch(folder, kind="encoder")
    open_tokenizer(folder)
    open_model(AutoModelForSequenceClassification, folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth", "model.ckpt"])
def test_a_pickle_is_named_and_not_opened(copy: Path, name: str) -> None:
    (copy / "model.safetensors").rename(copy / name)
    with pytest.raises(ModelError, match=rf"only as {name}, a pickle file(.|\n)*save_pretrained"):
        _open(copy)


def test_every_door_is_guarded(copy: Path) -> None:
    """What opens a part of a folder judges the whole of it."""
    from transformers import AutoModel

    from babelift.hub import open_config
    from babelift.prediction.model import open_classifier
    from babelift.training.encoder import load_encoder

    change(copy / "config.json", num_labels=10**9)
    doors: list[Callable[[], Any]] = [
        lambda: fetch(copy),
        lambda: open_config(copy),
        lambda: open_tokenizer(copy),
        lambda: open_model(AutoModel, copy),
        lambda: open_classifier(copy),
        lambda: load_encoder(str(copy), ["a", "b"], seed=0),
    ]
    for door in doors:
        with pytest.raises(ModelError, match="num_labels '1000000000'"):
            door()


def test_weights_of_an_index_stay_in_the_folder(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy.parent / "w.safetensors")
    index = copy / "model.safetensors.index.json"
    for name in ("../w.safetensors", str(copy.parent / "w.safetensors"), "w.bin", 5):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        assert weight_files(copy) == []
        with pytest.raises(ModelError, match=r"lacks model\.safetensors"):
            _open(copy)


def test_links_within_the_folder_and_the_hubs_cache_are_followed(copy: Path) -> None:
    (copy / "tokenizer.json").rename(copy / "its-tokenizer")
    (copy / "tokenizer.json").symlink_to("its-tokenizer")
    _open(copy)
    home = copy.parent / "models--a--b"
    (home / "blobs").mkdir(parents=True)
    (home / "snapshots" / "0").mkdir(parents=True)
    for path in sorted(copy.iterdir()):
        (home / "blobs" / path.name).write_bytes(path.read_bytes())
        (home / "snapshots" / "0" / path.name).symlink_to(f"../../blobs/{path.name}")
    _open(home / "snapshots" / "0")
    (copy.parent / "link").symlink_to(copy)
    _open(copy.parent / "link")


def test_what_was_judged_is_judged_again_when_it_changes(copy: Path) -> None:
    check(copy)
    change(copy / "config.json", vocab_size=10**10)
    with pytest.raises(ModelError, match="vocab_size"):
        check(copy)


def test_the_shapes_are_those_of_the_weights(copy: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model, _ = open_model(AutoModelForSequenceClassification, copy)
    assert weight_shapes(copy) == {k: tuple(v.shape) for k, v in model.state_dict().items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=3) | st.sampled_from(["auto_map", "dim"]), inner)
        ),
        max_leaves=6,
    ),
    st.sampled_from(["config.json", "tokenizer_config.json", "tokenizer.json"]),
)
def test_any_json_is_taken_or_refused_and_nothing_else(
    tmp_path: Path, model: Path, values: Any, name: str
) -> None:
    folder = tmp_path / "any"
    if not folder.is_dir():
        copytree(model, folder)
    before = (folder / name).read_text()
    try:
        (folder / name).write_text(json.dumps(values))
        check(folder)
    except ModelError:
        pass
    finally:
        (folder / name).write_text(before)


def test_json_is_read_within_bounds(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(ModelError, match="cannot be read"):
        read_json(path)
    assert read_json(path, missing_ok=True) == {}
    path.write_text('{"a": 1}')
    assert read_json(path) == {"a": 1}
    os.truncate(path, 17 * 2**20)
    with pytest.raises(ModelError, match="17,825,792 bytes, more than 16,777,216"):
        read_json(path)


def test_a_translation_model_is_judged_before_it_is_converted(tmp_path: Path) -> None:
    from babelift.translation.engines.convert import converted

    folder = tiny_m2m100(tmp_path / "model")
    change(folder / "config.json", decoder_layers=10**6)
    with pytest.raises(ModelError, match=r"cannot be converted: .*decoder_layers '1000000'"):
        converted(folder, "float32", name="m2m100")


@pytest.mark.parametrize(("limit", "taken"), [(0, False), (2, False), (3, True), (-1, False)])
def test_a_limit_leaves_room_for_a_token(copy: Path, limit: int, taken: bool) -> None:
    from babelift.prediction.model import open_classifier
    from babelift.training.encoder import load_encoder

    change(copy / "tokenizer_config.json", model_max_length=limit)
    if taken:
        assert open_classifier(copy).max_length == limit
        assert load_encoder(str(copy), ["a", "b"], seed=0).tokenizer.model_max_length == limit
        return
    for open_it in (open_classifier, lambda f: load_encoder(str(f), ["a", "b"], seed=0)):
        with pytest.raises(ModelError, match="nothing of a text is left"):
            open_it(copy)
