"""Which labels have few translations or none in a language, once faulty ones are left out."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import polars as pl
from pydantic import BaseModel

from babelift.languages import get

FEW: Final = 0.2
"""Share of a label's originals below which its translations are called few."""

_MOST_NAMED: Final = 5


class LabelGap(BaseModel, frozen=True):
    """A label that has few translations in a language, or none.

    Attributes:
        lang: The language.
        label: The label.
        kept: Translations that are left.
        rows: Originals with that label that were to be translated.
    """

    lang: str
    label: str
    kept: int
    rows: int


class LabelCounts:
    """Originals and what is left of their translations, by label; fed in parts.

    >>> counts = LabelCounts(["de"])
    >>> counts.add_originals(pl.DataFrame({"label": ["a", "b"], "lang": ["en", "en"]}))
    >>> counts.add_translations(pl.DataFrame({"label": ["a"], "lang": ["de"]}))
    >>> counts.gaps()
    (LabelGap(lang='de', label='b', kept=0, rows=1),)
    """

    def __init__(self, targets: Iterable[str]) -> None:
        self._targets = tuple(targets)
        self._originals: Counter[tuple[str, str]] = Counter()
        self._left: Counter[tuple[str, str]] = Counter()

    def add_originals(self, rows: pl.DataFrame) -> None:
        """Count rows that are to be translated; columns `lang` and `label`."""
        _count(self._originals, rows)

    def add_translations(self, rows: pl.DataFrame) -> None:
        """Count translations that are left; columns `lang` and `label`."""
        _count(self._left, rows)

    def gaps(self) -> tuple[LabelGap, ...]:
        """The labels of which less than `FEW` of the translations are left, by language."""
        rows: Counter[tuple[str, str]] = Counter()
        for target in self._targets:
            for (lang, label), number in sorted(self._originals.items()):
                if lang != target:
                    rows[target, label] += number
        return tuple(
            LabelGap(lang=lang, label=label, kept=self._left[lang, label], rows=number)
            for (lang, label), number in rows.items()
            if self._left[lang, label] < FEW * number
        )


def _count(counts: Counter[tuple[str, str]], rows: pl.DataFrame) -> None:
    groups = rows.filter(pl.col("label").is_not_null()).group_by("lang", "label").len()
    counts.update({(lang, label): number for lang, label, number in groups.iter_rows()})


def gap_sentences(gaps: Iterable[LabelGap]) -> list[str]:
    """What a user must know of labels with few translations or none.

    >>> gap_sentences([LabelGap(lang="de", label="neg", kept=0, rows=40)])
    ['German has no translation labelled neg: none of 40 is left.']
    """
    sentences = []
    by_language: dict[str, list[LabelGap]] = {}
    for gap in gaps:
        by_language.setdefault(gap.lang, []).append(gap)
    for lang, own in by_language.items():
        name = get(lang).name
        if none := [gap for gap in own if not gap.kept]:
            rows = sum(gap.rows for gap in none)
            labels = _listed([gap.label for gap in none])
            sentences.append(
                f"{name} has no translation labelled {labels}: none of {rows:,} is left."
            )
        if few := [gap for gap in own if gap.kept]:
            labels = _listed([f"{gap.label} ({gap.kept:,} of {gap.rows:,})" for gap in few])
            sentences.append(f"{name} has few translations labelled {labels} left.")
    return sentences


def _listed(names: list[str]) -> str:
    shown, left = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    return ", ".join(shown) + (f" and {left} labels more" if left > 0 else "")
