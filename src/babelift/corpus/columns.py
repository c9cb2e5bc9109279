"""Which column is what: as the user says, as a known data set has it, or as the names suggest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from babelift.config import Table
from babelift.corpus.guess import Finder
from babelift.corpus.known import Known, find_known
from babelift.corpus.raw import Raw

OWN_FORM: Final = ("id", "group_id", "text", "lang", "source_lang", "origin", "original_id")
"""Columns by which a table that Babelift wrote is known."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a file hold what.

    Attributes:
        text: The column with the text, or two that are joined by a line break.
        label: The column with the label, None where there is none.
        lang: The column with the language.
        tag: The language of the whole file, where no column says it.
        id: The column with the id.
        group: The column with the group.
        split: The column with the split.
        known: The known data set that the file belongs to.
        own_form: The file was written by Babelift and is read back as it is.
        names: Label names by what stands in the file.
        notes: What was guessed, in words.
    """

    text: tuple[str, ...]
    label: str | None
    lang: str | None
    tag: str | None
    id: str | None
    group: str | None
    split: str | None
    known: Known | None = None
    own_form: bool = False
    names: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> set[str]:
        """Columns that turn into columns of rows; all others stay as the user's own."""
        single = self.text if len(self.text) == 1 else ()
        named = (self.label, self.lang, self.id, self.group, self.split)
        return {*single, *(name for name in named if name)}


def choose_columns(raw: Raw, table: Table, *, labelled: bool, lang_required: bool) -> Columns:
    """Decide what each column of a raw table is.

    What the user names comes first, then the published form of a known data set, then a guess.

    Raises:
        DataError: A named column does not exist, or text, label or language cannot be found.
        LanguageError: `--lang` is neither a column nor a known language.
    """
    names = raw.columns
    if set(OWN_FORM) <= set(names) and table.dataset is None:
        text = _first(names, table.text, "text") or "text"
        label = _first(names, table.label, "label")
        return Columns(
            (text,), label, "lang", None, "id", "group_id", _first(names, "split"), own_form=True
        )
    known = find_known(table.dataset, names, raw.file)
    if known is None and raw.file.removesuffix(".gz").endswith("_text.txt"):
        known = find_known("umsab", names, raw.file)
    finder = Finder(raw.file, names, known)
    texts = finder.text(table.text)
    label = finder.column("label", table.label, required=labelled)
    if label is not None and not labelled and raw.frame[label].dtype.is_nested():
        label = None
    lang, tag = finder.language(table.lang, raw, required=lang_required)
    identity = finder.column("id", table.id)
    group = finder.column("group", table.group)
    split = finder.column("split", None)
    return Columns(
        texts, label, lang, tag, identity, group, split,
        known=known,
        names=_label_names(raw, label, known),
        notes=finder.sentences(),
    )  # fmt: skip


def _label_names(raw: Raw, label: str | None, known: Known | None) -> dict[str, str]:
    if label in raw.names:
        return {str(number): name for number, name in enumerate(raw.names[label])}
    return known.names if known is not None and known.label == label else {}


def _first(names: Sequence[str], *wanted: str | None) -> str | None:
    return next((name for name in wanted if name in names), None)
