"""What a model's own files say about it: family, limits, languages; and how it is searched."""

import contextlib
import hashlib
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Self

from pydantic import TypeAdapter

from babelift.errors import LanguageError, ModelError, RunError, first_line, quoted
from babelift.languages import resolve
from babelift.model_folder import matches, read_json
from babelift.store import cache_dir, file_hash, write_text
from babelift.translation.segments import MAX_TOKENS

_REMEMBER_FROM: Final = 8 * 2**20
"""Bytes from which a file's hash is kept; below it, hashing costs less than looking it up."""


def identity(folder: Path, patterns: Sequence[str]) -> str:
    """A hash of the names and contents of a folder's files that match one of the patterns.

    Args:
        folder: A model's folder.
        patterns: Shell patterns of file names, e.g. `model.safetensors`.

    Returns:
        64 hexadecimal digits.
    """
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and matches(path.name, patterns):
            whole.update(f"{path.name} {remembered_hash(path)}\n".encode())
    return whole.hexdigest()


def remembered_hash(path: Path) -> str:
    """SHA-256 of a file, remembered for large files until their size or time of change differs."""
    real = path.resolve()
    state = real.stat()
    if state.st_size < _REMEMBER_FROM:
        return file_hash(real)
    seen = {"path": str(real), "size": state.st_size, "changed": state.st_mtime_ns}
    folder = cache_dir() / "models" / "hashes"
    note = folder / f"{hashlib.sha256(str(real).encode()).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError, AttributeError):
        kept = json.loads(note.read_text(encoding="utf-8"))
        if {key: kept.get(key) for key in seen} == seen:
            return str(kept["sha256"])
    digest = file_hash(real)
    with contextlib.suppress(RunError):
        write_text(json.dumps({**seen, "sha256": digest}), note)
    return digest


_VERSIONS: Final = range(4, 7)
"""Layouts of model.bin that are understood here."""
_ITEM_BYTES: Final = (4, 1, 2, 4, 2, 2)
"""Of float32, int8, int16, int32, float16 and bfloat16, in the order of CTranslate2's numbers."""


def positions(path: Path) -> int | None:
    """The rows of the model's table of positions, or None where it has none or is not readable."""
    try:
        shapes = _variables(path)
    except (OSError, ValueError):
        return None
    tables = [s for name, s in shapes if name.endswith("position_encodings/encodings") and s]
    return min((shape[0] for shape in tables), default=None)


def check_model_bin(path: Path) -> None:
    """Refuse a model.bin whose variables have not the sizes that their shapes need.

    CTranslate2 makes room for what the shape says before it looks for the values.

    Raises:
        ModelError: Names the file and what is wrong.
    """
    try:
        _variables(path)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"'{path}' is damaged: {error}.", "If Babelift made the folder, delete it."
        ) from error


def _variables(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    """Name and shape of each variable of a model in CTranslate2's form.

    The layout is that of `ModelSpec.save` in CTranslate2: version, name, revision, and then each
    variable's name, shape, type and values. A layout that is not known here gives nothing.

    Raises:
        ValueError: The file does not hold what it announces.
    """
    shapes = []
    size = path.stat().st_size
    try:
        with path.open("rb") as stream:
            (version,) = struct.unpack("I", stream.read(4))
            if version not in _VERSIONS:
                return []
            _name(stream)
            _, variables = struct.unpack("II", stream.read(8))
            for _ in range(variables):
                name = _name(stream)
                (rank,) = struct.unpack("B", stream.read(1))
                shape = struct.unpack(f"{rank}I", stream.read(4 * rank))
                kind, length = struct.unpack("=BI", stream.read(5))
                if math.prod(shape) * _ITEM_BYTES[kind] != length:
                    raise ValueError(f"{name} has {length:,} bytes for the shape {shape}")
                if stream.seek(length, 1) > size:
                    raise ValueError(f"it ends within {name}")
                shapes.append((name, shape))
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise ValueError("it is not in CTranslate2's form") from error
    return shapes


def _name(stream: BinaryIO) -> str:
    (length,) = struct.unpack("H", stream.read(2))
    return stream.read(length).rstrip(b"\0").decode()


Family = Literal["m2m100", "nllb", "marian", "madlad"]

_FILE: Final = "babelift.json"
_OUTPUT_LIMIT: Final[dict[Family, int]] = {"m2m100": 200, "nllb": 200, "marian": 200, "madlad": 512}
"""Longest output where a model states none; transformers' own for T5, 20, is made for no one."""
MOST_TOKENS: Final = 4096
"""Of a text that any model takes or gives: an output that never ends would go on up to here."""
_SOURCE_LIMIT: Final[dict[Family, int]] = {
    "m2m100": 1024,
    "nllb": 1024,
    "marian": 512,
    "madlad": 512,
}


@dataclass(frozen=True)
class ModelSettings:
    """What must be known to run a model as its authors meant it.

    Attributes:
        family: How text becomes tokens and how languages are named.
        source_limit: Most source tokens, language and end tokens included.
        output_limit: Most output tokens as `generate` counts them: the start token, the target
            language and the end included.
        forced_end: An output that reaches the limit has its last token replaced by the end.
        no_repeat_ngram_size: No run of this many tokens may occur twice; 0 for no limit.
        repetition_penalty: Above 1, tokens that occurred are made less likely.
        length_penalty: Exponent of the length in beam search.
        suppressed: Sequences of tokens that are never produced.
        pair: Source and target tag of a model for one pair.
    """

    family: Family
    source_limit: int
    output_limit: int = _OUTPUT_LIMIT["m2m100"]
    forced_end: bool = False
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0
    length_penalty: float = 1.0
    suppressed: tuple[tuple[str, ...], ...] = ()
    pair: tuple[str, str] | None = None

    def __str__(self) -> str:
        """For a fingerprint; memories know the type by its first name."""
        return repr(self).replace("ModelSettings", "ModelFacts", 1)

    def write(self, folder: Path) -> None:
        """Write them beside a converted model."""
        (folder / _FILE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What was written beside a converted model, or None."""
        if not (folder / _FILE).is_file():
            return None
        try:
            settings = TypeAdapter(cls).validate_python(read_json(folder / _FILE))
            for limit in (settings.source_limit, settings.output_limit):
                if not 0 < limit <= MOST_TOKENS:
                    raise ValueError(f"a text of {limit} tokens; possible are 1 to {MOST_TOKENS}")
            return settings
        except ValueError as error:  # pydantic's too
            raise ModelError(
                f"'{folder / _FILE}' is not what this version writes: {first_line(error)}.",
                "Delete the folder; it is made again from the model.",
            ) from error


def published_settings(folder: Path, tokens: list[str]) -> ModelSettings:
    """The settings of a model in its published file form.

    Args:
        folder: With config.json and, where there are, generation_config.json and
            tokenizer_config.json.
        tokens: The vocabulary in the order of its ids.

    Raises:
        ModelError: A file is not readable JSON, or the model's kind is not known.
    """
    return _settings_of(folder, *_settings(folder), tokens)


def limits(folder: Path) -> tuple[int, int]:
    """The source and the output limit of a model in its published file form, as in `ModelSettings`.

    Raises:
        ModelError: A file is not readable JSON, or the model's kind is not known.
    """
    return _limits(folder, *_settings(folder))


def _settings(folder: Path) -> tuple[Family, int, dict[str, Any]]:
    """A model's family, its positions, and how it generates: older models say it in config.json."""
    config = read_json(folder / "config.json")
    generation = {**config, **read_json(folder / "generation_config.json", missing_ok=True)}
    family = model_family(folder, config)
    room = _number(config, "max_position_embeddings", _SOURCE_LIMIT[family])
    return family, room, generation


def _limits(folder: Path, family: Family, room: int, generation: dict[str, Any]) -> tuple[int, int]:
    tokenizer = read_json(folder / "tokenizer_config.json", missing_ok=True)
    # transformers writes 1e30 where a tokenizer states no limit.
    source = min(room, _number(tokenizer, "model_max_length", room), MOST_TOKENS)
    return source, min(room, _number(generation, "max_length", _OUTPUT_LIMIT[family]), MOST_TOKENS)


def _number(values: dict[str, Any], key: str, absent: int) -> int:
    value = values.get(key) or absent
    if not isinstance(value, int | float) or value < 1:
        raise ModelError(f"{key} must be a number above 0. Got {quoted(str(value), 40)}.")
    return int(min(value, 2**31))


def foreign_settings(folder: Path, tokens: list[str]) -> ModelSettings:
    """The settings of a model that was converted by another program.

    Args:
        folder: With the tokenizer's files and, if they were copied too, generation_config.json
            and tokenizer_config.json.
        tokens: The vocabulary in the order of its ids.

    Raises:
        ModelError: The folder does not show which family the model is of.
    """
    family: Family
    if (folder / "source.spm").is_file():
        family = "marian"
    elif "__en__" in tokens and (folder / "sentencepiece.bpe.model").is_file():
        family = "m2m100"
    elif "eng_Latn" in tokens and (folder / "tokenizer.json").is_file():
        family = "nllb"
    elif "<2en>" in tokens and (folder / "spiece.model").is_file():
        family = "madlad"
    else:
        raise ModelError(
            f"'{folder}' is a CTranslate2 model, but not with the tokenizer of M2M100, NLLB, "
            "MADLAD-400 or Marian beside it.",
            "Copy the tokenizer's files of the model it was converted from into the folder: "
            "sentencepiece.bpe.model (M2M100), tokenizer.json (NLLB), spiece.model "
            "(MADLAD-400), or source.spm, target.spm and tokenizer_config.json (Marian).",
        )
    limit = min(_SOURCE_LIMIT[family], positions(folder / "model.bin") or _SOURCE_LIMIT[family])
    # A Marian model's own settings, where they were not copied, are these.
    usual = {"max_length": limit, "forced_eos_token_id": 0} if family == "marian" else {}
    generation = {**usual, **read_json(folder / "generation_config.json", missing_ok=True)}
    return _settings_of(folder, family, limit, generation, tokens)


def _settings_of(
    folder: Path, family: Family, limit: int, generation: dict[str, Any], tokens: list[str]
) -> ModelSettings:
    tokenizer = read_json(folder / "tokenizer_config.json", missing_ok=True)
    source_limit, output_limit = _limits(folder, family, limit, generation)
    return ModelSettings(
        family=family,
        source_limit=source_limit,
        output_limit=output_limit,
        forced_end=generation.get("forced_eos_token_id") is not None,
        no_repeat_ngram_size=int(generation.get("no_repeat_ngram_size") or 0),
        repetition_penalty=float(generation.get("repetition_penalty") or 1.0),
        length_penalty=float(generation.get("length_penalty") or 1.0),
        suppressed=_suppressed(generation, tokens),
        pair=marian_pair(tokenizer) if family == "marian" else None,
    )


def model_family(folder: Path, config: dict[str, Any]) -> Family:
    """Which family the model of a published folder is of.

    Raises:
        ModelError: None of those known here.
    """
    kind = config.get("model_type")
    if kind == "marian":
        return "marian"
    if kind == "m2m_100" and (folder / "vocab.json").is_file():
        return "m2m100"
    if kind == "m2m_100" and (folder / "tokenizer.json").is_file():
        return "nllb"
    if kind == "t5" and (folder / "spiece.model").is_file():
        return "madlad"
    raise ModelError(
        f"'{folder}' holds a model of type '{kind}'; known here are m2m_100 (M2M100 and NLLB, "
        "with their tokenizer's files), t5 (MADLAD-400, with spiece.model) and marian.",
        "Other translation models of transformers run with 'hf:FOLDER_OR_HUB_ID'.",
    )


def marian_pair(tokenizer: dict[str, Any]) -> tuple[str, str] | None:
    """Source and target tag that a Marian tokenizer's settings name, or None."""
    try:
        return resolve(str(tokenizer["source_lang"])), resolve(str(tokenizer["target_lang"]))
    except (KeyError, LanguageError):
        return None


def _suppressed(generation: dict[str, Any], tokens: list[str]) -> tuple[tuple[str, ...], ...]:
    """Token sequences never produced; padding needs no mention, CTranslate2 does not know it."""
    banned = [list(ids) for ids in generation.get("bad_words_ids") or ()]
    banned += [[number] for number in generation.get("suppress_tokens") or ()]
    pad = generation.get("pad_token_id")
    return tuple(
        tuple(tokens[number] for number in ids)
        for ids in banned
        if ids and ids != [pad] and all(0 <= number < len(tokens) for number in ids)
    )


_BEAM: Final = 5
_NO_REPEAT: Final = 3


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the output is searched for, beside the model's own rules.

    Attributes:
        beam_size: Beam width; 1 is greedy.
        no_repeat_ngram_size: No run of this many tokens may occur twice; 0 for no limit.
    """

    beam_size: int = 1
    no_repeat_ngram_size: int = 0

    @property
    def label(self) -> str:
        """What to add to a translator's name: `beam5`, `greedy`."""
        return "greedy" if self.beam_size == 1 else f"beam{self.beam_size}"

    def other(self) -> "Decoding":
        """What to try where this gave a faulty output.

        Greedy search runs into loops that a beam avoids, and a beam prefers outputs that end too
        soon, which greedy search does not. Either way, loops are forbidden the second time; by a
        rule on runs, as a penalty on single tokens would change sound sentences too.

        >>> Decoding(1).other().label, Decoding(4).other().label
        ('beam5', 'greedy')
        """
        return Decoding(_BEAM if self.beam_size == 1 else 1, _NO_REPEAT)

    def ngram(self, own: int | None) -> int:
        """The stricter of this limit and the model's own.

        >>> Decoding().ngram(4), Decoding().other().ngram(None), Decoding().other().ngram(2)
        (4, 3, 2)
        """
        return min((size for size in (self.no_repeat_ngram_size, own) if size), default=0)

    def __str__(self) -> str:
        """For a fingerprint: what is at its default is left out."""
        rule = f" ngram:{self.no_repeat_ngram_size}" if self.no_repeat_ngram_size else ""
        return f"beam:{self.beam_size}{rule}"


def longest_input(source_limit: int, output_limit: int) -> int:
    """The most tokens of a segment that is sent whole, special ones not counted.

    A translation may have half as many tokens again as its source, and must fit too.

    >>> longest_input(1024, 200), longest_input(512, 512)
    (133, 256)
    """
    return max(1, min(MAX_TOKENS, source_limit - 2, output_limit * 2 // 3))
