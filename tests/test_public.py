"""What `babelift` itself offers: every name stable, documented, with its signature."""

import inspect
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import babelift
from babelift import errors

NAMES = [name for name in babelift.__all__ if name != "__version__"]
CALLABLES = [name for name in NAMES if not name.endswith(("Error", "Warning"))]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_one_object_however_it_is_reached(name: str) -> None:
    first = getattr(babelift, name)
    assert first is getattr(babelift, name)
    assert first is vars(babelift)[name]
    assert first is getattr(sys.modules[first.__module__], name)


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_survives_pickling(name: str) -> None:
    public = getattr(babelift, name)
    assert pickle.loads(pickle.dumps(public)) is public


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_says_what_it_is_for(name: str) -> None:
    documentation = inspect.getdoc(getattr(babelift, name))
    assert documentation
    assert documentation.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize("name", CALLABLES)
def test_a_public_callable_has_a_typed_signature(name: str) -> None:
    public = getattr(babelift, name)
    signature = inspect.signature(public)
    if inspect.isfunction(public):
        assert signature.return_annotation is not inspect.Signature.empty
        assert "Args:" in (inspect.getdoc(public) or "")
    for parameter in signature.parameters.values():
        is_typed = parameter.annotation is not inspect.Parameter.empty
        assert is_typed or public is babelift.Translator, parameter


@pytest.mark.parametrize("name", ["translate", "evaluate", "OTCLoss", "Classifier"])
def test_help_shows_a_public_name_with_its_arguments(name: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", f"import babelift; help(babelift.{name})"],
        capture_output=True, text=True, check=True, env={"PAGER": "cat", "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(babelift.__file__).parents[1])},
    ).stdout  # fmt: skip
    public = getattr(babelift, name)
    assert f"{name}(" in shown
    assert next(iter(inspect.signature(public).parameters)) in shown
    assert (inspect.getdoc(public) or "").splitlines()[0] in shown


def test_no_public_name_is_a_module_too() -> None:
    modules = {module.name for module in pkgutil.iter_modules(babelift.__path__)}
    assert not modules & set(babelift.__all__)


def test_completion_and_a_starred_import_offer_every_name() -> None:
    namespace: dict[str, Any] = {}
    exec("from babelift import *", namespace)
    assert set(babelift.__all__) <= set(namespace)
    assert set(babelift.__all__) <= set(dir(babelift))


def test_all_errors_are_public() -> None:
    tree = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert tree <= set(babelift.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = babelift.no_such_name


@pytest.mark.slow
def test_type_checkers_see_the_public_names(tmp_path: Path) -> None:
    assert (Path(babelift.__file__).parent / "py.typed").is_file()
    program = tmp_path / "program.py"
    checks = "\n".join(f"reveal_type(babelift.{name})" for name in NAMES)
    program.write_text(f"import babelift\n{checks}\n", encoding="utf-8")
    root = Path(__file__).parents[1]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"),
         "--cache-dir", str(root / ".mypy_cache"), str(program)],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    revealed = [line for line in checked.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == len(NAMES), checked.stdout
    assert not [line for line in revealed if '"Any"' in line or '"builtins.object"' in line]
