"""What ships inside the package: the small models and a sample of reviews."""

import hashlib
import math
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from babelift.config import FitConfig
from babelift.embedded import packed
from babelift.errors import ModelError
from babelift.store import file_hash

ROOT: Final = Path(__file__).parent
"""The folder that holds them all."""

SAMPLE_LANGUAGES = ("en", "de", "es", "fr", "ja", "zh")


def shipped_folder(part: str) -> Path:
    """The folder of an embedded model, `encoder` or `lexicon`, as it ships.

    Raises:
        ModelError: It is not there.

    >>> shipped_folder("reader")
    Traceback (most recent call last):
    babelift.errors.ModelError: the embedded reader is missing from this installation ...
    """
    folder = ROOT / part
    if not folder.is_dir():
        raise ModelError(
            f"the embedded {part} is missing from this installation (there is no '{folder}').",
            "Install Babelift again, or rebuild the embedded models with 'make models'.",
        )
    return folder


def model_folder(part: str) -> Path:
    """The folder that plain libraries open: the shipped one, or in the cache where it is packed.

    Raises:
        ModelError: It is not there, or cannot be unpacked.
        RunError: The cache cannot be written.
    """
    folder = shipped_folder(part)
    if not (folder / packed.FILE).is_file():
        return folder
    return packed.unpacked(folder, identity(folder))


def sample_folder() -> Path:
    """The folder of sample reviews: `<lang>.jsonl`, `translations.jsonl`, `CARD.md`.

    >>> (sample_folder() / "en.jsonl").is_file()
    True
    """
    return ROOT / "reviews"


def sample_tables() -> tuple[str, ...]:
    """The sample's tables, one for each of `SAMPLE_LANGUAGES`."""
    return tuple(str(sample_folder() / f"{lang}.jsonl") for lang in SAMPLE_LANGUAGES)


def sample_references() -> str:
    """The translator that gives the reference translations of the sample's English reviews."""
    return f"table:{sample_folder() / 'translations.jsonl'}#reference"


def sample_config(out: Path) -> FitConfig:
    """Settings of a small job on the sample: its English reviews and their trusted translations.

    Args:
        out: Run folder.
    """
    return FitConfig(
        train=sample_tables(),
        from_=("en",),
        to=SAMPLE_LANGUAGES[1:],
        label="stars",
        translator=sample_references(),
        encoder="scratch",
        out=out,
    )


FILE = "measurements.json"


class Measurement(BaseModel, frozen=True, extra="allow"):
    """One thing that was measured.

    Attributes:
        what: In words, e.g. `Tatoeba retrieval, German into English`.
        unit: What the values are, e.g. `accuracy`.
        values: By language, pair (`en>de`) or system.
    """

    what: str
    unit: str
    values: dict[str, float]


class Measurements(BaseModel, frozen=True, extra="allow"):
    """What `measurements.json` holds; what else stands there is kept too.

    Attributes:
        of: The `identity` of what was measured.
        command: What measures it again.
        results: What came out.
    """

    of: str
    command: str
    results: list[Measurement]


def describe_part(part: str) -> dict[str, Any]:
    """Place, size and measurements of an embedded model, fit for JSON.

    Measurements are shown only of the very files that lie in the folder.

    Args:
        part: `encoder` or `lexicon`.

    Returns:
        `where` (its folder), `size` in words and `measurements`, the latter two None where there
        are none.

    Raises:
        ModelError: Its measurements cannot be read.
    """
    folder = ROOT / part
    if not folder.is_dir():
        return {"where": "missing from this installation", "size": None, "measurements": None}
    measurements = read_measurements(folder)
    return {
        "where": str(folder),
        "size": size(folder),
        "measurements": measurements.model_dump() if measurements else None,
    }


def identity(folder: Path) -> str:
    """SHA-256 of a model's files, hexadecimal; its card and its measurements do not count."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name not in (FILE, "README.md"):
            digest.update(f"{path.name} {file_hash(path)}\n".encode())
    return digest.hexdigest()


def size(folder: Path) -> str:
    """Number of weights, where they are safetensors, and megabytes on disk."""
    total = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    weights = [folder / name for name in (packed.FILE, "model.safetensors")]
    counted = [f"{count_weights(path) / 1e6:.0f} M weights, " for path in weights if path.is_file()]
    return f"{''.join(counted[:1])}{total / 1e6:.1f} MB"


def count_weights(path: Path) -> int:
    """How many weights a safetensors file holds, packed or not.

    Raises:
        ModelError: It is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    count = 0
    try:
        with safe_open(path, framework="numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118
                tensor = tensors.get_slice(name)
                if not name.endswith(packed.SCALE):
                    count += math.prod(tensor.get_shape()) * (1 + (tensor.get_dtype() == "U8"))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"'{path}' is not a safetensors file: {error}.") from error
    return count


def read_measurements(folder: Path) -> Measurements | None:
    """The measurements of a model's files; None where it has none, or only those of others.

    Raises:
        ModelError: They cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        measurements = Measurements.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(f"'{path}' cannot be read: {error}.") from error
    return measurements if measurements.of == identity(folder) else None
