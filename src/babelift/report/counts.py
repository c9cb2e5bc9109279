"""What became of the rows: translations, splits, leakage, alignment, as plain table rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from babelift.corpus.leakage import KINDS, LeakageReport
from babelift.evaluate.alignment import Alignment, Pairs, alignment
from babelift.report.numbers import UNKNOWN, language_name, pair_name, percent, share
from babelift.report.records import Example, Manifest, Pair
from babelift.report.tables import ORIGINS, in_order

FAULTS: Final[Mapping[str, str]] = {
    "empty": "nothing came back",
    "copy": "left as it was, untranslated",
    "loop": "repeats itself",
    "length": "far too long or too short for this pair",
    "script": "in the wrong script",
    "numbers": "a number of the source is gone",
    "sentences": "a sentence is gone",
    "truncated": "cut short",
    "missing": "no translation",
}
"""What a fault found in a translation means."""


@dataclass(frozen=True, slots=True)
class PairRow:
    """What became of one language pair's translations."""

    pair: str
    rows: str
    kept: str
    dropped: str
    missing: str
    retried: str
    faults: str


def pair_rows(manifest: Manifest) -> list[PairRow]:
    """Counts per language pair."""
    if manifest.translation is None:
        return []
    return [
        PairRow(
            pair=pair_name(pair),
            rows=f"{counts.rows:,}",
            kept=f"{counts.kept:,} ({percent(counts.kept, counts.rows)})",
            dropped=f"{counts.dropped:,}",
            missing=f"{counts.missing:,}",
            retried=_retried(counts),
            faults=", ".join(f"{flag} {n:,}" for flag, n in counts.flags.items() if n) or "none",
        )
        for pair, counts in manifest.translation.pairs.items()
    ]


def _retried(counts: Pair) -> str:
    mended = f" ({counts.repaired:,} mended)" if counts.retried else ""
    return f"{counts.retried:,}{mended}"


def examples_by_fault(manifest: Manifest) -> list[tuple[str, list[Example]]]:
    """Examples of faulty translations, gathered by fault."""
    found: dict[str, list[Example]] = {}
    for example in manifest.translation.examples if manifest.translation else []:
        found.setdefault(example.flag, []).append(example)
    return sorted(found.items())


@dataclass(frozen=True, slots=True)
class DataRow:
    """How many rows of a language stand in a split, by origin."""

    split: str
    tag: str
    name: str
    counts: list[str]


def data_rows(manifest: Manifest) -> tuple[list[str], list[DataRow]]:
    """The origins that occur, and rows per split and language with a count for each origin."""
    found = {
        origin
        for langs in manifest.data.values()
        for counts in langs.values()
        for origin, n in counts.items()
        if n
    }
    origins = [origin for origin in ORIGINS if origin in found] + sorted(found - set(ORIGINS))
    rows = [
        DataRow(split, tag, language_name(tag), [_count(langs[tag], origin) for origin in origins])
        for split, langs in manifest.data.items()
        for tag in in_order(manifest, list(langs))
        if sum(langs[tag].values())
    ]
    return origins, rows


def _count(counts: Mapping[str, int], origin: str) -> str:
    return f"{counts.get(origin, 0):,}" if counts.get(origin) else UNKNOWN


@dataclass(frozen=True, slots=True)
class AlignmentRow:
    """One language pair's alignment before and after training."""

    pair: str
    pairs: str
    cosine: tuple[str, str]
    retrieval: tuple[str, str]
    chance: str


def alignment_rows(pairs: Sequence[Pairs]) -> list[AlignmentRow]:
    """Mean paired cosine and retrieval@1 per language pair, before and after training."""
    found: dict[str, dict[str, Alignment]] = {}
    for group in pairs:
        name = f"{group.source_lang}>{group.lang}"
        found.setdefault(name, {})[group.stage] = alignment(group.originals, group.translations)
    rows = []
    for pair, stages in found.items():
        before, after = stages.get("before"), stages.get("after")
        either = after or before
        if either is None:
            continue
        rows.append(
            AlignmentRow(
                pair=pair_name(pair),
                pairs=f"{either.pairs:,}",
                cosine=(_of(before, "cosine"), _of(after, "cosine")),
                retrieval=(_of(before, "retrieval"), _of(after, "retrieval")),
                chance=share(either.chance),
            )
        )
    return rows


def _of(found: Alignment | None, what: str) -> str:
    return share(getattr(found, what)) if found else UNKNOWN


def leakage_summary(manifest: Manifest) -> str:
    """What the leakage audit found and did, in words; empty where there was none.

    >>> leakage_summary(Manifest.model_validate({"leakage": {"policy": "drop"}}))
    'No row of an evaluation set occurs in an earlier split.'
    """
    audit = manifest.leakage
    if audit is None:
        return ""
    pairs = {
        pair: {kind: n for kind, n in found.items() if kind in KINDS}
        for pair, found in audit.pairs.items()
        if pair.count("/") == 1
    }
    return LeakageReport(audit.policy, audit.found, audit.dropped, pairs).summary()
