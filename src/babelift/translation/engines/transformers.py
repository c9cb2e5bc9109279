"""Neural translation on transformers' own `generate`, for models that CTranslate2 cannot load.

Slower than `engines.ctranslate2`; which conventions for naming languages it knows stands in
`conventions`.
"""

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from babelift.config import Translating
from babelift.errors import ModelError, TranslationError
from babelift.hub import MODEL_FILES, fetch, open_model, open_tokenizer, read_json
from babelift.languages import LANGUAGES, Language
from babelift.translation.engines.model_files import (
    MOST_TOKENS,
    Decoding,
    identity,
    longest_input,
    marian_pair,
)
from babelift.translation.engines.tokens import clean, marian_codes
from babelift.translation.protocol import Translation, check_pair
from babelift.translation.registry import TRANSLATORS, license_of
from babelift.translation.segments import cut_batches

_BATCH_TOKENS: Final = 1024
_OUTPUT_LIMIT: Final = 200
"""Longest output where a model states none."""
_SOURCE_LIMIT: Final = 1024
"""Longest source where a model states none."""


@dataclass(frozen=True)
class Convention:
    """How a model is told its languages.

    Attributes:
        codes: Token of each language's tag; empty for a model of one pair.
        place: Where the target's token stands: first in the output (`forced`), or first in the
            source (`before`).
        pair: The pair of a model for one.
    """

    codes: dict[str, str]
    place: Literal["forced", "before"] = "forced"
    pair: tuple[str, str] | None = None

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) tags the model has."""
        if self.pair:
            return frozenset([self.pair])
        return frozenset((a, b) for a in self.codes for b in self.codes if a != b)


def convention(tokens: frozenset[str], settings: dict[str, Any]) -> Convention | None:
    """The convention of a model with this vocabulary, or None where none fits.

    Known are `__de__` (M2M100), `deu_Latn` (NLLB), `de_DE` (mBART-50), `<2de>` before the source
    (MADLAD-400), and models of one pair whose settings name it (Marian), with `>>deu<<` before
    the source where they have several targets.

    Args:
        tokens: The tokenizer's vocabulary.
        settings: What tokenizer_config.json holds.

    >>> convention(frozenset(["<2de>", "<2en>", "a"]), {}).place
    'before'
    """
    regional = {token[:2]: token for token in tokens if re.fullmatch(r"[a-z]{2}_[A-Z]{2}", token)}
    forms: list[tuple[Literal["forced", "before"], Callable[[Language], str | None]]] = [
        ("forced", lambda language: f"__{language.m2m100}__"),
        ("forced", lambda language: language.nllb),
        ("forced", lambda language: regional.get(language.tag)),
        ("before", lambda language: f"<2{language.tag}>"),
    ]
    for place, code in forms:
        codes = {item.tag: name for item in LANGUAGES.values() if (name := code(item)) in tokens}
        if len(codes) > 1:
            return Convention({tag: str(name) for tag, name in codes.items()}, place)
    pair = marian_pair(settings)
    if pair is None:
        return None
    chosen = marian_codes(LANGUAGES[pair[1]], tokens)
    return Convention({pair[1]: chosen[0]} if chosen else {}, "before", pair)


def by_length(
    texts: Sequence[str],
    sizes: Sequence[int],
    generate: Callable[[list[int]], Iterable[Translation]],
) -> list[Translation]:
    """The translations of texts that are generated in batches of like length.

    Args:
        texts: Blank ones have an empty translation.
        sizes: Tokens of each.
        generate: Gives the translations of a batch, whose texts' numbers it is given.
    """
    results = [Translation("") for _ in texts]
    filled = [number for number, text in enumerate(texts) if text.strip()]
    for batch in cut_batches(filled, [sizes[number] for number in filled], _BATCH_TOKENS):
        for number, made in zip(batch, generate(batch), strict=True):
            results[number] = made
    return results


class HFTranslator:
    """One sequence-to-sequence model of transformers, in float32.

    Args:
        folder: The model's folder, weights as safetensors.
        name: Short name for tables and reports.
        license: SPDX id of the weights, None where not known.
        beam_size: Beam width; 1 is greedy.

    Attributes:
        max_input_tokens: Longest segment that is sent whole, in tokens of `count_tokens`.

    Raises:
        ModelError: The model cannot be opened, or does not show how it names languages.
    """

    unit: Literal["sentence", "text"] = "sentence"

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        license: str | None = None,  # noqa: A002 - the protocol's name
        beam_size: int = 1,
    ) -> None:
        import torch
        import transformers

        self.name = name
        self.license = license
        self._tokenizer, self._model = _open(folder)
        settings = read_json(folder / "tokenizer_config.json", missing_ok=True)
        languages = convention(self._vocabulary(), settings)
        if languages is None:
            raise ModelError(
                f"'{folder}' does not show how its model names languages.",
                "Known are M2M100, NLLB, mBART-50, MADLAD-400, and models of one pair whose "
                "tokenizer_config.json names source_lang and target_lang.",
            )
        self._convention = languages
        self._pairs = languages.pairs()
        self._published = published = self._model.generation_config
        self._search = Decoding(beam_size)
        self._decoding = _decoding(published, self._search)
        # Marian's own rule: at the limit the end takes the last token's place. It is applied
        # afterwards, so that an output that ended there by itself can be told from one cut.
        self._forced_end = published.forced_eos_token_id is not None
        self._source_limit = _source_limit(self._tokenizer, self._model.config)
        self.max_input_tokens = longest_input(self._source_limit, self._decoding.max_length)
        self._made_of = (
            f"hf:{identity(folder, MODEL_FILES)} transformers:{transformers.__version__} "
            f"torch:{torch.__version__} float32 source:{self._source_limit}"
        )
        self.fingerprint = f"{self._made_of} {_settings(self._decoding)}"

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) tags the model has."""
        return self._pairs

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts, one result per text, in order.

        Raises:
            LanguageError: The model lacks the pair.
            TranslationError: The engine failed.
        """
        check_pair(self.name, source_lang, target_lang, self._pairs)
        sources, cut = self._encode(texts, source_lang, target_lang)

        def generate(batch: list[int]) -> list[Translation]:
            outputs = self._generate([sources[number] for number in batch], target_lang)
            return [
                Translation(text, cut[number] or unfinished)
                for number, (text, unfinished) in zip(batch, outputs, strict=True)
            ]

        yield from by_length(texts, list(map(len, sources)), generate)

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text, without the special ones."""
        encoded = self._tokenizer(
            [clean(text) for text in texts],
            split_special_tokens=True,
            add_special_tokens=False,
            verbose=False,
        )
        return [len(ids) for ids in encoded["input_ids"]]

    def variant(self) -> "HFTranslator":
        """The same model with other decoding; the loaded weights are shared."""
        other = copy(self)
        other._search = self._search.other()
        other._decoding = _decoding(self._published, other._search)
        other.name = f"{self.name}-{other._search.label}"
        other.fingerprint = f"{self._made_of} {_settings(other._decoding)}"
        return other

    def close(self) -> None:
        """Nothing to let go of but memory, which goes with the object."""

    def _vocabulary(self) -> frozenset[str]:
        # An M2M100 tokenizer whose files do not list the language tokens keeps them apart.
        codes = getattr(self._tokenizer, "lang_code_to_token", None) or {}
        return frozenset(self._tokenizer.get_vocab()) | frozenset(codes.values())

    def _encode(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> tuple[list[list[int]], list[bool]]:
        """Source ids, cut to the model's limit, and which were cut."""
        codes, tokenizer = self._convention.codes, self._tokenizer
        if hasattr(tokenizer, "src_lang") and source_lang in codes:
            tokenizer.src_lang = self._language(codes[source_lang])
        before: list[int] = []
        if self._convention.place == "before" and target_lang in codes:
            before = [tokenizer.convert_tokens_to_ids(codes[target_lang])]
        room = self._source_limit - len(before)
        encode = partial(tokenizer, split_special_tokens=True, verbose=False)
        whole = encode([clean(text) for text in texts])["input_ids"] if texts else []
        cut = [len(ids) > room for ids in whole]
        for number in (number for number, long in enumerate(cut) if long):
            short = encode(clean(texts[number]), truncation=True, max_length=room)
            whole[number] = short["input_ids"]
        return [[*before, *ids] for ids in whole], cut

    def _language(self, code: str) -> str:
        """The name a tokenizer's `src_lang` takes: M2M100's is the code without its marks."""
        known: dict[str, str] = getattr(self._tokenizer, "lang_code_to_token", None) or {}
        return next((name for name, token in known.items() if token == code), code)

    def _generate(self, sources: list[list[int]], target_lang: str) -> list[tuple[str, bool]]:
        """The text of each output, and whether it reached the limit."""
        import torch

        batch = self._tokenizer.pad({"input_ids": sources}, return_tensors="pt")
        forced = None
        if self._convention.place == "forced":
            code = self._convention.codes[target_lang]
            forced = self._tokenizer.convert_tokens_to_ids(code)
        # As the model's own: `generate` fills what a given configuration leaves open from it.
        self._model.generation_config = self._decoding
        try:
            with torch.inference_mode():
                outputs = self._model.generate(**batch, forced_bos_token_id=forced)
        except (RuntimeError, ValueError, IndexError) as error:
            raise TranslationError(f"{self.name}: the engine failed: {error}.") from error
        # The start and the language go by place: not every tokenizer knows them as special.
        skip = 1 if forced is None else 2
        rows = [_content(row, self._decoding.pad_token_id) for row in outputs.tolist()]
        unfinished = [self._unfinished(row) for row in rows]
        if self._forced_end:
            rows = [row[:-1] if cut else row for row, cut in zip(rows, unfinished, strict=True)]
        texts = self._tokenizer.batch_decode([row[skip:] for row in rows], skip_special_tokens=True)
        return list(zip((text.strip() for text in texts), unfinished, strict=True))

    def _unfinished(self, row: list[int]) -> bool:
        ends = self._decoding.eos_token_id
        ended = row[-1] in (ends if isinstance(ends, list) else [ends])
        return len(row) >= self._decoding.max_length and not ended


def load(argument: str, config: Translating) -> HFTranslator:
    """The translator of `hf:FOLDER_OR_HUB_ID`.

    Raises:
        ModelError: The model cannot be found, fetched or opened.
    """
    folder = fetch(argument, kind="translator")
    return HFTranslator(
        folder,
        name=argument.rstrip("/").split("/")[-1],
        license=license_of(TRANSLATORS["hf"], argument),
        beam_size=config.beam_size,
    )


def _open(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForSeq2SeqLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tokenizer = open_tokenizer(folder, kind="translator")
        model, _ = open_model(AutoModelForSeq2SeqLM, folder, kind="translator")
    return tokenizer, model


def _decoding(published: Any, search: Decoding) -> Any:
    """The model's own decoding settings, with our search and a stated limit."""
    settings = deepcopy(published)
    settings.num_beams = search.beam_size
    settings.do_sample = False
    settings.max_length = min(settings.max_length or _OUTPUT_LIMIT, MOST_TOKENS)
    if settings.num_return_sequences not in (None, 1):
        settings.num_return_sequences = None
    settings.max_new_tokens = settings.forced_eos_token_id = None
    settings.no_repeat_ngram_size = search.ngram(settings.no_repeat_ngram_size)
    if search.beam_size == 1:
        settings.early_stopping = settings.length_penalty = None
    return settings


def _settings(decoding: Any) -> str:
    return json.dumps(decoding.to_diff_dict(), sort_keys=True, default=str)


def _source_limit(tokenizer: Any, config: Any) -> int:
    positions = getattr(config, "max_position_embeddings", None) or _SOURCE_LIMIT
    return min(int(tokenizer.model_max_length), int(positions), _SOURCE_LIMIT)


def _content(row: list[int], pad: int | None) -> list[int]:
    """The row without its padding; a start token that is the same number stays."""
    end = len(row)
    while end > 1 and row[end - 1] == pad:
        end -= 1
    return row[:end]
