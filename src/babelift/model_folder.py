"""A model's folder: judged before anything of it is opened, and opened in one way.

A folder may come from anybody. Its files are small before they are read, its numbers stay within
what its weights hold, its tokenizer's rules end, and no code of it is run.
"""

import json
import logging as levels
import math
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from babelift.errors import ModelError, first_line, quoted
from babelift.tokenizer_checks import sentencepiece_fault, tokenizer_fault

WEIGHTS: Final = ("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json")
TOKENIZER: Final = (
    "tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "sentencepiece.bpe.model",
    "spiece.model", "spm.model", "tokenizer.model", "source.spm", "target.spm", "target_vocab.json",
)  # fmt: skip
POOLING: Final = "1_Pooling/config.json"
"""How a sentence encoder makes one vector of the last layer's: the only file below the top."""

MODEL_FILES: Final = (
    *WEIGHTS,
    *TOKENIZER,
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    POOLING,
)
"""What is fetched of a model: never pickled weights, other frameworks' files or examples."""

CONVERT_YOURSELF: Final = (
    "Where you trust the file, convert it once with transformers: "
    "AutoModel.from_pretrained(NAME).save_pretrained(FOLDER), save its tokenizer there too, "
    "and give Babelift the folder."
)
_PICKLED: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_CONVERTED: Final = ("model.bin", "*vocabulary.json", "*vocabulary.txt", "babelift.json")
"""What CTranslate2 reads, and what Babelift writes beside it."""

_TOKENIZER_BYTES: Final = 64 * 2**20
"""The largest that is published, Gemma's tokenizer.json, has 33 MB."""
_SETTINGS_BYTES: Final = 16 * 2**20
_LAYERS: Final = 512
_SIZE: Final = 2**17
_NUMBER: Final = 2**24
_TABLE: Final = 2**24
"""Most numbers in a table of positions that no weights hold: it is computed one by one."""
_LIST: Final = 4096
_ADDED_TOKENS: Final = 2**15
"""Gemma 3 has 6,415; each takes a fraction of a millisecond to add."""
_NO_LIMIT: Final = 1_000_000
_SURPLUS: Final = 2**26
"""Numbers that a model may have beyond its weights: a head, a layer, a table of positions."""
_DAMAGED: Final = "A file is damaged, or the folder's files do not belong together; fetch it again."

_IS_LAYERS: Final = re.compile(r"layers?$|layer_(num|count)|depth|(blocks|groups|experts|stages)$")
_IS_SIZE: Final = re.compile(
    r"size|dim|d_model|d_ff|d_kv|hidden|vocab|embd|embed|head|inner|ffn|labels|channels|kernel"
)
_IS_FREE: Final = re.compile(r"theta|base|_id$|_ids$|seed")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file's name is one of some shell patterns."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def missing(folder: Path) -> list[str]:
    """What a folder lacks to be a model, in words; an empty list where it is whole."""
    lacks = []
    if not (folder / "config.json").is_file():
        lacks.append("config.json")
    if not weight_files(folder):
        lacks.append("model.safetensors")
    if not any((folder / name).is_file() for name in TOKENIZER):
        lacks.append("the tokenizer's files")
    return lacks


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model's folder, in order; empty where one is missing."""
    single = folder / "model.safetensors"
    if single.is_file():
        return [single]
    try:
        index = read_json(folder / "model.safetensors.index.json")
        names = sorted(set(index["weight_map"].values()))
        inside = all(Path(name).name == name and name.endswith(".safetensors") for name in names)
    except (ModelError, KeyError, AttributeError, TypeError):
        return []
    files = [folder / name for name in names]
    return files if inside and all(file.is_file() for file in files) else []


def read_json(path: Path, *, missing_ok: bool = False) -> dict[str, Any]:
    """A JSON object from a model's folder.

    Raises:
        ModelError: The file is missing, too large, nested too deep, or is no JSON object.
    """
    if missing_ok and not path.is_file():
        return {}
    try:
        _check_size(path.name, path.stat().st_size)
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"'{path}' cannot be read: {first_line(error)}.") from error
    if not isinstance(values, dict):
        raise ModelError(f"'{path}' must hold a JSON object.")
    return values


def _constant(name: str) -> float:
    if name == "NaN":  # it passes every comparison that should stop it
        raise ValueError("a value is NaN, which is no number")
    return float(name)


def checked(folder: Path, kind: str) -> Path:
    """The folder, if it holds a model that may be opened.

    Raises:
        ModelError: It lacks something, or `check` refuses it.
    """
    lacks = missing(folder)
    if not lacks:
        check(folder, kind)
        return folder
    pickled = sorted(path.name for path in folder.iterdir() if matches(path.name, _PICKLED))
    if pickled and "model.safetensors" in lacks:
        raise ModelError(
            f"{kind} '{folder}' has its weights only as {pickled[0]}, a pickle file; Babelift "
            "opens safetensors only.",
            CONVERT_YOURSELF,
        )
    raise ModelError(
        f"{kind} '{folder}' lacks {', '.join(lacks)}.",
        "A model's folder is what 'save_pretrained' of its model and its tokenizer writes.",
    )


def check(folder: Path, kind: str = "model") -> None:
    """Judge a model's folder without opening the model: sizes, links, numbers, rules, code.

    What was judged once is not judged again until a file changes.

    Raises:
        ModelError: Names the file, what is wrong with it, and what is allowed.
    """
    try:
        state = []
        files = [
            path for path in folder.iterdir() if matches(path.name, (*MODEL_FILES, *_CONVERTED))
        ]
        if (folder / POOLING).is_symlink() or (folder / POOLING).exists():
            files.append(folder / POOLING)
        for path in sorted(files):
            name = path.relative_to(folder).as_posix()
            status = _file_status(path, name, folder.resolve())
            state.append((name, status.st_size, status.st_mtime_ns, status.st_ino))
        _check_contents(folder, tuple(state))
        if (folder / "adapter_config.json").exists():
            raise ModelError(
                "it holds an adapter (PEFT), which names another model to open.",
                "Merge it into its model first: merge_and_unload(), then save_pretrained.",
            )
    except ModelError as error:
        raise ModelError(
            f"{kind} '{folder}' cannot be opened: {error.message}", error.hint
        ) from error


def _file_status(path: Path, name: str, folder: Path) -> Any:
    """The state of a file, if it is one, and none that leads out of the folder.

    The hub's cache is made of links, within the cache.
    """
    in_cache = folder.parent.name == "snapshots" and folder.parents[1].name.startswith("models--")
    try:
        real = path.resolve(strict=True)
        status = real.stat()
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{name} cannot be read: {first_line(error)}.") from error
    if not real.is_relative_to(folder.parents[2] if in_cache else folder):
        raise ModelError(
            f"{name} is a link that leads out of the folder, to '{real}'.",
            "Where you trust it, copy the folder with what its links mean: 'cp -rL'.",
        )
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{name} is no regular file.")
    if not name.endswith((".safetensors", "model.bin")):
        _check_size(name, status.st_size)
    return status


def _check_size(name: str, size: int) -> None:
    is_table = name in TOKENIZER or "vocabulary" in name
    most = _TOKENIZER_BYTES if is_table else _SETTINGS_BYTES
    if size > most:
        raise ModelError(f"{name} has {size:,} bytes, more than {most:,}.", _DAMAGED)


@lru_cache(maxsize=64)
def _check_contents(folder: Path, state: tuple[Any, ...]) -> None:
    config = read_json(folder / "config.json", missing_ok=True)
    tokenizer = read_json(folder / "tokenizer_config.json", missing_ok=True)
    _check_code("config.json", config)
    _check_code("tokenizer_config.json", tokenizer)
    longest = tokenizer.get("model_max_length")
    if not (longest is None or isinstance(longest, int | float)):
        raise ModelError(
            f"tokenizer_config.json says model_max_length {quoted(str(longest), 40)}, and it must "
            "be a number.",
            _DAMAGED,
        )
    if weight_files(folder):
        shapes = weight_shapes(folder)
        widest = max((max(shape) for shape in shapes.values() if shape and all(shape)), default=0)
        for key, value in _numbers(config):
            most = _most(key, len(shapes), widest)
            if most is not None and value > most:
                raise ModelError(
                    f"config.json says {key} {quoted(str(value), 40)}, and there can be at most "
                    f"{most:,}.",
                    _DAMAGED,
                )
    rules = read_json(folder / "tokenizer.json", missing_ok=True)
    for added in (tokenizer.get("added_tokens_decoder"), rules.get("added_tokens")):
        if isinstance(added, dict | list) and len(added) > _ADDED_TOKENS:
            raise ModelError(
                f"its tokenizer adds {len(added):,} tokens to those it has learnt, more than "
                f"{_ADDED_TOKENS:,}."
            )
    faults = {"tokenizer.json": tokenizer_fault(rules)}
    pieces = [folder / name for name in TOKENIZER if name.endswith((".model", ".spm"))]
    faults |= {path.name: sentencepiece_fault(path) for path in pieces if path.is_file()}
    for name, fault in faults.items():
        if fault:
            raise ModelError(
                f"{name} cannot be used: {fault}.", "Take the tokenizer from another source."
            )


def _check_code(name: str, values: dict[str, Any]) -> None:
    for key in ("auto_map", "attn_implementation", "_attn_implementation"):
        value = values.get(key)
        if value and (key == "auto_map" or "/" in str(value)):
            raise ModelError(
                f"{name} asks for code of its own ({key}: {quoted(str(value), 80)}), and Babelift "
                "runs no code that comes with a model.",
                "Choose a model that transformers knows by itself. Where it knows this one, take "
                f"{key} out of the file.",
            )


def _numbers(config: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Every whole number of the settings with its key, those of parts of the model included."""
    waiting: list[tuple[str, Any]] = list(config.items())
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, list):
            if len(value) > _LIST:
                raise ModelError(
                    f"config.json lists {len(value):,} values for {key}, more than {_LIST:,}.",
                    _DAMAGED,
                )
            waiting.extend((key, item) for item in value)
        elif isinstance(value, dict):
            if key not in ("id2label", "label2id", "task_specific_params"):
                waiting.extend(value.items())
        elif isinstance(value, int):
            yield key, value


def _most(key: str, tensors: int, widest: int) -> int | None:
    """The largest number that a setting may have, given the weights; None for any."""
    if _IS_LAYERS.search(key):
        return min(_LAYERS, tensors)
    if _IS_FREE.search(key):
        return None
    if _IS_SIZE.search(key) and "position" not in key:
        return max(_SIZE, widest)
    return _NUMBER


def weight_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in a folder's weights, from the files' headers.

    Raises:
        ModelError: A file is no safetensors file, or its header and its size do not agree.
    """
    from safetensors import safe_open

    shapes = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 - it is no dictionary
                    shapes[name] = tuple(file.get_slice(name).get_shape())
        except Exception as error:  # safetensors' own type, and what the system says
            raise ModelError(
                f"{path.name} is damaged: {first_line(error)}.", "Fetch or copy it again."
            ) from error
    return shapes


def open_model(
    model_class: Any, folder: Path, *, kind: str = "model", **options: Any
) -> tuple[Any, dict[str, Any]]:
    """Open a model of transformers from a folder; the one way in which Babelift does it.

    Only safetensors weights are read, no code that comes with a model is run, the network is not
    asked, and a model is only built where its weights are there to fill it.

    Args:
        model_class: Such as `transformers.AutoModel`.
        folder: What `save_pretrained` wrote.
        kind: What it is for, in error messages.
        options: More for `from_pretrained`; `dtype` is float32 if absent.

    Returns:
        The model, in evaluation mode and on the CPU, and what was missing or did not fit, by kind,
        as transformers' `output_loading_info` has it.

    Raises:
        ModelError: It cannot be opened, or `check` refuses it.
    """
    from transformers import AutoConfig

    dtype = options.pop("dtype", "float32")
    config, rest = _from_pretrained(AutoConfig, folder, kind, return_unused_kwargs=True, **options)
    # How attention is computed, and whether compiled, is this machine's matter, not the folder's.
    config._attn_implementation = None
    if hasattr(config, "reference_compile"):
        config.reference_compile = False
    _check_extent(model_class, config, folder, kind)
    values = {"dtype": dtype, **rest, "use_safetensors": True, "output_loading_info": True}
    model, report = _from_pretrained(model_class, folder, kind, config=config, **values)
    return model, report


def _check_extent(model_class: Any, config: Any, folder: Path, kind: str) -> None:
    """Build the model without its numbers, to count how many it would have."""
    import torch

    held = sum(map(math.prod, weight_shapes(folder).values()))
    most = 2 * held + _SURPLUS  # twice: input and output words may share theirs
    extent = (getattr(config, "max_position_embeddings", None) or 0) * (
        getattr(config, "hidden_size", None) or 0
    )
    if hasattr(type(config), "rope_parameters") or extent <= max(_TABLE, held):
        try:
            with torch.random.fork_rng(devices=()), torch.device("meta"), quietly():
                model = getattr(model_class, "from_config", model_class)(config)
        except Exception as error:
            raise _not_opened(folder, kind, error) from error
        extent = sum(t.numel() for part in (model.parameters(), model.buffers()) for t in part)
        if extent <= most:
            return
    raise ModelError(
        f"{kind} '{folder}' cannot be opened: config.json describes a model of {extent:,} "
        f"numbers, but its weights hold {held:,}.",
        _DAMAGED,
    )


def open_tokenizer(folder: Path, *, kind: str = "model") -> Any:
    """Open a tokenizer of transformers from a folder, under the same rules as `open_model`.

    Raises:
        ModelError: It cannot be opened, or `check` refuses it.
    """
    from transformers import AutoTokenizer

    tokenizer = _from_pretrained(AutoTokenizer, folder, kind)
    # It would write down how it was opened: a resumed training's folder would not be the same.
    for how in ("is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(how, None)
    return tokenizer


def open_config(folder: Path, *, kind: str = "model") -> Any:
    """Open the settings of a model of transformers, under the same rules as `open_model`.

    Raises:
        ModelError: They cannot be opened, or `check` refuses them.
    """
    from transformers import AutoConfig

    return _from_pretrained(AutoConfig, folder, kind)


def longest_text(model: Any, tokenizer: Any) -> int | None:
    """Most tokens in a text, special ones included; None where nothing limits it.

    Raises:
        ModelError: There is no room for a single token.
    """
    # Tokenizers without a limit of their own say 1e30.
    longest = int(min(tokenizer.model_max_length, most_positions(model) or _NO_LIMIT))
    special = tokenizer.num_special_tokens_to_add()
    if longest <= special:
        raise ModelError(
            f"model '{tokenizer.name_or_path}' takes texts of {longest} tokens, and {special} are "
            "special ones: nothing of a text is left.",
            "Check model_max_length in tokenizer_config.json and max_position_embeddings in "
            "config.json.",
        )
    return longest if longest < _NO_LIMIT else None


def most_positions(model: Any) -> int | None:
    """Tokens that a model has positions for, whatever its tokenizer says; None for any number."""
    positions = getattr(model.config, "max_position_embeddings", None)
    return positions - _reserved_positions(model, positions) if positions else None


def _reserved_positions(model: Any, positions: int) -> int:
    """Positions that no token may take: RoBERTa's kin count from behind the padding's number."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and module.num_embeddings == positions:
            return 0 if module.padding_idx is None else int(module.padding_idx) + 1
    return 0


def _from_pretrained(auto_class: Any, folder: Path, kind: str, **options: Any) -> Any:
    check(folder, kind)
    try:
        with quietly():
            return auto_class.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **options
            )
    except BaseException as error:
        # transformers raises whatever the damage happens to cause; a panic in Rust is no Exception.
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise _not_opened(folder, kind, error) from error


def _not_opened(folder: Path, kind: str, error: BaseException) -> ModelError:
    return ModelError(
        f"{kind} '{folder}' cannot be opened: {first_line(error)}.",
        "A folder needs config.json, model.safetensors and the tokenizer's files, as "
        "save_pretrained writes them; code inside a model's folder is never run.",
    )


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from warning of what Babelift checks itself, and from drawing bars."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity(levels.ERROR)
    try:
        with without_progress_bars():
            yield
    finally:
        logging.set_verbosity(level)


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing bars while it loads or saves a model."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
