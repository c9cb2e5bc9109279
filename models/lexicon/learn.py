"""Learns the word lists of `mini` from sentence pairs, and writes them.

python -m models.lexicon.learn --data ../shared/data --out src/babelift/embedded/lexicon
"""

import argparse
import gzip
import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from babelift.evaluation.translation_quality import text_quality
from babelift.store import replace_file
from babelift.translation.engines.lexicon import HEADER, LANGUAGES, MiniLexicon
from babelift.translation.engines.words import UNSPACED
from models.alignment import Units
from models.data import held_out, training_pairs
from models.lexicon.entries import Choice, Entry, Side, choose
from models.lexicon.links import link
from models.lexicon.phrases import counterparts, phrases
from models.lexicon.words import Segmenter, spaced_words, usual_case
from models.measuring import translating

Row = tuple[str, str, str]

PIECES: Final = 14_000
"""Words that are learnt to cut Japanese or Chinese by."""


@dataclass(frozen=True)
class Settings:
    """How the lists are learnt.

    Attributes:
        longest_sentence: Most words on a side of a pair.
        rows: Most entries in a direction, those with the largest gain.
        into: How entries out of English are chosen.
        out_of: How entries into English are chosen.
    """

    longest_sentence: int = 40
    rows: int = 23_000
    into: Choice = field(default_factory=Choice)
    out_of: Choice = field(default_factory=Choice)


def main(words: Sequence[str] | None = None) -> None:
    """Learn the lists, write them, and judge them on the pairs that were kept back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("src/babelift/embedded/lexicon"))
    parser.add_argument(
        "--training-pairs",
        type=Path,
        metavar="FILE",
        help="the pairs.parquet that a build left, to save making them again",
    )
    arguments = parser.parse_args(words)
    given = arguments.training_pairs
    pairs = pl.read_parquet(given) if given else training_pairs(arguments.data)
    learnt, kept_back = held_out(pairs)
    for lang in LANGUAGES:
        rows = learn(learnt.filter(pl.col("lang") == lang), lang, Settings())
        path = arguments.out / f"{lang}.tsv.gz"
        write(rows, path)
        print(f"{path}: {len(rows)} rows, {path.stat().st_size / 1e3:.0f} kB", flush=True)
    judge(kept_back, arguments.out)


def learn(pairs: pl.DataFrame, lang: str, settings: Settings) -> list[Row]:
    """The list of one language, ordered by the English side.

    Args:
        pairs: Rows of `training_pairs` of that language.
        lang: Its tag.
        settings: How to learn.
    """
    others, english = _words(pairs["text"], lang), _words(pairs["text_en"], "en")
    short = [
        i
        for i, sides in enumerate(zip(others, english, strict=True))
        if all(0 < len(side) <= settings.longest_sentence for side in sides)
    ]
    others, english = [others[i] for i in short], [english[i] for i in short]
    (units, vocabulary), (units_en, vocabulary_en) = _numbered(others), _numbered(english)
    known, known_en = phrases(units, 4), phrases(units_en, 4)
    found = counterparts(units, units_en, link(units, units_en), (known, known_en))
    side = Side(lang, vocabulary, usual_case(others), known, found.alone_left)
    side_en = Side("en", vocabulary_en, usual_case(english), known_en, found.alone_right)
    return rows_of(
        best(choose(side_en, side, found, settings.into, forward=False), settings.rows),
        best(choose(side, side_en, found, settings.out_of, forward=True), settings.rows),
    )


def best(entries: Iterable[Entry], most: int) -> list[Entry]:
    """The entries with the largest gain that change something, one for each source.

    A word counts twice as much as a phrase, whose words are translated without it too.
    """

    def rank(entry: Entry) -> tuple[float, str, str]:
        return -entry.gain * (2 if entry.words == 1 else 1), entry.source, entry.target

    chosen: dict[str, Entry] = {}
    for entry in sorted(entries, key=rank):
        chosen.setdefault(entry.source.casefold(), entry)
    changing = (entry for entry in chosen.values() if not _is_kept_anyway(entry))
    return list(islice(changing, most))


def _is_kept_anyway(entry: Entry) -> bool:
    return entry.words == 1 and entry.source == entry.target


def rows_of(from_english: Iterable[Entry], into_english: Iterable[Entry]) -> list[Row]:
    """The rows of a list from the entries of both directions.

    >>> house, the = Entry("house", "Haus", 9.0, 1), Entry("the", "", 9.0, 1)
    >>> rows_of([house, the], [Entry("Haus", "house", 9.0, 1)])
    [('house', 'Haus', 'both'), ('the', '', 'from')]
    """
    there = {(entry.source, entry.target) for entry in from_english}
    back = {(entry.target, entry.source) for entry in into_english}
    ways = dict.fromkeys(there, "from") | dict.fromkeys(back, "into")
    ways |= dict.fromkeys(there & back, "both")
    return sorted((*sides, way) for sides, way in ways.items())


def write(rows: Iterable[Row], path: Path) -> None:
    """Write a list; the same rows give the same bytes."""
    text = "".join("\t".join(row) + "\n" for row in (HEADER, *rows))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as file:
        file.write(text.encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda partial: partial.write_bytes(packed.getvalue()))


def judge(kept_back: pl.DataFrame, folder: Path) -> None:
    """Print chrF and BLEU of the lists for all pairs that something was kept back of."""
    with closing(MiniLexicon(folder)) as lexicon:
        for pair in sorted(lexicon.pairs()):
            items = translating.shared(kept_back, pair)
            output = translating.translated(lexicon, items.texts, pair)
            found = text_quality(output.texts, items.references, pair[1])
            print(
                f"{translating.named(pair)}, {len(items.texts)} pairs kept back: "
                f"chrF {found.chrf:.1f}, BLEU {found.bleu:.1f}",
                flush=True,
            )


def _words(texts: pl.Series, lang: str) -> list[list[str]]:
    if lang not in UNSPACED:
        return [spaced_words(text, lang) for text in texts]
    return Segmenter(texts, pieces=PIECES, longest=4)(texts.to_list())


def _numbered(sentences: Sequence[Sequence[str]]) -> tuple[Units, list[str]]:
    """Sentences as numbers of words without case, and those words."""
    numbers: dict[str, int] = {}
    ids = [
        [numbers.setdefault(word.casefold(), len(numbers)) for word in sentence]
        for sentence in sentences
    ]
    return Units.of(ids, len(numbers)), list(numbers)


if __name__ == "__main__":
    main()
