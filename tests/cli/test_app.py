import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

import pytest

HEAVY = ("torch", "transformers", "ctranslate2", "sklearn", "matplotlib", "polars", "scipy")


@pytest.mark.parametrize("code", ["import babelift", "import babelift.cli"])
def test_importing_takes_no_heavy_library_along(code: str) -> None:
    check = f"import sys; {code}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [[], ["fit"], ["translate"], ["predict"], ["evaluate"]])
def test_help_takes_no_heavy_library_along(command: list[str]) -> None:
    check = (
        f"import sys; sys.argv = ['babelift', *{command!r}, '--help']\n"
        "from babelift.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "Usage: babelift" in done.stdout


def test_the_version_is_the_packages_own(babelift: Callable) -> None:
    assert babelift("--version").out.strip() == version("babelift")


def test_every_command_in_the_help_can_be_run(babelift: Callable) -> None:
    from babelift.cli.app import _COMMANDS

    listed = babelift("--help").out
    for name in _COMMANDS:
        assert name in listed
        assert "Usage: babelift " + name in babelift(name, "--help").out


def test_a_misspelt_flag_is_refused_with_the_nearest_match(babelift: Callable) -> None:
    result = babelift("fit", "a.csv", "--otc-wieght", "1")
    assert result.code == 2
    assert "--otc-weight" in result.out + result.err


def test_languages_are_listed_with_their_codes(babelift: Callable) -> None:
    listed = babelift("languages").out
    assert "Japanese" in listed
    assert "jpn_Jpan" in listed


def test_models_are_listed_with_their_licences(babelift: Callable) -> None:
    listed = babelift("models", "--as-json").out
    for word in ("m2m100", "distilbert-multilingual", "scratch", "apertium", "CC-BY-NC-4.0"):
        assert word in listed


def test_public_names_are_all_there() -> None:
    import babelift as package

    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name
