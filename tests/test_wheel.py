"""The wheel holds the embedded models, stays small, and works where there is no repository."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from models.checksums import checksums, faults, read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
MEGABYTE = 1_000_000
INSIDE = "babelift/embedded/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline with what is installed."""
    folder = tmp_path_factory.mktemp("dist")
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run([sys.executable, *build], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Babelift installed from the wheel, its dependencies being those at hand."""
    folder = tmp_path_factory.mktemp("installed")
    pip = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(folder)]
    subprocess.run([sys.executable, *pip, str(wheel)], check=True, capture_output=True)
    return folder


def run(installed: Path, place: Path, *command: str) -> str:
    """What a command prints in a folder elsewhere, with the installed code and without a hub."""
    environment = os.environ | {"PYTHONPATH": str(installed), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_embedded_files_are_those_with_a_checksum() -> None:
    assert faults() == []


def test_all_embedded_files_together_stay_within_their_share_of_the_wheel(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        sizes = {
            one.filename: one.compress_size
            for one in archive.infolist()
            if one.filename.startswith(INSIDE)
        }
    assert len(sizes) >= len(checksums())
    assert sum(sizes.values()) <= 48 * MEGABYTE, sizes


def test_weights_are_safetensors_or_ctranslate2_and_nothing_is_pickled() -> None:
    for path in map(Path, checksums()):
        assert path.suffix not in {".pt", ".pth", ".pkl", ".pickle", ".npy", ".h5", ".onnx"}, path
        assert path.suffix != ".bin" or path.parts[-2:] == ("translator", "model.bin"), path
        assert not (ROOT / path).read_bytes().startswith(b"\x80"), path  # how a pickle begins


def test_the_wheel_holds_the_package_and_its_files_unchanged(wheel: Path) -> None:
    assert wheel.stat().st_size < 50 * MEGABYTE
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        found = {
            f"src/{name}": hashlib.sha256(archive.read(name)).hexdigest()
            for name in names
            if name.startswith(INSIDE) and not name.endswith((".py", "/"))
        }
    assert found == read()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"babelift"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    for name in ("babelift/py.typed", "babelift/report/templates/comparison.html.j2"):
        assert name in names


def test_what_is_installed_from_it_is_what_runs(installed: Path, tmp_path: Path) -> None:
    say = "import babelift, babelift.embedded as e; print(babelift.__file__); print(e.ROOT)"
    lines = run(installed, tmp_path, sys.executable, "-c", say).splitlines()
    assert lines == [str(installed / "babelift/__init__.py"), str(installed / "babelift/embedded")]


def test_its_models_are_found_beside_its_code(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, str(installed / "bin/babelift"), "models", "--json")
    places = {
        (entry["kind"], entry["name"]): entry["where"]
        for entry in json.loads(listed)
        if entry["name"].startswith("mini")
    }
    for (kind, _), place in places.items():
        part = "lexicon" if "lexicon" in place else kind
        assert place == str(installed / "babelift/embedded" / part)


@pytest.mark.parametrize("encoder", ["mini", "scratch"])
def test_it_trains_and_reports_elsewhere(installed: Path, tmp_path: Path, encoder: str) -> None:
    reviews = installed / INSIDE / "reviews"
    run(
        installed, tmp_path, str(installed / "bin/babelift"), "fit", str(reviews / "en.jsonl"),
        "--label", "stars", "--arm", "zero-shot", "--encoder", encoder, "--steps", "1",
        "--out", "run",
    )  # fmt: skip
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
