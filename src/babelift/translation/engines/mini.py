"""The translator that ships with Babelift: per pair a small model, or a word lexicon if better."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from babelift.config import Translating
from babelift.errors import ModelError
from babelift.translation.engines.model_files import read_json
from babelift.translation.protocol import Translation, Translator, check_pair
from babelift.translation.registry import TRANSLATORS
from babelift.translation.segments import MAX_TOKENS, counter, translate_batches

if TYPE_CHECKING:
    from babelift.translation.engines.ctranslate2 import CT2Translator

LANGUAGES: Final = ("en", "de", "es", "fr", "ja", "zh")
PAIRS: Final = tuple(permutations(LANGUAGES, 2))
CHOICE: Final = "choice.json"
"""The file beside the model that says what is better for each pair, by chrF on held-out text."""

Pair = tuple[str, str]
Part = Literal["model", "lexicon"]


class MiniTranslator:
    """Translates each pair with the model or with the lexicon.

    Args:
        model: The small model; None where there is none.
        lexicon: Translates word by word; may be None where no pair needs it.
        choice: Which of them translates a pair; the lexicon one that is not named, and all where
            there is no model.
        name: Short name for tables and reports.
    """

    unit: Literal["sentence", "text"] = "sentence"
    license = TRANSLATORS["mini"].license

    def __init__(
        self,
        model: "CT2Translator | None",
        lexicon: Translator | None,
        choice: Mapping[Pair, Part],
        name: str = "mini",
    ) -> None:
        self.name = name
        self.max_input_tokens = model.max_input_tokens if model else MAX_TOKENS
        self._model, self._lexicon = model, lexicon
        self._by_pair: dict[Pair, Translator] = {}
        for pair in PAIRS:
            part = model if model is not None and choice.get(pair) == "model" else lexicon
            if part is not None and pair in (part.pairs() or PAIRS):
                self._by_pair[pair] = part
        chosen = " ".join(
            f"{source}>{target}"
            for (source, target), part in self._by_pair.items()
            if part is model
        )
        used = [
            part.fingerprint
            for part in (model, lexicon)
            if part is not None and part in self._by_pair.values()
        ]
        choices = hashlib.sha256(chosen.encode()).hexdigest()[:16]
        self.fingerprint = " + ".join([f"mini/1:{choices}", *used])

    @property
    def notes(self) -> tuple[str, ...]:
        """What the model had to do differently for want of memory."""
        return self._model.notes if self._model else ()

    def pairs(self) -> frozenset[Pair]:
        """The pairs that the model or the lexicon translates."""
        return frozenset(self._by_pair)

    def uses_model(self, source_lang: str, target_lang: str) -> bool:
        """Whether the model, not the lexicon, translates a pair."""
        return self._model is not None and self._part(source_lang, target_lang) is self._model

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts, one result per text, in order.

        Raises:
            LanguageError: The pair is not one of the six languages'.
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        return self._part(source_lang, target_lang).translate(texts, source_lang, target_lang)

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """Translate batches, one list per batch, in order; the model works ahead.

        Raises:
            LanguageError: The pair is not one of the six languages'.
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        part = self._part(source_lang, target_lang)
        return translate_batches(part, batches, source_lang, target_lang)

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text, for what translates the pair."""
        part = self._part(source_lang, target_lang)
        return list(counter(part, source_lang, target_lang)(texts))

    def variant(self) -> "MiniTranslator":
        """What to try where the first translation is faulty: the model with other decoding.

        A pair that the lexicon translates is tried with the model too.
        """
        if self._model is None:
            return self
        model = self._model.variant()
        every: dict[Pair, Part] = dict.fromkeys(model.pairs(), "model")
        return MiniTranslator(model, self._lexicon, every, model.name)

    def close(self) -> None:
        """Let go of the model and the lexicon."""
        for part in (self._model, self._lexicon):
            if part is not None:
                part.close()

    def _part(self, source_lang: str, target_lang: str) -> Translator:
        check_pair(self.name, source_lang, target_lang, self._by_pair)
        return self._by_pair[source_lang, target_lang]


def load(argument: str, config: Translating) -> MiniTranslator:
    """The translator `mini`.

    Raises:
        ConfigError: The compute type is not possible here.
        ModelError: A file is damaged, or both the model and the lexicon are missing.
    """
    from babelift import embedded
    from babelift.translation.engines import lexicon as mini_lexicon

    folder = embedded.ROOT / "translator"
    choice = read_choice(folder / CHOICE)
    model = None
    if "model" in choice.values() and (folder / "model.bin").is_file():
        model = _open_model(config)
    every_pair = model is not None and all(choice.get(pair) == "model" for pair in PAIRS)
    lexicon = None if every_pair else mini_lexicon.load_embedded(argument, config)
    return MiniTranslator(model, lexicon, choice)


def load_model(argument: str, config: Translating) -> MiniTranslator:
    """The translator `mini-m2m100`: the model alone, for every pair.

    Raises:
        ConfigError: The compute type is not possible here.
        ModelError: A file is damaged or missing.
    """
    every: dict[Pair, Part] = dict.fromkeys(PAIRS, "model")
    return MiniTranslator(_open_model(config), None, every, "mini-m2m100")


def _open_model(config: Translating) -> "CT2Translator":
    from babelift import embedded
    from babelift.translation.engines import ctranslate2 as ct2

    model = ct2.load(str(embedded.ROOT / "translator"), config)
    model.name = "mini"
    return model


def read_choice(path: Path) -> dict[Pair, Part]:
    """What `choice.json` says of each pair, such as `{"en>de": "model"}`; empty without the file.

    Raises:
        ModelError: It says something else.
    """
    choice: dict[Pair, Part] = {}
    named: Mapping[str, Any] = read_json(path, missing_ok=True)
    for pair, part in named.items():
        source, _, target = pair.partition(">")
        if (source, target) not in PAIRS or part not in ("model", "lexicon"):
            raise ModelError(
                f"'{path}': '{pair}: {part}' is not a pair of {', '.join(LANGUAGES)} with 'model' "
                "or 'lexicon'.",
                "Install Babelift again.",
            )
        choice[source, target] = part
    return choice
