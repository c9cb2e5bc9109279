"""Translates the six languages word by word, with the lexicons that ship inside the package."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise, permutations
from pathlib import Path
from typing import Final, Literal

from babelift import embedded
from babelift.config import Translating
from babelift.errors import ConfigError, ModelError
from babelift.translate.lexicon import UNSPACED
from babelift.translate.pairs import check_pair
from babelift.translate.protocol import Translation
from babelift.translate.punctuation import finished, prepared
from babelift.translate.words import Words

LANGUAGES: Final = ("de", "es", "fr", "ja", "zh")
"""Languages with a list of their own, which pairs them with English."""

HEADER: Final = ("english", "other", "way")
"""Columns of a list."""

WAYS: Final = ("both", "from", "into")
"""Whether a row translates English and the other language, or only from or into English."""

_PAIRS: Final = frozenset(permutations(("en", *LANGUAGES), 2))

Pair = tuple[str, str]


def load(argument: str, config: Translating) -> "MiniLexicon":
    """The translator `mini-lexicon`.

    Raises:
        ConfigError: An argument was given.
        ModelError: The lists are missing from the installation.
    """
    if argument:
        raise ConfigError(
            f"translator 'mini-lexicon' takes nothing after its name. Got '{argument}'.",
            "For a list of your own write lexicon:FILE.",
        )
    return MiniLexicon(embedded.model_folder("lexicon"))


class MiniLexicon:
    """Replaces words and short phrases by those that most often stood for them.

    Their order stays that of the source. Two languages of which neither is English are translated
    by way of English. What is in no list is kept.

    Args:
        folder: With a list for each language, `de.tsv.gz` and so on.

    Raises:
        ModelError: A list is missing.
    """

    name = "mini-lexicon"
    unit: Literal["sentence", "text"] = "sentence"
    license: str | None = "CC-BY-2.0"

    def __init__(self, folder: Path) -> None:
        self._paths = {lang: folder / f"{lang}.tsv.gz" for lang in LANGUAGES}
        digest = hashlib.sha256()
        for path in self._paths.values():
            try:
                digest.update(path.read_bytes())
            except OSError as error:
                raise _damaged(path, error.strerror or str(error)) from error
        self.fingerprint = f"mini-lexicon/1:{digest.hexdigest()[:16]}"
        self._words: dict[Pair, Words] = {}

    def pairs(self) -> frozenset[Pair]:
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
