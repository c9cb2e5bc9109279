"""Two text files side by side: one text per line in one, its label in the other."""

from pathlib import Path
from typing import Final

import polars as pl

from babelift.corpus.files import UNDECODABLE, decode, read_bytes, readable
from babelift.corpus.raw import ROW, Raw
from babelift.corpus.rejects import Reject
from babelift.errors import DataError

TEXTS: Final = "_text.txt"
LABELS: Final = "_labels.txt"


def read_text_and_labels(path: Path) -> Raw:
    """Read `train_text.txt` with the `train_labels.txt` beside it, as UMSAB is published.

    Raises:
        DataError: The other file is missing, or the two have different numbers of lines.
    """
    name = path.name.removesuffix(".gz")
    packed = path.name.removeprefix(name)
    if not name.endswith(TEXTS):
        meant = name.removesuffix(LABELS) + TEXTS if name.endswith(LABELS) else None
        raise DataError(
            f"{path}: a .txt file is read only as NAME{TEXTS} with NAME{LABELS} beside it.",
            f"Name {path.with_name(meant + packed)} instead." if meant else None,
        )
    texts, escaped = _lines(path)
    labels, _ = _lines(path.with_name(name.removesuffix(TEXTS) + LABELS + packed))
    if len(texts) != len(labels):
        raise DataError(
            f"{path}: has {len(texts):,} lines, but its labels have {len(labels):,}.",
            "Line n of one file must belong to line n of the other.",
        )
    rejects = []
    keep = list(range(len(texts)))
    if escaped:
        damaged = {place for place in keep if UNDECODABLE.search(texts[place])}
        rejects = [
            Reject(str(path), place + 1, "text", "not UTF-8", text=readable(texts[place]))
            for place in sorted(damaged)
        ]
        keep = [place for place in keep if place not in damaged]
    frame = pl.DataFrame(
        {
            "text": [texts[place] for place in keep],
            "label": [readable(labels[place]) for place in keep],
            ROW: [place + 1 for place in keep],
        },
        schema={"text": pl.String, "label": pl.String, ROW: pl.Int64},
    )
    return Raw(str(path), frame, tuple(rejects))


def _lines(path: Path) -> tuple[list[str], bool]:
    text, escaped = decode(read_bytes(path), str(path))
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return (lines[:-1] if lines[-1] == "" else lines), escaped
