"""The small models of Firefox Translations, on fxtranslate; through English where no model is.

A model is a few files in one folder, named after its pair: `model.ende.intgemm.alphas.bin`, the
vocabulary `vocab.ende.spm` (or `srcvocab.enja.spm` and `trgvocab.enja.spm`), and the shortlist
`lex.50.50.ende.s2t.bin`. They are taken from where the user says, a folder or a hub's repository,
never from the vendor's delivery service, which is not meant for others.
"""

import gzip
import hashlib
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from babelift.config import Translating
from babelift.errors import LanguageError, ModelError, TranslationError, first_line
from babelift.hub import fetch_files
from babelift.languages import resolve
from babelift.translation.engines.model_files import remembered_hash
from babelift.translation.engines.pivot import PIVOT, Pair, PivotTranslator
from babelift.translation.engines.tokens import clean
from babelift.translation.protocol import Translation

LICENSE: Final = "MPL-2.0"

WINDOW: Final = 127
"""Tokens of a source that the models were trained for; the engine says nothing of more."""

_MOST_OUT: Final = 256
"""Tokens of an output, at which the engine stops without a word."""

_MOST_BYTES: Final = 2**30
_PATTERNS: Final = ("model.*.intgemm.alphas.bin*", "lex.*.s2t.bin*", "*vocab.*.spm*")
_MODEL: Final = re.compile(r"model\.(.+?)\.intgemm\.alphas\.bin(?:\.gz)?")
_BYTES: Final = re.compile(r"(?:<0x[0-9A-F]{2}>)+")


@dataclass(frozen=True)
class _Files:
    """The files of one pair's model; the vocabularies are one where both sides share it."""

    model: Path
    source: Path
    target: Path
    shortlist: Path | None

    @property
    def paths(self) -> list[Path]:
        files = dict.fromkeys((self.model, self.source, self.target, self.shortlist))
        return [path for path in files if path is not None]


def load(argument: str, config: Translating) -> PivotTranslator:
    """The translator of `firefox:FOLDER_OR_HUB_ID`: with the files of one pair or several.

    In a folder they may also stand in folders of their own, such as `en-de`.

    Raises:
        ModelError: There is no model, or one lacks a file or is damaged, or cannot be fetched.
        ModuleNotFoundError: fxtranslate is not installed.
    """
    import fxtranslate  # noqa: F401 - said before anything is looked for

    folder = Path(argument).expanduser()
    if not folder.is_dir() and re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", argument):
        folder = fetch_files(argument, _PATTERNS, kind="translator")
    models = _models(folder)
    hashes = {pair: _identity(files) for pair, files in models.items()}
    translator = PivotTranslator(
        models,
        name="firefox",
        license=LICENSE,
        max_input_tokens=WINDOW,
        open_model=lambda pair: _Model(pair, models[pair]),
    )
    weights = ",".join(f"{a}>{b}:{hashes[a, b]}" for a, b in sorted(hashes))
    translator.fingerprint = f"firefox:{weights} fxtranslate:{version('fxtranslate')}"
    return translator


class _Model:
    """One pair's model, greedy, a sentence at a time, in the thread that opened it."""

    def __init__(self, pair: Pair, files: _Files) -> None:
        from fxtranslate import Translator
        from sentencepiece import SentencePieceProcessor

        self._name = "firefox {}-{}".format(*pair)
        model, source, target = map(_read, (files.model, files.source, files.target))
        shortlist = _read(files.shortlist) if files.shortlist else None
        _check_model(files.model, model)
        if files.shortlist and shortlist is not None:
            _check_shortlist(files.shortlist, shortlist)
        self.notes: tuple[str, ...] = ()
        if shortlist is None:
            without = "it is slower, and may choose other words than Firefox does"
            self.notes = (f"{self._name} has no shortlist (lex.*.s2t.bin) beside it: {without}",)
        try:
            self._source, self._target = (
                SentencePieceProcessor(model_proto=pieces) for pieces in (source, target)
            )
            self._engine: Any = Translator(model, source, target, shortlist)
        except BaseException as error:
            if not _is_of_engine(error):
                raise
            raise _damaged(files.model, first_line(error)) from error

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        for batch in batches:
            yield [self._translated(clean(text)) for text in batch]

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        return list(map(len, self._source.encode([clean(text) for text in texts])))

    def close(self) -> None:
        self._engine = None

    def _translated(self, text: str) -> Translation:
        size = len(self._source.encode(text))
        if not size:
            return Translation("")
        try:
            made = str(self._engine.translate(text))
        except BaseException as error:
            if not _is_of_engine(error):
                raise
            raise TranslationError(
                f"{self._name}: the engine failed: {first_line(error)}."
            ) from error
        made = made if _BYTES.search(text) else _BYTES.sub(_from_bytes, made)
        most = min(2 * (size + 1) + 4, _MOST_OUT)
        cut = size > WINDOW or len(self._target.encode(made)) >= most
        return Translation(made, cut)


def _from_bytes(pieces: re.Match[str]) -> str:
    """Characters that the engine leaves as the bytes they were made of.

    >>> _BYTES.sub(_from_bytes, "gut <0xF0><0x9F><0x98><0x80>!")
    'gut 😀!'
    """
    return bytes.fromhex(re.sub("<0x|>", "", pieces[0])).decode("utf-8", "replace")


def _is_of_engine(error: BaseException) -> bool:
    """Whether an error is the engine's; where Rust panics, it is no Exception."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _models(folder: Path) -> dict[Pair, _Files]:
    """The models in a folder and in the folders inside of it, by pair.

    Raises:
        ModelError: There is none, one lacks a file, or two have the same pair.
    """
    hint = (
        "It holds model.ende.intgemm.alphas.bin, vocab.ende.spm and lex.50.50.ende.s2t.bin, or "
        "folders with such files."
    )
    if not folder.is_dir():
        raise ModelError(f"firefox: there is no folder '{folder}'.", hint)
    found: dict[Pair, Path] = {}
    for path in sorted(path for place in (folder, *folder.iterdir()) for path in _inside(place)):
        if name := _MODEL.fullmatch(path.name):
            pair = _pair(name[1], path)
            if pair in found:
                raise ModelError(
                    f"firefox: '{found[pair]}' and '{path}' are both of {pair[0]} > {pair[1]}.",
                    "Move one of them elsewhere.",
                )
            found[pair] = path
    if not found:
        raise ModelError(f"'{folder}' holds no model of Firefox Translations.", hint)
    return {pair: _files(path) for pair, path in found.items()}


def _inside(place: Path) -> Iterator[Path]:
    return place.iterdir() if place.is_dir() else iter(())


def _pair(name: str, path: Path) -> Pair:
    """The pair that a file's name says: two codes in one word, one of them nearly always English.

    >>> _pair("ende", Path()), _pair("zhen", Path()), _pair("enzh-Hant", Path())
    (('en', 'de'), ('zh', 'en'), ('en', 'zh'))
    """
    ways = []
    for cut in range(2, len(name) - 1):
        try:
            ways.append((resolve(name[:cut]), resolve(name[cut:].lstrip("-_"))))
        except LanguageError:
            continue
    ways = [(source, target) for source, target in ways if source != target]
    english = [way for way in ways if PIVOT in way]
    for choice in (english, ways):
        if len(choice) == 1:
            return choice[0]
    raise ModelError(
        f"firefox: '{path}' does not say its languages: '{name}' should be two codes, as in 'ende'."
    )


def _files(model: Path) -> _Files:
    """The files that belong to a model.

    Raises:
        ModelError: The vocabulary is missing, or there are several.
    """
    names = _MODEL.fullmatch(model.name)
    assert names
    pair = re.escape(names[1])
    swapped = "".join(re.escape(part) for part in (names[1][2:], names[1][:2]))
    beside = sorted(path for path in model.parent.iterdir() if path.is_file())

    def only(pattern: str) -> Path | None:
        paths = [path for path in beside if re.fullmatch(rf"{pattern}(?:\.gz)?", path.name)]
        return paths[0] if len(paths) == 1 else None

    # The vocabulary of both directions may have the name of the one that was trained first.
    shared = only(rf"vocab\.{pair}\.spm") or only(rf"vocab\.{swapped}\.spm")
    source, target = (shared or only(rf"{side}vocab\.{pair}\.spm") for side in ("src", "trg"))
    if source is None or target is None:
        missing = [
            f"{side}vocab.{names[1]}.spm"
            for side, path in (("src", source), ("trg", target)) if path is None
        ]  # fmt: skip
        wanted = f"vocab.{names[1]}.spm" if len(missing) == 2 else missing[0]
        raise ModelError(
            f"'{model.parent}' has no {wanted} beside {model.name}.",
            f"Put all files of the model there; it holds {', '.join(p.name for p in beside)}.",
        )
    return _Files(model, source, target, only(rf"lex\.[\d.]+\.{pair}\.s2t\.bin"))


def _identity(files: _Files) -> str:
    whole = hashlib.sha256()
    for path in files.paths:
        whole.update(f"{path.name} {remembered_hash(path)}\n".encode())
    return whole.hexdigest()[:16]


def _read(path: Path) -> bytes:
    """What is in a file, unpacked where it is packed.

    Raises:
        ModelError: It cannot be read, is too large, or only stands for a file.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, first_line(error)) from error
    if len(content) > _MOST_BYTES:
        raise _damaged(path, "it has more than 1 GiB")
    if content.startswith(b"version https://git-lfs"):
        raise ModelError(
            f"'{path}' only stands for a file that was not fetched.", "Run: git lfs pull"
        )
    if not content:
        raise _damaged(path, "it is empty")
    return content


def _check_model(path: Path, content: bytes) -> None:
    """Refuse what is no model in Marian's binary form, or one that the engine cannot run.

    Raises:
        ModelError: Says which.
    """
    names = _item_names(content)
    if names is None:
        raise _damaged(path, "it is not in Marian's binary form")
    embedded = "Wemb" in names or {"encoder_Wemb", "decoder_Wemb"} <= names
    if not embedded or "decoder_l1_rnn_W" not in names:
        raise ModelError(
            f"'{path}' is a Marian model, but not one of Firefox Translations: it lacks "
            f"{'a recurrent decoder' if embedded else 'an embedding'}."
        )


def _item_names(content: bytes) -> frozenset[str] | None:
    """The names of what a model holds, None where it does not hold what its head announces.

    The layout is that of Marian's `io::binary`: version, number of items; of each item length of
    name, type, rank and bytes; names; shapes; a gap; values.
    """
    try:
        form, count = struct.unpack_from("<QQ", content)
        if form != 1 or count * 32 > len(content):
            return None
        heads = [struct.unpack_from("<QQQQ", content, 16 + 32 * item) for item in range(count)]
        place, names = 16 + 32 * count, set()
        for length, *_ in heads:
            names.add(content[place : place + length].rstrip(b"\0").decode())
            place += length
        place += 4 * sum(rank for _, _, rank, _ in heads)
        (gap,) = struct.unpack_from("<Q", content, place)
        whole = place + 8 + gap + sum(size for *_, size in heads)
    except (struct.error, UnicodeDecodeError):
        return None
    return frozenset(names) if whole <= len(content) else None


def _check_shortlist(path: Path, content: bytes) -> None:
    """Refuse a shortlist that does not hold what its head announces.

    Raises:
        ModelError: It is damaged.
    """
    try:
        *_, words, entries = struct.unpack_from("<6Q", content)
    except struct.error:
        words = entries = len(content)
    if 48 + 8 * words + 4 * entries > len(content):
        raise _damaged(path, "it ends too soon")


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"'{path}' cannot be read: {why}.", "Get the file again.")
