"""Which column is what: as the user says, as a known data set has it, or as the names suggest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from babelift.config import Table
from babelift.corpus.datasets import Known, find_known, folder_language
from babelift.corpus.table import Raw
from babelift.errors import DataError, LanguageError, did_you_mean
from babelift.languages import canonical, find, get, is_slip

GUESSES: Final[dict[str, tuple[str, ...]]] = {
    "text": (
        "text", "review_body", "sentence", "content", "tweet", "review", "review_text", "utterance",
        "utt", "body", "comment", "message", "document", "post", "title",
    ),
    "label": (
        "label", "stars", "rating", "star_rating", "category", "class", "intent", "sentiment",
        "topic", "gold_label", "polarity", "target", "labels",
    ),
    "lang": ("lang", "language", "locale", "lang_code", "language_code"),
    "id": ("id", "review_id", "row_id", "tweet_id", "uid", "guid", "index_id", "doc_id"),
    "group": ("group_id", "parallel_id"),
    "split": ("split", "partition"),
}  # fmt: skip
"""Names that columns are likely to have, the likeliest first; compared without regard to case."""

PAIRS: Final = (
    ("text_a", "text_b"),
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
)
"""Names of the two columns of a table of text pairs."""

_WORDS: Final = {"lang": "language", "id": "the id", "group": "the group"}

OWN_FORM: Final = ("id", "group_id", "text", "lang", "source_lang", "origin", "original_id")
"""Columns by which a table that Babelift wrote is known."""


class Finder:
    """Looks columns up in one file and remembers what it guessed."""

    def __init__(self, file: str, names: Sequence[str], known: Known | None) -> None:
        self.file = file
        self.names = names
        self.known = known
        self.guessed: list[str] = []
        self.flags: list[str] = []
        self.notes: list[str] = []
        self.by_lower = {name.lower(): name for name in reversed(names)}
        if known is not None:
            instead = (
                f" by its columns (--dataset {known.name} says so for certain; --text, --label, "
                "--lang, --id and --group name others)"
            )
            self.notes.append(f"recognised as {known.title}{instead if known.recognised else ''}")

    def named(self, role: str, name: str) -> str:
        """The column that the user named."""
        if name in self.names:
            return name
        raise DataError(
            f"{self.file}: there is no column '{name}' for --{role}"
            f"{did_you_mean(name, self.names) or '.'}",
            f"Its columns are: {', '.join(self.names)}.",
        )

    def text(self, name: str | None) -> tuple[str, ...]:
        """The column with the text, or the two that are joined."""
        if name is not None:
            return (self.named("text", name),)
        if self.known is not None:
            return self.known.text
        if "text" not in self.by_lower:
            for first, second in PAIRS:
                if first in self.by_lower and second in self.by_lower:
                    pair = (self.by_lower[first], self.by_lower[second])
                    self.notes.append(
                        f"text is '{pair[0]}' and '{pair[1]}', joined by a line break"
                    )
                    return pair
        likeliest = self.guess("text")
        return (likeliest or self.lacks("text", "text"),)

    def column(self, role: str, name: str | None, *, required: bool = False) -> str | None:
        """The column of a role: the user's, the data set's, or a guess."""
        if name is not None:
            return self.named(role, name)
        if self.known is not None:
            published = getattr(self.known, role)
            return published if published in self.names else None
        likeliest = self.guess(role)
        return self.lacks(role, "labels") if likeliest is None and required else likeliest

    def language(
        self, name: str | None, raw: Raw, *, required: bool
    ) -> tuple[str | None, str | None]:
        """The column with the language, or the one language of the file."""
        tag = None if name is None else _tag(name)
        if name in self.names and (tag is None or _languages(raw, name)):
            if tag is not None:
                self.notes.append(
                    f"language is read from the column '{name}' (--lang {get(tag).iso3} is the "
                    "language of that name)"
                )
            return name, None
        if name is not None and tag is None:
            raise self.no_such_language(name)
        published = self.known.lang if self.known is not None else None
        column = published or self.likely("lang")
        if tag is not None:
            there = _languages(raw, column)
            if there - {tag}:
                self.notes.append(
                    f"language is read from '{column}', not from --lang {name} "
                    f"(rename or remove that column to read all rows as '{tag}')"
                )
            return (column, None) if there else (None, tag)
        if column is not None:
            return published or self.guess("lang"), None
        known = self.known
        folder = folder_language(self.file, certain=known.recognised) if known else None
        if folder is not None:
            self.notes.append(
                f"language is '{folder[0]}', after the folder '{folder[1]}' (--lang says otherwise)"
            )
            return None, folder[0]
        return (self.lacks("lang", "languages"), None) if required else (None, None)

    def no_such_language(self, name: str) -> LanguageError:
        """The error for a `--lang` that means nothing."""
        near = did_you_mean(name, self.names)
        if not near:
            try:
                canonical(name)
            except LanguageError as error:
                near = error.message.removeprefix(f"language '{name}' is not known") or "."
        return LanguageError(
            f"--lang '{name}' is neither a column of {self.file} nor a known language{near}",
            f"Its columns are: {', '.join(self.names)}. For languages see 'babelift languages'.",
        )

    def likely(self, role: str) -> str | None:
        """The column with the likeliest name."""
        return next((self.by_lower[name] for name in GUESSES[role] if name in self.by_lower), None)

    def guess(self, role: str) -> str | None:
        """The column with the likeliest name, remembered as a guess."""
        likeliest = self.likely(role)
        if likeliest is not None and likeliest not in (role, "group_id"):
            verb = "" if self.guessed else " is read"
            self.flags += [] if role == "split" else [f"--{role}"]
            self.guessed.append(f"{_WORDS.get(role, role)}{verb} from '{likeliest}'")
        return likeliest

    def lacks(self, role: str, what: str) -> str:
        """Stop, for nothing is known to hold a role."""
        columns = ", ".join(self.names)
        or_tag = ", or the language of the whole file, such as --lang en" if role == "lang" else ""
        near = [n for n in self.names if did_you_mean(n.lower(), GUESSES[role])]
        hint = f" (perhaps --{role} {near[0]})" if near else ""
        raise DataError(
            f"{self.file}: no column is known to hold the {what}; its columns are: {columns}.",
            f"Name the column with --{role}{or_tag}{hint}.",
        )

    def sentences(self) -> tuple[str, ...]:
        """What was found out, in words."""
        if self.guessed:
            self.notes.append(f"{', '.join(self.guessed)} (guessed from the names)")
        return tuple(self.notes)


def language_of_frame(
    frame: pl.DataFrame, lang: str, where: str
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """A frame with its languages in the column `lang`, by the rule for `--lang` and a table.

    Args:
        frame: The rows.
        lang: A column, or the tag of a language for all rows.
        where: What to call the frame in an error.

    Returns:
        The rows, and what was decided, in words.

    Raises:
        LanguageError: `lang` is neither a column nor a known language.

    >>> frame = pl.DataFrame({"text": ["Hallo"], "sprache": ["de"]})
    >>> language_of_frame(frame, "sprache", "the rows")[0]["lang"].to_list()
    ['de']
    """
    finder = Finder(where, frame.columns, None)
    column, tag = finder.language(lang, Raw(where, frame), required=True)
    values = pl.lit(tag, pl.String) if column is None else pl.col(column)
    return frame.with_columns(values.alias("lang")), finder.sentences()


def _tag(name: str) -> str | None:
    try:
        return canonical(name)
    except LanguageError:
        return None


def _languages(raw: Raw, column: str | None) -> set[str | None]:
    """The languages that a column names, None among them for gaps and for what is no language.

    Empty where it is no column of languages: none of its values is one, or a slip for one.
    """
    if column not in raw.columns or raw.frame[column].dtype.is_nested():
        return set()
    values: Iterable[object] = raw.frame[column].unique().to_list()
    texts = [None if value is None else str(value) for value in values]
    tags = {text: None if text is None else find(text) for text in texts}
    if not any(text and (tag or is_slip(text)) for text, tag in tags.items()):
        return set()
    return set(tags.values())


@dataclass(frozen=True)
class Columns:
    """Which columns of a file hold what.

    Attributes:
        text: The column with the text, or two that are joined by a line break.
        label: The column with the label, None where there is none.
        lang: The column with the language.
        tag: The language of the whole file as its canonical tag, where no column says it.
        id: The column with the id.
        group: The column with the group.
        split: The column with the split.
        known: The known data set that the file belongs to.
        own_form: The file was written by Babelift and is read back as it is.
        names: Label names by what stands in the file.
        notes: What was guessed, in words.
        flags: What would name other columns than those that were guessed.
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
    flags: tuple[str, ...] = ()

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
        finder = Finder(raw.file, names, None)
        lang, tag = finder.language(table.lang, raw, required=lang_required)
        return Columns(
            (text,), label, lang, tag, "id", "group_id", _first(names, "split"),
            own_form=True,
            notes=finder.sentences(),
        )  # fmt: skip
    known = find_known(table.dataset, names, raw.file)
    finder = Finder(raw.file, names, known)
    texts = finder.text(table.text)
    label = finder.column("label", table.label, required=labelled)
    if label is not None and not labelled and raw.frame[label].dtype.is_nested():
        label = None
    lang, tag = finder.language(table.lang, raw, required=lang_required)
    # A column cannot say both; where `--lang id` names it, it is the language.
    identity = None if table.id is None and lang == "id" else finder.column("id", table.id)
    group = finder.column("group", table.group)
    split = finder.column("split", None)
    return Columns(
        texts, label, lang, tag, identity, group, split,
        known=known,
        names=_label_names(raw, label, known),
        notes=finder.sentences(),
        flags=tuple(finder.flags),
    )  # fmt: skip


def _label_names(raw: Raw, label: str | None, known: Known | None) -> dict[str, str]:
    published = known.names if known is not None and known.label == label else {}
    return published or raw.names.get(str(label), {})


def _first(names: Sequence[str], *wanted: str | None) -> str | None:
    return next((name for name in wanted if name in names), None)
