"""What is odd about labels and may be meant: some look alike, or like none, or contradict."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

_MARKS: Final = frozenset(
    {"nan", "null", "none", "nil", "n/a", "na", "#n/a", "<na>", "?", "-", "--", "_", ".",
     "missing", "undefined", "unlabeled", "unlabelled"}
)  # fmt: skip
_NEGATIVE: Final = frozenset({"-1", "-9", "-99", "-100", "-999", "-9999"})
"""What stands for no label among numbers: of scikit-learn, of torch's losses, of surveys."""

_HIGH: Final = frozenset({"99", "999", "9999"})
"""The same where all other numbers are far smaller."""

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_BETWEEN: Final = re.compile(r"(?<=\w)[\s_\u2010-\u2015\u2212-]+(?=\w)")
_QUOTES: Final = " \"'\u2018\u2019\u201c\u201d"

# Letters of Cyrillic and Greek, in lower case, that look like Latin ones in one of their cases.
_ALIKE: Final = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458"
    "\u04bb\u04cf\u0501\u051b\u051d"
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u0131",
    "abekmhopctyxsijhldqwabezhikmvoptuxi",
)

_MOST_SHOWN: Final = 6
_MOST_CLASSES: Final = 1_000
"""More different labels than that are no classes, and need no word about each."""


def looks(label: str) -> str:
    """What labels that look alike have in common: letters, whatever their case and script.

    >>> looks("Not_hate") == looks("not-hate"), looks("p\u043es") == looks("pos")
    (True, True)
    """
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", label)).casefold().translate(_ALIKE)
    return _BETWEEN.sub(" ", plain).strip(_QUOTES) or plain


def odd_letters(label: str) -> str:
    """The characters of a label that are taken for others, by their names.

    >>> odd_letters("p\u043es")
    'U+043E CYRILLIC SMALL LETTER O'
    """
    odd = [
        sign
        for sign in dict.fromkeys(label)
        if _INVISIBLE.match(sign)
        or sign.casefold().translate(_ALIKE) != sign.casefold()
        or unicodedata.normalize("NFKC", sign) != sign
    ]
    return ", ".join(f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".rstrip() for sign in odd[:3])


def odd_labels(labels: Iterable[str]) -> list[str]:
    """What is odd about some labels but may be meant, as sentences for the user.

    >>> for note in odd_labels(["good", "Good", "p\\u043es", "pos", "null"]):
    ...     print(note.partition(" and count")[0])
    labels 'Good' and 'good' differ only in case
    labels 'pos' and 'p\u043es' look alike, but for U+043E CYRILLIC SMALL LETTER O,
    label 'null' looks like 'no label'
    """
    names = sorted(set(labels))
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(looks(name), []).append(name)
    alone = [group[0] for group in groups.values() if len(group) == 1]
    return [*_alike(groups.values()), *_mixed(alone), *_marks(names)]


def _alike(groups: Iterable[list[str]]) -> list[str]:
    notes = []
    for first, *others in groups:
        for other in others:
            both = f"labels '{first[:60]}' and '{other[:60]}'"
            if " ".join(first.casefold().split()) == " ".join(other.casefold().split()):
                notes.append(f"{both} differ only in case and count as two")
                continue
            letters = odd_letters(other) or odd_letters(first)
            notes.append(f"{both} look alike{letters and f', but for {letters},'} and count as two")
    return notes


def _mixed(names: list[str]) -> list[str]:
    """Labels with a word in two scripts that nobody can tell apart by looking."""
    notes = []
    for name in names:
        for word in re.findall(r"[^\W\d_]+", name):
            latin = any(unicodedata.name(sign, "").startswith("LATIN") for sign in word)
            foreign = [sign for sign in word if ord(sign) > 0x300 and sign.lower() != "\u0131"]
            if latin and foreign and odd_letters("".join(foreign)):
                notes.append(
                    f"label '{name[:60]}' has letters of two scripts that look alike: "
                    f"{odd_letters(''.join(foreign))}"
                )
                break
    return notes


def _marks(names: list[str]) -> list[str]:
    numbers = [int(name) for name in names if re.fullmatch(r"[+-]?[0-9]{1,6}", name)]
    odd = [name for name in names if name.casefold() in _MARKS]
    if names != ["-1", "1"]:  # the two classes of many a paper
        odd += [name for name in names if name in _NEGATIVE]
    # 99 among 0 to 150 is a class; among five stars it is a survey's "no answer".
    odd += [
        name
        for name in names
        if name in _HIGH
        and len(numbers) == len(names)
        and all(number == int(name) or number < int(name) / 5 for number in numbers)
    ]
    return [
        f"label '{name}' looks like 'no label' and counts as a label like any other; leave it "
        "empty in rows that have none"
        for name in odd
    ]


def respelling(labels: Mapping[str, str]) -> str:
    """That labels are not read as they are written, in words.

    >>> respelling({"true": "True", "pos\\u200b": "pos"})
    "labels are respelt: 'pos\\\\u200b' is read as 'pos', 'true' as 'True'"
    """
    pairs = [f"{written[:60]!a} as '{label[:60]}'" for written, label in sorted(labels.items())]
    more = f" and {len(pairs) - _MOST_SHOWN} more" if len(pairs) > _MOST_SHOWN else ""
    listed = ", ".join(pairs[:_MOST_SHOWN]).replace(" as ", " is read as ", 1)
    return f"labels are respelt: {listed}{more}"


def label_notes(slices: Iterable[pl.DataFrame]) -> list[str]:
    """What is odd about the labels of some rows: names, and texts with two of them.

    Args:
        slices: Rows as in `corpus.rows.SCHEMA`; gone through twice.
    """
    labels: set[str] = set()
    keys = [pl.DataFrame(schema={"key": pl.UInt64, "label": pl.UInt64})]
    for rows in slices:
        rows = _originals(rows)
        labels |= set(rows["label"].unique())
        if len(labels) > _MOST_CLASSES:
            return []
        keys.append(rows.select("key", pl.col("label").hash()))
    texts = pl.concat(keys).group_by("key", maintain_order=True)
    several = texts.agg(pl.len().alias("rows"), pl.col("label").n_unique()).filter(
        pl.col("label") > 1
    )
    notes = odd_labels(labels)
    if several.is_empty():
        return notes
    shown = several["key"].head(2)
    examples = pl.concat(
        _originals(rows).filter(pl.col("key").is_in(shown.implode())).select("key", "text", "label")
        for rows in slices
    ).group_by("key", maintain_order=True)
    listed = " and ".join(
        f"'{' '.join(text.split())[:60]}' ({', '.join(sorted(set(names)))})"
        for _, text, names in examples.agg(pl.col("text").first(), "label").iter_rows()
    )
    total = sum(len(key) for key in keys)
    return [
        *notes,
        f"{several['rows'].sum():,} of {total:,} labelled rows have a text that also stands with "
        f"another label, such as {listed}",
    ]


def _originals(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a label that somebody gave them, and a key that equal texts share."""
    rows = rows.filter(
        pl.col("label").is_not_null() & (pl.col("origin").fill_null("original") == "original")
    )
    text = pl.col("text").str.strip_chars().str.to_lowercase()
    return rows.with_columns(key=pl.struct(text, pl.col("lang")).hash())
