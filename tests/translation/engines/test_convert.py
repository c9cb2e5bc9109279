"""Conversion happens once, whole or not at all, from the files as they are published."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from babelift.errors import ConfigError, ModelError
from babelift.translation.engines import convert
from babelift.translation.engines.convert import check_compute_type, converted, vocabulary
from babelift.translation.engines.model_files import ModelSettings, positions
from tests.support import tiny_m2m100, tiny_marian, tiny_nllb


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_m2m100(tmp_path_factory.mktemp("m2m100"))


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were really converted."""
    made: list[Path] = []
    real = convert._convert

    def counting(folder: Path, target: Path, compute_type: str) -> None:
        made.append(folder)
        real(folder, target, compute_type)

    monkeypatch.setattr(convert, "_convert", counting)
    return made


def test_a_model_is_converted_once(m2m100: Path, count: list[Path], cache_folder: Path) -> None:
    first = converted(m2m100, "float32", name="m2m100")
    assert converted(m2m100, "float32", name="m2m100") == first
    assert len(count) == 1
    assert first.is_relative_to(cache_folder)
    assert first.name.startswith("m2m100-")
    settings = ModelSettings.read(first)
    assert settings is not None
    assert (settings.family, settings.source_limit, settings.output_limit) == ("m2m100", 64, 24)


def test_the_room_for_positions_is_read_from_the_converted_file(
    m2m100: Path, tmp_path: Path
) -> None:
    model = converted(m2m100, "int8", name="a") / "model.bin"
    assert positions(model) == 64
    (tmp_path / "half").write_bytes(model.read_bytes()[:300])
    (tmp_path / "other").write_bytes(b"something else entirely")
    assert positions(tmp_path / "half") is None
    assert positions(tmp_path / "other") is None
    assert positions(tmp_path / "missing") is None


def test_other_weights_or_arithmetic_are_another_conversion(
    m2m100: Path, tmp_path: Path, count: list[Path]
) -> None:
    other = tiny_m2m100(tmp_path / "other", seed=1)
    made = {
        converted(m2m100, "float32", name="a"),
        converted(m2m100, "int8", name="a"),
        converted(other, "float32", name="a"),
    }
    assert len(made) == len(count) == 3
    sizes = {folder.name: (folder / "model.bin").stat().st_size for folder in made}
    assert min(sizes.values()) < 0.6 * max(sizes.values())


def test_a_copy_of_the_same_files_is_not_converted_again(
    m2m100: Path, tmp_path: Path, count: list[Path]
) -> None:
    converted(m2m100, "float32", name="a")
    converted(shutil.copytree(m2m100, tmp_path / "copy"), "float32", name="a")
    assert len(count) == 1


def test_a_conversion_that_fails_leaves_nothing(
    m2m100: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(folder: Path, target: Path, compute_type: str) -> None:
        target.mkdir()
        (target / "model.bin").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(convert, "_convert", half)
        with pytest.raises(ModelError, match="disk is full") as error:
            converted(m2m100, "float32", name="a")
        assert "BABELIFT_CACHE" in str(error.value)
    home = cache_folder / "models" / "ct2"
    assert [path for path in home.iterdir() if path.is_dir()] == []
    assert (converted(m2m100, "float32", name="a") / "model.bin").stat().st_size > 4


def test_what_a_killed_process_left_is_not_used(m2m100: Path) -> None:
    finished = converted(m2m100, "float32", name="a")
    shutil.rmtree(finished)
    left = finished.with_name(f"{finished.name}.partial")
    left.mkdir()
    (left / "model.bin").write_bytes(b"half")
    assert (converted(m2m100, "float32", name="a") / "model.bin").stat().st_size > 4
    assert not left.exists()


def test_two_at_a_time_convert_once(m2m100: Path, count: list[Path]) -> None:
    found: list[Path] = []

    def work() -> None:
        found.append(converted(m2m100, "int8", name="a"))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == len(count) == 1


def test_language_tokens_are_there_whether_or_not_the_tokenizer_lists_them(
    m2m100: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(m2m100, tmp_path / "bare")
    (bare / "special_tokens_map.json").unlink()
    (bare / "tokenizer_config.json").unlink()
    assert vocabulary(bare) == vocabulary(m2m100)
    pieces = len(json.loads((m2m100 / "vocab.json").read_text()))
    tokens = vocabulary(m2m100)
    assert tokens[pieces] == "__af__"
    assert tokens[pieces + 99] == "__zu__"
    assert tokens[-8:] == [f"madeupword{number}" for number in range(8)]


def test_a_vocabulary_has_the_ids_of_transformers(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    for folder in (tiny_nllb(tmp_path / "nllb"), tiny_marian(tmp_path / "marian", "en", "ja")):
        tokens = vocabulary(folder)
        for token, number in AutoTokenizer.from_pretrained(folder).get_vocab().items():
            assert tokens[number] == token


def test_files_that_do_not_belong_together_are_refused(m2m100: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(m2m100, tmp_path / "model")
    words = json.loads((folder / "vocab.json").read_text())
    (folder / "vocab.json").write_text(json.dumps({**words, "more": len(words)} | {
        f"more{n}": len(words) + 1 + n for n in range(20)}))  # fmt: skip
    with pytest.raises(ModelError, match="do not belong together"):
        converted(folder, "float32", name="a")
    (folder / "vocab.json").write_text(json.dumps({"<unk>": 0, "a": 7}))
    with pytest.raises(ModelError, match="are not 0, 1, 2"):
        converted(folder, "float32", name="a")
    (folder / "vocab.json").write_text("[]")
    with pytest.raises(ModelError, match="JSON object"):
        converted(folder, "float32", name="a")


def test_damaged_weights_are_a_model_error(m2m100: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(m2m100, tmp_path / "model")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:1000])
    with pytest.raises(ModelError, match="cannot be converted"):
        converted(folder, "float32", name="a")


def test_pickled_weights_are_never_opened(m2m100: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(m2m100, tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be converted"):
        converted(folder, "float32", name="a")


def test_other_kinds_of_models_are_sent_to_transformers(m2m100: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(m2m100, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "t5"}))
    with pytest.raises(ModelError, match="type 't5'") as error:
        converted(folder, "float32", name="a")
    assert "hf:" in str(error.value)


def test_a_marian_model_with_two_vocabularies_is_sent_to_transformers(tmp_path: Path) -> None:
    folder = tiny_marian(tmp_path / "m", "en", "de")
    config = json.loads((folder / "config.json").read_text())
    config["share_encoder_decoder_embeddings"] = False
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="CTranslate2 cannot take"):
        converted(folder, "float32", name="a")


def test_a_compute_type_that_is_not_possible_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="did you mean 'float32'"):
        check_compute_type("flaot32")
    with pytest.raises(ConfigError, match="not supported here"):
        check_compute_type("int8_float16")
    check_compute_type("int8")


def test_a_cache_that_cannot_be_written_is_a_model_error(
    m2m100: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").write_text("a file where a folder should be")
    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="cannot be kept"):
        converted(m2m100, "float32", name="a")
