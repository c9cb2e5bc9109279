"""Published data sets whose column names Babelift knows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from babelift.errors import ConfigError, DataError, did_you_mean
from babelift.languages import find


@dataclass(frozen=True)
class Known:
    """The published form of one data set.

    Attributes:
        name: What `--dataset` calls it.
        title: Its usual name.
        columns: Columns that its files have.
        text: Column with the text, or two that are joined by a line break.
        label: Column with the label.
        lang: Column with the language; None where only the folder says it (`de/`, `deu_Latn/`).
        id: Column with the row's id.
        group: Column that marks the same item in other languages.
        split: Column with the split.
        numbered: Ids count within one split: row 7 of train and row 7 of test are two items.
        common: Other tables have such columns too: it is never recognised by them.
        names: Label names by what stands in the file; an empty one is no label.
        recognised: It was not named but recognised by its columns, which says what they hold and
            nothing more: not what labels mean.
    """

    name: str
    title: str
    columns: frozenset[str]
    text: tuple[str, ...]
    label: str
    lang: str | None = None
    id: str | None = None
    group: str | None = None
    split: str | None = None
    numbered: bool = False
    common: bool = False
    names: dict[str, str] = field(default_factory=dict)
    recognised: bool = False


_SENTIMENT: Final = {"0": "negative", "1": "neutral", "2": "positive"}

KNOWN: Final[dict[str, Known]] = {
    known.name: known
    for known in (
        # The text is the body alone, which is what the set's authors classify; the title stays
        # in its own column for those who want it.
        Known(
            "marc", "the Multilingual Amazon Reviews Corpus",
            frozenset({"review_body", "stars", "language", "product_category"}),
            text=("review_body",), label="stars", lang="language", id="review_id",
        ),
        Known(
            "sib200", "SIB-200", frozenset({"index_id", "category", "text"}),
            text=("text",), label="category", id="index_id", group="index_id",
        ),
        Known(
            "umsab", "UMSAB", frozenset({"text", "label"}),
            text=("text",), label="label", common=True, names=_SENTIMENT,
        ),
        Known(
            "pawsx", "PAWS-X", frozenset({"id", "sentence1", "sentence2", "label"}),
            text=("sentence1", "sentence2"), label="label", id="id", group="id",
            numbered=True, common=True,
        ),
        Known(
            "xnli", "XNLI",
            frozenset({"language", "gold_label", "sentence1", "sentence2", "promptID", "pairID"}),
            text=("sentence1", "sentence2"), label="gold_label", lang="language", id="pairID",
            group="promptID", numbered=True, names={"-": ""},
        ),
        Known(
            "massive", "MASSIVE",
            frozenset({"id", "locale", "partition", "scenario", "intent", "utt"}),
            text=("utt",), label="intent", lang="locale", id="id", group="id", split="partition",
        ),
    )
}  # fmt: skip
"""Known data sets by the name that `--dataset` takes."""


def find_known(name: str | None, columns: Sequence[str], file: str) -> Known | None:
    """The known data set a file belongs to, by its name or else by its columns.

    Raises:
        ConfigError: No data set is called `name`.
        DataError: The file lacks columns of the named data set.
    """
    if name is None:
        likely = (known for known in KNOWN.values() if not known.common)
        fitting = next((known for known in likely if known.columns <= set(columns)), None)
        return fitting and replace(fitting, names={}, recognised=True)
    known = KNOWN.get(name.lower().replace("-", ""))
    if known is None:
        raise ConfigError(
            f"data set '{name}' is not known{did_you_mean(name, KNOWN) or '.'}",
            f"Known data sets: {', '.join(KNOWN)}.",
        )
    missing = sorted(known.columns - set(columns))
    if missing:
        raise DataError(
            f"{file}: is not in the published form of {known.title}: it lacks "
            f"{', '.join(repr(column) for column in missing)}; it has {', '.join(columns)}.",
            "Leave out --dataset, and name the columns with --text, --label and --lang.",
        )
    return known


def folder_language(file: str, *, certain: bool = False) -> tuple[str, str] | None:
    """The language that a published file's folder is named after: canonical tag, and folder.

    >>> folder_language("sib200/deu_Latn/train.tsv"), folder_language("german/val_text.txt")
    (('de', 'deu_Latn'), ('de', 'german'))
    >>> folder_language("hub:Davlan/sib200#deu_Latn:test")
    ('de', 'deu_Latn')

    Args:
        file: Its path, or the name of a hub data set, whose config is the folder.
        certain: Only names with language and script (`deu_Latn`) count, which nothing else has.
    """
    if file.startswith("hub:"):
        folder = file.partition("#")[2].partition(":")[0]
    else:
        folder = Path(file).absolute().parent.name
    if certain and not re.fullmatch("[a-z]{3}_[A-Z][a-z]{3}", folder):
        return None
    tag = find(folder)
    return None if tag is None else (tag, folder)


def file_split(file: str) -> Literal["train", "validation", "test"] | None:
    """The split that a published file is named after.

    >>> file_split("de/translated_train.tsv"), file_split("xnli.dev.tsv"), file_split("reviews.csv")
    ('train', 'validation', None)
    """
    words = set(re.split(r"[^a-z]+", Path(file).name.lower()))
    if "train" in words:
        return "train"
    if words & {"dev", "val", "valid", "validation"}:
        return "validation"
    return "test" if "test" in words else None
