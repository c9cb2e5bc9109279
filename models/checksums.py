"""A checksum of every embedded file that ships, written or (with `--check`) checked.

`sha256sum --check models/SHA256SUMS` in the root of the repository checks them too.
"""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SUMS: Final = Path("models/SHA256SUMS")
EMBEDDED: Final = Path("src/babelift/embedded")


def checksums(root: Path = ROOT) -> dict[str, str]:
    """SHA-256 of every embedded file by its path in the repository; code is not counted."""
    return {
        path.relative_to(root).as_posix(): _sha256(path)
        for path in sorted((root / EMBEDDED).rglob("*"))
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }


def write(root: Path = ROOT) -> Path:
    """Write `models/SHA256SUMS`, in the form of sha256sum."""
    lines = [f"{digest}  {path}\n" for path, digest in checksums(root).items()]
    file = root / SUMS
    file.write_text("".join(lines), encoding="utf-8")
    return file


def read(root: Path = ROOT) -> dict[str, str]:
    """What `models/SHA256SUMS` says: checksums by path."""
    lines = (root / SUMS).read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split("  ", maxsplit=1) for line in lines)}


def faults(root: Path = ROOT) -> list[str]:
    """What does not agree with `models/SHA256SUMS`, in words; empty where all does."""
    wanted, found = read(root), checksums(root)
    return [
        *(f"{path}: missing" for path in wanted if path not in found),
        *(f"{path}: not in {SUMS.name}" for path in found if path not in wanted),
        *(
            f"{path}: changed"
            for path, digest in found.items()
            if wanted.get(path, digest) != digest
        ),
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if not parser.parse_args().check:
        print(f"written to {write()}")
        return
    found = faults()
    print("\n".join(found) or f"{len(read())} files are as they should be")
    sys.exit(1 if found else 0)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    main()
