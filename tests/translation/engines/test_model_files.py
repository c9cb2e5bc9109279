"""What identifies a model's files, and how it is searched the second time."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from babelift.config import Translating
from babelift.translation.engines import model_files as module
from babelift.translation.engines.ctranslate2 import load_published
from babelift.translation.engines.model_files import (
    Decoding,
    ModelSettings,
    identity,
    remembered_hash,
)
from babelift.translation.engines.opus import load as load_opus
from babelift.translation.engines.transformers import load as load_hf
from babelift.translation.memory import Memory
from babelift.translation.protocol import BatchTranslator
from tests.support import SENTENCES, tiny_m2m100, tiny_marian
from tests.support.driver import translate_rows


def test_the_identity_is_of_names_and_contents_only(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "README.md").write_text(folder.name)
    patterns = ["*.json"]
    assert identity(one, patterns) == identity(two, patterns)
    (two / "config.json").write_text("{ }")
    assert identity(one, patterns) != identity(two, patterns)
    (two / "config.json").rename(two / "other.json")
    assert identity(one, patterns) != identity(two, patterns)


def test_a_large_file_is_hashed_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REMEMBER_FROM", 4)
    path = tmp_path / "weights"
    path.write_bytes(b"abcdef")
    right = hashlib.sha256(b"abcdef").hexdigest()
    assert remembered_hash(path) == right
    state = path.stat()
    # The same size and time: the remembered hash is given without reading.
    path.write_bytes(b"ABCDEF")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert remembered_hash(path) == right
    path.write_bytes(b"ABCDEF")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert remembered_hash(path) == hashlib.sha256(b"ABCDEF").hexdigest()


def test_a_damaged_note_is_not_believed(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REMEMBER_FROM", 1)
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    right = remembered_hash(path)
    [note] = (cache_folder / "models" / "hashes").iterdir()
    for damage in ("", "[]", "{", '{"path": 1}'):
        note.write_text(damage)
        assert remembered_hash(path) == right


EXACT = Translating(compute_type="float32")
LOOPING = {"languages": ("en", "de"), "seed": 11, "max_length": 40}
"""A tiny model whose greedy outputs loop."""


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_m2m100(tmp_path_factory.mktemp("m2m100"), **LOOPING)


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marian")
    tiny_marian(folder / "opus-mt-en-de", "en", "de", seed=1)
    tiny_marian(folder / "opus-mt-fr-en", "fr", "en", seed=2)
    return folder


BACK_ENDS: dict[str, Callable[[Path, Path, Translating], Any]] = {
    "ct2": lambda m2m100, marian, config: load_published(m2m100, config, name="tiny"),
    "opus": lambda m2m100, marian, config: load_opus(str(marian), config),
    "hf": lambda m2m100, marian, config: load_hf(str(m2m100), config),
}


@pytest.fixture(params=list(BACK_ENDS))
def opened(request: pytest.FixtureRequest, m2m100: Path, marian: Path) -> Callable[..., Any]:
    """Opens one of the back ends with the settings given."""
    return lambda config=EXACT: BACK_ENDS[request.param](m2m100, marian, config)


def texts_of(translator: Any, target: str = "de") -> list[str]:
    return [made.text for made in translator.translate(SENTENCES["en"], "en", target)]


def test_the_driver_repairs_loops_with_the_other_decoding(m2m100: Path, tmp_path: Path) -> None:
    sentences = SENTENCES["en"]
    rows = pl.DataFrame({"id": [f"{n}" for n in range(len(sentences))], "text": sentences})
    rows = rows.with_columns(lang=pl.lit("en"), group_id="id", original_id="id")
    translator = load_published(m2m100, EXACT, name="tiny")
    with Memory(tmp_path / "memory.sqlite") as memory:
        made = translate_rows(rows, ["de"], translator, memory=memory, quality="retry")
        stored = len(memory)
    counts = made.report.pairs["en>de"]
    assert counts.flags["loop"] > 1
    assert counts.repaired == counts.retried > 1
    again = made.rows.filter(pl.col("translator") == "tiny-beam5")
    assert again.height == counts.repaired
    # Each decoding has its own place in the memory.
    assert stored > len(sentences)


def test_a_variant_has_its_own_name_and_fingerprint_and_the_same_weights(
    opened: Callable[..., Any],
) -> None:
    translator = opened()
    first = texts_of(translator)
    variant = translator.variant()
    assert variant.name == f"{translator.name}-beam5"
    assert variant.fingerprint != translator.fingerprint
    assert variant.fingerprint == opened().variant().fingerprint
    assert variant.pairs() == translator.pairs()
    assert texts_of(variant) != first
    assert texts_of(translator) == first
    shared = [name for name in ("_engine", "_open", "_model") if name in vars(translator)]
    assert shared
    for name in shared:
        assert vars(variant)[name] is vars(translator)[name]
    variant.close()
    assert texts_of(translator) == first
    translator.close()


def test_where_a_beam_was_asked_for_the_variant_is_greedy(opened: Callable[..., Any]) -> None:
    translator = opened(Translating(compute_type="float32", beam_size=4))
    assert translator.variant().name == f"{translator.name}-greedy"


def test_a_variant_repeats_no_three_tokens(m2m100: Path) -> None:
    def repeats(tokens: list[str]) -> bool:
        runs = [tuple(tokens[start : start + 3]) for start in range(len(tokens) - 2)]
        return len(runs) != len(set(runs))

    translator = load_published(m2m100, EXACT, name="tiny")
    found = [output.tokens for output in translator.generate(SENTENCES["en"], "en", "de")]
    again = translator.variant().generate(SENTENCES["en"], "en", "de")
    assert any(map(repeats, found))
    assert not any(repeats(output.tokens) for output in again)


def test_the_greedy_variant_gives_the_texts_of_generate_with_its_rules(m2m100: Path) -> None:
    config = Translating(compute_type="float32", beam_size=2)
    ours = load_published(m2m100, config, name="tiny").variant()
    theirs = load_hf(str(m2m100), config).variant()
    assert texts_of(ours) == texts_of(theirs)


def test_tokens_are_counted_as_the_model_sees_them(opened: Callable[..., Any]) -> None:
    from transformers import AutoTokenizer

    translator = opened()
    folder = getattr(translator, "_folder", None)
    counts = translator.count_tokens([*SENTENCES["en"], "", "</s>"], "en", "de")
    assert counts[-2] == 0
    assert counts[-1] > 1
    assert all(len(text) > count > 3 for text, count in zip(SENTENCES["en"], counts, strict=False))
    if folder is not None:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        assert counts[:-2] == [len(tokenizer.tokenize(text)) for text in SENTENCES["en"]]


def test_long_sentences_are_sent_in_parts_that_fit(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    translator = opened()
    long = " ".join(SENTENCES["en"]).replace(".", ",").replace("?", ",").replace("!", ",")
    seen: list[str] = []
    several = isinstance(translator, BatchTranslator)
    name = "translate_batches" if several else "translate"
    translate = getattr(translator, name)

    def watched(given: list[Any], *pair: str) -> Any:
        seen.extend(text for batch in given for text in batch) if several else seen.extend(given)
        return translate(given, *pair)

    setattr(translator, name, watched)
    rows = pl.DataFrame({"id": ["a"], "group_id": ["a"], "text": [long], "lang": ["en"]})
    with Memory(tmp_path / "memory.sqlite") as memory:
        made = translate_rows(rows, ["de"], translator, memory=memory, quality="keep")
    assert made.report.to_dict()["split"] == 1
    assert len(seen) > 2
    sizes = translator.count_tokens(seen, "en", "de")
    assert (
        max(sizes) <= translator.max_input_tokens < translator.count_tokens([long], "en", "de")[0]
    )


def test_the_stricter_rule_counts() -> None:
    other = Decoding(1).other()
    assert (other.ngram(0), other.ngram(2), other.ngram(6)) == (3, 2, 3)
    assert other.other().label == "greedy"


def test_settings_stand_in_fingerprints_as_memories_know_them() -> None:
    assert str(ModelSettings("m2m100", 1024)) == (
        "ModelFacts(family='m2m100', source_limit=1024, output_limit=200, forced_end=False, "
        "no_repeat_ngram_size=0, repetition_penalty=1.0, length_penalty=1.0, suppressed=(), "
        "pair=None)"
    )
