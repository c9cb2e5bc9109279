"""Translates word by word, with a dictionary from a file or the lexicons that ship."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise, permutations
from pathlib import Path
from typing import Final, Literal

import polars as pl

from babelift import embedded
from babelift.config import Translating
from babelift.errors import ConfigError, DataError, ModelError
from babelift.translation.engines.table import Pair, read_pair_file
from babelift.translation.engines.words import UNSPACED, Words, finished, prepared
from babelift.translation.protocol import Translation, check_pair


def load(argument: str, config: Translating) -> "Lexicon":
    """The translator `lexicon:FILE`.

    Raises:
        ConfigError: No file is named.
        DataError: The file cannot be read or lacks a column.
        LanguageError: A language in the file is not known.
    """
    if not argument:
        raise ConfigError("translator 'lexicon' needs a file.", "Write lexicon:FILE.")
    return Lexicon(Path(argument))


class Lexicon:
    """Replaces words by their translations in a file.

    Its columns are `source_lang, target_lang, source, target` and, optionally, `weight` (1 where
    absent). Of several translations of a word the one with the largest weight counts, among equals
    the first. See `Words` for what is matched.

    Args:
        path: A csv, tsv, jsonl (also .gz) or parquet file.

    Raises:
        DataError: The file cannot be read, or lacks a column, or a weight is no number.
        LanguageError: A language in the file is not known.
    """

    unit: Literal["sentence", "text"] = "text"
    license: str | None = None

    def __init__(self, path: Path) -> None:
        found = read_pair_file(path, ("source", "target"), optional=("weight",))
        self.path = path
        self.name = path.name.split(".")[0]
        self.notes = found.notes
        self.fingerprint = f"lexicon/1:{found.hash[:16]}"
        self._frame = _heaviest_first(found.frame, path)
        self._pairs = found.pairs()
        self._words: dict[Pair, Words] = {}

    def pairs(self) -> frozenset[Pair]:
        """The pairs that stand in the file."""
        return self._pairs

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts word by word, one result per text, in order.

        Raises:
            LanguageError: The pair is not in the file.
        """
        pair = (source_lang, target_lang)
        check_pair(self.name, *pair, self._pairs)
        if pair not in self._words:
            rows = self._frame.filter(
                (pl.col("source_lang") == pair[0]) & (pl.col("target_lang") == pair[1])
            )
            self._words[pair] = Words(
                zip(rows["source"], rows["target"], strict=True), spaced=pair[1] not in UNSPACED
            )
        words = self._words[pair]
        return (Translation(words.translate(text)) for text in texts)

    def close(self) -> None:
        """Forget the dictionaries in use; safe to call twice."""
        self._words.clear()


def _heaviest_first(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    if "weight" not in frame.columns:
        return frame
    numbers = pl.col("weight").cast(pl.Float64, strict=False)
    wrong = frame.filter(pl.col("weight").is_not_null() & ~numbers.is_finite().fill_null(False))
    if wrong.height:
        raise DataError(
            f"{path}: weight '{wrong['weight'][0]}' of '{wrong['source'][0]}' is no number."
        )
    weighed = frame.with_columns(numbers.fill_null(1.0))
    return weighed.sort("weight", descending=True, maintain_order=True)


LANGUAGES: Final = ("de", "es", "fr", "ja", "zh")
"""Languages with a list of their own, which pairs them with English."""

HEADER: Final = ("english", "other", "way")
"""Columns of a list."""

WAYS: Final = ("both", "from", "into")
"""Whether a row translates English and the other language, or only from or into English."""

_PAIRS: Final = frozenset(permutations(("en", *LANGUAGES), 2))

LanguagePair = tuple[str, str]


def mini(argument: str, config: Translating) -> "MiniLexicon":
    """The translator `mini`.

    Raises:
        ModelError: The lists are missing from the installation.
    """
    return MiniLexicon(embedded.model_folder("lexicon"))


def mini_lexicon(argument: str, config: Translating) -> "MiniLexicon":
    """The translator `mini` under its older name, as which rows and memories know it.

    Raises:
        ModelError: The lists are missing from the installation.
    """
    return MiniLexicon(embedded.model_folder("lexicon"), name="mini-lexicon")


class MiniLexicon:
    """Replaces words and short phrases by those that most often stood for them.

    Their order stays that of the source. Two languages of which neither is English are translated
    by way of English. What is in no list is kept.

    Args:
        folder: With a list for each language, `de.tsv.gz` and so on.
        name: `mini` or `mini-lexicon`; both translate alike.

    Raises:
        ModelError: A list is missing.
    """

    unit: Literal["sentence", "text"] = "sentence"
    license: str | None = "CC-BY-2.0"

    def __init__(self, folder: Path, *, name: Literal["mini", "mini-lexicon"] = "mini") -> None:
        self.name = name
        self._paths = {lang: folder / f"{lang}.tsv.gz" for lang in LANGUAGES}
        digest = hashlib.sha256()
        for path in self._paths.values():
            try:
                digest.update(path.read_bytes())
            except OSError as error:
                raise _damaged(path, error.strerror or str(error)) from error
        lists = f"mini-lexicon/1:{digest.hexdigest()[:16]}"
        # `mini` once chose for each pair between the lists and a model; its choice of the lists
        # for all pairs stays in the key, so that memories from then still answer.
        self.fingerprint = lists if name == "mini-lexicon" else f"mini/1:e3b0c44298fc1c14 + {lists}"
        self._words: dict[LanguagePair, Words] = {}

    def pairs(self) -> frozenset[LanguagePair]:
        """All pairs of the six languages."""
        return _PAIRS

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts word by word, one result per text, in order.

        Raises:
            LanguageError: The pair is not one of the six languages'.
            ModelError: A list cannot be read.
        """
        check_pair(self.name, source_lang, target_lang, _PAIRS)
        by_way_of = () if "en" in (source_lang, target_lang) else ("en",)
        stops = (source_lang, *by_way_of, target_lang)
        chain = [self._between(*pair) for pair in pairwise(stops)]
        return (_translation(text, chain, source_lang, target_lang) for text in texts)

    def close(self) -> None:
        """Forget the lists in use; safe to call twice."""
        self._words.clear()

    def _between(self, source_lang: str, target_lang: str) -> Words:
        """The dictionary of a pair with English."""
        pair = (source_lang, target_lang)
        if pair not in self._words:
            forward = source_lang == "en"
            path = self._paths[target_lang if forward else source_lang]
            other_way = "into" if forward else "from"
            self._words[pair] = Words(
                (
                    (english, other) if forward else (other, english)
                    for english, other, way in read_list(path)
                    if way != other_way
                ),
                spaced=target_lang not in UNSPACED,
            )
        return self._words[pair]


def read_list(path: Path) -> Iterator[tuple[str, str, str]]:
    """The rows of a list: English, the other language, and one of `WAYS`.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            header = tuple(next(lines, "").rstrip("\n").split("\t"))
            if header != HEADER:
                raise _damaged(path, f"its columns are not {', '.join(HEADER)}")
            for number, line in enumerate(lines, start=2):
                fields = line.rstrip("\n").split("\t")
                if len(fields) != len(HEADER) or fields[2] not in WAYS:
                    raise _damaged(path, f"line {number} is no row")
                yield fields[0], fields[1], fields[2]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"'{path}' cannot be read: {why}.",
        "Install Babelift again, or rebuild the embedded models with 'make models'.",
    )


def _translation(
    text: str, chain: Sequence[Words], source_lang: str, target_lang: str
) -> Translation:
    core = text.strip()
    if not core:
        return Translation(text)
    start = text.index(core)
    source = prepared(core, source_lang, target_lang)
    made = source
    for words in chain:
        made = words.translate(made)
    made = finished(made, source, source_lang, target_lang)
    return Translation(text[:start] + made + text[start + len(core) :])
