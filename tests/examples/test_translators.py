"""The example program for `command:` translates with `apertium`, here with a stand-in for it."""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from babelift.errors import TranslationError
from babelift.translation.registry import load_translator

PROGRAM = Path(__file__).parents[2] / "examples" / "translators" / "apertium.py"

STAND_IN = f"""#!{sys.executable}
import sys
option, mode = sys.argv[1:]
assert option == "-u"
if mode == "fr-es":
    sys.exit("Error: Mode fr-es does not exist.")
text = sys.stdin.buffer.read().decode("utf-8")
sys.stdout.buffer.write((mode + " " + text + "\\n").encode("utf-8"))
"""

Translate = Callable[..., list[str | None]]


@pytest.fixture
def translate() -> Translate:
    """Translates with the example."""

    def run(texts: list[str], source: str, target: str) -> list[str | None]:
        with closing(load_translator(f"command:{sys.executable} {PROGRAM}")) as translator:
            return [made.text for made in translator.translate(texts, source, target)]

    return run


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts an `apertium` that names its mode first on the path."""
    program = tmp_path / "apertium"
    program.write_text(STAND_IN, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("stand_in")
def test_each_text_is_translated_with_the_mode_of_its_pair(translate: Translate) -> None:
    texts = ["Good morning.", "two\nlines — “quoted” 😀", ""]
    assert translate(texts, "en", "es") == [f"eng-spa {text}" for text in texts]


@pytest.mark.usefixtures("stand_in")
def test_english_and_french_go_by_way_of_spanish(translate: Translate) -> None:
    assert translate(["Good."], "en", "fr") == ["es-fr eng-spa Good."]


@pytest.mark.usefixtures("stand_in")
def test_a_pair_that_apertium_lacks_is_named(translate: Translate) -> None:
    with pytest.raises(TranslationError, match="no way from 'en' into 'ja'"):
        translate(["Good."], "en", "ja")


@pytest.mark.usefixtures("stand_in")
def test_a_mode_that_is_not_installed_is_named_with_the_command_that_installs_it(
    translate: Translate,
) -> None:
    with pytest.raises(TranslationError, match=r"Mode fr-es does not exist.*apt-get install"):
        translate(["Bon."], "fr", "es")


def test_without_apertium_it_says_what_to_install(
    translate: Translate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TranslationError, match=r"'apertium' is not installed.*apt-get install"):
        translate(["Good."], "en", "es")
