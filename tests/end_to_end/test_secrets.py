"""A secret that a user types, and the name of a home, stand in no file that could be shared."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from babelift.classifier import Classifier
from babelift.errors import ConfigError
from babelift.run.folder import Run

pytestmark = pytest.mark.slow

CANARY = "Zx9Canary7Qw"
PROGRAM = """
import json, sys
if "--fail" in sys.argv:
    sys.exit("bad key " + sys.argv[2] + " in " + __file__)
for line in sys.stdin:
    row = json.loads(line)
    made = {"id": row["id"], "translation": row["target_lang"] + ": " + row["text"]}
    print(json.dumps(made), flush=True)
"""
HUSHED = f"--api-key {CANARY}1 --url https://bob:{CANARY}2@example.org/?key={CANARY}3"


@pytest.fixture
def home(tmp_path: Path, stand_ins: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Alice's home, with her table, her program and an encoder; the working folder is elsewhere."""
    home = tmp_path / "home" / "alice"
    home.mkdir(parents=True)
    (home / "mt.py").write_text(PROGRAM)
    rows = [
        {"text": f"{words} number {n}", "label": label, "lang": "en"}
        for n in range(20)
        for label, words in (("good", "fine"), ("bad", "poor"))
    ]
    pl.DataFrame(rows).write_csv(home / "reviews.csv")
    rejected = {"text": "", "label": "good", "lang": "en"}
    pl.DataFrame([*rows, rejected]).write_csv(home / "faulty.csv")
    (home / "encoder").symlink_to(stand_ins / "encoder")
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", f"hf_{CANARY}")
    monkeypatch.setenv("BABELIFT_CACHE", str(home / "cache"))
    return home


@pytest.fixture
def at_work(
    babelift: Callable[..., Any], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path / "work")
    return babelift


def translator(home: Path, more: str = HUSHED) -> str:
    return f"command:env MT_KEY={CANARY}0 {sys.executable} {home}/mt.py {more}"


def fit(home: Path, out: str = "run", more: str = HUSHED) -> tuple[str, ...]:
    return (
        "fit", f"{home}/reviews.csv", "--to", "de", "--translator", translator(home, more),
        "--encoder", f"{home}/encoder", "--steps", "1", "--quality", "keep", "--out", out,
    )  # fmt: skip


def told(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file with what it says; a Parquet file's rows as JSON."""
    for file in folder.rglob("*"):
        if file.suffix == ".parquet":
            yield file, pl.read_parquet(file).write_json()
        elif file.is_file():
            yield file, file.read_bytes().decode("utf-8", errors="replace")


def check(folder: Path, *printed: str) -> None:
    files = list(told(folder))
    assert files
    for place, text in (*files, *(("the terminal", text) for text in printed)):
        assert CANARY not in text, place
        assert "home/alice" not in text, place


def test_no_file_of_a_run_and_nothing_made_from_it_holds_a_secret(
    at_work: Callable[..., Any], home: Path
) -> None:
    made = at_work(*fit(home))
    assert made.code == 0, made.err
    table = f"{home}/reviews.csv"
    for command in (
        ("translate", table, "--to", "de", "--translator", translator(home), "--out", "t.jsonl"),
        ("predict", "run", f"{home}/faulty.csv", "--max-rejects", "1", "--out", "p.csv"),
        ("evaluate", "run", table, "--out", "evaluated"),
    ):
        assert at_work(*command).code == 0
    again = at_work("fit", *fit(home, "other", "--api-key 2")[1:])
    assert again.code == 0, again.err
    printed = [at_work("report", "run"), at_work("compare", "run", "other", "--out", "compared")]
    assert [one.code for one in printed] == [0, 0]
    check(Path.cwd(), *(one.out + one.err for one in printed))
    for file, text in told(home / "cache"):
        assert CANARY not in text, file
    for name in ("run/report.html", "run/model/README.md"):
        page = Path(name).read_text()
        assert "command:env …" in page
        assert "… stands for what is not shown" in page


def test_the_same_command_goes_on_and_another_secret_is_another_run(
    at_work: Callable[..., Any], home: Path
) -> None:
    assert at_work(*fit(home)).code == 0
    Path("run/metrics.json").unlink()
    again = at_work(*fit(home))
    assert again.code == 0, again.err
    assert Path("run/metrics.json").is_file()
    other = at_work(*fit(home, more="--api-key 2"))
    assert other.code == 1
    assert "differs in what is not shown of it" in other.err
    moved = at_work("fit", f"{home}/../alice/reviews.csv", *fit(home)[2:])
    assert moved.code == 1


def test_a_table_in_the_home_that_has_changed_is_noticed(
    at_work: Callable[..., Any], home: Path
) -> None:
    assert at_work(*fit(home)).code == 0
    with (home / "reviews.csv").open("a") as table:
        table.write("one more,good,en\n")
    changed = at_work(*fit(home))
    assert changed.code == 1
    assert "has changed" in changed.err


def test_the_report_of_an_older_run_leaves_out_what_its_files_tell(
    at_work: Callable[..., Any], home: Path
) -> None:
    assert at_work(*fit(home)).code == 0
    files = Path("run/manifest.json"), Path("run/config.yaml")
    values = json.loads(files[0].read_text())
    values["invocations"][0]["command"] = ["babelift", *fit(home)]
    values["files"][0]["path"] = f"{home}/reviews.csv"
    files[0].write_text(json.dumps(values))
    secret = json.dumps(translator(home))
    files[1].write_text(files[1].read_text().replace("command:env …", secret))
    assert CANARY in files[1].read_text()
    done = at_work("report", "run")
    assert done.code == 0
    for name in ("run/report.html", "run/model/README.md"):
        assert CANARY not in Path(name).read_text()
        assert "home/alice" not in Path(name).read_text()


def test_no_file_of_a_study_holds_a_secret(at_work: Callable[..., Any], home: Path) -> None:
    for split in ("train", "test"):
        rows = pl.read_csv(home / "reviews.csv").with_columns(id=pl.lit(split) + pl.col("text"))
        rows.with_columns(text=pl.lit(split) + pl.col("text")).write_csv(home / f"{split}.csv")
        both = pl.concat([rows, rows.with_columns(lang=pl.lit("de"), id=pl.col("id") + "de")])
        both.with_columns(text=pl.lit(split) + pl.col("text")).write_csv(home / f"{split}.csv")
    translators = [translator(home), translator(home, f"--fail {CANARY}4"), "mini"]
    spec = {
        "train": f"{home}/train.csv", "test": f"{home}/test.csv", "sources": "en", "targets": "de",
        "arms": ["zero-shot", "translated"], "otc": "off", "seeds": 1, "quality": "keep",
        "translators": translators[:2], "encoders": [f"{home}/encoder"],
        "settings": {"steps": 1}, "label": "label", "lang": "lang", "text": "text", "id": "id",
        "primary": {"arm": "translated", "over": "zero-shot", "translator": translators[0]},
    }  # fmt: skip
    (home / "study.yaml").write_text(json.dumps(spec))
    done = at_work("study", home / "study.yaml", "--out", "study", "--workers", "1")
    assert "1 training failed" in done.err, done.err
    printed = at_work("report", "study")
    assert printed.code == 0
    check(Path.cwd(), printed.out + printed.err)
    for file, text in told(home / "cache"):
        assert CANARY not in text, file
    assert "command:env … (2)" in Path("study/study.yaml").read_text()


def test_a_classifier_is_saved_without_its_program_and_loaded_without_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "work")
    texts, labels = ["fine one", "poor two"] * 6, ["good", "bad"] * 6
    made = Classifier(
        to=("de",), translator=translator(home), encoder=str(home / "encoder"), epochs=1,
        quality="keep", run_dir=str(home / "run"),
    )  # fmt: skip
    made.fit(texts, labels).save("saved")
    check(Path.cwd())
    loaded = Classifier.load("saved")
    assert loaded.predict(texts).tolist() == made.predict(texts).tolist()
    with pytest.raises(ConfigError, match="left out"):
        loaded.fit(texts, labels)


@pytest.mark.parametrize(
    "spec",
    ["command:touch ran", "degraded:drop=0.3:command:touch ran", "lexicon:words.csv", "hf:folder"],
)
def test_nothing_that_a_foreign_folder_names_is_run_or_opened(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.chdir(tmp_path / "work")
    texts, labels = ["fine one", "poor two"] * 6, ["good", "bad"] * 6
    made = Classifier(to=(), encoder=str(home / "encoder"), epochs=1)
    made.fit(texts, labels).save("saved")
    own = Path("saved/babelift_classifier.json")
    values = json.loads(own.read_text())
    values["params"] |= {"translator": spec, "to": ["de"], "run_dir": "elsewhere", "encoder": "."}
    own.write_text(json.dumps(values))
    loaded = Classifier.load("saved")
    assert loaded.run_dir is None
    own_choice = {"translator": translator(home), "encoder": str(home / "encoder")}
    for name, value in own_choice.items():  # each of the two is asked for
        with pytest.raises(ConfigError, match="left out"):
            loaded.fit(texts, labels)
        loaded.set_params(**{name: value})
    loaded.fit(texts, labels)
    assert not Path("ran").exists()
    assert not Path("elsewhere").exists()


def test_a_foreign_run_folder_runs_nothing(at_work: Callable[..., Any], home: Path) -> None:
    assert at_work(*fit(home)).code == 0
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace("command:env …", "command:touch ran"))
    manifest = Run.open(Path("run")).manifest
    assert manifest.withheld
    for command in (("report", "run"), ("predict", "run", home / "reviews.csv", "--out", "p.csv")):
        assert at_work(*command).code == 0
    assert at_work("fit", *fit(home, more="--api-key 3")[1:]).code == 1
    assert not Path("ran").exists()
