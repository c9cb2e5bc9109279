"""OPUS-MT: one small Marian model per pair of languages, through English where there is none."""

import re
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Final

from babelift.config import Translating
from babelift.errors import LanguageError, ModelError
from babelift.hub import MODEL_FILES, fetch, missing, read_json
from babelift.languages import resolve
from babelift.translation.engines.convert import check_compute_type
from babelift.translation.engines.ctranslate2 import CT2Translator, load_published
from babelift.translation.engines.model_files import (
    Decoding,
    identity,
    limits,
    longest_input,
    marian_pair,
)
from babelift.translation.engines.pivot import PIVOT, Pair, PairModel, PivotTranslator
from babelift.translation.segments import MAX_TOKENS

LICENSE: Final = "CC-BY-4.0 AND Apache-2.0"
"""The models' licences: some have one, some the other."""
_INTO_ENGLISH: Final = (
    "af ar az bg bn ca ceb cs da de el eo es et eu fi fr ga gl hi hu hy id is it ja ka ko lv mk "
    "ml mr mt nl pl pt ro ru sk sq sv th tl tr uk ur vi zh"
)
_FROM_ENGLISH: Final = (
    "af ar az bg ca ceb cs cy da de el eo es et eu fi fr ga gl ha he hi ht hu hy id ig ilo is it "
    "ja ko lg ln mg mk ml mr mt nl pt ro ru rw sk sq ss sv sw tl tn tr uk ur vi xh zh"
)
_DIRECT: Final = "de-es de-fr es-de es-fr fr-de fr-es ja-de ja-es ja-fr zh-de"
_IRREGULAR: Final[dict[Pair, str]] = {
    ("en", "ja"): "opus-mt-en-jap",
    ("en", "ko"): "opus-mt-tc-big-en-ko",
    ("en", "pt"): "opus-mt-tc-big-en-pt",
    ("en", "tr"): "opus-mt-tc-big-en-tr",
    ("pt", "en"): "opus-mt-ROMANCE-en",
    ("ro", "en"): "opus-mt-ROMANCE-en",
}


def hub_models() -> dict[Pair, str]:
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


class OpusTranslator(PivotTranslator):
    """Marian models, each fetched, converted and opened when its pair is first translated.

    Args:
        models: Hub id or folder of the model of each (source, target) pair.
        config: Compute type and beam width.
        weights: Identifies the models, as far as it is known without opening them.
        license: SPDX expression, None where not known.
        max_input_tokens: Longest segment that every model takes whole.
    """

    def __init__(
        self,
        models: Mapping[Pair, str | Path],
        config: Translating,
        *,
        weights: str,
        license: str | None,  # noqa: A002 - the protocol's name
        max_input_tokens: int = MAX_TOKENS,
    ) -> None:
        import ctranslate2

        check_compute_type(config.compute_type)
        self._models = dict(models)
        self._config = config
        self._varied = False
        self._made_of = (
            f"opus-mt:{weights} ctranslate2:{ctranslate2.__version__} {config.compute_type}"
        )
        self.fingerprint = f"{self._made_of} {Decoding(config.beam_size)}"
        super().__init__(
            self._models,
            name="opus-mt",
            license=license,
            max_input_tokens=max_input_tokens,
            open_model=self._converted,
        )

    def variant(self) -> "OpusTranslator":
        """The same models with other decoding; they are shared."""
        decoding = Decoding(self._config.beam_size).other()
        other = copy(self)
        other._varied = True
        other.name = f"{self.name}-{decoding.label}"
        other.fingerprint = f"{self._made_of} {decoding}"
        return other

    def _model(self, pair: Pair) -> PairModel:
        model = super()._model(pair)
        return model.variant() if self._varied and isinstance(model, CT2Translator) else model

    def _converted(self, pair: Pair) -> CT2Translator:
        folder = fetch(self._models[pair], kind="translator")
        return load_published(folder, self._config, name="opus-mt-{}-{}".format(*pair), pair=pair)


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


def _folders(folder: Path) -> dict[Pair, Path]:
    models: dict[Pair, Path] = {}
    for path in [folder, *sorted(folder.glob("opus-mt-*"))]:
        if not path.is_dir() or missing(path):
            continue
        settings = read_json(path / "tokenizer_config.json", missing_ok=True)
        pair = _named_pair(path.name) or marian_pair(settings)
        if pair is not None:
            models[pair] = path
    return models


def _named_pair(name: str) -> Pair | None:
    """The pair that a model's published name says, or None."""
    for pair, irregular in _IRREGULAR.items():
        if name == irregular and not irregular.startswith("opus-mt-ROMANCE"):
            return pair
    match = re.fullmatch(r"opus-mt-(?:tc-(?:big|base)-)?([a-z]{2,3})-([a-z]{2,3})", name)
    try:
        return (resolve(match[1]), resolve(match[2])) if match else None
    except LanguageError:
        return None
