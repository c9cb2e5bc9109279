"""Neural translation on CTranslate2: M2M100, NLLB and Marian models.

One model per folder; `babelift.translation.engines.opus` puts one Marian model per pair together.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from babelift.config import Translating
from babelift.errors import ModelError
from babelift.hub import TOKENIZER, fetch
from babelift.translation.engines import ct2_engine
from babelift.translation.engines.convert import check_compute_type, converted
from babelift.translation.engines.ct2_engine import Engine, Started
from babelift.translation.engines.decoding import Decoding, longest_input
from babelift.translation.engines.model_files import ModelFacts, foreign_facts, identity
from babelift.translation.engines.tokens import END, Pieces, open_pieces
from babelift.translation.protocol import Translation, check_pair
from babelift.translation.registry import TRANSLATORS, license_of, suggestions

_CHUNK: Final = 2048
"""Texts handed to the engine at a time, so that memory does not grow with their number."""


class Output(NamedTuple):
    """What the model made of one text.

    Attributes:
        tokens: The output's tokens, without the target language and the end.
        truncated: The source was cut to the model's limit, or the output reached it.
    """

    tokens: list[str]
    truncated: bool


class CT2Translator:
    """One model in CTranslate2's form.

    It is opened when the first text is translated.

    Attributes:
        max_input_tokens: Longest segment that is sent whole, in tokens of `count_tokens`.

    Args:
        folder: With model.bin, the vocabulary and the tokenizer's files.
        name: Short name for tables and reports.
        license: SPDX id of the weights, None where not known.
        compute_type: CTranslate2's arithmetic, or `default` for the one it was stored in.
        beam_size: Beam width; 1 is greedy.
        facts: What the model is; read from the folder if absent.

    Raises:
        ModelError: The folder lacks something.
    """

    unit: Literal["sentence", "text"] = "sentence"

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        license: str | None = None,  # noqa: A002 - the protocol's name
        compute_type: str = "default",
        beam_size: int = 1,
        facts: ModelFacts | None = None,
    ) -> None:
        import ctranslate2

        self.name = name
        self.license = license
        self._folder = folder
        self._decoding = Decoding(beam_size)
        tokens = _tokens(folder)
        self._facts = facts or ModelFacts.read(folder) or foreign_facts(folder, tokens)
        self._pieces: Pieces = open_pieces(folder, self._facts, tokens)
        self._pairs = self._pieces.pairs()
        self._engine = Engine(folder, compute_type)
        weights = identity(folder, ("model.bin", "*vocabulary*", *TOKENIZER))
        self._made_of = (
            f"{self._facts.family}:{weights} ctranslate2:{ctranslate2.__version__} {compute_type}"
        )
        self.fingerprint = f"{self._made_of} {self._decoding} {self._facts}"
        self.max_input_tokens = longest_input(self._facts.source_limit, self._facts.output_limit)

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be done differently for want of memory."""
        return self._engine.notes

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) tags the model has."""
        return self._pairs

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts, one result per text, in order.

        Args:
            texts: Sentences; a text longer than the model's limit is cut, and says so.
            source_lang: Tag of their language.
            target_lang: Tag of the language to translate into.

        Raises:
            LanguageError: The model lacks the pair.
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        for results in self.translate_batches(chunks(texts), source_lang, target_lang):
            yield from results

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """Translate batches, one list per batch, in order.

        The engine works on the next ones while the caller has the one that is finished.

        Raises:
            LanguageError: The model lacks the pair.
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        check_pair(self.name, source_lang, target_lang, self._pairs)
        under_way: deque[_Batch] = deque()
        for batch in batches:
            under_way.append(self._start(batch, source_lang, target_lang))
            if len(under_way) > ct2_engine.AHEAD:
                yield self._translations(under_way.popleft())
        while under_way:
            yield self._translations(under_way.popleft())

    def generate(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[Output]:
        """The tokens of each text's translation; a text without tokens has none.

        Raises:
            LanguageError: The model lacks the pair.
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        check_pair(self.name, source_lang, target_lang, self._pairs)
        return self._outputs(self._start(texts, source_lang, target_lang))

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text, without the special ones."""
        return [len(tokens) for tokens in self._pieces.split(texts)]

    def variant(self) -> "CT2Translator":
        """The same model with other decoding; the loaded weights are shared."""
        other = copy(self)
        other._decoding = self._decoding.other()
        other.name = f"{self.name}-{other._decoding.label}"
        other.fingerprint = f"{self._made_of} {other._decoding} {self._facts}"
        return other

    def close(self) -> None:
        """Let go of the model; the next text opens it again."""
        self._engine.close()

    def _start(self, texts: Sequence[str], source_lang: str, target_lang: str) -> "_Batch":
        front, back = self._pieces.frame(source_lang, target_lang)
        room = self._facts.source_limit - len(front) - len(back)
        pieces = self._pieces.split(texts)
        sources = [[*front, *tokens[:room], *back] for tokens in pieces if tokens]
        sizes = [len(tokens) for tokens in pieces]
        options = self._options(target_lang)
        return _Batch(self._engine.start(self.name, sources, options), sizes, room)

    def _options(self, target_lang: str) -> dict[str, Any]:
        facts = self._facts
        return {
            "target_prefix": self._pieces.prefix(target_lang),
            "beam_size": self._decoding.beam_size,
            "length_penalty": facts.length_penalty,
            "repetition_penalty": facts.repetition_penalty,
            "no_repeat_ngram_size": self._decoding.ngram(facts.no_repeat_ngram_size),
            "suppress_sequences": [list(tokens) for tokens in facts.suppressed] or None,
            "max_input_length": 0,
            "min_decoding_length": 0,
            "max_decoding_length": facts.output_limit - 1,
            "return_end_token": True,
        }

    def _outputs(self, batch: "_Batch") -> list[Output]:
        prefix = len(batch.started.options["target_prefix"])
        made = iter(self._engine.finish(batch.started))
        outputs = []
        for size in batch.sizes:
            output = self._finish(next(made)[prefix:]) if size else Output([], truncated=False)
            outputs.append(Output(output.tokens, output.truncated or size > batch.room))
        return outputs

    def _translations(self, batch: "_Batch") -> list[Translation]:
        outputs = self._outputs(batch)
        texts = self._pieces.join([output.tokens for output in outputs])
        return [
            Translation(text, output.truncated) for text, output in zip(texts, outputs, strict=True)
        ]

    def _finish(self, tokens: list[str]) -> Output:
        if tokens and tokens[-1] == END:
            return Output(tokens[:-1], truncated=False)
        return Output(tokens[:-1] if self._facts.forced_end else tokens, truncated=True)


class _Batch(NamedTuple):
    """Texts whose translation has begun.

    Attributes:
        started: Those that have tokens, in the engine.
        sizes: Tokens of each text, special ones not counted.
        room: As many as the model takes.
    """

    started: Started
    sizes: list[int]
    room: int


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in batches, for a caller that has made none."""
    return (texts[start : start + _CHUNK] for start in range(0, len(texts), _CHUNK))


def load(argument: str, config: Translating) -> CT2Translator:
    """The translator of `ct2:DIR`: a folder in CTranslate2's form with its tokenizer's files.

    It computes in the arithmetic it is stored in, unless the settings name another.

    Raises:
        ConfigError: The compute type is not possible here.
        ModelError: The folder is no such model.
    """
    folder = Path(argument).expanduser()
    if not (folder / "model.bin").is_file():
        raise ModelError(
            f"'{argument}' is not a CTranslate2 model: there is no model.bin in it.",
            "Models of transformers need no conversion by hand: use 'm2m100:FOLDER', "
            "'nllb-600m:FOLDER' or 'opus-mt:FOLDER'.",
        )
    chosen = "compute_type" in config.model_fields_set
    if chosen:
        check_compute_type(config.compute_type)
    return CT2Translator(
        folder,
        name=folder.resolve().name,
        compute_type=config.compute_type if chosen else "default",
        beam_size=config.beam_size,
    )


def load_published(
    folder: Path,
    config: Translating,
    *,
    name: str,
    license: str | None = None,  # noqa: A002 - the protocol's name
    pair: tuple[str, str] | None = None,
) -> CT2Translator:
    """The translator of a model in its published file form, converted on first use.

    Args:
        folder: The model's folder, as `babelift.hub.fetch` gives it.
        config: Compute type and beam width.
        name: Short name for tables and reports.
        license: SPDX id of the weights, None where not known.
        pair: The source and target of a Marian model, where its files do not say.

    Raises:
        ConfigError: The compute type is not possible here.
        ModelError: The model cannot be converted.
    """
    ready = converted(folder, config.compute_type, name=name)
    facts = ModelFacts.read(ready)
    return CT2Translator(
        ready,
        name=name,
        license=license,
        compute_type=config.compute_type,
        beam_size=config.beam_size,
        facts=replace(facts, pair=pair) if facts and pair else facts,
    )


def _tokens(folder: Path) -> list[str]:
    for name in ("shared_vocabulary", "target_vocabulary"):
        if (folder / f"{name}.json").is_file():
            return list(json.loads((folder / f"{name}.json").read_text("utf-8")))
        if (folder / f"{name}.txt").is_file():
            return (folder / f"{name}.txt").read_text("utf-8").removesuffix("\n").split("\n")
    raise ModelError(f"'{folder}' has no vocabulary beside model.bin.")


def m2m100(argument: str, config: Translating) -> CT2Translator:
    """The translator of `m2m100` or `m2m100:FOLDER_OR_HUB_ID`."""
    return _load("m2m100", argument, config)


def m2m100_large(argument: str, config: Translating) -> CT2Translator:
    """The translator of `m2m100-1.2b` or `m2m100-1.2b:FOLDER_OR_HUB_ID`."""
    return _load("m2m100-1.2b", argument, config)


def nllb(argument: str, config: Translating) -> CT2Translator:
    """The translator of `nllb-600m` or `nllb-600m:FOLDER_OR_HUB_ID`."""
    return _load("nllb-600m", argument, config)


def _load(name: str, argument: str, config: Translating) -> CT2Translator:
    entry = TRANSLATORS[name]
    folder = fetch(argument or str(entry.hub_id), kind="translator", known=suggestions())
    return load_published(folder, config, name=name, license=license_of(entry, argument))
