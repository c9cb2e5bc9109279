"""Translates word by word from a dictionary in a file: the low end of translation quality."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import polars as pl

from babelift.config import Translating
from babelift.errors import ConfigError, DataError
from babelift.translate.pairfile import Pair, read_pair_file
from babelift.translate.pairs import check_pair
from babelift.translate.protocol import Translation
from babelift.translate.words import Words

UNSPACED: Final = frozenset({"ja", "zh"})
"""Target languages that are written without spaces between words."""


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
