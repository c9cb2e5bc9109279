"""How a study's page names its conditions, and in which order it shows them and the languages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from babelift.report.studied import Cell

OFF: Final = "off"

MEANINGS: Final = {
    "zero-shot": "trained on the rows of the source language alone",
    "translated": "trained on the source's rows and their translations into the test language",
    "original": "trained on labelled rows of the test language itself",
    "original+translated": "trained on the test language's own rows and on translations",
    "translate-test": "trained on the source's rows; the test text is translated into the source",
    "reference": "as translated, with the data set's own trusted translations",
}
"""What the arms stand for."""

EAST_ASIAN: Final = frozenset({"ja", "zh", "ko", "yue"})
_EUROPEAN: Final = (
    "en de es fr it pt nl sv da no is fi et lv lt pl cs sk sl hr sr bs mk bg ro hu el sq uk ru be "
    "ga gd cy br eu ca gl ast oc lb mt fy yi eo"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A condition as a column of a table.

    Attributes:
        cell: The condition.
        details: In what it differs from the other columns of its arm.
    """

    cell: Cell
    details: tuple[str, ...]

    @property
    def name(self) -> str:
        """Arm and details in one line."""
        more = ", ".join(self.details)
        return f"{self.cell.arm} ({more})" if more else self.cell.arm


def columns(cells: Iterable[Cell]) -> list[Column]:
    """Conditions as columns, those of an arm beside each other.

    >>> plain = Cell(arm="translated", ratio="1:1", translator="mini")
    >>> both = [plain, Cell(arm="zero-shot"), plain.model_copy(update={"otc": "on"})]
    >>> [column.name for column in columns(both)]
    ['translated (no OTC)', 'translated (OTC)', 'zero-shot']
    """
    known = list(dict.fromkeys(cells))
    arms = list(dict.fromkeys(cell.arm for cell in known))
    ordered = sorted(known, key=lambda cell: arms.index(cell.arm))
    return [Column(cell, details(cell, ordered)) for cell in ordered]


def details(cell: Cell, others: Sequence[Cell]) -> tuple[str, ...]:
    """In what a condition differs from others of its arm."""
    own = [other for other in others if other.arm == cell.arm]
    found = []
    for field, unit in (("encoder", ""), ("translator", ""), ("rows", " rows"), ("ratio", "")):
        value = getattr(cell, field)
        if any(getattr(other, field) != value for other in own):
            found.append("all rows" if value is None and unit else f"{value}{unit}")
    if any(other.otc != cell.otc for other in own):
        found.append(otc_name(cell.otc))
    return tuple(found)


def otc_name(otc: str) -> str:
    """What an OTC is called in a table.

    >>> otc_name("off"), otc_name("on"), otc_name("shuffled")
    ('no OTC', 'OTC', 'OTC: shuffled')
    """
    return {OFF: "no OTC", "on": "OTC"}.get(otc, f"OTC: {otc}")


@dataclass(frozen=True, slots=True)
class Group:
    """Languages that are shown together."""

    name: str
    langs: tuple[str, ...]


def groups(langs: Sequence[str]) -> list[Group]:
    """European and East Asian languages apart, then all others; empty groups are left out.

    >>> [(group.name, group.langs) for group in groups(["ja", "en", "zh", "de"])]
    [('European', ('en', 'de')), ('East Asian', ('ja', 'zh'))]
    """
    of = {
        lang: "East Asian"
        if lang in EAST_ASIAN
        else "European"
        if lang in _EUROPEAN.split()
        else "Other"
        for lang in langs
    }
    found = (
        Group(name, tuple(lang for lang in langs if of[lang] == name))
        for name in ("European", "East Asian", "Other")
    )
    return [group for group in found if group.langs]
