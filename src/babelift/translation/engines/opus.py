"""OPUS-MT: one small Marian model per pair of languages, through English where there is none."""

import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Final, Literal

from babelift.config import Translating
from babelift.errors import LanguageError, ModelError
from babelift.hub import MODEL_FILES, fetch, missing, read_json
from babelift.languages import resolve
from babelift.translation.engines.convert import check_compute_type
from babelift.translation.engines.ctranslate2 import CT2Translator, chunks, load_published
from babelift.translation.engines.model_files import (
    Decoding,
    identity,
    limits,
    longest_input,
    marian_pair,
)
from babelift.translation.protocol import Translation, check_pair
from babelift.translation.segments import MAX_TOKENS

LICENSE: Final = "CC-BY-4.0 AND Apache-2.0"
"""The models' licences: some have one, some the other."""
PIVOT: Final = "en"

_Pair = tuple[str, str]

_OPEN: Final = 4
"""Models kept open at a time: two pairs of two hops."""

_INTO_ENGLISH: Final = (
    "af ar az bg bn ca ceb cs da de el eo es et eu fi fr ga gl hi hu hy id is it ja ka ko lv mk "
    "ml mr mt nl pl pt ro ru sk sq sv th tl tr uk ur vi zh"
)
_FROM_ENGLISH: Final = (
    "af ar az bg ca ceb cs cy da de el eo es et eu fi fr ga gl ha he hi ht hu hy id ig ilo is it "
    "ja ko lg ln mg mk ml mr mt nl pt ro ru rw sk sq ss sv sw tl tn tr uk ur vi xh zh"
)
_DIRECT: Final = "de-es de-fr es-de es-fr fr-de fr-es ja-de ja-es ja-fr zh-de"
_IRREGULAR: Final[dict[_Pair, str]] = {
    ("en", "ja"): "opus-mt-en-jap",
    ("en", "ko"): "opus-mt-tc-big-en-ko",
    ("en", "pt"): "opus-mt-tc-big-en-pt",
    ("en", "tr"): "opus-mt-tc-big-en-tr",
    ("pt", "en"): "opus-mt-ROMANCE-en",
    ("ro", "en"): "opus-mt-ROMANCE-en",
}


def hub_models() -> dict[_Pair, str]:
    """The hub id of the published model of each pair that has one.

    >>> hub_models()["en", "ja"], hub_models()["ja", "en"]
    ('Helsinki-NLP/opus-mt-en-jap', 'Helsinki-NLP/opus-mt-ja-en')
    """
    pairs = [(tag, PIVOT) for tag in _INTO_ENGLISH.split()]
    pairs += [(PIVOT, tag) for tag in _FROM_ENGLISH.split()]
    for direct in _DIRECT.split():
        source, target = direct.split("-")
        pairs.append((source, target))
    return {
        pair: f"Helsinki-NLP/{_IRREGULAR.get(pair, 'opus-mt-{}-{}'.format(*pair))}"
        for pair in pairs
    }


class OpusTranslator:
    """Marian models, each fetched, converted and opened when its pair is first translated.

    Args:
        models: Hub id or folder of the model of each (source, target) pair.
        config: Compute type and beam width.
        weights: Identifies the models, as far as it is known without opening them.
        license: SPDX expression, None where not known.
        max_input_tokens: Longest segment that every model takes whole.
    """

    name: str = "opus-mt"
    unit: Literal["sentence", "text"] = "sentence"

    def __init__(
        self,
        models: Mapping[_Pair, str | Path],
        config: Translating,
        *,
        weights: str,
        license: str | None,  # noqa: A002 - the protocol's name
        max_input_tokens: int = MAX_TOKENS,
    ) -> None:
        import ctranslate2

        check_compute_type(config.compute_type)
        self.license = license
        self.max_input_tokens = max_input_tokens
        self._models = dict(models)
        self._config = config
        self._open: OrderedDict[_Pair, CT2Translator] = OrderedDict()
        self._pairs = _reachable(self._models)
        self._varied = False
        self._made_of = (
            f"opus-mt:{weights} ctranslate2:{ctranslate2.__version__} {config.compute_type}"
        )
        self.fingerprint = f"{self._made_of} {Decoding(config.beam_size)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the models had to do differently for want of memory."""
        return tuple(note for model in self._open.values() for note in model.notes)

    def pairs(self) -> frozenset[_Pair]:
        """The (source, target) tags that one model or two can translate."""
        return self._pairs

    def route(self, source_lang: str, target_lang: str) -> list[_Pair]:
        """The hops from one language to another: one, or two through English.

        Raises:
            LanguageError: There is no way.
        """
        if (source_lang, target_lang) in self._models:
            return [(source_lang, target_lang)]
        check_pair(self.name, source_lang, target_lang, self._pairs)
        return [(source_lang, PIVOT), (PIVOT, target_lang)]

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts, one result per text, in order.

        Raises:
            LanguageError: There is no model for the pair.
            ModelError: A model cannot be fetched, converted or opened.
            TranslationError: The engine failed.
        """
        for results in self.translate_batches(chunks(texts), source_lang, target_lang):
            yield from results

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """Translate batches, one list per batch, in order; the models work ahead.

        Raises:
            LanguageError: There is no model for the pair.
            ModelError: A model cannot be fetched, converted or opened.
            TranslationError: The engine failed.
        """
        translated: Iterable[list[Translation]]
        translated = (list(map(Translation, batch)) for batch in batches)
        for hop in self.route(source_lang, target_lang):
            translated = self._hop(translated, hop)
        yield from translated

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text for the first model of the pair.

        Raises:
            LanguageError: There is no model for the pair.
            ModelError: The model cannot be fetched, converted or opened.
        """
        hop = self.route(source_lang, target_lang)[0]
        return self._model(hop).count_tokens(texts, *hop)

    def variant(self) -> "OpusTranslator":
        """The same models with other decoding; they are shared."""
        decoding = Decoding(self._config.beam_size).other()
        other = copy(self)
        other._varied = True
        other.name = f"{self.name}-{decoding.label}"
        other.fingerprint = f"{self._made_of} {decoding}"
        return other

    def close(self) -> None:
        """Let go of every model."""
        while self._open:
            self._open.popitem()[1].close()

    def _hop(self, batches: Iterable[list[Translation]], hop: _Pair) -> Iterator[list[Translation]]:
        """The sources, or another model's translations, translated by the model of one hop."""
        model = self._model(hop)
        if self._varied:
            model = model.variant()
        under_way: deque[list[Translation]] = deque()

        def sources() -> Iterator[list[str]]:
            for batch in batches:
                under_way.append(batch)
                yield [text or "" for text, _ in batch]

        for results in model.translate_batches(sources(), *hop):
            yield [
                Translation(new.text, new.truncated or old.truncated)
                for old, new in zip(under_way.popleft(), results, strict=True)
            ]

    def _model(self, pair: _Pair) -> CT2Translator:
        if pair not in self._open:
            if len(self._open) >= _OPEN:
                self._open.popitem(last=False)[1].close()
            folder = fetch(self._models[pair], kind="translator")
            self._open[pair] = load_published(
                folder, self._config, name="opus-mt-{}-{}".format(*pair), pair=pair
            )
        self._open.move_to_end(pair)
        return self._open[pair]


def load(argument: str, config: Translating) -> OpusTranslator:
    """The translator of `opus-mt` (models from the hub) or `opus-mt:FOLDER`.

    The folder is one Marian model, or holds several, each in a folder named as on the hub:
    `opus-mt-en-de`, `opus-mt-en-jap`.

    Raises:
        ConfigError: The compute type is not possible here.
        ModelError: The folder holds no Marian model.
    """
    if not argument:
        return OpusTranslator(hub_models(), config, weights="published", license=LICENSE)
    folder = Path(argument).expanduser()
    models = _folders(folder)
    if not models:
        raise ModelError(
            f"'{argument}' holds no OPUS-MT model whose languages are known.",
            "Give the folder of one Marian model (its tokenizer_config.json names source_lang and "
            "target_lang), or one that holds folders such as opus-mt-en-de.",
        )
    contents = {path: identity(path, MODEL_FILES)[:16] for path in models.values()}
    weights = ",".join(f"{a}>{b}:{contents[path]}" for (a, b), path in sorted(models.items()))
    longest = min(longest_input(*limits(path)) for path in models.values())
    return OpusTranslator(models, config, weights=weights, license=None, max_input_tokens=longest)


def _folders(folder: Path) -> dict[_Pair, Path]:
    models: dict[_Pair, Path] = {}
    for path in [folder, *sorted(folder.glob("opus-mt-*"))]:
        if not path.is_dir() or missing(path):
            continue
        settings = read_json(path / "tokenizer_config.json", missing_ok=True)
        pair = _named_pair(path.name) or marian_pair(settings)
        if pair is not None:
            models[pair] = path
    return models


def _named_pair(name: str) -> _Pair | None:
    """The pair that a model's published name says, or None."""
    for pair, irregular in _IRREGULAR.items():
        if name == irregular and not irregular.startswith("opus-mt-ROMANCE"):
            return pair
    match = re.fullmatch(r"opus-mt-(?:tc-(?:big|base)-)?([a-z]{2,3})-([a-z]{2,3})", name)
    try:
        return (resolve(match[1]), resolve(match[2])) if match else None
    except LanguageError:
        return None


def _reachable(models: Mapping[_Pair, object]) -> frozenset[_Pair]:
    into = [source for source, target in models if target == PIVOT]
    out = [target for source, target in models if source == PIVOT]
    hops = {(source, target) for source in into for target in out if source != target}
    return frozenset(hops | set(models))
