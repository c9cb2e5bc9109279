"""Text to a model's tokens and back, with the files its authors published.

The tokenizers' own libraries are used, not transformers: it starts in a tenth of a second, and
what a user wrote is text even where it looks like a special token (`</s>`, `__de__`, `>>de<<`).
"""

import re
from collections.abc import Collection, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from babelift.errors import ModelError
from babelift.languages import LANGUAGES, Language
from babelift.translation.engines.model_files import ModelSettings

END: Final = "</s>"
_SPECIAL: Final = frozenset(("<s>", "<pad>", END, "<unk>", "<mask>"))


class Pieces:
    """Turns text into the tokens of one family of models and back.

    This is a model of many languages: `<source> text </s>` in, `<target> text </s>` out.

    Args:
        codes: Token of each language's tag, in the vocabulary or not.
        vocabulary: The model's.
        source: SentencePiece model of the sources, where there is one.
        target: SentencePiece model of the outputs.

    Attributes:
        silent: Tokens of the vocabulary that stand for no text.
    """

    def __init__(
        self,
        codes: dict[str, str],
        vocabulary: frozenset[str],
        source: Any = None,
        target: Any = None,
    ) -> None:
        self._codes = {tag: code for tag, code in codes.items() if code in vocabulary}
        # Tokens that stand for no text: special ones, languages of each family, fillers.
        code = re.compile(r"__[a-z]{2,3}__|[a-z]{3}_[A-Z][a-z]{3}|>>[^<>]*<<|<2\w+>|madeupword\d+")
        self.silent = _SPECIAL | {token for token in vocabulary if code.fullmatch(token)}
        self._source, self._target = source, target

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) tags the vocabulary has."""
        return frozenset(permutations(self._codes, 2))

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text, without any special token."""
        pieces: list[list[str]] = self._source.encode([clean(text) for text in texts], out_type=str)
        return pieces

    def frame(self, source_lang: str, target_lang: str) -> tuple[list[str], list[str]]:
        """The special tokens before and after a source text."""
        return [self._codes[source_lang]], [END]

    def prefix(self, target_lang: str) -> list[str]:
        """The tokens every output starts with."""
        return [self._codes[target_lang]]

    def join(self, outputs: Sequence[Sequence[str]]) -> list[str]:
        """The text of each output, special tokens left out."""
        kept = [[token for token in tokens if token not in self.silent] for tokens in outputs]
        return [self._decode(tokens).strip() if tokens else "" for tokens in kept]

    def _decode(self, tokens: list[str]) -> str:
        # A token that is not one of the model's pieces keeps its mark of a space.
        return str(self._target.decode(tokens)).replace("▁", " ")


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
        codes = {item.tag: f"__{item.m2m100}__" for item in LANGUAGES.values() if item.m2m100}
        model = sentencepiece_model(folder / "sentencepiece.bpe.model")
        return Pieces(codes, vocabulary, model, model)
    if settings.family == "nllb":
        return _NLLB(folder, vocabulary)
    if settings.family == "madlad":
        return _MADLAD(folder, vocabulary)
    if settings.pair is None:
        raise ModelError(
            f"'{folder}' does not say which languages its model translates.",
            "State them in tokenizer_config.json: source_lang and target_lang.",
        )
    return _Marian(folder, vocabulary, settings.pair)


class _NLLB(Pieces):
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

    def _decode(self, tokens: list[str]) -> str:
        return str(self._tokenizer.decoder.decode(tokens))


class _Marian(Pieces):
    """`text </s>` in and out; a model with several targets has `>>de<<` before the text."""

    def __init__(self, folder: Path, vocabulary: frozenset[str], pair: tuple[str, str]) -> None:
        source, target = (
            sentencepiece_model(folder / f"{side}.spm") for side in ("source", "target")
        )
        super().__init__({}, vocabulary, source, target)
        self._pair = pair
        self._before = marian_codes(LANGUAGES[pair[1]], vocabulary)[:1]

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset([self._pair])

    def frame(self, source_lang: str, target_lang: str) -> tuple[list[str], list[str]]:
        return self._before, [END]

    def prefix(self, target_lang: str) -> list[str]:
        return []


class _MADLAD(Pieces):
    """`<2de> text </s>` in, `text </s>` out."""

    def __init__(self, folder: Path, vocabulary: frozenset[str]) -> None:
        codes = {tag: madlad_code(tag, vocabulary) for tag in LANGUAGES}
        model = sentencepiece_model(folder / "spiece.model")
        super().__init__(codes, vocabulary, model, model)
        self._vocabulary = vocabulary

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        return [[part for piece in pieces for part in self._as_text(piece)]
                for pieces in super().split(texts)]  # fmt: skip

    def _as_text(self, piece: str) -> Sequence[str]:
        """A piece, or its letters where SentencePiece takes what a user wrote for a code."""
        if not re.fullmatch(r"<2\w+>", piece):
            return [piece]
        return [letter if letter in self._vocabulary else "<unk>" for letter in piece]

    def frame(self, source_lang: str, target_lang: str) -> tuple[list[str], list[str]]:
        return [self._codes[target_lang]], [END]

    def prefix(self, target_lang: str) -> list[str]:
        return []


_MADLAD_CODES: Final = {"he": "iw", "jv": "jw", "no": "nb", "ns": "nso", "tl": "fil"}
"""MADLAD-400's own, where it has not the tag."""


def madlad_code(tag: str, vocabulary: Collection[str]) -> str:
    """The code of a language in MADLAD-400's vocabulary, which may lack it.

    >>> madlad_code("de", ["<2de>", "<2fil>"]), madlad_code("tl", ["<2de>", "<2fil>"])
    ('<2de>', '<2fil>')
    """
    code = f"<2{tag}>"
    return code if code in vocabulary else f"<2{_MADLAD_CODES.get(tag, tag)}>"


def marian_codes(language: Language, vocabulary: frozenset[str]) -> list[str]:
    """The codes of a language that a vocabulary has, the most exact first."""
    iso = "cmn" if language.tag == "zh" else language.iso3
    names = (f"{iso}_{language.script}", iso, language.iso3, language.tag)
    return [code for name in names if (code := f">>{name}<<") in vocabulary]


def sentencepiece_model(path: Path) -> Any:
    """A SentencePiece model.

    Raises:
        ModelError: The file is none.
    """
    from sentencepiece import SentencePieceProcessor

    try:
        return SentencePieceProcessor(model_proto=path.read_bytes())
    except (OSError, RuntimeError) as error:
        raise ModelError(f"'{path}' is not a SentencePiece model: {error}.") from error


def clean(text: str) -> str:
    """The text without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
