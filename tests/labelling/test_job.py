"""What `suggest` refuses, and what it says of which rows it passed over."""

from pathlib import Path

import polars as pl
import pytest

from babelift import suggest
from babelift.config import FitConfig
from babelift.errors import ConfigError, DataError, RunError
from babelift.labelling.job import Suggestion
from babelift.run.manifest import Manifest
from babelift.store import write_record, write_rows
from tests.support import SENTENCES, tiny_classifier

LABELS = ["negative", "neutral", "positive"]
KNOWN = SENTENCES["en"][0]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `suggest` reads of a run that was trained on one row."""
    folder = tmp_path_factory.mktemp("run")
    tiny_classifier(folder / "model", LABELS)
    write_record(Manifest.unknown(labels=tuple(LABELS)), folder / "manifest.json")
    (folder / "config.yaml").write_text(FitConfig(label="mood").to_yaml())
    rows = pl.DataFrame({"text": [KNOWN], "origin": ["original"]})
    (folder / "data").mkdir()
    for split in ("train", "validation", "test"):
        write_rows(rows, folder / "data" / f"{split}.parquet")
    return folder


def table(**columns: list[object]) -> pl.DataFrame:
    texts = [KNOWN, *SENTENCES["de"], *SENTENCES["ja"]]
    langs = ["en", *["de"] * len(SENTENCES["de"]), *["ja"] * len(SENTENCES["ja"])]
    return pl.DataFrame({"text": texts, "lang": langs, **columns})


class Listener:
    """Progress that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def task(self, description: str, total: int | None, unit: str = "rows"):
        from babelift.progress import quiet

        return quiet().task(description, total, unit=unit)


def test_each_language_gets_as_many_rows_and_the_labels_column_is_the_runs(run: Path) -> None:
    chosen = suggest(run, table(), rows=4)
    assert chosen.columns == ["text", "lang", "mood", "prediction", "probability", "why"]
    assert sorted(chosen["lang"]) == ["de", "de", "ja", "ja"]
    assert chosen["mood"].null_count() == 4
    assert set(chosen["prediction"]) <= set(LABELS)
    assert all(why.startswith(("unsure: ", "fairly sure: ")) for why in chosen["why"])


def test_the_users_columns_keep_their_names_unless_they_are_ours(run: Path) -> None:
    rows = table()
    rows = rows.with_columns(why=pl.Series(range(rows.height)), row=pl.lit("x"))
    chosen = suggest(run, rows, rows=2)
    assert chosen.columns[:4] == ["text", "lang", "why_given", "row"]
    back = chosen.rename({"why": "ours", "why_given": "why"}).select(rows.columns)
    assert back.join(rows, on=rows.columns, how="semi").height == 2


def test_rows_with_a_label_and_rows_of_the_run_are_passed_over_and_counted(run: Path) -> None:
    rows = table()
    moods = ["neutral" if number in (0, 1) else None for number in range(rows.height)]
    listener = Listener()
    chosen = suggest(run, rows.with_columns(mood=pl.Series(moods)), rows=99, progress=listener)
    assert chosen.height == rows.height - 2
    assert KNOWN not in chosen["text"]
    said = f"Chosen: {chosen.height} of {rows.height} rows. The others: 2 have a label already."
    assert said in listener.said


def test_nothing_left_to_choose_says_so(run: Path) -> None:
    with pytest.raises(DataError, match="no row is left to choose of 1"):
        suggest(run, table().head(1))


def test_what_is_no_run_and_no_study_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run"):
        suggest(tmp_path, table())
    with pytest.raises(RunError, match="is not a study that has been run"):
        suggest(run, table(), study=tmp_path)
    with pytest.raises(ConfigError, match="'languages'"):
        suggest(run, table(), languages="worth")
    with pytest.raises(ConfigError, match="'rows'"):
        suggest(run, table(), rows=0)


def test_the_counts_of_a_suggestion_are_said_in_one_sentence() -> None:
    counts = {"rows": 10, "chosen": 3, "labelled": 1, "repeats_run": 2, "repeats_row": 1,
              "others": 3, "rejects": 0}  # fmt: skip
    suggestion = Suggestion(job="", **counts, languages=(), worth=())
    assert suggestion.sentences() == [
        "Chosen: 3 of 10 rows. The others: 2 repeat rows of the run; 1 repeats another row; "
        "1 has a label already; 3 were not chosen."
    ]
