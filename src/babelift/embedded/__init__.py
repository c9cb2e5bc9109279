"""Data that ships with the package."""

from importlib.resources import files
from pathlib import Path

from babelift.config import FitConfig

SAMPLE_LANGUAGES = ("en", "de", "es", "fr", "ja", "zh")


def sample_folder() -> Path:
    """The folder of sample reviews: `<lang>.jsonl`, `translations.jsonl`, `CARD.md`.

    >>> (sample_folder() / "en.jsonl").is_file()
    True
    """
    return Path(str(files("babelift") / "embedded" / "reviews"))


def sample_config(out: Path) -> FitConfig:
    """Settings of the demo: train on the sample's English reviews and their translations.

    Args:
        out: Run folder.
    """
    folder = sample_folder()
    return FitConfig(
        train=tuple(str(folder / f"{lang}.jsonl") for lang in SAMPLE_LANGUAGES),
        from_=("en",),
        to=SAMPLE_LANGUAGES[1:],
        label="stars",
        translator=f"table:{folder / 'translations.jsonl'}#reference",
        encoder="scratch",
        out=out,
    )
