"""Neural translation on CTranslate2: M2M100, NLLB and Marian models.

One model per folder; `babelift.translate.opus` puts one Marian model per pair together.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from babelift.config import Translating
from babelift.errors import ModelError, TranslationError
from babelift.hub import TOKENIZER
from babelift.translate.convert import check_compute_type, converted
from babelift.translate.decoding import Decoding, longest_input
from babelift.translate.facts import ModelFacts, foreign_facts
from babelift.translate.identity import identity
from babelift.translate.pairs import check_pair
from babelift.translate.pieces import END, Pieces, open_pieces
from babelift.translate.protocol import Translation

_BATCH_TOKENS: Final = 1024
"""Source tokens in one step of the engine: enough for a core, and several steps for several."""
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
        self._engine = _Engine(folder, compute_type)
        weights = identity(folder, ("model.bin", "*vocabulary*", *TOKENIZER))
        self._made_of = (
            f"{self._facts.family}:{weights} ctranslate2:{ctranslate2.__version__} {compute_type}"
        )
        self.fingerprint = f"{self._made_of} {self._decoding} {self._facts}"
        self.max_input_tokens = longest_input(self._facts.source_limit, self._facts.output_limit)

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
        check_pair(self.name, source_lang, target_lang, self._pairs)
        for start in range(0, len(texts), _CHUNK):
            outputs = self.generate(texts[start : start + _CHUNK], source_lang, target_lang)
            found = self._pieces.join([output.tokens for output in outputs])
            for text, output in zip(found, outputs, strict=True):
                yield Translation(text, output.truncated)

    def generate(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[Output]:
        """The tokens of each text's translation; a text without tokens has none.

        Raises:
            LanguageError: The model lacks the pair.
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        check_pair(self.name, source_lang, target_lang, self._pairs)
        front, back = self._pieces.frame(source_lang, target_lang)
        room = self._facts.source_limit - len(front) - len(back)
        pieces = self._pieces.split(texts)
        outputs = [Output([], truncated=False)] * len(texts)
        filled = [number for number, tokens in enumerate(pieces) if tokens]
        sources = [[*front, *pieces[number][:room], *back] for number in filled]
        for number, tokens in zip(filled, self._run(sources, target_lang), strict=True):
            output = self._finish(tokens)
            cut = output.truncated or len(pieces[number]) > room
            outputs[number] = Output(output.tokens, cut)
        return outputs

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

    def _run(self, sources: list[list[str]], target_lang: str) -> list[list[str]]:
        """The output tokens after the target language, the end included where it was reached."""
        if not sources:
            return []
        prefix = self._pieces.prefix(target_lang)
        facts = self._facts
        engine = self._engine.open(self.name)
        try:
            # The engine itself sorts by length, longest first, and gives the results in order.
            results = engine.translate_batch(
                sources,
                target_prefix=[prefix] * len(sources) if prefix else None,
                max_batch_size=_BATCH_TOKENS,
                batch_type="tokens",
                beam_size=self._decoding.beam_size,
                length_penalty=facts.length_penalty,
                repetition_penalty=facts.repetition_penalty,
                no_repeat_ngram_size=self._decoding.ngram(facts.no_repeat_ngram_size),
                suppress_sequences=[list(tokens) for tokens in facts.suppressed] or None,
                max_input_length=0,
                min_decoding_length=0,
                max_decoding_length=facts.output_limit - 1,
                return_end_token=True,
            )
        except (RuntimeError, ValueError) as error:
            raise TranslationError(f"{self.name}: the engine failed: {error}.") from error
        return [result.hypotheses[0][len(prefix) :] for result in results]

    def _finish(self, tokens: list[str]) -> Output:
        if tokens and tokens[-1] == END:
            return Output(tokens[:-1], truncated=False)
        return Output(tokens[:-1] if self._facts.forced_end else tokens, truncated=True)


class _Engine:
    """The loaded weights; opened when they are first asked for."""

    def __init__(self, folder: Path, compute_type: str) -> None:
        self._folder = folder
        self._compute_type = compute_type
        self._loaded: Any = None

    def open(self, name: str) -> Any:
        import ctranslate2

        if self._loaded is None:
            inter, intra = _threads()
            try:
                with _torch_threads_kept():
                    self._loaded = ctranslate2.Translator(
                        str(self._folder),
                        compute_type=self._compute_type,
                        inter_threads=inter,
                        intra_threads=intra,
                    )
            except (RuntimeError, ValueError) as error:
                raise ModelError(
                    f"{name}: '{self._folder}' cannot be opened: {error}.",
                    "If Babelift made the folder, delete it; it is made again.",
                ) from error
        return self._loaded

    def close(self) -> None:
        self._loaded = None


@contextmanager
def _torch_threads_kept() -> Iterator[None]:
    """Undo what opening an engine does to torch: both share OpenMP's number of threads."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


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


def _threads() -> tuple[int, int]:
    """Translations at a time and threads of each: OMP_NUM_THREADS, else all cores we may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    cores = int(asked) if asked.isdigit() and int(asked) > 0 else _cores()
    inter = min(cores, 4)
    return inter, cores // inter


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
