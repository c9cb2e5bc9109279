"""Apertium's modes: which there are, what processes they run, and what identifies them."""

import hashlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from babelift.errors import TranslationError
from babelift.translation.engines import apertium_tagger
from babelift.translation.engines.table import Pair

PROGRAM: Final = "apertium-wblank-mode"
"""Prints the processes of a mode."""

MODES: Final[dict[Pair, tuple[str, ...]]] = {
    ("en", "es"): ("eng-spa",),
    ("es", "en"): ("spa-eng",),
    ("es", "fr"): ("es-fr",),
    ("fr", "es"): ("fr-es",),
    ("en", "fr"): ("eng-spa", "es-fr"),
    ("fr", "en"): ("fr-es", "spa-eng"),
}
"""Each pair's modes; where there is no direct one, by way of Spanish."""

_FORMAT: Final = "apertium/1"
"""Part of the fingerprint; to be raised when `stream` changes what is sent or read."""


def data_folder(program: str) -> Path:
    """Where Apertium's data are: `APERTIUM_DATADIR`, else beside its program."""
    chosen = os.environ.get("APERTIUM_DATADIR")
    return Path(chosen) if chosen else Path(program).parents[1] / "share" / "apertium"


def mode_file(folder: Path, mode: str) -> Path:
    """The file of a mode."""
    return folder / "modes" / f"{mode}.mode"


def environment() -> dict[str, str]:
    """The environment of Apertium's programs, which read and write UTF-8 only where it says so."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def stages(mode: Path) -> list[list[str]]:
    """The argument lists of a mode's processes, told to flush at NUL and not to mark words.

    Raises:
        TranslationError: The mode cannot be read.
    """
    done = subprocess.run(
        [PROGRAM, "-z", str(mode)],
        capture_output=True, text=True, encoding="utf-8", env=environment(), check=False,
    )  # fmt: skip
    if done.returncode != 0 or not done.stdout.strip():
        raise TranslationError(f"{PROGRAM} cannot read {mode}: {done.stderr.strip()}")
    # A mode is a line of shell with two parameters: how to generate words, the tagger's option.
    line = done.stdout.replace("$1", "-n").replace("$2", "")
    words = shlex.shlex(line, posix=True, punctuation_chars="|")
    words.whitespace_split = True
    chain: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            chain.append([])
        else:
            chain[-1].append(word)
    return [_without_memory(stage) for stage in chain]


def _without_memory(stage: list[str]) -> list[str]:
    if Path(stage[0]).name != "apertium-tagger":
        return stage
    return [sys.executable, "-I", "-S", apertium_tagger.__file__, *stage]


def fingerprint(folder: Path, modes: Sequence[str]) -> str:
    """Identifies the programs' versions and the content of the modes and of all files they name."""
    digest = hashlib.sha256(f"{_FORMAT}\n{_engine()}\n".encode())
    for mode in modes:
        content = mode_file(folder, mode).read_text(encoding="utf-8")
        digest.update(f"{mode}\n{content}\n".encode())
        for path in sorted(set(re.findall(r"'([^']+)'", content))):
            if Path(path).is_file():
                digest.update(Path(path).read_bytes())
    return f"{_FORMAT}:{digest.hexdigest()[:16]}"


def _engine() -> str:
    """Versions of the programs: their packages' where Debian tells, else what they say."""
    packages = ("apertium", "apertium-lex-tools", "lttoolbox")
    for command in (["dpkg-query", "-W", *packages], ["apertium", "-V"]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return done.stdout
    return ""
