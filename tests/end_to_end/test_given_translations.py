"""What a run makes of translations that came with its tables, and of tables it splits itself."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

pytestmark = pytest.mark.slow

WORDS = ("book", "phone", "lamp", "chair", "clock", "radio", "camera", "bottle", "shoe", "kettle")


def rows(lang: str, number: int = 40) -> list[dict[str, str]]:
    return [
        {
            "id": f"{lang}{n}",
            "text": f"{lang} {WORDS[n % 10]} {WORDS[n * 7 // 10 % 10]} item {n * 7919} "
            f"{'good' if n % 2 else 'bad'} {n * n} {WORDS[n // 4 % 10]}",
            "label": str(n % 2),
            "lang": lang,
        }
        for n in range(number)
    ]


def write(path: Path, *parts: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for part in parts for row in part))
    return path


QUICK = ("--encoder", "scratch", "--steps", "1", "--quality", "keep")
PROGRAM = """
import json, sys

for line in sys.stdin:
    row = json.loads(line)
    row["translation"] = {answer}
    print(json.dumps(row), flush=True)
"""


def program(folder: Path, answer: str = "row['target_lang'] + ' ' + row['text']") -> str:
    """A translator that answers with a Python expression."""
    file = folder / "program.py"
    file.write_text(PROGRAM.replace("{answer}", answer))
    return f"command:{sys.executable} {file}"


@pytest.fixture
def echo(tmp_path: Path) -> str:
    return program(tmp_path)


@pytest.fixture
def translated(babelift: Callable, tmp_path: Path, echo: str) -> Path:
    """English rows and their translations into German, as `babelift translate` writes them."""
    table = write(tmp_path / "en.jsonl", rows("en"))
    out = tmp_path / "both.parquet"
    result = babelift(
        "translate", table, "--to", "de", "--translator", echo, "--with-originals", "--out", out
    )
    assert result.code == 0, result.err
    return out


def read(run: str, split: str) -> pl.DataFrame:
    return pl.read_parquet(Path(run) / "data" / f"{split}.parquet")


def test_given_translations_are_used_and_no_translator_is_opened(
    babelift: Callable, translated: Path
) -> None:
    result = babelift("fit", translated, "--to", "de", "--translator", "ct2:nowhere", *QUICK,
                      "--out", "run")  # fmt: skip
    assert result.code == 0, result.err
    assert "translations that came with the tables: 40 are used, 0 are left out" in result.err
    train = read("run", "train")
    assert set(train.filter(pl.col("origin") == "original")["lang"]) == {"en"}
    german = train.filter(pl.col("lang") == "de")
    assert german.height == train.height / 2
    assert set(german["translator"]) == {"command"}


def test_a_translation_is_in_the_split_of_its_original(
    babelift: Callable, translated: Path
) -> None:
    babelift("fit", translated, "--to", "de", "--translator", "ct2:nowhere", *QUICK, "--out", "run")
    seen = {split: set(read("run", split)["group_id"]) for split in ("train", "validation", "test")}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert set(read("run", "test")["origin"]) == {"original", "machine"}


def test_only_the_missing_language_is_translated(
    babelift: Callable, translated: Path, echo: str
) -> None:
    result = babelift("fit", translated, "--to", "de", "ja", "--translator", echo, *QUICK,
                      "--out", "run")  # fmt: skip
    assert result.code == 0, result.err
    manifest = json.loads(Path("run/manifest.json").read_text())
    assert list(manifest["translation"]["pairs"]) == ["en>ja"]
    train = read("run", "train")
    assert train.group_by("lang").len()["len"].n_unique() == 1


@pytest.mark.parametrize("arm", ["zero-shot", "original"])
def test_arms_that_see_no_translations_see_no_given_ones(
    babelift: Callable, translated: Path, tmp_path: Path, arm: str
) -> None:
    native = write(tmp_path / "de.jsonl", rows("de"))
    others = [row | {"id": f"t{row['id']}", "text": row["text"][::-1]} for row in rows("de", 6)]
    test = write(tmp_path / "test.jsonl", others)
    result = babelift("fit", translated, native, "--test", test, "--to", "de", "--arm", arm,
                      "--leakage", "warn", *QUICK, "--out", "run")  # fmt: skip
    assert result.code == 0, result.err
    train = read("run", "train")
    assert set(train["origin"]) == {"original"}
    assert set(train["lang"]) == ({"en"} if arm == "zero-shot" else {"de"})


def test_translations_without_their_originals_cannot_be_trained_on(
    babelift: Callable, translated: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone.parquet"
    pl.read_parquet(translated).filter(pl.col("origin") == "machine").write_parquet(alone)
    result = babelift("fit", alone, "--to", "de", *QUICK, "--out", "run")
    assert result.code == 1
    assert "--with-originals" in result.err


def test_translated_test_rows_stay_test_rows_and_are_marked(
    babelift: Callable, translated: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone.parquet"
    machine = pl.read_parquet(translated).filter(pl.col("origin") == "machine")
    machine.write_parquet(alone)
    others = [row | {"id": f"o{row['id']}", "text": row["text"][::-1]} for row in rows("en")]
    other = write(tmp_path / "other.jsonl", others)
    result = babelift("fit", other, "--test", alone, "--to", "de", "--arm", "zero-shot", *QUICK,
                      "--out", "run")  # fmt: skip
    assert result.code == 0, result.err
    assert (
        json.loads(Path("run/metrics.json").read_text())["languages"]["de"]["origin"] == "machine"
    )


def test_translations_of_training_rows_as_test_rows_are_leakage(
    babelift: Callable, translated: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone.parquet"
    pl.read_parquet(translated).filter(pl.col("origin") == "machine").write_parquet(alone)
    result = babelift("fit", tmp_path / "en.jsonl", "--test", alone, "--to", "de",
                      "--arm", "zero-shot", *QUICK, "--out", "run")  # fmt: skip
    assert result.code == 1
    assert "LeakageError" in result.err


def test_near_duplicates_that_a_split_made_here_parts_are_dropped_not_blamed_on_the_user(
    babelift: Callable, tmp_path: Path, echo: str
) -> None:
    twins = [{**row, "id": f"x{row['id']}", "text": row["text"] + " ok"} for row in rows("en")]
    table = write(tmp_path / "twins.jsonl", rows("en"), twins)
    result = babelift("fit", table, "--to", "de", "--translator", echo, *QUICK, "--out", "run")
    assert result.code == 0, result.err
    assert "Dropped" in result.err


def test_a_translator_whose_every_translation_fails_a_check_is_an_error_that_says_so(
    babelift: Callable, tmp_path: Path
) -> None:
    table = write(tmp_path / "en.jsonl", rows("en"))
    empty = program(tmp_path, "''")
    result = babelift("fit", table, "--to", "de", "--translator", empty, "--encoder", "scratch",
                      "--steps", "1", "--out", "run")  # fmt: skip
    assert result.code == 1
    assert "no training row has a translation that can be used (empty" in result.err
    assert "--quality keep" in result.err


def test_a_run_that_lost_its_metrics_makes_them_again(babelift: Callable, translated: Path) -> None:
    command = ("fit", translated, "--to", "de", *QUICK, "--out", "run")
    assert babelift(*command).code == 0
    before = Path("run/metrics.json").read_text()
    Path("run/metrics.json").unlink()
    Path("run/report.html").unlink()
    assert babelift(*command).code == 0
    assert Path("run/metrics.json").read_text() == before
    assert Path("run/report.html").is_file()
