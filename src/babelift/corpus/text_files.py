"""Pairs of text files: texts in one, their labels in the other, and perhaps what these mean."""

from pathlib import Path
from typing import Final

import polars as pl

from babelift.corpus.labels import label_strings
from babelift.corpus.rejects import UNDECODABLE, Reject, readable
from babelift.corpus.table import ROW, Raw, decode, read_bytes
from babelift.errors import DataError

TEXTS: Final = "_text.txt"
LABELS: Final = "_labels.txt"
MAPPING: Final = "mapping.txt"
"""Stands beside TweetEval's texts and labels and names these: `0<tab>negative`."""

_MOST_NAMED: Final = 20


def read_text_and_labels(path: Path) -> Raw:
    """Read `train_text.txt` with the `train_labels.txt` beside it.

    UMSAB and TweetEval are published so, and many other sets: what their labels mean is only known
    where a `mapping.txt` stands beside them.

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
    texts = _lines(path)
    labels = _lines(path.with_name(name.removesuffix(TEXTS) + LABELS + packed))
    if len(texts) != len(labels):
        raise DataError(
            f"{path}: has {len(texts):,} lines, but its labels have {len(labels):,}.",
            "Line n of one file must belong to line n of the other.",
        )
    rejects: list[Reject] = []
    rows: list[tuple[str, str, int]] = []
    for number, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        if UNDECODABLE.search(text):
            rejects.append(Reject(str(path), number, "text", "not UTF-8", text=readable(text)))
        else:
            rows.append((text, readable(label), number))
    schema = {"text": pl.String, "label": pl.String, ROW: pl.Int64}
    frame = pl.DataFrame(rows, schema, orient="row")
    names, notes = _label_names(path, frame["label"])
    return Raw(str(path), frame, tuple(rejects), notes, {"label": names} if names else {})


def _label_names(path: Path, labels: pl.Series) -> tuple[dict[str, str], tuple[str, ...]]:
    """The label names in the `mapping.txt` beside some texts, and what to say of them."""
    file = path.with_name(MAPPING)
    if not file.is_file():
        return {}, ()
    try:
        pairs = [line.split("\t") for line in _lines(file) if line.strip()]
    except DataError:
        pairs = []
    numbers = label_strings(pl.Series([pair[0] for pair in pairs], dtype=pl.String)).to_list()
    if not pairs or any(not "".join(pair[1:2]).strip() for pair in pairs) or _repeats(numbers):
        form = "'LABEL<tab>NAME' lines, each label once"
        return {}, (f"{MAPPING} beside it does not hold {form}; labels stay as they are",)
    names = {str(number): pair[1].strip() for number, pair in zip(numbers, pairs, strict=True)}
    listed = ", ".join(f"{number} is '{name}'" for number, name in names.items())
    notes = [f"labels are named after {MAPPING}: {listed} (move it away to keep the numbers)"]
    unnamed = set(label_strings(labels).drop_nulls()) - set(names)
    if unnamed:
        without = ", ".join(f"'{label[:60]}'" for label in sorted(unnamed)[:_MOST_NAMED])
        notes.append(f"{MAPPING} names no label {without}, which stays as it is")
    return names, tuple(notes)


def _repeats(values: list[str | None]) -> bool:
    return None in values or len(set(values)) < len(values)


def _lines(path: Path) -> list[str]:
    text, _ = decode(read_bytes(path), str(path))
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines
