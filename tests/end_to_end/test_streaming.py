"""Tables go through translation and prediction without being held: memory does not grow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from safetensors.torch import load_file, save_file

from tests.support import tiny_classifier

pytestmark = pytest.mark.slow

MEASURED = """
import resource, sys
from babelift.cli import main
sys.argv[0] = "babelift"
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
SMALL, LARGE = 6_000, 24_000


def peak(folder: Path, *arguments: str) -> int:
    """Kilobytes that a command held at most."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        env={**os.environ, "BABELIFT_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.rpartition("peak ")[2])


def table(folder: Path, rows: int) -> Path:
    file = folder / f"{rows}.jsonl"
    with file.open("w") as lines:
        for i in range(rows):
            text = f"The coffee {i} was good, the {i * 7 % 1000}th cup cold."
            row = {
                "id": f"r{i}",
                "text": text,
                "label": str(i % 3),
                "lang": "en",
                "note": "#" * 150,
            }
            lines.write(json.dumps(row) + "\n")
    return file


def decided(model: Path) -> Path:
    """The model with a head so large that no two labels are level: those are computed twice."""
    file = model / "model.safetensors"
    weights = load_file(file)
    save_file({n: w * 1e3 if "class" in n else w for n, w in weights.items()}, file)
    return model


@pytest.mark.parametrize("command", ["translate", "predict"])
def test_four_times_the_rows_need_no_more_memory(command: str, tmp_path: Path) -> None:
    if command == "translate":
        (tmp_path / "words.csv").write_text(
            "source_lang,target_lang,source,target\nen,de,good,gut\nen,de,cold,kalt\n"
        )
        words = f"lexicon:{tmp_path / 'words.csv'}"
        options = ["--to", "de", "--quality", "keep", "--translator", words]
        before = []
    else:
        before, options = [str(decided(tiny_classifier(tmp_path / "model", ["0", "1", "2"])))], []
    peaks = []
    for rows in (SMALL, LARGE):
        out = tmp_path / f"{rows}.out.parquet"
        file = str(table(tmp_path, rows))
        peaks.append(peak(tmp_path, command, *before, file, *options, "--out", str(out)))
        made = pl.read_parquet(out)
        assert made.height == made["id"].n_unique() == rows
    assert peaks[1] < 1.1 * peaks[0], peaks
