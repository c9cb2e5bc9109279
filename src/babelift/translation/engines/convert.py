"""Published translation models to CTranslate2's form, once, kept in the cache."""

import errno
import logging
import re
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from babelift.errors import ConfigError, ModelError, did_you_mean, first_line
from babelift.hub import (
    MODEL_FILES,
    TOKENIZER,
    check,
    open_model,
    read_json,
    without_progress_bars,
)
from babelift.progress import shown
from babelift.store import cache_dir, cached_folder
from babelift.translation.engines.model_files import (
    Family,
    identity,
    model_family,
    published_settings,
)
from babelift.translation.engines.tokens import sentencepiece_model

COMPUTE_TYPES: Final = (
    "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16",
    "float32",
)  # fmt: skip
"""What CTranslate2 can store and compute with; a processor supports some of them."""

_log = logging.getLogger(__name__)


def converted(folder: Path, compute_type: str, *, name: str) -> Path:
    """The folder of a model in CTranslate2's form, made on first use.

    The result is keyed by the contents of the model's files, the compute type and CTranslate2's
    version. It appears in one step: a process that is killed leaves nothing that looks finished,
    and of two processes one waits for the other.

    Args:
        folder: A model in its published file form, with safetensors weights.
        compute_type: One of `COMPUTE_TYPES`.
        name: What to call it, in the folder's name.

    Returns:
        A folder with model.bin, the vocabulary, the tokenizer's files and `ModelSettings`.

    Raises:
        ConfigError: The compute type is not known or not supported here.
        ModelError: The model is of no known kind or its files are damaged, or it cannot be kept.
    """
    import ctranslate2

    check_compute_type(compute_type)
    home = cache_dir() / "models" / "ct2"
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "model"
    key = f"{plain}-{identity(folder, MODEL_FILES)[:16]}-{compute_type}-{ctranslate2.__version__}"
    target = home / key

    def convert(place: Path) -> None:
        say = progress.say if (progress := shown()) else _log.info
        say(f"converting {name} to {compute_type} for CTranslate2, once")
        _convert(folder, place, compute_type)

    try:
        return cached_folder(target, convert)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise ModelError(
            f"{'the disk is full' if full else str(error)}: '{name}' cannot be kept in {home}.",
            "Make room, or point BABELIFT_CACHE at a folder with more.",
        ) from error


def device() -> str:
    """`cuda` where CTranslate2 sees a GPU, else `cpu`."""
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def check_compute_type(compute_type: str, possible: Collection[str] | None = None) -> None:
    """Refuse a compute type that is not known or that this processor lacks.

    Args:
        compute_type: As in `COMPUTE_TYPES`.
        possible: Those that can be used; what CTranslate2 says of this machine if absent.

    Raises:
        ConfigError: Names those that are possible.

    >>> check_compute_type("int7", ["float32", "int16", "int8", "int8_float32"])
    Traceback (most recent call last):
    babelift.errors.ConfigError: compute_type 'int7' is not known; did you mean 'int8'?
    Possible here: float32, int16, int8, int8_float32.
    """
    import ctranslate2

    if possible is None:
        possible = sorted(ctranslate2.get_supported_compute_types(device()))
    if compute_type in possible:
        return
    known = compute_type in COMPUTE_TYPES
    problem = "not supported here" if known else "not known"
    near = "" if known else did_you_mean(compute_type, possible)
    raise ConfigError(
        f"compute_type '{compute_type}' is {problem}{near}",
        f"Possible here: {', '.join(possible)}.",
    )


def vocabulary(folder: Path) -> list[str]:
    """The tokens of a published model in the order of its ids, language tokens included.

    They are read from the tokenizer's files, not asked of a transformers tokenizer: its version
    5 forgets the language tokens of an M2M100 tokenizer whose files do not list them.

    Raises:
        ModelError: The files do not give exactly the tokens that the model has weights for.
    """
    config = read_json(folder / "config.json")
    family = model_family(folder, config)
    tokens = _in_order(folder, _ids(folder, family))
    size = int(config.get("vocab_size") or 0)
    if family == "madlad" and "<2en>" not in tokens:
        raise ModelError(
            f"'{folder}' is a T5 model, but not MADLAD-400: it has no tokens such as <2en>.",
            f"Run it with transformers: 'hf:{folder}'.",
        )
    if family != "marian":
        tokens += [f"madeupword{number}" for number in range(size - len(tokens))]
    elif tokens[-1] != "<pad>" or config.get("share_encoder_decoder_embeddings") is False:
        raise ModelError(
            f"'{folder}' is a Marian model whose vocabulary CTranslate2 cannot take (padding is "
            "not its last token, or each side has its own).",
            f"Run it with transformers: 'hf:{folder}'.",
        )
    if len(tokens) != size or len(set(tokens)) != size:
        raise ModelError(
            f"'{folder}': its tokenizer has {len(set(tokens))} tokens, its model {size}.",
            "The tokenizer's files and the weights do not belong together.",
        )
    return tokens


def _convert(folder: Path, target: Path, compute_type: str) -> None:
    try:
        check(folder)
        tokens = vocabulary(folder)
        settings = published_settings(folder, tokens)
        with without_progress_bars():
            names = _Vocabulary(tokens, read_json(folder / "config.json").get("pad_token_id"))
            _converter(folder, names).convert(str(target), quantization=compute_type)
    except ModelError as error:
        raise ModelError(f"'{folder}' cannot be converted: {error.message}", error.hint) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk; what transformers says of missing files has no number
        raise ModelError(
            f"'{folder}' cannot be converted for CTranslate2: {first_line(error)}.",
            "If its files are whole, run it with transformers: 'hf:FOLDER_OR_HUB_ID'.",
        ) from error
    for name in (*TOKENIZER, "tokenizer_config.json"):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
    settings.write(target)


def _converter(folder: Path, tokens: "_Vocabulary") -> Any:
    """CTranslate2's converter, made to open safetensors only and to take our vocabulary."""
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):  # type: ignore[misc]
        def load_model(self, model_class: Any, name: str, **options: Any) -> Any:
            del options["config"]  # it is read again, as every other model's is
            return open_model(model_class, Path(name), kind="translator", **options)[0]

        def load_tokenizer(self, tokenizer_class: Any, name: str, **options: Any) -> _Vocabulary:
            return tokens

    return Converter(str(folder))


class _Vocabulary:
    """As much of a tokenizer as CTranslate2's converter asks for."""

    bos_token = "<s>"
    eos_token = "</s>"
    unk_token = "<unk>"
    num_madeup_words = 0

    def __init__(self, tokens: Sequence[str], pad: int | None) -> None:
        self._tokens = tokens
        self.pad_token = tokens[pad] if pad is not None and pad < len(tokens) else "<pad>"
        self.unk_token_id = tokens.index(self.unk_token)
        self.special_tokens_map: dict[str, Any] = {}

    def get_vocab(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self._tokens)}

    def convert_ids_to_tokens(self, number: int) -> str:
        return self._tokens[number]


def _ids(folder: Path, family: Family) -> dict[str, int]:
    """The ids of the tokens in a tokenizer's files."""
    if family == "marian":
        return read_json(folder / "vocab.json")
    if family == "madlad":
        pieces = sentencepiece_model(folder / "spiece.model")
        return {pieces.id_to_piece(number): number for number in range(pieces.get_piece_size())}
    if family == "nllb":
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(with_added_tokens=True)
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    tokens = dict(read_json(folder / "vocab.json"))
    tokenizer = read_json(folder / "tokenizer_config.json", missing_ok=True)
    for code in FAIRSEQ_LANGUAGE_CODES[tokenizer.get("language_codes", "m2m100")]:
        tokens.setdefault(f"__{code}__", len(tokens))
    return tokens


def _in_order(folder: Path, ids: dict[str, int]) -> list[str]:
    tokens = sorted(ids, key=ids.__getitem__)
    if [ids[token] for token in tokens] != list(range(len(tokens))) or "<unk>" not in ids:
        raise ModelError(f"'{folder}': the ids of its tokenizer's tokens are not 0, 1, 2, ...")
    return tokens
