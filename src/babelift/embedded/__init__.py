"""What ships inside the package: the small models and a sample of reviews."""

from pathlib import Path
from typing import Final

from babelift.config import FitConfig
from babelift.errors import ModelError

ROOT: Final = Path(__file__).parent
"""The folder that holds them all."""

SAMPLE_LANGUAGES = ("en", "de", "es", "fr", "ja", "zh")


def model_folder(part: str) -> Path:
    """The folder of an embedded model: `encoder`, `translator` or `lexicon`.

    Raises:
        ModelError: It is not there.

    >>> model_folder("reader")
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


def sample_folder() -> Path:
    """The folder of sample reviews: `<lang>.jsonl`, `translations.jsonl`, `CARD.md`.

    >>> (sample_folder() / "en.jsonl").is_file()
    True
    """
    return ROOT / "reviews"


def sample_tables() -> tuple[str, ...]:
    """The sample's tables, one for each of `SAMPLE_LANGUAGES`."""
    return tuple(str(sample_folder() / f"{lang}.jsonl") for lang in SAMPLE_LANGUAGES)


def sample_config(out: Path) -> FitConfig:
    """Settings of a small job on the sample: its English reviews and their trusted translations.

    English reviews without a translation are trained on as they are.

    Args:
        out: Run folder.
    """
    return FitConfig(
        train=sample_tables(),
        from_=("en",),
        to=SAMPLE_LANGUAGES[1:],
        label="stars",
        translator=f"table:{sample_folder() / 'translations.jsonl'}#reference",
        missing="drop",
        encoder="scratch",
        out=out,
    )
