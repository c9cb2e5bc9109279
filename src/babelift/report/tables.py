"""The report's tables as plain rows, ready for the page, the model card and the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from babelift.corpus.rows import PSEUDO
from babelift.evaluation.metrics import LanguageMetrics, Metrics
from babelift.report.numbers import UNKNOWN, brackets, language_name, listed, share
from babelift.run.manifest import Manifest

if TYPE_CHECKING:
    from rich.table import Table

ORIGINS: Final[Mapping[str, str]] = {
    "original": "native",
    "machine": "machine-translated",
    "reference": "trusted translation",
    "roundtrip": "translated there and back",
    PSEUDO: "labelled by a first model",
    "mixed": "partly translated",
}
"""What the origin of a text is called in a table."""

MOST_LABELS: Final = 12
"""Up to so many labels a confusion matrix is drawn; beyond, the commonest confusions are listed."""

_WORDS: Final = ("Language", "Test text")
"""Columns of the terminal's table that hold words: they stand to the left."""


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
        macro=Score(UNKNOWN)
        if scores.one_class
        else Score(share(scores.f1_macro), brackets(scores.f1_macro_interval)),
        linear=_micro(linear) if linear else Score(UNKNOWN),
        calibration=share(scores.calibration_error),
        mae=share(scores.mae),
        qwk=share(scores.qwk),
    )


def _mean_row(metrics: Metrics) -> LanguageRow:
    every = list(metrics.languages.values())
    several = [scores for scores in every if not scores.one_class]
    linear = [metrics.linear[tag] for tag in metrics.languages if tag in metrics.linear]
    return LanguageRow(
        tag="",
        name="Mean",
        rows="",
        text="",
        translated=False,
        saw="",
        micro=Score(share(_mean([scores.f1_micro for scores in every]))),
        macro=Score(share(_mean([scores.f1_macro for scores in several]))),
        linear=Score(share(_mean([scores.f1_micro for scores in linear]))),
        calibration=share(_mean([scores.calibration_error for scores in every])),
        mae=share(_mean([scores.mae for scores in every])),
        qwk=share(_mean([scores.qwk for scores in several])),
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
    >>> saw({"pseudo": 9})
    "9 with a model's labels"
    """
    originals, labelled = counts.get("original", 0), counts.get(PSEUDO, 0)
    translations = sum(counts.values()) - originals - labelled
    parts = [f"{originals:,} originals"] if originals else []
    parts += [f"{translations:,} translations"] if translations else []
    parts += [f"{labelled:,} with a model's labels"] if labelled else []
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
    few = len(metrics.labels) <= MOST_LABELS
    drawn = []
    for tag in in_order(manifest, list(metrics.languages)):
        counts = metrics.languages[tag].confusion
        matrix = _matrix(metrics.labels, counts) if few else []
        mistakes = [] if few else _mistakes(metrics.labels, counts)[:most]
        drawn.append(Confusion(tag, language_name(tag), matrix, mistakes))
    return drawn


def _matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[tuple[str, list[Cell]]]:
    rows = []
    for true, (label, row) in enumerate(zip(labels, counts, strict=True)):
        total = sum(row) or 1
        cells = [Cell(n, round(n / total, 3), true == guess) for guess, n in enumerate(row)]
        rows.append((label, cells))
    return rows


def _mistakes(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[tuple[str, str, int]]:
    wrong = [
        (labels[true], labels[guess], n)
        for true, row in enumerate(counts)
        for guess, n in enumerate(row)
        if n and true != guess
    ]
    return sorted(wrong, key=lambda mistake: -mistake[2])


def data_rows(
    manifest: Manifest,
) -> tuple[list[str], list[tuple[str, str, dict[str, int]]]]:
    """The origins that occur; then split, language, and its rows by origin."""
    rows = [
        (split, lang, {origin: n for origin, n in langs[lang].items() if n})
        for split, langs in manifest.data.items()
        for lang in in_order(manifest, list(langs))
        if any(langs[lang].values())
    ]
    occurring = {origin for _, _, counts in rows for origin in counts}
    return sorted(occurring, key=[*ORIGINS, *occurring].index), rows


def metrics_table(metrics: Metrics, manifest: Manifest) -> "Table":
    """Scores per language, as a table for `rich.console.Console.print` that fits 80 columns.

    F1-micro, the classifier's and the linear baseline's, stands with its interval.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for heading in _headings(metrics):
        justify: Literal["left", "right"] = "left" if heading in _WORDS else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for row in language_rows(manifest, metrics):
        if not row.tag:
            table.add_section()
        table.add_row(*(Text(cell) for cell in _cells(row, metrics)))
    return table


def _headings(metrics: Metrics) -> list[str]:
    linear = ["Linear"] if metrics.linear else []
    ordinal = ["MAE", "QWK"] if metrics.ordinal else []
    return ["Language", "F1-micro", "F1-macro", *linear, *ordinal, "Rows", "Test text"]


def _cells(row: LanguageRow, metrics: Metrics) -> list[str]:
    linear = [str(row.linear)] if metrics.linear else []
    ordinal = [row.mae, row.qwk] if metrics.ordinal else []
    # One word for how a test text came to be: there is no room for more beside two intervals.
    text = next(
        (origin for origin, words in ORIGINS.items() if words == row.text != ORIGINS["original"]),
        row.text,
    )
    return [row.name, str(row.micro), row.macro.value, *linear, *ordinal, row.rows, text]
