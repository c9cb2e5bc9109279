import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version

import pytest

HEAVY = ("torch", "transformers", "ctranslate2", "sklearn", "matplotlib", "polars", "scipy")


@pytest.mark.parametrize("code", ["import babelift", "import babelift.cli"])
def test_importing_takes_no_heavy_library_along(code: str) -> None:
    check = f"import sys; {code}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", [[], ["fit"], ["translate"], ["predict"], ["evaluate"], ["compare"]]
)
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
    listed = babelift("models", "--json").out
    for word in ("m2m100", "distilbert-multilingual", "scratch", "CC-BY-NC-4.0"):
        assert word in listed


@pytest.mark.parametrize("columns", ["80", "120"])
def test_models_are_shown_whole_on_a_narrow_terminal(
    babelift: Callable, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    listed = babelift("models").out
    assert "…" not in listed
    assert max(map(len, listed.splitlines())) <= int(columns)
    for name in ("distilbert-multilingual ", "hf:FOLDER_OR_HUB_ID ", "table:FILE#SYSTEM "):
        assert any(line.startswith(name) for line in listed.splitlines())
    assert "licence CC-BY-NC-4.0 · 2.5 GB" in listed


def test_a_warning_is_one_line_without_code(capsys: pytest.CaptureFixture[str]) -> None:
    from babelift.cli.app import _warnings_in_one_line
    from babelift.translation.registry import NonCommercialWarning

    shown = warnings.showwarning
    with _warnings_in_one_line():
        warnings.simplefilter("always")
        warnings.warn("not for\n  sale", NonCommercialWarning, stacklevel=1)
        warnings.warn("of another library", UserWarning, stacklevel=1)
    assert warnings.showwarning is shown
    assert capsys.readouterr().err == (
        "NonCommercialWarning: not for sale\nWarning: of another library\n"
    )


def test_a_name_that_is_not_utf_8_is_shown() -> None:
    """Whatever the encoding of what standard output is."""
    code = (
        "from babelift.cli import app\n"
        "app.app = lambda *_, **__: print('written to caf\\udce9')\n"
        "app.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"written to caf\\udce9\n"
