"""Every path is literal, whatever its characters mean elsewhere, and printing one never fails."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import tiny_classifier, tiny_distilbert

ODD = ["exp[1]", "a*b", "what?", "{x}", "~", "$HOME", "%41", "line\nend", os.fsdecode(b"caf\xe9")]
ROWS = "".join(
    f"{n},The {word} cup {n} was cold.,{label},en\n"
    for n in range(24)
    for word, label in [(("good", "1"), ("bad", "0"))[n % 2]]
)
TABLE = "id,text,label,lang\n" + ROWS
LEXICON = "source_lang,target_lang,source,target\nen,de,good,gut\n"

Babelift = Callable[..., Any]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ODD)
def test_translate_reads_and_writes_what_is_named(
    babelift: Babelift, tmp_path: Path, name: str
) -> None:
    for other in ("exp1", "axxb", "whats", "x", "A", "home"):
        (tmp_path / f"{other}.csv").write_text("mine")
    (tmp_path / f"{name}.csv").write_text(TABLE + "99,,1,en\n")
    (tmp_path / f"{name}.words.csv").write_text(LEXICON)
    before = files(tmp_path)
    done = babelift(
        "translate", f"{name}.csv", "--to", "de", "--translator", f"lexicon:{name}.words.csv",
        "--max-rejects", "0.5", "--out", f"{name}/out.parquet",
    )  # fmt: skip
    assert done.code == 0, done.err
    beside = {f"{name}/out.parquet{end}" for end in ("", ".report.json", ".rejects.jsonl")}
    assert files(tmp_path) == before | beside
    assert (tmp_path / "exp1.csv").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD[:-1])
def test_a_run_reads_its_own_rows_and_predicts_under_any_name(
    babelift: Babelift, tmp_path: Path, name: str
) -> None:
    encoder = tiny_distilbert(tmp_path / f"{name}.encoder")
    table = tmp_path / f"{name}.csv"
    table.write_text(TABLE)
    fit = ["--arm", "zero-shot", "--no-otc", "--encoder", encoder, "--steps", "1",
           "--batch-size", "4"]  # fmt: skip
    for out in ("runs/exp1", f"runs/{name}"):
        done = babelift("fit", table.name, *fit, "--out", out)
        assert done.code == 0, done.err
    neighbour = (tmp_path / "runs" / "exp1" / "manifest.json").read_bytes()
    assert babelift("report", f"runs/{name}").code == 0
    done = babelift("predict", f"runs/{name}", table.name, "--out", f"{name}.out.csv")
    assert done.code == 0, done.err
    done = babelift("evaluate", f"runs/{name}", table.name, "--out", f"{name}.eval")
    assert done.code == 0, done.err
    assert (tmp_path / "runs" / "exp1" / "manifest.json").read_bytes() == neighbour


def test_a_model_needs_a_name_in_utf8_and_says_so_before_any_work(
    babelift: Babelift, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text(TABLE)
    tiny_classifier(tmp_path / "model", ["0", "1"]).rename(tmp_path / ODD[-1])
    before = files(tmp_path)
    for command in (
        ["fit", "in.csv", "--arm", "zero-shot", "--out", f"runs/{ODD[-1]}"],
        ["predict", ODD[-1], "in.csv", "--out", "out.csv"],
    ):
        done = babelift(*command)
        assert done.code == 1
        assert "not UTF-8" in done.err
    assert files(tmp_path) == before


@pytest.mark.parametrize("locale", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_terminal_that_writes_ascii_ends_no_job(tmp_path: Path, locale: dict[str, str]) -> None:
    name = os.fsdecode("日本".encode() + b"\xe9")
    (tmp_path / f"{name}.csv").write_text(TABLE.replace("cup", "Tässe") + "99,,1,en\n", "utf-8")
    tiny_classifier(tmp_path / "model", ["0", "1"])
    for ending, code in ((".csv", 0), (".tsv", 1)):
        done = subprocess.run(
            [sys.executable, "-c", "from babelift.cli import main; main()", "predict", "model",
             f"{name}{ending}", "--max-rejects", "0.5", "--out", f"{name}.out.csv"],
            cwd=tmp_path,
            env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", **locale},
            capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert b"Traceback" not in done.stderr
        assert (done.stdout + done.stderr).isascii()
    assert (tmp_path / f"{name}.out.csv").is_file()
