"""A smaller output vocabulary: a decoder chooses among the tokens that its target is written with.

CTranslate2 reads a vocabulary map beside a model. A line `token<TAB>tokens` allows tokens in the
outputs of a batch whose sources hold the first one; the line that begins with the tabulator names
those that are always allowed. A model has one map, and a map does not see the target language, so
a model is opened once more for every target.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import regex

from babelift.errors import ModelError
from babelift.store import cache_dir, cached_folder
from babelift.translation.checks import letters

_SHORT: Final = regex.compile("[^a-zA-Z]*(?:[a-zA-Z][^a-zA-Z]*){0,4}")
"""Latin for a target of another script: TV, km, 5G. Longer words come from the source alone."""

_BYTE: Final = regex.compile("<0x[0-9A-F]{2}>")

NAMES: Final = (
    "Łukasz Żółkiewski, Škoda 1203, 98 %, 3.5 km ☕👍 № 5 → €1,299.00",
    "Dvořák – Sigur Rós – Ñandú – Þór: 7½ £, 2×4, №12 🎉🇯🇵",
    "Nguyễn Văn Thiệu & İstanbul (+49 30 1234567, 24/7) ❤️ #1",
)
"""Foreign names, digits, signs and emoji: tried both ways beside the user's own texts."""

RULES: Final = 1
"""Raise it when other tokens are allowed; maps and memories are made anew."""

SAMPLE: Final = 64
"""Texts of a batch that are tried both ways."""


@cache
def _foreign(*languages: str) -> Any:
    """What matches letters that none of some languages is written with."""
    own = "".join(map(letters, languages))
    return regex.compile(rf"(?V1)[[\p{{L}}\p{{M}}]--[{own}\p{{Common}}\p{{Inherited}}]]")


def mixes_scripts(text: str, source_lang: str, target_lang: str) -> bool:
    """Whether a text has letters of a script that neither language uses, Latin apart.

    Such a text is given the whole vocabulary: what is foreign may be copied in other pieces than
    the source has.

    >>> mixes_scripts("Der Roman heißt „Идиот“.", "de", "fr")
    True
    >>> mixes_scripts("Роман «Идиот», 2 том, iPhone", "ru", "de")
    False
    """
    return bool(_foreign(source_lang, target_lang, "en").search(text))


def always_allowed(tokens: Iterable[str], target_lang: str) -> list[str]:
    """The tokens that a target language is written with, in order.

    Those are all that hold no letter of another script: digits, punctuation, signs, emoji and
    bytes too. A language that is not written in Latin also has Latin tokens of up to four letters.

    >>> always_allowed(["▁Haus", "▁дом", "▁(", "😀", "<0xE2>", "語"], "de")
    ['▁Haus', '▁(', '😀', '<0xE2>']
    >>> always_allowed(["▁Haus", "▁house", "▁дом", "ß", "▁5G"], "ru")
    ['▁Haus', '▁дом', '▁5G']
    """
    foreign = _foreign(target_lang)

    def allowed(token: str) -> bool:
        short = token.removeprefix("▁").isascii() and _SHORT.fullmatch(token)
        return bool(short or _BYTE.fullmatch(token)) or not foreign.search(token)

    return [token for token in tokens if allowed(token)]


def vocabulary_map(tokens: Sequence[str], always: Collection[str]) -> bytes:
    r"""CTranslate2's vocabulary map: some tokens always, any other where a source has it.

    A token of the source is allowed at a word's begin and inside of one, in small and in large
    letters.

    Args:
        tokens: The model's vocabulary.
        always: Those of it that are always allowed.

    >>> vocabulary_map(["a", "▁b", "b", "▁c", "▁C"], ["a"]).decode()
    '\ta\n▁b\t▁b b\nb\t▁b b\n▁c\t▁c ▁C\n▁C\t▁C ▁c\n'
    """
    known, fixed = frozenset(tokens), frozenset(always)
    lines = ["\t" + " ".join(token for token in tokens if token in fixed and _writable(token))]
    for token in tokens:
        if token not in fixed and _writable(token):
            allowed = dict.fromkeys(form for form in _forms(token) if form in known)
            lines.append(f"{token}\t{' '.join(allowed)}")
    return "".join(f"{line}\n" for line in lines).encode()


def _forms(token: str) -> Iterator[str]:
    core = token.removeprefix("▁")
    for form in (core, core.lower(), core.upper(), core.capitalize()):
        yield from (f"▁{form}", form)


def _writable(token: str) -> bool:
    """Whether a token can stand in a map, whose fields end at spaces."""
    return bool(token) and not {*" \t\r\n"} & {*token}


@dataclass
class _Pair:
    """What is known of one pair's outputs with a part of the tokens."""

    batches: int = 0
    tried: int = 0
    differed: int = 0
    noticed: int = 0
    mixed: int = 0


class Restriction:
    """The pairs of one model whose outputs are restricted, and what came of trying both ways.

    Texts of a pair's first batch and of its second, fourth, eighth and so on are translated with
    the whole vocabulary too. Where a single one comes out differently, the pair has the whole
    vocabulary from there on.

    Args:
        model: The model's folder.
        tokens: Its vocabulary.
        special: Tokens of it that stand for no text.
    """

    def __init__(self, model: Path, tokens: Sequence[str], special: Collection[str]) -> None:
        self._model, self._tokens, self._special = model, tokens, special
        self._folders: dict[str, Path] = {}
        self._pairs: dict[tuple[str, str], _Pair] = {}

    def notes(self, name: str) -> tuple[str, ...]:
        """What came of it, in sentences."""
        return tuple(
            self._note(name, *languages, pair)
            for languages, pair in self._pairs.items()
            if pair.tried
        )

    def folder(self, source_lang: str, target_lang: str) -> Path:
        """The model with the vocabulary map of a target, made on first use.

        Raises:
            ModelError: It cannot be made.
        """
        if target_lang not in self._folders:
            place = _place(self._model, target_lang)

            def make(folder: Path) -> None:
                always = {*always_allowed(self._tokens, target_lang), *self._special}
                _make(folder, self._model, vocabulary_map(self._tokens, always))

            try:
                self._folders[target_lang] = cached_folder(place, make)
            except OSError as error:
                raise ModelError(
                    f"the model of '{self._model}' cannot be linked into {place.parent}: {error}.",
                    "Make room, point BABELIFT_CACHE at another folder, or use "
                    "--output-vocabulary whole.",
                ) from error
        return self._folders[target_lang]

    def takes(self, text: str, tokens: Sequence[str], source_lang: str, target_lang: str) -> bool:
        """Whether a text's output may be restricted."""
        taken = all(map(_writable, tokens)) and not mixes_scripts(text, source_lang, target_lang)
        self._pair(source_lang, target_lang).mixed += not taken
        return taken

    def is_due(self, source_lang: str, target_lang: str) -> bool:
        """Whether texts of the batch that comes now are to be tried both ways."""
        pair = self._pair(source_lang, target_lang)
        pair.batches += 1
        return not pair.differed and pair.batches.bit_count() == 1

    def fails(self, source_lang: str, target_lang: str) -> bool:
        """Whether a text of the pair came out differently."""
        return self._pair(source_lang, target_lang).differed > 0

    def judge(
        self,
        source_lang: str,
        target_lang: str,
        whole: Sequence[list[str]],
        restricted: Sequence[list[str]],
    ) -> None:
        """Take note of outputs with the whole vocabulary and with a part of it."""
        pair = self._pair(source_lang, target_lang)
        pair.tried += len(whole)
        pair.noticed = pair.batches
        pair.differed += sum(one != other for one, other in zip(whole, restricted, strict=True))

    def _pair(self, source_lang: str, target_lang: str) -> _Pair:
        return self._pairs.setdefault((source_lang, target_lang), _Pair())

    def _note(self, name: str, source_lang: str, target_lang: str, pair: _Pair) -> str:
        which = f"{name}, {source_lang} > {target_lang}"
        if pair.differed:
            before = (
                f"; some of the {pair.noticed - 1:,} batches before may differ too"
                if pair.noticed > 1
                else ""
            )
            return (
                f"{which}: {pair.differed:,} of {pair.tried:,} texts came out differently with "
                f"{target_lang}'s tokens alone, so all tokens are used{before}"
            )
        mixed = f"; {pair.mixed:,} with other scripts had all tokens" if pair.mixed else ""
        with (self.folder(source_lang, target_lang) / "vmap.txt").open(encoding="utf-8") as file:
            allowed = file.readline().count(" ") + 1
        return (
            f"{which}: outputs are of {allowed:,} of {len(self._tokens):,} tokens and the "
            f"source's own; {pair.tried:,} texts tried both ways came out alike{mixed}"
        )


def _place(model: Path, target_lang: str) -> Path:
    """Where the cache has the folder of a model with the map of a target."""
    files = sorted(path.stat() for path in (model / "model.bin", *model.glob("*vocabulary*")))
    state = [str(model.resolve()), *((file.st_size, file.st_mtime_ns) for file in files)]
    key = hashlib.sha256(f"{RULES} {state}".encode()).hexdigest()[:24]
    return cache_dir() / "models" / "vmap" / f"{key}-{target_lang}"


def _make(folder: Path, model: Path, vmap: bytes) -> None:
    """Fill a folder with links to a model's files, and a vocabulary map beside them.

    CTranslate2 could also be given the map from memory, but then it reads the model through
    Python too: six times as slow, and in twice the memory.
    """
    folder.mkdir()
    for path in (model / "model.bin", model / "config.json", *model.glob("*vocabulary*")):
        if path.is_file():
            _link(path.resolve(), folder / path.name)
    (folder / "vmap.txt").write_bytes(vmap)


def _link(path: Path, link: Path) -> None:
    try:
        link.symlink_to(path)
    except OSError:  # Windows has them for administrators
        link.hardlink_to(path)
