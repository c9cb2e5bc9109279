"""Unlabelled rows: which are left out, which are believed, and which model is kept."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.config import FitConfig
from babelift.errors import ConfigError, DataError
from babelift.progress import quiet
from babelift.run.data import read_rows
from babelift.run.folder import Run
from babelift.run.self_training import TABLE, self_train
from babelift.training.self_training import EXPECTED, believe

GERMAN = (
    "Die Suppe war kalt und der Kellner hat uns lange warten lassen.",
    "Das Zimmer war sauber, und das Frühstück hat allen geschmeckt.",
    "Der Akku hält nicht einmal einen halben Tag, sehr ärgerlich.",
    "Wir kommen im nächsten Sommer ganz bestimmt wieder hierher.",
)


def rows_of(lang: str, number: int) -> pl.DataFrame:
    return pl.DataFrame({"id": [f"{lang}{n}" for n in range(number)], "lang": [lang] * number})


def sure(labels: list[int], probabilities: list[float], classes: int = 2) -> np.ndarray:
    found = np.zeros((len(labels), classes))
    for row, (label, probability) in enumerate(zip(labels, probabilities, strict=True)):
        found[row] = (1 - probability) / (classes - 1)
        found[row, label] = probability
    return found


def test_the_shares_of_training_are_kept_and_the_surest_taken() -> None:
    # 60 rows of which 30 may be believed, 24 bad and 6 good; only 20 bad ones are sure.
    labels = [0] * 40 + [1] * 20
    probabilities = [0.6] * 20 + [0.9 + n / 1000 for n in range(40)]
    believed, refused = believe(
        rows_of("de", 60), sure(labels, probabilities), ["bad", "good"], np.array([0.8, 0.2]),
        least=0.7, most=100,
    )  # fmt: skip
    assert refused == []
    assert Counter(believed["label"]) == {"bad": 20, "good": 5}
    assert believed.filter(label="good")["id"].to_list() == [f"de{n}" for n in range(55, 60)]


def test_a_language_with_one_class_alone_is_not_believed() -> None:
    rows = pl.concat([rows_of("de", 40), rows_of("ja", 40)])
    found = sure([0] * 40 + [0, 1] * 20, [0.9] * 80)
    believed, refused = believe(
        rows, found, ["bad", "good"], np.array([0.5, 0.5]), least=0.5, most=100
    )
    assert refused == [
        "de: 'bad' would be the label of 100% of the rows, in training it is that of 50%"
    ]
    assert Counter(believed["lang"]) == {"ja": 20}


def test_a_language_without_a_sure_row_of_a_label_is_not_believed() -> None:
    found = sure([0, 1] * 20, [0.9, 0.6] * 20)
    believed, refused = believe(
        rows_of("de", 40), found, ["bad", "good"], np.array([0.5, 0.5]), least=0.7, most=100
    )
    assert (believed.height, refused) == (0, ["de: no row is surely 'good'"])


def test_a_language_unlike_what_was_learnt_is_not_believed() -> None:
    found = sure([0, 1] * 20, [0.95] * 9 + [0.6] * 31)
    believed, [refused] = believe(
        rows_of("de", 40), found, ["bad", "good"], np.array([0.5, 0.5]), least=0.9, most=100
    )
    assert believed.is_empty()
    assert refused.startswith("de: 22% of the rows are as sure as 75% of the validation rows")


def test_no_more_rows_of_a_language_than_there_are_labelled_ones() -> None:
    found = sure([0, 1] * 100, [0.9] * 200)
    believed, _ = believe(
        rows_of("de", 200), found, ["bad", "good"], np.array([0.5, 0.5]), least=0.5, most=30
    )
    assert Counter(believed["label"]) == {"bad": 15, "good": 15}


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(1, 999)), min_size=1),
    st.sampled_from([(0.6, 0.3, 0.1), (1 / 3, 1 / 3, 1 / 3), (0.98, 0.01, 0.01)]),
    st.floats(0.4, 1.0),
)
def test_what_is_believed_is_sure_in_its_share_and_surer_than_what_is_not(
    drawn: list[tuple[str, int, int]], shares: tuple[float, ...], least: float
) -> None:
    langs, labels, parts = zip(*drawn, strict=True)
    rows = pl.DataFrame({"id": [str(n) for n in range(len(drawn))], "lang": langs})
    found = sure(list(labels), [0.4 + part / 2000 for part in parts], classes=3)
    believed, refused = believe(rows, found, list("xyz"), np.array(shares), least=least, most=50)
    probability = dict(zip(rows["id"], found.max(axis=1), strict=True))
    for lang in set(langs):
        mine = [name for name, other in zip(rows["id"], langs, strict=True) if other == lang]
        wanted = [share * min(len(mine) / 2, 50) for share in shares]
        part = believed.filter(lang=lang)
        counts = [part.filter(label=label).height for label in "xyz"]
        assert all(n <= most + 1e-6 for n, most in zip(counts, wanted, strict=True))
        if refused and any(sentence.startswith(lang) for sentence in refused):
            assert part.is_empty()
        elif all(most >= EXPECTED for most in wanted):
            ratios = [(n + 1) / most for n, most in zip(counts, wanted, strict=True)]
            assert max(n / most for n, most in zip(counts, wanted, strict=True)) <= min(ratios)
        for number, label in enumerate("xyz"):
            taken = part.filter(label=label)["id"].to_list()
            others = [
                probability[name]
                for name, of in zip(rows["id"], labels, strict=True)
                if name in mine and of == number and name not in taken
            ]
            if taken and others:
                assert min(probability[name] for name in taken) >= max(others)
    assert all(score >= least for score in believed["score"])


def table(folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def started(tmp_path: Path) -> Callable[..., tuple[Run, FitConfig]]:
    """A run that has read its rows: 40 English ones, 10 German test rows."""

    def start(unlabelled: list[dict[str, Any]], **changes: Any) -> tuple[Run, FitConfig]:
        english = [
            {"text": f"The {what} number {n} was {word}.", "label": word, "lang": "en",
             "item": f"i{n}{what}"}
            for n in range(10)
            for what, word in (("soup", "bad"), ("room", "good"), ("bed", "bad"), ("bath", "good"))
        ]  # fmt: skip
        tests = [
            {"text": f"{GERMAN[n % 4]} Nummer {n} im Test.", "label": ("bad", "good")[n % 2],
             "lang": "de", "item": f"t{n}"}
            for n in range(10)
        ]  # fmt: skip
        config = FitConfig.from_mapping(
            {
                "train": table(tmp_path, "train", english),
                "test": table(tmp_path, "test", tests),
                "unlabelled": table(tmp_path, "unlabelled", unlabelled),
                "arm": "self-trained",
                "to": ["de"],
                "encoder": "scratch",
                "group": "item",
                **changes,
            }
        )
        run = Run.start(tmp_path / "run", config, ())
        read_rows(run, config, quiet())
        return run, config

    return start


def german(number: int, **more: Any) -> list[dict[str, Any]]:
    words = ("Laden", "Bett", "Garten", "Tisch", "Hafen", "Kuchen", "Zug", "Schuh")
    return [
        {"text": f"Nummer {n}, {words[n % 8]} und {words[n // 8 % 8]}: {GERMAN[n % 4]}",
         "lang": "de", **more}
        for n in range(number)
    ]  # fmt: skip


def test_rows_that_must_not_be_learnt_from_are_left_out_and_all_are_counted(started: Any) -> None:
    good = german(12)
    bad = [
        {"text": "Le petit déjeuner était froid et la chambre n'était pas propre.", "lang": "de"},
        {"text": "スープは冷たくて、部屋もきれいではありませんでした。", "lang": "de"},
        {"text": "La sopa estaba fría y el camarero tardó mucho.", "lang": "es"},
        {"text": "The soup was cold.", "lang": "en"},
        {**good[3], "text": good[3]["text"].upper() + "!!"},
        {"text": f"{GERMAN[0]} Nummer 0 im Test.", "lang": "de"},
        {"text": f"{GERMAN[1]} Nummer 1 in Test", "lang": "de"},
    ]
    run, _ = started(good + bad, near_duplicates=0.8)
    told = run.manifest.self_training
    assert told.left_out == {
        "not in a language that is wanted": 2,
        "written in another language": 2,
        "the same text again": 1,
        "validation or test rows, or nearly": 2,
    }
    assert told.rows == {"de": 12}
    kept = pl.read_parquet(run.folder / TABLE)
    assert kept["text"].to_list() == [row["text"] for row in good]
    assert kept["label"].null_count() == 12
    assert set(kept["origin"]) == {"pseudo"}
    assert any(
        sentence.startswith("unlabelled rows that were left out") for sentence in run.manifest.notes
    )


def test_an_item_of_the_test_table_is_left_out_in_whatever_words(started: Any) -> None:
    rows = german(12)
    for n, row in enumerate(rows):
        row["item"] = f"t{n}" if n < 3 else f"new{n}"
    run, _ = started(rows)
    assert run.manifest.self_training.left_out == {"validation or test rows, or nearly": 3}


def test_a_label_in_the_table_is_not_read_and_that_is_said(started: Any) -> None:
    run, _ = started(german(12, label="good"))
    assert pl.read_parquet(run.folder / TABLE)["label"].null_count() == 12
    assert "the labels in the unlabelled tables are not read" in run.manifest.notes
    assert not started(german(12))[0].manifest.notes[-1].startswith("the labels")


def test_guesses_about_the_table_are_said_and_rows_that_cannot_be_read_are_listed(
    started: Any,
) -> None:
    rows = [
        {"body": row["text"], "lang": row["lang"] if n else "xx-no"}
        for n, row in enumerate(german(12))
    ]
    run, _ = started(rows, max_rejects=0.5)
    assert run.manifest.self_training.rows == {"de": 11}
    assert run.manifest.rejects.count == 1
    rejected = (run.folder / "data" / "rejects.jsonl").read_text()
    assert "unlabelled.jsonl" in rejected
    assert any("'body'" in note for note in run.manifest.notes)
    assert any(note.startswith("rejected unlabelled rows: 1 (") for note in run.manifest.notes)


def test_validation_rows_are_kept_back_where_none_were_given(started: Any) -> None:
    run, _ = started(german(12))
    rows = pl.read_parquet(run.folder / "data" / "originals.parquet")
    assert rows.filter(split="validation").height == 4
    assert "a tenth of the training groups is kept to judge self-training by" in run.manifest.notes


def test_no_row_left_is_an_error_that_says_why(started: Any) -> None:
    tests = [{"text": f"{GERMAN[n % 4]} Nummer {n} im Test.", "lang": "de"} for n in range(10)]
    with pytest.raises(
        DataError, match=r"no unlabelled row.*validation or test rows, or nearly: 10"
    ):
        started(tests)


def test_more_than_can_be_used_are_drawn_from(started: Any) -> None:
    # 36 training rows after validation; four times as many are looked at.
    rows = [
        {"text": f"{chr(97 + n % 26) * 3}{n} {chr(97 + n // 26) * 4}", "lang": "de"}
        for n in range(200)
    ]
    run, _ = started(rows)
    told = run.manifest.self_training
    assert told.rows == {"de": 144}
    assert told.left_out == {"more than 144 of a language": 56}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"arm": "self-trained"}, "needs 'unlabelled'"),
        ({"arm": "zero-shot", "unlabelled": ["a.csv"]}, "only used with the arm self-trained"),
        ({"arm": "zero-shot", "rounds": 3}, "'rounds' is only used with the arm self-trained"),
        ({"arm": "self-trained", "unlabelled": ["a"], "from": ["de"], "to": ["de"]}, "both 'from'"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        FitConfig.from_mapping({"train": "t.csv", **settings})


class Fits:
    """Trainings that are made up: each is right on the next share of the validation rows."""

    def __init__(self, *scores: float) -> None:
        self.scores = scores
        self.rows: list[pl.DataFrame] = []

    def __call__(self, rows: pl.DataFrame, folder: Path) -> Any:
        score = self.scores[int(folder.name)]
        self.rows.append(rows)
        (folder / "model").mkdir(parents=True, exist_ok=True)
        (folder / "model" / "config.json").write_text(str(score))
        (folder / "log.jsonl").write_text(f"{score}\n")
        return SimpleNamespace(score=score)


VALIDATION = [
    {"text": f"The garden number {n} was kept back.", "label": ("bad", "good")[n % 2], "lang": "en",
     "item": f"v{n}"}
    for n in range(20)
]  # fmt: skip


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that give every other text one label, surer of unlabelled than of validation rows."""
    from babelift.prediction.predictor import Predictor

    def load(folder: Path, **_: Any) -> Any:
        score = float((folder / "config.json").read_text())

        def proba(texts: list[str], progress: Any = None) -> np.ndarray:
            labels = [n % 2 for n in range(len(texts))]
            if len(texts) == len(VALIDATION):
                right = round(score * len(texts))
                labels = [label if n < right else 1 - label for n, label in enumerate(labels)]
                return sure(labels, [0.6] * len(labels))
            return sure(labels, [0.9 - n / 1e4 for n in range(len(labels))])

        return SimpleNamespace(predict_proba=proba)

    monkeypatch.setattr(Predictor, "load", load)


def trained(run: Run, config: FitConfig, fits: Fits) -> Any:
    rows = pl.read_parquet(run.folder / "data" / "originals.parquet")
    return self_train(
        run, config, rows.filter(split="train"), fits, rows.filter(split="validation"), quiet()
    )


@pytest.mark.usefixtures("predicted")
@pytest.mark.parametrize(
    ("scores", "kept", "trainings"),
    [
        ((0.5, 0.6, 0.7), 2, 3),
        ((0.5, 0.6, 0.55), 2, 3),
        ((0.5, 0.45, 0.5), 2, 3),  # one row of twenty is chance
        ((0.5, 0.3, 0.9), 0, 2),
        ((0.5, 0.6, 0.3), 1, 3),
    ],
)
def test_a_round_that_is_worse_than_the_first_model_is_undone(
    started: Any, tmp_path: Path, scores: tuple[float, ...], kept: int, trainings: int
) -> None:
    run, config = started(german(40), validation=table(tmp_path, "held", VALIDATION))
    fits = Fits(*scores)
    assert trained(run, config, fits).score == scores[kept]
    assert len(fits.rows) == trainings
    assert (run.model / "config.json").read_text() == str(scores[kept])
    told = run.manifest.self_training
    assert (told.kept, told.validation) == (kept, scores[:trainings])
    rows = pl.read_parquet(run.folder / "data" / "train.parquet")
    counts = Counter(rows["origin"])
    assert counts == ({"original": 40, "pseudo": 20} if kept else {"original": 40})
    assert run.manifest.data["train"].get("de", {}).get("pseudo", 0) == counts["pseudo"]
    assert sum(part.rows for part in told.believed) == counts["pseudo"]
    word = f"{counts['pseudo']} of 40 unlabelled rows joined" if kept else "this is the first model"
    assert word in told.sentence


@pytest.mark.usefixtures("predicted")
def test_every_round_starts_from_the_labelled_rows_and_a_resumed_one_believes_the_same(
    started: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, config = started(german(40), validation=table(tmp_path, "held", VALIDATION))
    first = Fits(0.5, 0.5, 0.5)
    trained(run, config, first)
    assert [Counter(rows["origin"])["pseudo"] for rows in first.rows] == [0, 20, 20]
    # What was believed before is not asked for again.
    monkeypatch.setattr("babelift.training.self_training.believe", None)
    again = Fits(0.5, 0.5, 0.5)
    trained(run, config, again)
    for one, two in zip(first.rows, again.rows, strict=True):
        assert one.equals(two)
