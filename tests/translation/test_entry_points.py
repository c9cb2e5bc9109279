"""Translators of other packages join by an entry point; whatever is wrong with one is told."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import babelift
from babelift.errors import BabeliftWarning, ConfigError, MissingDependencyError, ModelError
from babelift.translation.protocol import Translator, complete
from babelift.translation.registry import (
    NonCommercialWarning,
    describe,
    load_translator,
    runs_code_of_the_user,
    translators,
)

MODULE = """
from babelift.errors import ConfigError
from babelift.translation.protocol import Translation

class Shouting:
    name = "shouting"
    fingerprint = "shouting/1"
    def __init__(self, mark, beam_size):
        self.mark, self.beam_size = mark, beam_size
    def pairs(self):
        return {("en", "de")}
    def translate(self, texts, source_lang, target_lang):
        return (Translation(text.upper() + self.mark) for text in texts)

def load(argument, config):
    return Shouting(argument or "!", config.beam_size)

def load_restricted(argument, config):
    made = load(argument, config)
    made.license = "CC-BY-NC-4.0"
    return made

def lacking(argument, config):
    return object()

def nameless(argument, config):
    made = load(argument, config)
    made.name = None
    return made

def slotted(argument, config):
    class Slotted(Shouting):
        unit = "paragraph"
    return Slotted("!", 1)

def raising(argument, config):
    return 1 / 0

def refusing(argument, config):
    raise ConfigError("shouting wants another argument.")

def needing(argument, config):
    import not_installed_anywhere
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a distribution with entry points, as pip would leave it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def put(name: str = "loud", **points: str) -> None:
        folder = site / f"{name}-1.2.dist-info"
        folder.mkdir()
        lines = (f"{point.replace('_', '-')} = {target}" for point, target in points.items())
        listed = "[babelift.translators]\n" + "\n".join(lines) + "\n"
        (folder / "entry_points.txt").write_text(listed, encoding="utf-8")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\nSummary: says it loudly\n"
        (folder / "METADATA").write_text(metadata, encoding="utf-8")
        (site / f"{name}_translator.py").write_text(MODULE, encoding="utf-8")

    yield put
    sys.modules.pop("loud_translator", None)
    sys.modules.pop("other_translator", None)


def test_a_package_offers_a_translator_by_its_name(install: Install) -> None:
    install(shouting="loud_translator:load")
    rows = pl.DataFrame({"id": ["1"], "text": ["good"], "label": ["3"], "lang": ["en"]})
    made = babelift.translate(rows, "de", "shouting", quality="keep")
    assert made.select("text", "translator").rows() == [("GOOD!", "shouting")]
    translator = load_translator("shouting:?")
    assert isinstance(translator, Translator)
    assert [item.text for item in translator.translate(["a"], "en", "de")] == ["A?"]
    assert (translator.unit, translator.license) == ("text", None)
    translator.close()


def test_it_is_listed_with_the_package_it_comes_from_without_being_imported(
    install: Install,
) -> None:
    install(shouting="loud_translator:load")
    [row] = [row for row in describe() if row["name"] == "shouting"]
    assert row["description"] == "says it loudly"
    assert row["where"] == "package loud 1.2"
    json.dumps(row)
    assert "loud_translator" not in sys.modules
    assert runs_code_of_the_user("degraded:drop=0.5:shouting:x")


def test_it_takes_part_in_the_search_for_what_was_meant(install: Install) -> None:
    install(shouting="loud_translator:load")
    with pytest.raises(ConfigError, match="did you mean 'shouting'") as error:
        load_translator("shoutin")
    assert "shouting" in str(error.value.hint)


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("loud_translator:nothing", ModelError, "AttributeError: .*nothing"),
        ("no_module_of_that_name:load", ModelError, "ModuleNotFoundError.*no_module_of_that_name"),
        ("loud_translator:raising", ModelError, "ZeroDivisionError"),
        ("loud_translator:lacking", ModelError, "it lacks name, fingerprint, pairs, translate"),
        ("loud_translator:nameless", ModelError, "name must be a text. Got None"),
        ("loud_translator:slotted", ModelError, "unit must be 'sentence' or 'text'"),
        ("loud_translator:refusing", ConfigError, "shouting wants another argument"),
        ("loud_translator:needing", MissingDependencyError, "needs 'not_installed_anywhere'"),
        ("loud translator", ModelError, "cannot be loaded"),
        ("loud_translator", ModelError, "cannot be loaded"),
    ],
)
def test_what_is_wrong_with_an_entry_point_is_told_with_its_package(
    install: Install, target: str, error: type[Exception], message: str
) -> None:
    install(broken=target)
    with pytest.raises(error, match=message) as caught:
        load_translator("broken")
    assert "loud 1.2" in str(caught.value) or error is ConfigError


def test_a_broken_entry_point_does_no_harm_to_other_translators(install: Install) -> None:
    install(broken="no_module_of_that_name:load")
    assert load_translator("mini").name == "mini"
    assert {"broken", "mini"} <= set(translators())


def test_of_two_of_one_name_ours_counts_and_a_warning_says_so(install: Install) -> None:
    install(mini="loud_translator:load")
    with pytest.warns(BabeliftWarning, match="package loud 1.2 has a translator 'mini' too"):
        rows = describe()
    assert [row["where"] for row in rows if row["name"] == "mini"] != ["package loud 1.2"]
    with pytest.warns(BabeliftWarning, match="that of Babelift is used"):
        assert load_translator("mini").fingerprint.startswith("mini/1")
    assert not runs_code_of_the_user("mini")


def test_of_two_packages_with_one_name_the_first_counts(install: Install) -> None:
    install("loud", shouting="loud_translator:load")
    install("other", shouting="other_translator:load")
    with pytest.warns(BabeliftWarning, match="has a translator 'shouting' too; that of"):
        translators()


def test_weights_that_may_not_be_used_commercially_are_told(install: Install) -> None:
    install(shouting="loud_translator:load_restricted")
    with pytest.warns(NonCommercialWarning, match="CC-BY-NC-4.0"):
        load_translator("shouting")


def test_an_object_is_taken_as_a_translator_with_the_four_members_alone() -> None:
    class Reversed:
        name = "reversed"
        fingerprint = "reversed/1"

        def pairs(self):
            return None

        def translate(self, texts, source_lang, target_lang):
            return (babelift.translation.protocol.Translation(text[::-1]) for text in texts)

    rows = pl.DataFrame({"text": ["good"], "label": ["3"], "lang": ["en"]})
    assert babelift.translate(rows, "de", Reversed())["text"].to_list() == ["doog"]
    with pytest.raises(ConfigError, match="it lacks fingerprint, pairs, translate"):
        complete(type("Half", (), {"name": "half"})())
