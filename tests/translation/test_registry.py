"""Translators by name: lazy, with errors that help."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from babelift.config import Translating
from babelift.errors import ConfigError, MissingDependencyError, ModelError
from babelift.translation.engines.convert import converted
from babelift.translation.protocol import Translator
from babelift.translation.registry import (
    TRANSLATORS,
    NonCommercialWarning,
    describe,
    license_of,
    load_translator,
    parse,
)
from tests.support import SENTENCES, tiny_m2m100, tiny_marian, tiny_nllb


def test_importing_the_registry_imports_no_engine() -> None:
    code = (
        "import sys, json, babelift.translation.registry as r, babelift.hub; r.parse('m2m100');"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    heavy = {"torch", "transformers", "ctranslate2", "huggingface_hub", "sentencepiece", "polars"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("m2m10", "did you mean 'm2m100'"),
        ("facebook/m2m100_418M", "did you mean 'm2m100'"),
        ("", "translator '' is not known"),
        ("google", "Known: m2m100, m2m100-1.2b"),
        ("lexicon", "needs an argument: lexicon:FILE"),
        ("ct2:", "needs an argument: ct2:FOLDER"),
        ("mini:words.tsv", "takes no argument. Got 'words.tsv'"),
    ],
)
def test_what_cannot_be_used_says_why_and_what_could(spec: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")) as error:
        load_translator(spec)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("spec", "library"),
    [("ct2:{}", "ctranslate2"), ("ct2:{}", "sentencepiece"), ("hf:{}", "transformers"),
     ("m2m100:{}", "ctranslate2"), ("opus-mt", "ctranslate2")],
)  # fmt: skip
def test_a_library_that_is_missing_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, library: str
) -> None:
    folder = tiny_m2m100(tmp_path / "model")
    if spec.startswith("ct2"):
        folder = converted(folder, "int8", name="tiny")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=f"needs '{library}'") as error:
        load_translator(spec.format(folder))
    assert error.value.hint == f"Install it: pip install {library}"


def test_a_bare_folder_is_told_what_to_put_before_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"did you mean 'hf:{tmp_path}'"):
        load_translator(str(tmp_path))
    (tmp_path / "model.bin").touch()
    with pytest.raises(ConfigError, match=f"did you mean 'ct2:{tmp_path}'"):
        load_translator(str(tmp_path))


def test_an_argument_may_hold_colons() -> None:
    entry, argument = parse("command:python translate.py --url http://127.0.0.1:80")
    assert (entry.name, argument) == ("command", "python translate.py --url http://127.0.0.1:80")


def test_every_named_kind_loads_and_translates(tmp_path: Path) -> None:
    config = Translating(compute_type="float32")
    m2m100, marian = tiny_m2m100(tmp_path / "m"), tiny_marian(tmp_path / "o", "en", "de")
    for spec, name in (
        (f"m2m100:{m2m100}", "m2m100"),
        (f"m2m100-1.2b:{m2m100}", "m2m100-1.2b"),
        (f"opus-mt:{marian}", "opus-mt"),
        (f"hf:{marian}", "o"),
    ):
        translator = load_translator(spec, config=config)
        assert isinstance(translator, Translator)
        assert translator.name == name
        assert translator.unit == "sentence"
        assert translator.license is None
        found = list(translator.translate(SENTENCES["en"], "en", "de"))
        assert len(found) == len(SENTENCES["en"])
        translator.close()


def test_nllb_warns_that_it_is_not_for_commercial_use(tmp_path: Path) -> None:
    folder = tiny_nllb(tmp_path / "nllb")
    with pytest.warns(NonCommercialWarning, match="CC-BY-NC-4.0"):
        translator = load_translator(f"nllb-600m:{folder}")
    assert ("en", "eu") in (translator.pairs() or ())
    assert translator.license == "CC-BY-NC-4.0"
    assert issubclass(NonCommercialWarning, UserWarning)


def test_a_known_model_keeps_its_terms_under_another_name() -> None:
    hf = TRANSLATORS["hf"]
    assert license_of(hf, "facebook/nllb-200-1.3B") == "CC-BY-NC-4.0"
    assert license_of(hf, "facebook/m2m100_1.2B") == "MIT"
    assert license_of(hf, "somebody/else") is None
    assert license_of(TRANSLATORS["mini"], "") == "CC-BY-2.0"


def test_a_folder_that_is_not_there_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such folder"):
        load_translator(f"m2m100:{tmp_path / 'nowhere'}")


def test_the_list_names_licence_size_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babelift.hub.on_disk", lambda repo: None)
    rows = {row["name"]: row for row in describe()}
    assert set(rows) == {entry.usage for entry in TRANSLATORS.values()}
    assert rows["m2m100"]["license"] == "MIT"
    assert rows["nllb-600m"]["license"] == "CC-BY-NC-4.0"
    assert "facebook/m2m100_418M" in str(rows["m2m100"]["where"])
    assert {row["kind"] for row in rows.values()} == {"translator"}
    assert all(row["description"] and row["where"] and row["languages"] for row in rows.values())
    json.dumps(describe())


def test_every_entry_points_at_something_that_is_there() -> None:
    root = Path(sys.modules["babelift"].__file__ or "").parents[1]
    for entry in TRANSLATORS.values():
        module, function = entry.target.split(":")
        text = (root / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        ways = (f"def {function}(argument: str, config: Translating)", f"{function} = partial(")
        assert any(way in text for way in ways)
