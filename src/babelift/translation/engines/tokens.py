"""Text to a model's tokens and back, with the files its authors published.

The tokenizers' own libraries are used, not transformers: it starts in a tenth of a second, and
what a user wrote is text even where it looks like a special token (`</s>`, `__de__`, `>>de<<`).
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from babelift.errors import ModelError
from babelift.languages import LANGUAGES, Language
from babelift.translation.engines.model_files import ModelSettings

END: Final = "</s>"
_SPECIAL: Final = frozenset(("<s>", "<pad>", END, "<unk>", "<mask>"))


class Pieces(Protocol):
    """Turns text into the tokens of one family of models and back."""

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) tags the vocabulary has."""
        ...

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text, without any special token."""
        ...

    def frame(self, source_lang: str, target_lang: str) -> tuple[list[str], list[str]]:
        """The special tokens before and after a source text."""
        ...

    def prefix(self, target_lang: str) -> list[str]:
        """The tokens every output starts with."""
        ...

    def join(self, outputs: Sequence[Sequence[str]]) -> list[str]:
        """The text of each output, special tokens left out."""
        ...


def open_pieces(folder: Path, settings: ModelSettings, tokens: Collection[str]) -> Pieces:
    """The tokenizer of a model's folder.

    Args:
        folder: With the tokenizer's published files.
        settings: What kind of model it is.
        tokens: The model's vocabulary.

    Raises:
        ModelError: A file is missing or cannot be read, or a model for one pair does not say
            which.
    """
    vocabulary = frozenset(tokens)
    if settings.family == "m2m100":
        return _M2M100(folder, vocabulary)
    if settings.family == "nllb":
        return _NLLB(folder, vocabulary)
    if settings.pair is None:
        raise ModelError(
            f"'{folder}' does not say which languages its model translates.",
            "State them in tokenizer_config.json: source_lang and target_lang.",
        )
    return _Marian(folder, vocabulary, settings.pair)


class _Multilingual:
    """A model of many languages: `<source> text </s>` in, `<target> text </s>` out."""

    def __init__(self, codes: dict[str, str], vocabulary: frozenset[str]) -> None:
        self._codes = {tag: code for tag, code in codes.items() if code in vocabulary}
        self._silent = _silent(vocabulary)

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((a, b) for a in self._codes for b in self._codes if a != b)

    def frame(self, source_lang: str, target_lang: str) -> tuple[list[str], list[str]]:
        return [self._codes[source_lang]], [END]

    def prefix(self, target_lang: str) -> list[str]:
        return [self._codes[target_lang]]


class _M2M100(_Multilingual):
    """Languages as `__de__`, text by SentencePiece."""

    def __init__(self, folder: Path, vocabulary: frozenset[str]) -> None:
        codes = {item.tag: f"__{item.m2m100}__" for item in LANGUAGES.values() if item.m2m100}
        super().__init__(codes, vocabulary)
        self._model = _sentencepiece(folder / "sentencepiece.bpe.model")

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        return _encode(self._model, texts)

    def join(self, outputs: Sequence[Sequence[str]]) -> list[str]:
        return _decode(self._model, _without(outputs, self._silent))


class _NLLB(_Multilingual):
    """Languages as `deu_Latn`, text by the tokenizers library."""

    def __init__(self, folder: Path, vocabulary: frozenset[str]) -> None:
        from tokenizers import Tokenizer

        codes = {item.tag: item.nllb for item in LANGUAGES.values() if item.nllb}
        super().__init__(codes, vocabulary)
        path = folder / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(f"'{path}' cannot be read: {error}.") from error
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        cleaned = [clean(text) for text in texts]
        encoded = self._tokenizer.encode_batch(cleaned, add_special_tokens=False)
        return [item.tokens for item in encoded]

    def join(self, outputs: Sequence[Sequence[str]]) -> list[str]:
        decode = self._tokenizer.decoder.decode
        return [decode(tokens).strip() for tokens in _without(outputs, self._silent)]


class _Marian:
    """`text </s>` in and out; a model with several targets has `>>de<<` before the text."""

    def __init__(self, folder: Path, vocabulary: frozenset[str], pair: tuple[str, str]) -> None:
        self._source = _sentencepiece(folder / "source.spm")
        self._target = _sentencepiece(folder / "target.spm")
        self._pair = pair
        self._codes = marian_codes(LANGUAGES[pair[1]], vocabulary)
        self._silent = _silent(vocabulary)

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset([self._pair])

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        return _encode(self._source, texts)

    def frame(self, source_lang: str, target_lang: str) -> tuple[list[str], list[str]]:
        return self._codes[:1], [END]

    def prefix(self, target_lang: str) -> list[str]:
        return []

    def join(self, outputs: Sequence[Sequence[str]]) -> list[str]:
        return _decode(self._target, _without(outputs, self._silent))


def marian_codes(language: Language, vocabulary: frozenset[str]) -> list[str]:
    """The codes of a language that a vocabulary has, the most exact first."""
    iso = "cmn" if language.tag == "zh" else language.iso3
    names = (f"{iso}_{language.script}", iso, language.iso3, language.tag)
    return [code for name in names if (code := f">>{name}<<") in vocabulary]


def _silent(vocabulary: frozenset[str]) -> frozenset[str]:
    """Tokens that stand for no text: special ones, languages of each family, fillers."""
    code = re.compile(r"__[a-z]{2,3}__|[a-z]{3}_[A-Z][a-z]{3}|>>[^<>]*<<|madeupword\d+")
    return _SPECIAL | {token for token in vocabulary if code.fullmatch(token)}


def _sentencepiece(path: Path) -> Any:
    from sentencepiece import SentencePieceProcessor

    try:
        return SentencePieceProcessor(model_proto=path.read_bytes())
    except (OSError, RuntimeError) as error:
        raise ModelError(f"'{path}' is not a SentencePiece model: {error}.") from error


def clean(text: str) -> str:
    """The text without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _encode(model: Any, texts: Sequence[str]) -> list[list[str]]:
    pieces: list[list[str]] = model.encode([clean(text) for text in texts], out_type=str)
    return pieces


def _decode(model: Any, outputs: list[list[str]]) -> list[str]:
    # A token that is not one of the model's pieces keeps its mark of a space when it is decoded.
    return [model.decode(tokens).replace("▁", " ").strip() if tokens else "" for tokens in outputs]


def _without(outputs: Sequence[Sequence[str]], silent: Collection[str]) -> list[list[str]]:
    return [[token for token in tokens if token not in silent] for tokens in outputs]
