"""A study's figures: ratios, learning curves, what OTC does to the vectors, and quality."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from markupsafe import Markup

from babelift.errors import BabeliftError
from babelift.report.figures import (
    HIGH,
    SERIES,
    Frame,
    Level,
    Line,
    Mark,
    Shape,
    axis,
    plot,
    score_ticks,
    svg,
)
from babelift.report.numbers import (
    UNKNOWN,
    brackets,
    compact,
    language_name,
    pair_name,
    percent,
    share,
)
from babelift.report.pages.study_tables import MAIN, columns, in_order, otc_name
from babelift.study.budget import LabelBudget
from babelift.study.condition import REFERENCE, Condition
from babelift.study.diagnosis import PairAlignment
from babelift.study.quality import Quality
from babelift.study.spec import OFF
from babelift.study.summary import Mean, StudyResult
from babelift.translation.engines.degraded import Damage

_APART: Final = 0.05
"""How far apart, in steps of the axis, the points of two lines stand so that both are seen."""

_MARGIN: Final = 0.05
"""Room to the left and right of a learning curve, as a part of its width."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its heading."""

    heading: str
    figure: Markup


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour stands for."""

    name: str
    colour: int
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Ratios:
    """The ratio curves of a study: one figure for the mean and one for each language."""

    figures: list[Figure]
    legend: list[Legend]


def seed_interval(mean: float, spread: float | None, seeds: int) -> tuple[float, float] | None:
    """Student's 95 % interval of a mean over seeds, within 0 and 1; None for one seed.

    >>> [round(end, 3) for end in seed_interval(0.5, 0.02, 5)]
    [0.475, 0.525]
    """
    if spread is None or seeds < 2:
        return None
    from scipy.special import stdtrit

    reach = float(stdtrit(seeds - 1, 0.975)) * spread / math.sqrt(seeds)
    return max(0.0, mean - reach), min(1.0, mean + reach)


def said(name: str, mean: float, interval: tuple[float, float] | None) -> str:
    """A score in words.

    >>> said("mini", 0.61, (0.55, 0.67))
    'mini .61 [.55, .67]'
    """
    return f"{name} {share(mean)} {brackets(interval)}".rstrip()


def ratio_curves(study: StudyResult) -> Ratios | None:
    """F1-micro over the ratio of originals to translations; None for a single ratio."""
    rows = [row for row in study.means if row.metric == MAIN and row.ratio and row.mean is not None]
    lines: dict[Condition, list[Mean]] = {}
    for row in rows:
        lines.setdefault(replace(row.condition, ratio=None), []).append(row)
    lines = {
        condition: own for condition, own in lines.items() if len({row.ratio for row in own}) > 1
    }
    if not lines:
        return None
    ratios = sorted({str(row.ratio) for own in lines.values() for row in own}, key=per_original)
    kept = [row for own in lines.values() for row in own]
    ticks = score_ticks(_around(kept))
    names = {column.condition: column.name for column in columns(lines)}
    order: list[str | None] = [None, *in_order(study, [row.lang for row in kept if row.lang])]
    frame = Frame(
        -0.3, len(ratios) - 0.7,
        tuple((float(place), ratio) for place, ratio in enumerate(ratios)), ticks,
    )  # fmt: skip
    figures = []
    for lang in order if len(order) > 2 else order[1:]:
        shown = {
            condition: [row for row in own if row.lang == lang] for condition, own in lines.items()
        }
        heading = language_name(lang) if lang else "Mean over the languages"
        figures.append(Figure(heading, _ratio_plot(heading, frame, shown, ratios, names)))
    legend = [
        Legend(names[condition], number % SERIES, number >= SERIES)
        for number, condition in enumerate(lines)
    ]
    return Ratios(figures, legend)


def _ratio_plot(
    heading: str,
    frame: Frame,
    lines: Mapping[Condition, Sequence[Mean]],
    ratios: Sequence[str],
    names: Mapping[Condition, str],
) -> Markup:
    marks, paths = [], []
    for number, (condition, own) in enumerate(lines.items()):
        shift = _APART * (number - (len(lines) - 1) / 2)
        ordered = sorted(own, key=lambda row: ratios.index(str(row.ratio)))
        points = [
            Mark(
                ratios.index(str(row.ratio)) + shift, row.mean or 0.0, number % SERIES,
                interval=seed_interval(row.mean or 0.0, row.spread, row.seeds),
                said=said(f"{names[condition]} at {row.ratio}", row.mean or 0.0, None),
            )
            for row in ordered
        ]  # fmt: skip
        marks += points
        places = tuple((mark.x, mark.y) for mark in points)
        if len(places) > 1:
            paths.append(Line(places, number % SERIES, number >= SERIES))
    return plot(f"F1-micro by ratio, {heading}", frame, marks=marks, lines=paths)


def per_original(ratio: str) -> float:
    """Translations for each original.

    >>> [per_original(ratio) for ratio in ("1:1", "1:3", "2:1", "odd")]
    [1.0, 3.0, 0.5, inf]
    """
    originals, _, translations = ratio.partition(":")
    try:
        return float(translations) / float(originals)
    except (ValueError, ZeroDivisionError):
        return math.inf


def _around(rows: Sequence[Mean]) -> list[float]:
    """Means, and a spread to either side."""
    return [
        (row.mean or 0.0) + side * (row.spread or 0.0) for row in rows for side in (-1.0, 0.0, 1.0)
    ]


@dataclass(frozen=True, slots=True)
class Learning:
    """The learning curve of one language's native rows, and what its translations are worth."""

    name: str
    sentence: str
    notes: tuple[str, ...]
    figure: Markup


def learning(budgets: Sequence[LabelBudget]) -> list[Learning]:
    """A figure for each language that has a label budget."""
    shown = [budget for budget in budgets if budget.native.sizes and budget.worth]
    ticks = score_ticks([score for budget in shown for score in _budget_scores(budget)] or [0.0])
    return [
        Learning(
            language_name(budget.lang), budget.sentence, budget.notes, _learning_plot(budget, ticks)
        )
        for budget in shown
    ]


def _budget_scores(budget: LabelBudget) -> list[float]:
    native = budget.native
    ends = [end for within in native.intervals for end in within]
    return [*native.scores, *native.fitted, *ends, budget.worth[-1].score]


def _learning_plot(budget: LabelBudget, ticks: tuple[float, ...]) -> Markup:
    native, worth = budget.native, budget.worth[-1]
    places = [math.log(size) for size in native.sizes]
    intervals = [*native.intervals, *[None] * (len(places) - len(native.intervals))]
    marks = [
        Mark(x, score, 0, interval=within, said=said(f"{size:,} native labels", score, within))
        for x, size, score, within in zip(
            places, native.sizes, native.scores, intervals, strict=False
        )
    ]
    if worth.labels.bound == "exact" and worth.labels.value >= 1:
        marks.append(
            Mark(math.log(worth.labels.value), worth.score, 1, "diamond",
                 said=f"worth {worth.labels.value:,.0f} native labels")
        )  # fmt: skip
    fitted = tuple(zip(places, native.fitted, strict=False))
    level = Level(
        worth.score, 1, worth.score_interval,
        said("translations", worth.score, worth.score_interval),
    )  # fmt: skip
    margin = (places[-1] - places[0]) * _MARGIN or 1.0
    ends = places[0] - margin, places[-1] + margin
    frame = Frame(*ends, _sizes(native.sizes, places), ticks)
    return plot(
        f"F1-micro by number of native labels, {language_name(budget.lang)}", frame, marks=marks,
        lines=[Line(fitted, 0)] if len(fitted) > 1 else [], levels=[level],
    )  # fmt: skip


def _sizes(sizes: Sequence[int], places: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Sizes along the axis, those left out that would stand too near to the one before."""
    least = (places[-1] - places[0]) / 6
    ticks: list[tuple[float, str]] = []
    for place, size in zip(places, sizes, strict=True):
        last = place == places[-1]
        while last and ticks and place - ticks[-1][0] < least:
            ticks.pop()
        if last or not ticks or place - ticks[-1][0] >= least:
            ticks.append((place, f"{size:,}"))
    return tuple(ticks)


MEASURES: Final = {
    "retrieval": ("Retrieval@1", "share of translations whose nearest original is their own"),
    "cosine": ("Paired cosine", "of an original and its translation"),
    "cka": ("CKA", "whether the two languages lie alike; 1 is the same shape"),
    "uniformity": ("Uniformity", "how evenly translations spread; lower is more even"),
}

_HEIGHT: Final = 24


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: a strip for each language, and the ends of their axis."""

    name: str
    meaning: str
    strips: list[tuple[str, Markup]]
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A language: before, after training without OTC, and with, of every measure."""

    name: str
    pairs: str
    values: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one OTC does to one arm's vectors."""

    name: str
    figures: list[Measure]
    rows: list[Row]


Three = tuple[PairAlignment | None, PairAlignment | None, PairAlignment | None]


def otc_effects(study: StudyResult) -> list[Effect]:
    """For every arm with pairs and every OTC what it did; those of the primary contrast first."""
    known = {(row.condition, row.lang, row.stage): row for row in study.alignment}
    conditions = list(dict.fromkeys(condition for condition, _, _ in known))
    langs = in_order(study, [row.lang for row in study.alignment])
    primary = study.settings.get("primary") or {}
    arm, otc = primary.get("arm"), primary.get("otc", OFF)
    wanted = "on" if otc == OFF else otc
    effects = []
    with_otc = [condition for condition in conditions if condition.otc != OFF]
    for condition in sorted(with_otc, key=lambda own: (own.arm != arm, own.otc != wanted)):
        plain = replace(condition, otc=OFF)
        three = {lang: _three(known, plain, condition, lang) for lang in langs}
        three = {lang: stages for lang, stages in three.items() if any(stages)}
        if plain in conditions and any(stages[2] for stages in three.values()):
            effects.append(_effect(condition, conditions, three))
    return effects


def _three(
    known: Mapping[tuple[Condition, str, str], PairAlignment],
    plain: Condition,
    condition: Condition,
    lang: str,
) -> Three:
    before = known.get((plain, lang, "before")) or known.get((condition, lang, "before"))
    return before, known.get((plain, lang, "after")), known.get((condition, lang, "after"))


def _effect(
    condition: Condition, conditions: Sequence[Condition], three: Mapping[str, Three]
) -> Effect:
    others = [other for other in conditions if other.otc != OFF]
    name = next(column.name for column in columns(others) if column.condition == condition)
    if all(other.otc == condition.otc for other in others if other.arm == condition.arm):
        name = f"{name}, {otc_name(condition.otc)}"
    return Effect(
        name,
        [_measure(measure, three) for measure in MEASURES],
        [_row(lang, stages) for lang, stages in three.items()],
    )


def _row(lang: str, three: Three) -> Row:
    pairs = next(alignment.pairs for alignment in three if alignment is not None)
    values = [tuple(share(value) for value in _values(measure, three)) for measure in MEASURES]
    return Row(language_name(lang), f"{pairs:,}", [(a, b, c) for a, b, c in values])


def _measure(measure: str, three: Mapping[str, Three]) -> Measure:
    values = [
        value
        for stages in three.values()
        for value in _values(measure, stages)
        if value is not None
    ]
    ticks = axis(min(values), max(values)) if values else [0.0, 1.0]
    low, high = (ticks[0], ticks[-1]) if measure == "uniformity" else (min(0.0, ticks[0]), 1.0)
    strips = [
        (language_name(lang), _strip(language_name(lang), measure, stages, low, high))
        for lang, stages in three.items()
    ]
    return Measure(*MEASURES[measure], strips, (_end(low), _end(high)))


def _end(value: float) -> str:
    return compact(value).replace("-", "−")


def _values(measure: str, three: Iterable[PairAlignment | None]) -> list[float | None]:
    return [getattr(alignment, measure) if alignment else None for alignment in three]


def _strip(name: str, measure: str, three: Three, low: float, high: float) -> Markup:
    y = _HEIGHT // 2
    parts = [
        Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>').format(x)
        for x in (0, 50, 100)
    ]
    places = [
        None if value is None else f"{100 * min(max((value - low) / (high - low), 0), 1):.2f}"
        for value in _values(measure, three)
    ]
    _, without, with_otc = places
    if without and with_otc:
        line = '<line class="change" x1="{0}%" x2="{1}%" y1="{2}" y2="{2}"/>'
        parts.append(Markup(line).format(without, with_otc, y))
    for place, css in zip(places, ("before", "without", "with"), strict=True):
        if place is not None:
            circle = '<circle class="lie {0}" cx="{1}%" cy="{2}" r="4.5"/>'
            parts.append(Markup(circle).format(css, place, y))
    words = ", ".join(
        f"{share(value)} {when}"
        for value, when in zip(
            _values(measure, three),
            ("before training", "after without OTC", "after with OTC"),
            strict=True,
        )
        if value is not None
    )
    return svg(f"{name}: {words}", Markup().join(parts), height=_HEIGHT, css="strip")


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
        if quality.translator in systems and _value(quality, measure) is not None
    ]
    counts = Counter((quality.source, quality.lang) for quality in machine)
    pairs = [pair for pair, number in counts.items() if number >= FEWEST]
    known = [quality for quality in known if (quality.source, quality.lang) in pairs]
    xs = [x for quality in known if (x := _value(quality, measure)) is not None]
    if not xs:
        return []
    ends = axis(min(xs), max(xs))
    beyond = any(_value(quality, measure) is None for quality in known)
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


def _value(quality: Quality, measure: str) -> float | None:
    value: float | None = getattr(quality, measure)
    return value


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
        levels.append(
            Level(base.mean or 0.0, _BASE, said=said("zero-shot", base.mean or 0.0, None))
        )
    for quality in known:
        row = scores.translated[quality.translator, source, lang]
        mean = row.mean or 0.0
        interval = seed_interval(mean, row.spread, row.seeds)
        x = _value(quality, measure)
        if quality.translator == REFERENCE:
            words = said("trusted translations", mean, interval)
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
    words = f"{said(system.name, mean, interval)} at {compact(x)}"
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
