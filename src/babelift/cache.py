"""Where finished translations and converted models are kept."""

import os
from pathlib import Path

from babelift.errors import ConfigError


def cache_dir() -> Path:
    """The cache folder: `BABELIFT_CACHE`, else the platform's own, made if it is missing.

    Raises:
        ConfigError: The folder cannot be made.
    """
    from platformdirs import user_cache_path

    chosen = os.environ.get("BABELIFT_CACHE")
    folder = Path(chosen).expanduser() if chosen else user_cache_path("babelift")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cache folder '{folder}' cannot be made: {error.strerror or error}.",
            "Point BABELIFT_CACHE at a folder that can be written.",
        ) from error
    return folder
