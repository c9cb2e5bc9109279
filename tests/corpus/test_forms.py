"""Tables in the form of published ones: every row is there, and its label is what stands there."""

import csv
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from babelift.config import Table
from babelift.corpus import read_corpus
from babelift.corpus.reader import read_parts

TWEETS = [
    "!!! RT @user: As a woman you shouldn't complain &amp; as a man, take the trash out...",
    '!!!!!!!!!!!!!"@other: I just, you know, can\'t" &#128514;',
    "&#8220;@user: so\nhoes, that ain't loyal\n&#8221;",
    '5" heels, "really"',
    "1,2,3,4,5,6\n1,2,3,4,5,6",
]
ARTICLES = [
    'UK would be paying ""billions"" less.\nGreg Jackson told the BBC\tthere should be a push.\n',
    'A volleyball match\n"Is health or performance more important?"\n',
    "No quotes, one line",
    '"We now need to get on with it," he said.',
    'It was a 5" screen, she said. "Very',
]


def written(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """A table as pandas writes it: fields are quoted where they must be."""
    with path.open("w", encoding="utf-8", newline="") as file:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return path


def check(path: Path, texts: list[str], labels: list[str], folder: Path, **table: str) -> None:
    """Read whole and in slices, the table must have these texts and labels, and no reject."""
    settings = Table(lang="en", **table)
    corpus = read_corpus([path], settings)
    parts = read_parts([path], settings, folder / "parts", labelled=False)
    for rows in (corpus.rows, pl.concat(parts)):
        assert rows["text"].to_list() == texts
        assert rows["label"].to_list() == labels
    assert corpus.rejects.height == parts.rejects.height == 0


def test_tweets_with_counted_votes(tmp_path: Path) -> None:
    names = ["", "count", "hate_speech", "offensive_language", "neither", "class", "tweet"]
    rows = [[n, 3, 0, n % 3, 3, n % 3, TWEETS[n % len(TWEETS)]] for n in range(60)]
    path = written(tmp_path / "labeled_data.csv", names, rows)
    texts, labels = [str(row[-1]) for row in rows], [str(row[-2]) for row in rows]
    check(path, texts, labels, tmp_path)
    corpus = read_corpus([path], Table(lang="en"))
    assert "text is read from 'tweet', label from 'class'" in corpus.notes[0]
    assert corpus.rows["hate_speech"].to_list() == ["0"] * 60


def test_news_with_articles_of_many_lines(tmp_path: Path) -> None:
    topics = ["business", "health", "politics", "sports", "technology"]
    rows = [[topics[n % 5], 'A "headline"', ARTICLES[n % 5], f"/news/{n}"] for n in range(50)]
    path = written(tmp_path / "dev.tsv", ["category", "headline", "text", "url"], rows)
    check(path, [row[2] for row in rows], [row[0] for row in rows], tmp_path)


MAPPINGS = {
    "emotion": "0\tanger\n1\tjoy\n2\toptimism\n3\tsadness",
    "hate": "0\tnot-hate\n1\thate",
    "irony": "0\tnon_irony\n1\tirony",
    "offensive": "0\toffensive\n1\tnot-offensive",
    "sentiment": "0\tnegative\n1\tneutral\n2\tpositive",
    "emoji": "0\t❤\t_red_heart_\t\n1\t😍\t_hearteyes_\t\n2\t😂\t_tears_of_joy_\t\n",
}


@pytest.mark.parametrize("task", MAPPINGS)
@pytest.mark.parametrize("columns", [{}, {"text": "text", "label": "label"}])
def test_tweets_and_labels_in_files_of_their_own(
    tmp_path: Path, task: str, columns: dict[str, str]
) -> None:
    names = [line.split("\t")[1] for line in MAPPINGS[task].splitlines()]
    texts = [f'@user tweet {n} "quoted" 5" \u2028 #tag' for n in range(30)]
    (tmp_path / "val_text.txt").write_text("".join(f"{text}\n" for text in texts), "utf-8")
    labels = [n % len(names) for n in range(30)]
    (tmp_path / "val_labels.txt").write_text("".join(f"{label}\n" for label in labels), "utf-8")
    path = tmp_path / "val_text.txt"
    check(path, texts, [str(label) for label in labels], tmp_path, **columns)
    (tmp_path / "mapping.txt").write_text(MAPPINGS[task], "utf-8")
    check(path, texts, [names[label] for label in labels], tmp_path, **columns)
