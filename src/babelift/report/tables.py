"""The report's tables as plain rows, ready for the page, the model card and the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from babelift.corpus.leakage import KINDS, LeakageReport
from babelift.report.numbers import (
    UNKNOWN,
    brackets,
    language_name,
    listed,
    pair_name,
    percent,
    share,
)
from babelift.report.records import Example, LanguageMetrics, Manifest, Metrics, Pair
from babelift.report.vectors import Alignment, Pairs, alignment

ORIGINS: Final[Mapping[str, str]] = {
    "original": "native",
    "machine": "machine-translated",
    "reference": "trusted translation",
    "roundtrip": "translated there and back",
    "mixed": "partly translated",
}
"""What the origin of a text is called in a table."""

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

MOST_LABELS: Final = 12
"""Up to so many labels a confusion matrix is drawn; beyond, the commonest confusions are listed."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score and its interval as text."""

    value: str
    interval: str = ""

    def __str__(self) -> str:
        return f"{self.value} {self.interval}".rstrip()


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """One language of the table of scores; `tag` is empty for the row of means."""

    tag: str
    name: str
    rows: str
    text: str
    translated: bool
    saw: str
    micro: Score
    macro: Score
    linear: Score
    calibration: str
    mae: str
    qwk: str


def in_order(manifest: Manifest, tags: Sequence[str]) -> list[str]:
    """Languages with the sources first, then the targets, then the others."""
    asked = [*manifest.from_, *manifest.to]
    return [tag for tag in dict.fromkeys(asked) if tag in tags] + [
        tag for tag in tags if tag not in asked
    ]


def language_rows(manifest: Manifest, metrics: Metrics) -> list[LanguageRow]:
    """Scores per language and, for more than one, their means in a last row."""
    tags = in_order(manifest, list(metrics.languages))
    rows = [_language_row(manifest, metrics, tag) for tag in tags]
    return [*rows, _mean_row(metrics)] if len(rows) > 1 else rows


def _language_row(manifest: Manifest, metrics: Metrics, tag: str) -> LanguageRow:
    scores = metrics.languages[tag]
    linear = metrics.linear.get(tag)
    return LanguageRow(
        tag=tag,
        name=language_name(tag),
        rows=f"{scores.rows:,}",
        text=ORIGINS.get(scores.origin, scores.origin),
        translated=scores.origin != "original",
        saw=saw(manifest.trained_on(tag)),
        micro=_micro(scores),
        macro=Score(share(scores.f1_macro), brackets(scores.f1_macro_interval)),
        linear=_micro(linear) if linear else Score(UNKNOWN),
        calibration=share(scores.calibration_error),
        mae=share(scores.mae),
        qwk=share(scores.qwk),
    )


def _mean_row(metrics: Metrics) -> LanguageRow:
    every = list(metrics.languages.values())
    linear = [metrics.linear[tag] for tag in metrics.languages if tag in metrics.linear]
    return LanguageRow(
        tag="",
        name="Mean",
        rows="",
        text="",
        translated=False,
        saw="",
        micro=Score(share(_mean([scores.f1_micro for scores in every]))),
        macro=Score(share(_mean([scores.f1_macro for scores in every]))),
        linear=Score(share(_mean([scores.f1_micro for scores in linear]))),
        calibration=share(_mean([scores.calibration_error for scores in every])),
        mae=share(_mean([scores.mae for scores in every])),
        qwk=share(_mean([scores.qwk for scores in every])),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _micro(scores: LanguageMetrics) -> Score:
    return Score(share(scores.f1_micro), brackets(scores.f1_micro_interval))


def saw(counts: Mapping[str, int]) -> str:
    """What training saw of a language.

    >>> saw({"original": 701}), saw({"machine": 1200, "reference": 2}), saw({})
    ('701 originals', '1,202 translations', 'nothing')
    """
    originals = counts.get("original", 0)
    translations = sum(counts.values()) - originals
    parts = [f"{originals:,} originals"] if originals else []
    parts += [f"{translations:,} translations"] if translations else []
    return listed(parts) or "nothing"


@dataclass(frozen=True, slots=True)
class Cell:
    """A count in a confusion matrix and its share of the true label's rows."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True, slots=True)
class Confusion:
    """One language's confusions: a matrix for few labels, else the commonest mistakes."""

    tag: str
    name: str
    matrix: list[tuple[str, list[Cell]]]
    mistakes: list[tuple[str, str, int]]


def confusions(manifest: Manifest, metrics: Metrics, most: int = 12) -> list[Confusion]:
    """Confusions per language; where no matrix is drawn, the `most` commonest mistakes."""
    found = []
    for tag in in_order(manifest, list(metrics.languages)):
        counts = metrics.languages[tag].confusion
        if not counts:
            continue
        few = len(metrics.labels) <= MOST_LABELS
        matrix = _matrix(metrics.labels, counts) if few else []
        mistakes = [] if few else _mistakes(metrics.labels, counts)[:most]
        found.append(Confusion(tag, language_name(tag), matrix, mistakes))
    return found


def _matrix(labels: Sequence[str], counts: list[list[int]]) -> list[tuple[str, list[Cell]]]:
    rows = []
    for true, (label, row) in enumerate(zip(labels, counts, strict=True)):
        total = sum(row) or 1
        cells = [Cell(n, round(n / total, 3), true == guess) for guess, n in enumerate(row)]
        rows.append((label, cells))
    return rows


def _mistakes(labels: Sequence[str], counts: list[list[int]]) -> list[tuple[str, str, int]]:
    wrong = [
        (labels[true], labels[guess], n)
        for true, row in enumerate(counts)
        for guess, n in enumerate(row)
        if n and true != guess
    ]
    return sorted(wrong, key=lambda mistake: -mistake[2])


def label_rows(manifest: Manifest, metrics: Metrics) -> list[tuple[str, list[str]]]:
    """F1 of every label, one column per language in the order of the table of scores."""
    tags = in_order(manifest, list(metrics.languages))
    if not any(scores.per_label for scores in metrics.languages.values()):
        return []
    rows = []
    for label in metrics.labels:
        found = [metrics.languages[tag].per_label.get(label) for tag in tags]
        rows.append((label, [share(score.f1) if score else UNKNOWN for score in found]))
    return rows


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
