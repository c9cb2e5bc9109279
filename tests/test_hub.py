"""Models from the hub: whole or not at all, resumed, never pickled; a clear error otherwise.

Each test talks to an imitation on this machine, in a process of its own, because huggingface_hub
reads HF_ENDPOINT and HF_HOME when it is imported.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from babelift.errors import ModelError
from babelift.hub import MODEL_FILES, fetch, missing, weight_files
from tests.support import HubServer, tiny_distilbert, tiny_m2m100, tiny_marian
from tests.support.encoders import tiny_e5

M2M100 = "facebook/m2m100_418M"
DISTILBERT = "distilbert/distilbert-base-multilingual-cased"

FETCH = """
import json, sys
from babelift.errors import BabeliftError
from babelift.hub import fetch
for repo in sys.argv[1:]:
    try:
        result = {"folder": str(fetch(repo, kind="encoder", known=["m2m100", %r]))}
    except BabeliftError as error:
        result = {"error": str(error)}
    print(json.dumps(result), flush=True)
""" % (M2M100,)  # noqa: UP031 - braces are the script's own


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_m2m100(tmp_path_factory.mktemp("m2m100"))
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "rust_model.ot").write_bytes(b"another framework")
    return folder


@pytest.fixture(scope="module")
def distilbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_distilbert(tmp_path_factory.mktemp("distilbert"))


@pytest.fixture(scope="module")
def pickled(m2m100: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pickled") / "model"
    shutil.copytree(m2m100, folder)
    (folder / "model.safetensors").unlink()
    return folder


def start(hub: HubServer, home: Path, code: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **hub.environment(home)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def fetch_all(hub: HubServer, home: Path, *repos: str) -> list[dict[str, str]]:
    output, errors = start(hub, home, FETCH, *repos).communicate()
    assert "Traceback" not in errors, errors
    return [json.loads(line) for line in output.splitlines()]


def halves(home: Path) -> list[Path]:
    """Anything half-written that looks like a model's file."""
    return [path for path in home.rglob("*.incomplete*") if path.is_file()]


def test_only_what_is_needed_is_fetched_and_once(m2m100: Path, tmp_path: Path) -> None:
    with HubServer({M2M100: m2m100}) as hub:
        [first] = fetch_all(hub, tmp_path, M2M100)
        folder = Path(first["folder"])
        assert {path.name for path in folder.iterdir()} == {
            "config.json", "generation_config.json", "model.safetensors", "vocab.json",
            "sentencepiece.bpe.model", "special_tokens_map.json", "tokenizer_config.json",
        }  # fmt: skip
        assert (folder / "model.safetensors").read_bytes() == (
            m2m100 / "model.safetensors"
        ).read_bytes()
        assert not hub.fetched("pytorch_model.bin")
        asked = len(hub.requests)
        assert fetch_all(hub, tmp_path, M2M100) == [first]
        assert len(hub.requests) == asked
        hub.down = True
        assert fetch_all(hub, tmp_path, M2M100) == [first]


def test_a_download_that_breaks_off_goes_on_by_itself(m2m100: Path, tmp_path: Path) -> None:
    size = (m2m100 / "model.safetensors").stat().st_size
    with HubServer({M2M100: m2m100}, cuts={"model.safetensors": 100_000}) as hub:
        [result] = fetch_all(hub, tmp_path, M2M100)
        broken, rest = hub.fetched("model.safetensors")
    assert (broken.range, broken.sent) == (None, 100_000)
    assert rest.range == "bytes=100000-"
    assert rest.status == 206
    assert rest.sent == size - 100_000
    assert weight_files(Path(result["folder"]))[0].stat().st_size == size


def test_a_process_that_is_killed_while_fetching_is_gone_on_with(
    m2m100: Path, tmp_path: Path
) -> None:
    size = (m2m100 / "model.safetensors").stat().st_size
    cuts = {"model.safetensors": 150_000}
    with HubServer({M2M100: m2m100}, cuts=cuts, down_after_cut=True) as hub:
        # After the cut it waits a second before it asks again: time to kill it.
        process = start(hub, tmp_path, FETCH, M2M100)
        while not [part for part in tmp_path.rglob("*.part") if part.stat().st_size > 100_000]:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hub.down = False
        [part] = tmp_path.rglob("*.part")
        kept = part.stat().st_size
        assert 0 < kept < size
        assert not list(tmp_path.glob("hub/*/snapshots/*/model.safetensors"))
        [result] = fetch_all(hub, tmp_path, M2M100)
        assert hub.fetched("model.safetensors")[-1].range == f"bytes={kept}-"
    assert (
        Path(result["folder"], "model.safetensors").read_bytes()
        == (m2m100 / "model.safetensors").read_bytes()
    )
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_that_arrives_damaged_is_thrown_away(m2m100: Path, tmp_path: Path) -> None:
    with HubServer({M2M100: m2m100}) as hub:
        [result] = fetch_all(hub, tmp_path, M2M100)
        blob = (Path(result["folder"]) / "model.safetensors").resolve()
        shutil.rmtree(tmp_path / "hub" / "models--facebook--m2m100_418M" / "snapshots")
        blob.rename(blob.with_name(f"{blob.name}.part"))
        with blob.with_name(f"{blob.name}.part").open("r+b") as stream:
            stream.truncate(50_000)
            stream.write(b"damage")
        [damaged] = fetch_all(hub, tmp_path, M2M100)
        assert "arrived damaged" in damaged["error"]
        assert not list(tmp_path.rglob("*.part"))
        [again] = fetch_all(hub, tmp_path, M2M100)
    assert again == result


def test_a_hub_that_is_down_is_a_clear_error_and_leaves_nothing(
    m2m100: Path, tmp_path: Path, cache_folder: Path
) -> None:
    with HubServer({M2M100: m2m100}, down=True) as hub:
        [result] = fetch_all(hub, tmp_path, M2M100)
        assert f"encoder '{M2M100}' is not in the cache" in result["error"]
        assert "answered with status 503" in result["error"]
        for advice in ("HF_ENDPOINT", "HF_HOME", "folder", "--encoder mini --translator mini"):
            assert advice in result["error"]
    [gone] = fetch_all(hub, tmp_path, M2M100)
    assert "cannot be reached" in gone["error"]
    assert not halves(tmp_path)
    assert not list(cache_folder.rglob("*.bin"))
    assert not list(tmp_path.glob("hub/*/snapshots/*/*"))


def test_a_hub_that_goes_down_half_way_is_an_interruption(m2m100: Path, tmp_path: Path) -> None:
    cuts = {"model.safetensors": 50_000}
    with HubServer({M2M100: m2m100}, cuts=cuts, down_after_cut=True) as hub:
        [broken] = fetch_all(hub, tmp_path, M2M100)
        assert "was interrupted" in broken["error"]
        assert "the same command goes on" in broken["error"]
        hub.down = False
        [result] = fetch_all(hub, tmp_path, M2M100)
    assert "folder" in result


def test_offline_mode_is_named(
    m2m100: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with HubServer({M2M100: m2m100}) as hub:
        [result] = fetch_all(hub, tmp_path, M2M100)
    assert "HF_HUB_OFFLINE is set" in result["error"]
    assert not hub.requests


def test_names_that_cannot_be_fetched_say_why(m2m100: Path, pickled: Path, tmp_path: Path) -> None:
    repos = {M2M100: m2m100, "a/pickled": pickled, "a/gated": m2m100}
    with HubServer(repos, gated=["a/gated"]) as hub:
        unknown, malformed, gated, pickle = fetch_all(
            hub, tmp_path, "facebook/m2m100_418m", "not a name!", "a/gated", "a/pickled"
        )
    assert "not known to the hub; did you mean 'facebook/m2m100_418M'?" in unknown["error"]
    assert "'not a name!' is not known to the hub" in malformed["error"]
    assert "is gated" in gated["error"]
    assert "hf auth login" in gated["error"]
    assert "no weights as safetensors (only pytorch_model.bin, rust_model.ot)" in pickle["error"]
    assert "save_pretrained(FOLDER)" in pickle["error"]


def test_weights_the_hub_itself_converted_are_taken_and_found_again(
    m2m100: Path, pickled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer({"a/model": pickled}, proposals={"a/model": [pickled, m2m100]}) as hub:
        [result] = fetch_all(hub, tmp_path, "a/model")
        assert weight_files(Path(result["folder"]))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        assert fetch_all(hub, tmp_path, "a/model") == [result]


def test_a_disk_without_room_is_said_before_anything_is_fetched(
    m2m100: Path, tmp_path: Path
) -> None:
    code = FETCH.replace(
        "from babelift.errors",
        "import shutil, collections\n"
        "shutil.disk_usage = lambda path: collections.namedtuple('U', 'free')(1000)\n"
        "from babelift.errors",
    )
    with HubServer({M2M100: m2m100}) as hub:
        output, _ = start(hub, tmp_path, code, M2M100).communicate()
    assert "but only 1.0 kB are free" in json.loads(output)["error"]
    assert not hub.fetched("model.safetensors")


WORK = """
import json, sys
from babelift.config import Translating
from babelift.hub import fetch
from babelift.translation.registry import load_translator, describe
from transformers import AutoModelForSequenceClassification, AutoTokenizer

encoder = fetch("distilbert/distilbert-base-multilingual-cased", kind="encoder")
model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=5)
tokens = AutoTokenizer.from_pretrained(encoder)("Der Akku ist gut.", return_tensors="pt")
translator = load_translator("m2m100", config=Translating(compute_type="float32"))
texts = [text for text, _ in translator.translate(["Good."] * 3, "en", "ja")]
where = {row["name"]: row["where"] for row in describe()}
opus = load_translator("opus-mt")
hops = list(opus.translate(["Oui.", "Non."], "fr", "ja"))
print(json.dumps([
    list(model(**tokens).logits.shape), texts, translator.license, where["m2m100"], len(hops)
]))
"""


def test_distilbert_and_m2m100_load_under_their_real_names_and_work(
    m2m100: Path, distilbert: Path, tmp_path: Path
) -> None:
    opus = {
        "Helsinki-NLP/opus-mt-fr-en": tiny_marian(tmp_path / "fr-en", "fr", "en"),
        "Helsinki-NLP/opus-mt-en-jap": tiny_marian(tmp_path / "en-jap", "en", "ja"),
    }
    with HubServer({M2M100: m2m100, DISTILBERT: distilbert, **opus}) as hub:
        output, errors = start(hub, tmp_path, WORK).communicate()
    assert "Traceback" not in errors, errors
    shape, texts, license_, where, hops = json.loads(output)
    assert hops == 2
    assert shape == [1, 5]
    assert len(texts) == 3
    assert len(set(texts)) == 1
    assert license_ == "MIT"
    assert where.startswith(str(tmp_path))


def test_of_folders_in_a_repository_only_how_vectors_are_pooled_is_fetched(tmp_path: Path) -> None:
    model = tiny_e5(tmp_path / "e5")
    for name in ("onnx/config.json", "onnx/model.safetensors", "2_Dense/config.json",
                 "1_Pooling/model.safetensors"):  # fmt: skip
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("{}")
    with HubServer({"a/e5": model}) as hub:
        [first] = fetch_all(hub, tmp_path / "home", "a/e5")
        folder = Path(first["folder"])
        below = [path.relative_to(folder).as_posix() for path in folder.glob("*/**/*")]
        assert below == ["1_Pooling/config.json"]
        pooling = folder / below[0]
        assert pooling.read_bytes() == (model / below[0]).read_bytes()
        assert pooling.resolve().parent == folder.parents[1] / "blobs"
        hub.down = True
        assert fetch_all(hub, tmp_path / "home", "a/e5") == [first]


def test_a_whole_folder_is_taken_as_it_is(distilbert: Path) -> None:
    assert fetch(distilbert, kind="encoder") == distilbert
    assert missing(distilbert) == []


def test_folders_that_are_not_models_say_what_they_lack(
    m2m100: Path, pickled: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"lacks config\.json, model\.safetensors, the tok"):
        fetch(tmp_path, kind="encoder")
    with pytest.raises(ModelError, match=r"only as pytorch_model\.bin, a pickle file"):
        fetch(pickled, kind="encoder")
    for name in ("./nowhere", "/nowhere/at/all", "~/nowhere-at-all", "a/b/c"):
        with pytest.raises(ModelError, match="there is no such folder"):
            fetch(name, kind="encoder")


@pytest.mark.parametrize(
    ("index", "whole"),
    [
        ({"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}, True),
        ({"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-9-of-9.safetensors"}}, False),
        ({"weight_map": []}, False),
        ([], False),
    ],
)
def test_weights_in_parts_are_whole_only_with_every_part(
    tmp_path: Path, index: Any, whole: bool
) -> None:
    for number in (1, 2):
        (tmp_path / f"model-{number}-of-2.safetensors").touch()
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert bool(weight_files(tmp_path)) == whole


def test_no_pattern_fetches_a_pickle() -> None:
    assert not [name for name in MODEL_FILES if name.endswith((".bin", ".h5", ".msgpack", ".pt"))]
