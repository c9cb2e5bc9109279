"""How a study's scores follow the quality of its translations, system by system."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from markupsafe import Markup

from babelift.errors import BabeliftError
from babelift.report.figures import (
    HIGH,
    Frame,
    Level,
    Line,
    Mark,
    Shape,
    axis,
    plot,
    score_ticks,
)
from babelift.report.numbers import UNKNOWN, compact, pair_name, percent, share, with_interval
from babelift.report.pages.study_figures import Figure, Legend, seed_interval
from babelift.report.pages.study_tables import MAIN, in_order
from babelift.study.condition import REFERENCE
from babelift.study.quality import Quality
from babelift.study.spec import OFF
from babelift.study.summary import Mean, StudyResult
from babelift.translation.engines.degraded import Damage

FEWEST: Final = 2
"""Systems of a pair from which there is a curve."""

_SYSTEM, _REFERENCE, _BASE = 0, 2, 5
_DAMAGE_COLOURS: Final = {"drop": 1, "shuffle": 3, "sense": 4}
DAMAGES: Final = {
    "drop": "words left out",
    "shuffle": "words shuffled",
    "sense": "words in a wrong sense",
}
"""What was done to translations that were spoilt on purpose."""

QUALITY_MEASURES: Final = {
    "chrf": ("chrF", "against the trusted translations, 0 to 100"),
    "bleu": ("BLEU", "against the trusted translations, 0 to 100"),
    "similarity": (
        "Similarity",
        "mean cosine of a translation and its original, by the untrained encoder",
    ),
}


class System(NamedTuple):
    """A translator of the study.

    Attributes:
        name: Its name in the report.
        key: A letter that stands for it in a figure; empty where it is spoilt on purpose.
        damage: How it is spoilt on purpose; None where it is not.
        inner: The system that is spoilt, as written in the settings.
    """

    name: str
    key: str
    damage: Damage | None
    inner: str


@dataclass(frozen=True, slots=True)
class QualityRow:
    """A system's quality and score in one pair, as text."""

    system: str
    pair: str
    rows: str
    chrf: str
    bleu: str
    similarity: str
    flagged: str
    score: str
    spread: str


@dataclass(frozen=True, slots=True)
class Curves:
    """The figures of one measure of quality, one for each language pair."""

    name: str
    meaning: str
    figures: list[Figure]


@dataclass(frozen=True, slots=True)
class QualityPart:
    """Everything the page shows of the quality of translations."""

    curves: list[Curves]
    keys: list[tuple[str, str]]
    damages: list[Legend]
    reference: bool
    base: bool
    rows: list[QualityRow]


def quality_part(study: StudyResult) -> QualityPart | None:
    """Figures and a table of quality against score; None where no quality is known."""
    if not study.quality:
        return None
    systems = _systems(study)
    scores = _Scores.of(study)
    curves = [
        Curves(*QUALITY_MEASURES[measure], figures)
        for measure in QUALITY_MEASURES
        if (figures := _figures(study, measure, systems, scores))
    ]
    shown = {system.damage.kind for system in systems.values() if system.damage}
    return QualityPart(
        curves,
        [(system.key, system.name) for system in systems.values() if system.key],
        [Legend(DAMAGES[kind], _DAMAGE_COLOURS[kind]) for kind in DAMAGES if kind in shown],
        any(row.translator == REFERENCE for row in study.quality),
        bool(scores.base),
        [_quality_row(row, scores) for row in study.quality],
    )


def _systems(study: StudyResult) -> dict[str, System]:
    """By name, in the order of the settings; those that translated nothing are left out."""
    there = dict.fromkeys(row.translator for row in study.quality if row.translator != REFERENCE)
    specs: Mapping[str, str] = study.settings.get("translators") or {}
    systems: dict[str, System] = {}
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    known = [name for name in specs if name in there]
    for name in (*known, *(name for name in there if name not in specs)):
        damage, inner = _damage(str(specs.get(name, "")))
        systems[name] = System(name, "" if damage else next(letters, "·"), damage, inner)
    return systems


def _damage(spec: str) -> tuple[Damage | None, str]:
    """How a translator is spoilt on purpose, and which.

    >>> _damage("degraded:drop=0.3:mini")[1], _damage("mini")
    ('mini', (None, 'mini'))
    """
    kind, _, argument = spec.partition(":")
    if kind != "degraded":
        return None, spec
    try:
        return Damage.parse(argument)
    except BabeliftError:
        return None, spec


@dataclass(frozen=True)
class _Scores:
    """F1-micro of arms that translate, by translator and pair, at the study's main settings."""

    translated: dict[tuple[str, str, str], Mean] = field(default_factory=dict)
    base: dict[tuple[str, str], Mean] = field(default_factory=dict)

    @classmethod
    def of(cls, study: StudyResult) -> "_Scores":
        scores = cls()
        settings = study.settings
        encoder = next(iter(settings.get("encoders") or {}), None)
        ratio = next(iter(settings.get("ratios") or []), None)
        rows = next(iter(settings.get("rows") or []), None)
        for row in study.table:
            if (
                row.metric != MAIN or row.mean is None or row.otc != OFF
                or (row.encoder, row.rows) != (encoder, rows) or not row.source or not row.lang
            ):  # fmt: skip
                continue
            if row.arm in ("translated", REFERENCE) and row.ratio == ratio:
                name = row.translator or REFERENCE
                scores.translated[name, row.source, row.lang] = row
            elif row.arm == "zero-shot":
                scores.base[row.source, row.lang] = row
        return scores


def _figures(
    study: StudyResult, measure: str, systems: Mapping[str, System], scores: _Scores
) -> list[Figure]:
    known = [
        quality
        for quality in study.quality
        if (quality.translator, quality.source, quality.lang) in scores.translated
    ]
    machine = [
        quality
        for quality in known
        if quality.translator in systems and getattr(quality, measure) is not None
    ]
    counts = Counter((quality.source, quality.lang) for quality in machine)
    pairs = [pair for pair, number in counts.items() if number >= FEWEST]
    known = [quality for quality in known if (quality.source, quality.lang) in pairs]
    xs = [x for quality in known if (x := getattr(quality, measure)) is not None]
    if not xs:
        return []
    ends = axis(min(xs), max(xs))
    beyond = any(getattr(quality, measure) is None for quality in known)
    shown = [
        scores.translated[quality.translator, quality.source, quality.lang] for quality in known
    ]
    shown += [scores.base[pair] for pair in pairs if pair in scores.base]
    means = [
        (row.mean or 0.0) + side * (row.spread or 0.0) for row in shown for side in (-1.0, 1.0)
    ]
    # Trusted translations have no chrF of their own: they stand to the right of all systems.
    right = ends[-1] + (0.08 * (ends[-1] - ends[0]) if beyond else 0)
    ticks = tuple((x, compact(x)) for x in ends)
    frame = Frame(ends[0], right, ticks, score_ticks(means), HIGH)
    langs = in_order(study, [quality.lang for quality in known])
    pairs.sort(key=lambda pair: (pair[0], langs.index(pair[1])))
    return [
        Figure(
            pair_name(f"{source}>{lang}"),
            _plot(
                [quality for quality in known if (quality.source, quality.lang) == (source, lang)],
                measure, frame, systems, scores, study,
            ),
        )
        for source, lang in pairs
    ]  # fmt: skip


def _plot(
    known: Sequence[Quality],
    measure: str,
    frame: Frame,
    systems: Mapping[str, System],
    scores: _Scores,
    study: StudyResult,
) -> Markup:
    source, lang = known[0].source, known[0].lang
    marks: dict[str, Mark] = {}
    levels = []
    if (base := scores.base.get((source, lang))) is not None:
        score = base.mean or 0.0
        levels.append(Level(score, _BASE, said=f"zero-shot {share(score)}"))
    for quality in known:
        row = scores.translated[quality.translator, source, lang]
        mean = row.mean or 0.0
        interval = seed_interval(mean, row.spread, row.seeds)
        x: float | None = getattr(quality, measure)
        if quality.translator == REFERENCE:
            words = f"trusted translations {with_interval(mean, interval)}"
            levels.append(Level(mean, _REFERENCE, said=words))
            at = frame.right if x is None else x
            marks[REFERENCE] = Mark(at, mean, _REFERENCE, "diamond", interval, said=words)
        elif x is not None and quality.translator in systems:
            marks[quality.translator] = _mark(systems[quality.translator], x, mean, interval)
    return plot(
        f"F1-micro by {QUALITY_MEASURES[measure][0]}, {pair_name(f'{source}>{lang}')}",
        frame, marks=list(marks.values()), lines=_lines(systems, marks, study), levels=levels,
    )  # fmt: skip


def _mark(system: System, x: float, mean: float, interval: tuple[float, float] | None) -> Mark:
    colour = _DAMAGE_COLOURS[system.damage.kind] if system.damage else _SYSTEM
    shape: Shape = "small" if system.damage else "dot"
    words = f"{system.name} {with_interval(mean, interval)} at {compact(x)}"
    return Mark(x, mean, colour, shape, interval, system.key, words)


def _lines(
    systems: Mapping[str, System], marks: Mapping[str, Mark], study: StudyResult
) -> list[Line]:
    """From each system through its versions that are spoilt ever more, a line for each kind."""
    specs: Mapping[str, str] = study.settings.get("translators") or {}
    names = {spec: name for name, spec in specs.items()}
    kinds: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for name, system in systems.items():
        if system.damage and name in marks:
            own = kinds.setdefault((system.damage.kind, system.inner), [])
            own.append((system.damage.strength, name))
    lines = []
    for (kind, inner), spoilt in kinds.items():
        start = [names[inner]] if names.get(inner) in marks else []
        ordered = [*start, *(name for _, name in sorted(spoilt))]
        if len(ordered) > 1:
            points = tuple((marks[name].x, marks[name].y) for name in ordered)
            lines.append(Line(points, _DAMAGE_COLOURS[kind]))
    return lines


def _quality_row(quality: Quality, scores: _Scores) -> QualityRow:
    row = scores.translated.get((quality.translator, quality.source, quality.lang))
    return QualityRow(
        "trusted translations" if quality.translator == REFERENCE else quality.translator,
        pair_name(f"{quality.source}>{quality.lang}"),
        f"{quality.rows:,}",
        UNKNOWN if quality.chrf is None else f"{quality.chrf:.1f}",
        UNKNOWN if quality.bleu is None else f"{quality.bleu:.1f}",
        share(quality.similarity),
        UNKNOWN if quality.flagged is None else percent(quality.flagged, 1),
        share(row.mean if row else None),
        f"±{share(row.spread)}" if row and row.spread is not None else "",
    )
