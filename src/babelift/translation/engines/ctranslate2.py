"""Neural translation on CTranslate2: M2M100, NLLB, MADLAD-400 and Marian models.

One model per folder; `babelift.translation.engines.opus` puts one Marian model per pair together.
"""

import json
import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from babelift.config import Translating
from babelift.errors import ModelError, TranslationError, first_line
from babelift.hub import TOKENIZER, check, fetch
from babelift.translation.engines.convert import check_compute_type, converted, device
from babelift.translation.engines.model_files import (
    Decoding,
    ModelSettings,
    check_model_bin,
    foreign_settings,
    identity,
    longest_input,
)
from babelift.translation.engines.restricted import NAMES, RULES, SAMPLE, Restriction
from babelift.translation.engines.tokens import END, Pieces, open_pieces
from babelift.translation.protocol import InBatches, Translation, check_pair
from babelift.translation.registry import TRANSLATORS, license_of, suggestions

STEP_TOKENS: Final = 1024
"""Source tokens in one step of the engine: enough for a core, and several steps for several."""

AHEAD: Final = 2
"""Batches handed to the engine before the one that is waited for has come back."""

_NO_MEMORY: Final = re.compile(r"out of memory|failed to allocated? memory|alloc_failed", re.I)
"""What CTranslate2, MKL, CUDA and cuBLAS say in a RuntimeError; C++'s own is a MemoryError."""


@dataclass(frozen=True, slots=True)
class Started:
    """Sources that the engine has been given.

    Attributes:
        name: What to call the translator in an error.
        sources: Their tokens, none empty.
        options: Arguments of CTranslate2's `translate_batch`.
        restricted: The model's folder with a vocabulary map, None for the whole vocabulary.
        step: Source tokens in one step.
        results: What comes back, one per source; or the error that starting them ended in.
    """

    name: str
    sources: Sequence[list[str]]
    options: Mapping[str, Any]
    restricted: Path | None
    step: int
    results: Sequence[Any] | MemoryError


class Engine:
    """The loaded weights, and how much they are given at a time.

    Where memory runs out in a step, what was in it is given again in steps of half the tokens, as
    is all that comes later.

    Args:
        folder: A model in CTranslate2's form.
        compute_type: CTranslate2's arithmetic.

    Attributes:
        step: Source tokens in one step.
        notes: A sentence about steps that were made smaller, where they were.
    """

    def __init__(self, folder: Path, compute_type: str) -> None:
        self.step = STEP_TOKENS
        self.notes: tuple[str, ...] = ()
        self._folder = folder
        self._compute_type = compute_type
        self._loaded: Any = None
        self._opened: Path | None = None

    def start(
        self,
        name: str,
        sources: Sequence[list[str]],
        options: Mapping[str, Any],
        restricted: Path | None = None,
    ) -> Started:
        """Hand over sources without waiting for their translations.

        Args:
            name: What to call the translator in an error.
            sources: Their tokens, none empty.
            options: Arguments of `translate_batch`; `target_prefix` is the prefix of each source.
            restricted: The model's folder with a vocabulary map, from which it is opened once more.

        Raises:
            ModelError: The model cannot be opened.
            TranslationError: The engine failed.
        """
        if not sources:
            return Started(name, sources, options, restricted, self.step, ())
        engine = self._open(name, restricted)
        prefix = options["target_prefix"]
        results: Sequence[Any] | MemoryError
        try:
            # The engine itself sorts by length, longest first, and gives the results in order.
            results = engine.translate_batch(
                list(sources),
                **{**options, "target_prefix": [prefix] * len(sources) if prefix else None},
                use_vmap=restricted is not None,
                max_batch_size=self.step,
                batch_type="tokens",
                asynchronous=True,
            )
        except MemoryError as error:
            results = error
        except (RuntimeError, ValueError) as error:
            raise _failed(name, error) from error
        return Started(name, sources, options, restricted, self.step, results)

    def finish(self, started: Started) -> list[list[str]]:
        """Wait for the output tokens of each source.

        Raises:
            TranslationError: The engine failed, or a source alone does not fit in memory.
        """
        sources = started.sources
        outputs: list[list[str]] = [[]] * len(sources)
        left = list(range(len(sources)))
        while left:
            failed = []
            for place, number in enumerate(left):
                try:
                    outputs[number] = _result(started, place)
                except (MemoryError, RuntimeError, ValueError) as error:
                    if not is_out_of_memory(error):
                        raise _failed(started.name, error) from error
                    failed.append(number)
                    reason = error
            left = failed
            if left:
                again = [sources[number] for number in left]
                self._give_less(started, min(map(len, again)), reason)
                started = self.start(started.name, again, started.options, started.restricted)
        return outputs

    def close(self) -> None:
        """Let go of the weights; waits for what has been started."""
        self._loaded = self._opened = None

    def _give_less(self, failed: Started, shortest: int, reason: BaseException) -> None:
        """Halve the steps, unless each held one source already."""
        if failed.step < 2 * shortest:
            raise TranslationError(
                f"{failed.name}: memory ran out on a single text of {shortest} tokens: {reason}.",
                "Close other programs, use a smaller model, or a narrower --beam-size.",
            ) from reason
        self.step = min(self.step, failed.step // 2)
        self.notes = (
            f"{failed.name}: memory ran out, so it was given {self.step} tokens at a time instead "
            f"of {STEP_TOKENS}; nothing was lost.",
        )

    def _open(self, name: str, restricted: Path | None = None) -> Any:
        import ctranslate2

        if restricted not in (None, self._opened):
            self.close()
        if self._loaded is None:
            self._opened = restricted or self._folder
            inter, intra = threads()
            try:
                with _torch_threads_kept():
                    self._loaded = ctranslate2.Translator(
                        str(self._opened),
                        device=device(),
                        compute_type=self._compute_type,
                        inter_threads=inter,
                        intra_threads=intra,
                        max_queued_batches=-1,  # how much is under way is bounded by AHEAD
                    )
            except (MemoryError, RuntimeError, ValueError) as error:
                raise ModelError(
                    f"{name}: '{self._folder}' cannot be opened: {error}.",
                    "It does not fit in memory: close other programs or use a smaller model."
                    if is_out_of_memory(error)
                    else "If Babelift made the folder, delete it; it is made again.",
                ) from error
        return self._loaded


class Output(NamedTuple):
    """What the model made of one text.

    Attributes:
        tokens: The output's tokens, without the target language and the end.
        truncated: The source was cut to the model's limit, or the output reached it.
    """

    tokens: list[str]
    truncated: bool


class CT2Translator(InBatches):
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
        settings: What the model is; read from the folder if absent.
        restricted: A model of many languages chooses among the target's tokens alone, where that
            comes out alike; see `babelift.translation.engines.restricted`.

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
        settings: ModelSettings | None = None,
        restricted: bool = False,
    ) -> None:
        import ctranslate2

        self.name = name
        self.license = license
        self._folder = folder
        self._decoding = Decoding(beam_size)
        check(folder, "translator")
        check_model_bin(folder / "model.bin")
        tokens = _vocabulary(folder)
        settings = settings or ModelSettings.read(folder) or foreign_settings(folder, tokens)
        self._settings = settings
        self._pieces: Pieces = open_pieces(folder, settings, tokens)
        self._pairs = self._pieces.pairs()
        self._engine = Engine(folder, compute_type)
        weights = identity(folder, ("model.bin", "*vocabulary*", *TOKENIZER))
        engine = f"ctranslate2:{ctranslate2.__version__} {compute_type}"
        self._made_of = f"{settings.family}:{weights} {engine}"
        self.fingerprint = f"{self._made_of} {self._decoding} {settings}"
        self._restriction: Restriction | None = None
        if restricted and settings.pair is None:
            self._restriction = Restriction(folder, tokens, self._pieces.silent)
            self.fingerprint += f" vmap:{RULES}"
        self.max_input_tokens = longest_input(settings.source_limit, settings.output_limit)

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be done differently for want of memory, and what a smaller vocabulary did."""
        restricted = self._restriction.notes(self.name) if self._restriction else ()
        return (*self._engine.notes, *restricted)

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) tags the model has."""
        return self._pairs

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
            if len(under_way) > AHEAD:
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
        other._restriction = None  # few texts, which went wrong once
        other.name = f"{self.name}-{other._decoding.label}"
        other.fingerprint = f"{self._made_of} {other._decoding} {self._settings}"
        return other

    def close(self) -> None:
        """Let go of the model; the next text opens it again."""
        self._engine.close()

    def _start(self, texts: Sequence[str], source_lang: str, target_lang: str) -> "_Batch":
        front, back = self._pieces.frame(source_lang, target_lang)
        room = self._settings.source_limit - len(front) - len(back)
        pieces = self._pieces.split(texts)
        filled = [number for number, tokens in enumerate(pieces) if tokens]
        sources = [[*front, *pieces[number][:room], *back] for number in filled]
        few = [
            place for place, number in enumerate(filled)
            if self._takes_few(texts[number], pieces[number], source_lang, target_lang)
        ]  # fmt: skip
        if few and not self._comes_out_alike(sources, few, source_lang, target_lang):
            few = []
        rest = sorted({*range(len(sources))} - {*few})
        parts = []
        for places, restricted in ((rest, False), (few, True)):
            if places:
                given = [sources[place] for place in places]
                started = self._begin(given, source_lang, target_lang, restricted=restricted)
                parts.append((places, started))
        sizes = [len(tokens) for tokens in pieces]
        return _Batch(parts, sizes, room, len(self._pieces.prefix(target_lang)))

    def _takes_few(self, text: str, pieces: list[str], source_lang: str, target_lang: str) -> bool:
        """Whether the target's own tokens are enough for a text."""
        restriction = self._restriction
        return bool(restriction and restriction.takes(text, pieces, source_lang, target_lang))

    def _comes_out_alike(
        self, sources: Sequence[list[str]], few: list[int], source_lang: str, target_lang: str
    ) -> bool:
        """Whether what has been tried both ways came out alike; now and then more is tried."""
        restriction = self._restriction
        assert restriction
        pair = source_lang, target_lang
        if restriction.is_due(*pair):
            front, back = self._pieces.frame(*pair)
            names = [[*front, *tokens, *back] for tokens in self._pieces.split(NAMES) if tokens]
            sample = [*(sources[place] for place in few[:: -(-len(few) // SAMPLE)]), *names]
            begun = [self._begin(sample, *pair, restricted=part) for part in (False, True)]
            restriction.judge(*pair, *map(self._engine.finish, begun))
        return not restriction.fails(*pair)

    def _begin(
        self,
        sources: Sequence[list[str]],
        source_lang: str,
        target_lang: str,
        restricted: bool = False,
    ) -> Started:
        folder = None
        if restricted and self._restriction:
            folder = self._restriction.folder(source_lang, target_lang)
        return self._engine.start(self.name, sources, self._options(target_lang), folder)

    def _options(self, target_lang: str) -> dict[str, Any]:
        settings = self._settings
        return {
            "target_prefix": self._pieces.prefix(target_lang),
            "beam_size": self._decoding.beam_size,
            "length_penalty": settings.length_penalty,
            "repetition_penalty": settings.repetition_penalty,
            "no_repeat_ngram_size": self._decoding.ngram(settings.no_repeat_ngram_size),
            "suppress_sequences": [list(tokens) for tokens in settings.suppressed] or None,
            "max_input_length": 0,
            "min_decoding_length": 0,
            "max_decoding_length": settings.output_limit - 1,
            "return_end_token": True,
        }

    def _outputs(self, batch: "_Batch") -> list[Output]:
        made: dict[int, list[str]] = {}
        for places, started in batch.parts:
            made.update(zip(places, self._engine.finish(started), strict=True))
        tokens = iter([made[place] for place in sorted(made)])
        outputs = []
        for size in batch.sizes:
            output = next(tokens)[batch.prefix :] if size else [END]
            ended = output[-1:] == [END]
            whole = output[:-1] if ended or self._settings.forced_end else output
            outputs.append(Output(whole, not ended or size > batch.room))
        return outputs

    def _translations(self, batch: "_Batch") -> list[Translation]:
        outputs = self._outputs(batch)
        texts = self._pieces.join([output.tokens for output in outputs])
        return [
            Translation(text, output.truncated) for text, output in zip(texts, outputs, strict=True)
        ]


class _Batch(NamedTuple):
    """Texts whose translation has begun.

    Attributes:
        parts: Those that have tokens, in the engine, with their places among each other.
        sizes: Tokens of each text, special ones not counted.
        room: As many as the model takes.
        prefix: Tokens that every output begins with.
    """

    parts: list[tuple[list[int], Started]]
    sizes: list[int]
    room: int
    prefix: int


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
        restricted=config.output_vocabulary == "target",
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
    settings = ModelSettings.read(ready)
    return CT2Translator(
        ready,
        name=name,
        license=license,
        compute_type=config.compute_type,
        beam_size=config.beam_size,
        settings=replace(settings, pair=pair) if settings and pair else settings,
        restricted=config.output_vocabulary == "target",
    )


def _vocabulary(folder: Path) -> list[str]:
    for name in ("shared_vocabulary", "target_vocabulary"):
        if (folder / f"{name}.json").is_file():
            return _tokens(folder / f"{name}.json")
        if (folder / f"{name}.txt").is_file():
            return (folder / f"{name}.txt").read_text("utf-8").removesuffix("\n").split("\n")
    raise ModelError(f"'{folder}' has no vocabulary beside model.bin.")


def _tokens(path: Path) -> list[str]:
    try:
        tokens = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"'{path}' cannot be read: {first_line(error)}.") from error
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ModelError(f"'{path}' must hold a JSON list of texts.")
    return tokens


def _load(name: str, argument: str, config: Translating) -> CT2Translator:
    entry = TRANSLATORS[name]
    folder = fetch(argument or str(entry.hub_id), kind="translator", known=suggestions())
    return load_published(folder, config, name=name, license=license_of(entry, argument))


m2m100 = partial(_load, "m2m100")
"""The translator of `m2m100` or `m2m100:FOLDER_OR_HUB_ID`."""

m2m100_large = partial(_load, "m2m100-1.2b")
"""The translator of `m2m100-1.2b` or `m2m100-1.2b:FOLDER_OR_HUB_ID`."""

nllb = partial(_load, "nllb-600m")
"""The translator of `nllb-600m` or `nllb-600m:FOLDER_OR_HUB_ID`."""

nllb_large = partial(_load, "nllb-1.3b")
"""The translator of `nllb-1.3b` or `nllb-1.3b:FOLDER_OR_HUB_ID`."""

madlad = partial(_load, "madlad-3b")
"""The translator of `madlad-3b` or `madlad-3b:FOLDER_OR_HUB_ID`."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of the engine says that memory ran out.

    >>> is_out_of_memory(RuntimeError("mkl_malloc: failed to allocate memory"))
    True
    >>> is_out_of_memory(RuntimeError("CUDA failed with error out of memory"))
    True
    >>> is_out_of_memory(RuntimeError("CUDA failed with error invalid argument"))
    False
    """
    return isinstance(error, MemoryError) or bool(_NO_MEMORY.search(str(error)))


def threads() -> tuple[int, int]:
    """Translations at a time and threads of each: OMP_NUM_THREADS, else all cores we may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    cores = int(asked) if asked.isdigit() and int(asked) > 0 else _cores()
    inter = min(cores, 4)
    return inter, cores // inter


def _result(started: Started, place: int) -> list[str]:
    if isinstance(started.results, MemoryError):
        raise started.results
    tokens: list[str] = started.results[place].result().hypotheses[0]
    return tokens


def _failed(name: str, error: BaseException) -> TranslationError:
    return TranslationError(f"{name}: the engine failed: {error}.")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
