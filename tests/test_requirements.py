"""What must be installed for what: libraries that are not there are blocked in a new process."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import babelift
from tests.support import tiny_classifier

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ONLY_FOR_STUDIES = ("sacrebleu", "statsmodels")
NOT_FOR_PREDICTING = (
    "accelerate", "ctranslate2", "datasets", "jinja2", "pandas", "ray", "sacrebleu", "scipy",
    "sentencepiece", "sentencex", "sklearn", "statsmodels",
)  # fmt: skip


def run_without(libraries: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process where some libraries cannot be imported."""
    block = f"import sys; sys.modules.update(dict.fromkeys({libraries!r}))\n"
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", block + code]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)


def test_predicting_needs_none_of_what_training_translating_and_studies_need(
    tmp_path: Path,
) -> None:
    model = tiny_classifier(tmp_path / "model", ["bad", "good"])
    table, out = tmp_path / "new.jsonl", tmp_path / "out.jsonl"
    table.write_text(json.dumps({"text": "It is good."}) + "\n", encoding="utf-8")
    arguments = ["babelift", "predict", str(model), str(table), "--out", str(out)]
    code = f"sys.argv = {arguments}\nfrom babelift.cli import main\nmain()"
    done = run_without(NOT_FOR_PREDICTING, code)
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    assert row["prediction"] in {"bad", "good"}


def test_training_needs_nothing_that_only_studies_need(tmp_path: Path) -> None:
    reviews = Path(babelift.__file__).parent / "embedded" / "reviews"
    arguments = [
        "babelift", "fit", str(reviews / "en.jsonl"), "--label", "stars", "--to", "de",
        "--encoder", "scratch", "--translator", "mini", "--steps", "2", "--out",
        str(tmp_path / "run"),
    ]  # fmt: skip
    code = f"sys.argv = {arguments}\nfrom babelift.cli import main\nmain()"
    done = run_without((*ONLY_FOR_STUDIES, "datasets", "ray"), code)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_comparison_needs_no_extra() -> None:
    code = (
        "import babelift\nimport polars as pl\n"
        "rows = pl.DataFrame({'id': ['1', '2', '3'], 'lang': 'de', 'label': ['a', 'b', 'a']})\n"
        "sides = [rows.with_columns(prediction=pl.Series(list(p))) for p in ('bba', 'aaa')]\n"
        "print(len(babelift.compare(sides).contrasts))"
    )
    done = run_without(ONLY_FOR_STUDIES, code)
    assert done.stdout.strip() == "1", done.stderr


@pytest.mark.parametrize("library", ["statsmodels", "sacrebleu"])
def test_a_study_names_the_missing_extra_before_any_work(tmp_path: Path, library: str) -> None:
    code = (
        "from pathlib import Path\nimport babelift\n"
        "from babelift.study.spec import read_spec\n"
        f"spec = read_spec(Path('studies/king2024.yaml'), size='quick')\n"
        f"babelift.run_study(spec, Path({str(tmp_path / 'out')!r}))"
    )
    done = run_without((library,), code)
    last = done.stderr.strip().splitlines()[-2:]
    assert last[0].endswith(f"a study needs '{library}', which is not installed.")
    assert last[1] == "Install it: pip install 'babelift[study]'"
    assert not (tmp_path / "out").exists()


def test_extras_hold_what_the_errors_say() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for extra, library in [("study", "statsmodels"), ("study", "sacrebleu"), ("ray", "ray"),
                           ("hub", "datasets")]:  # fmt: skip
        assert any(requirement.startswith(library) for requirement in extras[extra])
        assert not any(line.startswith(library) for line in project["dependencies"])
    assert "dynamic" in project
