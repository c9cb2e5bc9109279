"""The paper's models from the hub, by the command line alone: first run, second run, no hub."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import (
    HubServer,
    tiny_distilbert,
    tiny_hunyuan,
    tiny_m2m100,
    tiny_madlad,
    tiny_nllb,
)
from tests.support.encoders import pickled, tiny_mmbert

pytestmark = pytest.mark.slow

M2M100 = "facebook/m2m100_418M"
NLLB = "facebook/nllb-200-distilled-600M"
NLLB_LARGE = "facebook/nllb-200-distilled-1.3B"
MADLAD = "google/madlad400-3b-mt"
HY_MT = "tencent/HY-MT1.5-1.8B"
DISTILBERT = "distilbert/distilbert-base-multilingual-cased"
MMBERT = "jhu-clsp/mmBERT-small"
FIT = ("fit", "t.csv", "--to", "de", "ja", "--steps", "2", "--quality", "keep", "--out", "run")
PAPER = ("--encoder", "distilbert-multilingual")
"""`--quality keep`, because a model with random weights loops."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    folder = tmp_path_factory.mktemp("models")
    models = {
        M2M100: tiny_m2m100(folder / "m2m100"),
        NLLB: tiny_nllb(folder / "nllb"),
        NLLB_LARGE: tiny_nllb(folder / "nllb-large", seed=1),
        MADLAD: tiny_madlad(folder / "madlad"),
        HY_MT: tiny_hunyuan(folder / "hy-mt"),
        DISTILBERT: tiny_distilbert(folder / "distilbert"),
    }
    converted = tiny_mmbert(folder / "mmbert")
    models[MMBERT] = pickled(converted, folder / "published")
    with HubServer(models, {MMBERT: [converted]}) as server:
        yield server


@pytest.fixture
def babelift(hub: HubServer, tmp_path: Path) -> Run:
    """Runs the program in a process of its own, with empty caches and a table `t.csv`."""
    hub.down = False
    hub.requests.clear()
    words = (
        "It broke at once",
        "It is a joy to use",
        "The handle came off",
        "Well made and strong",
    )
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("text", "label", "lang"))
        table.writerows((f"{words[n % 4]}, order {n}.", n % 2, "en") for n in range(40))
    environment = {
        **os.environ,
        **hub.environment(tmp_path / "hf"),
        "BABELIFT_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
    }
    # What a user has: huggingface_hub's own bars are not turned off.
    del environment["HF_HUB_DISABLE_PROGRESS_BARS"]

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, "-c", "from babelift.cli import main; main()", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert ".py:" not in done.stderr, done.stderr
        return done

    return run


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("words", "repo", "name", "license_"),
    [((), MMBERT, "mmbert-small", "MIT"),
     (PAPER, DISTILBERT, "distilbert-multilingual", "Apache-2.0")],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_fit_fetches_its_models_once_and_leaves_a_plain_model(
    babelift: Run,
    hub: HubServer,
    tmp_path: Path,
    words: tuple[str, ...],
    repo: str,
    name: str,
    license_: str,
) -> None:
    from transformers import pipeline

    fit = (*FIT[:2], *words, *FIT[2:])
    done = babelift(*fit)
    assert done.returncode == 0, done.stderr
    for fetched in (M2M100, repo):
        assert done.stderr.count(f"fetching {fetched} (") == 1
    assert done.stderr.count("converting m2m100 to int8 for CTranslate2, once") == 1
    for noise in ("Warning", "warn", "Fetching", "Some weights", "unauthenticated"):
        assert noise not in done.stderr

    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["languages"]) == {"en", "de", "ja"}
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [(part["what"], part["name"], part["license"]) for part in manifest["licenses"]] == [
        ("encoder", name, license_),
        ("translator", "m2m100", "MIT"),
    ]
    classify = pipeline("text-classification", model=str(tmp_path / "run" / "model"))
    assert {answer["label"] for answer in classify(["Gut.", "良い。"])} <= {"0", "1"}

    asked = len(hub.requests)
    before = files(tmp_path)
    again = babelift(*fit)
    assert again.returncode == 0
    assert "run is complete already; nothing was changed." in again.stderr
    hub.down = True
    other = babelift(*fit[:-1], "other", "--seed", "1")
    assert other.returncode == 0, other.stderr
    assert "fetching" not in other.stderr
    assert "converting" not in other.stderr
    assert len(hub.requests) == asked
    assert [path for path in files(tmp_path) if not path.startswith("other")] == before


def test_without_a_hub_it_says_so_and_leaves_nothing_half_written(
    babelift: Run, hub: HubServer, tmp_path: Path
) -> None:
    hub.down = True
    done = babelift(*FIT)
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-2:]
    assert last[0].startswith(f"ModelError: encoder '{MMBERT}' is not in the cache")
    assert "answered with status 503" in last[0]
    assert "HF_ENDPOINT" in last[1]
    for cache in ("hf", "cache"):
        assert [name for name in files(tmp_path / cache) if not name.endswith(".lock")] == []
    hub.down = False
    assert babelift(*FIT).returncode == 0


def test_terms_that_forbid_commercial_use_are_one_line_before_anything_is_fetched(
    babelift: Run, tmp_path: Path
) -> None:
    done = babelift(
        "translate", "t.csv", "--to", "de", "--translator", "nllb-600m", "--out", "de.jsonl"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    [place] = [n for n, line in enumerate(lines) if line.startswith("NonCommercialWarning: ")]
    assert "nllb-600m: its weights are CC-BY-NC-4.0" in lines[place]
    assert lines[place + 1].startswith(f"fetching {NLLB}")
    assert json.loads((tmp_path / "de.jsonl.report.json").read_text())["license"] == "CC-BY-NC-4.0"


@pytest.mark.parametrize(
    ("name", "repo", "terms", "warning"),
    [
        ("nllb-1.3b", NLLB_LARGE, "CC-BY-NC-4.0", "NonCommercialWarning: nllb-1.3b: its weights"),
        ("madlad-3b", MADLAD, "Apache-2.0", None),
        ("hy-mt", HY_MT, "LicenseRef-Tencent-HY-Community", "TerritoryWarning: hy-mt: its licence"),
    ],
)
def test_other_translators_are_fetched_by_name_and_their_terms_are_said(
    babelift: Run, tmp_path: Path, name: str, repo: str, terms: str, warning: str | None
) -> None:
    done = babelift(
        "translate", "t.csv", "--to", "de", "--translator", name, "--out", "de.jsonl",
        "--quality", "keep",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"fetching {repo} (") == 1
    assert [line for line in done.stderr.splitlines() if "Warning: " in line] == [
        line for line in done.stderr.splitlines() if warning and line.startswith(warning)
    ]
    assert bool(warning) == ("Warning: " in done.stderr)
    report = json.loads((tmp_path / "de.jsonl.report.json").read_text())
    assert (report["translator"], report["license"]) == (name, terms)
    assert (tmp_path / "de.jsonl").stat().st_size > 0
