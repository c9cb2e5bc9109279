"""What README, CONTRIBUTING and the like say is true of the code."""

import ast
import re
from functools import partial
from pathlib import Path

import pytest
import yaml

import babelift
from babelift.cli.app import _COMMANDS
from babelift.testing import FunctionTranslator
from babelift.translation.registry import translators

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "studies/*.md", "examples/**/*.md", "models/*.md")
    for path in ROOT.glob(pattern)
)
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def python_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("document", NAMES)
def test_python_in_documents_needs_the_public_names_alone(document: str) -> None:
    for block in python_blocks((ROOT / document).read_text(encoding="utf-8")):
        tree = ast.parse(block)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("babelift"):
                assert node.module == "babelift"
                assert {alias.name for alias in node.names} <= set(babelift.__all__)
            if isinstance(node, ast.Import):
                assert not [a.name for a in node.names if a.name.startswith("babelift.")]
        for name in re.findall(r"\bbabelift\.(\w+)", block):
            assert name in babelift.__all__


def test_names_of_babelift_in_the_readme_are_public() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`babelift\.(\w+)[`(]", text))
    assert named - {"translators"} <= set(babelift.__all__)
    table = text[text.index("| `babelift.` |") :].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert listed <= set(babelift.__all__)
    own = {name for name in babelift.__all__ if not name.endswith(("Error", "Warning", "__"))}
    assert own - {"Classifier"} <= listed


def test_commands_in_documents_exist() -> None:
    for path in DOCUMENTS:
        lines = path.read_text(encoding="utf-8").splitlines()
        typed = [line.split()[1] for line in lines if line.startswith("    babelift ")]
        assert set(typed) <= set(_COMMANDS), path


def test_translators_in_the_readme_are_those_of_the_registry() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| `--translator` |") :].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = {name.split(":")[0] for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert named <= set(translators())


@pytest.mark.parametrize("document", NAMES)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


def test_the_layout_in_contributing_is_that_of_the_repository() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = text[text.index("    src/babelift/\n") :].split("\n\n")[0].splitlines()[1:]
    inside = {line.split()[0] for line in tree if line.startswith("      ")}
    outside = {line.split()[0] for line in tree if not line.startswith("      ")}
    package = ROOT / "src" / "babelift"
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert inside == folders | {path.name for path in package.glob("*.py")}
    assert all((ROOT / folder).is_dir() for folder in outside)


def test_the_version_stands_in_one_place_and_has_its_entry_in_the_changelog() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changes, flags=re.MULTILINE)
    assert versions[0] == babelift.__version__
    assert versions[-1] == "0.1.0"
    for name in ("pyproject.toml", "CITATION.cff"):
        assert babelift.__version__ not in (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_names_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"].startswith("Babelift")
    (paper,) = citation["references"]
    assert paper["authors"][0]["family-names"] == "King"
    assert paper["identifiers"][0]["value"] == "arXiv:2405.05478"


@pytest.mark.slow
def test_the_readmes_python_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a translator and an encoder that need no download."""
    in_japanese = {"It is good.": "それは良いです。", "It broke.": "それは壊れました。"}
    translator = FunctionTranslator(
        lambda text, source, target: in_japanese[text] if target == "ja" else f"{target} {text}"
    )
    small = partial(babelift.Classifier, translator=translator, encoder="scratch", epochs=1)
    monkeypatch.setattr(babelift, "Classifier", small)
    monkeypatch.chdir(tmp_path)
    names = {"texts": ["It is good.", "It broke."] * 4, "labels": ["5", "1"] * 4}
    blocks = python_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert blocks
    for block in blocks:
        exec(block, names)
    assert (tmp_path / "my-classifier").is_dir()


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", *(n for n in NAMES if "decisions" in n)])
def test_files_that_are_named_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for name in re.findall(r"`((?:\w+/)+\w+\.(?:py|md))`", text):
        places = (ROOT, ROOT / "src", ROOT / "src" / "babelift")
        assert any((place / name).is_file() for place in places), name
