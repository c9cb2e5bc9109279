"""A study's diagnosis for its page: findings of one kind together, their advice said once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from babelift.report.numbers import UNKNOWN, compact, language_name, share
from babelift.report.studied import Diagnosis, Found, Unfound

NAMES: Final = {
    "worse-than-zero-shot": "Worse than zero-shot",
    "otc-without-effect": "OTC without effect",
    "unstable-across-seeds": "Unstable across seeds",
    "regularising-not-aligning": "OTC regularises, it does not align",
}
_KINDS: Final = {
    "already-aligned": "the pairs were aligned already",
    "never-aligned": "the pairs never aligned",
    "one-collapsed-run": "one run collapsed",
}
_COUNTS: Final = frozenset({"seeds", "items", "lowest_seed"})
_WORDS: Final = {"chrf": "chrF", "otc": "OTC", "p": "p"}


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings with the same advice.

    Attributes:
        name: What was found.
        sentences: One for each place.
        advice: What to try.
        columns: What the evidence consists of.
        rows: Place and its evidence.
    """

    name: str
    sentences: list[str]
    advice: list[str]
    columns: list[str]
    rows: list[tuple[str, list[str]]]


def findings(diagnosis: Diagnosis) -> list[Findings]:
    """What was found, those of one signature, kind and advice together."""
    together: dict[tuple[str, str, tuple[str, ...]], list[Found]] = {}
    for one in diagnosis.findings:
        together.setdefault((one.name, one.kind, tuple(one.advice)), []).append(one)
    return [_findings(name, kind, several) for (name, kind, _), several in together.items()]


def _findings(name: str, kind: str, several: Sequence[Found]) -> Findings:
    keys = list(dict.fromkeys(key for one in several for key in one.evidence))
    title = NAMES.get(name, name) + (f": {_KINDS[kind]}" if kind in _KINDS else "")
    return Findings(
        title,
        [one.sentence for one in several],
        several[0].advice,
        [_words(key) for key in keys],
        [
            (place(one.where.arm, one.where.lang), [_value(key, one.evidence.get(key))
                                                    for key in keys])
            for one in several
        ],
    )  # fmt: skip


def place(arm: str, lang: str | None) -> str:
    """An arm and a language.

    >>> place("translated", "ja"), place("translated", None)
    ('Japanese, translated', 'all languages, translated')
    """
    return f"{language_name(lang) if lang else 'all languages'}, {arm}"


def _words(key: str) -> str:
    return " ".join(_WORDS.get(part, part) for part in key.split("_"))


def _value(key: str, value: float | None) -> str:
    """A piece of evidence.

    >>> _value("items", 204.0), _value("retrieval_with", 0.914), _value("chrf", 31.52)
    ('204', '.91', '31.5')
    """
    if value is None:
        return UNKNOWN
    if key in _COUNTS:
        return f"{value:,.0f}"
    if key == "p":
        return "under .001" if value < 0.001 else share(value)
    return share(value) if abs(value) <= 1 else compact(value)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Where a signature was looked for in vain, or could not be judged, and why."""

    name: str
    cases: list[tuple[str, str]]


def unseen(cases: Iterable[Unfound]) -> list[Unseen]:
    """By signature: places and reasons."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in cases:
        where = place(one.where.arm, one.where.lang) if one.where else ""
        found.setdefault(NAMES.get(one.name, one.name), []).append((where, one.reason))
    return [Unseen(name, several) for name, several in found.items()]
