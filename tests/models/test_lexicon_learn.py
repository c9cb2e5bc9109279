"""Lists are learnt, cut to size and written."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from babelift.translation.engines.lexicon import LANGUAGES, MiniLexicon, read_list
from models.alignment import Units
from models.lexicon import learn as learning
from models.lexicon.entries import Choice, Entry, Side, choose
from models.lexicon.learn import Settings, best, learn, rows_of, write
from models.lexicon.phrases import Counterparts, counterparts, phrases

TWO = ("en", "de")


def entries(
    sentences: tuple[list[list[int]], list[list[int]]],
    links: list[tuple[int, int]],
    words: tuple[list[str], list[str]],
    langs: tuple[str, str] = TWO,
    *,
    forward: bool = True,
    **choice: Any,
) -> dict[str, str]:
    """The entries that linked sentences give, from the left side or (not forward) the right."""
    left, right = (Units.of(*side) for side in zip(sentences, map(len, words), strict=True))
    known = phrases(left, 3), phrases(right, 3)
    places = np.asarray(links).T
    found: Counterparts = counterparts(left, right, (places[0], places[1]), known)
    sides = (
        Side(langs[0], words[0], {}, known[0], found.alone_left),
        Side(langs[1], words[1], {"haus": "Haus"}, known[1], found.alone_right),
    )
    chosen = choose(*(sides if forward else sides[::-1]), found, Choice(**choice), forward=forward)
    return {entry.source: entry.target for entry in chosen}


def test_the_target_that_most_often_stands_for_a_word_is_chosen_in_its_usual_case() -> None:
    # house-haus twice, house-heim once.
    given = (
        ([[0], [0], [0]], [[0], [0], [1]]), [(0, 0), (1, 1), (2, 2)],
        (["house"], ["haus", "heim"]),
    )  # fmt: skip
    assert entries(*given) == {"house": "Haus"}
    assert entries(*given, forward=False) == {"Haus": "house", "heim": "house"}


def test_a_word_that_mostly_stands_for_nothing_goes() -> None:
    # "do" is linked once and alone three times; "you" is always linked.
    given = (
        ([[0, 1], [0, 1], [0, 1], [0, 1]], [[0], [0], [0], [1, 0]]),
        [(1, 0), (3, 1), (5, 2), (6, 3), (7, 4)], (["do", "you"], ["du", "tust"]),
    )  # fmt: skip
    assert entries(*given, empty=0.4) == {"do": "", "you": "du"}
    assert entries(*given, empty=0.3) == {"do": "tust", "you": "du"}


def test_a_phrase_is_an_entry_where_its_words_do_not_give_its_target() -> None:
    # "white house" - "maison blanche" crosswise, "red car" - "rouge auto" word for word.
    given = (
        ([[0, 1]] * 3 + [[2, 3]] * 3, [[1, 0]] * 3 + [[2, 3]] * 3),
        [(i + j, i + 1 - j) for i in (0, 2, 4) for j in (0, 1)] + [(i, i) for i in range(6, 12)],
        (["white", "house", "red", "car"], ["blanche", "maison", "rouge", "auto"]),
    )
    words = {"white": "blanche", "house": "maison", "red": "rouge", "car": "auto"}
    assert entries(*given) == {**words, "white house": "maison blanche"}
    assert entries(*given, fewest=4) == words


def test_numbers_and_marks_are_no_entries_but_a_comma_may_stand_inside() -> None:
    given = (
        ([[0, 1, 2]] * 3, [[0, 3, 1, 2]] * 3),
        [(3 * i + j, 4 * i + k) for i in range(3) for j, k in ((0, 0), (1, 2), (2, 3))],
        (["know", "that", "3"], ["weiß", "dass", "3", ","]),
    )
    assert entries(*given) == {"know": "weiß", "that": "dass", "know that": "weiß, dass"}


def test_traditional_characters_are_read_but_not_written() -> None:
    given = (
        ([[0], [0], [0]], [[0], [0], [1]]), [(0, 0), (1, 1), (2, 2)],
        (["dragon"], ["龍", "龙"]), ("en", "zh"),
    )  # fmt: skip
    assert entries(*given) == {"dragon": "龙"}
    assert entries(*given, forward=False) == {"龍": "dragon", "龙": "dragon"}


def test_the_best_entries_change_something_and_have_a_source_of_their_own() -> None:
    given = [
        Entry("Tom", "Tom", 99, 1),
        Entry("New York", "New York", 8, 2),
        Entry("bank", "Bank", 5, 1),
        Entry("Bank", "Ufer", 4, 1),
        Entry("the", "die", 1, 1),
    ]
    assert [entry.target for entry in best(given, 9)] == ["Bank", "New York", "die"]
    assert [entry.target for entry in best(given, 2)] == ["Bank", "New York"]


def test_rows_say_in_which_direction_they_hold() -> None:
    there = [Entry("house", "Haus", 2, 1), Entry("do", "", 2, 1)]
    back = [Entry("Haus", "house", 2, 1), Entry("Heim", "house", 2, 1)]
    assert rows_of(there, back) == [
        ("do", "", "from"), ("house", "Haus", "both"), ("house", "Heim", "into"),
    ]  # fmt: skip


def test_the_same_rows_give_the_same_bytes_which_are_read_back(tmp_path: Path) -> None:
    rows = [("dog", "犬", "both"), ("the", "", "from")]
    for name in ("one", "two"):
        write(rows, tmp_path / f"{name}.tsv.gz")
    packed = (tmp_path / "one.tsv.gz").read_bytes()
    assert packed == (tmp_path / "two.tsv.gz").read_bytes()
    assert list(read_list(tmp_path / "one.tsv.gz")) == rows
    assert gzip.decompress(packed).decode() == ("english\tother\tway\ndog\t犬\tboth\nthe\t\tfrom\n")


@pytest.mark.parametrize(
    ("lang", "pairs"),
    [
        ("de", {("dog", "hund"), ("house", "haus"), ("bread", "brot")}),
        ("ja", {("dog", "犬"), ("tree", "木"), ("eats", "食べる")}),
    ],
)
def test_word_for_word_translations_are_found(
    toy_pairs: pl.DataFrame, lang: str, pairs: set[tuple[str, str]]
) -> None:
    rows = learn(toy_pairs.filter(pl.col("lang") == lang), lang, Settings())
    assert pairs <= {(english, other) for english, other, way in rows if way == "both"}


def test_the_command_writes_a_list_for_each_language_that_the_translator_opens(
    toy_pairs: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    german = toy_pairs.filter(pl.col("lang") == "de")
    pairs = pl.concat([german.with_columns(lang=pl.lit(lang)) for lang in LANGUAGES])
    pairs.select(toy_pairs.columns).write_parquet(tmp_path / "pairs.parquet")
    # Toy sentences are too much alike for any to be kept back from the learning.
    monkeypatch.setattr(learning, "held_out", lambda pairs: (pairs, pairs.group_by("lang").head(9)))
    folder = tmp_path / "out"
    learning.main(["--training-pairs", str(tmp_path / "pairs.parquet"), "--out", str(folder)])
    said = capsys.readouterr().out
    assert "de.tsv.gz: " in said
    assert said.count("pairs kept back: chrF") == 30
    [made] = MiniLexicon(folder).translate(["A dog sees the house"], "en", "de")
    assert made.text == "Eine hund sieht der haus"
